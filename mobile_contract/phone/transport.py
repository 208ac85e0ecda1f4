"""Bytes go to the server and bytes come back, or a LinkFailure says that nobody knows.

A transport is one function wide, so that tests put a server of their own behind it and fault
injection wraps it. It knows no JSON, no tokens and no retries: a request is sent at most once,
because only the sync loop knows what may be sent again.
"""

from __future__ import annotations

import http.client
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

_WITH_BODY = frozenset({"POST", "PATCH"})
_READ_AT_ONCE_BYTES = 64 * 1024
_LARGEST_ANSWER_BYTES = 64 * 1024 * 1024


class LinkFailure(Exception):
    """No whole answer came: the server may or may not have acted on the request."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request; `body` is already packed as the headers say."""

    path: str
    headers: Mapping[str, str]
    body: bytes
    method: str = "POST"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, still packed; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Transport(Protocol):
    """Carries one request to the server."""

    def exchange(self, request: Request) -> Answer:
        """Return the server's answer or raise LinkFailure; never send the request twice."""

    def close(self) -> None:
        """Give the connection back; the next exchange opens another."""


class HttpTransport:
    """HTTP/1.1 over one connection that is kept open between requests.

    `silence_s` bounds connecting and every wait for bytes, `whole_s` the whole exchange: a server
    that drips bytes is given up as well.
    """

    def __init__(self, base_url: str, *, silence_s: float = 30.0, whole_s: float = 120.0) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in {"http", "https"} or parts.hostname is None:
            raise ValueError(f"not an address of a server: {base_url!r}")
        self._is_tls = parts.scheme == "https"
        self.host = parts.hostname
        self.port = parts.port or (443 if self._is_tls else 80)
        self._prefix = parts.path.rstrip("/")
        self._silence_s = silence_s
        self._whole_s = whole_s
        self._connection: http.client.HTTPConnection | None = None

    def exchange(self, request: Request) -> Answer:
        ends_at = time.monotonic() + self._whole_s
        try:
            connection = self._open()
            connection.request(
                request.method,
                self._prefix + request.path,
                request.body if request.method in _WITH_BODY else None,
                dict(request.headers),
            )
            response = connection.getresponse()
            body = _read_whole(response, ends_at)
        except LinkFailure:
            self.close()
            raise
        except (OSError, http.client.HTTPException) as failure:
            # Also for a kept connection that the server had closed: whether it read the request
            # first cannot be told from here, so this is no place to send it again.
            self.close()
            raise LinkFailure(f"no answer: {failure!r}") from failure
        headers = {name.lower(): value for name, value in response.getheaders()}
        if response.will_close:
            self.close()
        return Answer(response.status, headers, body)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _open(self) -> http.client.HTTPConnection:
        if self._connection is None:
            kind = http.client.HTTPSConnection if self._is_tls else http.client.HTTPConnection
            self._connection = kind(self.host, self.port, timeout=self._silence_s)
        return self._connection


def _read_whole(response: http.client.HTTPResponse, ends_at: float) -> bytes:
    """The body of an answer, if it ends within its length, its bound and the time."""
    pieces: list[bytes] = []
    size_bytes = 0
    while piece := response.read(_READ_AT_ONCE_BYTES):
        pieces.append(piece)
        size_bytes += len(piece)
        if size_bytes > _LARGEST_ANSWER_BYTES:
            raise LinkFailure("the answer has no end")
        if time.monotonic() > ends_at:
            raise LinkFailure("the answer took too long")
    if response.length:
        # http.client does not mind when a body read in pieces ends early.
        raise LinkFailure("the answer broke off")
    return b"".join(pieces)
