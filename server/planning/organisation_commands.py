"""`roadbook region`, `position`, `holiday`, `store`, `route`: fill a company by hand.

Things are named by their codes. Each command is one transaction, logged under the operator's name.
"""

import json
import math
from datetime import date, datetime, timedelta
from typing import Any

import click

from server.cli import say
from server.identity.aligned import NOTHING, aligned
from server.identity.companies import company_day
from server.identity.occupancies import position_by_code
from server.identity.terminal import company_of, company_option, operator
from server.planning.errors import NoSuchStore, PlanningError
from server.planning.organisation import (
    add_holiday,
    add_position,
    add_region,
    region_by_code,
    remove_holiday,
)
from server.planning.regions import regions_of
from server.planning.routes import make_route
from server.planning.rules import Stop
from server.planning.stores import NewStore, make_stores
from sync.geo import Point
from sync.organisation import ROLES
from sync.unit_of_work import UnitOfWork

_DAY = click.DateTime(["%Y-%m-%d"])
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_REGIONS = """
select r.code, r.name, a.code as above, r.boundary is not null as has_boundary from region r
left join region a on a.company_id = r.company_id and a.id = r.parent_id
where r.company_id = :company order by r.code
"""
_POSITIONS = """
select s.code, s.name, s.role, r.code as region,
       (select string_agg(p.name, ', ' order by o.is_acting, p.name) from occupancy o
        join person p on p.company_id = o.company_id and p.id = o.person_id
        where o.company_id = s.company_id and o.position_id = s.id and o.starts_on <= :today
          and (o.ends_on is null or o.ends_on >= :today)) as held_by
from position s join region r on r.company_id = s.company_id and r.id = s.region_id
where s.company_id = :company order by s.code
"""
_HOLIDAYS = "select day, name from holiday where company_id = :company order by day"
_STORES = "select code, id from store where company_id = :company and code = any(:codes)"


@click.group()
def region() -> None:
    """Regions: see them, add them."""


@region.command("add")
@click.argument("code")
@click.argument("name")
@click.option("--above", help="The code of the region that it is part of; none for the top one.")
@click.option("--boundary", type=click.File("rb"), help="A GeoJSON Polygon or MultiPolygon.")
@company_option
def add_region_command(
    code: str, name: str, above: str | None, boundary: Any, company: str | None
) -> None:
    """Add a region."""
    area = None if boundary is None else _geojson(boundary.read())
    with company_of(company, PlanningError) as uow:
        add_region(
            uow,
            operator(),
            code=code,
            name=name,
            above=None if above is None else region_by_code(uow, above),
            boundary=area,
            today=company_day(uow),
        )
    say(f"Added: region {code}.")


@region.command("list")
@company_option
def list_regions_command(company: str | None) -> None:
    """List regions by code."""
    with company_of(company) as uow:
        rows = uow.rows(_REGIONS, company=uow.company_id)
    _say_list(
        ("CODE", "NAME", "ABOVE", "BOUNDARY"),
        [(r.code, r.name, r.above or NOTHING, "yes" if r.has_boundary else "no") for r in rows],
    )


@click.group()
def position() -> None:
    """Positions: see them, add them. `roadbook person place` gives one to somebody."""


@position.command("add")
@click.argument("code")
@click.argument("name")
@click.option("--role", required=True, type=click.Choice(ROLES))
@click.option("--region", "region_code", required=True, help="The code of its region.")
@company_option
def add_position_command(
    code: str, name: str, role: str, region_code: str, company: str | None
) -> None:
    """Add a position, which nobody holds yet."""
    with company_of(company, PlanningError) as uow:
        add_position(
            uow,
            operator(),
            code=code,
            name=name,
            role=role,
            region_id=region_by_code(uow, region_code),
            today=company_day(uow),
        )
    say(f"Added: position {code}.")


@position.command("list")
@company_option
def list_positions_command(company: str | None) -> None:
    """List positions with who holds them today."""
    with company_of(company) as uow:
        rows = uow.rows(_POSITIONS, company=uow.company_id, today=company_day(uow))
    _say_list(
        ("CODE", "NAME", "ROLE", "REGION", "HELD BY"),
        [(r.code, r.name, r.role, r.region, r.held_by or NOTHING) for r in rows],
    )


@click.group()
def holiday() -> None:
    """Days on which the company does not work; what they do to a route is in its rules."""


@holiday.command("add")
@click.argument("day", type=_DAY)
@click.argument("name")
@company_option
def add_holiday_command(day: datetime, name: str, company: str | None) -> None:
    """Add a holiday; plans from today on follow."""
    with company_of(company, PlanningError) as uow:
        add_holiday(uow, operator(), day.date(), name, today=company_day(uow))
    say(f"Added: {day.date()}.")


@holiday.command("remove")
@click.argument("day", type=_DAY)
@company_option
def remove_holiday_command(day: datetime, company: str | None) -> None:
    """Take a holiday away again; plans from today on follow."""
    with company_of(company, PlanningError) as uow:
        remove_holiday(uow, operator(), day.date(), today=company_day(uow))
    say(f"Removed: {day.date()}.")


