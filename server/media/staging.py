"""Bytes on their way: a file for each upload, to which one request at a time may add.

The offset of an upload is the length of its file, and nobody is told an offset before those bytes are
on the disk (fsync). So what was told survives the process and a power cut, and what a killed process
had written counts too.

Nobody holds a lock while waiting for bytes. Who begins to write, or asks how much is there, takes the
next number of the upload; each piece is added under a lock that lasts as long as the write, and only
while the writer's number is the last one. So a request whose phone has gone is passed by at once, and
after an offset was told nothing is added by whoever was writing before.

A piece whose checksum is still to be proved is added too, but the place where it began is noted: whoever
comes next, in this process or another, cuts the file there.

    <company>/<upload>          the bytes
    <company>/<upload>.writer   the number of the last writer; where unproved bytes begin, or −1
"""

import errno
import fcntl
import os
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from server.media.storage import make_folder, sync_folder

_WRITER = struct.Struct("<Qq")
_PROVED = -1
_OLD_S = 24 * 3600


class Overtaken(Exception):
    """Somebody else writes this upload by now, or has asked how much is there."""


class OffsetDiffers(Exception):
    """The upload is elsewhere: `offset`."""

    def __init__(self, offset: int) -> None:
        super().__init__(offset)
        self.offset = offset


class NoRoom(Exception):
    """The disk is full, or less is left than is to stay free."""


class Gone(Exception):
    """The upload was ended."""


@dataclass(frozen=True, slots=True)
class Staged:
    """The bytes of an upload."""

    id: UUID
    size: int
    # Nothing was added for a day.
    is_old: bool


@dataclass(frozen=True, slots=True)
class Staging:
    """The folder of uploads under way, on a disk of which `keep_free_bytes` stay free."""

    folder: Path
    keep_free_bytes: int = 0

    def path(self, company_id: int, upload_id: UUID) -> Path:
        """Where the bytes of an upload are."""
        return self.folder / str(company_id) / str(upload_id)

    def make(self, company_id: int, upload_id: UUID) -> None:
        """Make room for an upload. What is there already stays as it is."""
        path = self.path(company_id, upload_id)
        make_folder(path.parent)
        with _told():
            path.touch(0o600)
            # Two may find at once that there is none: the note that one of them writes in may not be emptied.
            with suppress(FileExistsError), _writer_path(path).open("xb") as note:
                note.write(_WRITER.pack(0, _PROVED))
            sync_folder(path.parent)

    def offset(self, company_id: int, upload_id: UUID) -> int:
        """How many bytes are there for good; whoever was writing is passed by.

        Raises Gone where the upload was ended.
        """
        path = self.path(company_id, upload_id)
        with _told(), _locked(path) as turn:
            turn.take()
            return turn.settle()

    def begin(self, company_id: int, upload_id: UUID, offset: int, *, is_proved: bool) -> "Writer":
        """Begin to write at an offset. Raises OffsetDiffers, Gone.

        Where `is_proved` is false the bytes count only once `prove` was called.
        """
        path = self.path(company_id, upload_id)
        with _told(), _locked(path) as turn:
            there = turn.settle()
            if there != offset:
                raise OffsetDiffers(there)
            number = turn.take(_PROVED if is_proved else offset)
        return Writer(path, number, offset, offset)

    def end(self, company_id: int, upload_id: UUID) -> None:
        """Let the bytes go, and whoever writes them. Nothing is said where there are none."""
        path = self.path(company_id, upload_id)
        with suppress(Gone), _locked(path) as turn:
            turn.take()
            path.unlink(missing_ok=True)
            turn.remove()
        path.unlink(missing_ok=True)

    def check_room(self, wanted_bytes: int) -> None:
        """Raise NoRoom where so many bytes more would leave too little free."""
        if self.free_bytes() - wanted_bytes < self.keep_free_bytes:
            raise NoRoom

    def free_bytes(self) -> int:
        """What is free on the disk for who is no superuser."""
        at = self.folder
        while not at.exists():
            at = at.parent
        found = os.statvfs(at)
        return found.f_bavail * found.f_frsize

    def uploads(self, company_id: int) -> "Iterator[Staged]":
        """What is there."""
        folder = self.folder / str(company_id)
        old = time.time() - _OLD_S
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            with suppress(ValueError, FileNotFoundError):
                found = path.stat()
                yield Staged(UUID(path.name), found.st_size, found.st_mtime < old)


