"""A bounded number of heavy reads at once; the others are asked to come back, never queued.

First syncs and digests read a whole scope. A fleet that gets new phones must not take every worker
away from the pushes of everybody else.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from threading import BoundedSemaphore
from typing import Protocol

from sync.errors import Refused

RETRY_AFTER_S = 5


class Gate(Protocol):
    """Lets at most so many in at once."""

    def pass_through(self) -> AbstractContextManager[None]:
        """Be inside for the duration, or raise Refused("busy")."""


class ProcessGate:
    """At most `places` at once in this process."""

    def __init__(self, places: int) -> None:
        self._places = BoundedSemaphore(places)

    @contextmanager
    def pass_through(self) -> Iterator[None]:
        """Be inside for the duration, or raise Refused("busy")."""
        if not self._places.acquire(blocking=False):
            raise _busy()
        try:
            yield
        finally:
            self._places.release()


class HostGate:
    """At most `places` at once in all processes that name the same folder.

    A place is a locked file: the system frees it also when its process is killed.
    """

    def __init__(self, places: int, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._paths = [str(folder / f"first-sync-{place}.lock") for place in range(places)]

    @contextmanager
    def pass_through(self) -> Iterator[None]:
        """Be inside for the duration, or raise Refused("busy")."""
        for path in self._paths:
            opened = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(opened)
                continue
            try:
                yield
            finally:
                os.close(opened)
            return
        raise _busy()


def _busy() -> Refused:
    return Refused(
        "busy", "Many phones are being filled at the moment.", retry_after_s=RETRY_AFTER_S
    )
