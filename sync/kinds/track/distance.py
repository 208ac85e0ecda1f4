"""How far a track goes: which points count, where it is broken off, and the length between.

A point is dropped when it is coarse (accuracy above 100 m), at zero (0,0), too fast (more than 150 km/h
from the last point that counts), or a repeat of that point's place. A repeat still shows that the phone
was there. Where three points in a row are too fast from the last one and agree with one another, the
receiver is there now: the track goes on from the first of them, and the jump is no distance.

Nothing is joined across a gap that the phone names, nor across a silence longer than the company's
`track_silence_s`. Source: domain rules, "Tracks"; docs/FORMULAS.md, "Distance of a track".
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from sync.flag import Flag
from sync.geo import Occurrence, Point, Travel, distance_cm, implied_travel
from sync.geo_arrays import Whole, steps_cm
from sync.kinds.track.points import Marks, Points

COARSE_M = 100
SPEED_KMH = 150
AGREEING = 3
_SECOND_MS = 1_000
# cm/ms = 36 km/h
_KMH = 36


class Gap(NamedTuple):
    """A time without points; `cause` is what the phone named, None where it named nothing."""

    from_at: int
    until_at: int
    cause: str | None


@dataclass(frozen=True, slots=True)
class Dropped:
    """How many points did not count, by the first reason that held."""

    coarse: int = 0
    zero: int = 0
    fast: int = 0
    repeated: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Way:
    """A track walked along: its length, what was dropped, and its unbroken runs as places of points.

    Repeats are in the runs. `steps_cm` is how far each point lies from the one before it in its run, 0
    where it begins one or does not count; together they are the length. `flag` has the figures of the
    fastest jump that no accuracy explains.
    """

    distance_cm: int
    steps_cm: Whole
    dropped: Dropped
    runs: tuple[Whole, ...]
    flag: Flag | None


def walk(points: Points, gaps: Iterable[Gap], silence_ms: int) -> Way:
    """Walk along points in order of time."""
    is_coarse = points.accuracy_m > COARSE_M
    is_zero = (points.lat_e7 == 0) & (points.lon_e7 == 0) & ~is_coarse
    usable = np.flatnonzero(~(is_coarse | is_zero))
    found = points.those(usable)
    is_begin = _broken_before(found.at, gaps, silence_ms)
    lengths = np.concatenate(([0], steps_cm(found.lat_e7, found.lon_e7)))[: len(found)]
    lengths[is_begin] = 0
    pauses = np.diff(found.at, prepend=found.at[:1])
    is_fast = lengths * _KMH > SPEED_KMH * np.maximum(pauses, _SECOND_MS)
    dropped, zero = int(is_coarse.sum()), int(is_zero.sum())
    if not is_fast.any():
        is_repeat = ~is_begin & (lengths == 0) & _is_same_place(found)
        bounds = [*np.flatnonzero(is_begin).tolist(), len(found)]
        return Way(
            int(lengths.sum()),
            _spread(lengths, usable, len(points)),
            Dropped(dropped, zero, 0, int(is_repeat.sum())),
            tuple(usable[a:b] for a, b in pairwise(bounds)),
            None,
        )
    pace = _Pace(found, usable)
    for place, begins in enumerate(is_begin.tolist()):
        pace.step(place, begins=begins)
    return pace.way(dropped, zero, len(points))


def _spread(steps_cm: Whole, usable: Whole, count: int) -> Whole:
    """What belongs to some of so many points, at their places."""
    spread = np.zeros(count, dtype=np.int64)
    spread[usable] = steps_cm
    return spread


def _broken_before(at: Whole, gaps: Iterable[Gap], silence_ms: int) -> Marks:
    """Before which points the track is broken off; the first of all begins it."""
    is_begin: Marks = np.diff(at, prepend=at[:1]) > silence_ms
    for gap in gaps:
        last_before = int(np.searchsorted(at, gap.from_at, side="right")) - 1
        first_after = int(np.searchsorted(at, gap.until_at, side="left"))
        is_begin[max(last_before + 1, 0) : first_after + 1] = True
    is_begin[:1] = True
    return is_begin


def _is_same_place(points: Points) -> Marks:
    stays: Marks = (np.diff(points.lat_e7, prepend=points.lat_e7[:1]) == 0) & (
        np.diff(points.lon_e7, prepend=points.lon_e7[:1]) == 0
    )
    return stays


class _Pace:
    """Point by point, where some are too fast."""

    def __init__(self, points: Points, usable: Whole) -> None:
        self.at: list[int] = points.at.tolist()
        self.places = [
            Point(*each)
            for each in zip(points.lat_e7.tolist(), points.lon_e7.tolist(), strict=True)
        ]
        self.accuracy_m: list[int] = points.accuracy_m.tolist()
        self.usable = usable
        self.steps_cm = np.zeros(len(points), dtype=np.int64)
        self.repeated = 0
        self.runs: list[list[int]] = []
        self.last: int | None = None
        # Points too fast from the last one, each agreeing with the one before it.
        self.suspects: list[int] = []
        self.fastest: Travel | None = None

    def step(self, place: int, *, begins: bool) -> None:
        if begins or self.last is None:
            self._begin(place)
            return
        if not self._is_fast(self.last, place):
            self._go_on(place)
            return
        self._note(self.last, place)
        if self.suspects and not self._is_fast(self.suspects[-1], place):
            self.suspects.append(place)
        else:
            self.suspects = [place]
        if len(self.suspects) == AGREEING:
            first, *others = self.suspects
            self._begin(first)
            for other in others:
                self._go_on(other)

    def _begin(self, place: int) -> None:
        self.runs.append([place])
        self.last = place
        self.suspects = []

    def _go_on(self, place: int) -> None:
        assert self.last is not None
        self.runs[-1].append(place)
        self.suspects = []
        if self.places[place] == self.places[self.last]:
            self.repeated += 1
        else:
            self.steps_cm[place] = distance_cm(self.places[self.last], self.places[place])
        self.last = place

    def _is_fast(self, earlier: int, later: int) -> bool:
        length = distance_cm(self.places[earlier], self.places[later])
        pause = max(self.at[later] - self.at[earlier], _SECOND_MS)
        return length * _KMH > SPEED_KMH * pause

    def _note(self, earlier: int, later: int) -> None:
        """Keep the figures of the fastest jump that the accuracies do not explain."""
        here, there = (
            Occurrence(self.at[n], self.places[n], self.accuracy_m[n] * 100)
            for n in (earlier, later)
        )
        travel = implied_travel(here, there)
        if travel is None or travel.speed_kmh <= SPEED_KMH:
            return
        if self.fastest is None or travel.speed_kmh > self.fastest.speed_kmh:
            self.fastest = travel

    def way(self, coarse: int, zero: int, count: int) -> Way:
        kept = sum(map(len, self.runs))
        flag: Flag | None = None
        if self.fastest is not None:
            flag = {"flag": "implied_speed", **self.fastest._asdict(), "limit_kmh": SPEED_KMH}
        return Way(
            int(self.steps_cm.sum()),
            _spread(self.steps_cm, self.usable, count),
            Dropped(coarse, zero, len(self.at) - kept, self.repeated),
            tuple(self.usable[run] for run in self.runs),
            flag,
        )


def without(stretch: tuple[int, int], taken: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """What is left of a stretch of time outside of others."""
    left, from_at = [], stretch[0]
    for begin, end in sorted(taken):
        if begin >= stretch[1]:
            break
        if begin > from_at:
            left.append((from_at, begin))
        from_at = max(from_at, end)
    if from_at < stretch[1]:
        left.append((from_at, stretch[1]))
    return left
