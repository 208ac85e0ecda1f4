"""A real GPS track walked past the stores: check in where it enters a fence, check out where it leaves.

The track keeps its shape, its jumps and its gaps; its times are moved so that it ends at a given
moment. Where it passes no store of the rep at all, because it was recorded in another part of the
world, it is moved so that it begins at one of them, and the result says so. Of some such starts
the one is taken from which it passes the most stores.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from random import Random

from server.play.places import Place, Reading
from server.play.walking import Taken, cut_stretches
from server.play.workday import MINUTE_MS, STEPS, Act, Attend, Outlet, StepTaken, Visit

_LONGEST_GAP_MS = 15 * MINUTE_MS
_STARTS_TRIED = 8


class TrackUnreadable(Exception):
    """The file is not a track: the message names the line."""


@dataclass(frozen=True, slots=True)
class TrackPoint:
    """Where the receiver was, at a time in milliseconds since 1970."""

    at_ms: int
    place: Place


@dataclass(frozen=True, slots=True)
class Walk:
    """The acts of a walked track; `moved_m` is how far the track was moved to pass the stores."""

    acts: list[Act]
    moved_m: float


def read_track(path: Path) -> list[TrackPoint]:
    """The points of a file `time,latitude,longitude`, in order of time. Raises TrackUnreadable."""
    try:
        return _read_points(path)
    except (UnicodeDecodeError, csv.Error) as fault:
        raise TrackUnreadable(f"{path.name}: not a CSV file in UTF-8") from fault


def _read_points(path: Path) -> list[TrackPoint]:
    points: list[TrackPoint] = []
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = csv.DictReader(file)
        missing = {"time", "latitude", "longitude"} - set(rows.fieldnames or ())
        if missing:
            raise TrackUnreadable(f"{path.name}: the header lacks {', '.join(sorted(missing))}")
        for row in rows:
            try:
                at = datetime.fromisoformat(row["time"])
                place = Place(float(row["latitude"]), float(row["longitude"]))
            except (TypeError, ValueError) as fault:
                raise TrackUnreadable(f"{path.name}, line {rows.line_num}: {fault}") from fault
            if at.tzinfo is None:
                raise TrackUnreadable(f"{path.name}, line {rows.line_num}: no time zone in {at}")
            if not (abs(place.latitude) <= 90 and abs(place.longitude) <= 180):
                raise TrackUnreadable(f"{path.name}, line {rows.line_num}: no place on the earth")
            points.append(TrackPoint(round(at.timestamp() * 1000), place))
    if len(points) < 2:
        raise TrackUnreadable(f"{path.name}: a track has at least two points")
    return sorted(points, key=lambda point: point.at_ms)


def walk_track(
    random: Random, points: Sequence[TrackPoint], outlets: Sequence[Outlet], *, ends_ms: int
) -> Walk:
    """The day of a rep who goes where the track goes and calls at each store once."""
    shift_ms = ends_ms - points[-1].at_ms - 2 * MINUTE_MS
    points = [TrackPoint(point.at_ms + shift_ms, point.place) for point in points]
    pinned = [outlet for outlet in outlets if outlet.place is not None]
    moved_m = 0.0
    visits = _visits(random, points, pinned)
    if not visits and pinned:
        starts = random.sample(pinned, min(_STARTS_TRIED, len(pinned)))
        ways = [_begun_at(points, each.place) for each in starts if each.place is not None]
        tries = [(_visits(random, way, pinned), way) for way in ways]
        visits, moved = max(tries, key=lambda each: len(each[0]))
        moved_m = points[0].place.metres_to(moved[0].place)
        points = moved
    first, last = points[0], points[-1]
    acts: list[Act] = [Attend(first.at_ms - MINUTE_MS, "clock_on", _read(random, first))]
    acts += visits
    acts += cut_stretches([Taken(point.at_ms, _read(random, point)) for point in points])
    acts.append(Attend(last.at_ms + MINUTE_MS, "clock_off", _read(random, last)))
    return Walk(sorted(acts, key=lambda act: act.at_ms), moved_m)


def _visits(random: Random, points: Sequence[TrackPoint], outlets: Sequence[Outlet]) -> list[Visit]:
    """One visit for each store whose fence the track enters, never two at a time.

    A gap of more than a quarter of an hour ends a visit at the last point before it: nobody knows
    where the rep was in between.
    """
    visits: list[Visit] = []
    seen: set[str] = set()
    inside: Outlet | None = None
    entered = last = points[0]
    for point in points:
        is_gap = point.at_ms - last.at_ms > _LONGEST_GAP_MS
        if inside is not None and (is_gap or not _is_within(point, inside)):
            if last.at_ms > entered.at_ms:
                visits.append(_visit(random, inside, entered, last))
                seen.add(inside.store_id)
            inside = None
        if inside is None:
            inside = next(
                (each for each in outlets if each.store_id not in seen and _is_within(point, each)),
                None,
            )
            entered = point
        last = point
    if inside is not None and last.at_ms > entered.at_ms:
        visits.append(_visit(random, inside, entered, last))
    return visits


def _is_within(point: TrackPoint, outlet: Outlet) -> bool:
    return outlet.place is not None and point.place.metres_to(outlet.place) <= outlet.fence_m


def _visit(random: Random, outlet: Outlet, entered: TrackPoint, left: TrackPoint) -> Visit:
    stay_ms = left.at_ms - entered.at_ms
    steps = tuple(
        StepTaken(step, True, entered.at_ms + stay_ms * (number + 1) // (len(STEPS) + 1))
        for number, step in enumerate(STEPS)
    )
    return Visit(
        at_ms=entered.at_ms,
        until_ms=left.at_ms,
        store_id=outlet.store_id,
        is_planned=False,
        is_by_phone=False,
        arrival=_read(random, entered),
        leaving=_read(random, left),
        steps=steps,
        is_one_item=False,
        has_left_fence=True,
    )


def _read(random: Random, point: TrackPoint) -> Reading:
    """The track's own point; tracks name no accuracy, so one of a good receiver is made up."""
    return Reading(point.place, random.uniform(4.0, 15.0))


def _begun_at(points: Sequence[TrackPoint], start: Place) -> list[TrackPoint]:
    """The same way from another start, with its metres kept."""
    origin = points[0].place
    moved = []
    for point in points:
        corner = Place(point.place.latitude, origin.longitude)
        north_m = origin.metres_to(corner) * (1 if corner.latitude >= origin.latitude else -1)
        east_m = corner.metres_to(point.place) * (
            1 if point.place.longitude >= origin.longitude else -1
        )
        moved.append(TrackPoint(point.at_ms, start.moved(north_m, east_m)))
    return moved
