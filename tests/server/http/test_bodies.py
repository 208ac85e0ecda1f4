"""Bodies are read within their bounds, whatever they are packed in."""

import gzip
import io
import random
import tracemalloc
import zlib
from collections.abc import Callable
from typing import Any

import pytest
import zstandard

from server.http import bodies
from server.http.bodies import PARTS_MAX, BodyBounds, read_body
from sync.errors import Refused

PACK: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "zstd": zstandard.compress}
BOUNDS = BodyBounds(wire_bytes=1000, unpacked_bytes=5000)
TEXT = b'{"a": "b"}'


def environ(
    body: bytes, encoding: str | None = None, stream: Any = None, **changed: Any
) -> dict[str, Any]:
    found: dict[str, Any] = {
        "wsgi.input": io.BytesIO(body) if stream is None else stream,
        "CONTENT_LENGTH": str(len(body)),
        "CONTENT_TYPE": "application/json",
        **changed,
    }
    if encoding is not None:
        found["HTTP_CONTENT_ENCODING"] = encoding
    return found


def read(body: bytes, encoding: str | None = None, **changed: Any) -> bytes:
    return read_body(environ(body, encoding, **changed), BOUNDS, within_s=5)


def refusal(body: bytes, encoding: str | None = None, **changed: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        read(body, encoding, **changed)
    return caught.value


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        (None, TEXT),
        ("identity", TEXT),
        ("gzip", gzip.compress(TEXT, mtime=0)),
        ("GZIP", gzip.compress(TEXT, mtime=0)),
        ("x-gzip", gzip.compress(TEXT, mtime=0)),
        ("zstd", zstandard.compress(TEXT)),
    ],
)
def test_every_encoding_gives_the_same_body(encoding: str | None, packed: bytes) -> None:
    assert read(packed, encoding) == TEXT


def test_several_members_and_frames_are_one_body() -> None:
    assert read(gzip.compress(b"one") + gzip.compress(b" two"), "gzip") == b"one two"
    assert read(zstandard.compress(b"one") + zstandard.compress(b" two"), "zstd") == b"one two"


def test_a_body_of_exactly_the_bounds_is_taken() -> None:
    assert read(b"x" * 1000) == b"x" * 1000
    for encoding, pack in PACK.items():
        assert read(pack(b"x" * 5000), encoding) == b"x" * 5000


def test_a_body_over_the_wire_bound_is_refused_before_it_is_read() -> None:
    stream = io.BytesIO(b"x" * 1001)
    found = refusal(b"", CONTENT_LENGTH="1001", stream=stream)
    assert (found.code, found.limit, found.where) == ("body_too_large", 1000, "body_bytes")
    assert stream.tell() == 0


def test_a_body_without_a_length_is_read_no_further_than_the_bound() -> None:
    endless: dict[str, Any] = {"CONTENT_LENGTH": "", "wsgi.input_terminated": True}
    found = refusal(b"x" * 200_000, **endless)
    assert (found.code, found.limit) == ("body_too_large", 1000)


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_a_body_over_the_unpacked_bound_is_refused(encoding: str) -> None:
    pack = PACK[encoding]
    found = refusal(pack(b"x" * 5001), encoding)
    assert (found.code, found.limit) == ("body_too_large", 5000)
    assert found.where == "body_unpacked_bytes"


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_a_bomb_costs_no_more_than_its_bound(encoding: str) -> None:
    pack = PACK[encoding]
    bomb = pack(b"\0" * 200_000_000)
    bounds = BodyBounds(wire_bytes=len(bomb), unpacked_bytes=1_000_000)
    tracemalloc.start()
    with pytest.raises(Refused) as caught:
        read_body(environ(bomb, encoding), bounds, within_s=60)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert caught.value.code == "body_too_large"
    assert peak < 4_000_000 + len(bomb)


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_a_body_of_too_many_parts_is_refused(encoding: str) -> None:
    part = PACK[encoding](b"")
    wide = BodyBounds(wire_bytes=1_000_000, unpacked_bytes=5000)
    most = PACK[encoding](TEXT) + part * (PARTS_MAX - 1)
    assert read_body(environ(most, encoding), wide, within_s=5) == TEXT
    with pytest.raises(Refused) as caught:
        read_body(environ(most + part, encoding), wide, within_s=5)
    assert (caught.value.code, caught.value.limit) == ("unsupported_encoding", PARTS_MAX)


