"""Uploads by tus 1.0 (https://tus.io/protocols/resumable-upload), without HTTP: announced, looked at,
added to, finished, ended.

Every act is in the name of a device that proves itself with its token; an upload of another device is
not there. No transaction is open while bytes are waited for. Where all bytes are there and the storage
was away, whoever asks next finishes.
"""

import hashlib
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID, uuid4

from server.media.files import keep_file
from server.media.installed import Media
from server.media.metadata import Metadata
from server.media.staging import Gone, NoRoom, OffsetDiffers, Overtaken, Writer
from server.media.storage import PIECE_BYTES, StorageAway, StorageFull
from server.media.upload_rows import (
    UploadRow,
    announce,
    drop,
    find_expired,
    find_upload,
    note_received,
    note_stored,
    upload_gone,
)
from sync.errors import Refused
from sync.senders import Claim, authenticate
from sync.unit_of_work import Database

ALGORITHMS = ("sha1", "sha256")
"""What a checksum of one request may be of; sha1 is required by the protocol."""
ROOM_AGAIN_S = 600
STORAGE_AGAIN_S = 30


class Body(Protocol):
    """The bytes of a request."""

    @property
    def length(self) -> int | None:
        """How many there are; None where the client did not say."""

    def read(self, size: int) -> bytes:
        """Some that have come, at most so many; none: no more will come.

        Raises OSError (TimeoutError is one) where no more will come in time.
        """


