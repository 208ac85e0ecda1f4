"""Upload-Metadata (tus 1.0, "Creation"): comma-separated keys, each with a value in base64 or none."""

import binascii
import re
from base64 import b64decode
from dataclasses import dataclass

from mobile_contract.fields import SHA256_PATTERN
from sync.errors import Refused

METADATA_BYTES_MAX = 4096
_KEY = re.compile(r"[!-+\--~]{1,100}")


@dataclass(frozen=True, slots=True)
class Metadata:
    """What was announced: the text as it came, and what Roadbook reads of it."""

    text: str
    sha256: str | None


def read_metadata(text: str) -> Metadata:
    """Read the header. Raises Refused("upload_header")."""
    if len(text) > METADATA_BYTES_MAX:
        raise _wrong(f"may have {METADATA_BYTES_MAX} characters", limit=METADATA_BYTES_MAX)
    pairs: dict[str, bytes] = {}
    for pair in text.split(",") if text.strip() else ():
        key, _, value = pair.strip().partition(" ")
        if _KEY.fullmatch(key) is None:
            raise _wrong("has a key that is empty, too long, or not printable ASCII")
        if key in pairs:
            raise _wrong(f"has the key {key!r} twice")
        try:
            pairs[key] = b64decode(value.strip(), validate=True)
        except (binascii.Error, ValueError):
            raise _wrong(f"has a value of {key!r} that is not base64") from None
    sha256 = pairs.get("sha256")
    if sha256 is None:
        return Metadata(text, None)
    digest = sha256.decode("latin-1")
    if re.fullmatch(SHA256_PATTERN, digest) is None:
        raise Refused(
            "upload_header",
            "sha256 is 64 lowercase hexadecimal digits, in base64 as every value.",
            where="Upload-Metadata.sha256",
        )
    return Metadata(text, digest)


def _wrong(said: str, *, limit: int | None = None) -> Refused:
    return Refused(
        "upload_header", f"Upload-Metadata {said}.", where="Upload-Metadata", limit=limit
    )
