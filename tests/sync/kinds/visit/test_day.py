"""A person's day read from its events: the same whatever arrived first."""

import random
from datetime import date
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.flag import Flag
from sync.geo import Occurrence, Point
from sync.kinds.visit.day import (
    Closing,
    DayRules,
    DutyEvent,
    State,
    VisitFact,
    VisitReading,
    read_person_day,
)

DAY = date(2026, 3, 10)
RULES = DayRules(time_zone="Asia/Shanghai")
MINUTE = 60_000
HOUR = 60 * MINUTE
NINE = 1_773_104_400_000  # 09:00 in Shanghai
EVENING = NINE + 10 * HOUR
NEXT_DAY = NINE + 15 * HOUR


def at(minutes: int, east_m: int | None = None, accuracy_cm: int = 1_000) -> Occurrence:
    """Return what took place so many minutes after nine, so many metres east of the start."""
    point = None if east_m is None else Point(0, 1_100_000_000 + round(east_m * 1e2 / 1.11319))
    return Occurrence(NINE + minutes * MINUTE, point, accuracy_cm)


def visit(
    name: str,
    begin: int,
    end: int | None = None,
    *,
    store: str | None = None,
    closed_by: str | None = None,
    is_by_phone: bool = False,
    is_in_named_plan: bool = False,
) -> VisitFact:
    return VisitFact(
        id=name,
        store_id=store or f"store of {name}",
        check_in=at(begin),
        check_out=None if end is None else at(end),
        closed_by=closed_by or (None if end is None else "PERSON"),
        is_by_phone=is_by_phone,
        is_in_named_plan=is_in_named_plan,
    )


def read(
    *visits: VisitFact,
    duty: list[DutyEvent] | None = None,
    now: int = EVENING,
    planned: tuple[str, ...] = (),
) -> dict[str | None, VisitReading]:
    readings = read_person_day(visits, duty or [], RULES, now, day=DAY, planned_store_ids=planned)
    return {reading.visit_id: reading for reading in readings}


def flags_named(reading: VisitReading, name: str) -> list[Flag]:
    return [flag for flag in reading.flags if flag["flag"] == name]


def ending(reading: VisitReading) -> tuple[State, Closing | None, int | None]:
    """Return state, what closed it, and the minute after nine."""
    closed = None if reading.closed_at is None else (reading.closed_at - NINE) // MINUTE
    return reading.state, reading.closing, closed


def test_visits_are_in_the_order_of_their_check_ins_and_ties_in_that_of_their_ids() -> None:
    readings = read(visit("b", 60, 70), visit("c", 0, 10), visit("a", 60, 60))
    assert [(r.visit_id, r.order) for r in readings.values()] == [("c", 1), ("a", 2), ("b", 3)]


def test_a_visit_that_its_person_ended_is_done() -> None:
    assert ending(read(visit("a", 0, 20))["a"]) == (State.DONE, None, 20)


@pytest.mark.parametrize("closing", list(Closing))
def test_a_visit_that_the_phone_closed_says_what_closed_it(closing: Closing) -> None:
    reading = read(visit("a", 0, 20, closed_by=closing.value))["a"]
    assert ending(reading) == (State.AUTO_CLOSED, closing, 20)


def test_a_visit_without_a_check_out_is_open_until_its_timeout() -> None:
    fact = visit("a", 0)
    assert ending(read(fact, now=NINE + 4 * HOUR - 1)["a"]) == (State.OPEN, None, None)
    timed_out = (State.AUTO_CLOSED, Closing.TIMEOUT, 240)
    assert ending(read(fact, now=NINE + 4 * HOUR)["a"]) == timed_out


def test_going_off_duty_ends_a_visit_before_its_timeout() -> None:
    duty = [DutyEvent("x", at(-60), is_off=False), DutyEvent("y", at(30), is_off=True)]
    readings = read(visit("a", 0), duty=duty, now=NINE + HOUR)
    assert ending(readings["a"]) == (State.AUTO_CLOSED, Closing.TIMEOUT, 30)


def test_a_later_check_in_closes_the_earlier_visit_at_that_moment() -> None:
    readings = read(visit("b", 30), visit("a", 0), now=NINE + HOUR)
    assert ending(readings["a"]) == (State.AUTO_CLOSED, Closing.NEXT_CHECKIN, 30)
    assert readings["b"].state is State.OPEN
    assert not readings["a"].flags


def test_a_check_in_after_the_timeout_does_not_stretch_the_visit() -> None:
    readings = read(visit("a", 0), visit("b", 300))
    assert ending(readings["a"]) == (State.AUTO_CLOSED, Closing.TIMEOUT, 240)


