"""The stop rule against its plain definition: cycles, holidays, ends, years, changing clocks."""

from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.calendar import (
    OnHoliday,
    RouteStop,
    StopRule,
    due_days,
    is_due,
    is_working_day,
    planned_stops,
    read_rule,
)
from sync.clock import business_day, day_bounds

MONDAY = date(2026, 1, 5)
LONG_AGO = date(2020, 1, 1)


def on(text: str) -> date:
    return date.fromisoformat(text)


def rule(
    *weekdays: int,
    anchor: date = MONDAY,
    weeks: int = 1,
    groups: tuple[int, ...] = (0,),
    starts: date = LONG_AGO,
    ends: date | None = None,
    holiday: OnHoliday = OnHoliday.SKIP,
) -> StopRule:
    return StopRule(
        weekdays=frozenset(weekdays),
        anchor=anchor,
        starts_on=starts,
        ends_on=ends,
        cycle_weeks=weeks,
        week_groups=frozenset(groups),
        on_holiday=holiday,
    )


def monday_of(day: date) -> date:
    return day - timedelta(days=day.weekday())


def naive_days(
    stop: StopRule,
    first: date,
    last: date,
    holidays: set[date],
    working: set[int],
    worked: set[date],
) -> list[date]:
    """Move every day that the rule names, one by one, and keep those that come to lie within."""
    found = set()
    day = first - timedelta(days=120)
    while day <= last + timedelta(days=120):
        cycle = (monday_of(day) - monday_of(stop.anchor)).days // 7 % stop.cycle_weeks
        is_named = day.isoweekday() in stop.weekdays and cycle in stop.week_groups
        target: date | None = day
        if day in holidays:
            step = timedelta(days=1 if stop.on_holiday is OnHoliday.NEXT else -1)
            target = None
            if stop.on_holiday is not OnHoliday.SKIP and working:
                target = day
                while target not in worked and (
                    target in holidays or target.isoweekday() not in working
                ):
                    target += step
        if is_named and target is not None:
            within = all(
                stop.starts_on <= each and (stop.ends_on is None or each <= stop.ends_on)
                for each in (day, target)
            )
            if within and first <= target <= last:
                found.add(target)
        day += timedelta(days=1)
    return sorted(found)


DAYS = st.dates(on("2025-11-01"), on("2027-02-28"))


@given(
    weekdays=st.frozensets(st.integers(1, 7)),
    weeks=st.integers(1, 8),
    groups=st.frozensets(st.integers(0, 7)),
    anchor=st.integers(-60, 60),
    starts=DAYS,
    length=st.none() | st.integers(0, 300),
    holiday=st.sampled_from(OnHoliday),
    first=DAYS,
    span=st.integers(0, 60),
    data=st.data(),
    working=st.sets(st.integers(1, 7)),
)
def test_the_due_days_are_those_of_the_plain_definition(
    *,
    weekdays: frozenset[int],
    weeks: int,
    groups: frozenset[int],
    anchor: int,
    starts: date,
    length: int | None,
    holiday: OnHoliday,
    first: date,
    span: int,
    data: st.DataObject,
    working: set[int],
) -> None:
    stop = rule(
        *weekdays,
        anchor=MONDAY + timedelta(weeks=anchor),
        weeks=weeks,
        groups=tuple(groups),
        starts=starts,
        ends=None if length is None else starts + timedelta(days=length),
        holiday=holiday,
    )
    last = first + timedelta(days=span)
    near = st.integers(-20, span + 20).map(lambda n: first + timedelta(days=n))
    holidays = data.draw(st.sets(near, max_size=25))
    worked = data.draw(st.sets(near, max_size=8)) - holidays if working else set()
    found = due_days(
        stop, first, last, holidays=holidays, working_weekdays=working, worked_days=worked
    )
    assert list(found) == naive_days(stop, first, last, holidays, working, worked)


def test_a_stop_of_a_holiday_moves_to_the_weekend_that_is_worked_for_it() -> None:
    thursday, saturday = on("2026-01-08"), on("2026-01-10")
    holidays = {thursday, thursday + timedelta(days=1)}
    week = (on("2026-01-05"), on("2026-01-11"))
    moved = rule(4, holiday=OnHoliday.NEXT)
    weekdays = {1, 2, 3, 4, 5}
    assert due_days(moved, *week, holidays=holidays, working_weekdays=weekdays) == ()
    assert due_days(
        moved, *week, holidays=holidays, working_weekdays=weekdays, worked_days={saturday}
    ) == (saturday,)
    works: dict[str, Any] = {
        "holidays": holidays,
        "working_weekdays": weekdays,
        "worked_days": {saturday},
    }
    assert [is_working_day(thursday + timedelta(days=n), **works) for n in range(4)] == [
        False,
        False,
        True,
        False,
    ]


def test_every_two_weeks_stays_two_weeks_across_a_year_of_53_weeks() -> None:
    found = due_days(rule(1, weeks=2), on("2026-11-30"), on("2027-02-01"))
    gaps = {(b - a).days for a, b in pairwise(found)}
    assert gaps == {14}
    # By the parity of ISO weeks it would drift: 2026 has 53 of them.
    assert {day.isocalendar().week % 2 for day in found} == {0, 1}


