"""A pin applies or waits: first pins, small moves, and what visits say about large ones."""

import pytest
from geographiclib.geodesic import Geodesic

from sync.geo import Point
from sync.kinds.store.pin import Outcome, Reason, decide_pin

PIN = Point(312_304_000, 1_214_737_000)


def north(metres: float) -> Point:
    """Return the point that far north of PIN."""
    line = Geodesic.WGS84.Direct(PIN.lat_e7 / 1e7, PIN.lon_e7 / 1e7, 0, metres)
    return Point(round(line["lat2"] * 1e7), PIN.lon_e7)


def test_a_first_pin_with_a_storefront_photo_applies() -> None:
    decision = decide_pin(None, PIN, has_storefront_photo=True)
    assert (decision.outcome, decision.reason) == (Outcome.APPLY, Reason.FIRST_WITH_PHOTO)


def test_a_first_pin_without_one_waits_whatever_visits_say() -> None:
    decision = decide_pin(None, PIN, has_storefront_photo=False, verified_visits=[PIN] * 5)
    assert (decision.outcome, decision.reason) == (Outcome.WAIT, Reason.FIRST_WITHOUT_PHOTO)


@pytest.mark.parametrize(
    ("metres", "outcome", "reason"),
    [
        (0, Outcome.APPLY, Reason.SMALL_MOVE),
        (49.99, Outcome.APPLY, Reason.SMALL_MOVE),
        (50.0, Outcome.APPLY, Reason.SMALL_MOVE),
        (50.02, Outcome.WAIT, Reason.TOO_FEW_VISITS),
        (5_000, Outcome.WAIT, Reason.TOO_FEW_VISITS),
    ],
)
def test_only_a_move_of_more_than_50_m_waits(
    metres: float, outcome: Outcome, reason: Reason
) -> None:
    decision = decide_pin(PIN, north(metres), has_storefront_photo=True)
    assert (decision.outcome, decision.reason) == (outcome, reason)
    assert decision.moved_cm == pytest.approx(metres * 100, abs=1)


@pytest.mark.parametrize(
    ("visits", "outcome", "reason"),
    [
        ([300, 300], Outcome.WAIT, Reason.TOO_FEW_VISITS),
        ([290, 300, 9_000], Outcome.APPLY, Reason.VISITS_AGREE),
        ([251, 251, 251], Outcome.APPLY, Reason.VISITS_AGREE),
        ([249, 249, 249], Outcome.WAIT, Reason.VISITS_DISAGREE),
        ([0, 0, 300], Outcome.WAIT, Reason.VISITS_DISAGREE),
    ],
)
def test_a_far_move_applies_when_the_median_of_three_visits_is_near_the_new_pin(
    visits: list[float], outcome: Outcome, reason: Reason
) -> None:
    decision = decide_pin(
        PIN,
        north(300),
        has_storefront_photo=False,
        verified_visits=[north(metres) for metres in visits],
    )
    assert (decision.outcome, decision.reason) == (outcome, reason)
    assert decision.visits == len(visits)


def test_the_limits_are_the_companys() -> None:
    far = decide_pin(PIN, north(300), has_storefront_photo=False, max_move_m=300)
    assert (far.outcome, far.limit_m) == (Outcome.APPLY, 300)
    one = decide_pin(
        PIN, north(300), has_storefront_photo=False, verified_visits=[north(300)], min_visits=1
    )
    assert (one.reason, one.apart_cm) == (Reason.VISITS_AGREE, 0)
