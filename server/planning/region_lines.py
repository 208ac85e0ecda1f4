"""The lines of regions beside each other: what a new one takes, who gives way, what overlaps and what sticks out.

Pure: the regions with their lines come in, other lines and what is to be told go out. Areas are those of a
plane that touches the earth where the region lies: right to a percent for what one drives in a day.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from math import cos, radians
from typing import Any
from uuid import UUID

import numpy as np
import shapely
from shapely.geometry import mapping
from shapely.geometry.base import BaseGeometry

from server.language import Said
from server.planning.errors import BoundaryInvalid
from server.planning.region_list import RegionReach
from server.planning.regions import RegionLine
from sync.geo import Point

# Less is no ground but the roundings of two lines that follow each other: about a hundred square metres.
NOTHING_DEG2 = 1e-8
# Corners are kept to a centimetre.
GRID_DEG = 1e-7
_KM_A_DEGREE = 111.32

Lines = Mapping[UUID, RegionLine]


@dataclass(frozen=True, slots=True)
class Ground:
    """A region and a piece of ground: what it gives, takes, shares, or where it sticks out."""

    region_id: UUID
    name: str
    hectares: int


@dataclass(frozen=True, slots=True)
class Redrawn:
    """Lines that give way to one another: `lines` is how all are then.

    `gave` and `grew` are neighbours that lose ground and regions above that gain some; `shared` are those that overlap it
    still, `beyond` those above that it reaches out of, `out` those below that reach out of it.
    """

    lines: Lines
    gave: tuple[Ground, ...] = ()
    grew: tuple[Ground, ...] = ()
    shared: tuple[Ground, ...] = ()
    beyond: tuple[Ground, ...] = ()
    out: tuple[Ground, ...] = ()


def redraw(lines: Lines, drawn: RegionLine, reach: RegionReach, *, makes_room: bool) -> Redrawn:
    """The lines with that of `drawn` among them; the region above it is the new one already.

    `makes_room`: regions beside it, and those below these, give up what it takes, and regions above it grow around it,
    as far as they are within reach. Raises BoundaryInvalid where a region would have no ground left, or where the line
    leaves a region above that is not theirs to set.
    """
    then = {**lines, drawn.id: drawn}
    if drawn.boundary is None:
        return Redrawn(then)
    area = shape_of(drawn.boundary)
    above, below = _above(then, drawn.id), _below(then, drawn.id)
    told: dict[str, list[Ground]] = {}
    for line in lines.values():
        if line.boundary is None or line.id == drawn.id:
            continue
        other = shape_of(line.boundary)
        may_move = makes_room and reach.may_set(line.id)
        if line.id in above:
            ground = area.difference(other)
            becomes, name = other.union(area), "grew" if may_move else "beyond"
        elif line.id in below:
            ground = other.difference(area)
            becomes, name, may_move = other, "out", False
        else:
            ground = area.intersection(other)
            becomes, name = other.difference(area), "gave" if may_move else "shared"
        if ground.area <= NOTHING_DEG2:
            continue
        if name == "beyond" and not reach.may_set(line.id):
            raise BoundaryInvalid(
                Said("it reaches beyond {name}, whose line is not yours to set", name=line.name),
                "beyond",
                name=line.name,
            )
        if may_move:
            then[line.id] = _with(line, becomes)
        told.setdefault(name, []).append(Ground(line.id, line.name, hectares(ground)))
    return Redrawn(then, **{name: tuple(grounds) for name, grounds in told.items()})


def changed_ground(before: Lines, after: Lines) -> BaseGeometry:
    """The ground that lies in another region now: where a store's region may be another."""
    pieces = []
    for region_id, line in after.items():
        held = before.get(region_id)
        was = None if held is None else held.boundary
        if was == line.boundary:
            continue
        old = shapely.Polygon() if was is None else shape_of(was)
        new = shapely.Polygon() if line.boundary is None else shape_of(line.boundary)
        pieces.append(old.symmetric_difference(new))
    return shapely.union_all(pieces)


def lines_at(lines: Lines, ground: BaseGeometry) -> list[RegionLine]:
    """The regions, without the line of those that do not come near the ground."""
    return [
        line
        if line.boundary is not None and shape_of(line.boundary).intersects(ground.envelope)
        else replace(line, boundary=None)
        for line in lines.values()
    ]


def points_on(ground: BaseGeometry, points: Iterable[Point]) -> list[bool]:
    """Whether each point lies on the ground."""
    degrees = np.array(list(points), dtype=np.float64).reshape(-1, 2) / 1e7
    shapely.prepare(ground)
    return [bool(is_in) for is_in in shapely.contains_xy(ground, degrees[:, 1], degrees[:, 0])]


def box_of(ground: BaseGeometry) -> tuple[int, int, int, int]:
    """South, west, north and east of the ground, degrees × 10⁷."""
    west, south, east, north = (round(each * 1e7) for each in ground.bounds)
    return south, west, north, east


def hectares(area: BaseGeometry) -> int:
    """About how large an area of degrees is."""
    if area.is_empty:
        return 0
    _, south, _, north = area.bounds
    degrees2 = float(area.area)
    return round(degrees2 * _KM_A_DEGREE**2 * cos(radians((south + north) / 2)) * 100)


def shape_of(boundary: Mapping[str, Any]) -> BaseGeometry:
    """The area of a boundary; of an old one that crosses itself, what can be told of it."""
    area = shapely.from_geojson(json.dumps(dict(boundary)))
    return area if area.is_valid else shapely.make_valid(area)


def _with(line: RegionLine, area: BaseGeometry) -> RegionLine:
    """The region with this area as its own; slivers are none."""
    snapped = shapely.set_precision(area, GRID_DEG)
    parts = [
        part
        for part in shapely.get_parts(snapped)
        if part.geom_type == "Polygon" and part.area > NOTHING_DEG2
    ]
    if not parts:
        raise BoundaryInvalid(
            Said("{name} would have no ground left", name=line.name), "no_ground", name=line.name
        )
    kept = parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts)
    return replace(line, boundary=json.loads(json.dumps(mapping(kept))))


def _above(lines: Lines, region_id: UUID) -> set[UUID]:
    found: set[UUID] = set()
    place = lines[region_id].parent_id
    while place is not None and place not in found and place in lines:
        found.add(place)
        place = lines[place].parent_id
    return found


def _below(lines: Lines, region_id: UUID) -> set[UUID]:
    found = {region_id}
    while True:
        more = {line.id for line in lines.values() if line.parent_id in found} - found
        if not more:
            return found - {region_id}
        found |= more
