"""Errands that people ask for on a page, and how far each has come. Leaving the page stops nothing.

One that can be looked at first waits after that until whoever asked for it says so. A worker holds an errand for a while, and
longer with each note of how far it is: one that is killed leaves it to the next. A week after it was asked for it goes; of what
is over somebody keeps the latest few, and nothing of what they gave up before it was looked at.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from mobile_contract.schema import plain
from server.errands.errors import NoSuchErrand, NotNow, TooManyErrands
from server.language import Said, keep, read_kept
from sync.document import encode_document
from sync.state_machine import StateMachine, Step
from sync.unit_of_work import Database, UnitOfWork
from sync.work import leave_work_each

ERRAND = "errand"
"""Topic of the outbox: look at this errand, or do it."""

OPEN_MAX = 3
# Of one person, of what is over: a request may have megabytes.
KEPT_MAX = 10
STAYS = timedelta(days=7)
SHOWN_FOR = timedelta(days=1)
HELD_FOR_S = 300
_PURGED_AT_ONCE = 500
_OPEN_STATES = ("WAITING", "LOOKING", "CONFIRMED", "DOING")
_OVER = ("DONE", "CANCELLED", "FAILED")

ERRANDS = StateMachine(
    "errand",
    "What somebody asked for on a page that takes longer than a page may. What can be looked at first is shown before it is done.",
    (
        Step(None, "ask", "WAITING", "whoever asks, to see first what it does"),
        Step(None, "ask and confirm", "CONFIRMED", "whoever asks"),
        Step("WAITING", "take up", "LOOKING", "a worker"),
        Step("LOOKING", "take up", "LOOKING", "the next worker, where one was killed or stopped"),
        Step("LOOKING", "show", "READY", "the worker, with what it does"),
        Step("READY", "confirm", "CONFIRMED", "whoever asked"),
        Step("CONFIRMED", "take up", "DOING", "a worker"),
        Step(
            "DOING",
            "take up",
            "DOING",
            "the next worker, where one was killed or left it to others",
        ),
        Step("DOING", "end", "DONE", "the worker"),
        *(
            Step(state, "cancel", "CANCELLED", "whoever asked")
            for state in ("WAITING", "LOOKING", "READY", "CONFIRMED")
        ),
        Step("DOING", "cancel", "CANCELLED", "whoever asked; what each errand says of that holds"),
        Step("LOOKING", "fail", "FAILED", "the worker, where it cannot be done"),
        Step("DOING", "fail", "FAILED", "the worker, where it cannot be done"),
    ),
)

_COLUMNS = """
e.id, e.person_id, n.name as person, e.name, e.request, e.state, e.turn, e.tries, e.done, e.to_do, e.report, e.failure,
e.asked_at, e.changed_at
"""
_FROM = """
from errand e left join person n on n.company_id = e.company_id and n.id = e.person_id
where e.company_id = :company
"""
_ONE = f"select {_COLUMNS} {_FROM} and e.id = :id"
_LIST = f"""
select {_COLUMNS} {_FROM} and e.name = :name and e.person_id = :person and e.asked_at > :since
  and not (e.state = 'CANCELLED' and e.report is null)
order by e.asked_at desc, e.id limit :at_most
"""
_TURN = "select pg_advisory_xact_lock(hashtextextended(:key, 7))"
_OPEN = """
select count(*) as open from errand
where company_id = :company and person_id = :person and state = any(:states)
"""
_ASK = """
insert into errand (company_id, id, person_id, name, request, state)
values (:company, :id, :person, :name, cast(:request as jsonb), :state)
"""
_GIVE_UP = """
update errand set state = :state, changed_at = clock_timestamp(), held_until = null
where company_id = :company and person_id = :person and name = :name and state = any(:sources)
"""
_FORGET_GIVEN_UP = """
delete from errand where company_id = :company and person_id = :person and state = 'CANCELLED'
  and report is null and held_until is null
returning id
"""
_FORGET_WORK = """
delete from outbox where company_id = :company and topic = :topic and payload -> 'ids' ->> 0 = any(:ids)
"""
_FORGET_EARLIER = """
delete from errand where company_id = :company and id in (
    select id from errand
    where company_id = :company and person_id = :person and state = any(:states) and held_until is null
    order by asked_at desc, id offset :kept)
"""
_LOCK = """
select state, turn, held_until < clock_timestamp() as is_left from errand
where company_id = :company and id = :id for update
"""
# What was cancelled while it was done is held until a worker has closed it.
_MOVE = """
update errand set state = :state, changed_at = clock_timestamp(),
       held_until = case when state = 'DOING' then coalesce(held_until, clock_timestamp()) end
