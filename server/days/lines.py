"""The days of people as lines for a terminal; times are those of the company's wall clock."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from server.days.person_day import Duty, EventTold, FlagTold, PersonDay, StopState, VisitTold
from server.days.tracks import DayTrack, StopTold
from server.days.words import told_cause, told_distance, told_length, told_time
from server.identity.aligned import NOTHING, aligned
from sync.clock import Trust
from sync.kinds.attendance.day import State as DutyState
from sync.kinds.track.distance import Gap
from sync.kinds.visit.day import State as VisitState
from sync.kinds.visit.verdict import Verdict

_SUMMARY = (
    "PERSON",
    "ON",
    "OFF",
    "PLANNED",
    "VISITED",
    "SKIPPED",
    "MISSED",
    "OTHER",
    "VERDICTS",
    "FLAGS",
)
_DAY = ("TIME", "#", "WHAT", "STATE", "WHERE")
_PRESSED = {"ON": "on duty again", "BREAK": "break", "OFF": "off duty"}
_BY = {
    Trust.CLOCK: "by the phone's clock",
    Trust.GPS: "by satellites",
    Trust.UNVERIFIED: "not verified",
}
_UNSURE = {
    Trust.GPS: "time by satellites, the phone's clock does not vouch for it",
    Trust.UNVERIFIED: "time not verified, no clock and no satellite vouches for it",
}


@dataclass(frozen=True, slots=True)
class _Entry:
    """A row of a day, and what is to be said below it."""

    at: int
    cells: tuple[str, str, str, str, str]
    notes: tuple[str, ...]


def summary_lines(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """A line for each row that `summary_row` made, below their header."""
    return aligned(_SUMMARY, rows)


def summary_row(person_day: PersonDay) -> tuple[str, ...]:
    """A person's day in a few figures."""
    stops = person_day.stops
    visited = _number(stops, StopState.VISITED)
    covered = _number(stops, StopState.COVERED)
    due = _number(stops, StopState.DUE)
    others = sum(visit.order is not None and not visit.is_planned for visit in person_day.visits)
    on, off = _on_and_off(person_day.duty, person_day.time_zone)
    return (
        printable(person_day.name),
        on,
        off,
        str(len(stops)),
        f"{visited} (+{covered} by others)" if covered else str(visited),
        str(_number(stops, StopState.SKIPPED)),
        f"{due} due" if due else str(len(person_day.missed)),
        str(others),
        _verdicts(person_day),
        str(len(person_day.flags)),
    )


def day_lines(person_day: PersonDay, track: DayTrack | None = None) -> list[str]:
    """One person's day in the order in which it took place, with where they were in it."""
    zone = person_day.time_zone
    lines = [
        (
            f"{printable(person_day.name)}, {person_day.day:%A} {person_day.day},"
            f" times of {zone}, settings version {person_day.policy_version}"
        ),
        f"Duty   {_duty(person_day.duty, zone)}",
        *(f"       {note}" for note in _flags(person_day.duty.flags)),
        f"Plan   {_plan(person_day)}",
    ]
    if person_day.trusts:
        counted = person_day.trusts
        told = ", ".join(f"{counted[each]} {said}" for each, said in _BY.items() if counted[each])
        lines.append(f"Times  {told}")
    if track is not None and track.segments:
        lines += _track(track)
    entries = sorted(_entries(person_day, track), key=lambda entry: entry.at)
    if entries:
        header, *rows = aligned(_DAY, [entry.cells for entry in entries])
        indent = " " * header.index("#")
        lines += ["", header]
        for row, entry in zip(rows, entries, strict=True):
            lines.append(row)
            lines += [f"{indent}{note}" for note in entry.notes]
    for state, title in (
        (StopState.MISSED, "Missed"),
        (StopState.DUE, "Still due"),
        (StopState.COVERED, "Covered by others"),
    ):
        names = [printable(stop.store_name) for stop in person_day.stops if stop.state is state]
        if names:
            lines += ["", f"{title}: {', '.join(names)}"]
    return lines