def test_a_check_in_that_lies_ahead_of_now_leaves_no_earlier_visit_open() -> None:
    facts = [visit("a", 0), visit("b", 300)]
    readings = read(*facts, now=NINE + HOUR)
    assert ending(readings["a"]) == (State.AUTO_CLOSED, Closing.TIMEOUT, 240)
    assert ending(readings["b"]) == (State.OPEN, None, None)
    later = read(*facts, now=NINE + 6 * HOUR)
    assert ending(later["a"]) == ending(readings["a"])


def test_a_check_out_after_the_timeout_counts_as_it_was_recorded() -> None:
    assert ending(read(visit("a", 0, 300))["a"]) == (State.DONE, None, 300)


def test_a_check_out_after_the_next_check_in_comes_too_late_and_both_overlap() -> None:
    readings = read(visit("a", 0, 40), visit("b", 30, 60))
    assert ending(readings["a"]) == (State.AUTO_CLOSED, Closing.NEXT_CHECKIN, 30)
    assert ending(readings["b"]) == (State.DONE, None, 60)
    overlap = {"flag": "overlapping", "visits": 1, "overlap_ms": 10 * MINUTE}
    assert readings["a"].flags == readings["b"].flags == (overlap,)


def test_a_check_in_at_the_moment_of_the_check_out_does_not_overlap() -> None:
    readings = read(visit("a", 0, 30), visit("b", 30, 60))
    assert ending(readings["a"]) == (State.DONE, None, 30)
    assert not readings["a"].flags


def test_overlaps_with_several_visits_are_counted_and_the_longest_is_shown() -> None:
    readings = read(visit("a", 0, 60), visit("b", 10, 15), visit("c", 20, 50))
    assert readings["a"].flags == ({"flag": "overlapping", "visits": 2, "overlap_ms": 30 * MINUTE},)


def test_a_check_out_before_its_check_in_closes_at_the_check_in() -> None:
    assert ending(read(visit("a", 30, 20))["a"]) == (State.DONE, None, 30)


