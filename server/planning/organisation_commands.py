"""`roadbook region`, `position`: what a company is made of, set and changed by hand.

Things are named by their codes. Each command is one transaction, logged under the operator's name.
"""

import json
from datetime import date, datetime
from typing import Any

import click

from server.cli import say
from server.identity.aligned import NOTHING, say_list
from server.identity.companies import company_day
from server.identity.occupancies import position_by_code
from server.identity.terminal import at_most_option, company_of, company_option, operator
from server.planning.errors import PlanningError
from server.planning.organisation import (
    add_position,
    add_region,
    edit_position,
    edit_region,
    region_by_code,
)
from server.planning.vacancies import DAYS_AHEAD, list_vacancies
from sync.organisation import ROLES

_DAY = click.DateTime(["%Y-%m-%d"])
_NONE = "There is none yet."
_REGIONS = """
select r.code, r.name, a.code as above, r.boundary is not null as has_boundary from region r
left join region a on a.company_id = r.company_id and a.id = r.parent_id
where r.company_id = :company order by r.code limit :at_most
"""
_POSITIONS = """
select s.code, s.name, s.role, r.code as region,
       (select string_agg(p.name, ', ' order by o.is_acting, p.name) from occupancy o
        join person p on p.company_id = o.company_id and p.id = o.person_id
        where o.company_id = s.company_id and o.position_id = s.id and o.starts_on <= :today
          and (o.ends_on is null or o.ends_on >= :today)) as held_by
from position s join region r on r.company_id = s.company_id and r.id = s.region_id
where s.company_id = :company order by s.code limit :at_most
"""


@click.group()
def region() -> None:
    """Regions: see them, add them, change them."""


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


@region.command("edit")
@click.argument("code")
@click.option("--name")
@click.option("--boundary", type=click.File("rb"), help="A GeoJSON Polygon or MultiPolygon.")
@company_option
def edit_region_command(code: str, name: str | None, boundary: Any, company: str | None) -> None:
    """Change a region; what is not given stays, and so do the regions of stores."""
    area = None if boundary is None else _geojson(boundary.read())
    with company_of(company, PlanningError) as uow:
        edit_region(uow, operator(), region_by_code(uow, code), name=name, boundary=area)
    say(f"Changed: region {code}.")


@region.command("list")
@at_most_option
@company_option
def list_regions_command(at_most: int, company: str | None) -> None:
    """List regions by code."""
    with company_of(company) as uow:
        rows = uow.rows(_REGIONS, company=uow.company_id, at_most=at_most + 1)
    say_list(
        ("CODE", "NAME", "ABOVE", "BOUNDARY"),
        [(r.code, r.name, r.above or NOTHING, "yes" if r.has_boundary else "no") for r in rows],
        _NONE,
        at_most=at_most,
    )


@click.group()
def position() -> None:
    """Positions: see them, add them, change them. `roadbook person place` gives one to somebody."""


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


@position.command("edit")
@click.argument("code")
@click.option("--name")
@click.option("--region", "region_code", help="The code of another region.")
@company_option
def edit_position_command(
    code: str, name: str | None, region_code: str | None, company: str | None
) -> None:
    """Change a position; what is not given stays. Its routes and stores stay its own."""
    with company_of(company, PlanningError) as uow:
        edit_position(
            uow,
            operator(),
            position_by_code(uow, code),
            name=name,
            region_id=None if region_code is None else region_by_code(uow, region_code),
            today=company_day(uow),
        )
    say(f"Changed: position {code}.")


@position.command("list")
@at_most_option
@company_option
def list_positions_command(at_most: int, company: str | None) -> None:
    """List positions by code with who holds them today."""
    with company_of(company) as uow:
        rows = uow.rows(
            _POSITIONS, company=uow.company_id, today=company_day(uow), at_most=at_most + 1
        )
    say_list(
        ("CODE", "NAME", "ROLE", "REGION", "HELD BY"),
        [(r.code, r.name, r.role, r.region, r.held_by or NOTHING) for r in rows],
        _NONE,
        at_most=at_most,
    )


@position.command("vacancies")
@click.option("--on", "day", type=_DAY, metavar="DAY", help="Default: today.")
@click.option("--region", "region_code", help="Those of this region and of the regions below.")
@click.option("--uncovered", "is_uncovered", is_flag=True, help="Only where nobody stands in.")
@at_most_option
@company_option
def list_vacancies_command(
    *,
    day: datetime | None,
    region_code: str | None,
    is_uncovered: bool,
    at_most: int,
    company: str | None,
) -> None:
    """List positions that nobody holds: who did last, who stands in, who comes, what is due there."""
    with company_of(company, PlanningError) as uow:
        found = list_vacancies(
            uow,
            company_day(uow) if day is None else day.date(),
            is_uncovered=is_uncovered,
            region_id=None if region_code is None else region_by_code(uow, region_code),
            at_most=at_most + 1,
        )
    say_list(
        ("CODE", "NAME", "REGION", "HELD UNTIL", "ACTING", "NEXT", "ROUTES", f"DUE {DAYS_AHEAD} D"),
        [
            (
                one.code,
                one.name,
                one.region_code,
                _dated(one.last_holder, one.last_day),
                _dated(", ".join(one.acting) or None, one.acting_until),
                _dated(one.next_holder, one.next_day),
                str(one.routes),
                str(one.stops_due),
            )
            for one in found
        ],
        "Every position is held." if not is_uncovered else "Somebody looks after every position.",
        at_most=at_most,
    )


def _dated(name: str | None, day: date | None) -> str:
    return " ".join(filter(None, (name, None if day is None else str(day)))) or NOTHING


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
