"""Many points at once come out as each does alone."""

from itertools import pairwise
from random import Random

import numpy as np
import pytest

from sync.geo import Datum, Point, distance_cm, geodesic_cm, to_wgs84
from sync.geo_arrays import near_cm, steps_cm, to_wgs84_each


def arrays(points: list[Point]) -> tuple[np.ndarray, np.ndarray]:
    lat, lon = zip(*points, strict=True)
    return np.array(lat, dtype=np.int64), np.array(lon, dtype=np.int64)


PLACES = [
    Point(399_042_000, 1_164_074_000),
    Point(312_304_000, 1_214_737_000),
    Point(8_300_000, 720_050_000),
    Point(558_270_000, 1_378_346_000),
    Point(515_000_000, -1_200_000),
    Point(0, 0),
]


def test_steps_are_the_distances_from_point_to_point() -> None:
    random = Random(1)
    points = [
        Point(lat + random.randint(-30_000, 30_000), lon + random.randint(-30_000, 30_000))
        for lat, lon in PLACES
        for _ in range(20)
    ]
    points += [Point(10, 1_799_999_990), Point(10, -1_799_999_990), Point(-899_000_000, 5)]
    points += [Point(-899_000_000, 900_000_000)]
    lengths = steps_cm(*arrays(points))
    alone = [distance_cm(a, b) for a, b in pairwise(points)]
    assert np.abs(lengths - np.array(alone)).max() <= 1
    far = [n for n, length in enumerate(alone) if length > 500_000]
    assert far
    assert all(lengths[n] == geodesic_cm(points[n], points[n + 1]) for n in far)


def test_one_point_is_compared_with_many() -> None:
    here = PLACES[0]
    lat, lon = arrays([Point(here.lat_e7 + 1_000 * n, here.lon_e7) for n in range(5)])
    assert near_cm(lat[0], lon[0], lat, lon).tolist() == [
        distance_cm(here, Point(int(a), int(b))) for a, b in zip(lat, lon, strict=True)
    ]


@pytest.mark.parametrize("datum", list(Datum))
def test_a_point_is_converted_as_it_is_alone(datum: Datum) -> None:
    random = Random(2)
    points = PLACES + [
        Point(random.randint(-600_000_000, 600_000_000), random.randint(700_000_000, 1_400_000_000))
        for _ in range(200)
    ]
    lat, lon = to_wgs84_each(*arrays(points), datum)
    together = [Point(int(a), int(b)) for a, b in zip(lat, lon, strict=True)]
    alone = [to_wgs84(p.lat_e7, p.lon_e7, datum) for p in points]
    assert (
        max(
            abs(a - b)
            for p, q in zip(together, alone, strict=True)
            for a, b in zip(p, q, strict=True)
        )
        <= 1
    )
    assert points != together or datum is Datum.WGS84
