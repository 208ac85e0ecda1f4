"""Real tracks, with the jumps, repeats and gaps of real receivers: bytes, distances, stops.

`ROADBOOK_SAMPLE_DATA=… python -m pytest tests/sync/kinds/track/test_real_tracks.py -s` prints what
PROTOCOL.md says of bytes a point. The files have no accuracies: an unrest of 3 to 60 m is put in their
place, so that these cost what they cost a phone. Thinned to a point a minute they are what a phone sends
that saves its battery.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest

from mobile_contract.packed_points import PackedPoint, pack_text
from server.play.track import read_track
from sync.geo import Datum, Point, distance_cm, from_wgs84
from sync.unit_of_work import Database
from tests.factories import Cast, Person
from tests.sync.talking import HOUR, NOON, Phone, only, rows_of
from tests.track_factories import track

EIGHT = NOON - 4 * HOUR
SEGMENT = 500
MINUTE_S = 60
PhoneOf = Callable[[Person], Phone]


@dataclass(frozen=True, slots=True)
class Expected:
    """What is known of a file: points, km along all of them, and what the rules make of it."""

    points: int
    km: float
    fast: int
    repeated: int
    stops: int


KNOWN = {
    "beijing_1": Expected(466, 6.21, 1, 0, 0),
    "beijing_2": Expected(897, 38.68, 0, 33, 1),
    "beijing_3": Expected(1810, 12.68, 0, 13, 0),
}


@pytest.fixture(params=sorted(KNOWN))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def points(name: str) -> list[PackedPoint]:
    folder = os.environ.get("ROADBOOK_SAMPLE_DATA")
    if not folder:
        pytest.skip("ROADBOOK_SAMPLE_DATA names no folder with real tracks")
    read = read_track(Path(folder) / "tracks" / f"{name}.csv")
    random, accuracy_m = Random(name), 8
    points = []
    for each in read:
        accuracy_m = max(3, min(60, accuracy_m + random.choice((-3, -2, -1, 0, 0, 1, 2, 3))))
        points.append(
            PackedPoint(
                (each.at_ms - read[0].at_ms) // 1000,
                round(each.place.latitude * 1e6),
                round(each.place.longitude * 1e6),
                accuracy_m,
            )
        )
    return points


def segments(points: list[PackedPoint]) -> list[list[PackedPoint]]:
    return [points[first : first + SEGMENT] for first in range(0, len(points), SEGMENT)]


def thinned(points: list[PackedPoint]) -> list[PackedPoint]:
    """The same way with a point a minute."""
    kept = points[:1]
    for each in points:
        if each.after_s - kept[-1].after_s >= MINUTE_S:
            kept.append(each)
    return kept


def test_a_point_costs_at_most_8_bytes_on_the_wire(name: str, points: list[PackedPoint]) -> None:
    for which, sent in (("all", points), ("one a minute", thinned(points))):
        wire = sum(len(pack_text(part)) for part in segments(sent)) / len(sent)
        print(f"\n{name}, {which}: {len(sent)} points, {wire:.2f} bytes a point on the wire")
        assert wire <= 8


@pytest.mark.parametrize("datum", ["WGS84", "GCJ02"])
def test_a_point_costs_at_most_12_bytes_at_rest(
    cast: Cast, phone: PhoneOf, db: Database, name: str, points: list[PackedPoint], datum: str
) -> None:
    ana = phone(cast.ana)
    ana.now = NOON + 7 * HOUR
    for part in segments(points):
        sent = [
            PackedPoint(p.after_s - part[0].after_s, *_sent(p, datum), p.accuracy_m) for p in part
        ]
        began = EIGHT + part[0].after_s * 1000
        assert ana.push_one(track(ana, sent, began=began, datum=datum))["status"] == "applied"
    asked = "select sum(pg_column_size(t.*)) as bytes, sum(points) as points from track t"
    row = only(rows_of(db, cast, asked))
    assert row.points == len(points)
    rest = row.bytes / row.points
    print(f"\n{name}, sent in {datum}: {rest:.2f} bytes a point at rest, the whole row")
    assert rest <= 12


def test_distance_and_stops_are_those_of_the_rules(
    cast: Cast, phone: PhoneOf, db: Database, name: str, points: list[PackedPoint]
) -> None:
    ana = phone(cast.ana)
    ana.now = NOON + 7 * HOUR
    ana.push(track(ana, points, began=EIGHT))
    row = only(rows_of(db, cast, "select * from track"))
    expected = KNOWN[name]
    places = [Point(p.lat_e6 * 10, p.lon_e6 * 10) for p in points]
    straight = sum(distance_cm(a, b) for a, b in pairwise(places))
    print(
        f"\n{name}: {row.distance_cm / 1e5:.2f} km of {straight / 1e5:.2f},"
        f" {row.dropped_fast} too fast, {row.dropped_repeated} repeats, {len(row.stops)} stops"
    )
    assert (len(points), round(row.distance_cm / 1e5, 2)) == (expected.points, expected.km)
    assert (row.dropped_fast, row.dropped_repeated) == (expected.fast, expected.repeated)
    assert (row.dropped_coarse, row.dropped_zero, row.removed) == (0, 0, 0)
    assert len(row.stops) == expected.stops
    assert row.distance_cm <= straight


def _sent(p: PackedPoint, datum: str) -> tuple[int, int]:
    lat, lon = from_wgs84(Point(p.lat_e6 * 10, p.lon_e6 * 10), Datum(datum))
    return round(lat / 10), round(lon / 10)
