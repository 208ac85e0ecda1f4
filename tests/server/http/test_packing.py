"""Answers are packed the way the client asked, and only when it is worth it."""

import gzip

import pytest
import zstandard

from server.http.packing import SMALLEST_WORTH_PACKING_BYTES, choose_encoding, pack

LONG = b"a line of an answer\n" * 200


@pytest.mark.parametrize(
    ("asked", "chosen"),
    [
        ("zstd", "zstd"),
        ("gzip", "gzip"),
        ("gzip, zstd", "zstd"),
        ("gzip, deflate, br", "gzip"),
        ("zstd;q=0.1, gzip;q=0.9", "gzip"),
        ("zstd;q=0, gzip", "gzip"),
        ("zstd;q=0, gzip;q=0", None),
        ("*", "zstd"),
        ("*;q=0", None),
        ("gzip;q=0, *", "zstd"),
        ("identity", None),
        ("br", None),
        ("", None),
        ("GZIP", "gzip"),
        ("x-gzip", "gzip"),
        ("gzip;q=banana", None),
        ("gzip;q=7", None),
        (";;;,,,=", None),
    ],
)
def test_the_best_packing_that_the_client_takes_is_chosen(asked: str, chosen: str | None) -> None:
    assert choose_encoding(asked) == chosen


def test_what_is_packed_unpacks_to_the_same() -> None:
    packed, encoding = pack(LONG, "zstd")
    assert encoding == "zstd"
    assert zstandard.decompress(packed) == LONG
    packed, encoding = pack(LONG, "gzip")
    assert encoding == "gzip"
    assert gzip.decompress(packed) == LONG
    assert len(packed) < len(LONG) / 5


def test_a_small_answer_goes_as_it_is() -> None:
    small = b"x" * (SMALLEST_WORTH_PACKING_BYTES - 1)
    assert pack(small, "zstd, gzip") == (small, None)


def test_whoever_did_not_ask_gets_plain_bytes() -> None:
    assert pack(LONG, "") == (LONG, None)