@dataclass(frozen=True, slots=True)
class Checksum:
    """What the bytes of one request are to add up to."""

    algorithm: str
    digest: bytes


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload as it stands. `sha256` once its file is stored; None before."""

    id: UUID
    offset: int
    size: int
    metadata: str
    expires_at: datetime
    sha256: str | None = None


def _count_nowhere(_event: str, _number: int) -> None:
    """Nobody counts."""


@dataclass(frozen=True, slots=True)
class Uploads:
    """The uploads of an installation. `body_s` bounds how long one request may bring bytes; `count` is
    told what happened, for /metrics.
    """

    database: Database
    media: Media
    body_s: float
    count: Callable[[str, int], None] = _count_nowhere
    clock: Callable[[], float] = time.monotonic

    def create(
        self, claim: Claim, size: int, metadata: Metadata, body: Body, checksum: Checksum | None
    ) -> Upload:
        """Announce an upload, with its first bytes where the request has any.

        A file that the company has is stored already: nothing is to be sent. Raises Refused.
        """
        bounds = self.media.bounds
        if size > bounds.file_bytes:
            raise Refused(
                "file_too_large",
                f"A file may have {bounds.file_bytes} bytes.",
                where="Upload-Length",
                limit=bounds.file_bytes,
            )
        with self.database.company(claim.company_id) as uow:
            sender = authenticate(uow, claim, "push")
            row = announce(uow, sender, uuid4(), size, metadata, bounds)
            if row.state == "OPEN":
                with _room():
                    self.media.staging.check_room(size)
        if row.state == "STORED":
            self.count("at_once", 1)
            return _upload(row, size, sha256=row.sha256)
        with _room():
            self.media.staging.make(row.company_id, row.id)
        self.count("announced", 1)
        if size == 0:
            return self._finish(row)
        return _upload(row, 0) if body.length == 0 else self._add(row, 0, body, checksum)

    def look(self, claim: Claim, upload_id: UUID) -> Upload:
        """How far an upload is. Whoever was writing it is passed by: after this only whoever asked
        goes on. Raises Refused.
        """
        row = self._find(claim, upload_id)
        if row.state == "STORED":
            return _upload(row, row.size, sha256=row.sha256)
        offset = self._offset(row)
        return self._finish(row) if offset == row.size else _upload(row, offset)

    def append(
        self, claim: Claim, upload_id: UUID, offset: int, body: Body, checksum: Checksum | None
    ) -> Upload:
        """Add the bytes of a request at this offset; what is there afterwards.

        A request that breaks off, or takes too long, has added what came. Raises Refused.
        """
        row = self._find(claim, upload_id)
        if row.state == "STORED":
            if offset != row.size:
                raise _offset_differs(row.size)
            if body.length != 0 and body.read(1):
                raise _too_long(row.size)
            return _upload(row, row.size, sha256=row.sha256)
        return self._add(row, offset, body, checksum)

    def end(self, claim: Claim, upload_id: UUID) -> None:
        """Give an upload up. A file that is stored stays. Raises Refused."""
        row = self._find(claim, upload_id)
        self._drop(row, also_stored=True)
        self.count("ended", 1)

    def expire(self, company_id: int, upload_id: UUID) -> None:
        """End an upload that is past its time; one whose bytes are all there is stored."""
        with self.database.reading(company_id) as uow:
            row = find_expired(uow, upload_id)
        if row is None:
            return
        try:
            offset = self.media.staging.offset(company_id, upload_id)
        except Gone:
            offset = -1
        if offset == row.size:
            # Where it is not the file that was announced, it is dropped by that.
            with _suppressed("digest_differs"):
                self._finish(row)
            return
        self._drop(row)

    # --- bytes -----------------------------------------------------------------------------------

    def _add(self, row: UploadRow, offset: int, body: Body, checksum: Checksum | None) -> Upload:
        left = row.size - offset
        if left < 0 or (body.length is not None and body.length > left):
            there = self._offset(row)
            raise _offset_differs(there) if there != offset else _too_long(row.size)
        staging = self.media.staging
        try:
            with _room():
                staging.check_room(left if body.length is None else body.length)
                writer = staging.begin(row.company_id, row.id, offset, is_proved=checksum is None)
                there = self._take(writer, left, body, checksum)
        except OffsetDiffers as differs:
            raise _offset_differs(differs.offset) from differs
        except Gone:
            raise _offset_differs(self._offset(row)) from None
        except Overtaken as overtaken:
            message = "Another request has gone on with this upload."
            raise Refused("offset_differs", message, where="Upload-Offset") from overtaken
        self.count("bytes", there - offset)
        if there == row.size:
            return self._finish(row)
        with self.database.company(row.company_id) as uow:
            until = note_received(uow, row, there, self.media.bounds)
        return _upload(row, there, expires_at=until)

    def _take(self, writer: Writer, left: int, body: Body, checksum: Checksum | None) -> int:
        """Add what comes; how much is there then."""
        hashed = (
            None if checksum is None else hashlib.new(checksum.algorithm, usedforsecurity=False)
        )
        ends = self.clock() + self.body_s
        is_whole = False
        try:
            while self.clock() < ends:
                piece = body.read(PIECE_BYTES)
                if not piece:
                    is_whole = body.length in (None, writer.offset - writer.began_at)
                    break
                left -= len(piece)
                if left < 0:
                    writer.take_back()
                    raise _too_long(writer.began_at)
                if hashed is not None:
                    hashed.update(piece)
                writer.add(piece)
        except OSError:
            is_whole = False
        except NoRoom:
            # What there was room for counts.
            if hashed is None:
                writer.keep()
            raise
        if not is_whole:
            self.count("cut", 1)
        if checksum is not None and hashed is not None:
            return self._prove(writer, checksum, hashed.digest(), is_whole=is_whole)
        there = writer.keep()
        if there == writer.began_at and not is_whole:
            raise Refused("too_slow", "None of the bytes came in time.")
        return there

    def _prove(self, writer: Writer, checksum: Checksum, found: bytes, *, is_whole: bool) -> int:
        if is_whole and found == checksum.digest:
            return writer.prove()
        writer.take_back()
        if not is_whole:
            raise Refused("too_slow", "Not all of the bytes came that the checksum is of.")
        self.count("checksum_differs", 1)
        raise Refused(
            "checksum_differs",
            f"The {checksum.algorithm} of what arrived is {b64encode(found).decode()}.",
            where="Upload-Checksum",
        )

    def _offset(self, row: UploadRow) -> int:
        staging = self.media.staging
        try:
            return staging.offset(row.company_id, row.id)
        except Gone:
            # Somebody may have finished it since it was looked up: then all of it is there.
            with self.database.reading(row.company_id) as uow:
                if find_upload(uow, row.id, str(row.device_id)).state == "STORED":
                    return row.size
            # It was begun where another machine keeps its uploads: it begins again here.
            with _room():
                staging.make(row.company_id, row.id)
            return 0

    # --- what becomes of it ----------------------------------------------------------------------

    def _finish(self, row: UploadRow) -> Upload:
        """All bytes are there: store them where they are the right ones."""
        path = self.media.staging.path(row.company_id, row.id)
        try:
            with path.open("rb") as staged:
                found = hashlib.file_digest(staged, "sha256").hexdigest()
            if row.sha256 not in (None, found):
                self._drop(row)
                self.count("digest_differs", 1)
                raise Refused(
                    "digest_differs",
                    f"The SHA-256 of the bytes is {found}. They were dropped.",
                    where="Upload-Metadata.sha256",
                )
            with _storage():
                keep_file(
                    self.database,
                    self.media.storage,
                    row.company_id,
                    path,
                    sha256=found,
                    size=row.size,
                    device_id=row.device_id,
                    person_id=row.person_id,
                    also=lambda uow: note_stored(uow, row.id, found),
                )
        except FileNotFoundError:
            return self._finished_elsewhere(row)
        self.media.staging.end(row.company_id, row.id)
        self.count("stored", 1)
        return _upload(row, row.size, sha256=found)

    def _finished_elsewhere(self, row: UploadRow) -> Upload:
        """Somebody else has just finished it, or ended it."""
        with self.database.company(row.company_id) as uow:
            now = find_upload(uow, row.id, str(row.device_id))
        if now.state != "STORED":
            raise upload_gone()
        return _upload(now, now.size, sha256=now.sha256)

    def _drop(self, row: UploadRow, *, also_stored: bool = False) -> None:
        with self.database.company(row.company_id) as uow:
            drop(uow, row.id, also_stored=also_stored)
        self.media.staging.end(row.company_id, row.id)

    def _find(self, claim: Claim, upload_id: UUID) -> UploadRow:
        with self.database.company(claim.company_id) as uow:
            authenticate(uow, claim, "push")
            return find_upload(uow, upload_id, claim.device_id)


@contextmanager
def _suppressed(code: str) -> Iterator[None]:
    """Go on where this is what was refused."""
    try:
        yield
    except Refused as refused:
        if refused.code != code:
            raise


def _upload(
    row: UploadRow, offset: int, *, expires_at: datetime | None = None, sha256: str | None = None
) -> Upload:
    return Upload(row.id, offset, row.size, row.metadata, expires_at or row.expires_at, sha256)


@contextmanager
def _room() -> Iterator[None]:
    """Says so where the disk has no room."""
    try:
        yield
    except NoRoom as full:
        raise _no_room() from full


@contextmanager
def _storage() -> Iterator[None]:
    """Says so where the storage takes nothing now."""
    try:
        yield
    except StorageFull as full:
        raise _no_room() from full
    except StorageAway as away:
        message = "The file cannot be stored just now."
        raise Refused("busy", message, retry_after_s=STORAGE_AGAIN_S) from away


def _no_room() -> Refused:
    return Refused("disk_full", "There is no room for files now.", retry_after_s=ROOM_AGAIN_S)


def _offset_differs(offset: int) -> Refused:
    return Refused("offset_differs", f"The upload is at {offset}.", where="Upload-Offset")


def _too_long(size: int) -> Refused:
    return Refused(
        "file_too_large", "The bytes go beyond the length of the upload.", where="body", limit=size
    )
