"""Lists for a terminal: columns that stay aligned also for wide letters, ages a person can read."""

import unicodedata
from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from server.cli import say

NOTHING = "–"


def aligned(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """The lines of a table: the header, then each row, columns two spaces apart."""
    lines = [tuple(header), *(tuple(row) for row in rows)]
    widths = [max(shown_width(line[place]) for line in lines) for place in range(len(header))]
    return [
        "  ".join(
            text + " " * (width - shown_width(text))
            for text, width in zip(line, widths, strict=True)
        ).rstrip()
        for line in lines
    ]


def say_list(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    nothing: str,
    *,
    at_most: int,
) -> None:
    """Say a table, or that there is nothing; of more than `at_most` rows the first, and that there are more."""
    if not rows:
        say(nothing)
        return
    for line in aligned(header, rows[:at_most]):
        say(line)
    say_if_cut(len(rows), at_most)


def say_if_cut(found: int, at_most: int) -> None:
    """Say that there are more than a list shows. Whoever lists asks for one more than `at_most`."""
    if found > at_most:
        say(f"Only the first {at_most}: --at-most shows more.")


def shown_width(text: str) -> int:
    """How many columns of a terminal the text takes (Unicode Standard Annex #11)."""
    return sum(
        0 if unicodedata.combining(letter) else 1 + (unicodedata.east_asian_width(letter) in "WF")
        for letter in text
    )


def told_moment(moment: datetime, zone: ZoneInfo) -> str:
    """The moment on the company's wall clock; whoever says it names the zone once."""
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M}"


def told_age(moment: datetime | None, now: datetime) -> str:
    """How long ago, in the largest unit of which there are two or more."""
    if moment is None:
        return NOTHING
    seconds = (now - moment).total_seconds()
    return told_span(seconds) if seconds >= 1 else "now"


def told_span(seconds: float) -> str:
    """A length of time in the largest unit of which there are two or more."""
    for unit, length_s in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length_s:
            return f"{int(seconds // length_s)} {unit}"
    return f"{int(seconds)} s"


def told_size(size_bytes: int | None) -> str:
    """Bytes in the unit in which a person would say them (1 kB = 1000 B)."""
    if size_bytes is None:
        return NOTHING
    for unit, length in (("MB", 1_000_000), ("kB", 1_000)):
        if size_bytes >= length:
            return f"{size_bytes / length:.1f} {unit}"
    return f"{size_bytes} B"


def told_offset(offset_ms: int | None) -> str:
    """How far a phone's clock is off, with its sign; nothing to say below a second."""
    if offset_ms is None:
        return NOTHING
    if abs(offset_ms) < 1_000:
        return "right"
    return f"{'+' if offset_ms > 0 else '-'}{told_span(abs(offset_ms) / 1_000)}"
