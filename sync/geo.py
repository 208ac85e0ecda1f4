"""Points on the earth in WGS 84: how far, how fast, in which region, and out of which datum.

Coordinates are integers of 10⁻⁷ degrees (`_e7`), lengths integer centimetres, times integer
milliseconds. Source: domain rules, "Where: the check-in verdict"; ellipsoid: EPSG 7030.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from math import cos, fabs, hypot, pi, radians, sin, sqrt
from statistics import median_low
from typing import Any, NamedTuple

import numpy as np
import shapely
from geographiclib.geodesic import Geodesic
from numpy.typing import NDArray

from sync.flag import Flag

EQUATOR_CM = 637_813_700.0
ECCENTRICITY2 = 0.006694379990141317  # the ellipsoid's first eccentricity squared

# Up to here the short formula is within 2 mm of the geodesic, for as long as neither point is
# nearer to a pole than 70°; it costs half a microsecond instead of 28.
NEAR_CM = 500_000.0
NEAR_LAT_E7 = 700_000_000
# What the accuracy of one position can explain at most.
_EXCUSE_CM = 10_000
TURN_E7 = 3_600_000_000
HALF_TURN_E7 = TURN_E7 // 2


class Point(NamedTuple):
    """A place in WGS 84."""

    lat_e7: int
    lon_e7: int


class Datum(StrEnum):
    """What a phone's coordinates refer to: GPS, the Chinese survey's offset, Baidu's on top."""

    WGS84 = "WGS84"
    GCJ02 = "GCJ02"
    BD09 = "BD09"


class Occurrence(NamedTuple):
    """Something that took place at a corrected time and, where a position was taken, at a place.

    `accuracy_cm` is the 68 % radius that the phone reports.
    """

    at: int
    point: Point | None = None
    accuracy_cm: int | None = None


class Travel(NamedTuple):
    """What it takes to get from one occurrence to the next; the speed is a whole number of km/h."""

    distance_cm: int
    accuracy_cm: int
    elapsed_ms: int
    speed_kmh: int


def distance_cm(a: Point, b: Point, *bounds_cm: int) -> int:
    """Return the geodesic distance, right to the centimetre.

    Two points near each other (nearly all that are asked for) are measured on the ellipsoid with
    the radii of curvature at their middle latitude, others with the full geodesic. Within a
    centimetre of one of `bounds_cm` it is always the full geodesic, so that what is decided at a
    bound is decided by the definition and comes out the same for ever.
    """
    if -NEAR_LAT_E7 < a.lat_e7 < NEAR_LAT_E7 and -NEAR_LAT_E7 < b.lat_e7 < NEAR_LAT_E7:
        along_lon = fabs(b.lon_e7 - a.lon_e7)
        if along_lon > HALF_TURN_E7:
            along_lon = TURN_E7 - along_lon
        near = _near_cm(a.lat_e7, b.lat_e7, along_lon)
        if near <= NEAR_CM:
            for bound in bounds_cm:
                if fabs(near - bound) <= 1.0:
                    break
            else:
                return round(near)
    return geodesic_cm(a, b)


def geodesic_cm(a: Point, b: Point) -> int:
    """Return the length of the geodesic, to the nearest centimetre; ~28 µs."""
    line = Geodesic.WGS84.Inverse(
        a.lat_e7 / 1e7, a.lon_e7 / 1e7, b.lat_e7 / 1e7, b.lon_e7 / 1e7, Geodesic.DISTANCE
    )
    metres: float = line["s12"]
    return round(metres * 100)


def _near_cm(lat_e7: int, other_lat_e7: int, along_lon_e7: float) -> float:
    """Return the distance with the radii of curvature at the middle latitude."""
    middle = radians((lat_e7 + other_lat_e7) / 2e7)
    sine = sin(middle)
    w2 = 1.0 - ECCENTRICITY2 * sine * sine
    across = EQUATOR_CM / sqrt(w2)
    return hypot(
        across * (1.0 - ECCENTRICITY2) / w2 * radians((other_lat_e7 - lat_e7) / 1e7),
        across * cos(middle) * radians(along_lon_e7 / 1e7),
    )


def implied_travel(earlier: Occurrence, later: Occurrence) -> Travel | None:
    """Return the least that somebody must have travelled between two occurrences, and how fast.

    `distance_cm` is from point to point, `accuracy_cm` what both accuracies (each counted up to
    100 m, as in the verdict) can explain of it; only the rest implies a speed. Less than a second
    apart counts as a second: corrected times are not finer than that. None without two positions.
    """
    if earlier.point is None or later.point is None:
        return None
    distance = distance_cm(earlier.point, later.point)
    accuracy = sum(min(each.accuracy_cm or 0, _EXCUSE_CM) for each in (earlier, later))
    elapsed = later.at - earlier.at
    speed = speed_kmh(max(distance - accuracy, 0), elapsed)
    return Travel(distance, accuracy, elapsed, speed)


