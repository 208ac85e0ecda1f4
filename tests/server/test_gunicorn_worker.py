"""The worker under real sockets: two threads, one process, short limits."""

import json
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

SHORT = {"header_s": 0.6, "read_s": 0.9, "write_s": 0.6}
LONG = {"header_s": 60.0, "read_s": 60.0, "write_s": 60.0}
SOON_S = 10.0
"""Long enough for a busy machine, far below the limits of LONG."""


class Site:
    def __init__(self, address: tuple[str, int], process: subprocess.Popen[str]) -> None:
        self.address = address
        self.process = process
        self.sockets = ExitStack()

    def open(self, first_bytes: bytes) -> socket.socket:
        sock = self.sockets.enter_context(socket.create_connection(self.address, timeout=SOON_S))
        sock.sendall(first_bytes)
        return sock

    def ask(self, path: str = "/", body: bytes = b"") -> bytes:
        with socket.create_connection(self.address, timeout=SOON_S) as sock:
            sock.sendall(request(path, len(body), "close") + body)
            return read_all(sock)


def request(path: str, length: int = 0, connection: str = "keep-alive") -> bytes:
    return (
        f"POST {path} HTTP/1.1\r\nHost: here\r\nContent-Length: {length}\r\n"
        f"Connection: {connection}\r\n\r\n"
    ).encode()


def read_all(sock: socket.socket) -> bytes:
    pieces = []
    while piece := sock.recv(65536):
        pieces.append(piece)
    return b"".join(pieces)


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[[dict[str, float]], Site]]:
    with ExitStack() as stack:

        def start(limits: dict[str, float]) -> Site:
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            arguments: list[Any] = [listener.fileno(), json.dumps(limits), tmp_path]
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.server.tiny_served", *map(str, arguments)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                pass_fds=[listener.fileno()],
            )
            stack.enter_context(process)
            stack.callback(process.kill)
            site = Site(listener.getsockname(), process)
            stack.enter_context(site.sockets)
            assert b"here" in site.ask()
            return site

        yield start


def test_half_a_header_is_answered_408_and_frees_its_thread(serve: Any) -> None:
    site = serve(SHORT)
    stalled = [site.open(b"POST / HTTP/1.1\r\nHost: he") for _ in range(6)]
    assert b"200 OK" in site.ask()
    for sock in stalled:
        assert b" 408 " in read_all(sock)


def test_half_a_body_frees_its_thread_and_the_application_hears_of_it(serve: Any) -> None:
    site = serve(SHORT)
    stalled = [site.open(request("/length", 100) + b"half") for _ in range(4)]
    assert site.ask("/length", b"whole").endswith(b"5")
    for sock in stalled:
        assert b" 408 " in read_all(sock)


def test_bytes_that_drip_in_do_not_prolong_the_deadline(serve: Any) -> None:
    site = serve(SHORT)
    sock = site.open(request("/length", 10_000))
    began = monotonic()
    while not select.select([sock], [], [], 0.05)[0]:
        sock.send(b"x")
        assert monotonic() - began < SOON_S
    assert b" 408 " in sock.recv(65536)


def test_a_dropped_socket_frees_its_thread_at_once(serve: Any) -> None:
    site = serve(LONG)
    began = monotonic()
    for _ in range(4):
        site.open(request("/length", 100) + b"half").close()
        site.open(b"POST / HTTP/1.1\r\nHo").close()
    assert b"200 OK" in site.ask()
    assert monotonic() - began < SOON_S


def test_connections_that_say_nothing_hold_no_thread(serve: Any) -> None:
    site = serve(LONG)
    for _ in range(20):
        site.open(b"")
    began = monotonic()
    assert b"200 OK" in site.ask()
    assert monotonic() - began < 4.0  # gunicorn's own worker waits five seconds in each thread


def test_clients_that_do_not_read_free_their_threads(serve: Any) -> None:
    site = serve(SHORT)
    for _ in range(2):
        site.open(request("/large"))
    assert b"200 OK" in site.ask()


def test_stalled_requests_hold_no_thread_however_many(serve: Any) -> None:
    site = serve(LONG)
    for _ in range(20):
        site.open(request("/length", 100) + b"half")
        site.open(b"POST / HTTP/1.1\r\nHo")
    began = monotonic()
    assert b"200 OK" in site.ask()
    assert monotonic() - began < SOON_S


def test_a_request_in_pieces_arrives_whole(serve: Any) -> None:
    site = serve(LONG)
    body = bytes(range(256)) * 4_000
    sent = request("/length", len(body), "close") + body
    sock = site.open(sent[:10])
    for at in range(10, len(sent), 99_991):
        sock.sendall(sent[at : at + 99_991])
    assert read_all(sock).endswith(str(len(body)).encode())


def test_a_connection_serves_one_request_after_another(serve: Any) -> None:
    site = serve(LONG)
    sock = site.open(request("/length", 3) + b"abc")
    first = b""
    while not first.endswith(b"\r\n\r\n3"):
        first += sock.recv(65536)
    sock.sendall(request("/length", 2) + b"ab" + request("/length", 1, "close") + b"a")
    both = read_all(sock)
    assert both.count(b"200 OK") == 2
    assert both.endswith(b"1")


def test_headers_over_their_bound_are_refused(serve: Any) -> None:
    site = serve(LONG)
    sock = site.open(b"GET / HTTP/1.1\r\nHost: x\r\nLong: " + b"x" * 9000 + b"\r\n\r\n")
    assert b" 431 " in sock.recv(65536)


def test_a_stop_lets_the_request_under_way_end(serve: Any) -> None:
    site = serve(LONG)
    idle = site.open(b"")
    sock = site.open(request("/wait"))
    assert site.process.stdout.readline() == "waiting\n"
    site.process.send_signal(signal.SIGTERM)
    assert idle.recv(1) == b""
    site.process.stdin.write("\n")
    site.process.stdin.flush()
    assert b"200 OK" in read_all(sock)
    assert site.process.wait(SOON_S) == 0
