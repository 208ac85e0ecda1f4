"""Stores in activities: what reps ask for is decided, the office puts stores in, and they start.

Whoever decides sees a request by its position, or by a position that the store belongs to or on whose
route it stands; others are not there. Only who oversees positions decides. Each change publishes and logs, in the caller's transaction.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

from psycopg.errors import UniqueViolation

from mobile_contract.records.activity_store import DECISION_MAX
from server.activities.errors import (
    AlreadyIn,
    FieldInvalid,
    MayNotDecide,
    NoSuchActivity,
    NoSuchActivityStore,
    NoSuchStore,
    WrongState,
)
from server.activities.rights import IS_SEEN, SEATS, STORE_IS_SEEN, decided_by, must_decide
from server.identity.change_log import Actor, log_changes
from server.language import Said
from sync.kinds.activity_store.publish import publish_decided, publish_entered
from sync.kinds.activity_store.states import PARTICIPATING
from sync.publish import hold
from sync.rows import array
from sync.unit_of_work import Database, UnitOfWork

STORES_AT_ONCE = 200
STARTER = Actor.command("open the activity")
# States of an activity in which a store may still come in.
_TAKING = ("APPROVED", "OPEN", "SUSPENDED")

_SELECT = """
select p.id, p.activity_id, a.code as activity_code, a.name as activity_name,
       a.state as activity_state, p.store_id, s.code as store_code, s.name as store_name, p.state,
       p.person_id, n.name as person, q.code as position_code, p.business_day, p.note, p.photos, p.flags,
       p.refusal, p.answer, p.decided_at,
       (select count(*) from audit_visit v
        where v.company_id = p.company_id and v.activity_store_id = p.id) as audit_visits
from activity_store p
join activity a on a.company_id = p.company_id and a.id = p.activity_id
join store s on s.company_id = p.company_id and s.id = p.store_id
left join person n on n.company_id = p.company_id and n.id = p.person_id
left join position q on q.company_id = p.company_id and q.id = p.position_id
where p.company_id = :company
"""
_LIST = f"""
{_SELECT} and {STORE_IS_SEEN}
  and (cast(:activity as uuid) is null or p.activity_id = :activity)
  and (cast(:store as uuid) is null or p.store_id = :store)
  and p.state = any(:states) and (cast(:only as uuid[]) is null or p.id = any(:only))
  and (cast(:after_day as date) is null
       or (p.business_day, p.id) > (:after_day, cast(:after_id as uuid)))
order by p.business_day, p.id limit :at_most
"""
_COUNTS = f"""
select p.state, count(*) as stores
from activity_store p join store s on s.company_id = p.company_id and s.id = p.store_id
where p.company_id = :company and p.activity_id = :activity and {STORE_IS_SEEN}
group by p.state
"""  # noqa: S608  put together from constants, above
_LOCK = f"""
select p.id, p.state, p.person_id, a.state as activity_state, s.code as store_code, {STORE_IS_SEEN} as is_seen
from activity_store p
join activity a on a.company_id = p.company_id and a.id = p.activity_id
join store s on s.company_id = p.company_id and s.id = p.store_id
where p.company_id = :company and p.id = any(:ids)
order by p.id for update of p for share of a
"""  # noqa: S608  put together from constants, above
_STORES = f"""
select s.id, s.code, {STORE_IS_SEEN.replace("p.position_id", "s.position_id")} as is_seen,
       exists (select from activity_store x
               where x.company_id = s.company_id and x.store_id = s.id
                 and x.in_activity_id = :activity) as is_in
from store s
where s.company_id = :company and s.id = any(:ids) and s.status in ('ACTIVE', 'PROPOSED')
"""  # noqa: S608  put together from constants, above
_ACTIVITY = f"""
{SEATS}
select a.state, {IS_SEEN} as is_seen from activity a
where a.company_id = :company and a.id = :activity for share of a
"""  # noqa: S608  put together from constants
_ENTER = """
insert into activity_store (company_id, id, version, activity_id, store_id, state, business_day,
                            requested_at, flags, photos, decided_at, received_at)
