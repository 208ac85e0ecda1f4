"""Activities as the office runs them: made, approved with a code, opened, suspended, ended, settled.

Each change looks at who asks (rights.py), asks the state machine what may follow, publishes the
activity and logs it, in the caller's transaction. The stores that take part start by the outbox, in slices: there may be many.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import func, insert, select, update

from server.activities.errors import (
    BeyondScope,
    CodeTaken,
    FieldInvalid,
    NoSuchActivity,
    NotSettled,
    WrongState,
)
from server.activities.rights import IS_RUN, IS_SEEN, SEATS, must_run
from server.activities.settlement import keep_settlement
from server.activities.terms import (
    COLUMNS,
    NewActivity,
    check_code,
    check_terms,
    checklist,
)
from server.identity.change_log import Actor, log_change
from server.identity.companies import company_day
from server.language import Said
from sync.kinds.activity.publish import publish_activities
from sync.kinds.activity.states import RUNNING_ACTIVITY
from sync.kinds.activity.table import activity, activity_standards
from sync.organisation import company
from sync.publish import hold
from sync.unit_of_work import UnitOfWork
from sync.work import leave_work

# The topic under which the approved stores of an activity that opened start.
START = "activity_stores_start"
REASON_MAX = 400

# What may still be changed while stores run it: nothing that was promised to them.
_CHANGEABLE = {
    "DRAFT": frozenset({*COLUMNS, "standards"}),
    "APPROVED": frozenset({*COLUMNS, "standards"}),
    "OPEN": frozenset({"name", "about", "ends_on", "budget_minor", "standards"}),
    "SUSPENDED": frozenset({"name", "about", "ends_on", "budget_minor", "standards"}),
}
_KNOWN = """
select (select count(*) from region where company_id = :company and id = any(:regions)),
       (select count(*) from division where company_id = :company and id = any(:divisions))
"""
_LOCK = f"""
{SEATS}
select a.id, a.code, a.state, a.standards_version, a.name, a.about, a.division_id, a.starts_on,
       a.ends_on, a.channels, a.region_ids, a.budget_minor, a.pay_minor, a.currency,
       {IS_SEEN} as is_seen, {IS_RUN} as is_run
from activity a where a.company_id = :company and a.id = :activity for update of a
"""  # noqa: S608  put together from constants
_ITEMS = """
select items from activity_standards
where company_id = :company and activity_id = :activity and standards_version = :version
"""
_NEXT_NUMBER = """
select coalesce(max(substring(code from '^A\\d{2}-(\\d{4,9})$')::integer), 0) + 1 as number
from activity where company_id = :company and starts_with(code, :begin)
"""
_STILL_OPEN = """
select count(*) as stores from activity_store
where company_id = :company and activity_id = :activity
  and state in ('REQUESTED', 'APPROVED', 'RUNNING', 'AUDITED')
