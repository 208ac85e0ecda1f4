"""A person's working day read from its attendance events: OFF → ON ⇄ BREAK → OFF, or AUTO_CLOSED.

Nothing here is stored: an event that arrives late, or a correction, changes the reading by itself.
Order is by corrected event time, then by id. Times are milliseconds. Source: domain rules,
"Attendance".

Flags of an event: `outside_region` {outside_cm, accuracy_cm} and `outside_start_window` {minute,
from_min, until_min} on a clock-in; `out_of_sequence` {since_ms: the event before} on an event that
changes nothing (on while on, a break or an off while off); `implied_speed` {distance_cm,
accuracy_cm, elapsed_ms, speed_kmh, limit_kmh} against whatever the person did before.
Flag of the day: `forgotten_close` {closed_at, silent_ms: from there to the end of the day}.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Protocol

from sync.clock import day_bounds, is_within_window, minute_of_day
from sync.flag import Flag
from sync.geo import Occurrence, Point, implied_speed
from sync.kinds.attendance.states import DUTY


class State(StrEnum):
    """Where somebody's day stands."""

    OFF = "OFF"
    ON = "ON"
    BREAK = "BREAK"
    AUTO_CLOSED = "AUTO_CLOSED"


class Area(Protocol):
    """Where somebody works: a region's boundary, or several of them."""

    def outside_cm(self, point: Point, /) -> int:
        """How far outside a point lies; 0 inside."""


@dataclass(frozen=True, slots=True)
class AttendanceFact:
    """An attendance event as it was recorded; `event` is ON, BREAK or OFF."""

    id: str
    event: str
    occurred: Occurrence


@dataclass(frozen=True, slots=True, kw_only=True)
class AttendanceRules:
    """The company's settings that a day is read by; minutes are of the company's day.

    Without `start_from_min` and `start_until_min` a day may begin at any time.
    """

    time_zone: str
    start_from_min: int | None = None
    start_until_min: int | None = None
    max_speed_kmh: int = 120


@dataclass(frozen=True, slots=True)
class EventReading:
    """An event in the light of the others: whether the day, or a part of it, began with it."""

    id: str
    event: str
    at: int
    is_clock_in: bool
    flags: tuple[Flag, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AttendanceReading:
    """A day. `ended_at` is None while it goes on; minutes are whole, what is begun is not counted.

    Of a day that goes on, the minutes are those up to now.
    """

    state: State
    started_at: int | None
    ended_at: int | None
    worked_min: int
    break_min: int
    events: tuple[EventReading, ...]
    flags: tuple[Flag, ...]


def read_attendance_day(
    events: Iterable[AttendanceFact],
    rules: AttendanceRules,
    now: int,
    *,
    day: date,
    boundary: Area | None = None,
    evidence: Iterable[Occurrence] = (),
) -> AttendanceReading:
    """Return the reading of one person's attendance on one business day.

    `boundary` is that of the region of the person's position, None where it has none. `evidence`
    is what else shows the person at work that day: check-ins, check-outs, skips. A day that was not
    closed ends, once it is over, at the last evidence of it. The order of the inputs plays no part.
    """
    facts = sorted(events, key=lambda fact: (fact.occurred.at, fact.id))
    shown = sorted(evidence, key=_place_in_time)
    state = State.OFF
    started_at: int | None = None
    since = 0
    spent = {State.ON: 0, State.BREAK: 0}
    readings = []
    for i, fact in enumerate(facts):
        at = fact.occurred.at
        flags: list[Flag] = []
        following = DUTY.after(state.value, fact.event)
        is_clock_in = state is State.OFF and fact.event == State.ON.value
        if is_clock_in:
            flags += _clock_in_flags(fact.occurred, rules, boundary)
            if started_at is None:
                started_at = at
        if following is not None:
            if state in spent:
                spent[state] += at - since
            state, since = State(following), at
        else:
            before_at = facts[i - 1].occurred.at if i else at
            flags.append({"flag": "out_of_sequence", "since_ms": at - before_at})
        moved = _movement(facts, i, shown, rules.max_speed_kmh)
        if moved is not None:
            flags.append(moved)
        readings.append(EventReading(fact.id, fact.event, at, is_clock_in, tuple(flags)))
    day_from, day_until = day_bounds(day, rules.time_zone)
    day_flags: tuple[Flag, ...] = ()
    ended_at: int | None = None
    if state in spent:
        until = now
        if now >= day_until:
            last = [each.at for each in shown if day_from <= each.at < day_until]
            until = ended_at = max([since, facts[-1].occurred.at, *last])
            silent = max(day_until - until, 0)
            day_flags = ({"flag": "forgotten_close", "closed_at": until, "silent_ms": silent},)
        spent[state] += max(until - since, 0)
        if ended_at is not None:
            state = State(DUTY.after(state.value, "day ends") or state)
    elif started_at is not None:
        ended_at = since
    return AttendanceReading(
        state=state,
        started_at=started_at,
        ended_at=ended_at,
        worked_min=spent[State.ON] // 60_000,
        break_min=spent[State.BREAK] // 60_000,
        events=tuple(readings),
        flags=day_flags,
    )


def _clock_in_flags(
    occurred: Occurrence, rules: AttendanceRules, boundary: Area | None
) -> list[Flag]:
    """Return what is odd about where and when a clock-in took place; it is kept all the same."""
    flags: list[Flag] = []
    if boundary is not None and occurred.point is not None:
        outside = boundary.outside_cm(occurred.point)
        if outside:
            accuracy = occurred.accuracy_cm or 0
            flags.append({"flag": "outside_region", "outside_cm": outside, "accuracy_cm": accuracy})
    if rules.start_from_min is not None and rules.start_until_min is not None:
        minute = minute_of_day(occurred.at, rules.time_zone)
        if not is_within_window(minute, rules.start_from_min, rules.start_until_min):
            flags.append(
                {
                    "flag": "outside_start_window",
                    "minute": minute,
                    "from_min": rules.start_from_min,
                    "until_min": rules.start_until_min,
                }
            )
    return flags


def _movement(
    facts: Sequence[AttendanceFact], i: int, shown: Sequence[Occurrence], max_speed_kmh: int
) -> Flag | None:
    """Return what an event's position shows against the last position before it.

    At the same moment visits come before duty, as in the reading of the visits.
    """
    occurred = facts[i].occurred
    before = [each for each in shown if each.point is not None and each.at <= occurred.at]
    before += [fact.occurred for fact in facts[:i] if fact.occurred.point is not None]
    if not before:
        return None
    # The last of the latest: max takes the first it meets.
    return implied_speed(max(reversed(before), key=lambda each: each.at), occurred, max_speed_kmh)


def _place_in_time(occurred: Occurrence) -> tuple[int, tuple[int, ...], int]:
    return occurred.at, tuple(occurred.point or ()), occurred.accuracy_cm or 0
