import os
from pathlib import Path
from random import Random

import pytest

from server.play.places import Place
from server.play.track import TrackPoint, TrackUnreadable, read_track, walk_track
from server.play.workday import MINUTE_MS, Attend, Outlet, Visit

START = Place(39.9, 116.4)
ENDS_MS = 1_760_000_000_000


def straight(points: int, *, step_m: float = 20.0, step_ms: int = 10_000) -> list[TrackPoint]:
    return [
        TrackPoint(number * step_ms, START.moved(number * step_m, 0)) for number in range(points)
    ]


def outlet(name: str, metres_along: float, aside_m: float = 0.0) -> Outlet:
    return Outlet(name, START.moved(metres_along, aside_m), 100)


def visits(points: list[TrackPoint], *outlets: Outlet) -> list[Visit]:
    acts = walk_track(Random(1), points, outlets, ends_ms=ENDS_MS).acts
    return [act for act in acts if isinstance(act, Visit)]


def test_each_store_that_is_passed_within_its_fence_is_visited_once_in_the_order_of_the_way() -> (
    None
):
    there_and_back = straight(100)
    there_and_back += [
        TrackPoint(there_and_back[-1].at_ms + 10_000 * (1 + number), point.place)
        for number, point in enumerate(reversed(there_and_back[:-1]))
    ]
    found = visits(
        there_and_back, outlet("b", 1500), outlet("a", 500), outlet("far", 900, aside_m=500)
    )
    assert [visit.store_id for visit in found] == ["a", "b"]


def test_check_in_and_check_out_lie_within_the_fence() -> None:
    (visit,) = visits(straight(100), outlet("a", 500))
    assert visit.arrival is not None
    assert visit.leaving is not None
    for reading in (visit.arrival, visit.leaving):
        assert reading.place.metres_to(START.moved(500, 0)) <= 100
    assert 80_000 <= visit.until_ms - visit.at_ms <= 100_000


def test_stores_that_overlap_are_visited_one_after_the_other() -> None:
    first, second = visits(straight(100), outlet("a", 500), outlet("b", 560))
    assert first.until_ms < second.at_ms


def test_a_gap_ends_the_visit_at_the_last_point_before_it() -> None:
    points = straight(26)
    points += [
        TrackPoint(point.at_ms + 60 * MINUTE_MS, point.place) for point in straight(100)[26:]
    ]
    before_gap = visits(points, outlet("a", 500))[0]
    assert before_gap.until_ms - before_gap.at_ms <= 60_000


def test_the_day_ends_when_it_should() -> None:
    acts = walk_track(Random(1), straight(100), [outlet("a", 500)], ends_ms=ENDS_MS).acts
    assert isinstance(acts[0], Attend)
    assert acts[-1].at_ms == ENDS_MS - MINUTE_MS
    assert [act.at_ms for act in acts] == sorted(act.at_ms for act in acts)


def test_a_track_from_elsewhere_is_moved_to_the_stores_and_says_so() -> None:
    elsewhere = Outlet("x", Place(-33.9, 18.4), 100)
    walk = walk_track(Random(1), straight(50), [elsewhere], ends_ms=ENDS_MS)
    assert walk.moved_m > 1_000_000
    assert [act.store_id for act in walk.acts if isinstance(act, Visit)] == ["x"]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("when,latitude,longitude\n", "time"),
        ("time,latitude,longitude\n2026-01-01T00:00:00Z,1,x\n", "line 2"),
        ("time,latitude,longitude\n2026-01-01T00:00:00,1,1\n", "time zone"),
        ("time,latitude,longitude\n2026-01-01T00:00:00Z,91,1\n", "line 2"),
        ("time,latitude,longitude\n2026-01-01T00:00:00Z,nan,1\n", "line 2"),
        ("time,latitude,longitude\n2026-01-01T00:00:00Z,1\n", "line 2"),
        ("time,latitude,longitude\n", "two points"),
    ],
)
def test_a_file_that_is_no_track_is_refused_with_its_line(
    tmp_path: Path, text: str, word: str
) -> None:
    path = tmp_path / "track.csv"
    path.write_text(text)
    with pytest.raises(TrackUnreadable, match=word):
        read_track(path)


@pytest.mark.parametrize("name", ["beijing_1.csv", "beijing_2.csv", "beijing_3.csv"])
def test_a_real_track_is_walked_past_the_stores_on_its_way(name: str) -> None:
    folder = os.environ.get("ROADBOOK_SAMPLE_DATA")
    if not folder:
        pytest.skip("ROADBOOK_SAMPLE_DATA names no folder with real tracks")
    points = read_track(Path(folder) / "tracks" / name)
    middle = points[len(points) // 2].place
    outlets = [Outlet("middle", middle, 200), Outlet("nowhere", middle.moved(50_000, 0), 200)]
    walk = walk_track(Random(1), points, outlets, ends_ms=ENDS_MS)
    assert walk.moved_m == 0
    assert [act.store_id for act in walk.acts if isinstance(act, Visit)] == ["middle"]
    assert all(act.at_ms < ENDS_MS for act in walk.acts)
