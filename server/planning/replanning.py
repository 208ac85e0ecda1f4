"""Plans of everybody follow a change of the calendar: the first positions at once, the rest by a job."""

from collections.abc import Iterable
from datetime import date
from uuid import UUID

from server.identity.companies import company_day
from server.planning.day_plans import plan_again
from sync.unit_of_work import Database, UnitOfWork
from sync.work import leave_work

TOPIC = "plan_again"
POSITIONS_AT_ONCE = 50

_ROUTED = """
select distinct position_id as id from route
where company_id = :company and is_active order by position_id
"""


def plan_everything_again(uow: UnitOfWork, today: date) -> None:
    """Make the plans of every position with a route again, from today on.

    So many as one transaction may hold are made in it; a company with more leaves the others to the
    queue (`plan_positions_again`).
    """
    positions = [row.id for row in uow.rows(_ROUTED, company=uow.company_id)]
    plan_again(uow, positions[:POSITIONS_AT_ONCE], today)
    leave_work(uow, TOPIC, positions[POSITIONS_AT_ONCE:])


def plan_positions_again(database: Database, company_id: int, position_ids: Iterable[UUID]) -> None:
    """Make the plans of these positions again in slices, each a transaction; may be done again."""
    ids = sorted(position_ids)
    for start in range(0, len(ids), POSITIONS_AT_ONCE):
        with database.company(company_id) as uow:
            plan_again(uow, ids[start : start + POSITIONS_AT_ONCE], company_day(uow))