@dataclass(slots=True)
class Writer:
    """Who adds to an upload now."""

    path: Path
    number: int
    began_at: int
    offset: int

    def add(self, piece: bytes) -> None:
        """Add a piece, all of it or, where the disk is full, what there was room for.

        Raises Overtaken, NoRoom.
        """
        with _told(), self._turn():
            opened = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
            try:
                view = memoryview(piece)
                while view:
                    written = os.write(opened, view)
                    self.offset += written
                    view = view[written:]
            finally:
                os.close(opened)

    def keep(self) -> int:
        """Put what was written on the disk: the offset. Raises Overtaken."""
        with _told(), self._turn() as turn:
            return turn.settle()

    def prove(self) -> int:
        """The checksum was right: what was written counts. Raises Overtaken."""
        with _told(), self._turn() as turn:
            _sync(self.path)
            turn.write(self.number, _PROVED)
            return self.path.stat().st_size

    def take_back(self) -> int:
        """Drop what this writer has added: the offset is where it began. Raises Overtaken."""
        with _told(), self._turn() as turn:
            os.truncate(self.path, self.began_at)
            _sync(self.path)
            turn.write(self.number, _PROVED)
        self.offset = self.began_at
        return self.began_at

    @contextmanager
    def _turn(self) -> "Iterator[_Turn]":
        try:
            with _locked(self.path) as turn:
                if turn.number != self.number:
                    raise Overtaken
                yield turn
        except Gone as gone:
            raise Overtaken from gone


class _Turn:
    """The moment in which one process has an upload for itself."""

    def __init__(self, path: Path, opened: int) -> None:
        self._path = path
        self._opened = opened
        read = os.pread(opened, _WRITER.size, 0)
        # A power cut may have left it empty: everybody who wrote has ended.
        self.number: int
        self._unproved_from: int
        self.number, self._unproved_from = (
            _WRITER.unpack(read) if len(read) == _WRITER.size else (0, _PROVED)
        )

    def take(self, unproved_from: int = _PROVED) -> int:
        """Be the last one who came; what follows `unproved_from` counts only once it is proved."""
        self.cut_unproved()
        self.write(self.number + 1, unproved_from)
        return self.number

    def settle(self) -> int:
        """Cut off what nobody has proved, and put the rest on the disk: how much that is."""
        self.cut_unproved()
        _sync(self._path)
        return self._path.stat().st_size

    def cut_unproved(self) -> None:
        """Cut off what nobody has proved."""
        if self._unproved_from != _PROVED:
            if self._path.stat().st_size > self._unproved_from:
                os.truncate(self._path, self._unproved_from)
            self.write(self.number, _PROVED)

    def write(self, number: int, unproved_from: int) -> None:
        """Note who writes, and from where on nothing is proved, before anything is added."""
        os.pwrite(self._opened, _WRITER.pack(number, unproved_from), 0)
        if unproved_from != self._unproved_from:
            os.fdatasync(self._opened)
        self.number, self._unproved_from = number, unproved_from

    def remove(self) -> None:
        """Take the note away. The number in it is one that nobody has."""
        _writer_path(self._path).unlink(missing_ok=True)


@contextmanager
def _locked(path: Path) -> Iterator[_Turn]:
    """Have the upload alone. A process that ends, however, gives it free. Raises Gone."""
    try:
        opened = os.open(_writer_path(path), os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        raise Gone from None
    try:
        fcntl.flock(opened, fcntl.LOCK_EX)
        if os.fstat(opened).st_nlink == 0:
            raise Gone  # ended while we waited
        try:
            yield _Turn(path, opened)
        except FileNotFoundError:
            raise Gone from None
    finally:
        os.close(opened)


def _writer_path(path: Path) -> Path:
    return path.with_name(path.name + ".writer")


def _sync(path: Path) -> None:
    opened = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.fdatasync(opened)
    finally:
        os.close(opened)


@contextmanager
def _told() -> Iterator[None]:
    """A full disk by its own name."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise NoRoom from error
        raise
