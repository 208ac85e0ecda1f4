"""Which days a stop is due, and which stops are due on a day.

A stop's rule names weekdays and, in a cycle of N ≤ 8 weeks counted from an anchor Monday, the weeks
that it holds in: due on day d when d's weekday is in the rule and
((monday(d) - anchor) / 7 days) mod N is among its week groups. "Every N weeks" is the cycle N with
the group 0. ISO week numbers and weeks of a month play no part: both drift. All is in calendar
days, on which a change of the clocks has no effect. Source: domain rules, "Routes and the calendar".
"""

from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import partial
from typing import Any

WORKING_WEEKDAYS = frozenset({1, 2, 3, 4, 5, 6})


class OnHoliday(StrEnum):
    """What becomes of a stop that is due on a holiday."""

    SKIP = "SKIP"
    NEXT = "NEXT"
    PREVIOUS = "PREVIOUS"


@dataclass(frozen=True, slots=True, kw_only=True)
class StopRule:
    """When a store is visited. Weekdays are 1 (Monday) to 7, week groups 0 to `cycle_weeks` - 1.

    An anchor that is no Monday counts as the Monday of its week, and a group that the cycle does
    not have never comes: a rule that was stored is read, whoever let it in. `ends_on` is included.
    """

    weekdays: frozenset[int]
    anchor: date
    starts_on: date
    ends_on: date | None = None
    cycle_weeks: int = 1
    week_groups: frozenset[int] = frozenset({0})
    on_holiday: OnHoliday = OnHoliday.SKIP


@dataclass(frozen=True, slots=True)
class RouteStop:
    """A store in the order of a route, with its rule."""

    store_id: str
    route_id: str
    sequence: int
    rule: StopRule


def read_rule(rule: Mapping[str, Any]) -> StopRule:
    """Return the rule of its form on the wire (`Rule` in PROTOCOL.md), which has been checked."""
    ends_on = rule.get("ends_on")
    return StopRule(
        weekdays=frozenset(rule["weekdays"]),
        anchor=_as_date(rule["anchor"]),
        starts_on=_as_date(rule["starts_on"]),
        ends_on=None if ends_on is None else _as_date(ends_on),
        cycle_weeks=rule["cycle_weeks"],
        week_groups=frozenset(rule["week_groups"]),
        on_holiday=OnHoliday(rule["on_holiday"]),
    )


def is_working_day(
    day: date,
    *,
    holidays: AbstractSet[date] = frozenset(),
    working_weekdays: Collection[int] = WORKING_WEEKDAYS,
    worked_days: AbstractSet[date] = frozenset(),
) -> bool:
    """Whether the company works on a day: one of its working weekdays that is no holiday, or a day that
    is worked whatever its weekday, as a weekend that a country works for a holiday. No day is both
    worked so and a holiday.
    """
    if day in worked_days:
        return True
    return day.isoweekday() in working_weekdays and day not in holidays


def is_due(
    rule: StopRule,
    day: date,
    *,
    holidays: AbstractSet[date] = frozenset(),
    working_weekdays: Collection[int] = WORKING_WEEKDAYS,
    worked_days: AbstractSet[date] = frozenset(),
) -> bool:
    """Whether the stop is due on a day, by the rule itself or moved there from a holiday.

    A stop that falls on a holiday is left out, or moves to the next or the previous working day
    (`is_working_day`). It never moves out of the time from start
    to end, and never onto a day twice. A weekday of the rule on which the company does not work is
    as good as any other: whoever set it meant it.
    """
    ordinal = day.toordinal()
    if not _is_running(rule, ordinal) or day in holidays:
        return False
    if _is_named(rule, ordinal):
        return True
    works = partial(
        is_working_day,
        holidays=holidays,
        working_weekdays=working_weekdays,
        worked_days=worked_days,
    )
    if rule.on_holiday is OnHoliday.SKIP or not works(day):
        return False
    # Whatever was moved here lies behind an unbroken row of days on which nobody works.
    step = -1 if rule.on_holiday is OnHoliday.NEXT else 1
    ordinal += step
    while _is_running(rule, ordinal):
        other = date.fromordinal(ordinal)
        if works(other):
            return False
        if other in holidays and _is_named(rule, ordinal):
            return True
        ordinal += step
    return False


def due_days(
    rule: StopRule,
    first: date,
    last: date,
    *,
    holidays: AbstractSet[date] = frozenset(),
    working_weekdays: Collection[int] = WORKING_WEEKDAYS,
    worked_days: AbstractSet[date] = frozenset(),
) -> tuple[date, ...]:
    """Return the days from `first` to `last`, both included, on which the stop is due, ascending."""
    days = map(date.fromordinal, range(first.toordinal(), last.toordinal() + 1))
    return tuple(
        day
        for day in days
        if is_due(
            rule,
            day,
            holidays=holidays,
            working_weekdays=working_weekdays,
            worked_days=worked_days,
        )
    )


def planned_stops(
    stops: Sequence[RouteStop],
    day: date,
    *,
    holidays: AbstractSet[date] = frozenset(),
    working_weekdays: Collection[int] = WORKING_WEEKDAYS,
    worked_days: AbstractSet[date] = frozenset(),
) -> tuple[RouteStop, ...]:
    """Return the stops due on a day in the order of their routes, each store once.

    Routes follow each other in the order in which `stops` first names them; within a route the
    sequence decides, then the store's id. A store of two routes keeps its first place.
    """
    place: dict[str, int] = {}
    for stop in stops:
        place.setdefault(stop.route_id, len(place))
    planned: dict[str, RouteStop] = {}
    for stop in sorted(
        stops, key=lambda each: (place[each.route_id], each.sequence, each.store_id)
    ):
        if stop.store_id not in planned and is_due(
            stop.rule,
            day,
            holidays=holidays,
            working_weekdays=working_weekdays,
            worked_days=worked_days,
        ):
            planned[stop.store_id] = stop
    return tuple(planned.values())


def _is_named(rule: StopRule, ordinal: int) -> bool:
    """Whether the rule names a day by its weekday and its week. Day 1 of the ordinals is a Monday."""
    week, weekday = divmod(ordinal - 1, 7)
    if weekday + 1 not in rule.weekdays:
        return False
    anchor_week = (rule.anchor.toordinal() - 1) // 7
    return (week - anchor_week) % rule.cycle_weeks in rule.week_groups


def _is_running(rule: StopRule, ordinal: int) -> bool:
    if ordinal < rule.starts_on.toordinal():
        return False
    return rule.ends_on is None or ordinal <= rule.ends_on.toordinal()


def _as_date(text: str | date) -> date:
    return text if isinstance(text, date) else date.fromisoformat(text)
