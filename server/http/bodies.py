"""The body of a request, read and unpacked within bounds, or `Refused`.

Bounds are those of `mobile_contract.version`: bytes on the wire, bytes unpacked, and a deadline
for the whole body. Unpacking stops at its bound, so that a small body that unpacks to gigabytes
costs no more than an honest one, and one of many empty parts no more than its length. Codes:
body_too_large, malformed_json (a body that ends early, packed or not), unsupported_encoding (also
one whose bytes are not what its encoding says, or that is no JSON by its own word), too_slow.
"""

import time
import zlib
from dataclasses import dataclass
from typing import Any

import zstandard

from mobile_contract.version import BODY_BYTES, BODY_UNPACKED_BYTES
from sync.errors import Refused

READ_AT_ONCE_BYTES = 64 * 1024
# RFC 8878, section 3.1.1.1.2: what a decoder should support, and no more.
ZSTD_WINDOW_BYTES = 8 * 1024 * 1024
# One zstd block of 4 bytes can stand for 128 KiB: pieces this much smaller than what is left of
# the bound overshoot it at most once over.
_ZSTD_WORST_RATIO = 32 * 1024
# What follows a member is copied at its end: no more than one piece is there to be copied.
_GZIP_PIECE_BYTES = 16 * 1024
# Members of gzip or frames of zstd. Each costs a decoder of its own, also one that holds nothing.
PARTS_MAX = 1_024
_GZIP_ONLY = 16 + zlib.MAX_WBITS

ENCODINGS = ("zstd", "gzip", "identity")
# What a client that names no type sends is judged by its bytes.
MEDIA_TYPES = ("application/json", "")


@dataclass(frozen=True, slots=True)
class BodyBounds:
    """How large a body may be, packed and unpacked."""

    wire_bytes: int = BODY_BYTES
    unpacked_bytes: int = BODY_UNPACKED_BYTES


def read_body(environ: dict[str, Any], bounds: BodyBounds, *, within_s: float) -> bytes:
    """The unpacked body of a WSGI request; b"" where it has none.

    `within_s` is looked at between reads; a read that is stalled is ended by the server below
    (`gunicorn_worker`), which raises a TimeoutError here.
    """
    media_type = environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
    if media_type not in MEDIA_TYPES:
        raise Refused(
            "unsupported_encoding",
            "The body is to be application/json, and its Content-Type to say so.",
            where="Content-Type",
        )
    encoding = environ.get("HTTP_CONTENT_ENCODING", "").strip().lower() or "identity"
    if encoding == "x-gzip":
        encoding = "gzip"
    if encoding not in ENCODINGS:
        raise Refused(
            "unsupported_encoding",
            f"Content-Encoding may be {', '.join(ENCODINGS)}; each of them alone.",
            where="Content-Encoding",
        )
    packed = _read_packed(environ, bounds, within_s)
    if encoding == "gzip":
        return _gunzip(packed, bounds.unpacked_bytes)
    if encoding == "zstd":
        return _unzstd(packed, bounds.unpacked_bytes)
    return packed


def _read_packed(environ: dict[str, Any], bounds: BodyBounds, within_s: float) -> bytes:
    declared = environ.get("CONTENT_LENGTH") or ""
    length = int(declared) if declared.isdecimal() else None
    if length is not None and length > bounds.wire_bytes:
        raise _too_large("body_bytes", bounds.wire_bytes, "on the wire")
    if length is None and not environ.get("wsgi.input_terminated"):
        return b""  # where no end is known, nothing was sent (RFC 9112, section 6.3)
    # Not through werkzeug's stream: it hides a timeout behind a broken connection.
    stream = environ["wsgi.input"]
    deadline = time.monotonic() + within_s
    pieces: list[bytes] = []
    size = 0
    try:
        while length is None or size < length:
            wanted = READ_AT_ONCE_BYTES if length is None else length - size
            piece = stream.read(min(READ_AT_ONCE_BYTES, wanted))
            if not piece:
                break
            pieces.append(piece)
            size += len(piece)
            if size > bounds.wire_bytes:
                raise _too_large("body_bytes", bounds.wire_bytes, "on the wire")
            if time.monotonic() > deadline:
                raise _too_slow(within_s)
    except TimeoutError as late:
        raise _too_slow(within_s) from late
    except OSError as broken:
        raise Refused("malformed_json", "The body ended before its length.") from broken
    if length is not None and size < length:
        raise Refused("malformed_json", "The body ended before its length.")
    return b"".join(pieces)


def _gunzip(packed: bytes, bound: int) -> bytes:
    """Unpack every member of a gzip body (RFC 1952, section 2.2)."""
    out: list[bytes] = []
    left = bound
    member = zlib.decompressobj(_GZIP_ONLY)
    parts = 1
    at = 0
    try:
        while at < len(packed):
            end = min(at + _GZIP_PIECE_BYTES, len(packed))
            # Whatever is not taken of these bytes unpacks to more than what is left.
            piece = member.decompress(packed[at:end], left + 1)
            left -= len(piece)
            if left < 0:
                raise _too_large("body_unpacked_bytes", bound, "unpacked")
            out.append(piece)
            at = end - len(member.unused_data)
            if member.eof and at < len(packed):
                parts += 1
                _check_parts("gzip", parts)
                member = zlib.decompressobj(_GZIP_ONLY)
    except zlib.error as error:
        raise _not_packed("gzip") from error
    if not member.eof:
        raise _cut("gzip")
    return b"".join(out)


def _unzstd(packed: bytes, bound: int) -> bytes:
    """Unpack every frame of a zstd body (RFC 8878, section 3)."""
    out: list[bytes] = []
    left = bound
    decompressor = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW_BYTES)
    frame = decompressor.decompressobj()
    parts = 1
    at = 0
    try:
        while at < len(packed):
            end = at + max(16, left // _ZSTD_WORST_RATIO)
            piece = frame.decompress(packed[at:end])
            left -= len(piece)
            if left < 0:
                raise _too_large("body_unpacked_bytes", bound, "unpacked")
            out.append(piece)
            at = min(end, len(packed))
            if frame.eof:
                at -= len(frame.unused_data)
                if at < len(packed):
                    parts += 1
                    _check_parts("zstd", parts)
                    frame = decompressor.decompressobj()
    except zstandard.ZstdError as error:
        raise _not_packed("zstd") from error
    if not frame.eof:
        raise _cut("zstd")
    return b"".join(out)


def _check_parts(encoding: str, parts: int) -> None:
    if parts > PARTS_MAX:
        raise Refused(
            "unsupported_encoding",
            f"The body is of more than {PARTS_MAX} parts of {encoding}, one after the other.",
            where="Content-Encoding",
            limit=PARTS_MAX,
        )


def _too_large(name: str, bound: int, how: str) -> Refused:
    return Refused(
        "body_too_large",
        f"A body may hold {bound} bytes {how}. Send fewer items at once.",
        where=name,
        limit=bound,
    )


def _too_slow(within_s: float) -> Refused:
    return Refused(
        "too_slow",
        f"The body took longer than {within_s:g} s. Send fewer items at once.",
        limit=round(within_s * 1000),
    )


def _cut(encoding: str) -> Refused:
    return Refused("malformed_json", f"The body ends inside its {encoding}.")


def _not_packed(encoding: str) -> Refused:
    return Refused(
        "unsupported_encoding", f"The body does not unpack as {encoding}.", where="Content-Encoding"
    )
