"""A position with its routes and the six weeks that follow, as one reading."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from server.planning.positions import PositionListed, find_position
from server.planning.route_sheets import RouteSheet, SheetStop, read_position_routes
from server.planning.workload import (
    Calendar,
    DayLoad,
    Workload,
    read_calendar,
    read_workloads,
    six_weeks,
)
from sync.policy import Policy
from sync.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class PositionPlan:
    """What a position has to do from the first day to the last."""

    position: PositionListed
    routes: tuple[RouteSheet, ...]
    workload: Workload
    calendar: Calendar
    first: date
    last: date

    @property
    def stops(self) -> Mapping[UUID, SheetStop]:
        """The stores of the routes; one of several routes as the first of them has it."""
        found: dict[UUID, SheetStop] = {}
        for route in self.routes:
            for stop in route.stops:
                found.setdefault(stop.store_id, stop)
        return found

    def load(self, day: date) -> DayLoad | None:
        """What is due on a day."""
        return next((load for load in self.workload.days if load.day == day), None)


def read_position_plan(
    uow: UnitOfWork, position_id: UUID, *, policy: Policy, today: date, asker_id: UUID | None
) -> PositionPlan:
    """The plan of a position. Raises NoSuchPosition. Eight queries."""
    position = find_position(uow, position_id, today=today, asker_id=asker_id)
    first, last = six_weeks(today)
    calendar = read_calendar(uow, policy)
    loads = read_workloads(
        uow, [position_id], first, last, policy=policy, calendar=calendar, with_stores=True
    )
    return PositionPlan(
        position,
        tuple(read_position_routes(uow, position_id, today=today, asker_id=asker_id)),
        loads[position_id],
        calendar,
        first,
        last,
    )
