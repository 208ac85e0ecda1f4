"""When and where: the evidence that visits, attendance and pins carry.

See "Time" and "Where" in PROTOCOL.md: a phone's clock and position are reported, never believed.
"""

import re
from typing import Any, Final

from mobile_contract.fields import (
    JSON_INT_MAX,
    NULLABLE,
    OPTIONAL,
    Bool,
    Choice,
    FreeObject,
    Id,
    Int,
    Millis,
    Part,
    Uptime,
)
from mobile_contract.schema import WireSchema

DATUMS: Final = ("WGS84", "GCJ02", "BD09")
ACCURACY_CM_MAX: Final = 10_000_000
DISTANCE_CM_MAX: Final = 2_100_000_000
"""Over half of the way around the earth: no two points are further apart."""
TRUSTS: Final = ("CLOCK", "GPS", "UNVERIFIED")
NO_BOOT: Final = "00000000-0000-0000-0000-000000000000"
"""The boot of an event of which only the wall clock is known: no phone makes the nil UUID."""
FLAG_NAME_PATTERN: Final = r"[a-z][a-z0-9_]{0,39}"


def latitude(**kwargs: Any) -> Int:
    """A latitude, north positive."""
    return Int(-900_000_000, 900_000_000, unit="degrees × 10⁷", **kwargs)


def longitude(**kwargs: Any) -> Int:
    """A longitude, east positive."""
    return Int(-1_800_000_000, 1_800_000_000, unit="degrees × 10⁷", **kwargs)


def accuracy(**kwargs: Any) -> Int:
    """The radius that holds the true position with 68 % probability."""
    return Int(
        0,
        ACCURACY_CM_MAX,
        about="radius that holds the true position with 68 % probability, rounded up",
        unit="cm",
        **kwargs,
    )


def version(**kwargs: Any) -> Int:
    """A version of a record, counted from 1 by the server."""
    return Int(1, JSON_INT_MAX, **kwargs)


class Fix(WireSchema):
    """A position as the phone's receiver gave it."""

    lat_e7 = latitude(about="latitude, north positive")
    lon_e7 = longitude(about="longitude, east positive")
    datum = Choice(DATUMS, about="the datum of lat_e7 and lon_e7; the server converts once")
    accuracy_cm = accuracy()
    gps_time = Millis(presence=OPTIONAL, about="time of the fix by the satellites")
    is_mock = Bool(about="whether the system says that the position is simulated")


class Event(WireSchema):
    """A moment with its evidence."""

    at = Millis(about="wall clock of the phone")
    uptime_ms = Uptime(about="monotonic clock of the phone at the same moment")
    boot_id = Id(
        presence=OPTIONAL,
        about="the start of the phone that uptime_ms counts from; "
        "absent: the item's captured_boot_id",
    )
    fix = Part(Fix, presence=OPTIONAL, about="where it was, if a position was had")


def moment_from_flat(at: int, uptime_ms: int) -> dict[str, Any]:
    """The clocks of an event as contract 1 has them, as contract 2 says them.

    Contract 1 has no word for the boot of an event: after a restart it sends an uptime of 0. Under
    the item's own boot that would read as a wall clock moved by as long as the phone has been
    running, a reproach to a person who did nothing. So it is named as of a boot that is no other's
    and is compared with nothing.
    """
    moment: dict[str, Any] = {"at": at, "uptime_ms": uptime_ms}
    return moment if uptime_ms else {**moment, "boot_id": NO_BOOT}


class HeldFix(WireSchema):
    """A position as the server holds it, in WGS84."""

    lat_e7 = latitude(about="latitude, north positive")
    lon_e7 = longitude(about="longitude, east positive")
    datum = Choice(("WGS84",), about="always WGS84: converted from what was sent")
    accuracy_cm = accuracy()
    gps_time = Millis(presence=NULLABLE, about="time of the fix by the satellites")
    is_mock = Bool(about="whether the phone said that the position is simulated")


class HeldEvent(WireSchema):
    """A moment as the server holds it."""

    at = Millis(about="wall clock of the phone, as sent")
    corrected_at = Int(
        -JSON_INT_MAX,
        JSON_INT_MAX,
        about="the time that the server holds it happened",
        unit="ms since 1970-01-01T00:00Z",
    )
    fix = Part(HeldFix, presence=NULLABLE, about="where it was, if a position was had")


class Clock(WireSchema):
    """How the corrected time came about."""

    trust = Choice(TRUSTS, about="what the corrected time rests on")
    offset_ms = Int(
        -JSON_INT_MAX,
        JSON_INT_MAX,
        about="received_at less sent_at of the push that brought it: what corrects the wall clock "
        "unless trust is GPS",
        unit="ms",
    )
    drift_ms = Int(
        -JSON_INT_MAX,
        JSON_INT_MAX,
        presence=NULLABLE,
        about="wall clock less monotonic clock between the event and the sending",
        unit="ms",
    )


class Flag(FreeObject):
    """A flag: its name under ``flag``, and whole figures that explain it under their own names."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Any:
        super()._deserialize(value)
        figures = dict(value)
        name = figures.pop("flag", None)
        if not isinstance(name, str) or re.fullmatch(FLAG_NAME_PATTERN, name) is None:
            self.refuse("must name its flag")
        if any(type(figure) is not int for figure in figures.values()):
            self.refuse("must hold whole figures beside its name")
        return value
