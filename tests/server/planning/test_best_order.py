"""An order that is offered for a day is better than the one there was, by the same lengths, speed and windows."""

from collections.abc import Sequence
from itertools import permutations
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from server.planning.best_order import Place, find_better_order, way_of
from server.planning.travel import matrix_m

BEGINS_MIN = 7 * 60
SPEED_KMH = 20


def places(*points: tuple[int, int], **windows: tuple[int, int]) -> list[Place]:
    """Stops at these hundreds of metres (about) north and east of a corner; windows by `s` and number."""
    return [
        Place(
            UUID(int=number),
            312_000_000 + north * 9_000,
            1_214_000_000 + east * 10_500,
            10,
            *windows.get(f"s{number}", (None, None)),
        )
        for number, (north, east) in enumerate(points)
    ]


def in_order(stops: Sequence[Place]) -> list[int]:
    found = find_better_order(stops, speed_kmh=SPEED_KMH, begins_min=BEGINS_MIN)
    return [id_.int for id_ in found.best.store_ids]


def test_a_way_that_goes_back_and_forth_is_put_straight_from_either_end() -> None:
    assert in_order(places((0, 0), (20, 0), (10, 0), (30, 0))) in ([0, 2, 1, 3], [3, 1, 2, 0])


def test_what_is_saved_is_told_in_metres_and_minutes() -> None:
    found = find_better_order(
        places((0, 0), (20, 0), (10, 0), (30, 0)), speed_kmh=SPEED_KMH, begins_min=BEGINS_MIN
    )
    assert found.is_better
    assert (found.before.length_m, found.best.length_m) == (4_990, 2_994)
    assert (found.saved_m, found.saved_min) == (1_996, 6)


def test_a_window_is_kept_also_where_the_way_is_longer() -> None:
    crooked = ((0, 0), (20, 0), (10, 0), (30, 0))
    order = in_order(places(*crooked, s3=(BEGINS_MIN, BEGINS_MIN + 5)))
    assert order == [3, 1, 2, 0]


def test_a_shorter_way_that_would_end_later_is_not_offered() -> None:
    # Straight on, it would wait at the far end until noon.
    crooked = places((0, 0), (20, 0), (10, 0), s2=(12 * 60, 13 * 60))
    found = find_better_order(crooked, speed_kmh=SPEED_KMH, begins_min=BEGINS_MIN)
    assert found.best.ends_s <= found.before.ends_s
    assert found.best.length_m <= found.before.length_m


def test_the_best_order_is_the_one_there_is() -> None:
    found = find_better_order(
        places((0, 0), (10, 0), (20, 0)), speed_kmh=SPEED_KMH, begins_min=BEGINS_MIN
    )
    assert not found.is_better
    assert found.best == found.before


def test_windows_that_cannot_all_be_kept_still_give_no_worse_a_day() -> None:
    window = (BEGINS_MIN, BEGINS_MIN + 1)
    found = find_better_order(
        places((0, 0), (50, 0), (10, 0), s0=window, s1=window, s2=window),
        speed_kmh=SPEED_KMH,
        begins_min=BEGINS_MIN,
    )
    assert found.best.is_no_worse_than(found.before)


@settings(max_examples=25, deadline=None)
@given(points=st.lists(st.tuples(st.integers(0, 90), st.integers(0, 90)), min_size=1, max_size=6))
def test_an_order_is_never_worse_and_of_few_stops_the_best_of_all(
    points: list[tuple[int, int]],
) -> None:
    stops = places(*points)
    found = find_better_order(stops, speed_kmh=SPEED_KMH, begins_min=BEGINS_MIN)
    assert sorted(found.best.store_ids) == sorted(stop.store_id for stop in stops)
    lengths = matrix_m([stop.lat_e7 for stop in stops], [stop.lon_e7 for stop in stops])
    shortest = min(
        way_of(stops, order, lengths, speed_kmh=SPEED_KMH, begins_min=BEGINS_MIN).length_m
        for order in permutations(range(len(stops)))
    )
    assert found.best.length_m <= found.before.length_m
    # Seconds are rounded up for the search: of ways that differ by less it may take either.
    assert found.best.length_m - shortest <= 6 * len(stops)
