"""Tasks as the office gives them, sees them and takes them back.

A task belongs to a position, so that a successor gets it, or to one person. Whoever gives or sees one
does so by the positions that they may see: of a person's task by those that the person holds.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from sqlalchemy import insert, update

from mobile_contract.fields import SHA256_PATTERN
from mobile_contract.records.task import TASK_SORTS, TASK_STATES, TASK_TEXT_MAX
from server.identity.change_log import Actor, log_changes
from server.identity.permissions import positions_to_act_for
from server.language import Said
from server.tasks.errors import (
    FieldInvalid,
    NoSuchPerson,
    NoSuchPosition,
    NoSuchRecord,
    NoSuchTask,
    WrongState,
)
from sync.kinds.task.judge import TASK
from sync.kinds.task.publish import publish_new_tasks
from sync.kinds.task.states import DOING
from sync.kinds.task.table import task
from sync.publish import Draft, hold_documents, publish
from sync.unit_of_work import UnitOfWork

REASON_MAX = 400
TASKS_AT_ONCE = 2_000
# A task is due within a year, or somebody mistyped it.
DAYS_AHEAD_MAX = 366
# What a task may be about → the kind of its record.
_ABOUT = {"store_id": 1, "visit_id": 4, "order_id": 12, "activity_store_id": 13}

# Whether the asker, who sees these positions, sees the task `t`.
_IS_SEEN = """
(:sees_all or t.position_id = any(:positions)
 or (t.person_id is not null
     and exists (select from occupancy o
                 where o.company_id = t.company_id and o.person_id = t.person_id
                   and o.position_id = any(:positions)
                   and o.starts_on <= :today and (o.ends_on is null or o.ends_on >= :today))))
"""
_POSITIONS = """
select id from position
where company_id = :company and id = any(:ids) and (:sees_all or id = any(:positions))
"""
_PEOPLE = """
select n.id from person n
where n.company_id = :company and n.id = any(:ids) and (n.left_on is null or n.left_on > :today)
  and (:sees_all or exists (
      select from occupancy o
      where o.company_id = n.company_id and o.person_id = n.id
        and o.position_id = any(:positions)
        and o.starts_on <= :today and (o.ends_on is null or o.ends_on >= :today)))
"""
# What a task may be about that is there, and that the asker sees by its position, or a store's routes.
_RECORDS = """
with about as (
    select r.id, r.kind, coalesce(s.id, p.store_id) as store_id,
           array[v.position_id, o.position_id, p.position_id] as position_ids
    from record r
    left join store s on r.kind = 1 and s.company_id = r.company_id and s.id = r.id
    left join visit v on r.kind = 4 and v.company_id = r.company_id and v.id = r.id
    left join order_header o on r.kind = 12 and o.company_id = r.company_id and o.id = r.id
    left join activity_store p on r.kind = 13 and p.company_id = r.company_id and p.id = r.id
    where r.company_id = :company and r.id = any(:ids) and r.doc is not null
)
select a.id, a.kind from about a
where :sees_all or a.position_ids && cast(:positions as uuid[])
   or exists (select from store s
              where s.company_id = :company and s.id = a.store_id and s.position_id = any(:positions))
   or exists (select from route_stop t
              join route o on o.company_id = t.company_id and o.id = t.route_id and o.is_active
              where t.company_id = :company and t.store_id = a.store_id
                and o.position_id = any(:positions))
"""
_LOCK = f"""
select t.id, t.state from task t
where t.company_id = :company and t.id = any(:ids) and {_IS_SEEN}
order by t.id for update
"""  # noqa: S608  put together from constants, above
_LISTED = f"""
select t.id, t.sort, t.text, t.state, t.due_on, t.state = 'OPEN' and t.due_on < :today as is_overdue,
       q.code as position_code, n.name as person, s.code as store_code, s.name as store_name,
       t.given_by, t.given_at, t.over_at,
       (select count(*) from task_answer a
        where a.company_id = t.company_id and a.task_id = t.id) as answers
