"""Activities in the office: their terms and standards, their stores, what was brought and what it comes to, and each step of their life."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any, cast
from uuid import UUID

from flask import Blueprint, flash, redirect, request, send_file, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import NotFound

from mobile_contract.records.activity_store import DECISION_MAX
from server.activities.activities import (
    REASON_MAX,
    approve_activity,
    end_activity,
    open_activity,
    reopen_activity,
    settle_activity,
    suspend_activity,
)
from server.activities.activity_list import ActivityListed, ActivityMark, list_activities
from server.activities.errors import ActivityError, NoSuchActivity, NoSuchActivityStore
from server.activities.shown import ActivityShown, show_activity
from server.activities.stores import (
    ActivityStoreListed,
    approve_requests,
    count_by_state,
    enter_stores,
    list_activity_stores,
    pay_stores,
    refuse_stores,
)
from server.audits.compliance import audit_stores
from server.audits.errors import AuditError
from server.audits.progress import read_activity_progress
from server.audits.settlement_file import write_settlement
from server.exchange.exporting import Form
from server.identity.sessions import Visitor
from server.language import sentence, tell, tell_number, told_day, told_money
from server.planning.errors import PlanningError
from server.planning.named_stores import stores_by_code
from server.web.activity_edit import MAKERS, edit_routes
from server.web.activity_words import (
    ACTS,
    CASES,
    DONE,
    PASS_RULES,
    PHOTOS,
    STATES,
    STORE_ACTS,
    STORE_STATES,
)
from server.web.desk import FORM_BODY, Desk, draw
from server.web.listing import FORMS, Badge, Column, Link, Listing, answer_listing, pages_of
from server.web.marks import day_and_id
from server.web.menu import OFFICE
from server.web.typed import typed_uuid
from sync.kinds.activity.states import RUNNING_ACTIVITY
from sync.kinds.activity_store.states import PARTICIPATING
from sync.unit_of_work import UnitOfWork

AT_ONCE_MAX = 200
ENTERED_MAX = 500
# What is refused, whichever area refuses it.
REFUSALS = (ActivityError, AuditError, PlanningError)
_STEPS: Mapping[str, Callable[..., None]] = {
    "open": open_activity,
    "reopen": reopen_activity,
    "end": end_activity,
    "settle": settle_activity,
}


def activity_routes(desk: Desk) -> Blueprint:
    """/activities and what is below it."""
    routes = Blueprint("activities", __name__, url_prefix="/activities")

    @routes.get("/")
    @desk.page(*OFFICE)
    def activity_list(visitor: Visitor) -> ResponseReturnValue:
        """The activities that the visitor may see, those that begin last first."""
        state = request.args.get("state", "")
        if state and state not in STATES:
            raise NotFound
        return answer_listing(
            desk,
            visitor,
            _listing(visitor, state, is_file="format" in request.args),
            "activities/list.html",
            states=[(name, tell(words)) for name, (words, _) in STATES.items()],
            state=state,
            may_make=visitor.has_role(*MAKERS),
        )

    edit_routes(desk, routes)
    _one_activity_routes(desk, routes)
    _store_routes(desk, routes)
    _enter_routes(desk, routes)
    return routes


def _one_activity_routes(desk: Desk, routes: Blueprint) -> None:
    @routes.get("/<uuid:activity_id>")
    @desk.page(*OFFICE)
    def activity_page(visitor: Visitor, activity_id: UUID) -> ResponseReturnValue:
        """One activity with its stores."""
        return _draw_activity(desk, visitor, activity_id)

    @routes.get("/<uuid:activity_id>/progress")
    @desk.page(*OFFICE)
    def progress(visitor: Visitor, activity_id: UUID) -> ResponseReturnValue:
        """What was brought, how its photos stand, and what it comes to so far: a part of the page."""
        with desk.database.reading(visitor.company_id) as uow:
            shown = _shown(uow, visitor, activity_id)
            found = read_activity_progress(
                uow, activity_id, today=visitor.today, asker_id=visitor.person_id
            )
        return draw(
            "activities/progress.html",
            shown=shown,
            cases=_counted(CASES, found.cases),
            photos=_counted(PHOTOS, found.photos),
            progress=found,
        )

    @routes.get("/<uuid:activity_id>/acts/<act>")
    @desk.page(*OFFICE)
    def ask(visitor: Visitor, activity_id: UUID, act: str) -> ResponseReturnValue:
        """What a step would do, and to whom, before it is done."""
        return _ask(desk, visitor, activity_id, act)

    @routes.post("/<uuid:activity_id>/acts/<act>")
    @desk.page(*OFFICE, body=FORM_BODY)
    def do(visitor: Visitor, activity_id: UUID, act: str) -> ResponseReturnValue:
        """Do it, or say beside the form why not."""
        if act not in ACTS:
            raise NotFound
        form = request.form
        try:
            with desk.database.company(visitor.company_id) as uow:
                _step(uow, visitor, activity_id, act, form)
        except NoSuchActivity:
            raise NotFound from None
        except REFUSALS as refused:
            return _ask(desk, visitor, activity_id, act, form, str(refused))
        flash(tell(DONE[act]), "notice")
        return redirect(url_for("activities.activity_page", activity_id=activity_id), code=303)

    @routes.get("/<uuid:activity_id>/settlement")
    @desk.page(*OFFICE)
    def settlement(visitor: Visitor, activity_id: UUID) -> ResponseReturnValue:
        """The settlement as a file, as it was kept."""
        form = request.args.get("format", "xlsx")
        if form not in FORMS:
            raise NotFound
        file = tempfile.SpooledTemporaryFile(max_size=4 * 1024 * 1024)  # noqa: SIM115 - closed with the response
        try:
            with desk.database.reading(visitor.company_id) as uow:
                kept = write_settlement(
                    uow,
                    activity_id,
                    cast("Any", file),
                    cast("Form", form),
                    today=visitor.today,
                    asker_id=visitor.person_id,
                )
        except ActivityError:
            file.close()
            raise NotFound from None
        except AuditError as refused:
            file.close()
            flash(str(refused), "alert")
            return redirect(url_for("activities.activity_page", activity_id=activity_id), code=303)
        file.seek(0)
        name = (
            f"settlement-{''.join(one for one in kept.code if one.isalnum() or one in '-_')}.{form}"
        )
        response = send_file(
            file, mimetype=FORMS[form], as_attachment=True, download_name=name, max_age=0
        )
        response.call_on_close(file.close)
        return response


def _store_routes(desk: Desk, routes: Blueprint) -> None:
    @routes.post("/<uuid:activity_id>/stores")
    @desk.page(*OFFICE, body=FORM_BODY)
    def decide(visitor: Visitor, activity_id: UUID) -> ResponseReturnValue:
        """Decide about the chosen stores: about all of them, or about none. What cannot be taken back is asked first."""
        form = request.form
        act = form.get("act", "")
        ids = [typed_uuid(typed) for typed in form.getlist("id")[: AT_ONCE_MAX + 1]]
        if act not in STORE_ACTS:
            raise NotFound
        if not ids or len(ids) > AT_ONCE_MAX:
            words = (
                tell("At most {number} stores at once.", number=AT_ONCE_MAX)
                if ids
                else tell("No store was chosen.")
            )
            flash(words, "alert")
            return _back(activity_id, form)
        if STORE_ACTS[act][1] is not None and "sure" not in form:
            return _ask_stores(desk, visitor, activity_id, act, ids)
        try:
            with desk.database.company(visitor.company_id) as uow:
                _shown(uow, visitor, activity_id)
                number = _decided(uow, visitor, act, ids, form)
        except NoSuchActivityStore:
            raise NotFound from None
        except REFUSALS as refused:
            if STORE_ACTS[act][1] is not None:
                return _ask_stores(desk, visitor, activity_id, act, ids, str(refused))
            flash(str(refused), "alert")
            return _back(activity_id, form)
        flash(
            tell_number("One store is decided.", "{number} stores are decided.", number), "notice"
        )
        return _back(activity_id, form)


def _enter_routes(desk: Desk, routes: Blueprint) -> None:
    @routes.post("/<uuid:activity_id>/enter")
    @desk.page(*OFFICE, body=FORM_BODY)
    def enter(visitor: Visitor, activity_id: UUID) -> ResponseReturnValue:
        """Put stores in by their codes; what is wrong is told beside the form, with what was typed."""
        typed = request.form.get("codes", "")
        codes = list(dict.fromkeys(typed.replace(",", " ").replace(";", " ").split()))
        fault = None
        if not codes:
            fault = tell("Write the codes of stores first.")
        elif len(codes) > ENTERED_MAX:
            fault = tell("At most {number} stores at once.", number=ENTERED_MAX)
        else:
            try:
                with desk.database.company(visitor.company_id) as uow:
                    made = enter_stores(
                        uow,
                        visitor.actor,
                        activity_id,
                        stores_by_code(uow, codes),
                        today=visitor.today,
                        asker_id=visitor.person_id,
                    )
            except NoSuchActivity:
                raise NotFound from None
            except REFUSALS as refused:
                fault = str(refused)
        if fault is not None:
            return _draw_activity(desk, visitor, activity_id, typed, fault, 422)
        flash(tell_number("One store is in.", "{number} stores are in.", len(made)), "notice")
        return redirect(url_for("activities.activity_page", activity_id=activity_id), code=303)


def _shown(uow: UnitOfWork, visitor: Visitor, activity_id: UUID) -> ActivityShown:
    try:
        return show_activity(uow, activity_id, today=visitor.today, asker_id=visitor.person_id)
    except NoSuchActivity:
        raise NotFound from None


def _draw_activity(
    desk: Desk,
    visitor: Visitor,
    activity_id: UUID,
    codes: str = "",
    fault: str | None = None,
    status: int = 200,
) -> ResponseReturnValue:
    state = request.args.get("state", "")
    if state and state not in STORE_STATES:
        raise NotFound
    with desk.database.reading(visitor.company_id) as uow:
        shown = _shown(uow, visitor, activity_id)
        counts = count_by_state(uow, activity_id, today=visitor.today, asker_id=visitor.person_id)
    response = answer_listing(
        desk,
        visitor,
        _store_listing(visitor, activity_id, state),
        "activities/activity.html",
        shown=shown,
        state_told=(tell(STATES[shown.state][0]), STATES[shown.state][1]),
        counts=_counted(STORE_STATES, counts),
        acts=[(name, tell(ACTS[name][0])) for name in shown.acts if name in ACTS],
        store_acts=[(name, tell(words)) for name, (words, _) in STORE_ACTS.items()],
        may_edit=shown.is_run
        and shown.state not in {"ENDED", "SETTLED"}
        and visitor.has_role(*MAKERS),
        takes=shown.state in {"APPROVED", "OPEN", "SUSPENDED"},
        rules={name: tell(words) for name, words in PASS_RULES.items()},
        states=[(name, tell(words)) for name, (words, _) in STORE_STATES.items()],
        state=state,
        codes=codes,
        fault=fault,
    )
    if status != 200:
        response.status_code = status  # type: ignore[union-attr]
    return response


def _ask(
    desk: Desk,
    visitor: Visitor,
    activity_id: UUID,
    act: str,
    typed: Mapping[str, str] | None = None,
    fault: str | None = None,
) -> ResponseReturnValue:
    with desk.database.reading(visitor.company_id) as uow:
        shown = _shown(uow, visitor, activity_id)
        counts = count_by_state(uow, activity_id, today=visitor.today, asker_id=visitor.person_id)
    if act not in shown.acts and fault is None:
        raise NotFound
    _, asks, does = ACTS[act]
    return draw(
        "activities/ask.html",
        422 if fault else 200,
        shown=shown,
        act=act,
        asks=tell(asks, activity=shown.told),
        does=tell(does),
        counts=_counted(STORE_STATES, counts),
        typed=typed or {},
        fault=fault,
        reason_max=REASON_MAX,
    )


def _ask_stores(
    desk: Desk,
    visitor: Visitor,
    activity_id: UUID,
    act: str,
    ids: Sequence[UUID],
    fault: str | None = None,
) -> ResponseReturnValue:
    with desk.database.reading(visitor.company_id) as uow:
        shown = _shown(uow, visitor, activity_id)
        found = list_activity_stores(
            uow,
            today=visitor.today,
            activity_id=activity_id,
            asker_id=visitor.person_id,
            only=ids,
            at_most=AT_ONCE_MAX,
        )
    if len(found) < len(set(ids)):
        raise NotFound
    asks = STORE_ACTS[act][1]
    assert asks is not None
    return draw(
        "activities/ask_stores.html",
        422 if fault else 200,
        shown=shown,
        act=act,
        does=tell(asks),
        button=tell(STORE_ACTS[act][0]).rstrip("…"),
        stores=found,
        fault=fault,
        said=request.form.get("said", ""),
        said_max=DECISION_MAX,
    )


def _step(
    uow: UnitOfWork, visitor: Visitor, activity_id: UUID, act: str, form: MultiDict[str, str]
) -> None:
    who = {"today": visitor.today, "asker_id": visitor.person_id}
    if act == "approve":
        code = form.get("code", "").strip() or None
        approve_activity(
            uow,
            visitor.actor,
            activity_id,
            code=code,
            today=visitor.today,
            asker_id=visitor.person_id,
        )
    elif act == "suspend":
        suspend_activity(
            uow,
            visitor.actor,
            activity_id,
            form.get("reason", ""),
            today=visitor.today,
            asker_id=visitor.person_id,
        )
    else:
        _STEPS[act](uow, visitor.actor, activity_id, **who)


def _decided(
    uow: UnitOfWork, visitor: Visitor, act: str, ids: Sequence[UUID], form: MultiDict[str, str]
) -> int:
    """How many stores were decided about."""
    said = form.get("said", "").strip()
    actor, today, asker_id = visitor.actor, visitor.today, visitor.person_id
    if act == "approve":
        approve_requests(uow, actor, ids, today=today, asker_id=asker_id)
    elif act == "refuse":
        refuse_stores(uow, actor, ids, said, today=today, asker_id=asker_id)
    elif act == "audit":
        audit_stores(uow, actor, ids, today=today, asker_id=asker_id)
    else:
        pay_stores(uow, actor, ids, today=today, answer=said or None, asker_id=asker_id)
    return len(set(ids))


def _back(activity_id: UUID, form: Mapping[str, str]) -> ResponseReturnValue:
    state = form.get("state", "")
    kept = {"state": state} if state in STORE_STATES else {}
    place = url_for("activities.activity_page", activity_id=activity_id, **kept)  # type: ignore[arg-type]
    return redirect(place, code=303)


def _counted(
    words: Mapping[str, tuple[str, str]], counts: Mapping[str, int]
) -> list[tuple[str, str, str, int]]:
    """State, its words and tone, and how many; in the order of the words, without those that are none."""
    return [
        (name, tell(said), tone, counts[name])
        for name, (said, tone) in words.items()
        if counts.get(name)
    ]


def _listing(visitor: Visitor, state: str, *, is_file: bool) -> Listing[ActivityListed]:
    """The list; a file has its currency in a column of its own, where the amount is in minor units."""
    read = pages_of(
        lambda uow, after, at_most: list_activities(
            uow,
            today=visitor.today,
            states=(state,) if state else RUNNING_ACTIVITY.stored_states,
            asker_id=visitor.person_id,
            after=after,
            at_most=at_most,
        ),
        lambda one: f"{one.starts_on}~{one.id}~{one.code or ''}",
        _mark,
    )

    return Listing(
        name="activities",
        columns=COLUMNS if is_file else [column for column in COLUMNS if column is not CURRENCY],
        read=read,
        nothing=sentence("There is no activity like this."),
    )


def _mark(typed: str) -> ActivityMark:
    day, activity_id, code = typed.split("~", 2)
    return date.fromisoformat(day), code, UUID(activity_id)


CURRENCY: Column[ActivityListed] = Column(
    sentence("Currency"), lambda one: one.currency, lambda one: one.currency
)
COLUMNS: tuple[Column[ActivityListed], ...] = (
    Column(
        sentence("Activity"),
        lambda one: Link(one.name, url_for("activities.activity_page", activity_id=one.id)),
        lambda one: one.name,
    ),
    Column(sentence("Code"), lambda one: one.code, lambda one: one.code),
    Column(
        sentence("State"),
        lambda one: Badge(tell(STATES[one.state][0]), STATES[one.state][1]),
        lambda one: one.state,
    ),
    Column(sentence("First day"), lambda one: told_day(one.starts_on), lambda one: one.starts_on),
    Column(sentence("Last day"), lambda one: told_day(one.ends_on), lambda one: one.ends_on),
    Column(
        sentence("Pay of a store"),
        lambda one: (
            None
            if one.pay_minor is None or one.currency is None
            else told_money(one.pay_minor, one.currency)
        ),
        lambda one: one.pay_minor,
        is_number=True,
    ),
    CURRENCY,
    Column(sentence("Division"), lambda one: one.division_code, lambda one: one.division_code),
    Column(sentence("Items"), lambda one: str(one.items), lambda one: one.items, is_number=True),
    Column(sentence("Stores"), lambda one: str(one.stores), lambda one: one.stores, is_number=True),
)


def _store_listing(visitor: Visitor, activity_id: UUID, state: str) -> Listing[ActivityStoreListed]:
    read = pages_of(
        lambda uow, after, at_most: list_activity_stores(
            uow,
            today=visitor.today,
            states=(state,) if state else PARTICIPATING.stored_states,
            activity_id=activity_id,
            asker_id=visitor.person_id,
            after=after,
            at_most=at_most,
        ),
        lambda one: f"{one.business_day}~{one.id}",
        day_and_id,
    )

    return Listing(
        name="activity-stores",
        columns=STORE_COLUMNS,
        read=read,
        key=lambda one: None if one.is_asked_by(visitor.person_id) else str(one.id),
        nothing=sentence("No store is like this."),
    )


STORE_COLUMNS: tuple[Column[ActivityStoreListed], ...] = (
    Column(sentence("Store"), lambda one: one.store_name, lambda one: one.store_name),
    Column(sentence("Code"), lambda one: one.store_code, lambda one: one.store_code),
    Column(
        sentence("State"),
        lambda one: Badge(tell(STORE_STATES[one.state][0]), STORE_STATES[one.state][1]),
        lambda one: one.state,
    ),
    Column(sentence("Since"), lambda one: told_day(one.business_day), lambda one: one.business_day),
    Column(
        sentence("By"),
        lambda one: one.person or tell("the office"),
        lambda one: one.person,
    ),
    Column(
        sentence("Times brought"),
        lambda one: str(one.audit_visits),
        lambda one: one.audit_visits,
        is_number=True,
    ),
    Column(
        sentence("Said"),
        lambda one: "; ".join(filter(None, (one.note, one.answer))) or None,
        lambda one: "; ".join(filter(None, (one.note, one.answer))),
    ),
)
