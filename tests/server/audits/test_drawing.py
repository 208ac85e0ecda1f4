"""A draw follows from its seed and its candidates alone."""

import hmac
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.audits.drawing import Candidate, draw_stratum, is_given_twice, sample_size

SEED = bytes(range(32))


@pytest.mark.parametrize(
    ("candidates", "percent", "size"),
    [
        (0, 10, 0),
        (1, 0, 1),
        (1, 10, 1),
        (10, 10, 1),
        (11, 10, 2),
        (100, 7, 7),
        (101, 7, 8),
        (5, 100, 5),
    ],
)
def test_a_share_rounded_up_is_drawn_and_one_at_least(
    candidates: int, percent: int, size: int
) -> None:
    assert sample_size(candidates, percent) == size


@given(
    st.lists(st.tuples(st.uuids(), st.booleans()), unique_by=lambda one: one[0], max_size=40),
    st.integers(0, 100),
    st.binary(min_size=32, max_size=32),
    st.randoms(use_true_random=False),
)
@settings(max_examples=60, deadline=None)
def test_the_order_of_the_candidates_is_of_no_account(
    listed: list[tuple[UUID, bool]], percent: int, seed: bytes, shuffler: object
) -> None:
    candidates = [Candidate(*one) for one in listed]
    drawn = draw_stratum(seed, candidates, percent)
    shuffler.shuffle(candidates)  # type: ignore[attr-defined]
    assert draw_stratum(seed, candidates, percent) == drawn
    free = sum(not one.is_entered for one in candidates)
    chosen = [one for one in drawn if one.is_chosen]
    assert len(chosen) == min(free, sample_size(len(candidates), percent))
    assert not any(one.is_entered for one in chosen)
    assert [one.place for one in drawn] == list(range(1, len(drawn) + 1))


def test_whoever_reads_the_rule_finds_the_same() -> None:
    """Written once more from the words of docs/FORMULAS.md."""
    ids = [UUID(int=number) for number in range(1, 21)]
    drawn = draw_stratum(SEED, [Candidate(id_, is_entered=False) for id_ in ids], 15)
    by_hand = sorted(ids, key=lambda id_: hmac.new(SEED, b"sample " + id_.bytes, "sha256").digest())
    assert [one.id for one in drawn] == by_hand
    assert [one.id for one in drawn if one.is_chosen] == by_hand[:3]


def test_every_candidate_is_drawn_about_as_often_as_any_other() -> None:
    ids = [UUID(int=number) for number in range(10)]
    times = dict.fromkeys(ids, 0)
    for number in range(2_000):
        seed = number.to_bytes(32)
        for one in draw_stratum(seed, [Candidate(id_, is_entered=False) for id_ in ids], 20):
            times[one.id] += one.is_chosen
    # 400 are expected; five standard deviations of 18 each.
    assert all(310 < number < 490 for number in times.values()), times


def test_about_so_many_are_given_twice_and_which_follows_from_the_seed() -> None:
    ids = [uuid4() for _ in range(10_000)]
    twice = [id_ for id_ in ids if is_given_twice(SEED, id_, 5)]
    assert 390 < len(twice) < 610
    assert twice == [id_ for id_ in ids if is_given_twice(SEED, id_, 5)]
    assert not any(is_given_twice(SEED, id_, 0) for id_ in ids)
    assert all(is_given_twice(SEED, id_, 100) for id_ in ids)
