"""A person's track of a day, read from the segments that phones sent, in whatever order they came.

Nothing here is stored. Segments are taken in the order of their first points; what a later one says of
a time that an earlier one covers without a break is counted once. A gap that points of another segment
cover is none any more: so a stretch that was not yet sent closes when it comes. A silence that no phone
names is a gap without a cause. Gaps are told inside working hours only. Times are milliseconds.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from sync.geo_arrays import Whole
from sync.kinds.track.distance import Dropped, Gap, walk, without
from sync.kinds.track.points import Points, joined, within
from sync.kinds.track.stops import Stop, find_stops

# What is left of a gap beside the points of another segment is told from this length on.
_LEAST_LEFT_MS = 60_000
NOT_SENT = "NOT_SENT"

Stretch = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment as it is held: its points in WGS 84, by corrected time, and its gaps."""

    id: str
    points: Points
    gaps: tuple[Gap, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackRules:
    """The company's settings that a track is read by."""

    silence_s: int
    stop_radius_m: int
    stop_min_s: int


@dataclass(frozen=True, slots=True)
class Part:
    """What of a day's way is a segment's: from the day's point before each of its points to that point.

    `from_at` is its first point that is not told by an earlier segment, and it has so many of them.
    """

    segment_id: str
    from_at: int
    points: int
    distance_cm: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrackReading:
    """A day: its length, unbroken runs of points, gaps and stops in order of time.

    `parts` are those of all segments with points of their own; together they are the length.
    `overlapping` points came twice, or from two phones at once, and count once.
    """

    distance_cm: int
    parts: tuple[Part, ...]
    runs: tuple[Points, ...]
    gaps: tuple[Gap, ...]
    stops: tuple[Stop, ...]
    dropped: Dropped
    overlapping: int


def read_track_day(
    segments: Iterable[Segment], rules: TrackRules, *, day: Stretch, hours: Sequence[Stretch]
) -> TrackReading:
    """Return the reading of one person's segments on the day from `day[0]` to before `day[1]`.

    `hours` are the working hours in it. The order of the segments plays no part.
    """
    silence_ms = rules.silence_s * 1_000
    held = [
        Segment(each.id, each.points.those(within(each.points, [day])), each.gaps)
        for each in segments
    ]
    pieces = [piece for segment in held for piece in _pieces(segment, silence_ms)]
    pieces.sort(key=lambda piece: (piece.covers[0], -piece.covers[1], piece.segment_id))
    taken, overlapping = _once(pieces)
    points = joined([part for _, part in taken])
    named = _named(held, pieces, silence_ms)
    way = walk(points, named, silence_ms)
    runs = tuple(points.those(run) for run in way.runs)
    gaps = [
        Gap(*part, gap.cause)
        for gap in named
        for part in _inside((gap.from_at, gap.until_at), hours)
    ]
    gaps += _silences(runs, gaps, silence_ms, hours)
    return TrackReading(
        distance_cm=way.distance_cm,
        parts=_parts(taken, way.steps_cm),
        runs=runs,
        gaps=tuple(sorted(gaps, key=lambda gap: (gap.from_at, gap.until_at, gap.cause or ""))),
        stops=tuple(
            find_stops(points, way.runs, radius_m=rules.stop_radius_m, least_s=rules.stop_min_s)
        ),
        dropped=way.dropped,
        overlapping=overlapping,
    )


@dataclass(frozen=True, slots=True)
class _Piece:
    """Points of a segment between two breaks, and the time that they cover."""

    segment_id: str
    points: Points
    covers: Stretch


def _pieces(segment: Segment, silence_ms: int) -> list[_Piece]:
    points = segment.points
    if not len(points):
        return []
    cuts = set((np.flatnonzero(np.diff(points.at) > silence_ms) + 1).tolist())
    for gap in segment.gaps:
        cuts.add(int(np.searchsorted(points.at, gap.from_at, side="right")))
        cuts.add(int(np.searchsorted(points.at, gap.until_at, side="left")))
    bounds = sorted(cuts | {0, len(points)})
    return [
        _Piece(segment.id, part, (int(part.at[0]), int(part.at[-1])))
        for first, end in pairwise(bounds)
        if len(part := points.those(slice(first, end)))
    ]


def _once(pieces: Sequence[_Piece]) -> tuple[list[tuple[str, Points]], int]:
    """What of each piece is not told by an earlier one, with its segment, in order of time; and how
    many points were left out for that.
    """
    taken: list[tuple[str, Points]] = []
    covered_until: int | None = None
    overlapping = 0
    for piece in pieces:
        points = piece.points
        if covered_until is not None:
            points = points.those(points.at > covered_until)
        overlapping += len(piece.points) - len(points)
        if len(points):
            taken.append((piece.segment_id, points))
        covered_until = max(piece.covers[1], covered_until or piece.covers[1])
    return taken, overlapping


def _parts(taken: Sequence[tuple[str, Points]], steps_cm: Whole) -> tuple[Part, ...]:
    parts: dict[str, Part] = {}
    first = 0
    for segment_id, points in taken:
        way_cm = int(steps_cm[first : first + len(points)].sum())
        first += len(points)
        had = parts.get(segment_id, Part(segment_id, int(points.at[0]), 0, 0))
        parts[segment_id] = replace(
            had, points=had.points + len(points), distance_cm=had.distance_cm + way_cm
        )
    return tuple(parts.values())


def _named(segments: Sequence[Segment], pieces: Sequence[_Piece], silence_ms: int) -> list[Gap]:
    """The gaps that phones name, as far as no segment that does not name them has points in them; each
    once.
    """
    namers: dict[Gap, set[str]] = {}
    for segment in segments:
        for gap in segment.gaps:
            namers.setdefault(gap, set()).add(segment.id)
    numbers = {segment.id: number for number, segment in enumerate(segments)}
    owners = np.array([numbers[piece.segment_id] for piece in pieces], dtype=np.int64)
    begins = np.array([piece.covers[0] for piece in pieces], dtype=np.int64)
    ends = np.array([piece.covers[1] for piece in pieces], dtype=np.int64)
    gaps: set[Gap] = set()
    for gap, named_by in namers.items():
        is_covering = (begins < gap.until_at) & (ends > gap.from_at)
        is_covering &= ~np.isin(owners, [numbers[name] for name in named_by])
        if not is_covering.any():
            gaps.add(gap)
            continue
        least_ms = silence_ms if gap.cause == NOT_SENT else _LEAST_LEFT_MS
        gaps.update(
            Gap(begin, end, gap.cause)
            for begin, end in _left_of(gap, begins[is_covering], ends[is_covering])
            if end - begin >= least_ms
        )
    return sorted(gaps, key=lambda gap: (gap.from_at, gap.until_at, gap.cause or ""))


def _left_of(gap: Gap, begins: Whole, ends: Whole) -> list[Stretch]:
    """What is left of a gap outside of stretches that stand in the order of their begins."""
    covered_until = np.maximum.accumulate(np.concatenate(([gap.from_at], ends)))
    next_begins = np.concatenate((begins, [gap.until_at]))
    is_left = next_begins > covered_until
    return list(zip(covered_until[is_left].tolist(), next_begins[is_left].tolist(), strict=True))


def _silences(
    runs: Sequence[Points], named: Sequence[Gap], silence_ms: int, hours: Sequence[Stretch]
) -> list[Gap]:
    """The silences between runs that no phone names."""
    told = sorted((gap.from_at, gap.until_at) for gap in named)
    return [
        Gap(begin, end, None)
        for earlier, later in pairwise(runs)
        for stretch in without((int(earlier.at[-1]), int(later.at[0])), told)
        for begin, end in _inside(stretch, hours)
        if end - begin > silence_ms
    ]


def _inside(stretch: Stretch, hours: Sequence[Stretch]) -> list[Stretch]:
    """The parts of a stretch that lie in working hours."""
    parts = [(max(stretch[0], begin), min(stretch[1], end)) for begin, end in hours]
    return [(begin, end) for begin, end in parts if begin < end]
