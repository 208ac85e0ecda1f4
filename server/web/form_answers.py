"""What was answered to forms: a list with its files, and each answer in words with how its score came about."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from flask import Blueprint, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import NotFound

from server.exchange.cells import Raw
from server.forms.answers import (
    AnswerListed,
    answer_pictures,
    count_listed,
    list_answers,
    product_names,
    show_answer,
)
from server.forms.errors import NoSuchAnswer, NoSuchForm
from server.forms.form_list import definition_of, list_forms, show_form
from server.forms.words import (
    answer_lines,
    score_lines,
    told_answer,
    told_form_flag,
    told_score,
    told_title,
)
from server.identity.sessions import Visitor
from server.language import sentence, tell, told_day
from server.web.desk import Desk, draw
from server.web.listing import (
    Badge,
    Column,
    Link,
    Listing,
    answer_listing,
    pages_of,
    send_listing,
)
from server.web.marks import day_moment_and_id
from server.web.menu import OFFICE
from server.web.typed import typed_period
from sync.kinds.form_template.states import PUBLISHING
from sync.unit_of_work import UnitOfWork

FORMS_MAX = 200
Json = Mapping[str, Any]
COLUMNS: tuple[Column[AnswerListed], ...] = (
    Column(
        sentence("Name of the form"),
        lambda one: Link(told_title(one.words), url_for("forms.answer_page", answer_id=one.id)),
        lambda one: one.form_code,
    ),
    Column(sentence("Day"), lambda one: told_day(one.business_day), lambda one: one.business_day),
    Column(sentence("Store"), lambda one: one.store_name, lambda one: one.store_name),
    Column(sentence("Code of the store"), lambda one: one.store_code, lambda one: one.store_code),
    Column(sentence("Person"), lambda one: one.person_name, lambda one: one.person_name),
    Column(
        sentence("Score"),
        lambda one: told_score(one.score_e2),
        lambda one: None if one.score_e2 is None else told_score(one.score_e2),
        is_number=True,
    ),
    Column(
        sentence("Odd"),
        lambda one: Badge(tell("has flags"), "warn") if one.flags else None,
        lambda one: " ".join(one.flags),
    ),
)


def answer_routes(desk: Desk, routes: Blueprint) -> None:
    """/forms/answers and what is below it."""

    @routes.get("/answers/")
    @desk.page(*OFFICE)
    def answer_list(visitor: Visitor) -> ResponseReturnValue:
        """What was filled in, of the positions that the visitor may see; as a file with every answer of one form."""
        asked = request.args
        first, last = typed_period(asked, visitor.today)
        form = asked.get("format")
        if form is not None:
            with desk.database.reading(visitor.company_id) as uow:
                in_file = answer_listing_in_file(uow, visitor, asked)
            return send_listing(desk, visitor, in_file, form)
        with desk.database.reading(visitor.company_id) as uow:
            forms = list_forms(uow, states=PUBLISHING.stored_states, at_most=FORMS_MAX)
        return answer_listing(
            desk,
            visitor,
            _listing(visitor, asked, COLUMNS),
            "forms/answers.html",
            forms=[(one.code, told_title(one.words)) for one in forms],
            form=asked.get("form", ""),
            first=first,
            last=last,
        )

    @routes.get("/answers/<uuid:answer_id>")
    @desk.page(*OFFICE)
    def answer_page(visitor: Visitor, answer_id: UUID) -> ResponseReturnValue:
        """One answer, in its last version or an earlier one."""
        typed = request.args.get("version")
        if typed is not None and (not typed.isdecimal() or len(typed) > 6):
            raise NotFound
        try:
            with desk.database.reading(visitor.company_id) as uow:
                shown = show_answer(
                    uow,
                    answer_id,
                    version=None if typed is None else int(typed),
                    asker_id=visitor.person_id,
                )
                products = product_names(uow, shown.looked_at.answers)
                photos = answer_pictures(uow, shown)
        except NoSuchAnswer:
            raise NotFound from None
        zone = visitor.policy.time_zone
        return draw(
            "forms/answer.html",
            answer=shown.head,
            title=told_title(shown.definition),
            lines=list(answer_lines(shown, products)),
            scores=list(score_lines(shown)),
            flags=(
                [told_form_flag(flag, shown.definition, zone) for flag in shown.flags]
                if shown.looked_at.version == shown.head.version
                else []
            ),
            photos=[
                {
                    "question": told_title(photo.question),
                    **{
                        name: desk.picture(visitor, photo.sha256, photo.reader_version, name)
                        for name in ("thumb", "full")
                    },
                }
                for photo in photos
            ],
            versions=shown.versions,
            looked_at=shown.looked_at.version,
            zone=zone,
            as_ms=lambda at: round(at.timestamp() * 1000),
        )


def answer_listing_in_file(
    uow: UnitOfWork, visitor: Visitor, arguments: Mapping[str, str]
) -> Listing[AnswerListed]:
    """The list as a file has it: of one form with a column for each question of its last version. Raises NotFound."""
    code = arguments.get("form", "")
    if not code:
        return _listing(visitor, arguments, COLUMNS)
    try:
        form = show_form(uow, code)
        definition = definition_of(uow, form)
    except NoSuchForm:
        raise NotFound from None
    questions = [_question_column(question) for question in definition["questions"]]
    return _listing(visitor, arguments, (*COLUMNS, *questions), has_answers=True)


def _question_column(question: Json) -> Column[AnswerListed]:
    """What was answered to one question; of rows how many there are. Products are named by their ids."""

    def plain(one: AnswerListed) -> Raw:
        answer = (one.answers or {}).get(question["code"])
        if answer is None:
            return None
        if (
            isinstance(answer, int)
            and not isinstance(answer, bool)
            and not question.get("currency")
        ):
            return answer if not question.get("decimals") else told_answer(question, answer, {})
        if question["type"] == "ROWS":
            return len(answer)
        return told_answer(question, answer, {})

    return Column(told_title(question), lambda _: None, plain)


def _listing(
    visitor: Visitor,
    arguments: Mapping[str, str],
    columns: Sequence[Column[AnswerListed]],
    *,
    has_answers: bool = False,
) -> Listing[AnswerListed]:
    first, last = typed_period(arguments, visitor.today)
    code = arguments.get("form") or None

    read = pages_of(
        lambda uow, after, at_most: list_answers(
            uow,
            form_code=code,
            first_day=first,
            last_day=last,
            after=after,
            asker_id=visitor.person_id,
            has_answers=has_answers,
            at_most=at_most,
        ),
        lambda one: f"{one.business_day}~{one.answered_at.isoformat()}~{one.id}",
        day_moment_and_id,
    )

    return Listing(
        name="answers",
        columns=columns,
        read=read,
        nothing=sentence("Nothing was filled in here in these days."),
        exporter="answers",
        count=lambda uow: count_listed(
            uow, form_code=code, first_day=first, last_day=last, asker_id=visitor.person_id
        ),
    )
