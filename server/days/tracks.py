"""Where somebody was on a day: distance, gaps with their causes, stops, read from what phones sent.

Read when somebody asks, with a fixed number of statements, by `sync/kinds/track/day.py`: the order in which
segments came plays no part, and what came twice counts once. The measure DISTANCE is the same reading, kept
by segment (track_parts.py). `DayTrack` is what a map shows: unbroken runs
of points in WGS 84, and gaps between them that are never a line.

With an asker only the segments of positions that the asker may see are there, as with visits
(server/days/reading.py); everybody sees their own.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import cos, radians
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from server.days.facts import Page, Seat, Seen, find_people, find_seats, read_policy_of
from server.days.person_day import FlagTold
from server.days.segments import MOST_SEGMENTS, DayOf, find_segments, read_segments
from server.identity.errors import NoSuchPerson
from server.identity.permissions import visible_positions
from sync.clock import business_day
from sync.geo import Point, distance_cm
from sync.kinds.track.day import TrackReading
from sync.kinds.track.distance import Dropped, Gap
from sync.kinds.track.points import Points
from sync.kinds.track.stops import Stop
from sync.policy import Policy
from sync.unit_of_work import UnitOfWork

NEAR_STORE_M = 200

_STORES = """
select owned.position_id, s.name, s.lat_e7, s.lon_e7
from (select position_id, id from store
      where company_id = :company and position_id = any(:positions)
      union
      select r.position_id, s.store_id from route r
      join route_stop s on s.company_id = r.company_id and s.route_id = r.id
      where r.company_id = :company and r.position_id = any(:positions)) owned
join store s on s.company_id = :company and s.id = owned.id
where s.lat_e7 is not null
  and exists (
      select from unnest(cast(:south as integer[]), cast(:north as integer[]),
                         cast(:west as integer[]), cast(:east as integer[])) as b(south, north, west, east)
      where lat_e7 between b.south and b.north and lon_e7 between b.west and b.east)
limit :at_most
"""
_MOST_STORES = 5_000


class TrackPoint(NamedTuple):
    """A point as a map takes it."""

    at: int
    lat_e7: int
    lon_e7: int
    accuracy_m: int
    is_mock: bool


@dataclass(frozen=True, slots=True)
class StopTold:
    """A stay, and the nearest store of the positions worked for, or of their routes, within 200 m."""

    from_at: int
    until_at: int
    lat_e7: int
    lon_e7: int
    points: int
    store_name: str | None
    store_distance_cm: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DayTrack:
    """A person's track of a day. Times are corrected, in milliseconds since 1970.

    `removed` points were outside of working hours and are not kept. `is_whole` is False where there were
    more segments than are read.
    """

    person_id: UUID
    day: date
    time_zone: str
    segments: int
    is_whole: bool
    distance_cm: int
    runs: tuple[tuple[TrackPoint, ...], ...]
    gaps: tuple[Gap, ...]
    stops: tuple[StopTold, ...]
    dropped: Dropped
    overlapping: int
    removed: int
    flags: tuple[FlagTold, ...]

    @property
    def points(self) -> int:
        """How many points are on the lines, those that repeat a place too."""
        return sum(map(len, self.runs))


def read_day_track(
    uow: UnitOfWork, person_id: UUID, day: date, now: int, *, asker_id: UUID | None = None
) -> DayTrack:
    """The track of one person's business day; without points where no phone sent any.

    Raises NoSuchPerson where the company has no such person, or the asker may not see their day.
    """
    found = read_day_tracks(uow, [person_id], day, now, asker_id=asker_id)
    if not found:
        raise NoSuchPerson(f"no such person: {person_id}")
    return found[0]


def read_day_tracks(
    uow: UnitOfWork,
    person_ids: Collection[UUID],
    day: date,
    now: int,
    *,
    asker_id: UUID | None = None,
) -> list[DayTrack]:
    """The tracks of these people's business day, in the order of their names.

    Who is not in the company, and whose day the asker may not see, is left out. The number of statements does not
    depend on how many people, segments or stops there are.
    """
    _, policy = read_policy_of(uow, day)
    seen: Seen | None = None
    if asker_id is not None:
        today = business_day(now, policy.time_zone)
        seen = Seen(asker_id, visible_positions(uow, asker_id, today))
    page = Page(tuple(person_ids), ("", UUID(int=0)), len(person_ids))
    people = [row.id for row in find_people(uow, day, page, seen)]
    if not people:
        return []
    seats = find_seats(uow, day, people)
    segments = find_segments(uow, [DayOf(person_id, day) for person_id in people])
    found = []
    for person_id in people:
        rows = segments[DayOf(person_id, day)]
        positions = None
        if seen is not None and asker_id != person_id:
            positions = _positions_shown(seats[person_id], seen)
        found.append(_read(person_id, day, policy, rows, positions))
    stores = _stores_near(
        uow,
        [stop for each in found for stop in each.reading.stops],
        {position_id for each in found for position_id in each.positions},
    )
    return [_told(each, day, policy, stores) for each in found]


def _positions_shown(seats: Collection[Seat], seen: Seen) -> frozenset[UUID | None]:
    """Whose work an asker is shown; work for no position where they see all that the person holds."""
    sees_all = seen.positions >= {seat.position_id for seat in seats}
    return seen.positions | {None} if sees_all else seen.positions


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """What of somebody's day is shown: its segments, what they say, how far they went."""

    person_id: UUID
    rows: Sequence[Any]
    is_whole: bool
    reading: TrackReading
    distance_cm: int

    @property
    def positions(self) -> frozenset[UUID]:
        return frozenset(row.position_id for row in self.rows if row.position_id is not None)


