"""Photos as phones report them."""

from hashlib import sha256
from typing import Any
from uuid import uuid4

from tests.sync.talking import Json, Phone


def digest_of(name: str) -> str:
    """The digest of a file that is as good as any other of this name."""
    return sha256(name.encode()).hexdigest()


def shot(phone: Phone, file: str = "shelf", *, photo_id: object = None, **payload: Any) -> Json:
    """A picture taken a minute ago, whose bytes are those of `file`."""
    whole = {
        "sha256": digest_of(file),
        "size": 1_000,
        "role": "shelf",
        "occurred": phone.event(),
        **{name: str(value) if name.endswith("_id") else value for name, value in payload.items()},
    }
    return phone.item("photo", "create", photo_id or uuid4(), whole)