def printable(text: str) -> str:
    """A text from a phone on one line, without what would steer a terminal."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _number(stops: Iterable[object], state: StopState) -> int:
    return sum(getattr(stop, "state", None) is state for stop in stops)


def _verdicts(person_day: PersonDay) -> str:
    counted = person_day.verdicts
    parts = [f"{counted[each]} {each.lower()}" for each in Verdict if counted[each]]
    by_phone = sum(visit.is_by_phone for visit in person_day.visits)
    if by_phone:
        parts.append(f"{by_phone} by phone")
    return ", ".join(parts) or NOTHING


def _on_and_off(duty: Duty, zone: str) -> tuple[str, str]:
    if duty.started_at is None:
        return NOTHING, NOTHING
    on = told_time(duty.started_at, zone)
    if duty.ended_at is None:
        return on, "on a break" if duty.state is DutyState.BREAK else "on duty"
    off = told_time(duty.ended_at, zone)
    return on, f"{off} (not pressed)" if duty.state is DutyState.AUTO_CLOSED else off


def _duty(duty: Duty, zone: str) -> str:
    on, off = _on_and_off(duty, zone)
    if duty.started_at is None:
        return "never on"
    told = f"on {on}, "
    told += f"still {off}" if duty.ended_at is None else f"off {off}"
    told += f", worked {told_length(duty.worked_min * 60_000) if duty.worked_min else '0 min'}"
    return f"{told}, break {told_length(duty.break_min * 60_000)}" if duty.break_min else told


def _plan(person_day: PersonDay) -> str:
    stops = person_day.stops
    others = sum(visit.order is not None and not visit.is_planned for visit in person_day.visits)
    parts = [
        f"{number} {state.lower()}" for state in StopState if (number := _number(stops, state))
    ]
    told = f"{len(stops)} stops: {', '.join(parts)}" if stops else "no stops"
    return f"{told}; {others} visits outside of it" if others else told


def _track(track: DayTrack) -> list[str]:
    """How far, from how many points, and what did not count."""
    dropped = track.dropped
    odd = [
        f"{number:,} {what}"
        for number, what in (
            (dropped.coarse, "too coarse"),
            (dropped.fast, "too fast"),
            (dropped.zero, "at 0,0"),
            (dropped.repeated, "at the same place again"),
            (track.overlapping, "sent twice"),
        )
        if number
    ]
    segments = "1 segment" if track.segments == 1 else f"{track.segments} segments"
    told = f"Track  {told_distance(track.distance_cm)}, {track.points:,} points in {segments}"
    notes = []
    if odd:
        notes.append(f"not counted: {', '.join(odd)}")
    if track.removed:
        notes.append(f"{track.removed:,} points outside of working hours were removed")
    if not track.is_whole:
        notes.append("there are more segments than are read: this is not the whole of it")
    flags = dict.fromkeys(f"! {printable(flag.says)}" for flag in track.flags)
    return [told, *(f"       {note}" for note in (*notes, *flags))]


def _stop(stop: StopTold, zone: str) -> _Entry:
    time = f"{told_time(stop.from_at, zone)}–{told_time(stop.until_at, zone)}"
    where = ""
    if stop.store_name is not None and stop.store_distance_cm is not None:
        where = f"{told_distance(stop.store_distance_cm)} from {printable(stop.store_name)}"
    what = f"stopped for {told_length(stop.until_at - stop.from_at)}"
    return _Entry(stop.from_at, (time, "", what, "", where), ())


def _gap(gap: Gap, zone: str) -> _Entry:
    time = f"{told_time(gap.from_at, zone)}–{told_time(gap.until_at, zone)}"
    length = told_length(gap.until_at - gap.from_at)
    return _Entry(
        gap.from_at, (time, "", f"no positions for {length}", "", told_cause(gap.cause)), ()
    )


def _entries(person_day: PersonDay, track: DayTrack | None) -> list[_Entry]:
    zone = person_day.time_zone
    entries = [_visit(visit, zone) for visit in person_day.visits]
    entries += [_event(event, zone) for event in person_day.duty.events]
    if track is not None:
        entries += [_stop(stop, zone) for stop in track.stops]
        entries += [_gap(gap, zone) for gap in track.gaps]
    return entries


def _event(event: EventTold, zone: str) -> _Entry:
    what = "on duty" if event.is_clock_in else _PRESSED.get(event.event, event.event.lower())
    return _Entry(
        event.at,
        (told_time(event.at, zone), "", what, "", ""),
        (*_unsure(event.trust), *_flags(event.flags)),
    )


def _visit(visit: VisitTold, zone: str) -> _Entry:
    time = told_time(visit.began_at, zone)
    if visit.closed_at is not None:
        time = f"{time}–{told_time(visit.closed_at, zone)}"
    what = printable(visit.store_name)
    if not visit.is_planned:
        what += " (unplanned)"
    order = "" if visit.order is None else str(visit.order)
    if visit.state is VisitState.SKIPPED:
        where = (visit.skip_reason or "").replace("_", " ").lower()
    elif visit.verdict is not None:
        where = f"{visit.verdict}: {visit.verdict_says}"
    else:
        where = "by phone"
    closing = () if visit.closing_says is None else (f"– {visit.closing_says}",)
    return _Entry(
        visit.began_at,
        (time, order, what, visit.state, where),
        (*closing, *_unsure(visit.trust), *_flags(visit.flags)),
    )


def _unsure(trust: Trust) -> tuple[str, ...]:
    said = _UNSURE.get(trust)
    return () if said is None else (f"– {said}",)


def _flags(flags: Iterable[FlagTold]) -> tuple[str, ...]:
    return tuple(f"! {printable(flag.says)}" for flag in flags)
