"""Judging what phones send of where they were: a segment of points, checked, cleaned and measured.

A segment is a fact. It is kept as it came, but for the points outside of working hours: those are
removed before anything is stored, and their number stays. Which hours these are, the company's
settings say at receipt; whether somebody was on duty plays no part, because attendance may come later
and what was removed cannot be brought back. Source: domain rules, "Tracks".
"""

from datetime import date, timedelta
from typing import Any

import msgspec
import numpy as np

from mobile_contract.packed_points import (
    PointsMalformed,
    read_text,
)
from sync.clock import (
    EARLIEST_MS,
    LATEST_MS,
    Moment,
    business_day,
    day_bounds,
    judge_moment,
    working_hours,
)
from sync.flag import Flag
from sync.kinds.track.distance import Gap, Way, walk
from sync.kinds.track.points import (
    Points,
    in_wgs84,
    pack_shift,
    read_packed,
    repack,
    within,
)
from sync.kinds.track.stops import find_stops
from sync.policy import Policy
from sync.record_kind import (
    Accepted,
    Arrived,
    Context,
    Outcome,
    Record,
    RecordKind,
    Rejected,
)
from sync.rights import id_taken, right_of
from sync.rows import RowSet

# Topic of the outbox: the ways of these person-days are read anew (server/days/track_parts.py). An id is a
# person's and a day.
TRACK_DAY = "track_day"

ROLES = frozenset({"rep", "supervisor", "regional_manager", "auditor", "driver"})

TRACKS = RowSet(
    "track",
    (
        ("id", "uuid"),
        ("person_id", "uuid"),
        ("position_id", "uuid"),
        ("device_id", "uuid"),
        ("business_day", "date"),
        ("began_at", "timestamptz"),
        ("ended_at", "timestamptz"),
        ("trust", "text"),
        ("datum", "text"),
        ("packed", "bytea"),
        ("wgs84_shift", "bytea"),
        ("points", "int4"),
        ("removed", "int4"),
        ("distance_cm", "int4"),
        ("dropped_coarse", "int4"),
        ("dropped_zero", "int4"),
        ("dropped_fast", "int4"),
        ("dropped_repeated", "int4"),
        ("gaps", "jsonb"),
        ("stops", "jsonb"),
        ("flags", "text[]"),
        ("policy_version", "int4"),
        ("received_at", "timestamptz"),
    ),
)


def create(item: Arrived, context: Context) -> Outcome:
    """A phone says where it was for a while."""
    taken = id_taken(item, context)
    if taken is not None:
        return taken
    sender, policy, payload = context.sender, context.policy, item.payload
    moment = _began(item, policy)
    right = right_of(context, item, moment, ROLES, payload.position_id)
    if isinstance(right, Rejected):
        return right
    try:
        sent = read_text(payload.points)
        came = read_packed(sent, moment.corrected_at)
    except PointsMalformed as fault:
        return Rejected("malformed_points", "payload.points", f"payload.points {fault}.")
    began_at = moment.corrected_at
    is_kept = _in_working_hours(came, policy)
    points = came if is_kept is None else came.those(is_kept)
    packed = sent if is_kept is None else repack(points, began_at, sent)
    held = in_wgs84(points, payload.datum)
    gaps = _gaps(payload.gaps or (), began_at - payload.began.at)
    way = walk(held, gaps, policy.track_silence_s * 1_000)
    stops = find_stops(held, way.runs, radius_m=policy.stop_radius_m, least_s=policy.stop_min_s)
    flags = _flags(moment, held, way)
    ended_at = int(held.at[-1]) if len(held) else began_at
    day = business_day(began_at, policy.time_zone)
    row = (
        item.entity_id,
        sender.person_id,
        right.position_id,
        sender.device_id,
        day,
        began_at,
        ended_at,
        moment.trust.value,
        payload.datum,
        packed,
        None if held is points else pack_shift(points, held),
        len(held),
        len(came) - len(held),
        way.distance_cm,
        way.dropped.coarse,
        way.dropped.zero,
        way.dropped.fast,
        way.dropped.repeated,
        msgspec.json.encode([gap._asdict() for gap in gaps]),
        msgspec.json.encode(
            [
                {
                    "from_at": stop.from_at,
                    "until_at": stop.until_at,
                    "lat_e7": stop.place.lat_e7,
                    "lon_e7": stop.place.lon_e7,
                    "points": stop.points,
                }
                for stop in stops
            ]
        ),
        [flag["flag"] for flag in flags],
        context.policy_version,
        item.received_at,
    )
    # What stays when the points are past their retention: no place is in it.
    fields = {
        "person_id": sender.person_id,
        "position_id": right.position_id,
        "business_day": day.isoformat(),
        "began_at": began_at,
        "ended_at": ended_at,
        "points": len(held),
        "removed": len(came) - len(held),
        "distance_cm": way.distance_cm,
        "flags": flags,
    }
    return Accepted(
        record=Record(item.entity_id, TRACK, fields, keys=()),
        rows=((TRACKS, item.entity_id, row),),
        work=tuple(
            (TRACK_DAY, person_day(sender.person_id, each))
            for each in _days_of(day, held, gaps, policy.time_zone)
        ),
    )


