"""What an app captures at one instant: positions, events and steps, in the phone's own terms.

PROTOCOL.md, heading "Shared shapes". Everything is an integer as soon as it enters the phone: degrees are
counted in ten-millionths, accuracies in centimetres, rounded up so that no position claims to be
better than it is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from mobile_contract.phone.clock import Moment

Datum = Literal["WGS84", "GCJ02", "BD09"]
ClosedBy = Literal["PERSON", "LEFT_FENCE", "TIMEOUT", "NEXT_CHECKIN"]
Outcome = Literal["DONE", "SKIPPED"]
SkipReason = Literal["CLOSED", "REFUSED", "NO_TIME", "ROAD", "OTHER"]

_E7 = 10_000_000
_MOST_ACCURACY_CM = 10_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Fix:
    """One position as the receiver gave it; `datum` is that of the receiver's coordinates."""

    lat_e7: int
    lon_e7: int
    accuracy_cm: int
    datum: Datum = "WGS84"
    gps_time: int | None = None
    is_mock: bool = False

    @classmethod
    def from_degrees(
        cls,
        latitude: float,
        longitude: float,
        *,
        accuracy_m: float,
        datum: Datum = "WGS84",
        gps_time: int | None = None,
        is_mock: bool = False,
    ) -> Fix:
        return cls(
            lat_e7=round(latitude * _E7),
            lon_e7=round(longitude * _E7),
            accuracy_cm=min(_MOST_ACCURACY_CM, math.ceil(accuracy_m * 100)),
            datum=datum,
            gps_time=gps_time,
            is_mock=is_mock,
        )


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened at a moment of this phone, with the position if there was one."""

    moment: Moment
    fix: Fix | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a call at a store: done, or skipped with a reason; `at` is wall time."""

    step: str
    outcome: Outcome = "DONE"
    at: int | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A visit as the app knows it; `check_out` is None while it is open."""

    store_id: str
    check_in: Event
    check_out: Event | None = None
    position_id: str | None = None
    day_plan_id: str | None = None
    is_by_phone: bool = False
    closed_by: ClosedBy | None = None
    steps: tuple[Step, ...] = ()
    note: str | None = None
