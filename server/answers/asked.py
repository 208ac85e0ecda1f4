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

from server.identity.sessions import Visitor
from sync.state_machine import StateMachine, Step
from sync.unit_of_work import Database, OutOfTime, UnitOfWork
from sync.work import leave_work_each

ANSWER = "answer"
"""Topic of the outbox: answer this question."""

TOLD_FOR = timedelta(minutes=1)
FAILED_FOR = timedelta(seconds=10)
STAYS = timedelta(hours=1)
# What no worker took up for so long is left to one again.
LOST_AFTER = timedelta(minutes=10)
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
        Step("READING", "answer", "READY", "the worker"),
        Step("READING", "fail", "FAILED", "the worker, where there is no answer"),
        Step("WAITING", "ask", "WAITING", "whoever opens the page, where no worker took it up"),
        Step("READING", "ask", "WAITING", "whoever opens the page, where the worker was killed"),
        Step("READY", "ask", "WAITING", "whoever opens the page, a minute later"),
        Step("FAILED", "ask", "WAITING", "whoever opens the page, ten seconds later"),
    ),
)

_FIND = """
select state, answer, failure, asked_at, held_until, read_at, ended_at from long_answer
where company_id = :company and id = :id
"""
_ASK = """
insert into long_answer (company_id, id, person_id, name, arguments, state, asked_at)
values (:company, :id, :person, :name, cast(:arguments as jsonb), :state, :now)
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
update long_answer set state = :state, read_at = :now,
       held_until = cast(:now as timestamptz) + make_interval(secs => :held_s)
where company_id = :company and id = :id and state = any(:sources)
  and (state <> :state or held_until < :now)
returning person_id, name, arguments, asked_at
"""
_END = """
update long_answer set state = :state, answer = :answer, failure = :failure, ended_at = clock_timestamp(), held_until = null
where company_id = :company and id = :id and state = any(:sources) and asked_at = :asked_at
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
    """A worker is at it since it took it up, or none did yet."""

    asked_at: datetime
    is_taken_up: bool = False


@dataclass(frozen=True, slots=True)
class Failed:
    """There is no answer; `said` says why, where it is the question's fault."""

    said: str | None


@dataclass(frozen=True, slots=True)
class TakenUp:
    """A question that a worker has for itself."""

    id: UUID
    person_id: UUID
    name: str
    arguments: Mapping[str, str]
    asked_at: datetime


def ask(
    database: Database,
    visitor: Visitor,
    answerer: Answerer[T],
    arguments: Mapping[str, str],
    *,
    now: datetime,
    within_ms: int | None,
    wake: Callable[[], None] = lambda: None,
) -> Answered[T] | Waiting | Failed:
    """The answer, or where it stands. It is looked for here for so many milliseconds; None: for as long as it takes.
    `wake` lets a worker look at once.

    Raises whatever `answerer.read` does.
    """
    if within_ms is None:
        with database.reading(visitor.company_id) as uow:
            return Answered(answerer.read(uow, visitor, arguments, now))
    id_ = _id_of(visitor, answerer.name, arguments)
    try:
        with database.reading(visitor.company_id) as uow:
            found = uow.rows(_FIND, company=uow.company_id, id=id_)
            if found and (stands := _standing(found[0], answerer, now)) is not None:
                return stands
            if not found or _was_quick(found[0], within_ms):
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
            now=now,
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
    return Waiting(now)


def _id_of(visitor: Visitor, name: str, arguments: Mapping[str, str]) -> UUID:
    """The same for the same question of the same person, and by the same settings."""
    said = [visitor.company_id, str(visitor.person_id), visitor.policy_version, name]
    text = json.dumps([*said, sorted(arguments.items())])
    return UUID(bytes=sha256(text.encode()).digest()[:16])


def _standing(
    row: Any, answerer: Answerer[T], now: datetime
) -> Answered[T] | Waiting | Failed | None:
    """Where a question stands that was left to a worker; None where it is to be asked anew."""
    match row.state:
        case "READY" if row.read_at > now - TOLD_FOR:
            return Answered(msgspec.json.decode(row.answer, type=answerer.form), row.read_at)
        case "FAILED" if row.ended_at > now - FAILED_FOR:
            return Failed(row.failure)
        case "WAITING" if row.asked_at > now - LOST_AFTER:
            return Waiting(row.asked_at)
        case "READING" if row.held_until > now:
            return Waiting(row.asked_at, is_taken_up=True)
    return None


def _was_quick(row: Any, within_ms: int) -> bool:
    """Whether a worker had its answer in the time that a page has: it was only the machine that was busy."""
    took = None if row.answer is None else row.ended_at - row.read_at
    return took is not None and took < timedelta(milliseconds=within_ms)


def take_up(uow: UnitOfWork, id_: UUID, now: datetime) -> TakenUp | None:
    """Have a question for oneself; None where somebody else has it, or nobody wants it any more."""
    act = _act("take up")
    found = uow.rows(_CLAIM, company=uow.company_id, id=id_, held_s=HELD_FOR_S, now=now, **act)
    return TakenUp(id_, **found[0]._mapping) if found else None  # noqa: SLF001 - SQLAlchemy's public name


def end_answer(
    uow: UnitOfWork, taken: TakenUp, *, answer: str | None = None, failure: str | None = None
) -> None:
    """There is an answer, or there is none; nothing where it was asked anew meanwhile."""
    act = _act("fail" if answer is None else "answer")
    uow.run(
        _END,
        company=uow.company_id,
        id=taken.id,
        asked_at=taken.asked_at,
        answer=answer,
        failure=failure,
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
