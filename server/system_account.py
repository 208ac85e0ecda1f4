"""Which account the embedded servers run as, and that it can reach what it needs.

PostgreSQL refuses to run as root. Where Roadbook is started by root, both servers run as the
account `pgserver`, which is made when it does not exist; where accounts cannot be made, as
`nobody`. Started by anybody else, they run as that person.
"""

import os
import pwd
import stat
from contextlib import suppress
from pathlib import Path

from server.processes import Account, CannotStart, run_once

NAME = "pgserver"
_TRAVERSE = stat.S_IXOTH


def choose_account() -> Account | None:
    """The account to change to; None when we are not root and stay who we are."""
    if os.geteuid() != 0:
        return None
    for name in (NAME, "nobody"):
        entry = _entry(name) or (_made(name) if name == NAME else None)
        if entry is not None:
            return Account(name=name, uid=entry.pw_uid, gid=entry.pw_gid)
    raise CannotStart(
        "PostgreSQL does not run as root and no account pgserver could be made: "
        "start Roadbook as an ordinary user"
    )


def give(folder: Path, account: Account | None) -> None:
    """Make a folder that only this account (and root) can enter."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if account is not None:
        os.chown(folder, account.uid, account.gid)
    folder.chmod(0o700)


def let_through(place: Path, account: Account | None) -> list[Path]:
    """Let the account pass through the folders above `place`; those that had to be opened.

    Pass through only (o+x): it can still not list or read them.
    """
    opened: list[Path] = []
    if account is None:
        return opened
    for folder in place.resolve().parents:
        found = folder.stat()
        if found.st_uid == account.uid:
            may = found.st_mode & stat.S_IXUSR
        elif found.st_gid == account.gid:
            may = found.st_mode & stat.S_IXGRP
        else:
            may = found.st_mode & stat.S_IXOTH
        if not may:
            folder.chmod(stat.S_IMODE(found.st_mode) | _TRAVERSE)
            opened.append(folder)
    return opened


def let_read(tree: Path, account: Account | None) -> None:
    """Let everybody read the installed programs, where a strict umask has hidden them."""
    if account is None or (tree / "bin" / "postgres").stat().st_mode & stat.S_IROTH:
        return
    for folder, _, files in os.walk(tree):
        here = Path(folder)
        here.chmod(stat.S_IMODE(here.stat().st_mode) | 0o055)
        for name in files:
            file = here / name
            if not file.is_symlink():
                mode = stat.S_IMODE(file.stat().st_mode)
                file.chmod(mode | 0o044 | (0o011 if mode & stat.S_IXUSR else 0))


def _entry(name: str) -> pwd.struct_passwd | None:
    with suppress(KeyError):
        return pwd.getpwnam(name)
    return None


def _made(name: str) -> pwd.struct_passwd | None:
    with suppress(OSError):
        run_once(
            [
                "/usr/sbin/useradd",
                "--system",
                "--no-create-home",
                "--shell",
                "/usr/sbin/nologin",
                name,
            ]
        )
    return _entry(name)
