"""Which region a point lies in: the lowest of the tree whose boundary contains it."""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import shapely

from sync.geo import Point, boundaries_of
from sync.unit_of_work import UnitOfWork

AT_MOST_NAMED = 20

_CODES = "select code from region where company_id = :company order by code limit :at_most"
_REGIONS = "select id, parent_id, boundary from region where company_id = :company"


def regions_of(uow: UnitOfWork, points: Sequence[Point]) -> list[UUID | None]:
    """The region of each point; None where no boundary contains it. One query."""
    rows = uow.rows(_REGIONS, company=uow.company_id)
    parents = {row.id: row.parent_id for row in rows}
    found: list[tuple[int, UUID | None]] = [(-1, None)] * len(points)
    for row in rows:
        if row.boundary is None:
            continue
        depth = _depth(row.id, parents)
        for boundary in boundaries_of(row.boundary):
            for place, is_in in enumerate(boundary.contains_each(points)):
                if is_in and depth > found[place][0]:
                    found[place] = (depth, row.id)
    return [region_id for _, region_id in found]


def region_codes(uow: UnitOfWork) -> str:
    """The codes to choose from, for a message; of many the first."""
    rows = uow.rows(_CODES, company=uow.company_id, at_most=AT_MOST_NAMED + 1)
    codes = [row.code for row in rows[:AT_MOST_NAMED]]
    return ", ".join(codes) + (" …" if len(rows) > AT_MOST_NAMED else "")


def trouble_with(geojson: Mapping[str, Any]) -> str | None:
    """Why nobody could say what is inside of this boundary, and where; None where all is well.

    Such a line crosses itself, or a part lies over another. Points off the earth are the same trouble.
    """
    area = shapely.from_geojson(json.dumps(geojson))
    west, south, east, north = area.bounds
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        return "longitude comes first, from -180 to 180 degrees, then latitude, from -90 to 90"
    if area.is_valid:
        return None
    what, _, where = shapely.is_valid_reason(area).partition("[")
    place = where.rstrip("]").replace(" ", ", ") or "everywhere"
    return f"{what.strip().lower()} at longitude, latitude {place}"


def _depth(region_id: UUID, parents: Mapping[UUID, UUID | None]) -> int:
    """How many regions are above; a tree that somebody bent into a ring ends at its size."""
    depth, above = 0, parents.get(region_id)
    while above is not None and depth < len(parents):
        depth, above = depth + 1, parents.get(above)
    return depth
