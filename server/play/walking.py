"""The points that a phone takes on its way through the day, and the stretches in which it sends them.

Pure: from the day's acts, where the rep is when. Points are taken evenly between the first and the last
act, on the straight way from store to store; a receiver without a fix takes none.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from random import Random

from server.play.places import Place, Reading, read_position
from server.play.teams import Team
from server.play.workday import HOUR_MS, Act, SyncOnTheWay, Visit

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


def plan_tracks(random: Random, team: Team, acts: Sequence[Act]) -> list[RecordTrack]:
    """The stretches of a day, cut every two hours and before each sync."""
    way = _way(acts)
    if not way:
        return []
    starts_ms, ends_ms = acts[0].at_ms, acts[-1].at_ms
    step_ms = (ends_ms - starts_ms) / max(1, team.points_a_day)
    taken = []
    for number in range(team.points_a_day):
        at_ms = round(starts_ms + step_ms * (number + 0.5))
        reading = read_position(random, _place_at(way, at_ms))
        if reading is not None:
            taken.append(Taken(at_ms, reading))
    cuts = [act.at_ms for act in acts if isinstance(act, SyncOnTheWay)]
    return cut_stretches(taken, cuts)


def cut_stretches(taken: Iterable[Taken], cuts: Iterable[int] = ()) -> list[RecordTrack]:
    """The points as stretches, none longer than two hours and none across a cut."""
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
    return [RecordTrack(each[-1].at_ms + _AFTER_MS, tuple(each)) for each in stretches]


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
