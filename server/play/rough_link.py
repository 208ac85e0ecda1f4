"""A transport on which requests and answers get lost, doubled, cut and stuck, as often as told.

It lies between a phone and the real connection, so that the server sees what it sees in the
field: whole requests twice, bodies that end early, sockets that fall silent.
"""

import socket
import time
from dataclasses import dataclass, field, replace
from random import Random

from mobile_contract.phone.transport import Answer, HttpTransport, LinkFailure, Request
from server.play.faults import FaultRates

_STALL_S = (1.0, 4.0)
_CONNECT_S = 10.0


@dataclass(slots=True)
class FaultCount:
    """How often each fault was made."""

    sent_twice: int = 0
    newest_first: int = 0
    request_lost: int = 0
    answer_lost: int = 0
    body_cut: int = 0
    answer_cut: int = 0
    socket_stalled: int = 0


@dataclass(slots=True)
class RoughTransport:
    """`inner` with faults; `is_rough` switches them off for the last sync of a day.

    `is_newest_first` says that the phone has put the next batch into that order.
    """

    inner: HttpTransport
    rates: FaultRates
    random: Random
    is_rough: bool = True
    is_newest_first: bool = False
    count: FaultCount = field(default_factory=FaultCount)

    def exchange(self, request: Request) -> Answer:
        if self.is_newest_first and request.path == "/v1/push":
            self.is_newest_first = False
            self.count.newest_first += 1
        if not self.is_rough or request.path.startswith("/v1/devices"):
            return self.inner.exchange(request)
        # Always the same number of draws, so that one fault does not shift all that follow.
        chance = [self.random.random() for _ in range(6)]
        cut_at = self.random.random()
        if chance[0] < self.rates.request_lost:
            self.count.request_lost += 1
            raise LinkFailure("played: the request was lost")
        if chance[1] < self.rates.body_cut:
            self.count.body_cut += 1
            return self._send_cut(request, cut_at)
        if chance[2] < self.rates.socket_stalled:
            self.count.socket_stalled += 1
            self._stall(request, cut_at)
        if chance[3] < self.rates.sent_twice and request.path == "/v1/push":
            self.count.sent_twice += 1
            self.inner.exchange(request)
        answer = self.inner.exchange(request)
        if chance[4] < self.rates.answer_lost:
            self.count.answer_lost += 1
            self.inner.close()
            raise LinkFailure("played: the server committed and the answer was lost")
        if chance[5] < self.rates.answer_cut:
            self.count.answer_cut += 1
            return Answer(answer.status, answer.headers, answer.body[: len(answer.body) // 2])
        return answer

    def close(self) -> None:
        self.inner.close()

    def _send_cut(self, request: Request, cut_at: float) -> Answer:
        """Send only the front of the body: with a length that says so, or with the whole one and a dead line."""
        front = request.body[: int(len(request.body) * cut_at)]
        if cut_at < 0.5:
            return self.inner.exchange(replace(request, body=front))
        self._send_and_leave(request, front, silent_s=0.0)
        raise LinkFailure("played: the line broke in the middle of the body")

    def _stall(self, request: Request, cut_at: float) -> None:
        low, high = _STALL_S
        front = request.body[: int(len(request.body) * cut_at)]
        self._send_and_leave(request, front, silent_s=low + (high - low) * cut_at)
        raise LinkFailure("played: the socket fell silent")

    def _send_and_leave(self, request: Request, front: bytes, *, silent_s: float) -> None:
        lines = [f"{request.method} {request.path} HTTP/1.1", f"Host: {self.inner.host}"]
        lines += [f"{name}: {value}" for name, value in request.headers.items()]
        lines += [f"Content-Length: {len(request.body)}", "", ""]
        try:
            address = (self.inner.host, self.inner.port)
            with socket.create_connection(address, timeout=_CONNECT_S) as line:
                line.sendall("\r\n".join(lines).encode("latin-1") + front)
                time.sleep(silent_s)
        except OSError as failure:
            raise LinkFailure(f"no answer: {failure!r}") from failure
