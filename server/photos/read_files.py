"""A stored file is read: facts, copies, and what follows from them, each once however often it is asked for.

Who reads a file says so first (`reading_until`), in a transaction that counts the try: of two that are handed
the same file at one moment one reads it, and a file that ends its worker has been counted. A try that failed
for the file's own reason is repeated by the outbox, later each time; after `TRIES`, or at once where no other
try would end differently, the file is set aside with its reason. A storage or a database that is away is no
reason of the file's: its try is given back, and the outbox comes again.

The copies are stored before the row that names them, under keys by digest and version of the reader; whoever
repeats it stores the same.
"""

import hashlib
import logging
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from tempfile import mkdtemp
from typing import Any
from uuid import UUID

import msgspec

from mobile_contract.schema import plain
from server.media.files import FILE_READ, lock_file
from server.media.keys import copy_key, original_key
from server.media.storage import NotStored, Storage
from server.photos.asked import Limits
from server.photos.facts import READER_VERSION, Camera
from server.photos.looks import Look
from server.photos.near_duplicates import remember_looks
from server.photos.reading import Read, Reader, Unread
from server.photos.signs import Sign
from sync.kinds.photo.publish import FILE_PHOTOS
from sync.unit_of_work import Database, UnitOfWork
from sync.work import leave_work, leave_work_each

TRIES = 3
_FAILED = "failed"
# Who is at work on a file says so again every few seconds: the claim of a worker that was killed runs out.
CLAIM_S = 30
_LEFT_OVER_S = 3600

logger = logging.getLogger("roadbook.jobs")

_FILE = """
select f.sha256, f.state, f.attempts, coalesce(f.reading_until > clock_timestamp(), false) as is_claimed,
       exists (select from file_reading r where r.company_id = f.company_id and r.sha256 = f.sha256
               and r.reader_version >= :version) as is_read
from file f where f.company_id = :company and f.id = :id for update of f
"""
_STILL = """
update file set reading_until = clock_timestamp() + make_interval(secs => :for_s)
where company_id = :company and id = :id
"""
_CLAIM = """
update file set attempts = attempts + 1,
                reading_until = clock_timestamp() + make_interval(secs => :for_s)
where company_id = :company and id = :id
"""
_GIVE_BACK = """
update file set attempts = greatest(attempts - :tries, 0), reading_until = null
where company_id = :company and id = :id
"""
_INSERT = """
insert into file_reading (
    company_id, sha256, reader_version, media_type, width, height, sharpness, darkness, phash,
    camera_at, camera_offset_min, camera_fix_at, camera_lat_e7, camera_lon_e7, camera_accuracy_m,
    camera_make, camera_model, software, remarks, signs, copies, took_ms)
values (:company, :sha256, :version, :media_type, :width, :height, :sharpness, :darkness, :phash,
    :camera_at, :camera_offset_min, :camera_fix_at, :camera_lat_e7, :camera_lon_e7,
    :camera_accuracy_m, :camera_make, :camera_model, :software, :remarks,
    cast(:signs as jsonb), cast(:copies as jsonb), :took_ms)
on conflict (company_id, sha256, reader_version) do nothing
"""
_READ = """
update file set state = 'READ', media_type = :media_type, read_at = now(), reading_until = null,
                reason_code = null, reason = null
where company_id = :company and id = :id
"""
_IS_THERE = "select from file where company_id = :company and sha256 = :sha256"
# What an older version read stays as it was read, with the reason why this one could not.
_ASIDE = """
update file set state = case when state = 'READ' then state else 'SET_ASIDE' end,
                reason_code = :code, reason = :reason, reading_until = null
where company_id = :company and id = :id
"""


class BeingRead(Exception):
    """Another worker is at this file: it is asked for again later."""


class ReadingFailed(Exception):
    """The process that read it did not come to an end; another try may."""


class RoomClosed(Exception):
    """The worker stops: the file is asked for again later."""


