"""Where somebody stayed: points that do not leave a circle for a time.

A stop begins at a point when every later one up to `stop_min_s` after it lies within `stop_radius_m` of
it, and lasts until the last one before the first outside. Its place is the median of its points. Two
stops in one run whose places lie within the radius of each other, less than `stop_min_s` apart, are one:
a receiver indoors strays for a moment. A stop never reaches across a gap. Source: docs/FORMULAS.md, "Stop";
after Li et al., "Mining user similarity based on location history" (2008), stay points.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from sync.geo import Point, distance_cm, median_point
from sync.geo_arrays import Whole, near_cm
from sync.kinds.track.points import Points


class Stop(NamedTuple):
    """A stay: from its first point to its last, where, and how many points show it."""

    from_at: int
    until_at: int
    place: Point
    points: int


def find_stops(points: Points, runs: Iterable[Whole], *, radius_m: int, least_s: int) -> list[Stop]:
    """The stops in unbroken runs of points, in order of time."""
    radius_cm, least_ms = radius_m * 100, least_s * 1_000
    stops: list[Stop] = []
    for run in runs:
        stays = _stays(points.those(run), radius_cm, least_ms)
        stops += _together(points.those(run), stays, radius_cm, least_ms)
    return stops


def _stays(points: Points, radius_cm: int, least_ms: int) -> list[tuple[int, int]]:
    """Each stay as the place of its first point and the one after its last."""
    # The first point that is late enough; where it is still near, there may be a stay.
    late = np.searchsorted(points.at, points.at + least_ms)
    tried = np.flatnonzero(late < len(points))
    near = _from(points, tried, late[tried]) <= radius_cm
    stays: list[tuple[int, int]] = []
    free_from = 0
    for first in tried[near].tolist():
        if first < free_from:
            continue
        within = np.arange(first + 1, late[first] + 1)
        if (_from(points, first, within) > radius_cm).any():
            continue
        after = np.arange(late[first] + 1, len(points))
        outside = np.flatnonzero(_from(points, first, after) > radius_cm)
        free_from = int(after[outside[0]]) if outside.size else len(points)
        stays.append((first, free_from))
    return stays


def _from(points: Points, here: Whole | int, there: Whole) -> Whole:
    lat, lon = points.lat_e7, points.lon_e7
    return near_cm(lat[here], lon[here], lat[there], lon[there])


def _together(
    points: Points, stays: list[tuple[int, int]], radius_cm: int, least_ms: int
) -> list[Stop]:
    stops: list[Stop] = []
    begun: list[int] = []
    for first, end in stays:
        stop = _stop(points, first, end)
        if (
            stops
            and stop.from_at - stops[-1].until_at < least_ms
            and distance_cm(stop.place, stops[-1].place) <= radius_cm
        ):
            stops[-1] = _stop(points, begun[-1], end)
        else:
            stops.append(stop)
            begun.append(first)
    return stops


def _stop(points: Points, first: int, end: int) -> Stop:
    lat, lon = points.lat_e7[first:end].tolist(), points.lon_e7[first:end].tolist()
    place = median_point(Point(*each) for each in zip(lat, lon, strict=True))
    return Stop(int(points.at[first]), int(points.at[end - 1]), place, end - first)
