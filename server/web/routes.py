"""Routes: the positions of one's regions with what they have to do, and a position's six weeks that follow."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import msgspec
from flask import Blueprint, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import NotFound

from server.identity.sessions import Visitor
from server.language import (
    sentence,
    tell,
    told_day,
    told_number,
    told_short_day,
    told_weekday_names,
)
from server.planning.errors import NoSuchPosition
from server.planning.position_plan import PositionPlan, read_position_plan
from server.planning.positions import PositionListed, list_positions, list_regions
from server.planning.workload import (
    DayLoad,
    Workload,
    read_calendar,
    read_workloads,
    six_weeks,
)
from server.web.desk import Desk, draw, packed
from server.web.listing import Badge, Column, Link, Listing, answer_listing, pages_of, told_pages
from server.web.marks import text_and_id
from server.web.menu import OFFICE, PLANNERS
from server.web.proposals import proposal_routes
from server.web.route_edit import edit_routes
from server.web.route_words import map_words, placed
from server.web.rule_words import told_rule
from server.web.spans import told_way
from server.web.store_places import store_place_routes
from sync.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class PositionRow:
    """A line of the list."""

    position: PositionListed
    load: Workload
    capacity_min: int


@dataclass(frozen=True, slots=True)
class Cell:
    """A day of the calendar."""

    day: date
    told: str
    load: DayLoad | None
    is_worked: bool
    name: str | None
    is_past: bool


def _tenths(tenths: int) -> str:
    return told_number(tenths // 10) + ("" if tenths % 10 == 0 else f".{tenths % 10}")


COLUMNS: tuple[Column[PositionRow], ...] = (
    Column(
        sentence("Position"),
        lambda row: Link(
            row.position.code, url_for("routes.position_page", position_id=row.position.id)
        ),
        lambda row: row.position.code,
    ),
    Column(
        sentence("Held by"),
        lambda row: ", ".join(row.position.holders) or Badge(tell("vacant"), "warn"),
        lambda row: ", ".join(row.position.holders),
    ),
    Column(sentence("Region"), lambda row: row.position.region, lambda row: row.position.region),
    Column(
        sentence("Routes"),
        lambda row: told_number(row.position.routes),
        lambda row: row.position.routes,
        is_number=True,
    ),
    Column(
        sentence("Stores"),
        lambda row: told_number(row.position.stores),
        lambda row: row.position.stores,
        is_number=True,
    ),
    Column(
        sentence("Visits a day"),
        lambda row: _tenths(row.load.visits_a_day_tenths),
        lambda row: row.load.visits_a_day_tenths / 10,
        is_number=True,
    ),
    Column(
        sentence("Most on a day"),
        lambda row: told_number(row.load.most_visits),
        lambda row: row.load.most_visits,
        is_number=True,
    ),
    Column(
        sentence("Minutes a day"),
        lambda row: tell(
            "{minutes} of {capacity}",
            minutes=told_number(row.load.minutes_a_day),
            capacity=told_number(row.capacity_min),
        ),
        lambda row: row.load.minutes_a_day,
        is_number=True,
    ),
    Column(
        sentence("Days too full"),
        lambda row: Badge(told_number(row.load.days_over), "warn") if row.load.days_over else None,
        lambda row: row.load.days_over,
        is_number=True,
    ),
)


def route_routes(desk: Desk) -> Blueprint:
    """/routes and what is below it."""
    routes = Blueprint("routes", __name__, url_prefix="/routes")

    @routes.get("/")
    @desk.page(*OFFICE)
    def position_list(visitor: Visitor) -> ResponseReturnValue:
        """The positions that the visitor may see, with what the six weeks that follow ask of them."""
        region_id = typed_uuid(request.args.get("region"))

        read = pages_of(
            lambda uow, after, at_most: list_positions(
                uow,
                today=visitor.today,
                asker_id=visitor.person_id,
                region_id=region_id,
                after=after,
                at_most=at_most,
            ),
            lambda one: f"{one.code}~{one.id}",
            text_and_id,
        )

        def told(uow: UnitOfWork, shown: Sequence[PositionListed]) -> list[PositionRow]:
            first, last = six_weeks(visitor.today)
            loads = read_workloads(
                uow,
                [position.id for position in shown],
                first,
                last,
                policy=visitor.policy,
                calendar=read_calendar(uow, visitor.policy),
            )
            return [
                PositionRow(position, loads[position.id], visitor.policy.day_capacity_min)
                for position in shown
            ]

        with desk.database.reading(visitor.company_id) as uow:
            regions = list_regions(uow, today=visitor.today, asker_id=visitor.person_id)
        return answer_listing(
            desk,
            visitor,
            Listing(
                name="routes",
                columns=COLUMNS,
                read=told_pages(read, told),
                nothing=sentence("There is no position in the field here."),
            ),
            "routes/list.html",
            regions=[(str(one.id), "\u2003" * one.depth + one.name) for one in regions],
            region="" if region_id is None else str(region_id),
            may_set=visitor.has_role(*PLANNERS),
        )

    @routes.get("/positions/<uuid:position_id>")
    @desk.page(*OFFICE)
    def position_page(visitor: Visitor, position_id: UUID) -> ResponseReturnValue:
        """A position's routes, its stops by day, and its stores on the map."""
        plan = _plan(desk, visitor, position_id)
        return draw(
            "routes/position.html",
            plan=plan,
            weeks=_weeks(plan, visitor.today),
            weekdays=told_weekday_names(),
            groups={route.id: _by_rule(plan, route.id, visitor.today) for route in plan.routes},
            base=desk.base_map,
            may_set=visitor.has_role(*PLANNERS),
            words=msgspec.json.encode(map_words()).decode(),
        )

    @routes.get("/positions/<uuid:position_id>/places")
    @desk.page(*OFFICE)
    def position_places(visitor: Visitor, position_id: UUID) -> ResponseReturnValue:
        """Where the stores of a position's routes lie, for the map's script."""
        plan = _plan(desk, visitor, position_id)
        told = {
            "routes": [
                {
                    "id": route.id,
                    "name": route.name,
                    "stops": [
                        [stop.store_id, stop.name, placed(stop.lat_e7, stop.lon_e7, desk.base_map)]
                        for stop in route.stops
                        if stop.is_active
                    ],
                }
                for route in plan.routes
            ]
        }
        return packed(msgspec.json.encode(told))

    @routes.get("/positions/<uuid:position_id>/days/<day>")
    @desk.page(*OFFICE)
    def day_panel(visitor: Visitor, position_id: UUID, day: str) -> ResponseReturnValue:
        """The stops of a day in their order, for the panel."""
        plan = _plan(desk, visitor, position_id)
        asked = typed_day(day)
        if not plan.first <= asked <= plan.last:
            raise NotFound
        return draw(
            "routes/day.html",
            plan=plan,
            day=asked,
            load=plan.load(asked),
            told_way=told_way,
            stops=plan.stops,
            may_set=visitor.has_role(*PLANNERS),
        )

    edit_routes(desk, routes)
    store_place_routes(desk, routes)
    proposal_routes(desk, routes)
    return routes


