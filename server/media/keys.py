"""What the bytes of a file are called in the storage: by company and digest, never by a name of a phone's.

- `7/original/3f/9a/3f9a…`: what the phone sent, untouched.
- `7/copy/3f/9a/3f9a….2.screen`: an upright copy without EXIF, made by version 2 of the reader.
"""

import re

_KEY = re.compile(
    r"[1-9][0-9]{0,8}/(?:original/([0-9a-f]{2})/([0-9a-f]{2})/(?P<original>[0-9a-f]{64})"
    r"|copy/([0-9a-f]{2})/([0-9a-f]{2})/(?P<copy>[0-9a-f]{64})\.[1-9][0-9]{0,5}\.[a-z]{1,20})"
)
ORIGINAL_TYPE = "application/octet-stream"
COPY_TYPE = "image/webp"


def original_key(company_id: int, sha256: str) -> str:
    """Of the bytes as they came."""
    return f"{company_id}/original/{sha256[:2]}/{sha256[2:4]}/{sha256}"


def copy_key(company_id: int, sha256: str, reader_version: int, name: str) -> str:
    """Of a copy that a version of the reader made; `name` as in the reading: thumb, screen, full."""
    return f"{company_id}/copy/{sha256[:2]}/{sha256[2:4]}/{sha256}.{reader_version}.{name}"


def digest_of(key: str) -> str | None:
    """The digest of the original that a key belongs to, or None where it is none of ours."""
    found = _KEY.fullmatch(key)
    return None if found is None else found["original"] or found["copy"]


def is_original(key: str) -> bool:
    """Whether it is what a phone sent: nobody has looked into it, so nobody is to open it in place."""
    return "/original/" in key


def content_type(key: str) -> str:
    """What is said of the bytes when they are served."""
    return ORIGINAL_TYPE if is_original(key) else COPY_TYPE