where company_id = :company and id = :id
"""
_TAKE_UP = """
update errand set state = :state, turn = turn + 1, tries = tries + 1, changed_at = clock_timestamp(),
       held_until = clock_timestamp() + make_interval(secs => :held_s)
where company_id = :company and id = :id
"""
_NOTE = """
update errand set done = :done, to_do = :to_do, report = coalesce(cast(:report as jsonb), report),
       changed_at = clock_timestamp(), held_until = clock_timestamp() + make_interval(secs => :held_s)
where company_id = :company and id = :id and turn = :turn and state in ('LOOKING', 'DOING', 'CANCELLED')
returning state <> 'CANCELLED' as is_wanted
"""
_END = """
update errand set state = :state, report = coalesce(cast(:report as jsonb), report), failure = :failure,
       done = coalesce(cast(:done as integer), done), tries = 0, changed_at = clock_timestamp(), held_until = null
where company_id = :company and id = :id
"""
_LEAVE = """
update errand set held_until = clock_timestamp(), tries = case when :is_tried then tries else 0 end
where company_id = :company and id = :id and turn = :turn and held_until is not null
"""
# Whoever had it is too late to note anything.
_CLOSE = """
update errand set turn = turn + 1, held_until = null where company_id = :company and id = :id
"""
_FORGET = """
delete from errand where company_id = :company and id in (
    select id from errand where company_id = :company and asked_at < :before order by asked_at limit :at_most)
"""


@dataclass(frozen=True, slots=True)
class Errand:
    """An errand. `report` is what it does, or what came of it; of which form is its kind's own."""

    id: UUID
    person_id: UUID
    person: str | None
    name: str
    request: dict[str, Any]
    state: str
    turn: int
    tries: int
    done: int
    to_do: int
    report: dict[str, Any] | None
    failure: Said | str | None
    asked_at: datetime
    changed_at: datetime

    @property
    def is_open(self) -> bool:
        """Whether a worker has something to do with it."""
        return self.state in _OPEN_STATES

    def may(self, act: str) -> bool:
        """Whether this may happen to it now."""
        return ERRANDS.after(self.state, act) is not None


def ask_errand(
    uow: UnitOfWork, person_id: UUID, name: str, request: dict[str, Any], *, is_shown_first: bool
) -> UUID:
    """Let a worker do this, or look first at what it would do. Who asks for another look gives up those that they had of
    this kind; what nobody looked at then goes at once, and so does what is over but for the latest few. Nothing of the
    company changes by it, so it is not logged. Raises TooManyErrands.
    """
    # One after the other, so that the bound holds.
    uow.rows(_TURN, key=f"errand {person_id}")
    who = {"company": uow.company_id, "person": person_id}
    if is_shown_first:
        sources = ["WAITING", "LOOKING", "READY"]
        state = ERRANDS.after(sources[0], "cancel")
        uow.run(_GIVE_UP, **who, name=name, state=state, sources=sources)
    given_up = [str(row.id) for row in uow.rows(_FORGET_GIVEN_UP, **who)]
    if given_up:
        uow.run(_FORGET_WORK, company=uow.company_id, topic=ERRAND, ids=given_up)
    uow.run(_FORGET_EARLIER, **who, states=list(_OVER), kept=KEPT_MAX)
    if uow.rows(_OPEN, **who, states=list(_OPEN_STATES))[0].open >= OPEN_MAX:
        raise TooManyErrands(
            Said("{most} of these are on their way already: wait for one", most=OPEN_MAX)
        )
    id_ = uuid4()
    uow.run(
        _ASK,
        **who,
        id=id_,
        name=name,
        request=encode_document(request).decode(),
        state=ERRANDS.after(None, "ask" if is_shown_first else "ask and confirm"),
    )
    leave_work_each(uow, ERRAND, [id_])
    return id_


def read_errand(uow: UnitOfWork, id_: UUID, asker_id: UUID | None) -> Errand:
    """One errand; of an asker only their own. Raises NoSuchErrand."""
    found = uow.rows(_ONE, company=uow.company_id, id=id_)
    if not found or (asker_id is not None and found[0].person_id != asker_id):
        raise NoSuchErrand(Said("there is no such errand"))
    return _errand(found[0])


def list_errands(
    uow: UnitOfWork, name: str, person_id: UUID, *, now: datetime, at_most: int = 5
) -> list[Errand]:
    """What somebody asked for in the last day, the latest first, without what they gave up before it was done."""
    rows = uow.rows(
        _LIST,
        company=uow.company_id,
        name=name,
        person=person_id,
        since=now - SHOWN_FOR,
        at_most=at_most,
    )
    return [_errand(row) for row in rows]


