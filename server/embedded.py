"""PostgreSQL and Redis from their Python packages, with their data in one folder.

Everything they own is under `var`: postgres/, redis/, run/ (sockets and pid files), log/. Both
listen on sockets that only we can open. Where the folder's path is too long for a socket, or has a
space or anything else that is not plain, the sockets live in a short folder of our own under the
system's temporary folder.
"""

import hashlib
import os
import re
import shutil
import stat
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from server.embedded_postgres import APP, DATABASE, OWNER, SUPERUSER, EmbeddedPostgres, programs
from server.embedded_redis import EmbeddedRedis
from server.processes import Account, CannotStart
from server.system_account import choose_account, give, let_through

# sun_path has 108 bytes with its end (unix(7)); the longest name that we put there.
_SOCKET_PATH_MAX = 107 - len("/.s.PGSQL.5432.lock")
# What needs no quoting, neither in a list of folders, nor in an address, nor between words.
_PLAIN = re.compile(r"[A-Za-z0-9/._+-]+")
FREE_BYTES_MIN = 300 * 1024 * 1024
"""Below this PostgreSQL could not write what it must to stay up."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the embedded servers answer, known before they run."""

    database_url: str
    owner_database_url: str
    redis_url: str


def addresses(var: Path) -> Addresses:
    """The addresses of the servers whose data is in this folder, running or not."""
    sockets = _socket_folder(var)
    return Addresses(
        database_url=_url(sockets, APP, DATABASE),
        owner_database_url=_url(sockets, OWNER, DATABASE),
        redis_url=f"unix://{quote(str(sockets / 'redis.sock'))}?db=0",
    )


@dataclass(slots=True)
class Embedded:
    """Both servers. Use `Embedded.start(var)`; afterwards `stop()`."""

    var: Path
    postgres: EmbeddedPostgres
    redis: EmbeddedRedis
    notes: list[str] = field(default_factory=list)

    @classmethod
    def prepare(cls, var: Path) -> "Embedded":
        """Make the folders. Raises CannotStart where the disk does not let us."""
        try:
            return cls._prepared(var)
        except OSError as error:
            raise CannotStart(disk_trouble(error, var)) from error

    @classmethod
    def start(cls, var: Path, *, with_postgres: bool = True, with_redis: bool = True) -> "Embedded":
        """Start what is wanted and wait until it answers. Raises CannotStart with one line."""
        servers = cls.prepare(var)
        try:
            if with_redis:
                servers.redis.start()
            if with_postgres:
                servers.postgres.start()
        except OSError as error:
            servers.stop()
            raise CannotStart(disk_trouble(error, var)) from error
        except BaseException:
            servers.stop()
            raise
        return servers

    def stop(self) -> None:
        """Stop both; what was committed stays. Calling it again does nothing."""
        self.postgres.stop()
        self.redis.stop()

    @property
    def addresses(self) -> Addresses:
        return addresses(self.var)

    def url(self, user: str = SUPERUSER, database: str = DATABASE) -> str:
        """The address of any database of the embedded server, for any of its roles."""
        return _url(self.postgres.sockets, user, database)

    @classmethod
    def _prepared(cls, var: Path) -> "Embedded":
        account = choose_account()
        var = var.resolve()
        var.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(var).free
        if free < FREE_BYTES_MIN:
            raise CannotStart(
                f"The disk of {var} is full: {free // 1024**2} MB are free and "
                f"{FREE_BYTES_MIN // 1024**2} MB are needed; make room or set ROADBOOK_VAR"
            )
        run, log = var / "run", var / "log"
        for folder in (run, log):
            folder.mkdir(mode=0o700, exist_ok=True)
        sockets = _socket_folder(var)
        _own_sockets(sockets, account)
        give(var / "redis", account)
        opened = [
            *let_through(programs() / "postgres", account),
            *let_through(var / "postgres", account),
            *let_through(sockets / "s", account),
        ]
        return cls(
            var=var,
            postgres=EmbeddedPostgres(
                data=var / "postgres",
                sockets=sockets,
                pid_file=run / "postgres.pid",
                log=log / "postgres.log",
                account=account,
            ),
            redis=EmbeddedRedis(
                data=var / "redis",
                socket=sockets / "redis.sock",
                pid_file=run / "redis.pid",
                log=log / "redis.log",
                account=account,
            ),
            notes=[
                f"{folder} can now be passed through (chmod o+x): PostgreSQL runs as "
                f"{account.name if account else ''}, not as root."
                for folder in dict.fromkeys(opened)
            ],
        )


def disk_trouble(error: OSError, var: Path) -> str:
    """One line about a folder that cannot be written."""
    reason = error.strerror or str(error)
    return f"{error.filename or var} cannot be written ({reason}); mend it or set ROADBOOK_VAR"


def _socket_folder(var: Path) -> Path:
    sockets = var.resolve() / "sockets"
    if len(os.fsencode(sockets)) <= _SOCKET_PATH_MAX and _PLAIN.fullmatch(str(sockets)):
        return sockets
    digest = hashlib.sha256(os.fsencode(sockets)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"roadbook-{os.geteuid()}-{digest}"


def _own_sockets(sockets: Path, account: Account | None) -> None:
    """Make the folder of the sockets; refuse one that somebody else has put there."""
    sockets.mkdir(mode=0o700, exist_ok=True)
    found = sockets.lstat()
    owners = {os.geteuid(), account.uid if account else os.geteuid()}
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in owners:
        raise CannotStart(f"{sockets} belongs to somebody else; remove it and start again")
    give(sockets, account)


def _url(sockets: Path, user: str, database: str) -> str:
    return f"postgresql+psycopg://{user}@/{database}?host={quote(str(sockets))}"
