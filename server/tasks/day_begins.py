"""What the begin of a day does to tasks, notices and location checks, in bounded transactions that can be
run again.

Notices enter and leave phones with their days, and reach positions that have come into their regions.
Tasks that are over, and location checks, leave after as many days as visits stay. Nothing is deleted:
only the keys go.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID

from sync.direct import execute
from sync.kinds.notice.publish import publish_notices
from sync.policy import current_policy
from sync.record_store import leave_keys
from sync.rows import Statements
from sync.unit_of_work import Database, UnitOfWork

FIRST = UUID(int=0)
NOTICES_AT_ONCE = 20
OWNERS_AT_ONCE = 100

# Those that are shown today, and those that are on phones and should not be.
_TURNING = """
select n.id from notice n
where n.company_id = :company and n.id > :after
  and ((n.state = 'GIVEN' and :today between n.starts_on and n.ends_on)
       or (n.ends_on < :today
           and exists (select from record_key k where k.company_id = n.company_id and k.id = n.id)))
order by n.id limit :at_most
"""
_OWNERS = """
select id from (
    select id from person where company_id = :company
    union all
    select id from position where company_id = :company
) o
where id > :after order by id limit :at_most
"""
_OVER = """
select k.key, k.id from record_key k
join task t on t.company_id = k.company_id and t.id = k.id
where k.company_id = :company and k.key = any(:owners) and not k.is_placed
  and t.over_at < :moment
union all
select k.key, k.id from record_key k
join location_check c on c.company_id = k.company_id and c.id = k.id
where k.company_id = :company and k.key = any(:owners) and not k.is_placed
  and c.business_day < :since
order by id
"""


@dataclass(frozen=True, slots=True)
class TasksTurned:
    """What the begin of a day changed, in numbers."""

    notices_looked_at: int
    records_retired: int


def begin_tasks(database: Database, company_id: int, today: date) -> TasksTurned:
    """Begin the day for what a company asks and tells; `today` is the day in its time zone."""
    return TasksTurned(
        _in_slices(database, company_id, today, _turn_notices),
        _in_slices(database, company_id, today, _retire),
    )


def _in_slices(
    database: Database,
    company_id: int,
    today: date,
    turn: Callable[[UnitOfWork, date, UUID], tuple[int, UUID | None]],
) -> int:
    number, after = 0, FIRST
    while True:
        with database.company(company_id) as uow:
            some, last = turn(uow, today, after)
        number += some
        if last is None:
            return number
        after = last


def _turn_notices(uow: UnitOfWork, today: date, after: UUID) -> tuple[int, UUID | None]:
    rows = uow.rows(
        _TURNING, company=uow.company_id, after=after, today=today, at_most=NOTICES_AT_ONCE
    )
    ids = [row.id for row in rows]
    publish_notices(uow, ids, today)
    return len(ids), ids[-1] if len(ids) == NOTICES_AT_ONCE else None


def _retire(uow: UnitOfWork, today: date, after: UUID) -> tuple[int, UUID | None]:
    rows = uow.rows(_OWNERS, company=uow.company_id, after=after, at_most=OWNERS_AT_ONCE)
    owners = [row.id for row in rows]
    policy = current_policy(uow)[1]
    since = today - timedelta(days=policy.visit_days_on_phone)
    over = uow.rows(
        _OVER,
        company=uow.company_id,
        owners=owners,
        since=since,
        moment=datetime.combine(since, time(), policy.zone),
    )
    statements = Statements()
    leave_keys(statements, uow.company_id, [(str(row.key), str(row.id)) for row in over])
    execute(uow.driver, statements)
    return len(over), owners[-1] if len(owners) == OWNERS_AT_ONCE else None
