"""Where the phone is, point by point, and the segments that are sent of it.

PROTOCOL.md, heading "track". A point is on the disk when `record_point` returns. A segment closes by itself
where one may not go on: when the phone was started anew, at another datum, after 2,000 points or a day.
An app closes it every half hour or before it syncs, and when its person goes off duty:

    record_point(phone, fix)                     # on duty, while `is_working_time(phone)` (settings.py):
                                                 # whenever it has moved, at least every 5 minutes
    close_track(phone)                           # now and then, and before `phone.sync()`
    note_gap(phone, "GPS_OFF")                   # when positions are there again, or the app runs again
    stop_collecting(phone)                       # off duty, or on a break
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from mobile_contract.packed_points import (
    ACCURACY_M_MAX,
    POINTS_MAX,
    SPAN_S_MAX,
    PackedPoint,
    pack_text,
)
from mobile_contract.phone.captured import Fix
from mobile_contract.phone.clock import Moment
from mobile_contract.phone.contract_one import NotInContract
from mobile_contract.phone.contract_two import present
from mobile_contract.records.track import GAP_MS_MAX, GAPS_MAX

if TYPE_CHECKING:
    from mobile_contract.phone.phone import Phone
    from mobile_contract.phone.phone_file import PhoneFile

Cause = Literal["OFF", "GPS_OFF", "KILLED", "NOT_SENT"]

LEAST_GAP_MS = 60_000
_E7_TO_E6 = 10
_CM = 100
_MS = 1_000


@dataclass(frozen=True, slots=True)
class _Held:
    """A point as it lies in the phone's file."""

    moment: Moment
    point: PackedPoint
    datum: str
    gps_time: int | None


class OpenTrack:
    """The points and gaps that no item holds yet."""

    def __init__(self, file: PhoneFile) -> None:
        self.file = file

    def __bool__(self) -> bool:
        return bool(self.file.rows("SELECT EXISTS (SELECT 1 FROM track_point)")[0][0])

    def ends(self) -> tuple[_Held, _Held, int] | None:
        """The first point, the last, and how many there are."""
        rows = self.file.rows(
            "SELECT * FROM track_point WHERE position IN"
            " ((SELECT min(position) FROM track_point), (SELECT max(position) FROM track_point))"
            " ORDER BY position"
        )
        if not rows:
            return None
        (count,) = self.file.rows("SELECT count(*) FROM track_point")[0]
        return _held(rows[0]), _held(rows[-1]), count

    def points(self) -> list[_Held]:
        return [_held(row) for row in self.file.rows("SELECT * FROM track_point ORDER BY position")]

    def add(self, moment: Moment, fix: Fix) -> None:
        with self.file.transaction() as connection:
            connection.execute(
                "INSERT INTO track_point (wall_ms, uptime_ms, boot_id, lat_e6, lon_e6, accuracy_m,"
                " is_mock, datum, gps_time) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    moment.wall_ms,
                    moment.uptime_ms,
                    moment.boot_id,
                    round(fix.lat_e7 / _E7_TO_E6),
                    round(fix.lon_e7 / _E7_TO_E6),
                    min(math.ceil(fix.accuracy_cm / _CM), ACCURACY_M_MAX),
                    fix.is_mock,
                    fix.datum,
                    fix.gps_time,
                ),
            )
            self.note_last(moment)

    def gaps(self) -> list[dict[str, Any]]:
        return [
            {"from_at": from_at, "until_at": until_at, "cause": cause}
            for from_at, until_at, cause in self.file.rows(
                "SELECT from_at, until_at, cause FROM track_gap ORDER BY position LIMIT ?",
                (GAPS_MAX,),
            )
        ]

    def add_gap(self, from_at: int, until_at: int, cause: Cause) -> None:
        with self.file.transaction() as connection:
            connection.execute(
                "INSERT INTO track_gap (from_at, until_at, cause) VALUES (?, ?, ?)",
                (from_at, until_at, cause),
            )

    def forget(self, gaps: int) -> None:
        """The points, and so many of the gaps, are in an item now."""
        with self.file.transaction() as connection:
            connection.execute("DELETE FROM track_point")
            connection.execute(
                "DELETE FROM track_gap WHERE position IN"
                " (SELECT position FROM track_gap ORDER BY position LIMIT ?)",
                (gaps,),
            )

    @property
    def last(self) -> tuple[int, str] | None:
        """Wall time and boot of the last point, also where its segment is closed; None off duty."""
        told = self.file.setting("track_last")
        if told is None:
            return None
        wall_ms, _, boot_id = told.partition(" ")
        return int(wall_ms), boot_id

    def note_last(self, moment: Moment | None) -> None:
        self.file.set_setting(
            "track_last", None if moment is None else f"{moment.wall_ms} {moment.boot_id}"
        )


