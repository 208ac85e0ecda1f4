"""One Roadbook at a time works in a folder; a command may start its servers where nobody does."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from server.embedded import Embedded, disk_trouble
from server.processes import CannotStart
from server.settings import Settings


class AlreadyRunning(CannotStart):
    """Another Roadbook holds this folder."""


@contextmanager
def held(var: Path) -> Iterator[None]:
    """Hold the folder; the system lets go of it also when this process is killed.

    Raises AlreadyRunning.
    """
    file = var / "run" / "serve.lock"
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise CannotStart(disk_trouble(error, var)) from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(handle, 32).decode("ascii", "replace").strip() or "unknown"
            raise AlreadyRunning(
                f"Roadbook already runs on {var} (process {holder}); stop it, or start this one "
                "with another ROADBOOK_VAR and ROADBOOK_PORT"
            ) from error
        with suppress(OSError):
            os.ftruncate(handle, 0)
            os.pwrite(handle, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(handle)


@contextmanager
def running_database(settings: Settings) -> Iterator[None]:
    """The embedded PostgreSQL for the time of one command, where nobody else runs it."""
    if not settings.has_embedded_database:
        yield
        return
    try:
        with held(settings.var):
            embedded = Embedded.start(settings.var, with_redis=False)
            try:
                yield
            finally:
                embedded.stop()
    except AlreadyRunning:
        yield
