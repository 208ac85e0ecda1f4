"""Where somebody was on a day: distance, gaps with their causes, stops, read from what phones sent.

Read when somebody asks, with a fixed number of statements, by `sync/kinds/track/day.py`: the order in which
segments came plays no part, and what came twice counts once. `DayTrack` is what a map shows: unbroken runs
of points in WGS 84, and gaps between them that are never a line.

With an asker only the segments of positions that the asker may see are there, as with visits
(server/days/reading.py); everybody sees their own.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import cos, radians
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from server.days.facts import Page, Seen, find_people, find_seats, read_policy_of
from server.days.person_day import FlagTold
from server.days.words import told_flag
from server.identity.errors import NoSuchPerson
from server.identity.permissions import visible_positions
from sync.clock import business_day, day_bounds, working_hours
from sync.geo import Point, distance_cm
from sync.kinds.track.day import Segment, TrackReading, TrackRules, read_track_day
from sync.kinds.track.distance import Dropped, Gap
from sync.kinds.track.points import Points, read_held
from sync.kinds.track.stops import Stop
from sync.policy import Policy
from sync.unit_of_work import UnitOfWork

MOST_SEGMENTS = 500
"""A phone that closes one every half hour sends some twenty."""
NEAR_STORE_M = 200

# A segment is at most a day long: what began the day before may go on into this one.
_SEGMENTS = """
select who.person_id, t.* from unnest(cast(:people as uuid[]), cast(:is_all_seen as boolean[]),
                                      cast(:is_unplaced_seen as boolean[]))
                          as who(person_id, is_all_seen, is_unplaced_seen)
cross join lateral (
    select t.id, t.position_id, t.business_day, extract(epoch from t.began_at) * 1000 as began_at,
           t.packed, t.wgs84_shift, t.gaps, t.removed, r.doc
    from track t join record r on r.company_id = t.company_id and r.id = t.id
    where t.company_id = :company and t.person_id = who.person_id
      and t.business_day in (:day, :day_before)
      and (who.is_all_seen or t.position_id = any(:seen)
           or (t.position_id is null and who.is_unplaced_seen))
    order by t.business_day desc, t.began_at, t.id limit :at_most) t
"""
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
# The first that has a day before it.
_SECOND_DAY = date.min + timedelta(days=1)


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
    is_all_seen = [seen is None or asker_id == person_id for person_id in people]
    rows = uow.rows(
        _SEGMENTS,
        company=uow.company_id,
        people=people,
        day=day,
        day_before=max(day, _SECOND_DAY) - timedelta(days=1),
        is_all_seen=is_all_seen,
        seen=[] if seen is None else list(seen.positions),
        # Work for no position is seen by whoever sees all that the person holds.
        is_unplaced_seen=[
            seen is None
            or asker_id == person_id
            or seen.positions >= {seat.position_id for seat in seats[person_id]}
            for person_id in people
        ],
        at_most=MOST_SEGMENTS + 1,
    )
    of_person: dict[UUID, list[Any]] = {person_id: [] for person_id in people}
    for row in rows:
        of_person[row.person_id].append(row)
    readings = {person_id: _read(day, policy, of_person[person_id]) for person_id in people}
    stores = _stores_near(
        uow,
        [stop for reading in readings.values() for stop in reading.stops],
        {row.position_id for row in rows if row.position_id is not None},
    )
    return [
        _told(person_id, day, policy, of_person[person_id], readings[person_id], stores)
        for person_id in people
    ]


def _read(day: date, policy: Policy, rows: Sequence[Any]) -> TrackReading:
    hours = working_hours(
        day,
        policy.time_zone,
        policy.working_from_min,
        policy.working_until_min,
        policy.working_weekdays,
    )
    return read_track_day(
        [
            Segment(
                str(row.id),
                read_held(bytes(row.packed), row.wgs84_shift, int(row.began_at)),
                tuple(Gap(**gap) for gap in row.gaps),
            )
            for row in rows[:MOST_SEGMENTS]
        ],
        TrackRules(
            silence_s=policy.track_silence_s,
            stop_radius_m=policy.stop_radius_m,
            stop_min_s=policy.stop_min_s,
        ),
        day=day_bounds(day, policy.time_zone),
        hours=[] if hours is None else [hours],
    )


def _told(
    person_id: UUID,
    day: date,
    policy: Policy,
    rows: Sequence[Any],
    reading: TrackReading,
    stores: Mapping[UUID, Sequence[Any]],
) -> DayTrack:
    read = rows[:MOST_SEGMENTS]
    of_day = [row for row in read if row.business_day == day]
    positions = {row.position_id for row in read if row.position_id is not None}
    near = [store for position_id in positions for store in stores.get(position_id, ())]
    return DayTrack(
        person_id=person_id,
        day=day,
        time_zone=policy.time_zone,
        segments=len(of_day),
        is_whole=len(rows) <= MOST_SEGMENTS,
        distance_cm=reading.distance_cm,
        runs=tuple(_told_points(run) for run in reading.runs),
        gaps=reading.gaps,
        stops=tuple(_told_stop(stop, near) for stop in reading.stops),
        dropped=reading.dropped,
        overlapping=reading.overlapping,
        removed=sum(row.removed for row in of_day),
        flags=tuple(
            FlagTold(flag, told_flag(flag, policy.time_zone), is_derived=False)
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