from task t
left join position q on q.company_id = t.company_id and q.id = t.position_id
left join person n on n.company_id = t.company_id and n.id = t.person_id
left join store s on s.company_id = t.company_id and s.id = t.store_id
where t.company_id = :company and {_IS_SEEN}
"""  # noqa: S608  put together from constants, above
_LIST = f"""
{_LISTED} and t.state = any(:states)
  and (cast(:position as uuid) is null or t.position_id = :position)
  and (cast(:person as uuid) is null or t.person_id = :person)
  and (cast(:store as uuid) is null or t.store_id = :store)
  and (not :only_overdue or (t.state = 'OPEN' and t.due_on < :today))
  and (cast(:after_day as date) is null
       or (t.due_on, coalesce(q.code, ''), t.id) > (:after_day, cast(:after_code as text), cast(:after_id as uuid)))
order by t.due_on, coalesce(q.code, ''), t.id limit :at_most
"""
# The other way round, for what is over: the latest first.
_LIST_LATEST = _LIST.replace(", t.id) > (", ", t.id) < (").replace(
    "order by t.due_on, coalesce(q.code, ''), t.id",
    "order by t.due_on desc, coalesce(q.code, '') desc, t.id desc",
)
_ONE = f"{_LISTED} and t.id = :task"
_COUNTS = f"""
select q.code as position_code, n.name as person, count(*) as open,
       count(*) filter (where t.due_on < :today) as overdue, min(t.due_on) as first_due
from task t
left join position q on q.company_id = t.company_id and q.id = t.position_id
left join person n on n.company_id = t.company_id and n.id = t.person_id
where t.company_id = :company and t.state = 'OPEN' and {_IS_SEEN}
group by 1, 2 order by first_due, 1, 2 limit :at_most
"""  # noqa: S608
_ANSWERS = f"""
select a.id, a.is_settling, n.name as person, a.done_at, a.trust, a.note, a.photos, a.flags,
       a.visit_id, a.received_at