select %s, r.id, 1, %s, r.store_id, %s, %s, %s, '{}', 0, %s, now()
from unnest(%s::uuid[], %s::uuid[]) as r(id, store_id)
"""
_TO_START = """
select p.id from activity_store p
join activity a on a.company_id = p.company_id and a.id = p.activity_id and a.state = 'OPEN'
where p.company_id = :company and p.activity_id = any(:activities) and p.state = 'APPROVED'
order by p.id limit :at_most
"""
# What was worked out last for each, and whether a verdict is open or changed since. Open is also what came or was
# appealed against just now, which audits have not taken up yet.
_RESULTS = """
select distinct on (r.activity_store_id) r.activity_store_id as id, r.share,
       exists (select from audit_case c
               where c.company_id = r.company_id and c.activity_store_id = r.activity_store_id
                 and c.state in ('CANDIDATE', 'WAITING', 'OPEN', 'JUDGED', 'APPEALED'))
       or exists (select from audit_visit v
                  where v.company_id = r.company_id and v.activity_store_id = r.activity_store_id
                    and not exists (select from audit_case c
                                    where c.company_id = v.company_id and c.id = v.id))
       or exists (select from audit_case c
                  join audit_appeal o on o.company_id = c.company_id and o.audit_visit_id = c.id
                  where c.company_id = r.company_id and c.activity_store_id = r.activity_store_id
                    and not exists (select from audit_turn t
                                    where t.company_id = c.company_id and t.audit_visit_id = c.id
                                      and t.purpose = 'APPEAL')) as is_open,
       exists (select from audit_case c
               where c.company_id = r.company_id and c.activity_store_id = r.activity_store_id
                 and c.judged_at > r.made_at) as is_stale
from activity_result r
where r.company_id = :company and r.activity_store_id = any(:ids)
order by r.activity_store_id, r.number desc
"""
# A share of the pay → the act of the state machine that gives it.
_ACTS = {"FULL": "pay", "HALF": "reduce", "NONE": "refuse"}


@dataclass(frozen=True, slots=True)
class ActivityStoreListed:
    """A store in an activity as who decides about it sees it; no person: the office put it in."""

    id: UUID
    activity_id: UUID
    activity_code: str | None
    activity_name: str
    activity_state: str
    store_id: UUID
    store_code: str | None
    store_name: str
    state: str
    person_id: UUID | None
    person: str | None
    position_code: str | None
    business_day: date
    note: str | None
    photos: int
    flags: tuple[str, ...]
    refusal: str | None
    answer: str | None
    decided_at: datetime | None
    audit_visits: int

    def is_asked_by(self, person_id: UUID) -> bool:
        """Whether this person asks for it, and so does not decide about it."""
        return self.state == "REQUESTED" and self.person_id == person_id


def list_activity_stores(
    uow: UnitOfWork,
    *,
    today: date,
    states: Collection[str] = PARTICIPATING.stored_states,
    activity_id: UUID | None = None,
    store_id: UUID | None = None,
    asker_id: UUID | None = None,
    after: tuple[date, UUID] | None = None,
    only: Sequence[UUID] | None = None,
    at_most: int = 100,
) -> list[ActivityStoreListed]:
    """Stores in activities, the longest there first, after a day and an id; or only these. One query, and one for the asker's scope."""
    rows = uow.rows(
        _LIST,
        company=uow.company_id,
        activity=activity_id,
        store=store_id,
        states=list(states),
        only=None if only is None else list(only),
        after_day=None if after is None else after[0],
        after_id=None if after is None else after[1],
        at_most=at_most,
        **decided_by(uow, asker_id, today),
    )
    return [
        ActivityStoreListed(**{**row._mapping, "flags": tuple(row.flags)})  # noqa: SLF001 - SQLAlchemy's public name
        for row in rows
    ]


def count_by_state(
    uow: UnitOfWork, activity_id: UUID, *, today: date, asker_id: UUID | None = None
) -> dict[str, int]:
    """How many stores of an activity stand in each state, in the order of the states."""
    rows = uow.rows(
        _COUNTS, company=uow.company_id, activity=activity_id, **decided_by(uow, asker_id, today)
    )
    found = {row.state: row.stores for row in rows}
    return {state: found[state] for state in PARTICIPATING.stored_states if state in found}


def approve_requests(
    uow: UnitOfWork,
    actor: Actor,
    ids: Iterable[UUID],
    *,
    today: date,
    answer: str | None = None,
    asker_id: UUID | None = None,
    now: datetime | None = None,
) -> dict[UUID, str]:
    """Take these stores in; the state of each. Where the activity is open they run it at once.

    All or none: raises NoSuchActivityStore, BeyondScope, MayNotDecide, WrongState, FieldInvalid.
    """
    held = _held(uow, ids, asker_id, today)
    _must_be_of_others(held, asker_id)
    decided = {}
    for row in held:
        if row.activity_state not in _TAKING:
            raise WrongState(
                Said(
                    "the activity is {state}: no store comes in",
                    state=Said(row.activity_state.lower()),
                )
            )
        state = _after(row, "approve")
        if row.activity_state == "OPEN":
            state = PARTICIPATING.after(state, "start") or state
        decided[row.id] = state
    _decide(uow, actor, "activity_store.approve", held, decided, answer, now or datetime.now(UTC))
    return decided


