"""One question to the server in JSON, one answer: an object, a Problem with its code, or a LinkFailure.

Packs what goes up and unpacks what comes down (gzip or zstd), signs
with the device's token, reads problem+json, and counts the bytes. PROTOCOL.md, heading "Conventions".
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import zstandard

from mobile_contract.phone.transport import Answer, LinkFailure, Request, Transport

_SMALLEST_WORTH_PACKING_BYTES = 400
_LARGEST_UNPACKED_BYTES = 256 * 1024 * 1024
_GZIP_LEVEL = 6
_ZSTD_LEVEL = 6
_HTTP_ERRORS_FROM = 400
_HTTP_SERVER_ERRORS_FROM = 500


class Problem(Exception):
    """The server refused the request as a whole; `code` says why, and none of it was done."""

    def __init__(
        self,
        *,
        status: int,
        code: str,
        detail: str = "",
        retry_after_s: float | None = None,
        epoch: str | None = None,
    ) -> None:
        super().__init__(f"{status} {code}: {detail}")
        self.status = status
        self.code = code
        self.detail = detail
        self.retry_after_s = retry_after_s
        self.epoch = epoch

    @property
    def is_passing(self) -> bool:
        """Whether the same request may succeed later without anybody doing anything."""
        return self.status >= _HTTP_SERVER_ERRORS_FROM or self.status in {408, 425, 429}


@dataclass(slots=True)
class Traffic:
    """What has gone over the link: bodies before packing (raw) and as sent (on the wire)."""

    requests: int = 0
    failures: int = 0
    up_raw_bytes: int = 0
    up_wire_bytes: int = 0
    down_raw_bytes: int = 0
    down_wire_bytes: int = 0


class Link:
    """Questions and answers over a transport; `encoding` is how this phone packs what it sends."""

    def __init__(self, transport: Transport, *, encoding: str = "gzip") -> None:
        if encoding not in {"gzip", "zstd", "identity"}:
            raise ValueError(f"this phone cannot send {encoding}")
        self._transport = transport
        self._encoding = encoding
        self.traffic = Traffic()

    def ask(
        self,
        path: str,
        body: Mapping[str, Any] | bytes,
        *,
        token: str | None,
        expected: tuple[str, ...] = (),
    ) -> dict[str, Any]:
        """The server's answer to a question; `body` as bytes is sent as it is.

        Raises Problem when the server refused, LinkFailure when no whole answer came, also when
        what came lacks one of the `expected` names: a login page of a hotel is no answer.
        """
        raw = body if isinstance(body, bytes) else _json_bytes(body)
        packed, encoding = self._pack(raw)
        headers = {
            "Content-Type": "application/json",
            "Accept": "application/json, application/problem+json",
            "Accept-Encoding": "zstd, gzip",
        }
        if encoding != "identity":
            headers["Content-Encoding"] = encoding
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        self.traffic.up_raw_bytes += len(raw)
        answer, unpacked = self._exchange(Request(path, headers, packed))
        value = _object_in(unpacked)
        if answer.status >= _HTTP_ERRORS_FROM:
            problem = _problem(answer, value)
            if problem.code == "unsupported_encoding":
                # A proxy or an older server: from now on this phone sends plain JSON.
                self._encoding = "identity"
            raise problem
        if value is None or not value.keys() >= set(expected):
            raise LinkFailure(
                "this is no answer of a Roadbook server; something between us answered"
            )
        return value

    def fetch(self, path: str, *, token: str) -> bytes:
        """What is at a path, unpacked. Raises Problem or LinkFailure as `ask` does."""
        headers = {
            "Accept-Encoding": "zstd, gzip",
            "Authorization": f"Bearer {token}",
        }
        answer, unpacked = self._exchange(Request(path, headers, b"", "GET"))
        if answer.status >= _HTTP_ERRORS_FROM:
            raise _problem(answer, _object_in(unpacked))
        return unpacked

    def exchange(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, *, token: str
    ) -> Answer:
        """What the server answers to bytes that are no JSON, and are sent as they are.

        Raises Problem or LinkFailure as `ask` does.
        """
        sent = {**headers, "Authorization": f"Bearer {token}"}
        self.traffic.up_raw_bytes += len(body)
        answer, unpacked = self._exchange(Request(path, sent, body, method))
        if answer.status >= _HTTP_ERRORS_FROM:
            raise _problem(answer, _object_in(unpacked))
        return answer

    def close(self) -> None:
        self._transport.close()

    def _exchange(self, request: Request) -> tuple[Answer, bytes]:
        """The answer to a request and its body unpacked, counted."""
        self.traffic.requests += 1
        self.traffic.up_wire_bytes += len(request.body)
        try:
            answer = self._transport.exchange(request)
            unpacked = unpack(answer)
        except LinkFailure:
            self.traffic.failures += 1
            raise
        self.traffic.down_wire_bytes += len(answer.body)
        self.traffic.down_raw_bytes += len(unpacked)
        return answer, unpacked

    def _pack(self, raw: bytes) -> tuple[bytes, str]:
        if self._encoding == "identity" or len(raw) < _SMALLEST_WORTH_PACKING_BYTES:
            return raw, "identity"
        if self._encoding == "zstd":
            return zstandard.ZstdCompressor(level=_ZSTD_LEVEL).compress(raw), "zstd"
        return gzip.compress(raw, compresslevel=_GZIP_LEVEL, mtime=0), "gzip"


def unpack(answer: Answer) -> bytes:
    """The body of an answer as the server wrote it; LinkFailure when it arrived damaged.

    A body may be several frames one after the other: the server keeps parts of an answer packed.
    """
    encoding = answer.headers.get("content-encoding", "identity").lower()
    try:
        if encoding == "identity":
            return answer.body
        if encoding == "gzip":
            return _within_bound(gzip.decompress(answer.body))
        if encoding == "zstd":
            reader = zstandard.ZstdDecompressor().stream_reader(
                answer.body, read_across_frames=True
            )
            return _within_bound(reader.read(_LARGEST_UNPACKED_BYTES + 1))
    except (OSError, EOFError, zlib.error, zstandard.ZstdError) as damage:
        raise LinkFailure(f"the answer arrived damaged: {damage}") from damage
    raise LinkFailure(f"the answer is packed as {encoding}, which was not asked for")


def _within_bound(unpacked: bytes) -> bytes:
    if len(unpacked) > _LARGEST_UNPACKED_BYTES:
        raise LinkFailure("the answer unpacks without end")
    return unpacked


def _json_bytes(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def _object_in(unpacked: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(unpacked)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _problem(answer: Answer, value: dict[str, Any] | None) -> Problem:
    """The problem that an answer tells; one without problem+json came from something in between."""
    told = value or {}
    return Problem(
        status=answer.status,
        code=str(told.get("code") or f"http_{answer.status}"),
        detail=str(told.get("detail") or told.get("title") or ""),
        retry_after_s=_retry_after_s(answer, told),
        epoch=told["epoch"] if isinstance(told.get("epoch"), str) else None,
    )


def _retry_after_s(answer: Answer, told: Mapping[str, Any]) -> float | None:
    """Seconds to wait, from the body or the header; the header's date form is not used: clocks are wrong."""
    for value in (told.get("retry_after_s"), answer.headers.get("retry-after")):
        if value is None:
            continue
        try:
            return max(0.0, float(value))
        except (TypeError, ValueError):
            continue
    return None
