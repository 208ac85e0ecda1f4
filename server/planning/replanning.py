"""Plans of everybody follow a change of the calendar: the first positions at once, the rest by a job."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from server.identity.companies import company_day
from server.planning.day_plans import plan_again
from server.planning.horizon import FIRST
from sync.unit_of_work import Database, UnitOfWork
from sync.work import add_work

TOPIC = "plan_again"
POSITIONS_AT_ONCE = 50

_ROUTED = """
select distinct position_id as id from route
where company_id = :company and is_active and position_id > :after
order by position_id limit :at_most
"""


def plan_everything_again(uow: UnitOfWork, today: date) -> None:
    """Make the plans of every position with a route again, from today on.

    So many as one transaction may hold are made in it; a company with more leaves the others to the
    queue, which makes them in slices of as many.
    """
    last = _plan_slice(uow, today, FIRST)
    if last is not None:
        add_work(uow, TOPIC, {"after": str(last)})


def plan_rest_again(database: Database, company_id: int, payload: Mapping[str, Any]) -> None:
    """The work that `plan_everything_again` left: slice by slice, each a transaction; may be done again."""
    after: UUID | None = UUID(payload["after"])
    while after is not None:
        with database.company(company_id) as uow:
            after = _plan_slice(uow, company_day(uow), after)


def _plan_slice(uow: UnitOfWork, today: date, after: UUID) -> UUID | None:
    """Plan the next positions; the last one where there may be more."""
    found = [
        row.id
        for row in uow.rows(
            _ROUTED, company=uow.company_id, after=after, at_most=POSITIONS_AT_ONCE
        )
    ]
    plan_again(uow, found, today)
    return found[-1] if len(found) == POSITIONS_AT_ONCE else None