def implied_speed(earlier: Occurrence, later: Occurrence, limit_kmh: int) -> Flag | None:
    """Return the flag `implied_speed` with its figures where the least speed is above the limit."""
    travel = implied_travel(earlier, later)
    if travel is None or travel.speed_kmh <= limit_kmh:
        return None
    return {"flag": "implied_speed", **travel._asdict(), "limit_kmh": limit_kmh}


def speed_kmh(length_cm: int, elapsed_ms: int) -> int:
    """Return the speed in km/h, rounded up, so that it compares with a whole limit as it is."""
    # cm/ms = 10 m/s = 36 km/h
    return -(-36 * length_cm // max(elapsed_ms, 1_000))


def median_point(points: Iterable[Point]) -> Point:
    """Return the point of the median latitude and the median longitude (the lower of two).

    A few far-off points do not move it. Longitudes are taken on the side of the smallest one's
    hemisphere, so that points around 180° have a median among them.
    Raises ValueError when there are no points.
    """
    held = sorted(points)
    if not held:
        raise ValueError("no points to take the median of")
    origin = held[0].lon_e7
    shifts = [_within_half_turn(p.lon_e7 - origin) for p in held]
    lon = origin + median_low(shifts)
    return Point(median_low([p.lat_e7 for p in held]), _within_half_turn(lon))


def _within_half_turn(lon_e7: int) -> int:
    return (lon_e7 + HALF_TURN_E7) % TURN_E7 - HALF_TURN_E7


class Boundary:
    """A region's boundary polygon, prepared for asking about many points."""

    __slots__ = ("_shape",)

    def __init__(self, rings: Sequence[Sequence[Point]]) -> None:
        """Take the outer ring and then its holes, each of at least three points."""
        outer, *holes = [[(p.lon_e7 / 1e7, p.lat_e7 / 1e7) for p in ring] for ring in rings]
        self._shape = shapely.Polygon(outer, holes)
        shapely.prepare(self._shape)

    def contains(self, point: Point) -> bool:
        """Whether the point lies inside; a point on the line itself does not."""
        lon, lat = point.lon_e7 / 1e7, point.lat_e7 / 1e7
        return bool(shapely.contains_xy(self._shape, lon, lat))

    def contains_each(self, points: Sequence[Point]) -> NDArray[np.bool_]:
        """Whether each point lies inside, in one call into compiled code."""
        degrees = np.array(points, dtype=np.float64).reshape(-1, 2) / 1e7
        inside: NDArray[np.bool_] = shapely.contains_xy(self._shape, degrees[:, 1], degrees[:, 0])
        return inside

    def outside_cm(self, point: Point) -> int:
        """Return how far outside of the boundary a point lies; 0 inside.

        Measured on a plane that touches the earth at the point: right to 1 % up to some 20 km.
        """
        if self.contains(point):
            return 0
        north_cm = _near_cm(point.lat_e7 - 5_000_000, point.lat_e7 + 5_000_000, 0)
        east_cm = _near_cm(point.lat_e7, point.lat_e7, 10_000_000)
        here = np.array([point.lon_e7 / 1e7, point.lat_e7 / 1e7])
        scale = np.array([east_cm, north_cm])
        plane = shapely.transform(self._shape, lambda degrees: (degrees - here) * scale)
        return round(float(shapely.distance(plane, shapely.Point(0, 0))))


def boundaries_of(geojson: Mapping[str, Any]) -> list[Boundary]:
    """The boundaries of a GeoJSON Polygon or MultiPolygon (RFC 7946, degrees, lon before lat)."""
    polygons = geojson["coordinates"]
    if geojson["type"] == "Polygon":
        polygons = [polygons]
    return [
        Boundary(
            [[Point(round(lat * 1e7), round(lon * 1e7)) for lon, lat, *_ in ring] for ring in rings]
        )
        for rings in polygons
    ]


# The offset datum of Chinese maps. No authority publishes it; these are the constants and the
# series in general use since 2013, which agree with map services to some decimetres.
_KRASOVSKY_M = 6_378_245.0
_KRASOVSKY_E2 = 0.00669342162296594323
_BAIDU_TURN = pi * 3000.0 / 180.0
# The rectangle in which Chinese map services offset coordinates.
SOUTH_E7, NORTH_E7 = 8_293_000, 558_271_000
WEST_E7, EAST_E7 = 720_040_000, 1_378_347_000
# Where the inverses stop, in degrees: about a millimetre, and a tenth of one.
CHINESE_CLOSE = 1e-8
BAIDU_CLOSE = 1e-9


def to_wgs84(lat_e7: int, lon_e7: int, datum: Datum | str) -> Point:
    """Return the WGS 84 point of coordinates in the datum that a phone named.

    The inverse has no closed form; the forward offset is applied until the result maps onto the
    input (to 10⁻⁸ degrees, about a millimetre). Outside of the rectangle around China both offset
    datums are WGS 84 and the point is unchanged: that is what Chinese phones and map services
    report abroad.
    """
    if datum == Datum.WGS84 or not _is_offset(lat_e7, lon_e7):
        return Point(lat_e7, lon_e7)
    lat, lon = lat_e7 / 1e7, lon_e7 / 1e7
    if datum == Datum.BD09:
        lat, lon = _from_baidu(lat, lon)
    to_lat, to_lon = lat, lon
    for _ in range(10):
        north, east = chinese_offset(to_lat, to_lon)
        off_lat, off_lon = lat - (to_lat + north), lon - (to_lon + east)
        to_lat += off_lat
        to_lon += off_lon
        if fabs(off_lat) < CHINESE_CLOSE and fabs(off_lon) < CHINESE_CLOSE:
            break
    return Point(round(to_lat * 1e7), round(to_lon * 1e7))


def from_wgs84(point: Point, datum: Datum | str) -> Point:
    """Return the coordinates of a WGS 84 point in the datum of a base map."""
    if datum == Datum.WGS84 or not _is_offset(point.lat_e7, point.lon_e7):
        return point
    lat, lon = point.lat_e7 / 1e7, point.lon_e7 / 1e7
    north, east = chinese_offset(lat, lon)
    lat, lon = lat + north, lon + east
    if datum == Datum.BD09:
        lat, lon = to_baidu(lat, lon)
    return Point(round(lat * 1e7), round(lon * 1e7))


def _is_offset(lat_e7: int, lon_e7: int) -> bool:
    return SOUTH_E7 <= lat_e7 <= NORTH_E7 and WEST_E7 <= lon_e7 <= EAST_E7


def chinese_offset(lat: Any, lon: Any, m: Any = math) -> tuple[Any, Any]:
    """Return by how many degrees GCJ-02 lies north and east of WGS 84; all in degrees.

    `m` has the functions: `math` for one point, `numpy` for arrays of them.
    """
    sin, sqrt, fabs = m.sin, m.sqrt, m.fabs
    x, y = lon - 105.0, lat - 35.0
    root = sqrt(fabs(x))
    ripple = (20.0 * sin(6.0 * x * pi) + 20.0 * sin(2.0 * x * pi)) * 2.0 / 3.0
    # fmt: off
    north_m = (
        -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + ripple
        + (20.0 * sin(y * pi) + 40.0 * sin(y / 3.0 * pi)) * 2.0 / 3.0
        + (160.0 * sin(y / 12.0 * pi) + 320.0 * sin(y * pi / 30.0)) * 2.0 / 3.0
    )
    east_m = (
        300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + ripple
        + (20.0 * sin(x * pi) + 40.0 * sin(x / 3.0 * pi)) * 2.0 / 3.0
        + (150.0 * sin(x / 12.0 * pi) + 300.0 * sin(x / 30.0 * pi)) * 2.0 / 3.0
    )
    # fmt: on
    phi = lat * (pi / 180.0)
    sine = sin(phi)
    w2 = 1.0 - _KRASOVSKY_E2 * sine * sine
    along = _KRASOVSKY_M * (1.0 - _KRASOVSKY_E2) / (w2 * sqrt(w2))
    across = _KRASOVSKY_M / sqrt(w2) * m.cos(phi)
    return north_m / (along * pi / 180.0), east_m / (across * pi / 180.0)


def to_baidu(lat: Any, lon: Any, m: Any = math) -> tuple[Any, Any]:
    """Return the BD-09 coordinates of GCJ-02 ones; degrees, `m` as above."""
    radius = m.hypot(lon, lat) + 0.00002 * m.sin(lat * _BAIDU_TURN)
    angle = m.atan2(lat, lon) + 0.000003 * m.cos(lon * _BAIDU_TURN)
    return radius * m.sin(angle) + 0.006, radius * m.cos(angle) + 0.0065


def _from_baidu(lat: float, lon: float) -> tuple[float, float]:
    """Return the GCJ-02 point whose BD-09 coordinates these are; degrees, iterated likewise."""
    to_lat, to_lon = lat - 0.006, lon - 0.0065
    for _ in range(10):
        mapped_lat, mapped_lon = to_baidu(to_lat, to_lon)
        to_lat += lat - mapped_lat
        to_lon += lon - mapped_lon
        if fabs(lat - mapped_lat) < BAIDU_CLOSE and fabs(lon - mapped_lon) < BAIDU_CLOSE:
            break
    return to_lat, to_lon
