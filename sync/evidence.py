"""Turning an event that a phone reports into what Roadbook holds: its corrected time and its
place in WGS 84, with the evidence that either rests on.
"""

from typing import Any, NamedTuple

from sync.clock import Moment, judge_moment
from sync.geo import Point, to_wgs84
from sync.policy import Policy
from sync.record_kind import Arrived


class Witnessed(NamedTuple):
    """An event as it is held: when it truly was, where, and how far either can be believed."""

    moment: Moment
    point: Point | None
    accuracy_cm: int | None
    is_mock: bool
    # The event as records carry it (`HeldEvent` of the contract).
    wire: dict[str, Any]


def witness(event: Any, item: Arrived, policy: Policy) -> Witnessed:
    """Judge an `Event` of the contract by the clock of the envelope that brought its item."""
    fix = event.fix
    is_mock = fix is not None and fix.is_mock
    moment = judge_moment(
        at=event.at,
        uptime_ms=event.uptime_ms,
        boot_id=event.boot_id or item.captured_boot_id,
        gps_time=None if fix is None or is_mock else fix.gps_time,
        sent_at=item.sent_at,
        sent_uptime_ms=item.sent_uptime_ms,
        sent_boot_id=item.sent_boot_id,
        received_at=item.received_at,
        tolerance_ms=policy.clock_tolerance_ms,
        offset_flag_ms=policy.clock_offset_flag_ms,
    )
    if fix is None:
        wire = {"at": event.at, "corrected_at": moment.corrected_at, "fix": None}
        return Witnessed(moment, None, None, is_mock=False, wire=wire)
    point = to_wgs84(fix.lat_e7, fix.lon_e7, fix.datum)
    wire = {
        "at": event.at,
        "corrected_at": moment.corrected_at,
        "fix": {
            "lat_e7": point.lat_e7,
            "lon_e7": point.lon_e7,
            "datum": "WGS84",
            "accuracy_cm": fix.accuracy_cm,
            "gps_time": fix.gps_time,
            "is_mock": is_mock,
        },
    }
    return Witnessed(moment, point, fix.accuracy_cm, is_mock, wire)


def captured(item: Arrived, policy: Policy) -> Moment:
    """When an item itself was captured, judged like an event."""
    return judge_moment(
        at=item.captured_at,
        uptime_ms=item.captured_uptime_ms,
        boot_id=item.captured_boot_id,
        gps_time=item.gps_time,
        sent_at=item.sent_at,
        sent_uptime_ms=item.sent_uptime_ms,
        sent_boot_id=item.sent_boot_id,
        received_at=item.received_at,
        tolerance_ms=policy.clock_tolerance_ms,
        offset_flag_ms=policy.clock_offset_flag_ms,
    )


def clock_wire(moment: Moment) -> dict[str, Any]:
    """How a corrected time came about, as records carry it."""
    return {
        "trust": moment.trust.value,
        "offset_ms": moment.offset_ms,
        "drift_ms": moment.drift_ms,
    }