@dataclass(slots=True)
class ReadingRoom:
    """Where files are read: the storage, a folder on its disk for what is under way, and the limits.

    Every thread that reads has a process of its own.
    """

    storage: Storage
    scratch: Path
    limits: Limits
    _own: threading.local = field(default_factory=threading.local)
    _readers: list[Reader] = field(default_factory=list)
    _is_closed: threading.Event = field(default_factory=threading.Event)

    def read(
        self, original: Path, scratch: Path, meanwhile: Callable[[], object] = bool
    ) -> Read | Unread:
        """Read a file in this thread's process. Raises RoomClosed where it was ended meanwhile."""
        reader: Reader | None = getattr(self._own, "reader", None)
        if reader is None:
            reader = self._own.reader = Reader(self.limits)
            self._readers.append(reader)
        if self._is_closed.is_set():
            raise RoomClosed
        found = reader.read(original, scratch, meanwhile)
        if self._is_closed.is_set() and isinstance(found, Unread) and not found.is_final:
            raise RoomClosed
        return found

    def end(self) -> None:
        """End every process, and whatever they read, while their threads still wait for it."""
        self._is_closed.set()
        for reader in self._readers:
            reader.end()

    def close(self) -> None:
        """Let go of the processes, when no thread reads any more."""
        self.end()
        for reader in self._readers:
            reader.close()

    def clear_left_over(self) -> None:
        """Remove what workers that were killed left under way."""
        oldest = time.time() - _LEFT_OVER_S
        with suppress(FileNotFoundError):
            for folder in self.scratch.iterdir():
                with suppress(FileNotFoundError):
                    if folder.stat().st_mtime < oldest:
                        shutil.rmtree(folder, ignore_errors=True)

    @contextmanager
    def desk(self) -> Iterator[Path]:
        """A folder for one file, gone at the end."""
        self.scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = Path(mkdtemp(dir=self.scratch))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def read_files(database: Database, room: ReadingRoom, company_id: int, ids: list[UUID]) -> None:
    """What work `FILE_READ` does. Of several files each becomes work of its own, to be tried by itself."""
    if len(ids) == 1:
        read_file(database, room, company_id, ids[0])
        return
    with database.company(company_id) as uow:
        leave_work_each(uow, FILE_READ, ids)


def read_file(database: Database, room: ReadingRoom, company_id: int, file_id: UUID) -> str:
    """Read one file: "read", "set aside", or "gone" where there is no such file any more.

    Raises BeingRead and ReadingFailed, and what a storage or a database raises that is away: then it is
    to be asked for again.
    """
    with database.company(company_id) as uow:
        claim = _claim(uow, file_id)
    if isinstance(claim, str):
        return claim

    def still() -> None:
        with database.company(company_id) as uow:
            uow.run(_STILL, company=company_id, id=file_id, for_s=CLAIM_S)

    try:
        with room.desk() as desk:
            found = _fetch_and_read(room, company_id, claim.sha256, desk, still)
            if isinstance(found, Read):
                _store_copies(room.storage, company_id, claim.sha256, found, desk)
        with database.company(company_id) as uow:
            outcome = _finish(uow, room, file_id, claim, found)
    except BaseException:
        # Not the file's fault, so it is not its try.
        _give_back(database, company_id, file_id)
        raise
    if outcome == _FAILED:
        assert isinstance(found, Unread)
        raise ReadingFailed(found.words)
    return outcome


@dataclass(frozen=True, slots=True)
class _Claim:
    sha256: str
    attempts: int


def _claim(uow: UnitOfWork, file_id: UUID) -> _Claim | str:
    rows = uow.rows(_FILE, company=uow.company_id, id=file_id, version=READER_VERSION)
    if not rows:
        return "gone"
    (row,) = rows
    if row.state == "SET_ASIDE" or row.is_read:
        # Photos may have come since, or what follows may have been lost with a worker.
        leave_work(uow, FILE_PHOTOS, [file_id])
        return "set aside" if row.state == "SET_ASIDE" else "read"
    if row.is_claimed:
        raise BeingRead(f"file {file_id} is being read by another worker")
    if row.attempts >= TRIES:
        said = f"its worker ended {row.attempts} times while it was read"
        _set_aside(uow, file_id, Unread("reader_died", said, is_final=True))
        return "set aside"
    uow.run(_CLAIM, company=uow.company_id, id=file_id, for_s=CLAIM_S)
    return _Claim(row.sha256, row.attempts + 1)


