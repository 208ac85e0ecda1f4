"""A whole file becomes known once, whoever brings it and how often."""

from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

from server.media.files import keep_file
from server.media.keys import original_key
from server.media.storage import LocalStorage
from sync.unit_of_work import Database
from tests.factories import Cast


def keep(database: Database, storage: LocalStorage, cast: Cast, path: Path) -> UUID:
    return keep_file(
        database,
        storage,
        cast.company.id,
        path,
        sha256=sha256(path.read_bytes()).hexdigest(),
        size=path.stat().st_size,
        device_id=cast.ana.device.id,
        person_id=cast.ana.id,
    )


def rows(database: Database, cast: Cast, statement: str) -> list[Any]:
    with database.reading(cast.company.id) as uow:
        return [tuple(row) for row in uow.rows(statement)]


def test_a_file_is_stored_once_and_left_to_be_read_once(
    media_database: Database, storage: LocalStorage, cast: Cast, tmp_path: Path
) -> None:
    path = tmp_path / "photo"
    path.write_bytes(b"a photo")
    digest = sha256(b"a photo").hexdigest()
    first, second = (keep(media_database, storage, cast, path) for _ in range(2))
    assert first == second
    assert rows(media_database, cast, "select id, sha256, size, state, device_id from file") == [
        (first, digest, 7, "STORED", cast.ana.device.id)
    ]
    assert rows(media_database, cast, "select payload from outbox where topic = 'file_read'") == [
        ({"ids": [str(first)]},)
    ]
    assert storage.size(original_key(cast.company.id, digest)) == 7
