"""What happens when a company's day begins, in bounded transactions that can be run again.

Occupancies turn, plans are made up to the horizon and frozen for the day, and what is past the
horizon leaves the phones. A day that the job missed is caught up with by the next.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from server.identity.change_log import Actor
from server.planning.day_plans import PUBLISHED_AT_ONCE, freeze_day_plans, make_day_plans
from server.planning.handover import turn_occupancies
from server.planning.horizon import FIRST, Slice, retire_past, turn_plans
from sync.policy import current_policy
from sync.unit_of_work import Database

ACTOR = Actor.command("begin the day")
POSITIONS_AT_ONCE = 50

_ROUTED = """
select distinct position_id as id from route
where company_id = :company and is_active and position_id > :after
order by position_id limit :at_most
"""


@dataclass(frozen=True, slots=True)
class DayBegun:
    """What the begin of a day changed, in numbers."""

    scopes: int
    drained_devices: int
    plans_made: int
    plans_frozen: int
    plans_turned: int
    records_retired: int


def begin_day(database: Database, company_id: int, today: date) -> DayBegun:
    """Begin the day of a company; `today` is the day in its time zone."""
    scopes, drained = _turn(database, company_id, today)
    made = _extend_plans(database, company_id, today)
    frozen = 0
    while True:
        with database.company(company_id) as uow:
            some = freeze_day_plans(uow, today)
        frozen += some
        if some < PUBLISHED_AT_ONCE:
            break
    return DayBegun(
        scopes=scopes,
        drained_devices=drained,
        plans_made=made,
        plans_frozen=frozen,
        plans_turned=_in_slices(database, company_id, today, turn_plans),
        records_retired=_in_slices(database, company_id, today, retire_past),
    )


def _turn(database: Database, company_id: int, today: date) -> tuple[int, int]:
    scopes = drained = 0
    after: UUID | None = FIRST
    while after is not None:
        with database.company(company_id) as uow:
            turned = turn_occupancies(uow, ACTOR, today, after=after)
        scopes += sum(bool(one.gained or one.lost) for one in turned.scopes.values())
        drained += len(turned.drained_devices)
        after = turned.last
    return scopes, drained


def _extend_plans(database: Database, company_id: int, today: date) -> int:
    made, after = 0, FIRST
    while True:
        with database.company(company_id) as uow:
            until = today + timedelta(days=current_policy(uow)[1].plan_days_ahead)
            positions = [
                row.id
                for row in uow.rows(
                    _ROUTED, company=company_id, after=after, at_most=POSITIONS_AT_ONCE
                )
            ]
            made += make_day_plans(uow, positions, today, until, today=today).made
        if len(positions) < POSITIONS_AT_ONCE:
            return made
        after = positions[-1]


def _in_slices(database: Database, company_id: int, today: date, turn: Callable[..., Slice]) -> int:
    records = 0
    after: UUID | None = FIRST
    while after is not None:
        with database.company(company_id) as uow:
            done = turn(uow, today, after=after)
        records += done.records
        after = done.last
    return records