def test_the_second_visit_at_a_store_is_flagged_and_the_first_is_not() -> None:
    readings = read(
        visit("a", 0, 10, store="s"), visit("b", 60, 70, store="s"), visit("c", 90, 95, store="s")
    )
    assert readings["a"].flags == ()
    assert readings["b"].flags == ({"flag": "repeated_store", "nth": 2, "since_ms": HOUR},)
    assert readings["c"].flags == ({"flag": "repeated_store", "nth": 3, "since_ms": HOUR // 2},)


def fixed(name: str, begin: Occurrence, end: Occurrence | None = None) -> VisitFact:
    return VisitFact(id=name, store_id=name, check_in=begin, check_out=end, closed_by="PERSON")


def test_travel_above_the_limit_is_flagged_on_the_later_visit_with_its_figures() -> None:
    readings = read(fixed("a", at(0, 0), at(10, 5)), fixed("b", at(20, 30_000), at(30, 30_003)))
    assert readings["a"].flags == ()
    (flag,) = readings["b"].flags
    assert flag["flag"] == "implied_speed"
    assert flag["speed_kmh"] == 180
    assert (flag["elapsed_ms"], flag["accuracy_cm"], flag["limit_kmh"]) == (10 * MINUTE, 2_000, 120)


def test_travel_is_also_measured_from_going_on_duty_and_to_a_skip() -> None:
    skip = VisitFact(id="b", store_id="b", skipped=at(20, 60_000))
    duty = [DutyEvent("on", at(0, 30_000), is_off=False)]
    readings = read(fixed("a", at(10, 0), at(11, 3)), skip, duty=duty)
    assert len(flags_named(readings["a"], "implied_speed")) == 1
    assert len(flags_named(readings["b"], "implied_speed")) == 1


def test_travel_to_a_duty_event_is_not_a_matter_of_visits() -> None:
    duty = [DutyEvent("off", at(20, 90_000), is_off=True)]
    assert read(fixed("a", at(10, 0), at(11, 3)), duty=duty)["a"].flags == ()


def test_a_fix_repeated_at_another_visit_is_flagged_with_how_often() -> None:
    readings = read(
        fixed("a", at(0, 0), at(10, 0)), fixed("b", at(20, 0), at(30, 8)), fixed("c", at(50, 0))
    )
    assert readings["a"].flags == ()
    assert readings["b"].flags == ({"flag": "repeated_fix", "nth": 2, "since_ms": 20 * MINUTE},)
    assert readings["c"].flags == ({"flag": "repeated_fix", "nth": 3, "since_ms": 30 * MINUTE},)


def test_the_same_place_with_another_accuracy_is_another_fix() -> None:
    readings = read(fixed("a", at(0, 0)), fixed("b", at(20, 0, accuracy_cm=1_100)))
    assert readings["b"].flags == ()


def test_planned_is_what_stands_in_the_plan_or_in_the_one_that_it_names() -> None:
    readings = read(
        visit("a", 0, 10, store="s"),
        visit("b", 20, 30, is_in_named_plan=True),
        visit("c", 40, 50),
        planned=("s",),
    )
    assert [r.is_planned for r in readings.values()] == [True, True, False]


def test_planned_stops_are_missed_only_once_the_day_has_ended() -> None:
    facts = [visit("a", 0, 10, store="s1")]
    assert None not in read(*facts, planned=("s1", "s2"), now=NEXT_DAY - 1)
    missed = read(*facts, planned=("s1", "s2"), now=NEXT_DAY)[None]
    assert (missed.store_id, missed.state, missed.is_planned) == ("s2", State.MISSED, True)


def test_a_skipped_stop_is_skipped_and_not_missed() -> None:
    skip = VisitFact(id="a", store_id="s", skipped=at(5))
    readings = read(skip, planned=("s",), now=NEXT_DAY)
    assert list(readings) == ["a"]
    assert ending(readings["a"]) == (State.SKIPPED, None, None)


def test_a_skip_neither_closes_a_visit_nor_counts_in_the_order() -> None:
    skip = VisitFact(id="b", store_id="b", skipped=at(5))
    readings = read(visit("a", 0, 10), skip, visit("c", 20, 30))
    assert ending(readings["a"]) == (State.DONE, None, 10)
    assert [r.order for r in readings.values()] == [1, None, 2]


def test_a_call_by_phone_does_not_make_up_for_a_planned_visit() -> None:
    call = visit("a", 0, 10, store="s", is_by_phone=True)
    readings = read(call, planned=("s",), now=NEXT_DAY)
    assert readings["a"].state is State.DONE
    assert readings[None].state is State.MISSED


def test_missed_stops_come_last_in_the_order_of_the_plan_and_once() -> None:
    readings = read_person_day(
        [visit("a", 0, 1)],
        [],
        RULES,
        NEXT_DAY,
        day=DAY,
        planned_store_ids=("z", "y", "z"),
    )
    assert [r.store_id for r in readings] == ["store of a", "z", "y"]


def test_a_visit_that_was_neither_made_nor_skipped_is_an_error() -> None:
    with pytest.raises(ValueError, match="neither"):
        read(VisitFact(id="a", store_id="s"))


EVENTS = st.builds(
    at, st.integers(0, 30), st.none() | st.sampled_from([0, 10, 40_000]), st.just(1_000)
)
FACTS = st.one_of(
    st.builds(
        VisitFact,
        id=st.just(""),
        store_id=st.sampled_from("stu"),
        check_in=EVENTS,
        check_out=st.none() | EVENTS,
        closed_by=st.sampled_from(["PERSON", "LEFT_FENCE", "TIMEOUT", "NEXT_CHECKIN"]),
        is_by_phone=st.booleans(),
    ),
    st.builds(VisitFact, id=st.just(""), store_id=st.sampled_from("stu"), skipped=EVENTS),
)


def named(fact: VisitFact, name: str) -> VisitFact:
    return VisitFact(
        id=name,
        store_id=fact.store_id,
        check_in=fact.check_in,
        check_out=fact.check_out,
        closed_by=fact.closed_by,
        skipped=fact.skipped,
        is_by_phone=fact.is_by_phone,
    )


@given(
    facts=st.lists(FACTS, max_size=8),
    duty=st.lists(st.tuples(EVENTS, st.booleans()), max_size=4),
    seed=st.randoms(use_true_random=False),
    late_ms=st.sampled_from([0, 2 * HOUR, 24 * HOUR]),
)
def test_the_reading_is_the_same_whatever_arrived_first(
    facts: list[VisitFact],
    duty: list[tuple[Occurrence, bool]],
    seed: random.Random,
    late_ms: int,
) -> None:
    visits = [named(fact, f"v{i}") for i, fact in enumerate(facts)]
    events = [DutyEvent(f"d{i}", occurred, is_off) for i, (occurred, is_off) in enumerate(duty)]
    planned = ("s", "x")
    now = NINE + late_ms
    first = read_person_day(visits, events, RULES, now, day=DAY, planned_store_ids=planned)
    seed.shuffle(visits)
    seed.shuffle(events)
    again = read_person_day(visits, events, RULES, now, day=DAY, planned_store_ids=planned)
    assert again == first


@given(facts=st.lists(FACTS, max_size=8), late_ms=st.integers(0, 24 * HOUR))
def test_at_most_one_visit_is_open_at_any_moment(facts: list[VisitFact], late_ms: int) -> None:
    visits = [named(fact, f"v{i}") for i, fact in enumerate(facts)]
    readings = read_person_day(visits, [], RULES, NINE + late_ms, day=DAY)
    calls = [r for r in readings if r.opened_at is not None]
    for earlier, later in pairwise(calls):
        assert earlier.closed_at is not None
        assert later.opened_at is not None
        assert earlier.closed_at <= later.opened_at
