"""Tasks: what the office asks of positions and people, who has done it and how, and what is taken back."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import NotFound

from mobile_contract.records.task import TASK_TEXT_MAX
from server.identity.errors import IdentityError
from server.identity.people import person_by_email
from server.identity.sessions import Visitor
from server.language import sentence, tell, tell_number, told_short_day
from server.planning.positions import list_regions
from server.tasks.errors import (
    FieldInvalid,
    NoSuchPerson,
    NoSuchPosition,
    NoSuchRecord,
    NoSuchTask,
    TaskError,
    WrongState,
)
from server.tasks.tasks import (
    DAYS_AHEAD_MAX,
    REASON_MAX,
    TASKS_AT_ONCE,
    NewTask,
    TaskListed,
    TaskMark,
    answers_to,
    find_task,
    give_tasks,
    list_tasks,
    open_tasks,
    withdraw_tasks,
)
from server.tasks.whom import stores_to_ask_at, whom_to_ask
from server.web.desk import FORM_BODY, Desk, draw
from server.web.listing import Badge, Column, Link, Listing, answer_listing, pages_of
from server.web.menu import OFFICE
from server.web.people_words import ROLE_WORDS
from server.web.refusals import refused_field
from server.web.typed import typed_uuid
from sync.unit_of_work import UnitOfWork

SORTS = {
    "CALL_ON": sentence("Call on"),
    "PUT_RIGHT": sentence("Put right"),
    "SHOOT_AGAIN": sentence("Photograph again"),
    "OTHER": sentence("Other"),
}
SHOWN = {
    "OPEN": (sentence("open|task"), "warn"),
    "OVERDUE": (sentence("overdue"), "bad"),
    "DONE": (sentence("done"), "good"),
    "WITHDRAWN": (sentence("withdrawn"), ""),
}
AT_ONCE_MAX = 200
CODES_MAX = 500
# What a task may be about that another page names.
_ABOUT = ("visit", "order")


@dataclass(frozen=True, slots=True)
class Given:
    """What a form asks to be given, and to whom."""

    form: MultiDict[str, str]

    @property
    def whom(self) -> str:
        return self.form.get("whom", "positions")

    @property
    def codes(self) -> list[str]:
        """The codes of stores, one each line or with commas between."""
        return _lines(self.form.get("stores", ""))

    @property
    def emails(self) -> list[str]:
        """The addresses of people, in the same way."""
        return _lines(self.form.get("people", ""))


def task_routes(desk: Desk) -> Blueprint:
    """/tasks and what is below it."""
    routes = Blueprint("tasks", __name__, url_prefix="/tasks")

    @routes.get("/")
    @desk.page(*OFFICE)
    def task_list(visitor: Visitor) -> ResponseReturnValue:
        """What was asked of the positions that the visitor sees; what is due first stands first."""
        asked = request.args
        state, position = _state(asked), asked.get("position", "")
        with desk.database.reading(visitor.company_id) as uow:
            whom = whom_to_ask(uow, today=visitor.today, asker_id=visitor.person_id)
            counts = open_tasks(uow, today=visitor.today, asker_id=visitor.person_id)
        return answer_listing(
            desk,
            visitor,
            task_listing(visitor, asked),
            "tasks/list.html",
            state=state,
            position=position,
            states=[(key, tell(words)) for key, (words, _) in SHOWN.items()],
            whom=[(str(one.id), one.told) for one in whom],
            counts=counts,
            reason_max=REASON_MAX,
        )

    @routes.post("/")
    @desk.page(*OFFICE, body=FORM_BODY)
    def withdraw(visitor: Visitor) -> ResponseReturnValue:
        """Take the chosen tasks back, once that was asked about."""
        form = request.form
        ids = [typed_uuid(typed) for typed in form.getlist("id")[: AT_ONCE_MAX + 1]]
        kept = {name: form[name] for name in ("state", "position") if form.get(name)}
        back = url_for("tasks.task_list", **kept)  # type: ignore[arg-type]
        if not ids:
            flash(tell("No task was chosen."), "alert")
            return redirect(back, code=303)
        if len(ids) > AT_ONCE_MAX:
            flash(tell("At most {number} tasks at once.", number=AT_ONCE_MAX), "alert")
            return redirect(back, code=303)
        return _withdrawn(desk, visitor, ids, back, kept)

    _giving_routes(desk, routes)
    _one_task_routes(desk, routes)
    return routes


def _giving_routes(desk: Desk, routes: Blueprint) -> None:
    @routes.get("/new")
    @desk.page(*OFFICE)
    def new(visitor: Visitor) -> ResponseReturnValue:
        """A task to be given."""
        return _form(desk, visitor, MultiDict(request.args))

    @routes.post("/new")
    @desk.page(*OFFICE, body=FORM_BODY)
    def give(visitor: Visitor) -> ResponseReturnValue:
        """Give it to each position: all, or none where something is wrong."""
        try:
            with desk.database.company(visitor.company_id) as uow:
                tasks = _asked_for(uow, visitor, Given(request.form))
                ids = give_tasks(
                    uow,
                    visitor.actor,
                    tasks,
                    today=visitor.today,
                    asker_id=visitor.person_id,
                    now=desk.clock(),
                )
        except NoSuchPosition:
            raise NotFound from None
        except TaskError as refused:
            return _form(desk, visitor, request.form, refused)
        flash(
            tell_number(
                "One task is given. The phone shows it at its next sync.",
                "{number} tasks are given. The phones show them at their next sync.",
                len(ids),
            ),
            "notice",
        )
        return redirect(url_for("tasks.task_list"), code=303)


def _one_task_routes(desk: Desk, routes: Blueprint) -> None:
    @routes.get("/<uuid:task_id>")
    @desk.page(*OFFICE)
    def task_page(visitor: Visitor, task_id: UUID) -> ResponseReturnValue:
        """One task with every answer that came."""
        try:
            with desk.database.reading(visitor.company_id) as uow:
                found = find_task(uow, task_id, today=visitor.today, asker_id=visitor.person_id)
                answers = answers_to(uow, task_id, today=visitor.today, asker_id=visitor.person_id)
        except NoSuchTask:
            raise NotFound from None
        return draw(
            "tasks/task.html",
            task=found,
            sort=tell(SORTS[found.sort]),
            state=SHOWN[_shown_state(found)],
            answers=answers,
            zone=visitor.policy.time_zone,
            ms=_ms,
        )

    @routes.post("/<uuid:task_id>")
    @desk.page(*OFFICE, body=FORM_BODY)
    def withdraw_one(visitor: Visitor, task_id: UUID) -> ResponseReturnValue:
        """Take it back, once that was asked about."""
        back = url_for("tasks.task_page", task_id=task_id)
        return _withdrawn(desk, visitor, [task_id], back, {})


def task_listing(visitor: Visitor, arguments: Mapping[str, str]) -> Listing[TaskListed]:
    """The list of tasks that an address asks for. Raises NotFound."""
    state = _state(arguments)
    position = arguments.get("position", "")
    position_id = typed_uuid(position) if position else None
    is_over = state in {"DONE", "WITHDRAWN"}

    read = pages_of(
        lambda uow, after, at_most: list_tasks(
            uow,
            today=visitor.today,
            states=["OPEN"] if state == "OVERDUE" else [state],
            position_id=position_id,
            only_overdue=state == "OVERDUE",
            asker_id=visitor.person_id,
            is_latest_first=is_over,
            after=after,
            at_most=at_most,
        ),
        lambda one: f"{one.due_on}~{one.position_code or ''}~{one.id}",
        _mark,
    )

    return Listing(
        name="tasks",
        columns=_columns(visitor.policy.zone),
        read=read,
        key=None if is_over else lambda one: str(one.id),
        nothing=sentence("No task is like this."),
    )


def _columns(zone: ZoneInfo) -> tuple[Column[TaskListed], ...]:
    return (
        Column(
            sentence("Task"),
            lambda one: Link(_short(one.text), url_for("tasks.task_page", task_id=one.id)),
            lambda one: one.text,
        ),
        Column(sentence("What"), lambda one: tell(SORTS[one.sort]), lambda one: one.sort),
        Column(
            sentence("Asked of"),
            lambda one: one.position_code or one.person,
            lambda one: one.position_code or one.person or "",
        ),
        Column(sentence("Store"), lambda one: one.store_name, lambda one: one.store_name or ""),
        Column(sentence("Due"), lambda one: told_short_day(one.due_on), lambda one: one.due_on),
        Column(
            sentence("State"),
            lambda one: Badge(tell(SHOWN[_shown_state(one)][0]), SHOWN[_shown_state(one)][1]),
            _shown_state,
        ),
        Column(
            sentence("Replies"),
            lambda one: str(one.answers),
            lambda one: one.answers,
            is_number=True,
        ),
        Column(sentence("Given by"), lambda one: one.given_by, lambda one: one.given_by),
        Column(
            sentence("Given"),
            lambda one: told_short_day(one.given_at.astimezone(zone).date()),
            lambda one: one.given_at.isoformat(),
        ),
    )


def _form(
    desk: Desk, visitor: Visitor, form: MultiDict[str, str], refused: TaskError | None = None
) -> Response:
    """The form of a task with what was typed, and what is wrong with it beside the field."""
    with desk.database.reading(visitor.company_id) as uow:
        whom = whom_to_ask(uow, today=visitor.today, asker_id=visitor.person_id)
        regions = list_regions(uow, today=visitor.today, asker_id=visitor.person_id)
    field, words = (None, "") if refused is None else _told_refusal(refused)
    return draw(
        "tasks/new.html",
        200 if refused is None else 422,
        form=form,
        chosen=set(form.getlist("position")),
        about={name: form[name] for name in _ABOUT if form.get(name)},
        whom=whom,
        regions=[(str(one.id), "\u2003" * one.depth + one.name) for one in regions],
        roles=[(role, tell(words)) for role, words in ROLE_WORDS.items()],
        sorts=[(key, tell(words)) for key, words in SORTS.items()],
        given=Given(form),
        fault=field,
        words=words,
        text_max=TASK_TEXT_MAX,
        codes_max=CODES_MAX,
        today=visitor.today,
    )


def _asked_for(uow: UnitOfWork, visitor: Visitor, given: Given) -> list[NewTask]:
    """The tasks that a form asks for, one for each position or store. Raises FieldInvalid, NoSuchRecord."""
    form, asker = given.form, visitor.person_id
    if form.get("sort") not in SORTS:
        raise NotFound
    new = NewTask(
        sort=form["sort"],
        text=form.get("text", "").replace("\r\n", "\n").strip(),
        due_on=_due(form.get("due", "")),
        visit_id=typed_uuid(form["visit"]) if form.get("visit") else None,
        order_id=typed_uuid(form["order"]) if form.get("order") else None,
    )
    if given.whom == "stores":
        if not given.codes:
            raise FieldInvalid("stores: name one at least")
        if len(given.codes) > CODES_MAX:
            raise FieldInvalid(f"stores: {CODES_MAX} at a time at most")
        asked = stores_to_ask_at(uow, given.codes, today=visitor.today, asker_id=asker)
        return [replace(new, position_id=one.position_id, store_id=one.store_id) for one in asked]
    if code := form.get("store", "").strip():
        (about,) = stores_to_ask_at(uow, [code], today=visitor.today, asker_id=asker)
        new = replace(new, store_id=about.store_id)
    if given.whom == "people":
        return [replace(new, person_id=id_) for id_ in _people(uow, given.emails)]
    if given.whom == "region":
        region, role = form.get("region", ""), form.get("role", "")
        if role and role not in ROLE_WORDS:
            raise NotFound
        found = whom_to_ask(
            uow,
            today=visitor.today,
            asker_id=asker,
            region_id=typed_uuid(region) if region else None,
            role=role or None,
            # All of them, or one too many: then none is asked, and that is told.
            at_most=TASKS_AT_ONCE + 1,
        )
        ids = [one.id for one in found]
    else:
        ids = [typed_uuid(typed) for typed in form.getlist("position")]
    if not ids:
        raise FieldInvalid("position_id: nobody is chosen")
    return [replace(new, position_id=id_) for id_ in ids]


def _lines(typed: str) -> list[str]:
    lines = typed.replace(",", "\n").replace("，", "\n").split("\n")
    return list(dict.fromkeys(line.strip() for line in lines if line.strip()))


def _people(uow: UnitOfWork, emails: list[str]) -> list[UUID]:
    """Raises FieldInvalid, naming the first that nobody has."""
    if not 0 < len(emails) <= CODES_MAX:
        raise FieldInvalid("position_id: nobody is chosen, or too many")
    found = []
    for email in emails:
        try:
            found.append(person_by_email(uow, email))
        except IdentityError:
            raise FieldInvalid(f"people: {email}") from None
    return found


def _due(typed: str) -> date:
    try:
        return date.fromisoformat(typed)
    except ValueError:
        raise FieldInvalid("due_on: a day") from None


def _withdrawn(
    desk: Desk, visitor: Visitor, ids: list[UUID], back: str, kept: dict[str, str]
) -> ResponseReturnValue:
    form = request.form
    reason, is_sure = form.get("reason", "").strip(), form.get("sure") == "1"
    if not reason or not is_sure:
        return draw(
            "sure.html",
            title=tell_number("Take this task back?", "Take these {number} tasks back?", len(ids)),
            what=tell_number(
                "Nobody can answer it any more. The phones of whoever has it show it as withdrawn, with your reason.",
                "Nobody can answer them any more. The phones of whoever has them show them as withdrawn, with your reason.",
                len(ids),
            ),
            keys=[str(id_) for id_ in ids],
            kept=kept,
            back=back,
            reason=reason,
            fault=tell("Say why: phones show it.") if is_sure else None,
            about_reason=tell("Phones show it."),
            reason_max=REASON_MAX,
            act="withdraw",
            button=tell("Take back"),
        )
    try:
        with desk.database.company(visitor.company_id) as uow:
            withdraw_tasks(
                uow,
                visitor.actor,
                ids,
                reason,
                today=visitor.today,
                asker_id=visitor.person_id,
            )
    except NoSuchTask:
        raise NotFound from None
    except WrongState:
        flash(
            tell("One of them was answered or taken back meanwhile: nothing was changed."), "alert"
        )
    except TaskError as refused:
        flash(_told_refusal(refused)[1], "alert")
    else:
        flash(
            tell_number("One task is taken back.", "{number} tasks are taken back.", len(ids)),
            "notice",
        )
    return redirect(back, code=303)


def _told_refusal(refused: TaskError) -> tuple[str | None, str]:
    """The field that is wrong, and what is wrong with it."""
    field, why = refused_field(refused)
    people = tell("One of these people is not there, or you do not see them.")
    if isinstance(refused, NoSuchPerson):
        return "people", people
    if isinstance(refused, NoSuchRecord):
        if field == "stores":
            return "stores", tell(
                "These are not there, or nobody whom you see works them: {codes}", codes=why
            )
        return "about", tell("What it is about is not there, or you do not see it.")
    told = {
        "text": tell("Say what is to be done, in at most {number} letters.", number=TASK_TEXT_MAX),
        "due_on": tell("A day from today to {number} days ahead.", number=DAYS_AHEAD_MAX),
        "position_id": tell("Choose whom it is asked of."),
        "stores": tell("Name one store at least, and at most {number}.", number=CODES_MAX),
        "people": people,
        "tasks": tell("These are too many at once."),
        "reason": tell("At most {number} letters.", number=REASON_MAX),
    }
    return field, told.get(field, str(refused))


def _state(arguments: Mapping[str, str]) -> str:
    state = arguments.get("state", "") or "OPEN"
    if state not in SHOWN:
        raise NotFound
    return state


def _shown_state(one: TaskListed) -> str:
    return "OVERDUE" if one.is_overdue else one.state


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 80 else f"{line[:79]}…"


def _mark(typed: str) -> TaskMark:
    day, rest = typed.split("~", 1)
    code, task_id = rest.rsplit("~", 1)
    if not code.isprintable():
        raise ValueError
    return TaskMark(date.fromisoformat(day), code, UUID(task_id))


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)
