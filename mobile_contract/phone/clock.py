"""Where a phone takes its time from: a wall clock that may be wrong, and an uptime that is not.

PROTOCOL.md, heading "Time": with each event a phone sends its wall time, a monotonic reading and
the id of the boot that the reading belongs to. The server works out the true time from the three.
A phone therefore never corrects its own times, and times its back-off by uptime alone.

`SystemClock` is a real device. `SimulatedClock` is a device whose owner sets the clock or
switches it off and on: it never sleeps, and it is told what the true time is.
"""

from __future__ import annotations

import time
import uuid
from bisect import bisect_right
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Moment:
    """What a phone's clocks say at one instant; `boot_id` tells which boot `uptime_ms` counts from."""

    wall_ms: int
    uptime_ms: int
    boot_id: str


class PhoneClock(Protocol):
    """The two clocks of a phone, and a way to wait."""

    def read(self) -> Moment:
        """Both clocks at the same instant."""

    def wait_ms(self, duration_ms: int) -> None:
        """Return after about `duration_ms` of uptime."""


class SystemClock:
    """The clocks of the machine this runs on; uptime goes on counting while the machine sleeps."""

    def __init__(self) -> None:
        self._boot_id = _boot_id_of_this_machine()
        self._source = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)

    def read(self) -> Moment:
        return Moment(
            wall_ms=time.time_ns() // 1_000_000,
            uptime_ms=time.clock_gettime_ns(self._source) // 1_000_000,
            boot_id=self._boot_id,
        )

    def wait_ms(self, duration_ms: int) -> None:
        time.sleep(max(0, duration_ms) / 1000)


@dataclass(frozen=True, slots=True)
class _Stretch:
    """From `from_true_ms` on: how far the wall clock is off, and when the phone was switched on."""

    from_true_ms: int
    wall_offset_ms: int
    booted_true_ms: int
    boot_id: str


class SimulatedClock:
    """A phone's clocks on a line of true time along which the simulation travels, both ways.

    `wall_offset_ms` is how far the wall clock is ahead of the truth. `set_wall_offset` and
    `reboot` hold from an instant on, so that a simulation can capture an event of yesterday,
    talk to a server now, and go back to the next event of yesterday, and both clocks stay what
    they would have been. Changes are given in the order of true time.
    """

    def __init__(
        self,
        *,
        true_ms: int,
        booted_true_ms: int,
        wall_offset_ms: int = 0,
        boot_id: str | None = None,
    ) -> None:
        if booted_true_ms > true_ms:
            raise ValueError("a phone is switched on before it is read")
        first = _Stretch(
            booted_true_ms, wall_offset_ms, booted_true_ms, boot_id or str(uuid.uuid4())
        )
        self._stretches = [first]
        self.true_ms = true_ms

    def read(self) -> Moment:
        stretch = self._stretch_at(self.true_ms)
        return Moment(
            wall_ms=self.true_ms + stretch.wall_offset_ms,
            uptime_ms=self.true_ms - stretch.booted_true_ms,
            boot_id=stretch.boot_id,
        )

    def wait_ms(self, duration_ms: int) -> None:
        self.true_ms += max(0, duration_ms)

    def travel_to(self, true_ms: int) -> None:
        """Stand at `true_ms`, earlier or later than now; not before the first boot."""
        self._stretch_at(true_ms)
        self.true_ms = true_ms

    def set_wall_offset(self, wall_offset_ms: int, *, from_true_ms: int | None = None) -> None:
        """The owner sets the clock: from then on it is `wall_offset_ms` ahead of the truth."""
        at = self.true_ms if from_true_ms is None else from_true_ms
        last = self._stretches[-1]
        self._append(_Stretch(at, wall_offset_ms, last.booted_true_ms, last.boot_id))

    def reboot(self, *, at_true_ms: int | None = None, boot_id: str | None = None) -> None:
        """The phone is switched off and on: uptime begins again under a new boot id."""
        at = self.true_ms if at_true_ms is None else at_true_ms
        last = self._stretches[-1]
        self._append(_Stretch(at, last.wall_offset_ms, at, boot_id or str(uuid.uuid4())))

    def _append(self, stretch: _Stretch) -> None:
        if stretch.from_true_ms < self._stretches[-1].from_true_ms:
            raise ValueError("changes of a clock are given in the order of true time")
        self._stretches.append(stretch)

    def _stretch_at(self, true_ms: int) -> _Stretch:
        index = bisect_right(self._stretches, true_ms, key=lambda stretch: stretch.from_true_ms) - 1
        if index < 0:
            raise ValueError("the phone was not yet switched on at that time")
        return self._stretches[index]


def _boot_id_of_this_machine() -> str:
    """The kernel's boot id where there is one, else one for this process.

    Too many boot ids are harmless: the server then falls back on GPS time. Too few are not: a
    reading of an earlier boot would be taken for evidence.
    """
    try:
        return str(
            uuid.UUID(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip())
        )
    except (OSError, ValueError):
        return str(uuid.uuid4())
