"""When an event really took place, judged from what the phone's clocks say.

A phone's wall clock is evidence, not truth. With each event it sends its wall time, a monotonic
reading and a boot id, and GPS time where it has a fix; with each request the same three for the
moment of sending. Nothing is refused for its time: every event gets a corrected time, a degree
of trust, and flags with the size of whatever was off.

All times are integer milliseconds since 1970-01-01T00:00Z; monotonic readings are milliseconds
since the boot that their boot id names. Source: domain rules, "Time".
"""

from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sync.flag import Flag

TOLERANCE_MS = 2_000
# Above what a slow network adds between sending and receiving, below a minute, the smallest
# wrong clock worth a person's attention.
OFFSET_FLAG_MS = 30_000

# The first and the last moment with a calendar day in every time zone and a place in a timestamp
# column. A phone may claim any number of milliseconds; what lies beyond is brought to the edge.
EARLIEST_MS = -62_135_424_000_000  # 0001-01-03T00:00Z
LATEST_MS = 253_402_041_600_000  # 9999-12-30T00:00Z

_WIRE_MAX = 2**53 - 1
# A receiver that lost count of the GPS week is 1,024 weeks behind. Nearer to that than to the
# truth is not evidence.
_GPS_MAX_AGE_MS = 512 * 7 * 86_400_000
_QUARTER_MS = 900_000
_DAY_MIN = 1_440
_UNIX_DAY_0 = date(1970, 1, 1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Trust(StrEnum):
    """What the corrected time rests on."""

    CLOCK = "CLOCK"
    GPS = "GPS"
    UNVERIFIED = "UNVERIFIED"


class Moment(NamedTuple):
    """An event's corrected time and why it may, or may not, be believed.

    `offset_ms` is received - sent of the push that brought the event, which was added to the phone's
    wall time to correct it, unless GPS time took its place. `drift_ms` is by how much
    the wall clock was moved (forward is positive) between the event and sending, against the
    monotonic reading; None when the phone was restarted in between, because readings of two
    boots cannot be compared.
    """

    corrected_at: int
    trust: Trust
    offset_ms: int
    drift_ms: int | None
    flags: tuple[Flag, ...] = ()


def judge_moment(
    *,
    at: int,
    uptime_ms: int,
    boot_id: str,
    gps_time: int | None,
    sent_at: int,
    sent_uptime_ms: int,
    sent_boot_id: str,
    received_at: int,
    tolerance_ms: int = TOLERANCE_MS,
    offset_flag_ms: int = OFFSET_FLAG_MS,
) -> Moment:
    """Return the corrected time of an event, how far it is trusted, and flags with their sizes.

    offset = received - sent; corrected = at + offset. Trusted (CLOCK) when event and sending share
    a boot, the wall and the monotonic clock agree within `tolerance_ms` on the time between the
    two, and the event does not come after its own sending. Otherwise GPS time (GPS), unless it lies
    after receipt or a rollover of the GPS week behind it. Otherwise UNVERIFIED: kept, and ordered
    by the corrected time all the same.

    Pass `gps_time` as None when the fix is a mocked one: then its time is made up as well.

    Flags: `clock_offset` {offset_ms} when the phone's clock was wrong by more than `offset_flag_ms`
    when sending; `clock_changed` {change_ms, forward positive} when it was moved between event and
    sending; `clock_ahead` {ahead_ms} when the corrected time lies after receipt.
    """
    offset = received_at - sent_at
    corrected = at + offset
    if boot_id == sent_boot_id and -offset_flag_ms <= offset <= offset_flag_ms:
        # Nearly all events: the same boot, and no clock was moved.
        elapsed = sent_uptime_ms - uptime_ms
        drift = sent_at - at - elapsed
        if (
            -tolerance_ms <= drift <= tolerance_ms
            and elapsed >= tolerance_ms
            and corrected >= EARLIEST_MS
        ):
            return Moment(corrected, Trust.CLOCK, offset, drift, ())
    return _judge_odd_moment(
        at=at,
        uptime_ms=uptime_ms,
        boot_id=boot_id,
        gps_time=gps_time,
        sent_at=sent_at,
        sent_uptime_ms=sent_uptime_ms,
        sent_boot_id=sent_boot_id,
        received_at=received_at,
        tolerance_ms=tolerance_ms,
        offset_flag_ms=offset_flag_ms,
    )


def _judge_odd_moment(
    *,
    at: int,
    uptime_ms: int,
    boot_id: str,
    gps_time: int | None,
    sent_at: int,
    sent_uptime_ms: int,
    sent_boot_id: str,
    received_at: int,
    tolerance_ms: int,
    offset_flag_ms: int,
) -> Moment:
    """The whole rule, for a moment with something to weigh or to flag."""
    offset = received_at - sent_at
    corrected = at + offset
    drift: int | None = None
    change = 0
    trust = Trust.UNVERIFIED
    if boot_id == sent_boot_id:
        elapsed = sent_uptime_ms - uptime_ms
        drift = sent_at - at - elapsed
        if drift > tolerance_ms or drift < -tolerance_ms:
            change = drift
        elif elapsed >= -tolerance_ms:
            trust = Trust.CLOCK
    if trust is not Trust.CLOCK and gps_time is not None:
        age = received_at - gps_time
        if -tolerance_ms <= age <= _GPS_MAX_AGE_MS:
            trust = Trust.GPS
            # Across a restart only GPS time shows that the clock was moved. A fix may be some
            # seconds old, so the finer tolerance would flag honest phones.
            moved = gps_time - corrected
            if drift is None and abs(moved) > offset_flag_ms:
                change = moved
            corrected = gps_time
    flags: tuple[Flag, ...] = ()
    if offset > offset_flag_ms or offset < -offset_flag_ms:
        flags = ({"flag": "clock_offset", "offset_ms": _within_wire(offset)},)
    if change:
        flags = (*flags, {"flag": "clock_changed", "change_ms": _within_wire(change)})
    ahead = corrected - received_at
    if ahead > tolerance_ms:
        flags = (*flags, {"flag": "clock_ahead", "ahead_ms": _within_wire(ahead)})
    return Moment(
        corrected_at=min(max(corrected, EARLIEST_MS), LATEST_MS),
        trust=trust,
        offset_ms=_within_wire(offset),
        drift_ms=None if drift is None else _within_wire(drift),
        flags=flags,
    )


def is_supported(moment: Moment) -> bool:
    """Whether clock evidence supports the time, so that rights may be judged as of it.

    A time that is not supported is judged as of receipt (protocol, "Push").
    """
    return moment.trust is not Trust.UNVERIFIED


def business_day(corrected_at: int, time_zone: str) -> date:
    """Return the calendar day of a corrected time in the company's zone (an IANA name).

    Never the day of arrival. Times outside of the calendar fall on its edge.
    """
    return _quarter(corrected_at // _QUARTER_MS, time_zone)[0]


def minute_of_day(corrected_at: int, time_zone: str) -> int:
    """Return the minute on the company's wall clock, 0 to 1439."""
    return (
        _quarter(corrected_at // _QUARTER_MS, time_zone)[1] + corrected_at % _QUARTER_MS // 60_000
    )


@lru_cache(maxsize=65_536)
def _quarter(number: int, time_zone: str) -> tuple[date, int]:
    """The local day and minute at which a quarter of an hour begins; no zone of the last hundred
    years is off by anything finer. A rep's day touches some forty of them.
    """
    seconds = min(max(number * _QUARTER_MS, EARLIEST_MS), LATEST_MS) // 1000
    local = datetime.fromtimestamp(seconds, _zone(time_zone))
    return local.date(), local.hour * 60 + local.minute


def is_within_window(minute: int, from_min: int, until_min: int) -> bool:
    """Whether a minute of the day lies in [from, until); a window may pass midnight.

    `from_min == until_min` is the whole day.
    """
    if from_min < until_min:
        return from_min <= minute < until_min
    return minute >= from_min or minute < until_min


@lru_cache(maxsize=4096)
def day_bounds(day: date, time_zone: str) -> tuple[int, int]:
    """Return the first millisecond of a business day and that of the next one.

    23 or 25 hours apart where the clocks change. Days at the calendar's edge are cut at it.
    """
    zone = _zone(time_zone)
    days = ((day - _UNIX_DAY_0).days, (day - _UNIX_DAY_0).days + 1)
    first, last = EARLIEST_MS // 86_400_000, LATEST_MS // 86_400_000
    start, end = (_first_ms(min(max(d, first), last), zone) for d in days)
    return start, end


@lru_cache(maxsize=4096)
def working_hours(
    day: date, time_zone: str, from_min: int, until_min: int, weekdays: tuple[int, ...]
) -> tuple[int, int] | None:
    """Return the first millisecond of a day's working hours and that after them, None on a day off.

    Minutes are of the company's wall clock, `until_min` up to 1440; weekdays count from 1 (Monday).
    """
    if day.isoweekday() not in weekdays:
        return None
    begin, after = day_bounds(day, time_zone)
    if from_min:
        begin = _minute_ms(day, from_min, time_zone)
    if until_min < _DAY_MIN:
        after = _minute_ms(day, until_min, time_zone)
    return begin, after


def _minute_ms(day: date, minute: int, time_zone: str) -> int:
    local = datetime(
        day.year, day.month, day.day, minute // 60, minute % 60, tzinfo=_zone(time_zone)
    )
    return int((local - _EPOCH).total_seconds()) * 1000


def _first_ms(days: int, zone: ZoneInfo) -> int:
    """Return when a local day begins, also where the clocks skip or repeat midnight."""
    local = _UNIX_DAY_0 + timedelta(days=days)
    midnight = datetime(local.year, local.month, local.day, tzinfo=zone)
    # Where the clocks skip midnight this reads it with the offset from before, which is too late if
    # the skip began earlier in the evening: go back to the first instant that has the date.
    start = int((midnight - _EPOCH).total_seconds())
    while datetime.fromtimestamp(start - 60, zone).date() >= local:
        start -= 60
    return start * 1000


@lru_cache(maxsize=1024)
def _zone(time_zone: str) -> ZoneInfo:
    return ZoneInfo(time_zone)


def _within_wire(number: int) -> int:
    """Keep a figure within what the wire carries; only made-up clocks ever come near."""
    return min(max(number, -_WIRE_MAX), _WIRE_MAX)