def _fetch_and_read(
    room: ReadingRoom, company_id: int, sha256: str, desk: Path, still: Callable[[], None]
) -> Read | Unread:
    original = desk / "original"
    try:
        room.storage.fetch(original_key(company_id, sha256), original)
    except NotStored:
        return Unread("not_stored", "the storage does not have its bytes", is_final=True)
    if _digest(original) != sha256:
        said = "the bytes in the storage are not those that were sent"
        return Unread("changed", said, is_final=True)
    return room.read(original, desk, still)


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _store_copies(storage: Storage, company_id: int, sha256: str, found: Read, desk: Path) -> None:
    for copy in found.facts.copies:
        key = copy_key(company_id, sha256, READER_VERSION, copy.name)
        storage.put(key, desk / f"{copy.name}.webp")


def _finish(
    uow: UnitOfWork, room: ReadingRoom, file_id: UUID, claim: _Claim, found: Read | Unread
) -> str:
    # Whoever lets a file go holds it too: what is written here is written of a file that stays.
    lock_file(uow, claim.sha256)
    if isinstance(found, Unread):
        if found.is_final or claim.attempts >= TRIES:
            return _set_aside(uow, file_id, found)
        uow.run(_GIVE_BACK, company=uow.company_id, id=file_id, tries=0)
        return _FAILED
    facts = found.facts
    if not uow.run(_READ, company=uow.company_id, id=file_id, media_type=facts.media_type):
        # The same bytes may have come anew meanwhile, and the copies are those of that file too.
        if not uow.rows(_IS_THERE, company=uow.company_id, sha256=claim.sha256):
            for copy in facts.copies:
                key = copy_key(uow.company_id, claim.sha256, READER_VERSION, copy.name)
                room.storage.delete(key)
        return "gone"
    uow.run(_INSERT, company=uow.company_id, sha256=claim.sha256, **_columns(found))
    look = None if facts.look is None else Look(facts.look.phash, facts.look.detail)
    remember_looks(uow, {claim.sha256: look})
    leave_work(uow, FILE_PHOTOS, [file_id])
    return "read"


def _set_aside(uow: UnitOfWork, file_id: UUID, why: Unread) -> str:
    found = uow.run(
        _ASIDE, company=uow.company_id, id=file_id, code=why.code, reason=plain(why.words)
    )
    leave_work(uow, FILE_PHOTOS, [file_id])
    return "set aside" if found else "gone"


def _give_back(database: Database, company_id: int, file_id: UUID) -> None:
    try:
        with database.company(company_id) as uow:
            uow.run(_GIVE_BACK, company=company_id, id=file_id, tries=1)
    except Exception:
        # Then it stays claimed for some minutes, and counts as one try.
        logger.exception("a try of file %s cannot be given back", file_id)


def _columns(found: Read) -> dict[str, Any]:
    facts, camera = found.facts, found.facts.camera
    return {
        "version": READER_VERSION,
        "media_type": facts.media_type,
        "width": facts.width,
        "height": facts.height,
        "sharpness": facts.sharpness,
        "darkness": facts.darkness,
        "phash": None if facts.look is None else facts.look.phash,
        **_camera_columns(camera),
        "remarks": list(facts.remarks),
        "signs": _signs(facts.signs),
        "copies": msgspec.json.encode(facts.copies).decode(),
        "took_ms": found.took_ms,
    }


def _camera_columns(camera: Camera) -> dict[str, Any]:
    return {
        "camera_at": _moment(camera.taken_at),
        "camera_offset_min": camera.offset_min,
        "camera_fix_at": _moment(camera.fix_at),
        "camera_lat_e7": camera.lat_e7,
        "camera_lon_e7": camera.lon_e7,
        "camera_accuracy_m": camera.accuracy_m,
        "camera_make": _said(camera.make),
        "camera_model": _said(camera.model),
        "software": _said(camera.software),
    }


def _signs(signs: list[Sign]) -> str:
    found = [msgspec.structs.replace(sign, said=_said(sign.said)) for sign in signs]
    return msgspec.json.encode(found).decode()


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _said(text: str | None) -> str | None:
    return None if text is None else plain(text)
