"""route: stores of one position, each with its visiting rule. It comes down; proposals go up."""

from collections.abc import Iterable
from typing import Any, Final

from msgspec import UNSET

from mobile_contract.fields import (
    CHANGE_NULLABLE,
    NULLABLE,
    OPTIONAL,
    Choice,
    Day,
    Id,
    Int,
    ListOf,
    Part,
    Text,
)
from mobile_contract.records.contract import Fields, RecordContract
from mobile_contract.schema import WireSchema

STOPS_MAX: Final = 400
CYCLE_WEEKS_MAX: Final = 8
ON_HOLIDAY: Final = ("SKIP", "NEXT", "PREVIOUS")
MONDAY: Final = 0
MINUTES_PER_DAY: Final = 1_440


def anchor_is_monday(rule: Any) -> Iterable[tuple[str, str]]:
    """Weeks are counted from a Monday."""
    if rule.anchor.weekday() != MONDAY:
        yield "anchor", "must be a Monday"


def groups_are_in_the_cycle(rule: Any) -> Iterable[tuple[str, str]]:
    """A week-group is a week of the cycle."""
    if max(rule.week_groups) >= rule.cycle_weeks:
        yield "week_groups", "must be below cycle_weeks"


def named_once(rule: Any) -> Iterable[tuple[str, str]]:
    """A weekday or a week-group stands once in its list."""
    for name in ("weekdays", "week_groups"):
        values = getattr(rule, name)
        if len(set(values)) != len(values):
            yield name, "must name each value once"


def ends_after_it_starts(rule: Any) -> Iterable[tuple[str, str]]:
    """A rule has at least one day."""
    if rule.ends_on is not None and rule.ends_on < rule.starts_on:
        yield "ends_on", "must not be before starts_on"


def window_is_whole(rule: Any) -> Iterable[tuple[str, str]]:
    """A time window has both its ends, the first before the second, or neither."""
    opens, closes = rule.open_from_min, rule.open_until_min
    kinds = [None if end is None else UNSET if end is UNSET else int for end in (opens, closes)]
    if kinds[0] is not kinds[1]:
        yield "open_until_min", "must be there, and be null, exactly when open_from_min is"
    elif kinds[0] is int and opens >= closes:
        yield "open_until_min", "must be after open_from_min"


def weekdays() -> ListOf:
    """The weekdays of a rule."""
    return ListOf(Int(1, 7), 7, minimum=1, about="weekdays, 1 is Monday and 7 is Sunday")


def cycle_weeks() -> Int:
    """The length of a rule's cycle."""
    return Int(1, CYCLE_WEEKS_MAX, about="length of the cycle", unit="weeks")


def week_groups() -> ListOf:
    """The weeks of the cycle in which a rule is due."""
    return ListOf(
        Int(0, CYCLE_WEEKS_MAX - 1),
        CYCLE_WEEKS_MAX,
        minimum=1,
        about="weeks of the cycle, 0 is the week of the anchor; each below cycle_weeks",
    )


class Rule(WireSchema):
    """When a stop is due, as proposed."""

    rules = (
        anchor_is_monday,
        groups_are_in_the_cycle,
        named_once,
        ends_after_it_starts,
        window_is_whole,
    )

    weekdays = weekdays()
    cycle_weeks = cycle_weeks()
    week_groups = week_groups()
    anchor = Day(about="a Monday from which the weeks are counted")
    starts_on = Day(about="first day on which it may be due")
    ends_on = Day(presence=OPTIONAL, about="last day; absent: no end")
    on_holiday = Choice(ON_HOLIDAY, about="what a holiday does: skip, next or previous working day")
    open_from_min = Int(
        0,
        MINUTES_PER_DAY,
        presence=CHANGE_NULLABLE,
        about="earliest arrival; null: no window",
        unit="minutes after midnight",
    )
    open_until_min = Int(
        0,
        MINUTES_PER_DAY,
        presence=CHANGE_NULLABLE,
        about="latest arrival; null: no window",
        unit="minutes after midnight",
    )


class Stop(WireSchema):
    """A store of a proposed route, in its order."""

    store_id = Id(about="the store")
    rule = Part(Rule, about="when it is due")