class _Counting:
    """A decoder of gzip that counts the bytes that it is handed and hands back."""

    copied = 0

    def __init__(self, kept: Any) -> None:
        self.kept = kept

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.kept, name)
        if name == "unused_data":
            _Counting.copied += len(found)
        return found

    def decompress(self, packed: bytes, most: int) -> bytes:
        _Counting.copied += len(packed)
        unpacked: bytes = self.kept.decompress(packed, most)
        return unpacked


def test_what_follows_a_member_is_not_copied_again_for_each(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Zlib:
        MAX_WBITS, error = zlib.MAX_WBITS, zlib.error

        @staticmethod
        def decompressobj(wbits: int) -> _Counting:
            return _Counting(zlib.decompressobj(wbits))

    monkeypatch.setattr(bodies, "zlib", Zlib)
    monkeypatch.setattr(_Counting, "copied", 0)
    # The rest of the body, 4 MB, stands behind each of the empty members.
    rest = gzip.compress(random.Random(1).randbytes(4_000_000), 0)
    packed = gzip.compress(b"", mtime=0) * (PARTS_MAX - 1) + rest
    whole = BodyBounds(wire_bytes=len(packed), unpacked_bytes=5_000_000)
    assert len(read_body(environ(packed, "gzip"), whole, within_s=60)) == 4_000_000
    assert _Counting.copied < 10 * len(packed)


def test_a_window_larger_than_a_decoder_has_to_support_is_refused() -> None:
    # Magic number, no flags, a window of 256 MiB, one empty last block.
    frame = b"\x28\xb5\x2f\xfd\x00\x90" + b"\x01\x00\x00"
    assert refusal(frame, "zstd").code == "unsupported_encoding"


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
@pytest.mark.parametrize("kept", [0, 1, 5, 12, -1])
def test_a_packed_body_that_ends_early_is_refused(encoding: str, kept: int) -> None:
    pack = PACK[encoding]
    assert refusal(pack(TEXT * 20)[:kept], encoding).code == "malformed_json"


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_bytes_that_are_not_what_they_say_are_refused_as_their_encoding(encoding: str) -> None:
    assert refusal(b"not packed at all", encoding).code == "unsupported_encoding"


def test_a_body_shorter_than_its_length_is_refused() -> None:
    assert refusal(TEXT, CONTENT_LENGTH="500").code == "malformed_json"


@pytest.mark.parametrize("encoding", ["br", "deflate", "gzip, zstd", "gzip,gzip", "zip\xff"])
def test_an_unknown_encoding_is_refused_by_name(encoding: str) -> None:
    found = refusal(TEXT, encoding)
    assert (found.code, found.where) == ("unsupported_encoding", "Content-Encoding")


@pytest.mark.parametrize("media_type", ["text/plain", "application/xml", "multipart/form-data"])
def test_a_body_that_says_it_is_no_json_is_refused(media_type: str) -> None:
    assert refusal(TEXT, CONTENT_TYPE=media_type).code == "unsupported_encoding"


@pytest.mark.parametrize("media_type", ["", "application/json; charset=utf-8", "Application/JSON"])
def test_json_by_any_spelling_is_read(media_type: str) -> None:
    assert read(TEXT, CONTENT_TYPE=media_type) == TEXT


class _Broken(io.RawIOBase):
    def __init__(self, error: OSError) -> None:
        self.error = error

    def readable(self) -> bool:
        return True

    def readinto(self, _buffer: Any) -> int:
        raise self.error


def test_a_read_that_the_server_below_ended_is_too_slow() -> None:
    found = refusal(b"", CONTENT_LENGTH="10", stream=_Broken(TimeoutError()))
    assert (found.code, found.limit) == ("too_slow", 5000)


def test_a_connection_that_breaks_is_a_body_that_ended_early() -> None:
    found = refusal(b"", CONTENT_LENGTH="10", stream=_Broken(ConnectionResetError()))
    assert found.code == "malformed_json"


class _Dripping(io.BytesIO):
    """Gives a byte at a time."""

    def read(self, _size: int | None = -1) -> bytes:
        return super().read(1)

    def readinto(self, buffer: Any) -> int:
        piece = super().read(1)
        buffer[: len(piece)] = piece
        return len(piece)


def test_a_body_past_its_deadline_is_too_slow() -> None:
    with pytest.raises(Refused) as caught:
        read_body(
            environ(b"", CONTENT_LENGTH="10", stream=_Dripping(b"x" * 10)),
            BOUNDS,
            within_s=-1,
        )
    assert caught.value.code == "too_slow"


def test_raw_deflate_is_not_taken_for_gzip() -> None:
    assert refusal(zlib.compress(TEXT), "gzip").code == "unsupported_encoding"
