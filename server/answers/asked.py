"""Questions of pages that may take long, and where each stands.

A page looks for an answer itself for as long as a page may take. What is not answered by then is left to a worker, and the page
waits for it: whoever leaves the page and comes back finds it where it stands. An answer of a worker is told for
a minute, with the moment that it is of; then the question goes to a worker at once, for an hour, where it was long for the worker, too.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Generic, TypeVar
from uuid import UUID

import msgspec

from mobile_contract.schema import plain
from server.identity.sessions import Visitor
from server.language import Said, keep, read_kept
from sync.state_machine import StateMachine, Step
from sync.unit_of_work import Database, OutOfTime, UnitOfWork
from sync.work import leave_work_each

ANSWER = "answer"
"""Topic of the outbox: answer this question."""

TOLD_FOR_S = 60
FAILED_FOR_S = 10
STAYS = timedelta(hours=1)
# What no worker took up for so long is left to one again.
LOST_AFTER_S = 600
# A reading ends before another worker may have it.
READ_WITHIN_MS = 80_000
HELD_FOR_S = 90
# Of one person: who asks for more gives up what they asked for first.
WAITING_MAX = 12
KEPT_MAX = 20
_PURGED_AT_ONCE = 500

ANSWERING = StateMachine(
    "long_answer",
    "What somebody asked on a page that takes longer than a page may. An hour after it was asked it goes, whatever its state.",
    (
        Step(None, "ask", "WAITING", "whoever opens the page"),
        Step("WAITING", "take up", "READING", "a worker"),
        Step("READING", "take up", "READING", "the next worker, where one was killed"),
        Step("READING", "give back", "WAITING", "the worker, where the database did not do it now"),
        Step("READING", "answer", "READY", "the worker"),
        Step("READING", "fail", "FAILED", "the worker, where there is no answer"),
        Step("WAITING", "ask", "WAITING", "whoever opens the page, where no worker took it up"),
        Step("READING", "ask", "WAITING", "whoever opens the page, where the worker was killed"),
        Step("READY", "ask", "WAITING", "whoever opens the page, a minute later"),
        Step("FAILED", "ask", "WAITING", "whoever opens the page, ten seconds later"),
    ),
)

# Whoever holds other positions than before asks another question.
_SEATS = """
select coalesce(string_agg(cast(position_id as text), ' ' order by position_id), '') as seats from occupancy
where company_id = :company and person_id = :person and starts_on <= :today and (ends_on is null or ends_on >= :today)
"""
# By the database's clock alone, which is the same for all machines.
_FIND = """
select state, answer, failure, read_at, clock_timestamp() - asked_at as waits,
       case state when 'READY' then ended_at > clock_timestamp() - make_interval(secs => :told_s)
                  when 'FAILED' then ended_at > clock_timestamp() - make_interval(secs => :failed_s)
                  when 'WAITING' then asked_at > clock_timestamp() - make_interval(secs => :lost_s)
                  else held_until > clock_timestamp() end as is_standing,
       state = 'READY' and ended_at - read_at < make_interval(secs => :within_s) as was_quick
from long_answer where company_id = :company and id = :id
"""
_ASK = """
insert into long_answer (company_id, id, person_id, name, arguments, state, asked_at)
values (:company, :id, :person, :name, cast(:arguments as jsonb), :state, clock_timestamp())
on conflict (company_id, id) do update
set state = excluded.state, asked_at = excluded.asked_at, answer = null, failure = null, held_until = null,
    read_at = null, ended_at = null
"""
_MAKE_ROOM = """
delete from long_answer where company_id = :company and person_id = :person and id in (
    select id from (
        select id, row_number() over (order by asked_at desc, id) as place,
               row_number() over (partition by state order by asked_at desc, id) as place_of_state, state
        from long_answer where company_id = :company and person_id = :person) k
    where k.place > :kept or (k.state = :waiting and k.place_of_state > :waiting_max))
"""
_CLAIM = """
update long_answer set state = :state, read_at = clock_timestamp(),
       held_until = clock_timestamp() + make_interval(secs => :held_s)
where company_id = :company and id = :id and state = any(:sources)
  and (state <> :state or held_until < clock_timestamp())
returning person_id, name, arguments, asked_at, read_at
"""
_IS_HELD = """
select from long_answer where company_id = :company and id = :id and state = any(:sources)
"""
_GIVE_BACK = """
update long_answer set state = :state, read_at = null, held_until = null
where company_id = :company and id = :id and state = any(:sources) and read_at = :read_at
"""
_END = """
update long_answer set state = :state, answer = :answer, failure = :failure, ended_at = clock_timestamp(), held_until = null
where company_id = :company and id = :id and state = any(:sources) and read_at = :read_at
"""
_FORGET = """
delete from long_answer where company_id = :company and id in (
    select id from long_answer where company_id = :company and asked_at < :before order by asked_at limit :at_most)
