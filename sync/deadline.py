"""Until when a push may commit: what a backup misses must be younger than phones are told.

A phone forgets an item once the watermark has passed its receipt, which is the moment at which its
request came. So what was received long enough before a backup was begun has to be in it, or nowhere.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass


def wall_clock_ms() -> int:
    """The clock by which receipts are given and backups are begun: milliseconds since 1970."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Deadline:
    """The end of a push's time, by two clocks; whichever says so first.

    The wall clock is the one that receipts and backups are told by, so one that is set forward meanwhile
    makes the receipt as much older. One that is set back would give time that has passed already: that
    the steady clock does not do.
    """

    wall_ends_ms: float
    steady_ends_s: float
    wall_ms: Callable[[], int]
    steady_s: Callable[[], float]

    def is_over(self) -> bool:
        """Whether nothing of the push may be committed any more."""
        return self.wall_ms() > self.wall_ends_ms or self.steady_s() > self.steady_ends_s


def deadline_after(
    longest_s: float,
    received_at: int,
    *,
    wall_ms: Callable[[], int] = wall_clock_ms,
    steady_s: Callable[[], float] = time.monotonic,
) -> Deadline:
    """The deadline of a request that came just now, at `received_at` by the wall clock."""
    return Deadline(received_at + longest_s * 1000, steady_s() + longest_s, wall_ms, steady_s)
