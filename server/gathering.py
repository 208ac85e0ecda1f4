"""Collecting a request in the loop, so that a thread gets it whole.

A phone on a bad network takes half a minute to send what is worked off in ten milliseconds. Its
bytes are collected without a thread until the request is complete, is larger than is worth
waiting for, or says that it must be answered first.
"""

import re
from dataclasses import dataclass, field
from time import monotonic

GATHERED_BODY_BYTES_MAX = 4 * 1024 * 1024
"""A request whose body has up to this size (the largest push) is handed over whole. A larger one is refused, or
is a file's, and is not waited for.
"""
GATHERED_UPLOAD_BYTES_MAX = 512 * 1024
"""The same for the bytes of a file: most photos are smaller. Of a larger one the bytes are to be kept as
they come, by a thread.
"""
_HEADERS_BYTES_MAX = 64 * 1024
# Where files are sent to (server/http/media.py), also under another prefix of a proxy's.
_UPLOAD = re.compile(rb"(PATCH|POST) [^ ]*/v1/media(/[^ ]*)? HTTP/")
_END_OF_HEADERS = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,12})[ \t]*\r\n", re.IGNORECASE)
# Chunks are read by the parser; a client that expects 100 waits for a word.
_NOT_GATHERED = re.compile(rb"\r\n(transfer-encoding|expect)[ \t]*:", re.IGNORECASE)


@dataclass(slots=True)
class Gathered:
    """The bytes of one request so far, since `began` (monotonic seconds)."""

    began: float
    data: bytearray = field(default_factory=bytearray)
    # How many bytes the request has in all; None until its headers are there.
    whole: int | None = None
    # Whether they are those of a file, and when the last of them came.
    is_upload: bool = False
    came_at: float = 0.0

    @property
    def has_headers(self) -> bool:
        return self.whole is not None

    def add(self, piece: bytes) -> bool:
        """Add what came; whether a thread should take over now. Nothing came: the client has
        closed its side, and a thread finds out what that means.
        """
        if not piece:
            return True
        self.data += piece
        self.came_at = monotonic()
        if self.whole is None:
            end = self.data.find(_END_OF_HEADERS)
            if end < 0:
                return len(self.data) > _HEADERS_BYTES_MAX
            headers = bytes(self.data[: end + 2])
            if _NOT_GATHERED.search(headers):
                return True
            length = _LENGTH.search(headers)
            body = int(length.group(1)) if length else 0
            self.is_upload = _UPLOAD.match(headers) is not None
            self.whole = end + len(_END_OF_HEADERS) + body
            most = GATHERED_UPLOAD_BYTES_MAX if self.is_upload else GATHERED_BODY_BYTES_MAX
            if body > most:
                return True
        return len(self.data) >= self.whole

    def is_late(self, now: float, header_s: float, read_s: float, stall_s: float) -> bool:
        """Whether it has taken longer than it may; the bytes of a file may stop coming for `stall_s`."""
        if self.is_upload and now > self.came_at + stall_s:
            return True
        return now > self.began + (read_s if self.has_headers else header_s)
