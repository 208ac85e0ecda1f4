"""The points that a phone takes on its way through the day, and the stretches in which it sends them.

From the day's acts follows where the rep is when. Points are taken evenly while the rep is on duty, on the
straight way from store to store; a receiver without a fix takes none, and nobody is followed on a break.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from random import Random

from mobile_contract.phone.tracks import close_track, record_point, stop_collecting
from server.play.morning import Morning
from server.play.places import Place, Reading, read_position
from server.play.rep import OnCall, Rep
from server.play.teams import Team
from server.play.workday import HOUR_MS, Act, Attend, SyncOnTheWay, Visit

STRETCH_MS = 2 * HOUR_MS
_AFTER_MS = 1_000


@dataclass(frozen=True, slots=True)
class Taken:
    """A point that the phone took, at a true time."""

    at_ms: int
    reading: Reading


@dataclass(frozen=True, slots=True)
class RecordTrack:
    """The phone closes a stretch of its track."""

    at_ms: int
    points: tuple[Taken, ...]
    # Whether the rep then has a break, or is off duty.
    is_last: bool = False


def plan_tracks(random: Random, team: Team, acts: Sequence[Act]) -> list[RecordTrack]:
    """The stretches of a day, cut every two hours and before each sync."""
    way, duty = _way(acts), _on_duty(acts)
    if not way or not duty:
        return []
    whole_ms = sum(until - since for since, until in duty)
    tracks: list[RecordTrack] = []
    for since, until in duty:
        count = team.points_a_day * (until - since) // max(1, whole_ms)
        step_ms = (until - since) // max(1, count)
        times = [since + step_ms // 2 + step_ms * number for number in range(count)]
        readings = [(at, read_position(random, _place_at(way, at))) for at in times]
        taken = [Taken(at, reading) for at, reading in readings if reading is not None]
        tracks += cut_stretches(taken, [a.at_ms for a in acts if isinstance(a, SyncOnTheWay)])
    return tracks


def cut_stretches(taken: Iterable[Taken], cuts: Iterable[int] = ()) -> list[RecordTrack]:
    """The points of one time on duty as stretches, none longer than two hours and none across a cut."""
    marks = sorted(cuts)
    stretches: list[list[Taken]] = []
    for point in taken:
        last = stretches[-1] if stretches else None
        if (
            last is None
            or point.at_ms - last[0].at_ms > STRETCH_MS
            or bisect_right(marks, point.at_ms) != bisect_right(marks, last[0].at_ms)
        ):
            stretches.append([point])
        else:
            last.append(point)
    return [
        RecordTrack(each[-1].at_ms + _AFTER_MS, tuple(each), is_last=each is stretches[-1])
        for each in stretches
    ]


def record_track(rep: Rep, act: RecordTrack, morning: Morning, _call: OnCall | None) -> None:
    """Take the points one by one, each at its time, and close the stretch."""
    for point in act.points:
        rep.clock.line.travel_to(point.at_ms)
        fix = rep.fix(point.reading)
        assert fix is not None
        record_point(rep.phone, fix)
    rep.clock.line.travel_to(act.at_ms)
    close = stop_collecting if act.is_last else close_track
    close(rep.phone, position_id=morning.position_id)


def _on_duty(acts: Sequence[Act]) -> list[tuple[int, int]]:
    """From when to when the rep is on duty and has no break."""
    duty: list[tuple[int, int]] = []
    since: int | None = None
    for act in acts:
        if isinstance(act, Attend):
            if act.what in ("clock_on", "end_break"):
                since = act.at_ms
            elif since is not None:
                duty.append((since, act.at_ms))
                since = None
    return duty


def _way(acts: Sequence[Act]) -> list[tuple[int, Place]]:
    """Where the rep is known to be, in order of time."""
    way: list[tuple[int, Place]] = []
    for act in acts:
        if isinstance(act, Visit) and act.arrival is not None and not act.is_by_phone:
            way += [(act.at_ms, act.arrival.place), (act.until_ms, act.arrival.place)]
    return way


def _place_at(way: Sequence[tuple[int, Place]], at_ms: int) -> Place:
    """The place at a time, on the straight way between two that are known."""
    after = bisect_right(way, at_ms, key=lambda known: known[0])
    if after == 0 or after == len(way):
        return way[min(after, len(way) - 1)][1]
    (from_ms, start), (until_ms, end) = way[after - 1], way[after]
    share = (at_ms - from_ms) / max(1, until_ms - from_ms)
    return Place(
        start.latitude + share * (end.latitude - start.latitude),
        start.longitude + share * (end.longitude - start.longitude),
    )