def confirm_errand(uow: UnitOfWork, id_: UUID, asker_id: UUID) -> None:
    """Let a worker do what was shown. Raises NoSuchErrand, NotNow."""
    _move(uow, id_, asker_id, "confirm")
    leave_work_each(uow, ERRAND, [id_])


def cancel_errand(uow: UnitOfWork, id_: UUID, asker_id: UUID) -> None:
    """Want no more of it. Raises NoSuchErrand, NotNow."""
    _move(uow, id_, asker_id, "cancel")


def take_up(uow: UnitOfWork, id_: UUID) -> tuple[Errand | None, bool]:
    """Have an errand for oneself: it, and whether another worker has it instead, or has yet to close it."""
    locked = uow.rows(_LOCK, company=uow.company_id, id=id_)
    state = ERRANDS.after(locked[0].state, "take up") if locked else None
    if state is None:
        return None, bool(locked) and locked[0].is_left is False
    # In a state that a worker has put it in, one may still be at it.
    if state == locked[0].state and locked[0].is_left is False:
        return None, True
    uow.run(_TAKE_UP, company=uow.company_id, id=id_, state=state, held_s=HELD_FOR_S)
    return read_errand(uow, id_, None), False


def note_done(
    uow: UnitOfWork, errand: Errand, done: int, to_do: int, report: dict[str, Any] | None = None
) -> bool:
    """Note how far it has come, and hold it for longer; whether it is still wanted, and by us."""
    values = {"done": done, "to_do": to_do, "turn": errand.turn, "held_s": HELD_FOR_S}
    said = None if report is None else encode_document(report).decode()
    found = uow.rows(_NOTE, company=uow.company_id, id=errand.id, report=said, **values)
    return bool(found) and bool(found[0].is_wanted)


def end_turn(
    uow: UnitOfWork,
    errand: Errand,
    act: str,
    *,
    report: dict[str, Any] | None = None,
    failure: Said | str | None = None,
    done: int | None = None,
) -> bool:
    """A worker is through with it; False where it is another's by now, or not wanted any more, and nothing is noted."""
    locked = uow.rows(_LOCK, company=uow.company_id, id=errand.id)
    if not locked or locked[0].turn != errand.turn:
        return False
    state = ERRANDS.after(locked[0].state, act)
    if state is None:
        return False
    uow.run(
        _END,
        company=uow.company_id,
        id=errand.id,
        state=state,
        report=None if report is None else encode_document(report).decode(),
        failure=None if failure is None else plain(keep(failure)),
        done=done,
    )
    return True


def leave_turn(uow: UnitOfWork, errand: Errand) -> None:
    """Leave it to the next worker, because it did not come through."""
    uow.run(_LEAVE, company=uow.company_id, id=errand.id, turn=errand.turn, is_tried=True)


def pass_on(uow: UnitOfWork, errand: Errand) -> None:
    """Leave it to the next worker, after what waits already; nothing where another has it."""
    who = {"company": uow.company_id, "id": errand.id, "turn": errand.turn}
    if uow.run(_LEAVE, **who, is_tried=False):
        leave_work_each(uow, ERRAND, [errand.id])


def close_cancelled(uow: UnitOfWork, id_: UUID, turn: int | None = None) -> Errand | None:
    """One that was cancelled while it was done, so that what was done of it is logged, once: by the worker of this turn,
    or where none is at it any more by whoever comes.
    """
    locked = uow.rows(_LOCK, company=uow.company_id, id=id_)
    if not locked or ERRANDS.after(locked[0].state, "take up") is not None:
        return None
    if not (locked[0].is_left or (locked[0].is_left is False and locked[0].turn == turn)):
        return None
    uow.run(_CLOSE, company=uow.company_id, id=id_)
    return read_errand(uow, id_, None)


def purge_errands(database: Database, company_id: int, now: datetime) -> int:
    """Let go of what was asked for more than a week ago; how many."""
    purged = 0
    while True:
        with database.company(company_id) as uow:
            gone = uow.run(_FORGET, company=company_id, before=now - STAYS, at_most=_PURGED_AT_ONCE)
        purged += gone
        if gone < _PURGED_AT_ONCE:
            return purged


def _move(uow: UnitOfWork, id_: UUID, asker_id: UUID, act: str) -> None:
    read_errand(uow, id_, asker_id)
    (locked,) = uow.rows(_LOCK, company=uow.company_id, id=id_)
    state = ERRANDS.after(locked.state, act)
    if state is None:
        raise NotNow(Said("it has gone on meanwhile: look at it as it is"))
    uow.run(_MOVE, company=uow.company_id, id=id_, state=state)


def _errand(row: Any) -> Errand:
    found = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name
    if found["failure"] is not None:
        found["failure"] = read_kept(found["failure"])
    return Errand(**found)
