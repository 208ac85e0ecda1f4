"""The check-in verdict at and around each of its bounds, and what it says of itself."""

import pytest
from geographiclib.geodesic import Geodesic
from hypothesis import given
from hypothesis import strategies as st

from server.days.words import told_verdict
from sync.geo import Point, geodesic_cm
from sync.kinds.visit.verdict import CheckIn, Verdict, judge_check_in

# At 60° a step of the longitude is 0.56 cm: every whole centimetre is hit.
PIN = Point(600_000_000, 1_214_737_000)
STEP_CM = 0.558


def away(length_cm: int) -> Point:
    """Return a point exactly that far east of PIN, or fail."""
    steps = round(length_cm / STEP_CM)
    for lon_e7 in range(
        PIN.lon_e7 + steps - steps // 500 - 2, PIN.lon_e7 + steps + steps // 500 + 2
    ):
        point = Point(PIN.lat_e7, lon_e7)
        if geodesic_cm(point, PIN) == length_cm:
            return point
    raise AssertionError(length_cm)


def judged(length_cm: int, accuracy_cm: int | None = 0, radius_m: int = 200) -> CheckIn:
    return judge_check_in(
        point=away(length_cm),
        accuracy_cm=accuracy_cm,
        pin=PIN,
        radius_m=radius_m,
        policy_version=3,
    )


@pytest.mark.parametrize(
    ("length_cm", "accuracy_cm", "verdict"),
    [
        (0, 500, Verdict.ONSITE),
        (20_000, 0, Verdict.ONSITE),  # d = R
        (20_001, 0, Verdict.OFFSITE),
        (20_001, 1, Verdict.TOLERATED),  # d - a = R
        (20_002, 1, Verdict.OFFSITE),
        (30_000, 10_000, Verdict.TOLERATED),  # a = 100 m
        (30_000, 9_999, Verdict.OFFSITE),
        (30_000, 20_000, Verdict.TOLERATED),  # a = 200 m is still judged
        (30_001, 20_000, Verdict.OFFSITE),  # and excuses no more than 100 m
        (30_000, 20_001, Verdict.UNCERTAIN),
        (100, 20_001, Verdict.UNCERTAIN),
        (100, None, Verdict.UNCERTAIN),
        (600_000, 10_000, Verdict.OFFSITE),
    ],
)
def test_each_bound_belongs_to_the_milder_verdict(
    length_cm: int, accuracy_cm: int | None, verdict: Verdict
) -> None:
    check_in = judged(length_cm, accuracy_cm)
    assert check_in == CheckIn(verdict, length_cm, accuracy_cm, 200, PIN, 3)


def test_the_radius_is_the_one_that_is_given() -> None:
    assert judged(5_001, 0, radius_m=50).verdict is Verdict.OFFSITE
    assert judged(50_000, 0, radius_m=500).verdict is Verdict.ONSITE


def test_a_store_without_a_pin_is_unpinned_with_or_without_a_position() -> None:
    for point, accuracy in ((PIN, 30_000), (None, None)):
        check_in = judge_check_in(
            point=point, accuracy_cm=accuracy, pin=None, radius_m=200, policy_version=1
        )
        assert check_in == CheckIn(Verdict.UNPINNED, None, accuracy, 200, None, 1)
        assert told_verdict(check_in) == "the store has no pin"


def test_a_check_in_without_a_position_is_uncertain() -> None:
    check_in = judge_check_in(point=None, accuracy_cm=None, pin=PIN, radius_m=200, policy_version=1)
    assert check_in == CheckIn(Verdict.UNCERTAIN, None, None, 200, PIN, 1)
    assert told_verdict(check_in) == "no position was taken"


def test_a_verdict_is_told_in_plain_words() -> None:
    assert told_verdict(judged(21_300, 1_800)) == "213 m from the pin, accuracy 18 m, fence 200 m"
    assert told_verdict(judged(100, 35_000)) == (
        "accuracy 350 m is too coarse to tell (at most 200 m)"
    )


def test_a_centimetre_past_the_fence_never_reads_as_on_it() -> None:
    assert told_verdict(judged(20_001, 0)) == "201 m from the pin, accuracy 0 m, fence 200 m"


def test_a_verdict_goes_on_the_wire_with_every_figure() -> None:
    assert judged(20_000, 10).as_wire() == {
        "verdict": "ONSITE",
        "distance_cm": 20_000,
        "accuracy_cm": 10,
        "radius_m": 200,
        "pin": {"lat_e7": 600_000_000, "lon_e7": 1_214_737_000},
        "policy_version": 3,
    }


@given(
    metres=st.floats(0, 1_000),
    bearing=st.floats(0, 360),
    lat_e7=st.integers(-890_000_000, 890_000_000),
    accuracy_cm=st.integers(0, 30_000),
    radius_m=st.integers(1, 1_000),
)
def test_the_verdict_is_the_one_of_the_geodesic_distance(
    metres: float, bearing: float, lat_e7: int, accuracy_cm: int, radius_m: int
) -> None:
    pin = Point(lat_e7, 0)
    line = Geodesic.WGS84.Direct(lat_e7 / 1e7, 0, bearing, metres)
    point = Point(round(line["lat2"] * 1e7), round(line["lon2"] * 1e7))
    exact = geodesic_cm(point, pin)
    made = judge_check_in(
        point=point, accuracy_cm=accuracy_cm, pin=pin, radius_m=radius_m, policy_version=1
    )
    if accuracy_cm > 20_000:
        assert made.verdict is Verdict.UNCERTAIN
    elif exact <= radius_m * 100:
        assert made.verdict is Verdict.ONSITE
    elif exact - min(accuracy_cm, 10_000) <= radius_m * 100:
        assert made.verdict is Verdict.TOLERATED
    else:
        assert made.verdict is Verdict.OFFSITE
    again = judge_check_in(
        point=point,
        accuracy_cm=made.accuracy_cm,
        pin=made.pin,
        radius_m=made.radius_m,
        policy_version=made.policy_version,
    )
    assert again == made