"""


def make_activity(
    uow: UnitOfWork,
    actor: Actor,
    new: NewActivity,
    *,
    asker_id: UUID | None = None,
    today: date | None = None,
) -> UUID:
    """A draft, which no phone sees. Raises FieldInvalid, and BeyondScope where it is for stores beyond
    those of the asker; `today` is the company's, now unless given.
    """
    columns = new.columns()
    items = checklist(new.standards)
    check_terms(columns)
    _must_be_known(uow, columns)
    activity_id = new.id or uuid4()
    uow.connection.execute(
        insert(activity).values(
            company_id=uow.company_id,
            id=activity_id,
            state=RUNNING_ACTIVITY.after(None, "make"),
            standards_version=1,
            **_listed(columns),
        )
    )
    if asker_id is not None:
        must_run(uow, activity_id, asker_id, today or company_day(uow))
    _write_standards(uow, activity_id, 1, items)
    log_change(
        uow,
        actor,
        "activity.make",
        "activity",
        activity_id,
        after={**columns, "standards": items},
    )
    return activity_id


def edit_activity(
    uow: UnitOfWork,
    actor: Actor,
    activity_id: UUID,
    changes: Mapping[str, Any],
    *,
    today: date,
    asker_id: UUID | None = None,
) -> bool:
    """Set these fields; whether something differs. Other standards are a new version of them.

    `standards` is a list of StandardItem. Raises NoSuchActivity, BeyondScope, FieldInvalid, WrongState
    where the activity is too far for this field.
    """
    held = _held(uow, activity_id, asker_id, today)
    before = _terms_of(uow, held)
    after = dict(before)
    for name, value in changes.items():
        if name not in (*COLUMNS, "standards"):
            raise FieldInvalid(
                Said("{name}: an activity has no such field to set", name=Said(name))
            )
        after[name] = checklist(value) if name == "standards" else _as_held(value)
    differing = [name for name in after if after[name] != before[name]]
    if not differing:
        return False
    too_late = sorted(set(differing) - _CHANGEABLE.get(held.state, frozenset()))
    if too_late:
        raise WrongState(
            Said(
                "{name}: stays as it is, the activity is {state}",
                name=Said(too_late[0]),
                state=Said(held.state.lower()),
            )
        )
    columns = {name: after[name] for name in COLUMNS}
    check_terms(columns)
    if held.state in ("OPEN", "SUSPENDED") and after["ends_on"] < today:
        raise FieldInvalid(Said("ends_on: has passed; end the activity instead"))
    _must_be_known(uow, columns)
    version = held.standards_version
    if "standards" in differing:
        version += 1
        _write_standards(uow, activity_id, version, after["standards"])
    _write(uow, activity_id, **_listed(columns), standards_version=version)
    must_run(uow, activity_id, asker_id, today)
    publish_activities(uow, [activity_id], today)
    log_change(
        uow,
        actor,
        "activity.edit",
        "activity",
        activity_id,
        before={name: before[name] for name in differing},
        after={name: after[name] for name in differing},
    )
    return True


def approve_activity(
    uow: UnitOfWork,
    actor: Actor,
    activity_id: UUID,
    *,
    today: date,
    code: str | None = None,
    asker_id: UUID | None = None,
) -> str:
    """Give a draft its code: phones see it from now on. It opens at once when its first day has come.

    Without a code it gets the next of the year, as A26-0007. Raises NoSuchActivity, BeyondScope,
    WrongState, CodeTaken, FieldInvalid.
    """
    # Two approvals at once would count to the same number.
    uow.connection.execute(
        select(company.c.id).where(company.c.id == uow.company_id).with_for_update(key_share=True)
    )
    held = _held(uow, activity_id, asker_id, today)
    given = _next_code(uow, held.starts_on) if code is None else code
    check_code(given)
    taken = uow.connection.scalar(
        select(func.count())
        .select_from(activity)
        .where(activity.c.company_id == uow.company_id, activity.c.code == given)
    )
    if taken:
        raise CodeTaken(Said("another activity has the code {given}", given=given))
    _step(uow, actor, held, "approve", today, code=given)
    if held.starts_on <= today <= held.ends_on:
        _open(uow, actor, _held(uow, activity_id, asker_id, today), today)
    return given


def open_activity(
    uow: UnitOfWork,
    actor: Actor,
    activity_id: UUID,
    *,
    today: date,
    asker_id: UUID | None = None,
) -> None:
    """Open an approved activity, also before its first day."""
    held = _held(uow, activity_id, asker_id, today)
    if today > held.ends_on:
        raise WrongState(Said("its last day, {ends_on}, has passed", ends_on=held.ends_on))
    _open(uow, actor, held, today)


def suspend_activity(
    uow: UnitOfWork,
    actor: Actor,
    activity_id: UUID,
    reason: str,
    *,
    today: date,
    asker_id: UUID | None = None,
) -> None:
    """Stop an open activity for a while; the stores that run it keep their places."""
    _step(
        uow,
        actor,
        _held(uow, activity_id, asker_id, today),
        "suspend",
        today,
        reason=_reason(reason),
    )


def reopen_activity(
    uow: UnitOfWork,
    actor: Actor,
    activity_id: UUID,
    *,
    today: date,
    asker_id: UUID | None = None,
) -> None:
    """Let a suspended activity go on."""
    held = _held(uow, activity_id, asker_id, today)
    if today > held.ends_on:
        raise WrongState(Said("its last day, {ends_on}, has passed", ends_on=held.ends_on))
    _step(uow, actor, held, "reopen", today)
    leave_work(uow, START, [activity_id])


def end_activity(
    uow: UnitOfWork,
    actor: Actor,
    activity_id: UUID,
    *,
    today: date,
    asker_id: UUID | None = None,
) -> None:
    """End an activity before its time, or call off one that has not begun."""
    _step(uow, actor, _held(uow, activity_id, asker_id, today), "end", today)


def settle_activity(
    uow: UnitOfWork,
    actor: Actor,
    activity_id: UUID,
    *,
    today: date,
    asker_id: UUID | None = None,
) -> None:
    """Close an activity that has ended, when each store of it has got what it gets. Raises NotSettled."""
    held = _held(uow, activity_id, asker_id, today)
    still_open = uow.rows(_STILL_OPEN, company=uow.company_id, activity=activity_id)[0].stores
    if held.state == "ENDED" and still_open:
        raise NotSettled(
            Said(
                "{still_open} stores of it are still open: decide about them first",
                still_open=still_open,
            )
        )
    _step(uow, actor, held, "settle", today, settled_on=today)
    keep_settlement(uow, actor, activity_id)


def turn_activity(uow: UnitOfWork, actor: Actor, activity_id: UUID, *, today: date) -> str | None:
    """What the day does to an activity: the state that it has got, None where it stays as it is.

    An approved one opens on its first day, and one that is not over ends the day after its last.
    """
    held = _held(uow, activity_id, None, today)
    if today > held.ends_on and RUNNING_ACTIVITY.after(held.state, "end") is not None:
        return _step(uow, actor, held, "end", today)
    if held.state == "APPROVED" and held.starts_on <= today:
        return _open(uow, actor, held, today)
    return None


def _open(uow: UnitOfWork, actor: Actor, held: Any, today: date) -> str:
    state = _step(uow, actor, held, "open", today)
    leave_work(uow, START, [held.id])
    return state


def _step(
    uow: UnitOfWork,
    actor: Actor,
    held: Any,
    act: str,
    today: date,
    *,
    reason: str | None = None,
    **columns: Any,
) -> str:
    """Do what the state machine lets happen, publish and log it; the state that it has got."""
    state = RUNNING_ACTIVITY.after(held.state, act)
    if state is None:
        raise WrongState(
            Said(
                "the activity is {state}: this cannot happen to it now",
                state=Said(held.state.lower()),
            )
        )
    _write(uow, held.id, state=state, **columns)
    publish_activities(uow, [held.id], today)
    said = {} if reason is None else {"reason": reason}
    log_change(
        uow,
        actor,
        f"activity.{act}",
        "activity",
        held.id,
        before={"state": held.state},
        after={"state": state, **columns, **said},
    )
    return state


def _held(uow: UnitOfWork, activity_id: UUID, asker_id: UUID | None, today: date) -> Any:
    """The activity, locked: its record before its row, as phones' items lock them.

    Raises NoSuchActivity where the asker may not see it, BeyondScope where it is not theirs to run.
    """
    hold(uow, [activity_id])
    rows = uow.rows(
        _LOCK, company=uow.company_id, activity=activity_id, asker=asker_id, today=today
    )
    if not rows or not rows[0].is_seen:
        raise NoSuchActivity(Said("there is no such activity in this company"))
    if not rows[0].is_run:
        raise BeyondScope(Said("this activity is not theirs to change"))
    return rows[0]


def _terms_of(uow: UnitOfWork, held: Any) -> dict[str, Any]:
    (items,) = uow.rows(
        _ITEMS, company=uow.company_id, activity=held.id, version=held.standards_version
    )
    return {**{name: getattr(held, name) for name in COLUMNS}, "standards": items.items}


def _as_held(value: Any) -> Any:
    """A value as a row has it."""
    return list(value) if isinstance(value, Sequence) and not isinstance(value, str) else value


def _listed(columns: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _as_held(value) for name, value in columns.items()}


def _write(uow: UnitOfWork, activity_id: UUID, **columns: Any) -> None:
    uow.connection.execute(
        update(activity)
        .where(activity.c.company_id == uow.company_id, activity.c.id == activity_id)
        .values(**columns)
    )


def _write_standards(
    uow: UnitOfWork, activity_id: UUID, version: int, items: Sequence[Mapping[str, Any]]
) -> None:
    uow.connection.execute(
        insert(activity_standards).values(
            company_id=uow.company_id,
            activity_id=activity_id,
            standards_version=version,
            items=list(items),
            since=func.now(),
        )
    )


def _must_be_known(uow: UnitOfWork, columns: Mapping[str, Any]) -> None:
    regions = list(columns["region_ids"])
    divisions = [] if columns["division_id"] is None else [columns["division_id"]]
    found = uow.rows(_KNOWN, company=uow.company_id, regions=regions, divisions=divisions)[0]
    if found[0] < len(regions):
        raise FieldInvalid(Said("region_ids: there is no such region in this company"))
    if found[1] < len(divisions):
        raise FieldInvalid(Said("division_id: there is no such division in this company"))


def _next_code(uow: UnitOfWork, starts_on: date) -> str:
    begin = f"A{starts_on:%y}-"
    number = uow.rows(_NEXT_NUMBER, company=uow.company_id, begin=begin)[0].number
    return f"{begin}{number:04d}"


def _reason(reason: str) -> str:
    if not 1 <= len(reason.strip()) <= REASON_MAX or "\x00" in reason:
        raise FieldInvalid(Said("reason: a text of 1 to {most} characters", most=REASON_MAX))
    return reason.strip()
