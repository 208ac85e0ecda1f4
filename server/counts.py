"""The folder in which web processes leave their counts for each other (PROMETHEUS_MULTIPROC_DIR).

The files are mapped into each process, and a process that writes to a mapped page for which the disk
has no room is killed at once (SIGBUS, mmap(2)). So they are in memory, where there is any to be had as
a folder: a full disk then takes no web process away.
"""

import hashlib
import os
import shutil
import stat
from contextlib import suppress
from pathlib import Path

from server.processes import CannotStart, identify

MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of our own is made there


def counts_folder(var: Path) -> Path:
    """Where the counts of the installation in this folder are."""
    if not os.access(MEMORY, os.W_OK | os.X_OK):
        return var / "run" / "metrics"
    digest = hashlib.sha256(os.fsencode(var.resolve())).hexdigest()[:12]
    return MEMORY / f"roadbook-{os.geteuid()}-{digest}"


def make_counts_folder(folder: Path) -> None:
    """Make it, for us alone. Raises CannotStart where somebody else has put something there."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise CannotStart(f"{folder} belongs to somebody else; remove it and start again")
    folder.chmod(0o700)


def drop_counts(folder: Path) -> None:
    """Forget every count: nobody counts there, or begins to anew."""
    shutil.rmtree(folder, ignore_errors=True)


def drop_counts_of_the_dead(folder: Path) -> None:
    """Forget what processes that have ended have counted; the folder goes with the last one."""
    for file in folder.glob("*.db"):
        pid = file.stem.rpartition("_")[2]
        if pid.isdigit() and identify(int(pid)) is None:
            file.unlink(missing_ok=True)
    with suppress(OSError):
        folder.rmdir()