def refuse_stores(
    uow: UnitOfWork,
    actor: Actor,
    ids: Iterable[UUID],
    reason: str,
    *,
    today: date,
    asker_id: UUID | None = None,
    now: datetime | None = None,
) -> None:
    """Refuse what was asked for, or take stores out that were in. All or none, as `approve_requests`."""
    if not reason.strip():
        raise FieldInvalid(Said("reason: a text of 1 to {most} characters", most=DECISION_MAX))
    held = _held(uow, ids, asker_id, today)
    _must_be_of_others(held, asker_id)
    decided = {row.id: _after(row, "refuse") for row in held}
    _decide(uow, actor, "activity_store.refuse", held, decided, reason, now or datetime.now(UTC))


def enter_stores(
    uow: UnitOfWork,
    actor: Actor,
    activity_id: UUID,
    store_ids: Sequence[UUID],
    *,
    today: date,
    asker_id: UUID | None = None,
    ids: Sequence[UUID] | None = None,
    now: datetime | None = None,
) -> list[UUID]:
    """Put stores into an activity without a request; the ids by which they are in, in order.

    Raises NoSuchActivity, BeyondScope, NoSuchStore, AlreadyIn, WrongState. Five queries and the publishing.
    """
    wanted = list(dict.fromkeys(store_ids))
    activities = uow.rows(
        _ACTIVITY, company=uow.company_id, activity=activity_id, asker=asker_id, today=today
    )
    if not activities or not activities[0].is_seen:
        raise NoSuchActivity(Said("there is no such activity in this company"))
    activity_state = activities[0].state
    if activity_state not in _TAKING:
        raise WrongState(
            Said(
                "the activity is {state}: no store comes in",
                state=Said(activity_state.lower()),
            )
        )
    hold(uow, wanted)
    stores = {
        row.id: row
        for row in uow.rows(
            _STORES,
            company=uow.company_id,
            ids=wanted,
            activity=activity_id,
            **decided_by(uow, asker_id, today),
        )
        if row.is_seen
    }
    if len(stores) < len(wanted):
        raise NoSuchStore(Said("there is no such store in this company"))
    must_decide(uow, asker_id, today)
    taken = next((row for row in stores.values() if row.is_in), None)
    if taken is not None:
        raise AlreadyIn(
            Said("store {what} is in the activity already", what=taken.code or taken.id)
        )
    state = PARTICIPATING.after(None, "enter")
    if activity_state == "OPEN":
        state = PARTICIPATING.after(state, "start")
    made = list(ids) if ids is not None else [uuid4() for _ in wanted]
    at = now or datetime.now(UTC)
    arrays = [array("uuid", made), array("uuid", wanted)]
    try:
        uow.driver.execute(_ENTER, [uow.company_id, activity_id, state, today, at, at, *arrays])
    except UniqueViolation as refused:
        # A phone asked at the same moment: the look above could not see it.
        raise AlreadyIn(Said("one of these stores has come in meanwhile")) from refused
    publish_entered(uow, made)
    log_changes(
        uow,
        actor,
        "activity_store.enter",
        "activity_store",
        [
            (id_, None, {"activity_id": activity_id, "store_id": store_id, "state": state})
            for id_, store_id in zip(made, wanted, strict=True)
        ],
    )
    return made


def mark_audited(
    uow: UnitOfWork,
    actor: Actor,
    ids: Iterable[UUID],
    *,
    today: date,
    asker_id: UUID | None = None,
) -> dict[UUID, str]:
    """Say of stores that run an activity that auditors are done with them; the codes of the stores, by id.

    All or none, as `approve_requests`. Of one that is audited already nothing is published.
    """
    held = _held(uow, ids, asker_id, today)
    decided = {row.id: _after(row, "audit") for row in held}
    running = [row for row in held if row.state != decided[row.id]]
    if running:
        states = {row.id: decided[row.id] for row in running}
        _decide(uow, actor, "activity_store.audit", running, states, None, None)
    return {row.id: row.store_code or str(row.id) for row in held}