def record_point(phone: Phone, fix: Fix) -> None:
    """The phone is here now. What came since the last point before a restart is a gap of the phone being off."""
    if phone.device.contract == 1:
        raise NotInContract("a track")
    now = phone.read_clock()
    track = phone.track
    with track.file.transaction():
        last = track.last
        if last is not None and last[1] != now.boot_id:
            close_track(phone)
            note_gap(phone, "OFF")
        ends = track.ends()
        if ends is not None and not _goes_on(*ends, now, fix):
            close_track(phone)
        track.add(now, fix)


def note_gap(phone: Phone, cause: Cause, *, from_at: int | None = None) -> bool:
    """From the last point (or `from_at`, wall time) until now there were no positions, for this cause.

    Returns whether it was noted: not what is shorter than a minute or longer than a week, and not without a
    last point, because nobody was on duty.
    """
    last = phone.track.last
    if from_at is None:
        if last is None:
            return False
        from_at = last[0]
    until_at = phone.read_clock().wall_ms
    if not LEAST_GAP_MS < until_at - from_at <= GAP_MS_MAX:
        return False
    phone.track.add_gap(from_at, until_at, cause)
    return True


def close_track(phone: Phone, *, position_id: str | None = None) -> str | None:
    """Make an item of the open points and gaps; returns the id of the segment, None where there are none."""
    track = phone.track
    with track.file.transaction():
        held, gaps = track.points(), track.gaps()
        if not held and not gaps:
            return None
        now = phone.read_clock()
        first = held[0].moment if held else now
        payload = present(
            position_id=position_id,
            began=present(
                at=first.wall_ms,
                uptime_ms=first.uptime_ms,
                boot_id=None if first.boot_id == now.boot_id else first.boot_id,
                gps_time=held[0].gps_time if held and not held[0].point.is_mock else None,
            ),
            datum=held[0].datum if held else "WGS84",
            points=pack_text(
                [each.point._replace(after_s=_after_s(first, each.moment)) for each in held]
            ),
            gaps=gaps or None,
        )
        track_id = phone.new_id()
        phone.capture("track", track_id, "create", payload)
        track.forget(len(gaps))
    return track_id


def stop_collecting(phone: Phone, *, position_id: str | None = None) -> str | None:
    """Off duty, or on a break: close the segment; what follows until the next point is no gap."""
    with phone.track.file.transaction():
        track_id = close_track(phone, position_id=position_id)
        phone.track.note_last(None)
    return track_id


def _goes_on(first: _Held, last: _Held, count: int, now: Moment, fix: Fix) -> bool:
    """Whether a point may still go into the open segment."""
    return (
        count < POINTS_MAX
        and now.boot_id == first.moment.boot_id
        and fix.datum == first.datum
        and now.uptime_ms >= last.moment.uptime_ms
        and _after_s(first.moment, now) <= SPAN_S_MAX
    )


def _after_s(first: Moment, moment: Moment) -> int:
    return (moment.uptime_ms - first.uptime_ms + _MS // 2) // _MS


def _held(row: tuple[Any, ...]) -> _Held:
    _, wall_ms, uptime_ms, boot_id, lat_e6, lon_e6, accuracy_m, is_mock, datum, gps_time = row
    return _Held(
        Moment(wall_ms, uptime_ms, boot_id),
        PackedPoint(0, lat_e6, lon_e6, accuracy_m, bool(is_mock)),
        datum,
        gps_time,
    )
