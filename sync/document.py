"""A record's document: the canonical JSON that phones hold, and its hash.

The canonical form is the one phones compute digests over (PROTOCOL.md, "Digest"): keys sorted,
no spaces, UTF-8, whole numbers only. Stored as text, sent as it is.
"""

import hashlib
from typing import Any
from uuid import UUID

import msgspec

from mobile_contract.canonical import canonical_json, hash_text

decode_document = msgspec.json.Decoder(dict[str, Any]).decode


def encode_document(fields: dict[str, Any]) -> bytes:
    """The canonical bytes of a document."""
    return canonical_json(fields)


def document_hash(kind: str, record_id: str | UUID, version: int, document: bytes) -> int:
    """The record hash of PROTOCOL.md, as the signed 64-bit number that PostgreSQL keeps."""
    head = (
        b'{"fields":'
        + document
        + f',"id":"{record_id}","kind":"{kind}","version":{version}}}'.encode()
    )
    return int.from_bytes(hashlib.sha256(head).digest()[:8], "big", signed=True)


def stored_hash_text(number: int) -> str:
    """A stored hash as phones write it: 16 hex digits."""
    return hash_text(number & 0xFFFF_FFFF_FFFF_FFFF)
