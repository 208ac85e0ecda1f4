"""Where somebody stayed."""

from mobile_contract.packed_points import PackedPoint
from sync.kinds.track.distance import Gap, walk
from sync.kinds.track.stops import Stop, find_stops
from tests.sync.kinds.track.test_distance import points_of
from tests.track_factories import point, stand, walk_north


def stops_of(
    packed: list[PackedPoint],
    *,
    gaps: tuple[Gap, ...] = (),
    radius_m: int = 50,
    least_s: int = 300,
) -> list[Stop]:
    points = points_of(packed)
    way = walk(points, gaps, 900_000)
    return find_stops(points, way.runs, radius_m=radius_m, least_s=least_s)


def test_somebody_who_goes_makes_no_stop() -> None:
    assert stops_of(walk_north(200)) == []


def test_a_stay_is_a_stop_from_its_first_point_to_its_last() -> None:
    come = walk_north(10)
    stay = stand(11, after_s=100, at_m=140)
    leave = walk_north(20, after_s=710, from_m=200)
    (stop,) = stops_of([*come, *stay, *leave])
    # Whoever comes is within 50 m of where they will stand some steps before they stand.
    assert 60_000 <= stop.from_at <= 100_000
    assert stop.until_at == 700_000
    assert abs(stop.place.lat_e7 - point(0, 140).lat_e6 * 10) <= 500
    assert stop.points >= 11


def test_five_minutes_make_a_stop_and_a_second_less_does_not() -> None:
    assert len(stops_of([point(0), point(300, 10)])) == 1
    assert stops_of([point(0), point(299, 10)]) == []


def test_repeats_of_one_place_show_a_stay() -> None:
    assert len(stops_of([point(0), point(150), point(300)])) == 1


def test_the_length_and_the_width_of_a_stop_are_settings() -> None:
    stay = [point(60 * n, 30 * (n % 2)) for n in range(4)]
    assert stops_of(stay) == []
    assert len(stops_of(stay, least_s=120)) == 1
    assert stops_of(stay, least_s=120, radius_m=20) == []


def test_a_receiver_that_strays_for_a_moment_does_not_end_a_stop() -> None:
    stay = [*stand(8), point(8 * 60, 70), *stand(8, after_s=9 * 60)]
    (stop,) = stops_of(stay)
    assert (stop.from_at, stop.until_at) == (0, 16 * 60_000)


def test_two_calls_at_one_place_with_a_way_between_them_are_two_stops() -> None:
    away = walk_north(20, after_s=400, from_m=100)
    back = stand(8, after_s=900)
    assert len(stops_of([*stand(7), *away, *back])) == 2


def test_a_stop_does_not_reach_across_a_gap() -> None:
    stay = stand(9)
    assert len(stops_of(stay)) == 1
    assert stops_of(stay, gaps=(Gap(240_000, 300_000, "GPS_OFF"),)) == []


def test_the_place_of_a_stop_is_not_moved_by_one_point_astray() -> None:
    (stop,) = stops_of([*stand(6), point(360, 49), *stand(6, after_s=420)])
    assert abs(stop.place.lat_e7 - point(0).lat_e6 * 10) <= 400
