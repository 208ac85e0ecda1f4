"""The geodesy of geo.py over many points at once: distances, and the way out of the Chinese datums.

Latitudes and longitudes are arrays of 10⁻⁷ degrees, lengths whole centimetres. What comes out is what
geo.py gives for each point by itself, to the last unit; a test compares the two.
"""

import numpy as np
from numpy.typing import NDArray

from sync.geo import (
    BAIDU_CLOSE,
    CHINESE_CLOSE,
    EAST_E7,
    ECCENTRICITY2,
    EQUATOR_CM,
    HALF_TURN_E7,
    NEAR_CM,
    NEAR_LAT_E7,
    NORTH_E7,
    SOUTH_E7,
    TURN_E7,
    WEST_E7,
    Datum,
    Point,
    chinese_offset,
    geodesic_cm,
    to_baidu,
)

Whole = NDArray[np.int64]
_ROUNDS = 10
_RADIANS = np.pi / 180.0


def steps_cm(lat_e7: Whole, lon_e7: Whole) -> Whole:
    """From each point to the next: one length fewer than there are points.

    Near each other (all but a few) on the ellipsoid's radii of curvature, else the full geodesic.
    """
    lengths = near_cm(lat_e7[:-1], lon_e7[:-1], lat_e7[1:], lon_e7[1:])
    polar = np.maximum(np.abs(lat_e7[:-1]), np.abs(lat_e7[1:])) >= NEAR_LAT_E7
    for step in np.flatnonzero((lengths > NEAR_CM) | polar):
        here, there = (Point(int(lat_e7[n]), int(lon_e7[n])) for n in (step, step + 1))
        lengths[step] = geodesic_cm(here, there)
    return lengths


def near_cm(lat_e7: Whole, lon_e7: Whole, other_lat_e7: Whole, other_lon_e7: Whole) -> Whole:
    """Between points of two arrays (or one point and an array), by the radii of curvature at the
    middle latitude: within 2 mm up to 5 km, away from the poles; beyond that a mere estimate.
    """
    along = np.abs(other_lon_e7 - lon_e7)
    along = np.where(along > HALF_TURN_E7, TURN_E7 - along, along)
    middle = (lat_e7 + other_lat_e7) / 2e7 * _RADIANS
    sine = np.sin(middle)
    w2 = 1.0 - ECCENTRICITY2 * sine * sine
    across = EQUATOR_CM / np.sqrt(w2)
    lengths = np.hypot(
        across * (1.0 - ECCENTRICITY2) / w2 * ((other_lat_e7 - lat_e7) / 1e7 * _RADIANS),
        across * np.cos(middle) * (along / 1e7 * _RADIANS),
    )
    rounded: Whole = np.rint(lengths).astype(np.int64)
    return rounded


def to_wgs84_each(lat_e7: Whole, lon_e7: Whole, datum: Datum | str) -> tuple[Whole, Whole]:
    """The WGS 84 coordinates of points in the datum that a phone named; see `geo.to_wgs84`."""
    if datum == Datum.WGS84:
        return lat_e7, lon_e7
    offset = np.flatnonzero(
        (lat_e7 >= SOUTH_E7) & (lat_e7 <= NORTH_E7) & (lon_e7 >= WEST_E7) & (lon_e7 <= EAST_E7)
    )
    if not offset.size:
        return lat_e7, lon_e7
    lat, lon = lat_e7[offset] / 1e7, lon_e7[offset] / 1e7
    if datum == Datum.BD09:
        lat, lon = _from_baidu(lat, lon)
    to_lat, to_lon = lat.copy(), lon.copy()
    open_ = np.arange(offset.size)
    for _ in range(_ROUNDS):
        north, east = chinese_offset(to_lat[open_], to_lon[open_], np)
        off_lat = lat[open_] - (to_lat[open_] + north)
        off_lon = lon[open_] - (to_lon[open_] + east)
        to_lat[open_] += off_lat
        to_lon[open_] += off_lon
        # Each point stops for itself, as it does alone.
        open_ = open_[~((np.abs(off_lat) < CHINESE_CLOSE) & (np.abs(off_lon) < CHINESE_CLOSE))]
        if not open_.size:
            break
    converted_lat, converted_lon = lat_e7.copy(), lon_e7.copy()
    converted_lat[offset] = np.rint(to_lat * 1e7)
    converted_lon[offset] = np.rint(to_lon * 1e7)
    return converted_lat, converted_lon


def _from_baidu(
    lat: NDArray[np.float64], lon: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    to_lat, to_lon = lat - 0.006, lon - 0.0065
    open_ = np.arange(lat.size)
    for _ in range(_ROUNDS):
        mapped_lat, mapped_lon = to_baidu(to_lat[open_], to_lon[open_], np)
        off_lat, off_lon = lat[open_] - mapped_lat, lon[open_] - mapped_lon
        to_lat[open_] += off_lat
        to_lon[open_] += off_lon
        open_ = open_[~((np.abs(off_lat) < BAIDU_CLOSE) & (np.abs(off_lon) < BAIDU_CLOSE))]
        if not open_.size:
            break
    return to_lat, to_lon