def test_days_before_the_anchor_belong_to_the_cycle_as_well() -> None:
    stop = rule(1, weeks=3, groups=(2,))
    assert is_due(stop, MONDAY - timedelta(weeks=1))
    assert not is_due(stop, MONDAY - timedelta(weeks=2))


def test_several_groups_of_a_cycle() -> None:
    stop = rule(2, 4, weeks=4, groups=(0, 1))
    found = due_days(stop, MONDAY, MONDAY + timedelta(days=27))
    assert [(day - MONDAY).days for day in found] == [1, 3, 8, 10]


def test_start_and_end_are_both_included() -> None:
    stop = rule(1, starts=MONDAY, ends=MONDAY + timedelta(weeks=2))
    found = due_days(stop, on("2025-12-01"), on("2026-03-01"))
    assert found == tuple(MONDAY + timedelta(weeks=n) for n in range(3))


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        (OnHoliday.SKIP, []),
        (OnHoliday.NEXT, ["2026-05-05"]),
        (OnHoliday.PREVIOUS, ["2026-04-30"]),
    ],
)
def test_a_holiday_skips_or_moves_past_weekends_and_other_holidays(
    what: OnHoliday, expected: list[str]
) -> None:
    # Friday 1 May and Monday 4 May are holidays; the company works Monday to Friday.
    found = due_days(
        rule(5, holiday=what),
        on("2026-04-25"),
        on("2026-05-07"),
        holidays={on("2026-05-01"), on("2026-05-04")},
        working_weekdays=(1, 2, 3, 4, 5),
    )
    assert [day.isoformat() for day in found] == expected


def test_a_stop_moved_onto_a_day_that_it_is_due_anyway_is_due_once() -> None:
    stop = rule(4, 5, holiday=OnHoliday.PREVIOUS)
    found = due_days(stop, on("2026-04-27"), on("2026-05-03"), holidays={on("2026-05-01")})
    assert found == (on("2026-04-30"),)


def test_a_stop_never_moves_past_its_end() -> None:
    stop = rule(5, ends=on("2026-05-01"), holiday=OnHoliday.NEXT)
    assert not is_due(stop, on("2026-05-02"), holidays={on("2026-05-01")})


def test_a_weekday_that_nobody_works_is_as_good_as_any_if_the_rule_names_it() -> None:
    assert is_due(rule(7), on("2026-05-03"), working_weekdays=(1, 2, 3, 4, 5))


def test_a_company_that_never_works_moves_nothing() -> None:
    stop = rule(5, holiday=OnHoliday.NEXT)
    span = (on("2026-04-27"), on("2026-06-01"))
    assert on("2026-05-02") not in due_days(
        stop, *span, holidays={on("2026-05-01")}, working_weekdays=()
    )


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/Sao_Paulo", "Asia/Shanghai"])
def test_days_are_those_of_the_company_also_when_its_clocks_change(zone: str) -> None:
    for day in due_days(rule(7), on("2026-03-01"), on("2026-11-30")):
        start, end = day_bounds(day, zone)
        assert is_due(rule(7), business_day(start, zone))
        assert is_due(rule(7), business_day(end - 1, zone))
        assert not is_due(rule(7), business_day(end, zone))


def test_a_rule_is_read_from_the_wire() -> None:
    wire = {
        "weekdays": [2, 5],
        "cycle_weeks": 4,
        "week_groups": [1, 3],
        "anchor": "2026-01-05",
        "starts_on": "2026-02-01",
        "ends_on": None,
        "on_holiday": "NEXT",
        "open_from_min": 480,
    }
    assert read_rule(wire) == rule(
        2, 5, weeks=4, groups=(1, 3), starts=on("2026-02-01"), holiday=OnHoliday.NEXT
    )
    assert read_rule({**wire, "ends_on": "2026-12-31"}).ends_on == on("2026-12-31")


def test_an_anchor_in_the_middle_of_a_week_counts_as_its_monday() -> None:
    span = (MONDAY, MONDAY + timedelta(days=100))
    wednesday = rule(1, 3, 6, weeks=3, anchor=MONDAY + timedelta(days=2))
    assert due_days(wednesday, *span) == due_days(rule(1, 3, 6, weeks=3), *span)


def test_the_stops_of_a_day_are_in_the_order_of_their_routes_and_each_store_comes_once() -> None:
    mondays, tuesdays = rule(1), rule(2)
    stops = [
        RouteStop("c", "r2", 2, mondays),
        RouteStop("a", "r2", 1, mondays),
        RouteStop("b", "r1", 2, mondays),
        RouteStop("x", "r1", 3, tuesdays),
        RouteStop("a", "r1", 1, mondays),
    ]
    planned = planned_stops(stops, MONDAY)
    assert [(stop.store_id, stop.route_id) for stop in planned] == [
        ("a", "r2"),
        ("c", "r2"),
        ("b", "r1"),
    ]


def test_a_store_is_planned_once_if_only_its_second_route_is_due() -> None:
    stops = [RouteStop("a", "r1", 1, rule(2)), RouteStop("a", "r2", 1, rule(1))]
    assert [stop.route_id for stop in planned_stops(stops, MONDAY)] == ["r2"]
    assert planned_stops(stops, MONDAY, holidays={MONDAY}) == ()