def pay_stores(
    uow: UnitOfWork,
    actor: Actor,
    ids: Iterable[UUID],
    *,
    today: date,
    answer: str | None = None,
    asker_id: UUID | None = None,
    now: datetime | None = None,
) -> dict[UUID, str]:
    """Give stores what was worked out for them, in full, in part or nothing; the state of each.

    All or none, as `approve_requests`; WrongState also where a verdict is open to an appeal, or changed since it was worked out.
    """
    held = _held(uow, ids, asker_id, today)
    wanted = [row.id for row in held]
    results = {row.id: row for row in uow.rows(_RESULTS, company=uow.company_id, ids=wanted)}
    decided = {}
    for row in held:
        result = results.get(row.id)
        name = row.store_code or row.id
        if result is None:
            raise WrongState(Said("store {name} is not audited", name=name))
        if result.is_open:
            raise WrongState(Said("store {name}: a verdict is not final yet", name=name))
        if result.is_stale:
            raise WrongState(
                Said("store {name}: a verdict changed since, so audit it again", name=name)
            )
        decided[row.id] = _after(row, _ACTS[result.share])
    _decide(uow, actor, "activity_store.pay", held, decided, answer, now or datetime.now(UTC))
    return decided


def start_stores(database: Database, company_id: int, activity_ids: Sequence[UUID]) -> int:
    """Let the approved stores of activities that are open run them; how many began. An effect: it may
    run twice.
    """
    started = 0
    while True:
        with database.company(company_id) as uow:
            some = start_some(uow, activity_ids)
        started += some
        if some < STORES_AT_ONCE:
            return started


def start_some(uow: UnitOfWork, activity_ids: Sequence[UUID]) -> int:
    """The next stores of `start_stores`, in the caller's transaction."""
    found = uow.rows(
        _TO_START,
        company=uow.company_id,
        activities=list(activity_ids),
        at_most=STORES_AT_ONCE,
    )
    held = [
        row
        for row in _locked(uow, [row.id for row in found], {"sees_all": True, "positions": []})
        # Withdrawn or started by another meanwhile.
        if row.state == "APPROVED" and row.activity_state == "OPEN"
    ]
    decided = {row.id: _after(row, "start") for row in held}
    if decided:
        _decide(uow, STARTER, "activity_store.start", held, decided, None, None)
    return len(found)


def _decide(
    uow: UnitOfWork,
    actor: Actor,
    action: str,
    held: Sequence[Any],
    decided: dict[UUID, str],
    answer: str | None,
    decided_at: datetime | None,
) -> None:
    if answer is not None and (len(answer) > DECISION_MAX or "\x00" in answer):
        raise FieldInvalid(Said("answer: a text of 0 to {most} characters", most=DECISION_MAX))
    publish_decided(uow, {id_: (state, answer, decided_at) for id_, state in decided.items()})
    said = {} if answer is None else {"answer": answer}
    log_changes(
        uow,
        actor,
        action,
        "activity_store",
        [(row.id, {"state": row.state}, {"state": decided[row.id], **said}) for row in held],
    )


def _after(row: Any, act: str) -> str:
    state = PARTICIPATING.after(row.state, act)
    if state is None:
        raise WrongState(
            Said(
                "store {what} is {state} by now",
                what=row.store_code or row.id,
                state=Said(row.state.lower()),
            )
        )
    return state


def _held(
    uow: UnitOfWork, ids: Iterable[UUID], asker_id: UUID | None, today: date
) -> Sequence[Any]:
    """These, locked, their records before their rows; of what the asker may not see none is there."""
    wanted = list(dict.fromkeys(ids))
    held = [row for row in _locked(uow, wanted, decided_by(uow, asker_id, today)) if row.is_seen]
    if len(held) < len(wanted):
        raise NoSuchActivityStore(Said("there is no such store in an activity of this company"))
    must_decide(uow, asker_id, today)
    return held


def _must_be_of_others(held: Sequence[Any], asker_id: UUID | None) -> None:
    if asker_id is not None and any(
        row.state == "REQUESTED" and row.person_id == asker_id for row in held
    ):
        raise MayNotDecide(Said("nobody decides about a request of their own"))


def _locked(uow: UnitOfWork, ids: Sequence[UUID], seen: dict[str, Any]) -> list[Any]:
    hold(uow, ids)
    return uow.rows(_LOCK, company=uow.company_id, ids=list(ids), **seen)
