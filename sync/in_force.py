"""Which version of something priced is in force when: lists and promotions have versions that never
change, each for a time of its own. Times are milliseconds since 1970.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

DAY_MS = 86_400_000
KEPT_MS = 7 * DAY_MS
"""How long a version that is over stays on phones: one that was offline may still price by it."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Period(Generic[T]):
    """A version and when it holds: from `valid_from` until just before `valid_until`."""

    version: int
    valid_from: int
    valid_until: int | None
    what: T

    def ends_by(self, moment: int | None) -> "Period[T]":
        """The same, over at that moment if not before."""
        if moment is None or (self.valid_until is not None and self.valid_until <= moment):
            return self
        return replace(self, valid_until=moment)

    @property
    def is_empty(self) -> bool:
        """Whether it holds at no moment."""
        return self.valid_until is not None and self.valid_until <= self.valid_from

    def covers(self, other: "Period[T]", moment: int) -> bool:
        """Whether it holds at every moment from `moment` on at which the other does."""
        return max(other.valid_from, moment) >= self.valid_from and (
            self.valid_until is None
            or (other.valid_until is not None and other.valid_until <= self.valid_until)
        )


def ended(versions: Sequence[Period[T]], at: int | None) -> list[Period[T]]:
    """The versions of something that is over at a moment, without those that never come to hold."""
    return [one for version in versions if not (one := version.ends_by(at)).is_empty]


def one_after_another(versions: Sequence[Period[T]]) -> list[Period[T]]:
    """The versions, each over when one with a higher number begins, so that none overlap."""
    found: list[Period[T]] = []
    starts: int | None = None
    for version in sorted(versions, key=lambda one: one.version, reverse=True):
        one = version.ends_by(starts)
        if not one.is_empty:
            found.append(one)
        starts = version.valid_from if starts is None else min(starts, version.valid_from)
    return found[::-1]


def still_needed(versions: Sequence[Period[T]], now: int) -> list[Period[T]]:
    """Those that phones need: neither over for `KEPT_MS`, nor hidden since then by a higher number."""
    since = now - KEPT_MS
    left = [one for one in versions if one.valid_until is None or one.valid_until > since]
    return [
        one
        for one in left
        if not any(other.version > one.version and other.covers(one, since) for other in left)
    ]