def person_day(person_id: object, day: date) -> str:
    """How work names a day of somebody."""
    return f"{person_id} {day.isoformat()}"


def _days_of(day: date, points: Points, gaps: list[Gap], time_zone: str) -> list[date]:
    """The days whose reading a segment changes: its own, and the next one where it goes on."""
    ends = [gap.until_at for gap in gaps]
    if len(points):
        ends.append(int(points.at[-1]))
    goes_on = bool(ends) and max(ends) >= day_bounds(day, time_zone)[1]
    return [day, day + timedelta(days=1)] if goes_on else [day]


def _began(item: Arrived, policy: Policy) -> Moment:
    """When the segment truly began. Its points count from there by the clock that nobody can set."""
    began = item.payload.began
    return judge_moment(
        at=began.at,
        uptime_ms=began.uptime_ms,
        boot_id=began.boot_id or item.captured_boot_id,
        gps_time=began.gps_time,
        sent_at=item.sent_at,
        sent_uptime_ms=item.sent_uptime_ms,
        sent_boot_id=item.sent_boot_id,
        received_at=item.received_at,
        tolerance_ms=policy.clock_tolerance_ms,
        offset_flag_ms=policy.clock_offset_flag_ms,
    )


def _in_working_hours(points: Points, policy: Policy) -> Any:
    """Which points were captured in working hours; None where all were."""
    if not len(points):
        return None
    first, last = int(points.at[0]), int(points.at[-1])
    hours = []
    day = business_day(first, policy.time_zone)
    last_day = business_day(last, policy.time_zone)
    while day <= last_day:
        found = working_hours(
            day,
            policy.time_zone,
            policy.working_from_min,
            policy.working_until_min,
            policy.working_weekdays,
        )
        if found is not None:
            hours.append(found)
        day += timedelta(days=1)
    if any(begin <= first and last < end for begin, end in hours):
        return None
    is_kept = within(points, hours)
    return None if is_kept.all() else is_kept


def _gaps(sent: Any, offset_ms: int) -> list[Gap]:
    """The gaps by corrected time: the phone's wall clock, put right as the begin was."""
    return sorted(
        Gap(
            min(max(gap.from_at + offset_ms, EARLIEST_MS), LATEST_MS),
            min(max(gap.until_at + offset_ms, EARLIEST_MS), LATEST_MS),
            gap.cause,
        )
        for gap in sent
    )


def _flags(moment: Moment, points: Points, way: Way) -> list[Flag]:
    flags = list(moment.flags)
    mocked = int(np.count_nonzero(points.is_mock))
    if mocked:
        flags.append({"flag": "mock_location", "points": mocked})
    if way.flag is not None:
        flags.append(way.flag)
    return flags


TRACK = RecordKind(name="track", number=10, ops={"create": create})
