"""The segments of people's days as they are held, and what is read from them.

What a map shows of a day (tracks.py) and what measures count of it (track_parts.py) are the one reading.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import date, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sync.clock import day_bounds, working_hours
from sync.kinds.track.day import Segment, TrackReading, TrackRules, read_track_day
from sync.kinds.track.distance import Gap
from sync.kinds.track.points import read_held
from sync.policy import Policy
from sync.unit_of_work import UnitOfWork

MOST_SEGMENTS = 500
"""A phone that closes one every half hour sends some twenty."""

# A segment is at most a day long: what began the day before may go on into this one.
_SEGMENTS = """
select d.person_id, d.day, t.*, r.doc
from unnest(cast(:people as uuid[]), cast(:days as date[]), cast(:days_before as date[]))
     as d(person_id, day, day_before)
cross join lateral (
    select k.id, k.position_id, k.business_day, extract(epoch from k.began_at) * 1000 as began_at,
           k.packed, k.wgs84_shift, k.gaps, k.removed
    from track k
    where k.company_id = :company and k.person_id = d.person_id
      and k.business_day in (d.day, d.day_before)
    order by k.business_day desc, k.began_at, k.id limit :at_most
) t
join record r on r.company_id = :company and r.id = t.id
order by d.person_id, d.day, t.business_day desc, t.began_at, t.id
"""
# The first that has a day before it.
_SECOND_DAY = date.min + timedelta(days=1)


class DayOf(NamedTuple):
    """A day of somebody."""

    person_id: UUID
    day: date


def find_segments(uow: UnitOfWork, days: Collection[DayOf]) -> Mapping[DayOf, list[Any]]:
    """The segments that each of these days is read from, those that began on it first; of more than
    `MOST_SEGMENTS` one more than that.
    """
    found: dict[DayOf, list[Any]] = {each: [] for each in days}
    rows = uow.rows(
        _SEGMENTS,
        company=uow.company_id,
        people=[each.person_id for each in found],
        days=[each.day for each in found],
        days_before=[max(each.day, _SECOND_DAY) - timedelta(days=1) for each in found],
        at_most=MOST_SEGMENTS + 1,
    )
    for row in rows:
        found[DayOf(row.person_id, row.day)].append(row)
    return found


def read_segments(rows: Iterable[Any], policy: Policy, day: date) -> TrackReading:
    """What segments say of a day."""
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
            for row in rows
        ],
        TrackRules(
            silence_s=policy.track_silence_s,
            stop_radius_m=policy.stop_radius_m,
            stop_min_s=policy.stop_min_s,
        ),
        day=day_bounds(day, policy.time_zone),
        hours=[] if hours is None else [hours],
    )
