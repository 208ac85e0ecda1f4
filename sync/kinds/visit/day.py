"""What a person's visits of one day say about each other, read whenever somebody asks.

Nothing here is stored: a visit that arrives late, or a correction, changes the reading of the others
by itself, and the order of arrival plays no part. Order is by corrected event time, then by id.
Times are milliseconds, lengths centimetres.

    OPEN         checked in, not closed by anything yet
    DONE         checked out by the person before any later check-in
    AUTO_CLOSED  by LEFT_FENCE or TIMEOUT as the phone says; by NEXT_CHECKIN where a later check-in
                 comes first, because a person has at most one open visit; by TIMEOUT where nobody
                 checked out in time, at the latest when the person went off duty
    SKIPPED      planned, and not made for a reason
    MISSED       planned, the day has ended, and neither visited nor skipped

Flags: `overlapping` {visits, overlap_ms: the longest}, `repeated_store` {nth, since_ms},
`implied_speed` {distance_cm, accuracy_cm, elapsed_ms, speed_kmh, limit_kmh}, `repeated_fix`
{nth, since_ms}. Source: domain rules, "Visits" and "Where: the check-in verdict".
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from itertools import zip_longest

from sync.clock import day_bounds
from sync.flag import Flag
from sync.geo import Occurrence, Point, implied_speed


class State(StrEnum):
    """What a visit, or a planned stop, has come to."""

    OPEN = "OPEN"
    DONE = "DONE"
    AUTO_CLOSED = "AUTO_CLOSED"
    SKIPPED = "SKIPPED"
    MISSED = "MISSED"


class Closing(StrEnum):
    """What closed a visit that its person did not."""

    LEFT_FENCE = "LEFT_FENCE"
    TIMEOUT = "TIMEOUT"
    NEXT_CHECKIN = "NEXT_CHECKIN"


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitFact:
    """A visit as it was recorded: `check_in` of a visit, or `skipped` of one that was not made.

    `is_in_named_plan`: the plan that the phone named is one of the person's for the day and has, or
    had before it was changed, the store. A phone may name anything.
    """

    id: str
    store_id: str
    check_in: Occurrence | None = None
    check_out: Occurrence | None = None
    closed_by: str | None = None
    skipped: Occurrence | None = None
    is_in_named_plan: bool = False
    is_by_phone: bool = False


@dataclass(frozen=True, slots=True)
class DutyEvent:
    """An attendance event of the same person and day; `is_off` where duty ends with it."""

    id: str
    occurred: Occurrence
    is_off: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DayRules:
    """The company's settings that a day is read by."""

    time_zone: str
    max_speed_kmh: int = 120
    # No visit to one store goes on for longer without anybody doing anything.
    visit_timeout_s: int = 4 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitReading:
    """A visit in the light of the day's others, or (without a `visit_id`) a stop that was missed.

    `order` counts the day's check-ins from 1. `closed_at` is the effective closing, which an
    automatic one can put before the check-out that was recorded.
    """

    visit_id: str | None
    store_id: str
    state: State
    is_planned: bool
    closing: Closing | None = None
    order: int | None = None
    opened_at: int | None = None
    closed_at: int | None = None
    flags: tuple[Flag, ...] = ()


@dataclass(frozen=True, slots=True)
class _Call:
    """A visit that was checked in."""

    visit: VisitFact
    start: int
    end: int | None  # the recorded check-out, never before the start


def read_person_day(
    visits: Iterable[VisitFact],
    attendance: Iterable[DutyEvent],
    rules: DayRules,
    now: int,
    *,
    day: date,
    planned_store_ids: Sequence[str] = (),
) -> tuple[VisitReading, ...]:
    """Return the readings of one person's visits of one business day, in order of time.

    `planned_store_ids` are the stops of the person's day plan in its order; those missed come last,
    in that order. A call by phone is read like any visit, but does not make up for a planned one.
    Neither the order of `visits` nor that of `attendance` matters.
    """
    visits = sorted(visits, key=_when)
    duty = sorted(attendance, key=lambda event: (event.occurred.at, event.id))
    calls = [call for call in map(_as_call, visits) if call is not None]
    flags: dict[str, list[Flag]] = {visit.id: [] for visit in visits}
    for visit_id, flag in (
        *_overlaps(calls),
        *_repeats(calls),
        *_movements(visits, duty, rules.max_speed_kmh),
    ):
        flags[visit_id].append(flag)
    planned = set(planned_store_ids)
    off_at = [event.occurred.at for event in duty if event.is_off]
    endings = {
        call.visit.id: (order, call.start, *_ending(call, following, off_at, rules, now))
        for order, (call, following) in enumerate(zip_longest(calls, calls[1:]), start=1)
    }
    readings = []
    for visit in visits:
        is_planned = visit.is_in_named_plan or visit.store_id in planned
        if visit.id in endings:
            order, opened_at, state, closing, closed_at = endings[visit.id]
            reading = VisitReading(
                visit_id=visit.id,
                store_id=visit.store_id,
                state=state,
                is_planned=is_planned,
                closing=closing,
                order=order,
                opened_at=opened_at,
                closed_at=closed_at,
                flags=tuple(flags[visit.id]),
            )
        else:
            reading = VisitReading(
                visit_id=visit.id,
                store_id=visit.store_id,
                state=State.SKIPPED,
                is_planned=is_planned,
                flags=tuple(flags[visit.id]),
            )
        readings.append(reading)
    if now >= day_bounds(day, rules.time_zone)[1]:
        seen = {v.store_id for v in visits if v.check_in is None or not v.is_by_phone}
        readings += [
            VisitReading(visit_id=None, store_id=store_id, state=State.MISSED, is_planned=True)
            for store_id in dict.fromkeys(planned_store_ids)
            if store_id not in seen
        ]
    return tuple(readings)