"""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Answerer(Generic[T]):
    """A kind of question: `read` answers it, with a value of the type `form` that JSON carries. The arguments are those
    of an address.
    """

    name: str
    form: Any
    read: Callable[[UnitOfWork, Visitor, Mapping[str, str], datetime], T]


@dataclass(frozen=True, slots=True)
class Answered(Generic[T]):
    """An answer. `as_of` where a worker read it: it is of that moment."""

    value: T
    as_of: datetime | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """A worker is at it, or none took it up yet; for how long it waits."""

    waits: timedelta
    is_taken_up: bool = False


@dataclass(frozen=True, slots=True)
class Failed:
    """There is no answer; `said` says why, where that can be told."""

    said: Said | str | None


@dataclass(frozen=True, slots=True)
class TakenUp:
    """A question that a worker has for itself."""

    id: UUID
    person_id: UUID
    name: str
    arguments: Mapping[str, str]
    asked_at: datetime
    # As of when it is read.
    read_at: datetime


class StillRead(Exception):
    """Another worker is at it; it is looked at again later."""


def ask(
    database: Database,
    visitor: Visitor,
    answerer: Answerer[T],
    arguments: Mapping[str, str],
    *,
    now: datetime,
    within_ms: int | None,
    wake: Callable[[], None] = lambda: None,
    is_looking_again: bool = False,
) -> Answered[T] | Waiting | Failed:
    """The answer, or where it stands. It is looked for here for so many milliseconds; None: for as long as it takes.
    `wake` lets a worker look at once. Whoever only looks again (a page that waits) begins nothing that was given up meanwhile.

    Raises whatever `answerer.read` does.
    """
    if within_ms is None:
        with database.reading(visitor.company_id) as uow:
            return Answered(answerer.read(uow, visitor, arguments, now))
    try:
        with database.reading(visitor.company_id) as uow:
            id_ = _id_of(uow, visitor, answerer.name, arguments)
            found = _find(uow, id_, within_ms)
            if found is not None and (stands := _standing(found, answerer)) is not None:
                return stands
            if found is None and is_looking_again:
                return Failed(Said("Much else was asked for meanwhile, and this was given up."))
            if found is None or found.was_quick:
                uow.end_within(within_ms)
                return Answered(answerer.read(uow, visitor, arguments, now))
    except OutOfTime:
        pass
    with database.company(visitor.company_id) as uow:
        uow.run(
            _ASK,
            company=uow.company_id,
            id=id_,
            person=visitor.person_id,
            name=answerer.name,
            arguments=json.dumps(dict(arguments)),
            state=ANSWERING.after(None, "ask"),
        )
        uow.run(
            _MAKE_ROOM,
            company=uow.company_id,
            person=visitor.person_id,
            waiting=ANSWERING.after(None, "ask"),
            waiting_max=WAITING_MAX,
            kept=KEPT_MAX,
        )
        leave_work_each(uow, ANSWER, [id_])
        uow.after_commit(wake)
    return Waiting(timedelta())


def _id_of(uow: UnitOfWork, visitor: Visitor, name: str, arguments: Mapping[str, str]) -> UUID:
    """The same for the same question of the same person in the same positions, and by the same settings."""
    (held,) = uow.rows(
        _SEATS, company=uow.company_id, person=visitor.person_id, today=visitor.today
    )
    said = [uow.company_id, str(visitor.person_id), held.seats, visitor.policy_version, name]
    text = json.dumps([*said, sorted(arguments.items())])
    return UUID(bytes=sha256(text.encode()).digest()[:16])


def _find(uow: UnitOfWork, id_: UUID, within_ms: int) -> Any:
    found = uow.rows(
        _FIND,
        company=uow.company_id,
        id=id_,
        told_s=TOLD_FOR_S,
        failed_s=FAILED_FOR_S,
        lost_s=LOST_AFTER_S,
        within_s=within_ms / 1000,
    )
    return found[0] if found else None


def _standing(row: Any, answerer: Answerer[T]) -> Answered[T] | Waiting | Failed | None:
    """Where a question stands that was left to a worker; None where it is to be asked anew."""
    if not row.is_standing:
        return None
    match row.state:
        case "READY":
            try:
                return Answered(msgspec.json.decode(row.answer, type=answerer.form), row.read_at)
            except msgspec.DecodeError:
                # Of the version before this one.
                return None
        case "FAILED":
            return Failed(None if row.failure is None else read_kept(row.failure))
    return Waiting(row.waits, is_taken_up=row.state == "READING")


def take_up(uow: UnitOfWork, id_: UUID) -> TakenUp | None:
    """Have a question for oneself; None where nobody wants it any more. Raises StillRead where another worker has it."""
    act = _act("take up")
    found = uow.rows(_CLAIM, company=uow.company_id, id=id_, held_s=HELD_FOR_S, **act)
    if found:
        return TakenUp(id_, **found[0]._mapping)  # noqa: SLF001 - SQLAlchemy's public name
    if uow.rows(
        _IS_HELD, company=uow.company_id, id=id_, sources=list(ANSWERING.sources_of("answer"))
    ):
        raise StillRead(f"question {id_} is being read by another worker")
    return None


def give_back(uow: UnitOfWork, taken: TakenUp) -> None:
    """Let the next worker have it."""
    uow.run(
        _GIVE_BACK, company=uow.company_id, id=taken.id, read_at=taken.read_at, **_act("give back")
    )


def end_answer(
    uow: UnitOfWork, taken: TakenUp, *, answer: str | None = None, failure: Said | str | None = None
) -> None:
    """There is an answer, or there is none; nothing where it was asked anew meanwhile."""
    act = _act("fail" if answer is None else "answer")
    uow.run(
        _END,
        company=uow.company_id,
        id=taken.id,
        read_at=taken.read_at,
        answer=answer,
        failure=None if failure is None else plain(keep(failure)),
        **act,
    )


def purge_answers(database: Database, company_id: int, now: datetime) -> int:
    """Let go of what was asked more than an hour ago; how many."""
    purged = 0
    while True:
        with database.company(company_id) as uow:
            gone = uow.run(_FORGET, company=company_id, before=now - STAYS, at_most=_PURGED_AT_ONCE)
        purged += gone
        if gone < _PURGED_AT_ONCE:
            return purged


def _act(act: str) -> dict[str, Any]:
    """The states in which it may happen, and the one that it leads to from each of them."""
    sources = ANSWERING.sources_of(act)
    return {"sources": list(sources), "state": ANSWERING.after(sources[0], act)}
