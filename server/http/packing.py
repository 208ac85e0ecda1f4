"""Answers packed the way the client asked for: zstd before gzip, small ones not at all."""

import threading
import zlib
from functools import lru_cache

import zstandard

# Below this, headers weigh more than what packing saves.
SMALLEST_WORTH_PACKING_BYTES = 512
_ZSTD_LEVEL = 3
_GZIP_LEVEL = 5
_GZIP_ONLY = 16 + zlib.MAX_WBITS
_PREFERRED = ("zstd", "gzip")
HEADER_MAX = 512
"""So much of an Accept-Encoding header is read."""

# A compressor keeps its tables between answers, and is not to be shared between threads.
_kept = threading.local()


def pack(body: bytes, accept_encoding: str) -> tuple[bytes, str | None]:
    """The body as it goes out, and its Content-Encoding (None: as it is)."""
    if len(body) < SMALLEST_WORTH_PACKING_BYTES:
        return body, None
    encoding = choose_encoding(accept_encoding[:HEADER_MAX])
    if encoding == "zstd":
        compressor = getattr(_kept, "zstd", None)
        if compressor is None:
            compressor = _kept.zstd = zstandard.ZstdCompressor(level=_ZSTD_LEVEL)
        return compressor.compress(body), encoding
    if encoding == "gzip":
        compressor = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, _GZIP_ONLY)
        return compressor.compress(body) + compressor.flush(), encoding
    return body, None


@lru_cache(maxsize=256)
def choose_encoding(accept_encoding: str) -> str | None:
    """The packing to use for an Accept-Encoding header (RFC 9110, section 12.5.3).

    Without a header nothing is packed: the client did not say that it can unpack.
    """
    weights: dict[str, float] = {}
    for part in accept_encoding.lower().split(","):
        name, _, parameters = part.partition(";")
        weights[name.strip().replace("x-gzip", "gzip")] = _weight(parameters)
    star = weights.get("*", 0.0)
    chosen = max(_PREFERRED, key=lambda name: weights.get(name, star))
    return chosen if weights.get(chosen, star) > 0 else None


def _weight(parameters: str) -> float:
    name, _, value = parameters.partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        weight = float(value)
    except ValueError:
        return 0.0
    return weight if 0 <= weight <= 1 else 0.0
