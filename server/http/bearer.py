"""The token of a request, read as what it claims; whether it is true the engine decides."""

import re
from hashlib import sha256
from typing import Any

from sync.errors import Refused
from sync.senders import Claim

# rbd_<company>_<device>_<256 random bits>
_FORM = re.compile(r"rbd_([1-9][0-9]{0,8})_([0-9a-f]{32})_[A-Za-z0-9_-]{43}")


def read_claim(environ: dict[str, Any]) -> Claim:
    """The claim of the bearer token (RFC 6750, section 2.1), or Refused("token_invalid")."""
    scheme, _, token = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    read = _FORM.fullmatch(token.strip()) if scheme.lower() == "bearer" else None
    if read is None:
        raise Refused("token_invalid", "The request has no bearer token that could be one of ours.")
    digits = read[2]
    device_id = f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
    return Claim(int(read[1]), device_id, sha256(read[0].encode()).digest())
