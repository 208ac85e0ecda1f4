"""track: a stretch of points of one phone, packed, with the gaps that the phone knows the cause of.

It only goes up: the receipt says that it is held. See "track" in PROTOCOL.md.
"""

from collections.abc import Iterable
from typing import Any, Final

from mobile_contract.fields import OPTIONAL, Choice, Id, ListOf, Millis, Part, Text, Uptime
from mobile_contract.packed_points import TEXT_MAX
from mobile_contract.records.contract import RecordContract
from mobile_contract.records.evidence import DATUMS
from mobile_contract.schema import WireSchema

CAUSES: Final = ("OFF", "GPS_OFF", "KILLED", "NOT_SENT")
GAPS_MAX: Final = 50
GAP_MS_MAX: Final = 7 * 86_400_000


def ends_after_it_begins(gap: Any) -> Iterable[tuple[str, str]]:
    """A gap has a length, and no more than a week of it."""
    if gap.until_at <= gap.from_at:
        yield "until_at", "must be after from_at"
    elif gap.until_at - gap.from_at > GAP_MS_MAX:
        yield "until_at", "must be at most 7 days after from_at"


class TrackBegan(WireSchema):
    """The moment that the seconds of the points count from, with its evidence."""

    at = Millis(about="wall clock of the phone")
    uptime_ms = Uptime(about="monotonic clock of the phone at the same moment")
    boot_id = Id(
        presence=OPTIONAL,
        about="the start of the phone that uptime_ms counts from; "
        "absent: the item's captured_boot_id",
    )
    gps_time = Millis(
        presence=OPTIONAL,
        about="time by the satellites at that moment, where a fix had it that was not simulated",
    )


class TrackGap(WireSchema):
    """A time without points whose cause the phone knows."""

    rules = (ends_after_it_begins,)

    from_at = Millis(about="wall clock of the phone when the points ended")
    until_at = Millis(about="wall clock of the phone when they began again")
    cause = Choice(CAUSES, about="why there are none")


class TrackCreate(WireSchema):
    """Where the phone was, from one moment on, within one start of the phone."""

    position_id = Id(presence=OPTIONAL, about="the position worked for")
    began = Part(TrackBegan, about="the moment that the points count from")
    datum = Choice(DATUMS, about="the datum of all points; the server converts once")
    points = Text(4, TEXT_MAX, about="the [packed points](#packed-points) as base64")
    gaps = ListOf(
        Part(TrackGap),
        GAPS_MAX,
        presence=OPTIONAL,
        about="times without points, before, between or after them",
    )


TRACK: Final = RecordContract(
    kind="track",
    ops={1: {}, 2: {"create": TrackCreate}},
    down={1: None, 2: None},
)
