"""The contracts that this server speaks, and the bounds of every request.

A contract is one whole shape of the wire. A phone names the one it was written for in each request;
see "Contracts" in PROTOCOL.md for what may change without a new one.
"""

from typing import Final

CONTRACTS: Final = (1, 2)
CURRENT: Final = 2

CONTRACT_MAX: Final = 9_999
"""The largest contract number that an envelope may name: a newer phone is kept, not refused."""

BODY_BYTES: Final = 4 * 1024 * 1024
"""A request body as it crosses the wire, compressed or not."""
BODY_UNPACKED_BYTES: Final = 16 * 1024 * 1024
"""A request body after unpacking."""
ITEMS_PER_PUSH: Final = 500
ITEM_BYTES: Final = 64 * 1024
"""One item of a push, as the bytes between its braces were received."""
JSON_DEPTH: Final = 32
"""Objects and lists inside one another, the outermost counted as 1."""
PULL_CHANGES: Final = 1_000
PULL_CHANGES_DEFAULT: Final = 500
DIGEST_BUCKETS: Final = 64
"""Buckets in the second step of a digest, over all kinds."""
DIGEST_IDS: Final = 4_000
"""Records in the second step of a digest, over all kinds."""

BOUNDS: Final = {
    "body_bytes": BODY_BYTES,
    "body_unpacked_bytes": BODY_UNPACKED_BYTES,
    "items_per_push": ITEMS_PER_PUSH,
    "item_bytes": ITEM_BYTES,
    "json_depth": JSON_DEPTH,
    "pull_changes": PULL_CHANGES,
    "digest_buckets": DIGEST_BUCKETS,
    "digest_ids": DIGEST_IDS,
}
"""What an enrolling phone is told as ``limits``."""
