"""What the begin of a day does to activities, in bounded transactions that can be run again.

Activities open and end by their dates; what is over for as long as visits stay on phones leaves them.
Nothing is deleted: only the keys go.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID

from server.activities.activities import turn_activity
from server.identity.change_log import Actor
from sync.direct import execute
from sync.kinds.activity.publish import publish_activities
from sync.kinds.activity_store.publish import retire
from sync.policy import current_policy
from sync.record_store import leave_keys
from sync.rows import Statements
from sync.unit_of_work import Database, UnitOfWork

ACTOR = Actor.command("begin the day")
FIRST = UUID(int=0)
ACTIVITIES_AT_ONCE = 20
STORES_AT_ONCE = 200
PEOPLE_AT_ONCE = 100

_TURNING = """
select id from activity
where company_id = :company and id > :after
  and ((state = 'APPROVED' and starts_on <= :today)
       or (state in ('APPROVED', 'OPEN', 'SUSPENDED') and ends_on < :today))
order by id limit :at_most
"""
_SETTLED = """
select a.id from activity a
where a.company_id = :company and a.id > :after and a.settled_on < :since
  and exists (select from record_key k where k.company_id = a.company_id and k.id = a.id)
order by a.id limit :at_most
"""
# Those that go with their stores still.
_OVER = """
select c.id from companion c
join activity_store p on p.company_id = c.company_id and p.id = c.id
join activity a on a.company_id = p.company_id and a.id = p.activity_id
where c.company_id = :company and c.id > :after
  and (a.settled_on < :since
       or (p.state in ('REFUSED', 'WITHDRAWN') and p.decided_at < :moment))
order by c.id limit :at_most
"""
_PEOPLE = """
select id from person where company_id = :company and id > :after order by id limit :at_most
"""
# What people hold by themselves: requests that came second, and what they brought, unless a verdict on it is
# news to them.
_OWN = """
select k.key, k.id from record_key k
join activity_store p on p.company_id = k.company_id and p.id = k.id
where k.company_id = :company and k.key = any(:people) and not k.is_placed
  and p.state in ('REFUSED', 'WITHDRAWN') and p.decided_at < :moment
union all
select k.key, k.id from record_key k
join audit_visit v on v.company_id = k.company_id and v.id = k.id
where k.company_id = :company and k.key = any(:people) and not k.is_placed
  and (v.business_day < :since or v.received_at < :moment)
  and not exists (select from audit_case c
                  where c.company_id = v.company_id and c.id = v.id
                    and (c.state in ('JUDGED', 'APPEALED') or c.judged_at >= :moment))
order by id
"""

Turn = Callable[[UnitOfWork, date, UUID], tuple[int, UUID | None]]


@dataclass(frozen=True, slots=True)
class ActivitiesTurned:
    """What the begin of a day changed, in numbers."""

    opened_or_ended: int
    activities_retired: int
    stores_retired: int
    own_retired: int


def begin_activities(database: Database, company_id: int, today: date) -> ActivitiesTurned:
    """Begin the day for the activities of a company; `today` is the day in its time zone."""
    counts = [
        _in_slices(database, company_id, today, turn)
        for turn in (_turn_states, _retire_activities, _retire_stores, _retire_own)
    ]
    return ActivitiesTurned(*counts)


def _in_slices(database: Database, company_id: int, today: date, turn: Turn) -> int:
    number, after = 0, FIRST
    while True:
        with database.company(company_id) as uow:
            some, last = turn(uow, today, after)
        number += some
        if last is None:
            return number
        after = last


def _turn_states(uow: UnitOfWork, today: date, after: UUID) -> tuple[int, UUID | None]:
    ids = _ids(uow, _TURNING, ACTIVITIES_AT_ONCE, after=after, today=today)
    for id_ in ids:
        turn_activity(uow, ACTOR, id_, today=today)
    return len(ids), _last(ids, ACTIVITIES_AT_ONCE)


def _retire_activities(uow: UnitOfWork, today: date, after: UUID) -> tuple[int, UUID | None]:
    ids = _ids(uow, _SETTLED, ACTIVITIES_AT_ONCE, after=after, since=_since(uow, today)[0])
    publish_activities(uow, ids, today)
    return len(ids), _last(ids, ACTIVITIES_AT_ONCE)


def _retire_stores(uow: UnitOfWork, today: date, after: UUID) -> tuple[int, UUID | None]:
    since, moment = _since(uow, today)
    ids = _ids(uow, _OVER, STORES_AT_ONCE, after=after, since=since, moment=moment)
    if ids:
        retire(uow, ids)
    return len(ids), _last(ids, STORES_AT_ONCE)


def _retire_own(uow: UnitOfWork, today: date, after: UUID) -> tuple[int, UUID | None]:
    since, moment = _since(uow, today)
    people = _ids(uow, _PEOPLE, PEOPLE_AT_ONCE, after=after)
    rows = uow.rows(_OWN, company=uow.company_id, people=people, since=since, moment=moment)
    statements = Statements()
    leave_keys(statements, uow.company_id, [(str(row.key), str(row.id)) for row in rows])
    execute(uow.driver, statements)
    return len(rows), _last(people, PEOPLE_AT_ONCE)


def _ids(uow: UnitOfWork, statement: str, at_most: int, **values: object) -> list[UUID]:
    return [
        row.id for row in uow.rows(statement, company=uow.company_id, at_most=at_most, **values)
    ]


def _last(ids: list[UUID], at_most: int) -> UUID | None:
    """The last of a slice after which there may be more."""
    return ids[-1] if len(ids) == at_most else None


def _since(uow: UnitOfWork, today: date) -> tuple[date, datetime]:
    """The first day that phones still carry, and its first moment."""
    policy = current_policy(uow)[1]
    day = today - timedelta(days=policy.visit_days_on_phone)
    return day, datetime.combine(day, time(), policy.zone)
