"""Driving the server: requests that were made beforehand, one connection a phone, kept alive."""

import gzip
import socket
import threading
import time
from dataclasses import dataclass, field

from tests.bench.stage import Phone


@dataclass(slots=True)
class Run:
    """What a number of phones at once came to."""

    phones: int
    requests: int
    seconds: float
    latencies_ms: list[float] = field(default_factory=list)
    failures: list[bytes] = field(default_factory=list)

    def add(self, more: "Run") -> None:
        """Count another round of the same in."""
        self.requests += more.requests
        self.seconds += more.seconds
        self.latencies_ms += more.latencies_ms
        self.failures += more.failures

    @property
    def rate(self) -> float:
        return self.requests / self.seconds

    def percentile(self, share: float) -> float:
        """Latency in ms that this share of the requests did not pass."""
        ordered = sorted(self.latencies_ms)
        return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def request_bytes(phone: Phone, path: str, body: bytes, *, packed: bool = True) -> bytes:
    """A whole request, as phones send it: gzip, bearer token, kept alive."""
    sent = gzip.compress(body, 6) if packed else body
    head = (
        f"POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
        f"Authorization: {phone.device.authorization}\r\nContent-Length: {len(sent)}\r\n"
        + ("Content-Encoding: gzip\r\n" if packed else "")
        + "Accept-Encoding: gzip\r\n\r\n"
    )
    return head.encode() + sent


def get_bytes(phone: Phone, path: str) -> bytes:
    """A whole request for something that is fetched."""
    return (
        f"GET {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: {phone.device.authorization}\r\n"
        "Accept-Encoding: gzip\r\n\r\n"
    ).encode()


class Line:
    """One kept-alive connection."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._rest = b""

    def ask(self, request: bytes) -> tuple[int, bytes, bytes]:
        """Send a request; its status, its head and its body as they came."""
        self.socket.sendall(request)
        data = self._rest
        while b"\r\n\r\n" not in data:
            data += self._more()
        head, _, body = data.partition(b"\r\n\r\n")
        length = next(
            int(line.split(b":")[1])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length:")
        )
        while len(body) < length:
            body += self._more()
        self._rest = body[length:]
        return int(head[9:12]), head, body[:length]

    def _more(self) -> bytes:
        got = self.socket.recv(1 << 18)
        if not got:
            message = "the server closed the connection"
            raise ConnectionError(message)
        return got


def drive(port: int, requests: list[list[bytes]], expect: bytes | None = None) -> Run:
    """Let each phone send its requests one after the other, all phones at once.

    `expect` must be in every unpacked answer, else the request counts as failed.
    """
    run = Run(len(requests), sum(map(len, requests)), 0.0)
    begin = threading.Barrier(len(requests) + 1)

    def phone(own: list[bytes]) -> None:
        line = Line(port)
        begin.wait()
        for request in own:
            started = time.perf_counter()
            status, head, body = line.ask(request)
            run.latencies_ms.append((time.perf_counter() - started) * 1000)
            if b"content-encoding: gzip" in head.lower():
                body = gzip.decompress(body)
            if status != 200 or (expect is not None and expect not in body):
                run.failures.append(head.split(b"\r\n")[0] + b" " + body[:300])

    threads = [threading.Thread(target=phone, args=(own,)) for own in requests]
    for thread in threads:
        thread.start()
    begin.wait()
    started = time.perf_counter()
    for thread in threads:
        thread.join()
    run.seconds = time.perf_counter() - started
    return run
