r"""One spelling for every JSON value, and the digests that phones and servers compare.

Canonical JSON: UTF-8, names sorted by code point, no spaces, whole numbers only, and inside texts
only ``"``, ``\`` and the characters below U+0020 are escaped (``\b \t \n \f \r`` in short, the others
as ``\u00xx`` in lowercase). See "Digest" in PROTOCOL.md.
"""

import hashlib
from collections.abc import Iterable
from typing import Any, Final

import msgspec

_encode: Final = msgspec.json.Encoder(order="sorted").encode


def canonical_json(value: Any) -> bytes:
    """The canonical bytes of a JSON value."""
    return _encode(value)


def record_hash(kind: str, record_id: str, version: int, fields: dict[str, Any]) -> int:
    """The hash of a record as a phone of one contract holds it: 64 bits as a whole number."""
    record = {"fields": fields, "id": record_id, "kind": kind, "version": version}
    return int.from_bytes(hashlib.sha256(canonical_json(record)).digest()[:8])


def bucket_of(record_id: str) -> str:
    """The bucket of a record: the first two digits of its id."""
    return record_id[:2]


def digest_of(hashes: Iterable[int]) -> int:
    """The digest of a bucket: the exclusive or of its record hashes, in any order."""
    digest = 0
    for each in hashes:
        digest ^= each
    return digest


def hash_text(value: int) -> str:
    """A record hash or bucket digest as it stands on the wire: 16 lowercase hexadecimal digits."""
    return f"{value:016x}"