from task_answer a
join task t on t.company_id = a.company_id and t.id = a.task_id
join person n on n.company_id = a.company_id and n.id = a.person_id
where a.company_id = :company and a.task_id = :task and {_IS_SEEN}
order by a.received_at, a.id limit :at_most
"""  # noqa: S608


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTask:
    """A task to be given, to a position or to a person."""

    sort: str
    text: str
    due_on: date
    position_id: UUID | None = None
    person_id: UUID | None = None
    store_id: UUID | None = None
    visit_id: UUID | None = None
    order_id: UUID | None = None
    activity_store_id: UUID | None = None
    photo_sha256: str | None = None
    id: UUID | None = None


@dataclass(frozen=True, slots=True)
class TaskListed:
    """A task as the office sees it. `answers` counts all that came, also those beside the first."""

    id: UUID
    sort: str
    text: str
    state: str
    due_on: date
    is_overdue: bool
    position_code: str | None
    person: str | None
    store_code: str | None
    store_name: str | None
    given_by: str
    given_at: datetime
    over_at: datetime | None
    answers: int

    @property
    def mark(self) -> "TaskMark":
        return TaskMark(self.due_on, self.position_code or "", self.id)


class TaskMark(NamedTuple):
    """After which task of a list a page begins."""

    due_on: date
    position_code: str
    id: UUID


@dataclass(frozen=True, slots=True)
class OpenTasks:
    """How many tasks a position, or a person, has open, and since when one is due."""

    position_code: str | None
    person: str | None
    open: int
    overdue: int
    first_due: date


@dataclass(frozen=True, slots=True)
class TaskAnswered:
    """An answer to a task; the first to an open one settled it."""

    id: UUID
    is_settling: bool
    person: str
    done_at: datetime
    trust: str
    note: str | None
    photos: int
    flags: tuple[str, ...]
    visit_id: UUID | None
    received_at: datetime


def give_tasks(
    uow: UnitOfWork,
    actor: Actor,
    tasks: Sequence[NewTask],
    *,
    today: date,
    asker_id: UUID | None = None,
    now: datetime | None = None,
) -> list[UUID]:
    """Give these tasks; their ids, in order. All or none.

    Raises FieldInvalid, NoSuchPosition, NoSuchPerson, NoSuchRecord. Five queries and the publishing,
    whatever their number.
    """
    if not tasks:
        return []
    if len(tasks) > TASKS_AT_ONCE:
        raise FieldInvalid(Said("tasks: {most} at a time at most", most=TASKS_AT_ONCE))
    for new in tasks:
        _check(new, today)
    seen = _seen(uow, asker_id, today)
    _must_be_seen(uow, tasks, seen)
    _must_be_known(uow, tasks, seen)
    ids = [new.id or uuid4() for new in tasks]
    rows = [
        {
            "company_id": uow.company_id,
            "id": id_,
            "sort": new.sort,
            "text": new.text,
            "state": DOING.after(None, "give"),
            "due_on": new.due_on,
            "position_id": new.position_id,
            "person_id": new.person_id,
            **{name: getattr(new, name) for name in _ABOUT},
            "photo_sha256": new.photo_sha256,
            "given_by": actor.name if actor.person_id is not None else "the office",
            "given_at": now or datetime.now(UTC),
        }
        for id_, new in zip(ids, tasks, strict=True)
    ]
    uow.connection.execute(insert(task), rows)
    publish_new_tasks(uow, ids)
    log_changes(
        uow,
        actor,
        "task.give",
        "task",
        [(row["id"], None, {n: v for n, v in row.items() if n != "company_id"}) for row in rows],
    )
    return ids


def withdraw_tasks(
    uow: UnitOfWork,
    actor: Actor,
    ids: Iterable[UUID],
    reason: str,
    *,
    today: date,
    asker_id: UUID | None = None,
) -> None:
    """Take open tasks back; phones are told why. All or none.

    Raises NoSuchTask, WrongState where one is answered or withdrawn by now, FieldInvalid.
    """
    if not 1 <= len(reason.strip()) <= REASON_MAX or "\x00" in reason:
        raise FieldInvalid(Said("reason: a text of 1 to {most} characters", most=REASON_MAX))
    wanted = list(dict.fromkeys(ids))
    # In the order of phones' items: first the records, then the rows.
    documents = hold_documents(uow, wanted)
    seen = _seen(uow, asker_id, today)
    held = uow.rows(_LOCK, company=uow.company_id, ids=wanted, **seen)
    if len(held) < len(wanted):
        raise NoSuchTask(Said("there is no such task in this company"))
    states = {row.id: _withdrawn(row) for row in held}
    uow.connection.execute(
        update(task)
        .where(task.c.company_id == uow.company_id, task.c.id.in_(wanted))
        .values(state="WITHDRAWN", over_at=datetime.now(UTC))
    )
    publish(
        uow,
        [
            Draft(
                TASK,
                id_,
                {**documents[id_], "state": state, "withdrawn_because": reason.strip()},
            )
            for id_, state in states.items()
        ],
    )
    log_changes(
        uow,
        actor,
        "task.withdraw",
        "task",
        [
            (row.id, {"state": row.state}, {"state": states[row.id], "reason": reason.strip()})
            for row in held
        ],
    )


def list_tasks(
    uow: UnitOfWork,
    *,
    today: date,
    states: Collection[str] = TASK_STATES,
    position_id: UUID | None = None,
    person_id: UUID | None = None,
    store_id: UUID | None = None,
    only_overdue: bool = False,
    asker_id: UUID | None = None,
    is_latest_first: bool = False,
    after: TaskMark | None = None,
    at_most: int = 100,
) -> list[TaskListed]:
    """Tasks by their due day. One query, and one for the asker's scope."""
    rows = uow.rows(
        _LIST_LATEST if is_latest_first else _LIST,
        company=uow.company_id,
        states=list(states),
        position=position_id,
        person=person_id,
        store=store_id,
        only_overdue=only_overdue,
        after_day=None if after is None else after.due_on,
        after_code=None if after is None else after.position_code,
        after_id=None if after is None else after.id,
        at_most=at_most,
        **_seen(uow, asker_id, today),
    )
    return [TaskListed(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public name


def find_task(
    uow: UnitOfWork, task_id: UUID, *, today: date, asker_id: UUID | None = None
) -> TaskListed:
    """One task. Raises NoSuchTask, also where the asker may not see it."""
    found = uow.rows(_ONE, company=uow.company_id, task=task_id, **_seen(uow, asker_id, today))
    if not found:
        raise NoSuchTask(Said("there is no such task in this company"))
    return TaskListed(**found[0]._mapping)  # noqa: SLF001 - SQLAlchemy's public name


def open_tasks(
    uow: UnitOfWork, *, today: date, asker_id: UUID | None = None, at_most: int = 100
) -> list[OpenTasks]:
    """The open tasks of each position and person in numbers, the longest due first."""
    rows = uow.rows(_COUNTS, company=uow.company_id, at_most=at_most, **_seen(uow, asker_id, today))
    return [OpenTasks(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public name


def answers_to(
    uow: UnitOfWork,
    task_id: UUID,
    *,
    today: date,
    asker_id: UUID | None = None,
    at_most: int = 100,
) -> list[TaskAnswered]:
    """Every answer to a task, as they came; none where the asker may not see it."""
    rows = uow.rows(
        _ANSWERS,
        company=uow.company_id,
        task=task_id,
        at_most=at_most,
        **_seen(uow, asker_id, today),
    )
    return [
        TaskAnswered(**{**row._mapping, "flags": tuple(row.flags)})  # noqa: SLF001 - SQLAlchemy's public name
        for row in rows
    ]


def _check(new: NewTask, today: date) -> None:
    if new.sort not in TASK_SORTS:
        raise FieldInvalid(Said("sort: one of {choices}", choices=", ".join(TASK_SORTS)))
    if not 1 <= len(new.text) <= TASK_TEXT_MAX or "\x00" in new.text:
        raise FieldInvalid(Said("text: a text of 1 to {most} characters", most=TASK_TEXT_MAX))
    if not today <= new.due_on <= today + timedelta(days=DAYS_AHEAD_MAX):
        raise FieldInvalid(Said("due_on: from today to {most} days ahead", most=DAYS_AHEAD_MAX))
    if (new.position_id is None) == (new.person_id is None):
        raise FieldInvalid(Said("position_id: a task is of a position or of a person"))
    if new.photo_sha256 is not None and re.fullmatch(SHA256_PATTERN, new.photo_sha256) is None:
        raise FieldInvalid(Said("photo_sha256: 64 lowercase hexadecimal digits"))


def _must_be_seen(uow: UnitOfWork, tasks: Sequence[NewTask], seen: Mapping[str, Any]) -> None:
    """That every position and person is there, and is one that the asker may see."""
    positions = {new.position_id for new in tasks} - {None}
    people = {new.person_id for new in tasks} - {None}
    known: Mapping[str, Any] = {"company": uow.company_id, **seen}
    if len(uow.rows(_POSITIONS, ids=list(positions), **known)) < len(positions):
        raise NoSuchPosition(Said("there is no such position in this company"))
    if len(uow.rows(_PEOPLE, ids=list(people), **known)) < len(people):
        raise NoSuchPerson(Said("there is no such person in this company"))


def _must_be_known(uow: UnitOfWork, tasks: Sequence[NewTask], seen: Mapping[str, Any]) -> None:
    """That what the tasks are about is there, and that the asker may see it."""
    about = {
        (id_, kind): name
        for new in tasks
        for name, kind in _ABOUT.items()
        if (id_ := getattr(new, name)) is not None
    }
    if not about:
        return
    known = {name: seen[name] for name in ("sees_all", "positions")}
    rows = uow.rows(_RECORDS, company=uow.company_id, ids=[id_ for id_, _ in about], **known)
    for missing in about.keys() - {(row.id, row.kind) for row in rows}:
        raise NoSuchRecord(Said("{about}: it is not in this company", about=Said(about[missing])))


def _withdrawn(row: Any) -> str:
    state = DOING.after(row.state, "withdraw")
    if state is None:
        raise WrongState(
            Said("task {hex} is {state} by now", hex=row.id.hex[:8], state=Said(row.state.lower()))
        )
    return state


def _seen(uow: UnitOfWork, asker_id: UUID | None, today: date) -> dict[str, Any]:
    positions = positions_to_act_for(uow, asker_id, today)
    return {"sees_all": positions is None, "positions": sorted(positions or ()), "today": today}
