"""A threaded gunicorn worker in which no socket can hold a thread, or the loop, for long.

What gunicorn's own `gthread` leaves open, and how it is closed here:

- A new connection waits for its first byte in a thread. Here it waits in the loop.
- A read waits for ever between two bytes. Here a request, headers and body together, has
  `read_s` seconds from the moment a thread takes it, and its headers `header_s` of them; then the
  thread is free: 408 while the headers are read, a `ReadTooSlow` for whoever reads the body.
- A write waits for ever for a client that does not read. Here one write has `write_s`.
- Closing lingers up to two seconds in the loop, where nobody else is served meanwhile. Here the
  loop only looks at such a socket when something comes.

A socket that the client closes frees its thread at once: the read under way ends.
"""

import contextlib
import selectors
import socket
from collections import deque
from concurrent.futures import Future
from functools import partial
from time import monotonic
from typing import Any, NoReturn

from gunicorn import util
from gunicorn.http.errors import NoMoreData
from gunicorn.http.unreader import SocketUnreader
from gunicorn.workers.gthread import TConn, ThreadWorker

LINGER_S = 2.0
"""How long an answered socket may take to close its side (RFC 9112, section 9.6)."""
_LINGER_BYTES_MAX = 64 * 1024


class ReadTooSlow(NoMoreData, TimeoutError):
    """The request's bytes took longer than they may."""


class BoundedUnreader(SocketUnreader):
    """Reads of one request: its headers within one deadline, all of it within another."""

    def __init__(
        self, sock: socket.socket, *, header_s: float, read_s: float, write_s: float
    ) -> None:
        super().__init__(sock)
        self.header_s = header_s
        self.read_s = read_s
        self.write_s = write_s
        self.deadline = 0.0
        self.is_late = False
        self._body_deadline = 0.0

    def begin(self) -> None:
        """A thread has taken the next request: its headers come first."""
        now = monotonic()
        self.deadline = now + self.header_s
        self._body_deadline = now + self.read_s

    def begin_body(self) -> None:
        """The headers are read."""
        self.deadline = self._body_deadline

    def chunk(self, size_hint: int | None = None) -> bytes:
        """What the socket has, waiting until the deadline at most."""
        left = self.deadline - monotonic()
        if left <= 0:
            self._is_too_slow()
        # gunicorn's own, shorter bound while it throws away what was not read.
        own = self.sock.gettimeout()
        if own is not None and own < left and own != self.write_s:
            left = own
        self.sock.settimeout(left)
        try:
            piece: bytes = super().chunk(size_hint)
        except TimeoutError:
            self._is_too_slow()
        finally:
            self.sock.settimeout(self.write_s)
        return piece

    def _is_too_slow(self) -> NoReturn:
        self.is_late = True
        raise ReadTooSlow(b"") from None


class BoundedThreadWorker(ThreadWorker):
    """See the module. gunicorn_settings makes a subclass with the limits of the installation."""

    header_s = 10.0
    read_s = 60.0
    write_s = 60.0

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.lingering: deque[tuple[float, TConn]] = deque()

    def accept(self, listener: socket.socket) -> None:
        """Take a connection and wait for its first byte in the loop."""
        try:
            client, address = listener.accept()
        except (BlockingIOError, ConnectionAbortedError, InterruptedError):
            return
        self.nr_conns += 1
        conn = TConn(self.cfg, client, address, listener.getsockname())
        conn.timeout = monotonic() + self.cfg.keepalive
        self.pending_conns.append(conn)
        self.poller.register(
            client, selectors.EVENT_READ, partial(self.on_pending_socket_readable, conn)
        )

    def handle(self, conn: TConn) -> Any:
        """Serve one request of a connection, in a thread."""
        with contextlib.suppress(OSError):
            conn.init()
        if conn.parser is None:
            return False
        unreader = conn.parser.unreader
        if not isinstance(unreader, BoundedUnreader):
            unreader = BoundedUnreader(
                conn.sock, header_s=self.header_s, read_s=self.read_s, write_s=self.write_s
            )
            conn.parser.unreader = unreader
        asked = conn.parser.mesg
        unreader.begin()
        outcome = super().handle(conn)
        if unreader.is_late and conn.parser.mesg is asked:
            # The parser never got to a request, so nobody has answered.
            with contextlib.suppress(OSError):
                util.write_error(conn.sock, 408, "Request Timeout", "")
        return outcome and not unreader.is_late

    def handle_request(self, req: Any, conn: TConn) -> Any:
        """Run the application; writes of its answer are bounded."""
        conn.parser.unreader.begin_body()
        conn.sock.settimeout(self.write_s)
        return super().handle_request(req, conn)

    def finish_request(self, conn: TConn, fs: Future[Any]) -> None:
        """Keep the connection for a next request, or let it close without waiting for it."""
        is_kept = not fs.cancelled() and fs.exception() is None and fs.result()
        if is_kept:
            super().finish_request(conn, fs)
            return
        try:
            conn.sock.shutdown(socket.SHUT_WR)
            conn.sock.setblocking(False)
            self.poller.register(
                conn.sock, selectors.EVENT_READ, partial(self._drain, conn, [_LINGER_BYTES_MAX])
            )
        except (OSError, ValueError):
            self.nr_conns -= 1
            conn.close()
            return
        self.lingering.append((monotonic() + LINGER_S, conn))

    def murder_pending(self) -> None:
        """Close what has waited long enough; when stopping, whoever has not asked anything."""
        if not self.alive:
            for conn in self.pending_conns:
                conn.timeout = 0.0
        super().murder_pending()
        while self.lingering and (self.lingering[0][0] <= monotonic()):
            _, conn = self.lingering.popleft()
            self._end(conn)

    def _drain(self, conn: TConn, left: list[int], client: socket.socket) -> None:
        """Throw away what the client still sends; close at its end or when it is too much."""
        try:
            piece = client.recv(16 * 1024)
        except BlockingIOError:
            return
        except OSError:
            piece = b""
        left[0] -= len(piece)
        if not piece or left[0] <= 0:
            self.lingering = deque(entry for entry in self.lingering if entry[1] is not conn)
            self._end(conn)

    def _end(self, conn: TConn) -> None:
        with contextlib.suppress(OSError, KeyError, ValueError):
            self.poller.unregister(conn.sock)
        self.nr_conns -= 1
        conn.close()
