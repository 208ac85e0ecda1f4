"""Notices: what the office tells people, for whom and for how long, who has read it, and what is recalled."""

from collections.abc import Mapping
from datetime import date, datetime
from uuid import UUID

from flask import Blueprint, Response, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import NotFound

from mobile_contract.records.notice import NOTICE_BODY_MAX, NOTICE_TITLE_MAX
from server.catalogue.divisions import list_divisions
from server.identity.sessions import Visitor
from server.language import NAMES, sentence, tell, told_day, told_moment, told_number
from server.tasks.errors import (
    BeyondScope,
    FieldInvalid,
    NoSuchNotice,
    TaskError,
    WrongState,
)
from server.tasks.notices import (
    DAYS_MAX,
    POSITIONS_MAX,
    REASON_MAX,
    NewNotice,
    NoticeListed,
    Reader,
    ReaderMark,
    Text,
    give_notice,
    list_notices,
    read_notice,
    readers_of,
    recall_notice,
)
from server.tasks.whom import regions_to_tell, whom_to_ask
from server.web.desk import FORM_BODY, Desk, draw
from server.web.listing import Badge, Column, Link, Listing, answer_listing, pages_of
from server.web.marks import moment, moment_and_id
from server.web.menu import OFFICE
from server.web.people_words import ROLE_WORDS
from server.web.refusals import refused_field
from server.web.typed import typed_uuid
from sync.unit_of_work import UnitOfWork

STATES = {
    "GIVEN": (sentence("shown"), "good"),
    "OVER": (sentence("over"), ""),
    "RECALLED": (sentence("recalled"), "bad"),
}
AUDIENCES = {
    "COMPANY": sentence("everybody"),
    "DIVISION": sentence("a division"),
    "REGION": sentence("regions with all below"),
    "ROLE": sentence("a role"),
    "POSITIONS": sentence("positions"),
}
# To whom only those tell something who see everybody.
_OF_ADMINS = frozenset({"COMPANY", "DIVISION"})


def notice_routes(desk: Desk) -> Blueprint:
    """/notices and what is below it."""
    routes = Blueprint("notices", __name__, url_prefix="/notices")

    @routes.get("/")
    @desk.page(*OFFICE)
    def notice_list(visitor: Visitor) -> ResponseReturnValue:
        """What people whom the visitor sees were told, the latest first."""
        which = request.args.get("which", "")
        if which not in {"", "shown"}:
            raise NotFound
        return answer_listing(
            desk,
            visitor,
            notice_listing(visitor, request.args),
            "notices/list.html",
            which=which,
        )

    @routes.get("/new")
    @desk.page(*OFFICE)
    def new(visitor: Visitor) -> ResponseReturnValue:
        """A notice to be given."""
        return _form(desk, visitor, MultiDict())

    @routes.post("/new")
    @desk.page(*OFFICE, body=FORM_BODY)
    def give(visitor: Visitor) -> ResponseReturnValue:
        """Give it."""
        try:
            with desk.database.company(visitor.company_id) as uow:
                notice_id = give_notice(
                    uow,
                    visitor.actor,
                    _asked_for(uow, visitor, request.form),
                    today=visitor.today,
                    asker_id=visitor.person_id,
                    now=desk.clock(),
                )
        except TaskError as refused:
            return _form(desk, visitor, request.form, refused)
        flash(tell("Given. Phones show it at their next sync."), "notice")
        return redirect(url_for("notices.notice_page", notice_id=notice_id), code=303)

    _one_notice_routes(desk, routes)
    return routes


def _one_notice_routes(desk: Desk, routes: Blueprint) -> None:
    @routes.get("/<uuid:notice_id>")
    @desk.page(*OFFICE)
    def notice_page(visitor: Visitor, notice_id: UUID) -> ResponseReturnValue:
        """One notice in its languages, and who has read it; those who have not stand first."""
        which = request.args.get("which", "")
        if which not in {"", "unread"}:
            raise NotFound
        try:
            with desk.database.reading(visitor.company_id) as uow:
                shown = read_notice(uow, notice_id, today=visitor.today, asker_id=visitor.person_id)
        except NoSuchNotice:
            raise NotFound from None
        return answer_listing(
            desk,
            visitor,
            _readers(visitor, notice_id, only_unread=which == "unread"),
            "notices/notice.html",
            notice=shown,
            state=STATES[shown.listed.state],
            audience=_audience_told(shown.listed.audience, shown.names),
            which=which,
            zone=visitor.policy.time_zone,
            ms=_ms,
        )

    @routes.post("/<uuid:notice_id>")
    @desk.page(*OFFICE, body=FORM_BODY)
    def recall(visitor: Visitor, notice_id: UUID) -> ResponseReturnValue:
        """Take it from all phones, once that was asked about."""
        form = request.form
        reason, is_sure = form.get("reason", "").strip(), form.get("sure") == "1"
        back = url_for("notices.notice_page", notice_id=notice_id)
        try:
            if not reason or not is_sure:
                return _asked_again(desk, visitor, notice_id, reason, back, is_sure=is_sure)
            with desk.database.company(visitor.company_id) as uow:
                recall_notice(
                    uow,
                    visitor.actor,
                    notice_id,
                    reason,
                    today=visitor.today,
                    asker_id=visitor.person_id,
                )
        except NoSuchNotice:
            raise NotFound from None
        except WrongState:
            flash(tell("It is recalled already."), "alert")
        except BeyondScope:
            flash(
                tell(
                    "It is also for people whom you do not see: only who sees them all recalls it."
                ),
                "alert",
            )
        except TaskError as refused:
            flash(_told_refusal(refused)[1], "alert")
        else:
            flash(tell("Recalled. It leaves the phones at their next sync."), "notice")
        return redirect(back, code=303)