def _read(
    person_id: UUID,
    day: date,
    policy: Policy,
    rows: Sequence[Any],
    positions: Collection[UUID | None] | None,
) -> _Read:
    """A day of which only the segments of these positions are shown; all where they are None."""
    read = rows[:MOST_SEGMENTS]
    kept = [row for row in read if positions is None or row.position_id in positions]
    reading = read_segments(kept, policy, day)
    distance_cm = reading.distance_cm
    if len(kept) < len(read):
        # How far they went for these positions is what it is for whoever sees the whole of the day.
        ids = {str(row.id) for row in kept}
        parts = read_segments(read, policy, day).parts
        distance_cm = sum(part.distance_cm for part in parts if part.segment_id in ids)
    return _Read(
        person_id=person_id,
        rows=kept,
        is_whole=len(rows) <= MOST_SEGMENTS,
        reading=reading,
        distance_cm=distance_cm,
    )


def _told(read: _Read, day: date, policy: Policy, stores: Mapping[UUID, Sequence[Any]]) -> DayTrack:
    reading = read.reading
    of_day = [row for row in read.rows if row.business_day == day]
    near = [store for position_id in read.positions for store in stores.get(position_id, ())]
    return DayTrack(
        person_id=read.person_id,
        day=day,
        time_zone=policy.time_zone,
        segments=len(of_day),
        is_whole=read.is_whole,
        distance_cm=read.distance_cm,
        runs=tuple(_told_points(run) for run in reading.runs),
        gaps=reading.gaps,
        stops=tuple(_told_stop(stop, near) for stop in reading.stops),
        dropped=reading.dropped,
        overlapping=reading.overlapping,
        removed=sum(row.removed for row in of_day),
        flags=tuple(
            FlagTold(flag, policy.time_zone, is_derived=False)
            for row in of_day
            for flag in msgspec.json.decode(row.doc)["flags"]
        ),
    )


def _told_points(run: Points) -> tuple[TrackPoint, ...]:
    columns = (run.at, run.lat_e7, run.lon_e7, run.accuracy_m, run.is_mock)
    lists = [column.tolist() for column in columns]
    return tuple(TrackPoint(*each) for each in zip(*lists, strict=True))


def _stores_near(
    uow: UnitOfWork, stops: Sequence[Stop], positions: Collection[UUID]
) -> dict[UUID, list[Any]]:
    """The stores near one of the stops, by the position that has them."""
    near: dict[UUID, list[Any]] = {}
    if not stops or not positions:
        return near
    boxes = [_around(stop.place) for stop in stops]
    south, north, west, east = (list(each) for each in zip(*boxes, strict=True))
    for row in uow.rows(
        _STORES,
        company=uow.company_id,
        positions=list(positions),
        south=south,
        north=north,
        west=west,
        east=east,
        at_most=_MOST_STORES,
    ):
        near.setdefault(row.position_id, []).append(row)
    return near


def _told_stop(stop: Stop, stores: Sequence[Any]) -> StopTold:
    near = [
        (away_cm, store.name)
        for store in stores
        if (away_cm := distance_cm(stop.place, Point(store.lat_e7, store.lon_e7)))
        <= NEAR_STORE_M * 100
    ]
    nearest = min(near, default=None)
    return StopTold(
        stop.from_at,
        stop.until_at,
        stop.place.lat_e7,
        stop.place.lon_e7,
        stop.points,
        None if nearest is None else nearest[1],
        None if nearest is None else nearest[0],
    )


def _around(place: Point) -> tuple[int, int, int, int]:
    """South, north, west and east of a box that holds all within 200 m; stores over the 180th
    meridian are not looked for.
    """
    north = round(NEAR_STORE_M * 90.5)
    east = min(round(north / max(cos(radians(place.lat_e7 / 1e7)), 0.01)), 1_800_000_000)
    return (
        place.lat_e7 - north,
        place.lat_e7 + north,
        max(place.lon_e7 - east, -1_800_000_000),
        min(place.lon_e7 + east, 1_800_000_000),
    )
