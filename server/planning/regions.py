"""Which region a point lies in: the lowest of the tree whose boundary contains it."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import shapely

from server.language import Said, sentence
from sync.geo import Point, boundaries_of
from sync.unit_of_work import UnitOfWork

AT_MOST_NAMED = 20
OFF_EARTH = sentence(
    "longitude comes first, from -180 to 180 degrees, then latitude, from -90 to 90"
)
# What GEOS says of a line.
_TROUBLES = {
    OFF_EARTH: OFF_EARTH,
    "self-intersection": sentence("self-intersection"),
    "ring self-intersection": sentence("ring self-intersection"),
    "hole lies outside shell": sentence("hole lies outside shell"),
    "nested holes": sentence("nested holes"),
    "nested shells": sentence("nested shells"),
    "interior is disconnected": sentence("interior is disconnected"),
    "too few points in geometry component": sentence("too few points in geometry component"),
}

_CODES = "select code from region where company_id = :company order by code limit :at_most"
_LINES = """
select id, code, name, parent_id, boundary from region where company_id = :company order by code
"""


@dataclass(frozen=True, slots=True)
class RegionLine:
    """A region with its line on the map, where it has one."""

    id: UUID
    code: str
    name: str
    parent_id: UUID | None
    boundary: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why nobody could say what is inside of a boundary; where, in degrees, if it is at one place."""

    what: str
    at: tuple[float, float] | None = None

    @property
    def said(self) -> Said:
        """It with its place."""
        what = Said(_TROUBLES[self.what]) if self.what in _TROUBLES else Said(self.what)
        if self.at is None:
            return what
        lat, lon = self.at
        place = f"{lon:.10g}, {lat:.10g}"
        return Said("{what} at longitude, latitude {place}", what=what, place=place)


def regions_of(uow: UnitOfWork, points: Sequence[Point]) -> list[UUID | None]:
    """The region of each point; None where no boundary contains it. One query."""
    return lowest_regions(read_lines(uow).values(), points)


def read_lines(uow: UnitOfWork) -> dict[UUID, RegionLine]:
    """The regions of the company by id, in the order of their codes. One query."""
    rows = uow.rows(_LINES, company=uow.company_id)
    return {row.id: RegionLine(*row) for row in rows}


def lowest_regions(lines: Iterable[RegionLine], points: Sequence[Point]) -> list[UUID | None]:
    """`regions_of` by these lines; of two that are as low and overlap it is the first."""
    regions = list(lines)
    parents = {line.id: line.parent_id for line in regions}
    found: list[tuple[int, UUID | None]] = [(-1, None)] * len(points)
    for line in regions:
        if line.boundary is None:
            continue
        depth = _depth(line.id, parents)
        for boundary in boundaries_of(line.boundary):
            for place, is_in in enumerate(boundary.contains_each(points)):
                if is_in and depth > found[place][0]:
                    found[place] = (depth, line.id)
    return [region_id for _, region_id in found]


def region_codes(uow: UnitOfWork) -> str:
    """The codes to choose from, for a message; of many the first."""
    rows = uow.rows(_CODES, company=uow.company_id, at_most=AT_MOST_NAMED + 1)
    codes = [row.code for row in rows[:AT_MOST_NAMED]]
    return ", ".join(codes) + (" …" if len(rows) > AT_MOST_NAMED else "")


def find_trouble(geojson: Mapping[str, Any]) -> Trouble | None:
    """Why nobody could say what is inside of this boundary, and where; None where all is well.

    Such a line crosses itself, or a part lies over another. Points off the earth are the same trouble.
    """
    area = shapely.from_geojson(json.dumps(geojson))
    west, south, east, north = area.bounds
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        return Trouble(OFF_EARTH)
    if area.is_valid:
        return None
    what, _, where = shapely.is_valid_reason(area).partition("[")
    place = where.rstrip("]").split()
    at = (float(place[1]), float(place[0])) if len(place) > 1 else None
    return Trouble(what.strip().lower(), at)


def _depth(region_id: UUID, parents: Mapping[UUID, UUID | None]) -> int:
    """How many regions are above; a tree that somebody bent into a ring ends at its size."""
    depth, above = 0, parents.get(region_id)
    while above is not None and depth < len(parents):
        depth, above = depth + 1, parents.get(above)
    return depth