def notice_listing(visitor: Visitor, arguments: Mapping[str, str]) -> Listing[NoticeListed]:
    """The list of notices that an address asks for."""
    read = pages_of(
        lambda uow, after, at_most: list_notices(
            uow,
            today=visitor.today,
            only_shown=arguments.get("which") == "shown",
            asker_id=visitor.person_id,
            after=after,
            at_most=at_most,
        ),
        lambda one: f"{one.given_at.isoformat()}~{one.id}",
        moment_and_id,
    )

    zone = visitor.policy.time_zone
    return Listing(
        name="notices",
        columns=(
            Column(
                sentence("Notice"),
                lambda one: Link(one.title, url_for("notices.notice_page", notice_id=one.id)),
                lambda one: one.title,
            ),
            Column(
                sentence("State"),
                lambda one: Badge(tell(STATES[one.state][0]), STATES[one.state][1]),
                lambda one: one.state,
            ),
            Column(
                sentence("Told to"),
                lambda one: tell(AUDIENCES[one.audience]),
                lambda one: one.audience,
            ),
            Column(
                sentence("From"), lambda one: told_day(one.starts_on), lambda one: one.starts_on
            ),
            Column(sentence("Until"), lambda one: told_day(one.ends_on), lambda one: one.ends_on),
            Column(
                sentence("Read by"),
                lambda one: told_number(one.readers),
                lambda one: one.readers,
                is_number=True,
            ),
            Column(sentence("Given by"), lambda one: one.given_by, lambda one: one.given_by),
            Column(
                sentence("Given"),
                lambda one: told_moment(_ms(one.given_at), zone),
                lambda one: one.given_at.isoformat(),
            ),
        ),
        read=read,
        nothing=sentence("There is no notice like this."),
    )


def _readers(visitor: Visitor, notice_id: UUID, *, only_unread: bool) -> Listing[Reader]:
    read = pages_of(
        lambda uow, after, at_most: readers_of(
            uow,
            notice_id,
            today=visitor.today,
            only_unread=only_unread,
            asker_id=visitor.person_id,
            after=after,
            at_most=at_most,
        ),
        _reader_mark_of,
        _reader_mark,
    )

    zone = visitor.policy.time_zone
    return Listing(
        name="readers",
        columns=(
            Column(sentence("Person"), lambda one: one.person, lambda one: one.person),
            Column(
                sentence("Position"),
                lambda one: one.position_code or tell("not of its audience today"),
                lambda one: one.position_code or "",
            ),
            Column(
                sentence("Read"),
                lambda one: (
                    Badge(tell("not yet"), "warn")
                    if one.read_at is None
                    else told_moment(_ms(one.read_at), zone)
                ),
                lambda one: "" if one.read_at is None else one.read_at.isoformat(),
            ),
        ),
        read=read,
        nothing=sentence("Everybody has read it.")
        if only_unread
        else sentence("Nobody is in its audience today."),
    )


def _form(
    desk: Desk, visitor: Visitor, form: MultiDict[str, str], refused: TaskError | None = None
) -> Response:
    """The form of a notice with what was typed, and what is wrong with it beside the field."""
    is_admin = visitor.has_role("admin")
    with desk.database.reading(visitor.company_id) as uow:
        whom = whom_to_ask(uow, today=visitor.today, asker_id=visitor.person_id)
        regions = regions_to_tell(uow, today=visitor.today, asker_id=visitor.person_id)
        divisions = list_divisions(uow) if is_admin else []
    field, words = (None, "") if refused is None else _told_refusal(refused)
    return draw(
        "notices/new.html",
        200 if refused is None else 422,
        form=form,
        whom=whom,
        regions=regions,
        chosen=set(form.getlist("position")) | set(form.getlist("region")),
        divisions=[(str(one.id), one.name) for one in divisions],
        roles=[(role, tell(words)) for role, words in ROLE_WORDS.items()],
        audiences=[
            (key, tell(said))
            for key, said in AUDIENCES.items()
            if is_admin or key not in _OF_ADMINS
        ],
        audience=form.get("audience", "COMPANY" if is_admin else "REGION"),
        written_in=[(key, NAMES[key]) for key in ("zh", "en")],
        fault=field,
        words=words,
        title_max=NOTICE_TITLE_MAX,
        body_max=NOTICE_BODY_MAX,
        today=visitor.today,
    )


