"""A threaded gunicorn worker in which no socket can hold a thread, or the loop, for long.

What gunicorn's own `gthread` leaves open, and how it is closed here:

- A connection waits for its bytes in a thread. Here the loop collects a request and a thread gets
  it whole (gathering.py), so that slow and stalled phones hold no thread at all.
- A read waits for ever between two bytes. Here a request, headers and body together, has
  `read_s` seconds from its first byte, and its headers `header_s` of them; then it is over: 408
  while the headers are read, a `ReadTooSlow` for whoever reads the body. A thread waits itself only
  for what is not collected: chunks, and bodies larger than a push may be.
- A write waits for ever for a client that does not read. Here one write has `write_s`.
- Closing lingers up to two seconds in the loop, where nobody else is served meanwhile. Here the
  loop only looks at such a socket when something comes.

A socket that the client closes frees its thread at once: the read under way ends.
"""

import contextlib
import io
import selectors
import socket
from collections import deque
from concurrent.futures import Future
from functools import partial
from time import monotonic
from typing import Any, NoReturn

from gunicorn import util
from gunicorn.http.body import Body, LengthReader
from gunicorn.http.errors import NoMoreData
from gunicorn.http.unreader import SocketUnreader
from gunicorn.workers.gthread import TConn, ThreadWorker

from server.gathering import Gathered

LINGER_S = 2.0
"""How long an answered socket may take to close its side (RFC 9112, section 9.6)."""
_LINGER_BYTES_MAX = 16 * 1024 * 1024
_PIECE_BYTES = 256 * 1024
_UNREAD_BYTES_MAX = 64 * 1024
GATHERED_TOGETHER_MAX = 256 * 1024 * 1024
"""More than this is not collected at once in one process; threads wait for the rest."""


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
        # How long the bytes of a body may stop coming; None: as long as all of it may take.
        self.stall_s: float | None = None
        self._body_deadline = 0.0

    def begin(self, since: float) -> None:
        """A thread has taken the next request, whose first byte came then: its headers first."""
        self.deadline = since + self.header_s
        self.stall_s = None
        self._body_deadline = since + self.read_s

    def begin_body(self) -> None:
        """The headers are read."""
        self.deadline = self._body_deadline

    def chunk(self, size_hint: int | None = None) -> bytes:
        """What the socket has, waiting until the deadline at most."""
        left = self.deadline - monotonic()
        if left <= 0:
            self._is_too_slow()
        if self.stall_s is not None:
            left = min(left, self.stall_s)
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


class PieceBody(Body):
    """A body that can be read as it comes."""

    def read1(self, size: int) -> bytes:
        """Up to so many bytes, as soon as there are any; none at the end.

        gunicorn's `read` waits for all of them, and what it had is lost to whoever reads when the
        client goes.
        """
        reader = self.reader
        try:
            if not isinstance(reader, LengthReader):
                # Of chunks: one byte that has come, with all that came beside it.
                first: bytes = reader.read(1)
                rest: bytes = reader.buf.getvalue()
                reader.buf = io.BytesIO()
                return first + rest
            size = min(size, reader.length)
            if size == 0:
                return b""
            unreader = reader.unreader
            piece: bytes = unreader.take_buffered() or unreader.chunk(reader.length)
        except Exception:
            self.failed = True
            raise
        if len(piece) > size:
            unreader.unread(piece[size:])
            piece = piece[:size]
        reader.length -= len(piece)
        return piece


class BoundedThreadWorker(ThreadWorker):
    """See the module. gunicorn_settings makes a subclass with the limits of the installation."""

    header_s = 10.0
    read_s = 60.0
    write_s = 60.0
    stall_s = 10.0

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.lingering: deque[tuple[float, TConn]] = deque()
        # What is being collected, by connection; and what a thread is about to take.
        self.gathering: dict[TConn, Gathered] = {}
        self.handed: dict[TConn, Gathered] = {}
        self.gathered_bytes = 0

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

    def on_pending_socket_readable(self, conn: TConn, client: socket.socket) -> None:
        """The first bytes of a new connection: begin to collect its request."""
        self.poller.unregister(client)
        self.pending_conns.remove(conn)
        conn.data_ready = True
        self._begin_to_gather(conn)

    def on_client_socket_readable(self, conn: TConn, client: socket.socket) -> None:
        """The next request on a connection that was kept: begin to collect it."""
        self.poller.unregister(client)
        self.keepalived_conns.remove(conn)
        self._begin_to_gather(conn)

    def _begin_to_gather(self, conn: TConn) -> None:
        self.gathering[conn] = Gathered(monotonic())
        conn.sock.setblocking(False)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._gather, conn))
        self._gather(conn, conn.sock)

    def _gather(self, conn: TConn, client: socket.socket) -> None:
        """Take what has come; when the request is whole, a thread serves it."""
        gathered = self.gathering[conn]
        try:
            piece = client.recv(_PIECE_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            piece = b""
        self.gathered_bytes += len(piece)
        if gathered.add(piece) or self.gathered_bytes > GATHERED_TOGETHER_MAX:
            self._hand_over(conn)

    def _hand_over(self, conn: TConn) -> None:
        self.poller.unregister(conn.sock)
        gathered = self.handed[conn] = self.gathering.pop(conn)
        self.gathered_bytes -= len(gathered.data)
        self.enqueue_req(conn)

    def handle(self, conn: TConn) -> Any:
        """Serve one request of a connection, in a thread."""
        # What a request before read too much of is there already, and comes without being collected.
        gathered = self.handed.pop(conn, None) or Gathered(monotonic())
        with contextlib.suppress(OSError):
            conn.init()
        conn.sock.setblocking(True)
        if conn.parser is None:
            return False
        unreader = conn.parser.unreader
        if not isinstance(unreader, BoundedUnreader):
            unreader = BoundedUnreader(
                conn.sock, header_s=self.header_s, read_s=self.read_s, write_s=self.write_s
            )
            conn.parser.unreader = unreader
        asked = conn.parser.mesg
        unreader.begin(gathered.began)
        if gathered.is_upload:
            # From the last byte that came: a stalled one has waited already, in the loop.
            unreader.stall_s = max(0.1, gathered.came_at + self.stall_s - monotonic())
        unreader.unread(bytes(gathered.data))
        outcome = super().handle(conn)
        if unreader.is_late and conn.parser.mesg is asked:
            # The parser never got to a request, so nobody has answered.
            with contextlib.suppress(OSError):
                util.write_error(conn.sock, 408, "Request Timeout", "")
        return outcome and not unreader.is_late

    def handle_request(self, req: Any, conn: TConn) -> Any:
        """Run the application; writes of its answer are bounded."""
        unreader = conn.parser.unreader
        unreader.begin_body()
        if req.body is not None:
            req.body = PieceBody(req.body.reader)
        conn.sock.settimeout(self.write_s)
        return super().handle_request(req, conn)

    def _keepalive_after(self, conn: TConn, keepalive: Any) -> bool:
        """Whether the connection serves another request. What nobody wants to read of a large body is
        not waited for in a thread: the connection closes, and the loop throws it away.
        """
        body = getattr(conn.parser.mesg, "body", None)
        left = getattr(getattr(body, "reader", None), "length", 0)
        if left > _UNREAD_BYTES_MAX:
            return False
        return bool(super()._keepalive_after(conn, keepalive))

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
        now = monotonic()
        late = [
            conn
            for conn, gathered in self.gathering.items()
            if not self.alive or gathered.is_late(now, self.header_s, self.read_s, self.stall_s)
        ]
        for conn in late:
            self._hand_over(conn)  # a thread finds that it is too late, and says so
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
