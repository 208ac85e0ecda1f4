"""Distances against the geodesic, datums there and back, regions, medians and speeds."""

import itertools
import re

import numpy as np
import pytest
from geographiclib.geodesic import Geodesic
from hypothesis import given
from hypothesis import strategies as st

from mobile_contract.field_tables import PROTOCOL
from sync.geo import (
    Boundary,
    Datum,
    Occurrence,
    Point,
    distance_cm,
    from_wgs84,
    geodesic_cm,
    implied_speed,
    implied_travel,
    median_point,
    speed_kmh,
    to_wgs84,
)

PEOPLES_SQUARE = Point(312_304_000, 1_214_737_000)
ANYWHERE = st.builds(
    Point, st.integers(-900_000_000, 900_000_000), st.integers(-1_800_000_000, 1_800_000_000)
)
# Inside of the rectangle by more than any offset, so that there and back both see the offset.
IN_CHINA = st.builds(
    Point, st.integers(9_000_000, 557_000_000), st.integers(721_000_000, 1_377_000_000)
)


def moved(point: Point, *, metres: float, bearing: float = 0.0) -> Point:
    """Return the point that far along the geodesic."""
    line = Geodesic.WGS84.Direct(point.lat_e7 / 1e7, point.lon_e7 / 1e7, bearing, metres)
    return Point(round(line["lat2"] * 1e7), round(line["lon2"] * 1e7))


@given(
    start=ANYWHERE,
    metres=st.floats(0, 20_000),
    bearing=st.floats(0, 360),
)
def test_a_short_distance_is_the_geodesic_to_a_centimetre_anywhere(
    start: Point, metres: float, bearing: float
) -> None:
    end = moved(start, metres=metres, bearing=bearing)
    assert abs(distance_cm(start, end) - geodesic_cm(start, end)) <= 1


@given(a=ANYWHERE, b=ANYWHERE)
def test_any_distance_is_the_geodesic_to_a_centimetre_and_the_same_both_ways(
    a: Point, b: Point
) -> None:
    assert abs(distance_cm(a, b) - geodesic_cm(a, b)) <= 1
    assert distance_cm(a, b) == distance_cm(b, a)


@given(start=ANYWHERE, metres=st.integers(10, 5_000), bearing=st.floats(0, 360))
def test_near_a_bound_the_distance_is_the_geodesic_itself(
    start: Point, metres: int, bearing: float
) -> None:
    end = moved(start, metres=metres, bearing=bearing)
    bound = metres * 100
    exact = geodesic_cm(start, end)
    assert (distance_cm(start, end, bound) <= bound) == (exact <= bound)


def test_a_distance_across_the_antimeridian_is_the_short_way() -> None:
    west, east = Point(0, 1_799_999_000), Point(0, -1_799_999_000)
    assert distance_cm(west, east) == geodesic_cm(west, east) == 2_226


def test_a_place_is_no_distance_from_itself() -> None:
    assert distance_cm(PEOPLES_SQUARE, PEOPLES_SQUARE) == 0


@given(point=IN_CHINA, datum=st.sampled_from([Datum.GCJ02, Datum.BD09]))
def test_an_offset_datum_there_and_back_is_the_same_place_to_5_cm(
    point: Point, datum: Datum
) -> None:
    offset = from_wgs84(point, datum)
    back = to_wgs84(offset.lat_e7, offset.lon_e7, datum)
    assert distance_cm(point, back) <= 5


def test_known_places_lie_where_the_offset_datums_put_them() -> None:
    gcj = from_wgs84(PEOPLES_SQUARE, Datum.GCJ02)
    assert 400_00 < distance_cm(PEOPLES_SQUARE, gcj) < 600_00
    assert distance_cm(gcj, from_wgs84(PEOPLES_SQUARE, Datum.BD09)) > 600_00
    # The Tiananmen example that the open conversion libraries share: WGS to GCJ.
    square = from_wgs84(Point(399_075_000, 1_163_912_300), Datum.GCJ02)
    assert distance_cm(square, Point(399_089_032, 1_163_974_732)) < 100


@pytest.mark.parametrize("datum", [Datum.GCJ02, Datum.BD09, "GCJ02"])
@pytest.mark.parametrize(
    "place", [Point(485_000_000, 22_900_000), Point(-338_688_000, 1_512_093_000)]
)
def test_places_outside_of_china_are_unchanged(place: Point, datum: Datum | str) -> None:
    assert to_wgs84(*place, datum) == place
    assert from_wgs84(place, datum) == place


@given(point=ANYWHERE)
def test_wgs84_is_left_as_it_is(point: Point) -> None:
    assert to_wgs84(*point, Datum.WGS84) == to_wgs84(*point, "WGS84") == point


@given(point=ANYWHERE, datum=st.sampled_from(Datum))
def test_any_point_in_any_datum_converts_to_a_point_on_the_earth(
    point: Point, datum: Datum
) -> None:
    lat, lon = to_wgs84(*point, datum)
    assert abs(lat) <= 900_000_000
    assert abs(lon) <= 1_800_000_000


def test_the_median_is_not_moved_by_one_point_far_away() -> None:
    near = [Point(10, 20), Point(12, 18), Point(11, 19)]
    assert median_point([*near, Point(900_000_000, -5)]) == Point(11, 18)
    assert median_point(near) == Point(11, 19)


