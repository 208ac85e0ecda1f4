"""Lines of regions between the company, which keeps them in WGS-84, and the base map, which may lie elsewhere."""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from server.language import Said
from server.planning.errors import BoundaryInvalid
from sync.geo import Datum, Point, from_wgs84, to_wgs84

Boundary = Mapping[str, Any]
Corner = tuple[float, float]
_AREAS = ("Polygon", "MultiPolygon")
_DIGITS = 7
_DEGREES_MAX = 1_000


def placed_boundary(boundary: Boundary, datum: Datum) -> Boundary:
    """A boundary of ours as it lies on the base map."""
    return boundary if datum is Datum.WGS84 else _each(boundary, lambda at: _placed(at, datum))


def taken_boundary(drawn: Boundary, datum: Datum, known: Iterable[Boundary]) -> Boundary:
    """What was drawn on the base map, in WGS-84. Raises BoundaryInvalid.

    A corner that is one of `known`, lines of ours, comes back as just that: what nobody touched stays as it was, and
    lines that follow each other still do.
    """
    try:
        if datum is Datum.WGS84:
            return _each(drawn, lambda at: (round(at[0], _DIGITS), round(at[1], _DIGITS)))
        held = {_placed(at, datum): at for line in known for at in _corners(line)}
        return _each(drawn, lambda at: _taken(at, datum, held))
    except (KeyError, TypeError, ValueError, IndexError, OverflowError):
        raise BoundaryInvalid(Said("no GeoJSON area"), "no_area") from None


def read_geojson(raw: bytes) -> Boundary:
    """The area of a GeoJSON file: of a geometry, a feature, or all areas of a collection. Raises BoundaryInvalid."""
    try:
        value = json.loads(raw)
        found = list(_areas(value))
        if not found:
            raise BoundaryInvalid(Said("no GeoJSON area"), "no_area")
        parts = [
            part
            for area in found
            for part in (
                [area["coordinates"]] if area["type"] == "Polygon" else area["coordinates"]
            )
        ]
        # Heights and what else a position may have is left behind.
        read = {"type": "MultiPolygon", "coordinates": parts}
        if len(parts) == 1:
            read = {"type": "Polygon", "coordinates": parts[0]}
        return _each(read, lambda at: (_degrees(at[0]), _degrees(at[1])))
    except (KeyError, TypeError, ValueError, IndexError, RecursionError):
        raise BoundaryInvalid(Said("no GeoJSON area"), "no_area") from None


def _degrees(value: Any) -> float:
    """A number that may be one of degrees; whether it lies on the earth is told with the line."""
    degrees = float(value)
    if not abs(degrees) <= _DEGREES_MAX:
        raise ValueError(value)
    return degrees


def _areas(value: Any) -> Iterable[Boundary]:
    if value["type"] == "FeatureCollection":
        for feature in value["features"]:
            yield from _areas(feature)
    elif value["type"] == "Feature":
        yield from _areas(value["geometry"])
    elif value["type"] == "GeometryCollection":
        for one in value["geometries"]:
            yield from _areas(one)
    elif value["type"] in _AREAS:
        yield value


def _each(boundary: Boundary, to: Callable[[Any], Corner]) -> dict[str, Any]:
    """The boundary with each of its corners put elsewhere."""
    parts = boundary["coordinates"]
    if boundary["type"] not in _AREAS:
        raise ValueError(boundary["type"])
    if boundary["type"] == "Polygon":
        return {"type": "Polygon", "coordinates": [[[*to(at)] for at in ring] for ring in parts]}
    return {
        "type": "MultiPolygon",
        "coordinates": [[[[*to(at)] for at in ring] for ring in rings] for rings in parts],
    }


def _corners(boundary: Boundary) -> Iterable[Corner]:
    parts = boundary["coordinates"]
    for rings in [parts] if boundary["type"] == "Polygon" else parts:
        for ring in rings:
            for lon, lat, *_ in ring:
                yield lon, lat


def _placed(at: Any, datum: Datum) -> Corner:
    point = from_wgs84(Point(round(at[1] * 1e7), round(at[0] * 1e7)), datum)
    return point.lon_e7 / 1e7, point.lat_e7 / 1e7


def _taken(at: Any, datum: Datum, held: Mapping[Corner, Corner]) -> Corner:
    here = round(at[0], _DIGITS), round(at[1], _DIGITS)
    if here in held:
        return held[here]
    point = to_wgs84(round(here[1] * 1e7), round(here[0] * 1e7), datum)
    return point.lon_e7 / 1e7, point.lat_e7 / 1e7
