"""A bounded number of heavy reads at once; a few wait a moment for a place, the others come back.

First syncs and digests read a whole scope. A fleet that gets new phones must not take every worker
away from the pushes of everybody else. One takes some ten milliseconds, so whoever waits up to a
second is served in nearly every morning's rush; but who waits holds a thread, so only so many
may, and the rest are asked to come again.
"""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from random import uniform
from threading import BoundedSemaphore
from typing import Protocol

from sync.errors import Refused

RETRY_AFTER_S = 5
WAIT_S = 1.0
"""How long one waits for a place at the most."""
# How long a waiter of several processes pauses between two looks.
_LOOK_AGAIN_S = (0.005, 0.02)


class Gate(Protocol):
    """Lets at most so many in at once."""

    def pass_through(self) -> AbstractContextManager[None]:
        """Be inside for the duration, or raise Refused("busy")."""


class ProcessGate:
    """At most `places` at once in this process; at most `waiters` wait, for `wait_s` at the most."""

    def __init__(self, places: int, *, waiters: int = 0, wait_s: float = WAIT_S) -> None:
        self._places = BoundedSemaphore(places)
        self._waiters = BoundedSemaphore(waiters) if waiters else None
        self._wait_s = wait_s

    @contextmanager
    def pass_through(self) -> Iterator[None]:
        """Be inside for the duration, or raise Refused("busy")."""
        if not self._places.acquire(blocking=False):
            with _waiting(self._waiters):
                if not self._places.acquire(timeout=self._wait_s):
                    raise _busy()
        try:
            yield
        finally:
            self._places.release()


class HostGate:
    """At most `places` at once in all processes that name the same folder.

    A place is a locked file: the system frees it also when its process is killed. In each process at
    most `waiters` wait, for `wait_s` at the most.
    """

    def __init__(
        self,
        places: int,
        folder: Path,
        *,
        waiters: int = 0,
        wait_s: float = WAIT_S,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._paths = [str(folder / f"first-sync-{place}.lock") for place in range(places)]
        self._waiters = BoundedSemaphore(waiters) if waiters else None
        self._wait_s = wait_s
        self._clock = clock
        self._pause = pause

    @contextmanager
    def pass_through(self) -> Iterator[None]:
        """Be inside for the duration, or raise Refused("busy")."""
        place = self._take()
        if place is None:
            with _waiting(self._waiters):
                place = self._wait()
        try:
            yield
        finally:
            os.close(place)

    def _wait(self) -> int:
        until = self._clock() + self._wait_s
        while self._clock() < until:
            # Not all at the same moment.
            self._pause(uniform(*_LOOK_AGAIN_S))
            place = self._take()
            if place is not None:
                return place
        raise _busy()

    def _take(self) -> int | None:
        """The descriptor of a place that was free."""
        for path in self._paths:
            opened = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(opened)
            else:
                return opened
        return None


@contextmanager
def _waiting(waiters: BoundedSemaphore | None) -> Iterator[None]:
    """Be one of those who wait, or raise Refused("busy")."""
    if waiters is None or not waiters.acquire(blocking=False):
        raise _busy()
    try:
        yield
    finally:
        waiters.release()


def _busy() -> Refused:
    return Refused(
        "busy",
        "The server takes no more of these requests at the moment.",
        retry_after_s=RETRY_AFTER_S,
    )
