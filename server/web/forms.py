"""Forms: what each asks and when, how its versions differ, a new one from a file, publishing and retiring; what was answered."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import NotFound

from server.forms.answers import count_answers
from server.forms.differences import compare_definitions
from server.forms.edits import edits_of
from server.forms.errors import FormError, FormInvalid, NoSuchForm
from server.forms.form_list import FormListed, FormShown, definition_of, list_forms, show_form
from server.forms.templates import import_template, publish_template, retire_template, without_ids
from server.forms.words import told_title
from server.http.bodies import BodyBounds
from server.identity.sessions import Visitor
from server.language import sentence, tell, told_moment
from server.web.desk import FORM_BODY, Desk, draw
from server.web.form_answers import answer_routes
from server.web.form_edit import edit_routes
from server.web.form_words import COUNTED_DAYS, COUNTED_MAX, told_words
from server.web.listing import Badge, Column, Link, Listing, answer_listing, pages_of
from server.web.menu import ADMIN, OFFICE
from sync.kinds.form_template.states import PUBLISHING
from sync.unit_of_work import UnitOfWork

FILE_BYTES_MAX = 1024 * 1024
FILE_BODY = BodyBounds(FILE_BYTES_MAX + 64 * 1024, FILE_BYTES_MAX + 64 * 1024)
Json = Mapping[str, Any]

STATES = {
    "DRAFT": (sentence("draft"), ""),
    "PUBLISHED": (sentence("on phones"), "good"),
    "RETIRED": (sentence("retired"), ""),
}


def form_routes(desk: Desk) -> Blueprint:
    """/forms and what is below it."""
    routes = Blueprint("forms", __name__, url_prefix="/forms")

    @routes.get("/")
    @desk.page(*OFFICE)
    def form_list(visitor: Visitor) -> ResponseReturnValue:
        """The forms of the company, by code."""
        state = request.args.get("state", "")
        if state and state not in STATES:
            raise NotFound
        with desk.database.reading(visitor.company_id) as uow:
            making = edits_of(uow, visitor.person_id) if visitor.has_role(*ADMIN) else []
        return answer_listing(
            desk,
            visitor,
            _listing(visitor, state),
            "forms/list.html",
            making=making,
            told_title=told_title,
            states=[(name, tell(words)) for name, (words, _) in STATES.items()],
            state=state,
            may_change=visitor.has_role(*ADMIN),
        )

    @routes.get("/import")
    @desk.page(*ADMIN)
    def bring_page(visitor: Visitor) -> ResponseReturnValue:  # noqa: ARG001 - every page's
        """Where a definition is brought as a file."""
        return draw("forms/bring.html", faults=[], mib_max=FILE_BYTES_MAX // 2**20)

    @routes.post("/import")
    @desk.page(*ADMIN, body=FILE_BODY)
    def bring(visitor: Visitor) -> ResponseReturnValue:
        """Keep the definition of a file as the draft of its form."""
        file = request.files.get("file")
        data = b"" if file is None else file.read(FILE_BYTES_MAX + 1)
        try:
            definition = _read(data)
            with desk.database.company(visitor.company_id) as uow:
                imported = import_template(uow, visitor.actor, definition)
        except FormInvalid as invalid:
            faults = [(fault.where or tell("the form"), fault.words) for fault in invalid.faults]
            return draw("forms/bring.html", 422, faults=faults, mib_max=FILE_BYTES_MAX // 2**20)
        except ValueError as unreadable:
            return draw(
                "forms/bring.html",
                422,
                faults=[(tell("the file"), str(unreadable))],
                mib_max=FILE_BYTES_MAX // 2**20,
            )
        if not imported.is_changed:
            flash(tell("The form is like this already."), "notice")
            return redirect(url_for("forms.form_page", code=imported.code), code=303)
        flash(tell("The draft is kept. Phones get it once it is published."), "notice")
        return redirect(url_for("forms.form_page", code=imported.code, version="draft"), code=303)

    _one_form_routes(desk, routes)
    answer_routes(desk, routes)
    edit_routes(desk, routes)
    return routes


def _one_form_routes(desk: Desk, routes: Blueprint) -> None:
    @routes.get("/<code>")
    @desk.page(*OFFICE)
    def form_page(visitor: Visitor, code: str) -> ResponseReturnValue:
        """One form: what a version asks, and what it changed."""
        with desk.database.reading(visitor.company_id) as uow:
            form = _shown(uow, code)
            version = _version(form, request.args.get("version"))
            definition = _definition(uow, form, version)
            before = _before(form, version, request.args.get("against"))
            differences = (
                None
                if before is None
                else compare_definitions(_definition(uow, form, before), definition)
            )
            first_day = visitor.today - COUNTED_DAYS
            answers = count_answers(uow, form.id, first_day, at_most=COUNTED_MAX + 1)
        return draw(
            "forms/form.html",
            form=form,
            title=told_title(definition),
            definition=definition,
            version=version,
            before=before,
            differences=differences,
            answers=answers,
            answers_max=COUNTED_MAX,
            first_day=first_day,
            last_day=visitor.today,
            may_change=visitor.has_role(*ADMIN),
            zone=visitor.policy.time_zone,
            as_ms=_ms,
            **told_words(definition),
        )

    @routes.get("/<code>/definition")
    @desk.page(*OFFICE)
    def definition(visitor: Visitor, code: str) -> ResponseReturnValue:
        """A version as the file that is imported."""
        with desk.database.reading(visitor.company_id) as uow:
            form = _shown(uow, code)
            version = _version(form, request.args.get("version"))
            found = without_ids(_definition(uow, form, version))
        response = Response(
            json.dumps(found, ensure_ascii=False, indent=2), content_type="application/json"
        )
        response.headers["Content-Disposition"] = (
            f'attachment; filename="{form.code}-{version}.json"'
        )
        return response

    @routes.get("/<code>/acts/<act>")
    @desk.page(*ADMIN)
    def ask(visitor: Visitor, code: str, act: str) -> ResponseReturnValue:
        """What publishing or retiring would do, and to whom, before it is done."""
        with desk.database.reading(visitor.company_id) as uow:
            form = _shown(uow, code)
            if act not in {"publish", "retire"} or not _may(form, act):
                raise NotFound
            number = None if act == "retire" and form.version is None else form.version
            definition = (
                form.draft
                if act == "publish" or number is None
                else _definition(uow, form, str(number))
            )
            answers = count_answers(
                uow, form.id, visitor.today - COUNTED_DAYS, at_most=COUNTED_MAX + 1
            )
            differences = (
                compare_definitions(_definition(uow, form, str(form.version)), form.draft)
                if act == "publish" and form.version is not None and form.draft is not None
                else None
            )
        assert definition is not None
        return draw(
            "forms/ask.html",
            form=form,
            act=act,
            title=told_title(definition),
            divisions=list(definition.get("divisions") or ()),
            differences=differences,
            answers=answers,
            answers_max=COUNTED_MAX,
            basis=form.basis,
            **told_words(definition),
        )

    @routes.post("/<code>/acts/<act>")
    @desk.page(*ADMIN, body=FORM_BODY)
    def do(visitor: Visitor, code: str, act: str) -> ResponseReturnValue:
        """Publish or retire it, as it was looked at."""
        if act not in {"publish", "retire"}:
            raise NotFound
        decide = publish_template if act == "publish" else retire_template
        try:
            with desk.database.company(visitor.company_id) as uow:
                if request.form.get("basis") != _shown(uow, code).basis:
                    flash(
                        tell("Somebody changed this form meanwhile: look at it as it is now."),
                        "alert",
                    )
                    return redirect(url_for("forms.form_page", code=code), code=303)
                decide(uow, visitor.actor, code)
        except FormError as refused:
            flash(str(refused), "alert")
        else:
            flash(
                tell("Phones get it with their next sync.")
                if act == "publish"
                else tell("Phones lose it with their next sync."),
                "notice",
            )
        return redirect(url_for("forms.form_page", code=code), code=303)


def _read(data: bytes) -> Any:
    """The definition in a file. Raises ValueError, whose words say what is wrong."""
    if not data:
        raise ValueError(tell("Choose a file first."))
    if len(data) > FILE_BYTES_MAX:
        raise ValueError(tell("A form has at most {number} MiB.", number=FILE_BYTES_MAX // 2**20))
    try:
        return json.loads(data.decode("utf-8-sig"))
    except RecursionError:
        raise ValueError(tell("This is no JSON: it is nested too far.")) from None
    except UnicodeDecodeError:
        raise ValueError(tell("This is no UTF-8 text.")) from None
    except json.JSONDecodeError as wrong:
        raise ValueError(
            tell(
                "This is no JSON: line {line}, place {place}.", line=wrong.lineno, place=wrong.colno
            )
        ) from None


def _shown(uow: UnitOfWork, code: str) -> FormShown:
    try:
        return show_form(uow, code)
    except NoSuchForm:
        raise NotFound from None


def _version(form: FormShown, asked: str | None) -> str:
    """The version that is looked at: a number, or `draft`. Without one that in force, else the draft."""
    if asked is None:
        return "draft" if form.version is None else str(form.version)
    if asked == "draft":
        if form.draft is None:
            raise NotFound
        return asked
    if not asked.isdecimal() or len(asked) > 6:
        raise NotFound
    return str(int(asked))


def _before(form: FormShown, version: str, asked: str | None) -> str | None:
    """The version that it is compared with: the one asked for, else the one before it, if any."""
    if asked is not None:
        return _version(form, asked)
    last = form.version or 0
    number = last if version == "draft" else int(version) - 1
    return str(number) if number >= 1 else None


def _definition(uow: UnitOfWork, form: FormShown, version: str) -> Json:
    if version == "draft":
        if form.draft is None:
            raise NotFound
        return form.draft
    try:
        return definition_of(uow, form, int(version))
    except NoSuchForm:
        raise NotFound from None


def _may(form: FormShown, act: str) -> bool:
    has_what_it_needs = act != "publish" or form.draft is not None
    return has_what_it_needs and PUBLISHING.after(form.state, act) is not None


def _listing(visitor: Visitor, state: str) -> Listing[FormListed]:
    zone = visitor.policy.time_zone

    states = (state,) if state else PUBLISHING.stored_states
    read = pages_of(
        lambda uow, after, at_most: list_forms(
            uow, states=states, after=after or "", at_most=at_most
        ),
        lambda one: one.code,
        str,
    )

    return Listing(
        name="forms",
        columns=_columns(zone),
        read=read,
        nothing=sentence("There is no form like this."),
    )


def _badges(form: FormListed) -> list[Badge]:
    words, tone = STATES[form.state]
    found = [Badge(tell(words), tone)]
    if form.has_draft and form.state != "DRAFT":
        found.append(Badge(tell("a draft waits"), "warn"))
    return found


def _columns(zone: str) -> tuple[Column[FormListed], ...]:
    return (
        Column(
            sentence("Name of the form"),
            lambda form: Link(told_title(form.words), url_for("forms.form_page", code=form.code)),
            lambda form: form.title,
        ),
        Column(sentence("Code"), lambda form: form.code, lambda form: form.code),
        Column(sentence("State"), _badges, lambda form: form.state),
        Column(
            sentence("Version"),
            lambda form: None if form.version is None else str(form.version),
            lambda form: form.version,
            is_number=True,
        ),
        Column(
            sentence("Questions"),
            lambda form: str(form.questions),
            lambda form: form.questions,
            is_number=True,
        ),
        Column(
            sentence("Published"),
            lambda form: (
                None if form.published_at is None else told_moment(_ms(form.published_at), zone)
            ),
            lambda form: None if form.published_at is None else form.published_at.isoformat(),
        ),
    )


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)