def test_the_median_does_not_depend_on_the_order() -> None:
    points = [Point(1, 5), Point(2, 4), Point(3, 3), Point(4, -2)]
    assert len({median_point(p) for p in itertools.permutations(points)}) == 1


def test_the_median_around_the_antimeridian_stays_there() -> None:
    around = [Point(0, 1_799_999_990), Point(0, -1_799_999_990), Point(0, 1_799_999_980)]
    assert median_point(around) == Point(0, 1_799_999_990)


def test_no_points_have_no_median() -> None:
    with pytest.raises(ValueError, match="no points"):
        median_point([])


def test_speed_is_rounded_up_so_that_it_compares_with_a_whole_limit() -> None:
    assert speed_kmh(200_000, 60_000) == 120
    assert speed_kmh(200_001, 60_000) == 121
    assert speed_kmh(100, 0) == speed_kmh(100, 1_000) == 4


def test_travel_that_the_accuracies_explain_implies_no_speed() -> None:
    start = Occurrence(0, PEOPLES_SQUARE, 6_000)
    end = Occurrence(1_000, moved(PEOPLES_SQUARE, metres=100), 5_000)
    travel = implied_travel(start, end)
    assert travel is not None
    assert (travel.speed_kmh, travel.accuracy_cm, travel.elapsed_ms) == (0, 11_000, 1_000)
    assert abs(travel.distance_cm - 10_000) <= 1


def test_an_accuracy_explains_at_most_100_m() -> None:
    start = Occurrence(0, PEOPLES_SQUARE, 10_000_000)
    end = Occurrence(3_600_000, moved(PEOPLES_SQUARE, metres=10_200), 10_000_000)
    travel = implied_travel(start, end)
    assert travel is not None
    assert travel.speed_kmh in {10, 11}


def test_a_speed_above_the_limit_is_flagged_with_its_figures() -> None:
    start = Occurrence(0, PEOPLES_SQUARE, 1_000)
    end = Occurrence(600_000, moved(PEOPLES_SQUARE, metres=30_000), 2_000)
    flag = implied_speed(start, end, 120)
    assert flag is not None
    assert flag == {
        "flag": "implied_speed",
        "distance_cm": pytest.approx(3_000_000, abs=2),
        "accuracy_cm": 3_000,
        "elapsed_ms": 600_000,
        "speed_kmh": 180,
        "limit_kmh": 120,
    }
    assert implied_speed(start, end, 180) is None


def test_without_two_positions_no_speed_is_implied() -> None:
    assert implied_speed(Occurrence(0), Occurrence(1, PEOPLES_SQUARE, 0), 120) is None


SQUARE = [Point(0, 0), Point(0, 100_000), Point(100_000, 100_000), Point(100_000, 0)]
HOLE = [Point(40_000, 40_000), Point(40_000, 60_000), Point(60_000, 60_000), Point(60_000, 40_000)]


def test_a_boundary_holds_what_is_inside_and_not_in_its_hole() -> None:
    region = Boundary([SQUARE, HOLE])
    points = [Point(10_000, 10_000), Point(50_000, 50_000), Point(-1, 10_000), Point(0, 0)]
    assert region.contains_each(points).tolist() == [True, False, False, False]
    assert [region.contains(p) for p in points] == [True, False, False, False]
    assert region.contains_each([]).dtype == np.bool_


@given(metres=st.integers(1, 20_000), lat=st.integers(-600_000_000, 600_000_000))
def test_how_far_outside_is_right_to_a_hundredth(metres: int, lat: int) -> None:
    shifted = [Point(p.lat_e7 + lat, p.lon_e7) for p in SQUARE]
    corner = shifted[0]
    outside = moved(corner, metres=metres, bearing=200)
    region = Boundary([shifted])
    assert region.outside_cm(outside) == pytest.approx(
        geodesic_cm(corner, outside), rel=0.01, abs=2
    )
    assert region.outside_cm(Point(lat + 10, 10)) == 0


FENCE = PROTOCOL.read_text(encoding="utf-8").partition("<!-- fence numbers -->")[2]
FENCE_ROWS = re.findall(
    r"^\| `(\w+)` \| (\d+), (\d+) \| (\d+), (\d+) \| (\d+) \| `(\w+)` \|$", FENCE, re.MULTILINE
)


def test_the_protocol_has_numbers_to_check_a_fence_with() -> None:
    assert {row[0] for row in FENCE_ROWS} == set(Datum)


@pytest.mark.parametrize(("datum", "lat", "lon", "to_lat", "to_lon", "cm", "verdict"), FENCE_ROWS)
def test_the_fence_of_the_protocol_is_that_of_the_server(
    datum: str, lat: str, lon: str, to_lat: str, to_lon: str, cm: str, verdict: str
) -> None:
    pin = Point(312_304_000, 1_214_715_400)
    point = to_wgs84(int(lat), int(lon), datum)
    assert point == Point(int(to_lat), int(to_lon))
    assert distance_cm(point, pin) == int(cm)
    assert (int(cm) - 1_250 <= 20_000) == (verdict == "TOLERATED")
