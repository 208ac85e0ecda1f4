"""Lengths of time and sizes as a person would say them, in their language."""

from datetime import datetime
from decimal import Decimal

from server.language import tell, tell_number, told_number

_DAY_S, _HOUR_S, _MINUTE_S = 86_400, 3_600, 60


def told_span(seconds: float) -> str:
    """A length of time in the largest unit of which there are two or more."""
    if seconds >= 2 * _DAY_S:
        return tell_number("{number} day", "{number} days", int(seconds // _DAY_S))
    if seconds >= 2 * _HOUR_S:
        return tell_number("{number} hour", "{number} hours", int(seconds // _HOUR_S))
    if seconds >= 2 * _MINUTE_S:
        return tell_number("{number} minute", "{number} minutes", int(seconds // _MINUTE_S))
    return tell_number("{number} second", "{number} seconds", int(seconds))


def told_age(moment: datetime | None, now: datetime) -> str | None:
    """How long ago something was; None where it never was."""
    if moment is None:
        return None
    seconds = (now - moment).total_seconds()
    return tell("now") if seconds < 1 else tell("{span} ago", span=told_span(seconds))


def told_size(size_bytes: int | None) -> str | None:
    """Bytes in the unit in which a person would say them (1 kB = 1000 B); None where it is not known."""
    if size_bytes is None:
        return None
    for unit, length in (("MB", 1_000_000), ("kB", 1_000)):
        if size_bytes >= length:
            return f"{size_bytes / length:.1f} {unit}"
    return f"{size_bytes} B"


def told_way(metres: int) -> str:
    """The length of a way: "850 m", and from a kilometre on "12.3 km"."""
    if metres < 1_000:
        return tell("{metres} m", metres=told_number(metres))
    kilometres = (Decimal(metres) / 1_000).quantize(Decimal("0.1"))
    return tell("{kilometres} km", kilometres=told_number(kilometres))


def told_offset(offset_ms: int | None) -> str | None:
    """How far a clock is off, with the way; nothing to say of a second or less."""
    if offset_ms is None:
        return None
    if abs(offset_ms) < 1_000:
        return tell("right")
    span = told_span(abs(offset_ms) / 1_000)
    return tell("{span} behind", span=span) if offset_ms > 0 else tell("{span} ahead", span=span)
