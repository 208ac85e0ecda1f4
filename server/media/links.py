"""Links to files: signed, for one key, until a moment. Nothing is public.

Whoever makes one has made sure that it is for somebody who may see the file.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from itsdangerous import BadData, URLSafeSerializer

from server.media.keys import digest_of
from server.media.storage import Storage

PATH = "/files"
LASTS = timedelta(minutes=10)
LASTS_MAX = timedelta(days=7)
_SALT = "roadbook file link 1"


@dataclass(frozen=True, slots=True)
class Links:
    """Makes and reads the links of an installation."""

    secret_key: bytes
    storage: Storage
    clock: Callable[[], float] = time.time

    def make(self, key: str, lasts: timedelta = LASTS) -> str:
        """A link to what is under a key: a path of this server, or an address of the bucket's."""
        if digest_of(key) is None or not timedelta(0) < lasts <= LASTS_MAX:
            message = f"no link: {key!r}, {lasts}"
            raise ValueError(message)
        presigned = self.storage.presigned(key, lasts)
        if presigned is not None:
            return presigned
        ends_at = round(self.clock() + lasts.total_seconds())
        return f"{PATH}/{self._signer().dumps([key, ends_at])}"

    def read(self, token: str) -> tuple[str, int] | None:
        """The key that a link leads to, and for how many seconds more; None where it is not ours, or
        over.
        """
        try:
            key, ends_at = self._signer().loads(token)
        except BadData:
            return None
        left_s = int(ends_at - self.clock())
        return (key, left_s) if left_s > 0 else None

    def _signer(self) -> URLSafeSerializer:
        return URLSafeSerializer(self.secret_key, salt=_SALT)
