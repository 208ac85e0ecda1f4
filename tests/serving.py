"""The web server as it is installed, in a process of its own, and a link to it that breaks."""

import http.client
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

SOON_S = 30.0
HERE = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Served:
    """A web server: where it is, and its first process."""

    address: tuple[str, int]
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"http://{self.address[0]}:{self.address[1]}"

    @property
    def children(self) -> list[int]:
        """The processes that serve."""
        pid = self.process.pid
        listed = Path(f"/proc/{pid}/task/{pid}/children").read_text()
        return [int(child) for child in listed.split()]

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(*self.address, timeout=SOON_S)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, bytes]:
        connection = self.connect()
        sent = None if body is None else json.dumps(body).encode()
        connection.request(method, path, sent, {"Content-Type": "application/json", **headers})
        response = connection.getresponse()
        found = response.status, response.read()
        connection.close()
        return found

    def raw(self, head: str, body: bytes, *, is_shut: bool = False) -> tuple[int, dict[str, Any]]:
        """Send these bytes, and read the problem that comes back."""
        with socket.create_connection(self.address, timeout=SOON_S) as sock:
            sock.sendall(head.replace("\n", "\r\n").encode() + b"\r\n\r\n")
            with suppress(OSError):  # answered before all was sent, as it should be
                sock.sendall(body)
            if is_shut:
                sock.shutdown(socket.SHUT_WR)
            response = http.client.HTTPResponse(sock)
            response.begin()
            return response.status, json.loads(response.read())


@contextmanager
def web_server(database_url: str, redis_url: str, var: Path, **settings: str) -> Iterator[Served]:
    """Serve from a folder of its own until the end of the block."""
    environ = {
        **os.environ,
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "SECRET_KEY": "a secret of thirty-two characters and more",
        "ROADBOOK_VAR": str(var),
        "WEB_WORKERS": "2",
        "WEB_THREADS": "2",
        "MEDIA_KEEP_FREE_MB": "0",
        **settings,
    }
    with socket.create_server(("127.0.0.1", 0)) as listener:
        process = subprocess.Popen(
            [sys.executable, "-m", "server", "web", "--listener", str(listener.fileno())],
            env=environ,
            cwd=HERE,
            pass_fds=[listener.fileno()],
        )
        found = Served(listener.getsockname(), process)
        try:
            assert found.ask("GET", "/healthz")[0] == 200
            yield found
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(SOON_S)


@dataclass(slots=True)
class BreakingLink:
    """A way to a server on which connections break: `cut_after` says after how many bytes from the
    client the next one does, None for one that does not.
    """

    target: tuple[str, int]
    cut_after: Callable[[], int | None]
    cuts: int = 0
    _listener: socket.socket = field(init=False)

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._listener.close()

    @property
    def url(self) -> str:
        host, port = self._listener.getsockname()
        return f"http://{host}:{port}"

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._carry, args=(client,), daemon=True).start()

    def _carry(self, client: socket.socket) -> None:
        left = self.cut_after()
        with client, socket.create_connection(self.target) as server, suppress(OSError):
            back = threading.Thread(target=_pour, args=(server, client), daemon=True)
            back.start()
            while piece := client.recv(16 * 1024 if left is None else min(16 * 1024, left)):
                server.sendall(piece)
                if left is not None:
                    left -= len(piece)
                    if left <= 0:
                        self.cuts += 1
                        # One side hears of it at once and the other does, too: a reset.
                        for sock in (client, server):
                            linger = struct.pack("ii", 1, 0)
                            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                        return
            server.shutdown(socket.SHUT_WR)
            back.join()


def _pour(source: socket.socket, to: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(64 * 1024):
            to.sendall(piece)
        to.shutdown(socket.SHUT_WR)