def _plan(desk: Desk, visitor: Visitor, position_id: UUID) -> PositionPlan:
    try:
        with desk.database.reading(visitor.company_id) as uow:
            return read_position_plan(
                uow,
                position_id,
                policy=visitor.policy,
                today=visitor.today,
                asker_id=visitor.person_id,
            )
    except NoSuchPosition:
        raise NotFound from None


def _weeks(plan: PositionPlan, today: date) -> list[tuple[str, list[Cell]]]:
    """The weeks, each with its Monday and its days."""
    loads = {load.day: load for load in plan.workload.days}
    days = [
        plan.first + timedelta(days=number) for number in range((plan.last - plan.first).days + 1)
    ]
    cells = [
        Cell(
            day,
            told_day(day),
            loads.get(day),
            plan.calendar.is_worked(day),
            plan.calendar.names.get(day),
            day < today,
        )
        for day in days
    ]
    return [
        (told_short_day(cells[start].day), cells[start : start + 7])
        for start in range(0, len(cells), 7)
    ]


def _by_rule(plan: PositionPlan, route_id: UUID, today: date) -> list[tuple[str, list[Any]]]:
    """The stops of a route, those of one rule together, in the order in which they begin."""
    groups: dict[str, list[Any]] = {}
    route = next(one for one in plan.routes if one.id == route_id)
    for place, stop in enumerate(route.stops, start=1):
        groups.setdefault(told_rule(stop.rule, today), []).append((place, stop))
    return list(groups.items())


def typed_uuid(typed: str | None) -> UUID | None:
    """An id from an address; none typed is None. Raises NotFound."""
    if not typed:
        return None
    try:
        return UUID(typed)
    except ValueError:
        raise NotFound from None


def typed_day(typed: str) -> date:
    """A day from an address. Raises NotFound."""
    try:
        return date.fromisoformat(typed)
    except ValueError:
        raise NotFound from None