class RoutePropose(WireSchema):
    """A rep proposes how a route should be; somebody decides."""

    reason = Text(1, 400, about="why, for who decides")
    stops = ListOf(Part(Stop), STOPS_MAX, about="the whole route, in order")


class HeldRule(WireSchema):
    """When a stop is due, as the server holds it."""

    weekdays = weekdays()
    cycle_weeks = cycle_weeks()
    week_groups = week_groups()
    anchor = Day(about="a Monday from which the weeks are counted")
    starts_on = Day(about="first day on which it may be due")
    ends_on = Day(presence=NULLABLE, about="last day; null: no end")
    on_holiday = Choice(ON_HOLIDAY, about="what a holiday does: skip, next or previous working day")
    open_from_min = Int(
        0,
        MINUTES_PER_DAY,
        presence=NULLABLE,
        about="earliest arrival",
        unit="minutes after midnight",
    )
    open_until_min = Int(
        0,
        MINUTES_PER_DAY,
        presence=NULLABLE,
        about="latest arrival",
        unit="minutes after midnight",
    )


class HeldStop(WireSchema):
    """A store of a route."""

    store_id = Id(about="the store")
    sequence = Int(0, 1_000_000, about="order within the route, lowest first")
    rule = Part(HeldRule, about="when it is due")


class RouteDown(WireSchema):
    """A route as the server holds it."""

    name = Text(0, 200, about="name")
    position_id = Id(about="the position that owns it")
    stops = ListOf(Part(HeldStop), 1_000, about="the whole route")


# --- contract 1: no time windows ----------------------------------------------------------------


class Rule1(WireSchema):
    """When a stop is due, as proposed in contract 1."""

    rules = (anchor_is_monday, groups_are_in_the_cycle, named_once, ends_after_it_starts)

    weekdays = weekdays()
    cycle_weeks = cycle_weeks()
    week_groups = week_groups()
    anchor = Day(about="a Monday from which the weeks are counted")
    starts_on = Day(about="first day on which it may be due")
    ends_on = Day(presence=OPTIONAL, about="last day; absent: no end")
    on_holiday = Choice(ON_HOLIDAY, about="what a holiday does: skip, next or previous working day")


class Stop1(WireSchema):
    """A store of a route proposed in contract 1."""

    store_id = Id(about="the store")
    rule = Part(Rule1, about="when it is due")


class RoutePropose1(WireSchema):
    """A proposal in contract 1. The time windows of stops that stay are not touched by it."""

    reason = Text(1, 400, about="why, for who decides")
    stops = ListOf(Part(Stop1), STOPS_MAX, about="the whole route, in order")


class HeldRule1(WireSchema):
    """When a stop is due, in contract 1."""

    weekdays = weekdays()
    cycle_weeks = cycle_weeks()
    week_groups = week_groups()
    anchor = Day(about="a Monday from which the weeks are counted")
    starts_on = Day(about="first day on which it may be due")
    ends_on = Day(presence=NULLABLE, about="last day; null: no end")
    on_holiday = Choice(ON_HOLIDAY, about="what a holiday does: skip, next or previous working day")


class HeldStop1(WireSchema):
    """A store of a route, in contract 1."""

    store_id = Id(about="the store")
    sequence = Int(0, 1_000_000, about="order within the route, lowest first")
    rule = Part(HeldRule1, about="when it is due")


class RouteDown1(WireSchema):
    """A route as the server holds it, in contract 1."""

    name = Text(0, 200, about="name")
    position_id = Id(about="the position that owns it")
    stops = ListOf(Part(HeldStop1), 1_000, about="the whole route")


def lower_2_to_1(fields: Fields) -> Fields | None:
    """A held route without the time windows."""
    left_out = {"open_from_min", "open_until_min"}
    stops = [
        {
            **stop,
            "rule": {name: value for name, value in stop["rule"].items() if name not in left_out},
        }
        for stop in fields["stops"]
    ]
    return {**fields, "stops": stops}


ROUTE: Final = RecordContract(
    kind="route",
    ops={1: {"propose": RoutePropose1}, 2: {"propose": RoutePropose}},
    down={1: RouteDown1, 2: RouteDown},
    lower_2_to_1=lower_2_to_1,
    needs_base_version=frozenset({"propose"}),
)
