"""How far a track goes, and what does not count."""

import pytest

from mobile_contract.packed_points import Columns, PackedPoint
from sync.kinds.track.distance import Dropped, Gap, Way, walk, without
from sync.kinds.track.points import Points, read_points
from tests.track_factories import point, walk_north

SILENCE_MS = 900_000


def points_of(packed: list[PackedPoint]) -> Points:
    times, lat, lon, accuracy, _ = (list(each) for each in zip(*packed, strict=True))
    return read_points(Columns(times, lat, lon, accuracy), 0)


def walked(packed: list[PackedPoint], gaps: tuple[Gap, ...] = ()) -> Way:
    return walk(points_of(packed), gaps, SILENCE_MS)


def metres(way: Way) -> int:
    return round(way.distance_cm / 100)


def test_a_walk_is_as_long_as_its_steps() -> None:
    way = walked(walk_north(11, step_m=14))
    assert metres(way) == 140
    assert way.dropped == Dropped()
    assert [len(run) for run in way.runs] == [11]


def test_nothing_and_one_point_have_no_length() -> None:
    assert walk(read_points(Columns([], [], [], []), 0), (), SILENCE_MS).distance_cm == 0
    assert walked([point(0)]).distance_cm == 0


@pytest.mark.parametrize(("accuracy_m", "dropped"), [(100, 0), (101, 1)])
def test_a_point_is_coarse_above_100_m(accuracy_m: int, dropped: int) -> None:
    way = walked([point(0), point(10, 80, accuracy_m=accuracy_m), point(20, 20)])
    assert way.dropped.coarse == dropped
    assert metres(way) == (20 if dropped else 140)


def test_zero_zero_is_no_place() -> None:
    way = walked([point(0), PackedPoint(5, 0, 0, 5), point(10, 14)])
    assert (metres(way), way.dropped) == (14, Dropped(zero=1))


def test_a_point_is_too_fast_above_150_km_h_from_the_last_that_counts() -> None:
    # 416 m in 10 s are 149.8 km/h, 418 m 150.5.
    assert walked([point(0), point(10, 416), point(20, 430)]).dropped.fast == 0
    way = walked([point(0), point(10, 418), point(20, 28)])
    assert (metres(way), way.dropped) == (28, Dropped(fast=1))


def test_less_than_a_second_counts_as_one() -> None:
    assert walked([point(0), point(0, 41)]).dropped.fast == 0
    assert walked([point(0), point(0, 43)]).dropped.fast == 1


def test_a_repeat_adds_nothing_and_shows_that_the_phone_was_there() -> None:
    way = walked([point(0), point(300), point(600), point(610, 14)])
    assert (metres(way), way.dropped) == (14, Dropped(repeated=2))
    assert [len(run) for run in way.runs] == [4]


def test_three_points_that_agree_are_where_the_receiver_is_and_the_jump_is_no_distance() -> None:
    begin = walk_north(3)
    there = walk_north(4, after_s=30, from_m=50_000)
    way = walked([*begin, *there])
    assert metres(way) == 28 + 42
    assert way.dropped == Dropped()
    assert [len(run) for run in way.runs] == [3, 4]


def test_a_first_point_that_is_far_off_spoils_nothing() -> None:
    way = walked([point(0, 80_000), *walk_north(30, after_s=10)])
    assert metres(way) == 29 * 14


def test_two_points_that_agree_elsewhere_are_dropped() -> None:
    way = walked([point(0), point(10, 9_000), point(20, 9_010), point(30, 14), point(40, 28)])
    assert (metres(way), way.dropped) == (28, Dropped(fast=2))


def test_a_jump_that_no_accuracy_explains_is_flagged_with_its_figures() -> None:
    flag = walked([point(0), point(10, 1_016), point(20, 14)]).flag
    assert flag is not None
    assert flag == {
        "flag": "implied_speed",
        "distance_cm": 101_606,
        "accuracy_cm": 1_600,
        "elapsed_ms": 10_000,
        "speed_kmh": 361,
        "limit_kmh": 150,
    }


def test_a_jump_that_the_accuracies_explain_is_dropped_and_reproached_to_nobody() -> None:
    way = walked([point(0, accuracy_m=40), point(1, 90, accuracy_m=60), point(2, 1)])
    assert (way.dropped.fast, way.flag) == (1, None)


@pytest.mark.parametrize("cause", ["OFF", None])
def test_nothing_is_joined_across_a_gap(cause: str | None) -> None:
    packed = [*walk_north(3), *walk_north(3, after_s=120, from_m=500)]
    assert metres(walked(packed)) == 528
    way = walked(packed, (Gap(20_000, 120_000, cause),))
    assert metres(way) == 56
    assert [len(run) for run in way.runs] == [3, 3]


def test_points_inside_a_gap_are_not_joined_to_those_around_it() -> None:
    packed = [point(0), point(60, 100), point(120, 200)]
    assert [len(run) for run in walked(packed, (Gap(30_000, 90_000, "OFF"),)).runs] == [1, 1, 1]


def test_gaps_before_and_after_all_points_break_nothing() -> None:
    gaps = (Gap(-90_000, -10_000, "OFF"), Gap(30_000, 90_000, "KILLED"))
    assert metres(walked(walk_north(4), gaps)) == 42


def test_nothing_is_joined_across_a_long_silence() -> None:
    assert metres(walked([point(0), point(900, 700)])) == 700
    assert metres(walked([point(0), point(901, 700)])) == 0


@pytest.mark.parametrize(
    ("taken", "left"),
    [
        ([], [(0, 10)]),
        ([(2, 4)], [(0, 2), (4, 10)]),
        ([(5, 20), (-3, 1)], [(1, 5)]),
        ([(0, 10)], []),
        ([(1, 6), (2, 3), (8, 9)], [(0, 1), (6, 8), (9, 10)]),
        ([(12, 14)], [(0, 10)]),
    ],
)
def test_what_is_left_of_a_time_lies_outside_of_the_others(
    taken: list[tuple[int, int]], left: list[tuple[int, int]]
) -> None:
    assert without((0, 10), taken) == left
