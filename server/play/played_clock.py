"""A phone's clock that lives in the past while its rep works, and now while it talks to the server.

The server compares what a phone says of its clocks with its own, so a phone that speaks must read
the present; the work that it tells of lies in the days before. Both lie on one line of true time
(SimulatedClock), so uptime and wall clock agree across the two as they would on a phone that was
offline in between.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mobile_contract.phone.clock import Moment, SimulatedClock


def now_ms() -> int:
    """The true time, as far as this machine knows it."""
    return time.time_ns() // 1_000_000


class PlayedClock:
    """`line` is read where it stands; within `live()` it stands at the present and waiting is real."""

    def __init__(
        self,
        line: SimulatedClock,
        *,
        now: Callable[[], int] = now_ms,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.line = line
        self._now = now
        self._sleep = sleep
        self._is_live = False

    def read(self) -> Moment:
        if self._is_live:
            self.line.travel_to(self._now())
        return self.line.read()

    def wait_ms(self, duration_ms: int) -> None:
        if self._is_live:
            self._sleep(duration_ms / 1000)
        else:
            self.line.wait_ms(duration_ms)

    @contextmanager
    def live(self) -> Iterator[None]:
        """The phone talks to the server in here; afterwards the line stands where it stood."""
        stood_at, self._is_live = self.line.true_ms, True
        try:
            yield
        finally:
            self._is_live = False
            self.line.travel_to(stood_at)
