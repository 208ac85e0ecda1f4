"""A number that is split is all there afterwards, and each part can say why it has what it has."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.targets.errors import PinsDiffer, TargetInvalid
from server.targets.splitting import Part, Weights, largest_remainders, prorate, split, weigh

EQUAL = Weights(last_year=0, potential=0, equal=1000)
LAST_YEAR = Weights(last_year=1000, potential=0, equal=0)


@st.composite
def weights(draw: st.DrawFn) -> Weights:
    last_year = draw(st.integers(0, 1000))
    potential = draw(st.integers(0, 1000 - last_year))
    return Weights(last_year=last_year, potential=potential, equal=1000 - last_year - potential)


@st.composite
def parts(draw: st.DrawFn) -> list[Part]:
    size = st.integers(-5, 10**9)
    return draw(st.lists(st.builds(Part, size, size), min_size=1, max_size=12))


@given(st.integers(0, 10**12), parts(), weights())
@settings(max_examples=60, deadline=None)
def test_the_parts_add_up_to_what_was_split(total: int, given: list[Part], by: Weights) -> None:
    shares = split(total, given, by)
    assert sum(share.amount for share in shares) == total
    assert all(share.amount >= 0 for share in shares)


@given(st.integers(0, 10**9), parts(), weights())
@settings(max_examples=60, deadline=None)
def test_no_part_is_a_whole_one_away_from_its_quota(
    total: int, given: list[Part], by: Weights
) -> None:
    for share, weight in zip(split(total, given, by), weigh(given, by), strict=True):
        assert abs(share.amount - total * weight) < 1
        assert share.floor + share.remainder == total * weight


@given(parts(), weights())
@settings(max_examples=60, deadline=None)
def test_the_weights_of_all_parts_are_one(given: list[Part], by: Weights) -> None:
    assert sum(weigh(given, by)) == 1


@given(st.integers(0, 10**6), parts(), weights(), st.data())
@settings(max_examples=60, deadline=None)
def test_pinned_parts_keep_their_amount_and_the_rest_adds_up(
    rest: int, given: list[Part], by: Weights, data: st.DataObject
) -> None:
    fixed = [
        Part(part.last_year, part.potential, data.draw(st.none() | st.integers(0, 1000)))
        for part in given
    ]
    pinned = sum(part.pinned or 0 for part in fixed)
    total = pinned + (rest if any(part.pinned is None for part in fixed) else 0)
    shares = split(total, fixed, by)
    assert sum(share.amount for share in shares) == total
    for part, share in zip(fixed, shares, strict=True):
        assert share.is_pinned == (part.pinned is not None)
        if part.pinned is not None:
            assert share.amount == part.pinned


def test_what_is_left_goes_to_the_largest_remainders() -> None:
    # Quotas 5.0, 3.33…, 1.66…: one is left, and the last has the largest remainder.
    shares = split(10, [Part(3, 0), Part(2, 0), Part(1, 0)], LAST_YEAR)
    assert [share.amount for share in shares] == [5, 3, 2]
    assert [share.has_extra for share in shares] == [False, False, True]
    assert shares[2].remainder == Fraction(2, 3)


def test_of_equal_remainders_the_earlier_part_comes_first() -> None:
    assert [share.amount for share in split(5, [Part(0, 0)] * 3, EQUAL)] == [2, 2, 1]


def test_who_has_nothing_to_be_weighed_by_is_weighed_alike() -> None:
    by = Weights(last_year=500, potential=500, equal=0)
    assert weigh([Part(0, 1), Part(0, 3)], by) == [Fraction(3, 8), Fraction(5, 8)]


def test_a_year_of_more_returns_than_sales_counts_as_nothing() -> None:
    assert [s.amount for s in split(10, [Part(-4, 0), Part(5, 0)], LAST_YEAR)] == [0, 10]


def test_pins_that_are_more_than_the_whole_are_refused() -> None:
    with pytest.raises(PinsDiffer, match="2 too much"):
        split(10, [Part(0, 0, 12), Part(0, 0)], EQUAL)


def test_pins_on_everything_must_be_the_whole() -> None:
    assert [s.amount for s in split(10, [Part(0, 0, 4), Part(0, 0, 6)], EQUAL)] == [4, 6]
    with pytest.raises(PinsDiffer, match="nobody is left to take 1"):
        split(11, [Part(0, 0, 4), Part(0, 0, 6)], EQUAL)


@pytest.mark.parametrize("each", [(500, 400, 99), (-1, 1001, 0), (1001, 0, -1)])
def test_weights_are_a_thousand_thousandths(each: tuple[int, int, int]) -> None:
    with pytest.raises(TargetInvalid):
        Weights(last_year=each[0], potential=each[1], equal=each[2])


@given(st.integers(0, 10**9), st.lists(st.integers(0, 31), min_size=1, max_size=8))
@settings(max_examples=60, deadline=None)
def test_a_month_that_is_prorated_adds_up(total: int, days: list[int]) -> None:
    assert sum(prorate(total, days)) == total


def test_a_month_is_prorated_by_the_days_of_each() -> None:
    assert prorate(100, [10, 15]) == [40, 60]
    assert prorate(100, [7, 7, 8]) == [32, 32, 36]
    assert prorate(9, [0, 0]) == [5, 4]


def test_nothing_over_nobody_is_nothing() -> None:
    assert largest_remainders(0, []) == []
    assert split(0, [], EQUAL) == []