def _when(visit: VisitFact) -> tuple[int, str]:
    began = visit.check_in or visit.skipped
    if began is None:
        raise ValueError(f"visit {visit.id} was neither checked in nor skipped")
    return began.at, visit.id


def _as_call(visit: VisitFact) -> _Call | None:
    if visit.check_in is None:
        return None
    start = visit.check_in.at
    return _Call(visit, start, None if visit.check_out is None else max(visit.check_out.at, start))


def _ending(
    call: _Call, following: _Call | None, off_at: Sequence[int], rules: DayRules, now: int
) -> tuple[State, Closing | None, int | None]:
    """Return how and when a call ended: by whatever came first in event time."""
    if call.end is not None and (following is None or call.end <= following.start):
        closing = Closing.__members__.get(call.visit.closed_by or "")
        return State.DONE if closing is None else State.AUTO_CLOSED, closing, call.end
    timeout = call.start + rules.visit_timeout_s * 1000
    limit = min([timeout, *(at for at in off_at if at >= call.start)])
    # A check-out that was recorded shows that the visit went on, whatever the timeout says.
    if following is not None and (call.end is not None or following.start <= limit):
        return State.AUTO_CLOSED, Closing.NEXT_CHECKIN, following.start
    # Also before the timeout has passed: with a later check-in, of a clock that runs ahead, the
    # earlier visit is not the open one.
    if following is not None or limit < timeout or timeout <= now:
        return State.AUTO_CLOSED, Closing.TIMEOUT, limit
    return State.OPEN, None, None


def _overlaps(calls: Sequence[_Call]) -> Iterator[tuple[str, Flag]]:
    """Yield a flag for each call whose recorded time another call's shares."""
    shared: dict[str, list[int]] = {}
    for i, call in enumerate(calls):
        if call.end is None:
            continue
        for later in calls[i + 1 :]:
            if later.start >= call.end:
                break
            overlap = (call.end if later.end is None else min(call.end, later.end)) - later.start
            shared.setdefault(call.visit.id, []).append(overlap)
            shared.setdefault(later.visit.id, []).append(overlap)
    for visit_id, overlaps in shared.items():
        yield (
            visit_id,
            {"flag": "overlapping", "visits": len(overlaps), "overlap_ms": max(overlaps)},
        )


def _repeats(calls: Sequence[_Call]) -> Iterator[tuple[str, Flag]]:
    """Yield a flag for the second and every later call at a store."""
    earlier: dict[str, tuple[int, int]] = {}
    for call in calls:
        nth, before = earlier.get(call.visit.store_id, (0, call.start))
        if nth:
            since = call.start - before
            yield call.visit.id, {"flag": "repeated_store", "nth": nth + 1, "since_ms": since}
        earlier[call.visit.store_id] = (nth + 1, call.start)


def _movements(
    visits: Sequence[VisitFact], duty: Sequence[DutyEvent], max_speed_kmh: int
) -> Iterator[tuple[str, Flag]]:
    """Yield what consecutive positions show, each to the visit that the later one belongs to.

    What a duty event shows against the one before it is in the reading of the attendance.
    """
    # At the same moment visits come before duty, in either reading.
    events = sorted(
        [
            (occurred.at, 0, visit.id, step, occurred)
            for visit in visits
            for step, occurred in enumerate((visit.check_in, visit.check_out, visit.skipped))
            if occurred is not None and occurred.point is not None
        ]
        + [
            (event.occurred.at, 1, event.id, 0, event.occurred)
            for event in duty
            if event.occurred.point is not None
        ],
        key=lambda event: event[:4],
    )
    before: Occurrence | None = None
    fixes: dict[tuple[Point | None, int | None], tuple[int, int, str]] = {}
    for at, is_duty, owner, _, occurred in events:
        if before is not None and not is_duty:
            flag = implied_speed(before, occurred, max_speed_kmh)
            if flag is not None:
                yield owner, flag
        before = occurred
        fix = (occurred.point, occurred.accuracy_cm)
        nth, last_at, last_owner = fixes.get(fix, (0, at, owner))
        # Phones hold a position for some minutes: a check-out may well repeat its own check-in's.
        if last_owner != owner and not is_duty:
            yield owner, {"flag": "repeated_fix", "nth": nth + 1, "since_ms": at - last_at}
        if nth == 0 or last_owner != owner:
            fixes[fix] = (nth + 1, at, owner)
