"""The pull cursor: a snapshot of the database, signed, opaque to phones.

A cursor says which transactions a phone has seen: `base`. While a pull is under way it also says up
to which snapshot this pull goes (`upto`) and where it stands, so that a broken pull goes on where it
stopped. It belongs to one person, one epoch and one run of the database server.
"""

import hmac
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from hashlib import sha256
from typing import Literal

import msgspec

from sync.errors import Refused

_MAC_BYTES = 16
# More transactions in progress than this are left out of a cursor: it then says less than was
# seen, and some changes come twice.
_IN_PROGRESS_MAX = 100


class Cursor(msgspec.Struct, array_like=True, frozen=True):
    """What a phone has seen, and where a pull stands."""

    epoch: str
    person_id: str
    # The run of the server in which `upto` (else `base`) was taken.
    run: int
    # Snapshot up to which everything was applied; None before the first pull is complete.
    base: str | None
    base_run: int
    # The snapshot this pull goes up to; None between pulls.
    upto: str | None = None
    phase: Literal["feed", "keys"] = "feed"
    # The last row that was sent: (xid, seq) in the feed, (key, record id) among the keys.
    last: tuple[str, str] | None = None
    # The `base` of the pull before, where that took several pages: what happened meanwhile at keys
    # that had been lost by then is still to be told.
    before: str | None = None
    before_run: int = 0


class CursorBox:
    """Seals and opens cursors with the installation's secret."""

    def __init__(self, secret: bytes) -> None:
        self._key = sha256(b"pull cursor" + secret).digest()

    def seal(self, cursor: Cursor) -> str:
        """The text that the phone keeps. What its snapshots leave out to be short comes again; the
        page that was read goes by the whole ones.
        """
        kept = msgspec.structs.replace(
            cursor,
            base=None if cursor.base is None else shortened(cursor.base),
            upto=None if cursor.upto is None else shortened(cursor.upto),
        )
        body = zlib.compress(msgspec.msgpack.encode(kept))
        return urlsafe_b64encode(self._mac(body) + body).decode().rstrip("=")

    def open(self, text: str, person_id: str) -> Cursor:
        """The cursor of a text. Raises Refused (`cursor_invalid`) for one that was made up, or
        was somebody else's.
        """
        try:
            sealed = urlsafe_b64decode(text + "=" * (-len(text) % 4))
        except (NotBase64, ValueError) as error:
            raise _invalid() from error
        mac, body = sealed[:_MAC_BYTES], sealed[_MAC_BYTES:]
        if not hmac.compare_digest(mac, self._mac(body)):
            raise _invalid()
        try:
            cursor = msgspec.msgpack.decode(zlib.decompress(body), type=Cursor)
        except (msgspec.MsgspecError, zlib.error) as error:
            raise _invalid() from error
        if cursor.person_id != person_id:
            raise _invalid()
        return cursor

    def _mac(self, body: bytes) -> bytes:
        return hmac.digest(self._key, body, "sha256")[:_MAC_BYTES]


def shortened(snapshot: str) -> str:
    """A snapshot that fits into a cursor: with very many transactions in progress it is taken as
    of the oldest of them, which is safe at either end of a pull.
    """
    oldest, _, in_progress = snapshot.split(":")
    if in_progress.count(",") < _IN_PROGRESS_MAX:
        return snapshot
    return f"{oldest}:{oldest}:"


def _invalid() -> Refused:
    return Refused("cursor_invalid", "The cursor was not made by this server for this person.")
