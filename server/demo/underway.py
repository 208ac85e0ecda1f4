"""Where a rep of the demo was between stores, point by point: the segments of a day's track.

Pure: the same way and chance give the same points. A rep goes along streets, first the one way and then across, and
stands about while at a store. On some days positions are off for a while, and the phone says so.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from mobile_contract.packed_points import PackedPoint, pack_text

EVERY_MS = 60_000
_LONGEST_SEGMENT_MS = 30 * 60_000
_GAP_CHANCE = 0.15
_GAP_MS = 24 * 60_000
# 10⁻⁶ degrees: what a receiver is off, and how far a rep walks about in a store.
_NOISE_E6 = 40


@dataclass(frozen=True, slots=True)
class Seen:
    """Where the rep was at a moment of true time, in milliseconds and 10⁻⁷ degrees."""

    at: int
    lat_e7: int
    lon_e7: int


@dataclass(frozen=True, slots=True)
class Stretch:
    """A segment: when its first point was taken, its points packed, and the gap that follows an earlier one."""

    began_at: int
    ended_at: int
    points: str
    gaps: tuple[dict[str, Any], ...]


def stretches(chance: Random, way: Sequence[Seen], clock_error: int) -> list[Stretch]:
    """The segments of an unbroken time on duty; none where fewer than two places are known."""
    if len(way) < 2:
        return []
    gap_from = None
    if chance.random() < _GAP_CHANCE:
        gap_from = chance.randrange(way[0].at, max(way[-1].at - _GAP_MS, way[0].at + 1))
    moments = [
        at
        for at in range(way[0].at, way[-1].at, EVERY_MS)
        if gap_from is None or not gap_from < at < gap_from + _GAP_MS
    ]
    found: list[Stretch] = []
    held: list[int] = []
    for at in moments:
        is_over = bool(held) and (
            at - held[0] >= _LONGEST_SEGMENT_MS or at - held[-1] > 2 * EVERY_MS
        )
        if is_over:
            found.append(_stretch(chance, way, held, found, clock_error))
            held = []
        held.append(at)
    if held:
        found.append(_stretch(chance, way, held, found, clock_error))
    return found


def _stretch(
    chance: Random, way: Sequence[Seen], moments: Sequence[int], before: list[Stretch], error: int
) -> Stretch:
    points = []
    for at in moments:
        lat_e7, lon_e7 = _place(way, at)
        points.append(
            PackedPoint(
                (at - moments[0]) // 1000,
                lat_e7 // 10 + round(chance.gauss(0, _NOISE_E6)),
                lon_e7 // 10 + round(chance.gauss(0, _NOISE_E6)),
                chance.choice((4, 6, 8, 12, 18)),
            )
        )
    gaps = []
    if before and moments[0] - before[-1].ended_at > 2 * EVERY_MS:
        gaps.append(
            {
                "from_at": before[-1].ended_at + error,
                "until_at": moments[0] + error,
                "cause": "GPS_OFF",
            }
        )
    return Stretch(moments[0], moments[-1], pack_text(points), tuple(gaps))


def _place(way: Sequence[Seen], at: int) -> tuple[int, int]:
    """Between two places along streets: half of the time east or west, then north or south."""
    after = next(place for place, seen in enumerate(way) if seen.at >= at)
    if after == 0 or way[after].at == at:
        return way[after].lat_e7, way[after].lon_e7
    one, other = way[after - 1], way[after]
    part = (at - one.at) / (other.at - one.at)
    lon = one.lon_e7 + round((other.lon_e7 - one.lon_e7) * min(1.0, part * 2))
    lat = one.lat_e7 + round((other.lat_e7 - one.lat_e7) * max(0.0, part * 2 - 1))
    return lat, lon
