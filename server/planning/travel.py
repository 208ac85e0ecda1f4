"""How far stores are from each other, and how long the way is reckoned to take: whole metres and minutes.

As the crow flies, on the ellipsoid with the radii of curvature at the middle latitude, as `sync.geo` measures near points;
the speed that is reckoned with has the detours in it.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sync.geo import ECCENTRICITY2, EQUATOR_CM, HALF_TURN_E7, TURN_E7

Whole = NDArray[np.int64]


def lengths_m(lat_e7: Any, lon_e7: Any, other_lat_e7: Any, other_lon_e7: Any) -> Whole:
    """The lengths between points given as arrays that go together."""
    lat, lon, other_lat, other_lon = (
        np.asarray(each, dtype=np.int64) for each in (lat_e7, lon_e7, other_lat_e7, other_lon_e7)
    )
    along = np.abs(other_lon - lon)
    along = np.where(along > HALF_TURN_E7, TURN_E7 - along, along)
    middle = np.radians((lat + other_lat) / 2e7)
    w2 = 1.0 - ECCENTRICITY2 * np.sin(middle) ** 2
    across = EQUATOR_CM / np.sqrt(w2)
    metres = np.hypot(
        across * (1.0 - ECCENTRICITY2) / w2 * np.radians((other_lat - lat) / 1e7),
        across * np.cos(middle) * np.radians(along / 1e7),
    )
    whole: Whole = np.rint(metres / 100).astype(np.int64)
    return whole


def matrix_m(lat_e7: Any, lon_e7: Any) -> Whole:
    """The length from each point to each other."""
    lat, lon = np.asarray(lat_e7, dtype=np.int64), np.asarray(lon_e7, dtype=np.int64)
    return lengths_m(lat[:, None], lon[:, None], lat[None, :], lon[None, :])


def travel_s(length_m: int, speed_kmh: int) -> int:
    """Seconds for a way, rounded up."""
    return -(-length_m * 36 // (speed_kmh * 10))


def travel_min(length_m: int, speed_kmh: int) -> int:
    """Minutes for the ways of a day, rounded up."""
    return -(-length_m * 6 // (speed_kmh * 100))
