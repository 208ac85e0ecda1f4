"""Where the bytes of files are kept: one small interface, and the local folder behind it.

`put` is atomic and create-only: under a key there is nothing, or all of it, and the first to come
stays. Keys name content, so whoever comes second brings the same. What `put` has returned from
survives a power cut.
"""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO, Protocol
from uuid import uuid4

PIECE_BYTES = 256 * 1024
_FULL = (errno.ENOSPC, errno.EDQUOT)


class StorageAway(Exception):
    """The storage cannot be reached, or does not do what it is told; later it may."""


class StorageFull(StorageAway):
    """There is no room."""


class NotStored(Exception):
    """There is nothing under this key."""


@dataclass(frozen=True, slots=True)
class Stored:
    """Something that is there."""

    key: str
    size: int


class Storage(Protocol):
    """Bytes by key. Each call raises StorageAway where the storage cannot be reached."""

    def put(self, key: str, path: Path) -> None:
        """Keep the file at `path` under the key. Nobody may write to that file afterwards: it may
        be the one that is kept. Its name may be removed.
        """

    def fetch(self, key: str, to_path: Path) -> None:
        """Write a copy to a path that does not exist. Raises NotStored."""

    def stream(self, key: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """The bytes from `start`, `length` of them or all that follow. Raises NotStored, at once."""

    def size(self, key: str) -> int | None:
        """How many bytes there are; None where there is nothing."""

    def delete(self, key: str) -> None:
        """Let it go; nothing is said where it is not there."""

    def stored(self, prefix: str = "") -> Iterator[Stored]:
        """Everything whose key begins so, in no promised order. `prefix` ends with a slash."""

    def presigned(self, key: str, lasts: timedelta) -> str | None:
        """A link that the storage itself serves; None where it serves none."""

    def origin(self) -> str | None:
        """The scheme and host of the links that it serves; None where it serves none."""


class LocalStorage:
    """A folder of this machine, or one that several machines share.

    A file is linked into its place once its bytes are on the disk, then the folder is synced too.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, key: str, path: Path) -> None:
        """Keep the file at `path` under the key."""
        place = self._path(key)
        if place.exists():
            return
        # Not this storage's own trouble where it is not there.
        sync_file(path)
        with _told():
            make_folder(place.parent)
            try:
                os.link(path, place)
            except FileExistsError:
                return
            except OSError as error:
                if error.errno in _FULL:
                    raise
                # Another file system, or one without links.
                self._copy(path, place)
            sync_folder(place.parent)

    def fetch(self, key: str, to_path: Path) -> None:
        """Write a copy to a path that does not exist."""
        with _told(), self._path(key).open("rb") as source, to_path.open("xb") as copy:
            shutil.copyfileobj(source, copy, PIECE_BYTES)

    def stream(self, key: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """The bytes from `start`, `length` of them or all that follow."""
        with _told():
            source = self._path(key).open("rb")
        return _pieces(source, start, length)

    def size(self, key: str) -> int | None:
        """How many bytes there are; None where there is nothing."""
        try:
            with _told():
                return self._path(key).stat().st_size
        except NotStored:
            return None

    def delete(self, key: str) -> None:
        """Let it go."""
        with _told():
            self._path(key).unlink(missing_ok=True)

    def stored(self, prefix: str = "") -> Iterator[Stored]:
        """Everything whose key begins so."""
        top = self.folder / prefix
        for folder, _, names in os.walk(top):
            for name in names:
                path = Path(folder) / name
                with suppress(FileNotFoundError):
                    if not name.startswith("."):
                        yield Stored(path.relative_to(self.folder).as_posix(), path.stat().st_size)

    def origin(self) -> str | None:
        """None: this server serves them."""
        return None

    def presigned(self, key: str, lasts: timedelta) -> str | None:  # noqa: ARG002 - the interface's
        """None: a folder serves nothing."""
        return None

    def _path(self, key: str) -> Path:
        parts = key.split("/")
        if not all(parts) or any(part.startswith(".") for part in parts):
            message = f"no key: {key!r}"
            raise ValueError(message)
        return self.folder.joinpath(*parts)

    def _copy(self, path: Path, place: Path) -> None:
        draft = place.with_name(f".{uuid4().hex}")
        try:
            with path.open("rb") as source, draft.open("xb") as copy:
                shutil.copyfileobj(source, copy, PIECE_BYTES)
            sync_file(draft)
            with suppress(FileExistsError):
                _link_or_rename(draft, place)
        finally:
            draft.unlink(missing_ok=True)


def _link_or_rename(draft: Path, place: Path) -> None:
    try:
        os.link(draft, place)
    except FileExistsError:
        raise
    except OSError:
        # No links at all: what is there already has the same bytes.
        draft.replace(place)


def _pieces(source: BinaryIO, start: int, length: int | None) -> Iterator[bytes]:
    with source:
        source.seek(start)
        left = length
        while left is None or left > 0:
            piece = source.read(PIECE_BYTES if left is None else min(PIECE_BYTES, left))
            if not piece:
                return
            if left is not None:
                left -= len(piece)
            yield piece


@contextmanager
def _told() -> Iterator[None]:
    """Turns an error of the file system into one of the storage."""
    try:
        yield
    except FileNotFoundError as error:
        raise NotStored(str(error)) from error
    except OSError as error:
        said = StorageFull if error.errno in _FULL else StorageAway
        raise said(os.strerror(error.errno or 0)) from error


def sync_file(path: Path) -> None:
    """Put the bytes of a file on the disk."""
    opened = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def sync_folder(folder: Path) -> None:
    """Put the names in a folder on the disk."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, so that they survive a power cut."""
    missing = []
    at = folder
    while not at.is_dir():
        missing.append(at)
        at = at.parent
    for each in reversed(missing):
        each.mkdir(mode=0o700, exist_ok=True)
        sync_folder(each.parent)