def _asked_for(uow: UnitOfWork, visitor: Visitor, form: MultiDict[str, str]) -> NewNotice:
    """The notice that a form asks for. Raises FieldInvalid."""
    texts = [
        Text(
            language=language,
            title=form.get(f"title-{language}", "").strip(),
            body=form.get(f"body-{language}", "").replace("\r\n", "\n").strip(),
        )
        for language in ("zh", "en")
        if form.get(f"title-{language}", "").strip() or form.get(f"body-{language}", "").strip()
    ]
    audience, ids = _audience(uow, visitor, form)
    return NewNotice(
        texts=texts,
        starts_on=_day(form.get("first", ""), "starts_on"),
        ends_on=_day(form.get("last", ""), "ends_on"),
        audience=audience,
        audience_ids=ids,
    )


def _audience(
    uow: UnitOfWork, visitor: Visitor, form: MultiDict[str, str]
) -> tuple[str, list[UUID]]:
    """A role is told by its positions of today."""
    audience = form.get("audience", "")
    if audience not in AUDIENCES:
        raise NotFound
    if audience == "COMPANY":
        return audience, []
    if audience == "DIVISION":
        return audience, [typed_uuid(form.get("division", ""))]
    if audience == "ROLE":
        role = form.get("role", "")
        if role not in ROLE_WORDS:
            raise NotFound
        found = whom_to_ask(
            uow,
            today=visitor.today,
            asker_id=visitor.person_id,
            role=role,
            # All of them, or one too many: then nobody is told, and that is said.
            at_most=POSITIONS_MAX + 1,
        )
        return "POSITIONS", [one.id for one in found]
    name = "region" if audience == "REGION" else "position"
    return audience, [typed_uuid(typed) for typed in form.getlist(name)]


def _asked_again(
    desk: Desk, visitor: Visitor, notice_id: UUID, reason: str, back: str, *, is_sure: bool
) -> Response:
    """Raises NoSuchNotice."""
    with desk.database.reading(visitor.company_id) as uow:
        shown = read_notice(uow, notice_id, today=visitor.today, asker_id=visitor.person_id)
    return draw(
        "sure.html",
        title=tell("Recall this notice?"),
        what=tell(
            "“{title}” leaves every phone at its next sync, also of those who have not read it. It cannot be given again; a new one can.",
            title=shown.listed.title,
        ),
        keys=[],
        kept={},
        back=back,
        reason=reason,
        fault=tell("Say why.") if is_sure else None,
        about_reason=tell("For the log of changes."),
        reason_max=REASON_MAX,
        act="recall",
        button=tell("Recall"),
    )


def _told_refusal(refused: TaskError) -> tuple[str | None, str]:
    """The field that is wrong, and what is wrong with it."""
    if isinstance(refused, BeyondScope):
        return "audience", tell("It would reach people whom you do not see: choose fewer.")
    field, why = refused_field(refused)
    told = {
        "texts": tell("Write a title in one language at least, and not too much: {why}", why=why),
        "starts_on": tell("From which day on?"),
        "ends_on": tell(
            "Not before its first day, not before today, and for {number} days at most.",
            number=DAYS_MAX,
        ),
        "audience_ids": tell("Choose for whom it is."),
        "reason": tell("At most {number} letters.", number=REASON_MAX),
    }
    if field == "audience_ids":
        field = "audience"
        return field, told["audience_ids"]
    return field, told.get(field, str(refused))


def _audience_told(audience: str, names: tuple[str, ...]) -> str:
    words = tell(AUDIENCES[audience])
    return f"{words}: {', '.join(names)}" if names else words


def _day(typed: str, field: str) -> date:
    try:
        return date.fromisoformat(typed)
    except ValueError:
        raise FieldInvalid(f"{field}: a day") from None


def _reader_mark_of(one: Reader) -> str:
    at = "" if one.read_at is None else one.read_at.isoformat()
    return f"{at}~{one.person_id}~{one.person}"


def _reader_mark(typed: str) -> ReaderMark:
    at, person_id, person = typed.split("~", 2)
    if not person.isprintable():
        raise ValueError
    return ReaderMark(moment(at) if at else None, person, UUID(person_id))


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)
