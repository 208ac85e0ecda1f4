"""The city of the demo: Yunhe, which does not exist, on the plain where Chengdu lies.

Twelve townships tile it without gap or overlap: they share the points of one bent grid. A district
is the union of its three townships, the city that of its districts. Points are WGS-84.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import shapely
from shapely.geometry import mapping
from shapely.geometry.base import BaseGeometry

CENTRE_LAT_E7 = 306_600_000
CENTRE_LON_E7 = 1_040_600_000

# A township is about 6 km × 6 km; the numbers are 10⁻⁷ degrees at this latitude.
_CELL_LAT_E7 = 540_000
_CELL_LON_E7 = 626_000
_COLUMNS, _ROWS = 4, 3
# How far a point of the grid may be off its place, as a part of a cell.
_BEND = 0.18
# Points along each side of a township between its corners, so that borders look like borders.
_SIDE_POINTS = 3

DISTRICTS: tuple[tuple[str, str, tuple[str, str, str]], ...] = (
    ("LAKESIDE", "Lakeside", ("Reed Bank", "Crane Lake", "Ferry Steps")),
    ("OLDTOWN", "Old Town", ("Drum Tower", "Tea Market", "South Gate")),
    ("MILLS", "Mills", ("Cotton Mill", "Brick Kiln", "Canal Bend")),
    ("HILLGATE", "Hillgate", ("Pine Slope", "Stone Bridge", "Orchard")),
)


@dataclass(frozen=True, slots=True)
class Area:
    """A region to be: its code, name, the code of the region above it, and its boundary."""

    code: str
    name: str
    parent_code: str | None
    boundary: BaseGeometry | None

    def geojson(self) -> Mapping[str, Any] | None:
        """The boundary as GeoJSON in degrees."""
        return None if self.boundary is None else _listed(mapping(self.boundary))


def build_city(seed: int) -> tuple[Area, ...]:
    """The regions of the demo, each after the one above it. The same for the same seed."""
    townships = _townships(Random(f"{seed} city"))
    districts: list[Area] = []
    below: list[Area] = []
    for column, (code, name, names) in enumerate(DISTRICTS):
        cells = [townships[column, row] for row in range(_ROWS)]
        districts.append(Area(code, name, "YUNHE", shapely.union_all(cells)))
        below += [
            Area(f"{code}-{row + 1}", township, code, cell)
            for row, (township, cell) in enumerate(zip(names, cells, strict=True))
        ]
    city = shapely.union_all([district.boundary for district in districts])
    west, south, east, north = city.bounds
    province = shapely.box(west - 0.8, south - 0.6, east + 0.9, north + 0.7)
    return (
        Area("CN", "China", None, None),
        Area("WESTPLAIN", "West Plain", "CN", province),
        Area("YUNHE", "Yunhe", "WESTPLAIN", city),
        *districts,
        *below,
    )


def points_within(area: BaseGeometry, chance: Random, count: int) -> list[tuple[int, int]]:
    """So many (lat_e7, lon_e7) inside an area, gathered along a few streets, off its border."""
    inner = shapely.buffer(area, -0.0025)
    west, south, east, north = inner.bounds
    streets = _some_within(
        inner, 6, lambda: (chance.uniform(west, east), chance.uniform(south, north))
    )
    return [
        (round(lat * 1e7), round(lon * 1e7))
        for lon, lat in _some_within(inner, count, lambda: _near(chance, streets))
    ]


def _townships(chance: Random) -> dict[tuple[int, int], BaseGeometry]:
    """The cells of the bent grid by (column, row), rows from the south."""
    west = CENTRE_LON_E7 - _COLUMNS * _CELL_LON_E7 // 2
    south = CENTRE_LAT_E7 - _ROWS * _CELL_LAT_E7 // 2
    corners = {
        (column, row): (
            west + column * _CELL_LON_E7 + round(chance.uniform(-_BEND, _BEND) * _CELL_LON_E7),
            south + row * _CELL_LAT_E7 + round(chance.uniform(-_BEND, _BEND) * _CELL_LAT_E7),
        )
        for column in range(_COLUMNS + 1)
        for row in range(_ROWS + 1)
    }
    sides: dict[tuple[tuple[int, int], tuple[int, int]], list[tuple[int, int]]] = {}
    for (column, row), here in corners.items():
        for step in ((1, 0), (0, 1)):
            there = (column + step[0], row + step[1])
            if there in corners:
                sides[(column, row), there] = _side(here, corners[there], chance)
    cells = {}
    for column in range(_COLUMNS):
        for row in range(_ROWS):
            a, b = (column, row), (column + 1, row)
            c, d = (column + 1, row + 1), (column, row + 1)
            ring = [*sides[a, b], *sides[b, c], *sides[d, c][::-1], *sides[a, d][::-1]]
            cells[column, row] = shapely.Polygon([(x / 1e7, y / 1e7) for x, y in ring])
    return cells


def _side(here: tuple[int, int], there: tuple[int, int], chance: Random) -> list[tuple[int, int]]:
    """The points of a side from one corner to the other, bent a little; both corners included."""
    points = [here]
    for number in range(1, _SIDE_POINTS + 1):
        part = number / (_SIDE_POINTS + 1)
        points.append(
            (
                round(here[0] + (there[0] - here[0]) * part + chance.uniform(-1, 1) * 20_000),
                round(here[1] + (there[1] - here[1]) * part + chance.uniform(-1, 1) * 20_000),
            )
        )
    return [*points, there]


def _near(chance: Random, streets: Sequence[tuple[float, float]]) -> tuple[float, float]:
    lon, lat = chance.choice(streets)
    return lon + chance.gauss(0, 0.006), lat + chance.gauss(0, 0.005)


def _some_within(
    area: BaseGeometry, count: int, draw: Callable[[], tuple[float, float]]
) -> list[tuple[float, float]]:
    found: list[tuple[float, float]] = []
    while len(found) < count:
        drawn = [draw() for _ in range(2 * count)]
        lons, lats = zip(*drawn, strict=True)
        inside = shapely.contains_xy(area, lons, lats)
        found += [point for point, is_in in zip(drawn, inside, strict=True) if is_in]
    return found[:count]


def _listed(value: Any) -> Any:
    """GeoJSON with lists, as JSON has it, instead of tuples."""
    if isinstance(value, Mapping):
        return {name: _listed(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_listed(inner) for inner in value]
    return value
