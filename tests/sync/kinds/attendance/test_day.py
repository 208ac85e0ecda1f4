"""A working day read from its events: states, minutes, forgotten closes, odd clock-ins."""

import random
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.flag import Flag
from sync.geo import Boundary, Occurrence, Point
from sync.kinds.attendance.day import (
    AttendanceFact,
    AttendanceReading,
    AttendanceRules,
    State,
    read_attendance_day,
)

DAY = date(2026, 3, 10)
MINUTE = 60_000
HOUR = 60 * MINUTE
NINE = 1_773_104_400_000  # 09:00 in Shanghai
EVENING = NINE + 12 * HOUR
NEXT_DAY = NINE + 15 * HOUR
RULES = AttendanceRules(time_zone="Asia/Shanghai", start_from_min=480, start_until_min=600)
REGION = Boundary([[Point(0, 0), Point(0, 100_000), Point(100_000, 100_000), Point(100_000, 0)]])
INSIDE = Point(50_000, 50_000)


def at(minutes: int, point: Point | None = None) -> Occurrence:
    return Occurrence(NINE + minutes * MINUTE, point, None if point is None else 1_000)


def read(
    *events: tuple[str, int],
    now: int = EVENING,
    evidence: tuple[Occurrence, ...] = (),
    rules: AttendanceRules = RULES,
) -> AttendanceReading:
    facts = [AttendanceFact(f"e{i}", event, at(minute)) for i, (event, minute) in enumerate(events)]
    return read_attendance_day(facts, rules, now, day=DAY, boundary=REGION, evidence=evidence)


def names(reading: AttendanceReading) -> list[list[str | int]]:
    return [[flag["flag"] for flag in event.flags] for event in reading.events]


def test_a_day_of_work_with_a_break() -> None:
    reading = read(("ON", 0), ("BREAK", 180), ("ON", 240), ("OFF", 540))
    assert reading.state is State.OFF
    assert (reading.started_at, reading.ended_at) == (NINE, NINE + 540 * MINUTE)
    assert (reading.worked_min, reading.break_min) == (480, 60)
    assert names(reading) == [[], [], [], []]
    assert [event.is_clock_in for event in reading.events] == [True, False, False, False]


def test_a_day_without_events_is_off() -> None:
    reading = read(now=NEXT_DAY)
    assert (reading.state, reading.started_at, reading.ended_at) == (State.OFF, None, None)
    assert reading.flags == ()


@pytest.mark.parametrize(
    ("events", "state", "worked", "paused"),
    [
        ([("ON", 0)], State.ON, 720, 0),
        ([("ON", 0), ("BREAK", 60)], State.BREAK, 60, 660),
        ([("ON", 0), ("OFF", 60), ("ON", 120)], State.ON, 660, 0),
    ],
)
def test_a_day_that_goes_on_counts_up_to_now(
    events: list[tuple[str, int]], state: State, worked: int, paused: int
) -> None:
    reading = read(*events)
    assert (reading.state, reading.ended_at) == (state, None)
    assert (reading.worked_min, reading.break_min) == (worked, paused)
    assert reading.flags == ()


def test_off_during_a_break_ends_the_day() -> None:
    reading = read(("ON", 0), ("BREAK", 60), ("OFF", 90))
    assert (reading.state, reading.worked_min, reading.break_min) == (State.OFF, 60, 30)


def test_a_forgotten_close_ends_at_the_last_evidence_of_that_day_and_is_flagged() -> None:
    evidence = (at(300), at(450), at(-600), at(1_000))  # the last two are of other days
    reading = read(("ON", 0), now=NEXT_DAY, evidence=evidence)
    closed = NINE + 450 * MINUTE
    assert (reading.state, reading.ended_at, reading.worked_min) == (State.AUTO_CLOSED, closed, 450)
    assert reading.flags == (
        {"flag": "forgotten_close", "closed_at": closed, "silent_ms": 450 * MINUTE},
    )


def test_a_day_is_not_closed_before_it_is_over() -> None:
    assert read(("ON", 0), now=NEXT_DAY - 1).state is State.ON