@holiday.command("list")
@company_option
def list_holidays_command(company: str | None) -> None:
    """List holidays."""
    with company_of(company) as uow:
        rows = uow.rows(_HOLIDAYS, company=uow.company_id)
    _say_list(("DAY", "NAME"), [(row.day.isoformat(), row.name) for row in rows])


@click.group()
def store() -> None:
    """Stores set from above; what phones propose is `roadbook proposal`."""


@store.command("add")
@click.argument("code")
@click.argument("name")
@click.option("--channel", required=True, help="As in grocery or kiosk.")
@click.option("--class", "store_class", type=click.Choice(("A", "B", "C")))
@click.option("--address", default="")
@click.option("--at", nargs=2, type=float, metavar="LAT LON", help="Its pin, WGS-84 degrees.")
@click.option("--position", "position_code", help="The code of the position that owns it.")
@click.option("--region", "region_code", help="The code of its region, if not its pin's.")
@company_option
def add_store_command(
    *,
    code: str,
    name: str,
    channel: str,
    store_class: str | None,
    address: str,
    at: tuple[float, float] | None,
    position_code: str | None,
    region_code: str | None,
    company: str | None,
) -> None:
    """Add an active store."""
    pin = None if at is None else _pin(*at)
    with company_of(company, PlanningError) as uow:
        around = None if pin is None else regions_of(uow, [pin])[0]
        new = NewStore(
            code=code,
            name=name,
            channel=channel,
            address=address,
            store_class=store_class,
            lat_e7=None if pin is None else pin.lat_e7,
            lon_e7=None if pin is None else pin.lon_e7,
            position_id=None if position_code is None else position_by_code(uow, position_code),
            region_id=around if region_code is None else region_by_code(uow, region_code),
        )
        make_stores(uow, operator(), [new])
    say(f"Added: store {code}.")


@click.group()
def route() -> None:
    """Routes set from above; what phones propose is `roadbook proposal`."""


@route.command("add")
@click.argument("name")
@click.argument("stores", nargs=-1, required=True, metavar="STORE-CODE…")
@click.option("--position", "position_code", required=True, help="The code of its position.")
@click.option("--on", "weekdays", required=True, help="Weekdays, as in mon,wed,fri.")
@click.option("--every", "cycle_weeks", default=1, show_default=True, type=click.IntRange(1, 8))
@click.option("--from", "starts_on", type=_DAY, help="Its first day. Default: today.")
@company_option
def add_route_command(
    *,
    name: str,
    stores: tuple[str, ...],
    position_code: str,
    weekdays: str,
    cycle_weeks: int,
    starts_on: datetime | None,
    company: str | None,
) -> None:
    """Add a route: these stores in this order, every so many weeks counted from its first."""
    days = _weekdays(weekdays)
    with company_of(company, PlanningError) as uow:
        today = company_day(uow)
        first = today if starts_on is None else starts_on.date()
        rule = _rule(days, cycle_weeks, first)
        made = make_route(
            uow,
            operator(),
            position_id=position_by_code(uow, position_code),
            name=name,
            stops=[Stop(store_id, rule) for store_id in _stores_by_code(uow, stores)],
            today=today,
        )
    say(f"Added: route {name} with {len(stores)} stores.")
    for effect in made.effects:
        say(f"The phone of {effect.name} now holds {effect.records} records.")


def _pin(latitude: float, longitude: float) -> Point:
    if not (math.isfinite(latitude) and math.isfinite(longitude)):
        raise click.BadParameter("a pin is two numbers of degrees")
    return Point(round(latitude * 1e7), round(longitude * 1e7))


def _rule(weekdays: list[int], cycle_weeks: int, first: date) -> dict[str, Any]:
    return {
        "weekdays": weekdays,
        "cycle_weeks": cycle_weeks,
        "week_groups": [0],
        "anchor": (first - timedelta(days=first.weekday())).isoformat(),
        "starts_on": first.isoformat(),
        "ends_on": None,
        "on_holiday": "SKIP",
    }


def _weekdays(typed: str) -> list[int]:
    days = [day.strip().lower()[:3] for day in typed.split(",")]
    if not all(day in _WEEKDAYS for day in days) or len(set(days)) != len(days):
        raise click.BadParameter(f"{typed}: weekdays are {','.join(_WEEKDAYS)}, each once")
    return sorted(_WEEKDAYS.index(day) + 1 for day in days)


def _stores_by_code(uow: UnitOfWork, codes: tuple[str, ...]) -> list[Any]:
    found = {
        row.code: row.id for row in uow.rows(_STORES, company=uow.company_id, codes=list(codes))
    }
    for code in codes:
        if code not in found:
            raise NoSuchStore(f"there is no store {code!r} in this company")
    return [found[code] for code in codes]


def _geojson(raw: bytes) -> dict[str, Any]:
    try:
        value = json.loads(raw)
    except ValueError:
        value = None
    if isinstance(value, dict) and value.get("type") == "Feature":
        value = value.get("geometry")
    if not isinstance(value, dict):
        raise click.BadParameter("the boundary's file is not GeoJSON")
    return value


def _say_list(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    for line in aligned(header, rows) if rows else ["There is none yet."]:
        say(line)
