"""Blows to the installation: kill -9 of every process that it has, and connections that stall."""

import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from random import Random

from tests.soak.actors import Acting, Stage

_STALLED_AT_MOST = 60
_STALLED_AT_ONCE = 20


class Chaos(Acting):
    """One blow after the other."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(Random(f"{stage.plan.seed}/chaos"), stage.plan.every_s)
        site = self._site = stage.site
        self._stalled: list[socket.socket] = []
        self._blows: dict[str, Callable[[], bool]] = {
            "kill -9 of a web process": site.kill_web_process,
            "kill -9 of the web server": site.kill_web_server,
            "kill -9 of the worker": site.kill_worker,
            "kill -9 of a PostgreSQL backend": site.kill_backend,
            "kill -9 of the whole PostgreSQL": site.kill_postmaster,
            "Redis killed, its data deleted": site.kill_redis,
            "sockets stalled": self._stall,
        }

    @property
    def acts(self) -> Mapping[str, Callable[[], object]]:
        return self._blows

    def act(self, name: str) -> None:
        if self._blows[name]():
            self.count[name] += 1

    def stop(self) -> None:
        super().stop()
        while self._stalled:
            self._stalled.pop().close()

    def _stall(self) -> bool:
        """Requests that begin and never go on; the last ones are let go."""
        while len(self._stalled) > _STALLED_AT_MOST:
            self._stalled.pop(0).close()
        for _ in range(_STALLED_AT_ONCE):
            with suppress(OSError):
                line = socket.create_connection(("127.0.0.1", self._site.port), timeout=2)
                line.sendall(b"POST /v1/push HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n{")
                self._stalled.append(line)
        return True
