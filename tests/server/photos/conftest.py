"""A process that reads files, for all tests of a module; another company beside the cast's."""

from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import Engine

from server.photos.asked import Limits
from server.photos.reading import Read, Reader, Unread
from sync.unit_of_work import Database
from tests.factories import Cast, make_cast

LIMITS = Limits(pixels_max=40_000_000, memory_mb=512, cpu_s=20, wall_s=30)


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    made = Reader(LIMITS)
    yield made
    made.close()


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


@pytest.fixture
def read(reader: Reader, tmp_path: Path, scratch: Path) -> Callable[[bytes], Read | Unread]:
    def read_bytes(file: bytes) -> Read | Unread:
        original = tmp_path / uuid4().hex
        original.write_bytes(file)
        return reader.read(original, scratch)

    return read_bytes


@pytest.fixture
def other(owner_engine: Engine, db: Database) -> Cast:
    return make_cast(owner_engine, db)