def test_without_other_evidence_a_forgotten_close_ends_at_the_last_event() -> None:
    reading = read(("ON", 0), ("BREAK", 100), now=NEXT_DAY)
    assert (reading.state, reading.ended_at) == (State.AUTO_CLOSED, NINE + 100 * MINUTE)
    assert (reading.worked_min, reading.break_min) == (100, 0)


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([("ON", 0), ("ON", 10)], [[], ["out_of_sequence"]]),
        ([("BREAK", 0), ("ON", 10)], [["out_of_sequence"], []]),
        ([("OFF", 0), ("ON", 10)], [["out_of_sequence"], []]),
        ([("ON", 0), ("BREAK", 5), ("BREAK", 10)], [[], [], ["out_of_sequence"]]),
    ],
)
def test_an_event_that_changes_nothing_is_kept_and_flagged(
    events: list[tuple[str, int]], expected: list[list[str]]
) -> None:
    assert names(read(*events)) == expected


def test_an_event_out_of_sequence_shows_how_long_after_the_one_before() -> None:
    (flag,) = read(("ON", 0), ("ON", 10)).events[1].flags
    assert flag == {"flag": "out_of_sequence", "since_ms": 10 * MINUTE}


@pytest.mark.parametrize(("minute", "is_odd"), [(-61, True), (-60, False), (59, False), (60, True)])
def test_a_clock_in_outside_of_the_start_window_is_flagged(minute: int, is_odd: bool) -> None:
    flag: Flag = {
        "flag": "outside_start_window",
        "minute": 540 + minute,
        "from_min": 480,
        "until_min": 600,
    }
    assert read(("ON", minute)).events[0].flags == ((flag,) if is_odd else ())


def test_coming_back_from_a_break_is_no_clock_in() -> None:
    assert names(read(("ON", 0), ("BREAK", 200), ("ON", 230))) == [[], [], []]


def test_without_a_start_window_any_time_will_do() -> None:
    rules = AttendanceRules(time_zone="Asia/Shanghai")
    assert names(read(("ON", -500), rules=rules)) == [[]]


def test_a_clock_in_outside_of_the_region_is_flagged_with_how_far() -> None:
    fact = AttendanceFact("a", "ON", at(0, Point(50_000, -10_000)))
    reading = read_attendance_day([fact], RULES, EVENING, day=DAY, boundary=REGION)
    assert reading.events[0].flags == (
        {
            "flag": "outside_region",
            "outside_cm": pytest.approx(11_132, abs=5),
            "accuracy_cm": 1_000,
        },
    )


@pytest.mark.parametrize(
    ("place", "boundary"), [(INSIDE, REGION), (Point(0, -10), None), (None, REGION)]
)
def test_a_clock_in_inside_or_with_nothing_to_compare_is_not_flagged(
    place: Point | None, boundary: Boundary | None
) -> None:
    fact = AttendanceFact("a", "ON", at(0, place))
    reading = read_attendance_day([fact], RULES, EVENING, day=DAY, boundary=boundary)
    assert reading.events[0].flags == ()


def test_travel_is_measured_from_whatever_came_before_the_event() -> None:
    far = Point(50_000, 4_000_000)
    facts = [AttendanceFact("a", "ON", at(0, INSIDE)), AttendanceFact("b", "OFF", at(60, far))]
    # From the region at nine it is 44 km in an hour; from a visit at 9:50 in ten minutes.
    slow = read_attendance_day(facts, RULES, EVENING, day=DAY)
    assert names(slow) == [[], []]
    fast = read_attendance_day(facts, RULES, EVENING, day=DAY, evidence=[at(50, INSIDE)])
    assert names(fast) == [[], ["implied_speed"]]


EVENTS = st.tuples(
    st.sampled_from(["ON", "BREAK", "OFF"]),
    st.integers(-60, 60),
    st.none() | st.sampled_from([INSIDE, Point(0, 900_000)]),
)
PLACES = st.builds(at, st.integers(-60, 600), st.none() | st.just(INSIDE))


@given(
    events=st.lists(EVENTS, max_size=8),
    evidence=st.lists(PLACES, max_size=4),
    shuffler=st.randoms(use_true_random=False),
    now=st.sampled_from([NINE, EVENING, NEXT_DAY]),
)
def test_the_reading_is_the_same_whatever_arrived_first(
    events: list[tuple[str, int, Point | None]],
    evidence: list[Occurrence],
    shuffler: random.Random,
    now: int,
) -> None:
    facts = [AttendanceFact(f"e{i}", e, at(m, p)) for i, (e, m, p) in enumerate(events)]
    first = read_attendance_day(facts, RULES, now, day=DAY, boundary=REGION, evidence=evidence)
    shuffler.shuffle(facts)
    shuffler.shuffle(evidence)
    again = read_attendance_day(facts, RULES, now, day=DAY, boundary=REGION, evidence=evidence)
    assert again == first
    assert first.worked_min >= 0
    assert first.break_min >= 0
