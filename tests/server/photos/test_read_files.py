"""A stored file is read once, whatever is asked twice, ends in the middle or cannot be reached."""

import shutil
import threading
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from PIL import Image

from server.jobs.work import Workshop, do_row
from server.media.files import FILE_READ, keep_file
from server.media.keys import copy_key, original_key
from server.media.storage import LocalStorage, StorageAway
from server.photos import read_files as module
from server.photos import reading
from server.photos.asked import Limits
from server.photos.facts import READER_VERSION
from server.photos.read_files import (
    TRIES,
    BeingRead,
    ReadingFailed,
    ReadingRoom,
    RoomClosed,
    read_file,
    read_files,
)
from server.photos.reading import Read
from sync.engine import Engine
from sync.kinds.photo.publish import FILE_PHOTOS
from sync.unit_of_work import Database
from tests import photo_files as files
from tests.factories import Cast
from tests.server.photos.conftest import LIMITS

Keep = Callable[[bytes], UUID]


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    return LocalStorage(tmp_path / "files")


@pytest.fixture
def rooms() -> Iterator[list[ReadingRoom]]:
    made: list[ReadingRoom] = []
    yield made
    for room in made:
        room.close()


@pytest.fixture
def room(storage: LocalStorage, tmp_path: Path, rooms: list[ReadingRoom]) -> ReadingRoom:
    made = ReadingRoom(storage, tmp_path / "reading", LIMITS)
    rooms.append(made)
    return made


@pytest.fixture
def keep(db: Database, storage: LocalStorage, cast: Cast, tmp_path: Path) -> Keep:
    def keep_bytes(file: bytes) -> UUID:
        path = tmp_path / uuid4().hex
        path.write_bytes(file)
        return keep_file(
            db, storage, cast.company.id, path,
            sha256=sha256(file).hexdigest(), size=len(file),
            device_id=cast.ana.device.id, person_id=cast.ana.id,
        )  # fmt: skip

    return keep_bytes


def rows_of(db: Database, cast: Cast, statement: str, **values: Any) -> list[Any]:
    with db.company(cast.company.id) as uow:
        return uow.rows(statement, **values)


def file_of(db: Database, cast: Cast, file_id: UUID) -> Any:
    return rows_of(db, cast, "select * from file where id = :id", id=file_id)[0]


def readings(db: Database, cast: Cast) -> list[Any]:
    return rows_of(db, cast, "select * from file_reading order by reader_version, sha256")


def work(db: Database, cast: Cast, topic: str) -> list[Any]:
    return [
        row.payload["ids"]
        for row in rows_of(
            db, cast, "select payload from outbox where topic = :topic order by id", topic=topic
        )
    ]


def test_a_file_that_is_read_has_its_facts_its_copies_and_what_follows(
    db: Database, cast: Cast, keep: Keep, room: ReadingRoom, storage: LocalStorage
) -> None:
    file = files.camera_jpeg(6, files.picture(900, 600))
    file_id, digest = keep(file), sha256(file).hexdigest()
    assert read_file(db, room, cast.company.id, file_id) == "read"
    row = file_of(db, cast, file_id)
    assert (row.state, row.media_type, row.attempts, row.reading_until) == (
        "READ", "image/jpeg", 1, None,
    )  # fmt: skip
    (reading,) = readings(db, cast)
    assert (reading.sha256, reading.reader_version) == (digest, READER_VERSION)
    assert (reading.width, reading.height, reading.camera_model) == (600, 900, "Phone 7")
    assert (reading.camera_at.isoformat(), reading.camera_offset_min) == (
        "2026-03-02T10:15:30",
        480,
    )
    assert (reading.camera_lat_e7, reading.camera_lon_e7) == (312304000, 1214736111)
    assert reading.sharpness > 0
    for copy in reading.copies:
        key = copy_key(cast.company.id, digest, READER_VERSION, copy["name"])
        assert storage.size(key) == copy["bytes"]
    looks = rows_of(db, cast, "select phash from photo_hash where sha256 = :d", d=digest)
    assert [look.phash for look in looks] == [reading.phash]
    assert work(db, cast, FILE_PHOTOS) == [[str(file_id)]]
    assert list(room.scratch.iterdir()) == []
    assert storage.size(original_key(cast.company.id, digest)) == len(file)


def test_a_picture_too_flat_to_tell_is_read_without_a_look(
    db: Database, cast: Cast, keep: Keep, room: ReadingRoom
) -> None:
    file_id = keep(files.jpeg(Image.new("RGB", (64, 64), files.GREY)))
    assert read_file(db, room, cast.company.id, file_id) == "read"
    assert readings(db, cast)[0].phash is None
    assert rows_of(db, cast, "select from photo_hash") == []


def test_a_file_that_was_read_is_not_read_again(
    db: Database, cast: Cast, keep: Keep, room: ReadingRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    file_id = keep(files.jpeg())
    read_file(db, room, cast.company.id, file_id)
    monkeypatch.setattr(ReadingRoom, "read", None)
    assert read_file(db, room, cast.company.id, file_id) == "read"
    assert len(readings(db, cast)) == 1
    assert file_of(db, cast, file_id).attempts == 1
    # What follows may have been lost, so it is asked for again.
    assert work(db, cast, FILE_PHOTOS) == [[str(file_id)]] * 2


def test_a_file_that_is_handed_out_twice_at_one_moment_is_read_once(
    db: Database, cast: Cast, keep: Keep, room: ReadingRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    file_id = keep(files.jpeg())
    began, may_end, reads = threading.Event(), threading.Event(), []
    read = ReadingRoom.read

    def slow(self: ReadingRoom, original: Path, scratch: Path, still: Any) -> Any:
        reads.append(original)
        began.set()
        assert may_end.wait(30)
        return read(self, original, scratch, still)

    monkeypatch.setattr(ReadingRoom, "read", slow)
    outcomes: list[str] = []
    first = threading.Thread(
        target=lambda: outcomes.append(read_file(db, room, cast.company.id, file_id))
    )
    first.start()
    assert began.wait(30)
    with pytest.raises(BeingRead):
        read_file(db, room, cast.company.id, file_id)
    may_end.set()
    first.join()
    assert outcomes == ["read"]
    assert read_file(db, room, cast.company.id, file_id) == "read"
    assert (len(reads), len(readings(db, cast))) == (1, 1)


def test_a_file_of_another_company_is_not_there(
    db: Database, cast: Cast, other: Cast, keep: Keep, room: ReadingRoom
) -> None:
    file_id = keep(files.jpeg())
    assert read_file(db, room, other.company.id, file_id) == "gone"
    assert file_of(db, cast, file_id).attempts == 0


def test_what_is_no_photo_is_set_aside_at_once_with_its_reason(
    db: Database, cast: Cast, keep: Keep, room: ReadingRoom
) -> None:
    file_id = keep(b"MZ" + bytes(2000))
    assert read_file(db, room, cast.company.id, file_id) == "set aside"
    row = file_of(db, cast, file_id)
    assert (row.state, row.reason_code, row.reason, row.attempts) == (
        "SET_ASIDE", "not_a_photo", "it is a Windows program", 1,
    )  # fmt: skip
    assert work(db, cast, FILE_PHOTOS) == [[str(file_id)]]
    assert readings(db, cast) == []
    assert read_file(db, room, cast.company.id, file_id) == "set aside"


def test_a_file_whose_reading_never_ends_is_set_aside_after_some_tries(
    db: Database, cast: Cast, keep: Keep, storage: LocalStorage, tmp_path: Path,
    rooms: list[ReadingRoom],
) -> None:  # fmt: skip
    no_time = Limits(pixels_max=10**8, memory_mb=500, cpu_s=10, wall_s=0)
    room = ReadingRoom(storage, tmp_path / "reading", no_time)
    rooms.append(room)
    file_id = keep(files.jpeg())
    for tried in range(1, TRIES):
        with pytest.raises(ReadingFailed):
            read_file(db, room, cast.company.id, file_id)
        assert file_of(db, cast, file_id).attempts == tried
        assert file_of(db, cast, file_id).reading_until is None
    assert read_file(db, room, cast.company.id, file_id) == "set aside"
    row = file_of(db, cast, file_id)
    assert (row.state, row.reason_code) == ("SET_ASIDE", "took_too_long")


def test_a_file_that_ends_its_worker_every_time_is_set_aside(
    db: Database, cast: Cast, keep: Keep, room: ReadingRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    file_id = keep(files.jpeg())
    # What a killed worker leaves: the try is counted, and the claim runs out.
    with db.company(cast.company.id) as uow:
        uow.run(
            "update file set attempts = :tries, reading_until = now() - interval '1 second'"
            " where id = :id",
            tries=TRIES,
            id=file_id,
        )
    monkeypatch.setattr(ReadingRoom, "read", None)
    assert read_file(db, room, cast.company.id, file_id) == "set aside"
    row = file_of(db, cast, file_id)
    assert (row.reason_code, row.reason) == (
        "reader_died", f"its worker ended {TRIES} times while it was read",
    )  # fmt: skip


def test_a_claim_of_a_killed_worker_runs_out(
    db: Database, cast: Cast, keep: Keep, room: ReadingRoom
) -> None:
    file_id = keep(files.jpeg())
    with db.company(cast.company.id) as uow:
        module._claim(uow, file_id)
    with pytest.raises(BeingRead):
        read_file(db, room, cast.company.id, file_id)
    with db.company(cast.company.id) as uow:
        uow.run(
            "update file set reading_until = now() - interval '1 second' where id = :i", i=file_id
        )
    assert read_file(db, room, cast.company.id, file_id) == "read"
    assert file_of(db, cast, file_id).attempts == 2


def test_a_storage_that_is_away_is_no_try_of_the_file(
    db: Database, cast: Cast, keep: Keep, room: ReadingRoom, storage: LocalStorage
) -> None:
    file_id = keep(files.jpeg())
    # The folder of copies cannot be made.
    blocked = storage.folder / str(cast.company.id) / "copy"
    blocked.write_text("in the way")
    for _ in range(TRIES + 1):
        with pytest.raises(StorageAway):
            read_file(db, room, cast.company.id, file_id)
    row = file_of(db, cast, file_id)
    assert (row.state, row.attempts, row.reading_until) == ("STORED", 0, None)
    assert readings(db, cast) == []
    blocked.unlink()
    assert read_file(db, room, cast.company.id, file_id) == "read"


def test_a_worker_that_stops_gives_its_file_back(
    db: Database, cast: Cast, keep: Keep, room: ReadingRoom
) -> None:
    file_id = keep(files.jpeg())
    room.end()
    with pytest.raises(RoomClosed):
        read_file(db, room, cast.company.id, file_id)
    row = file_of(db, cast, file_id)
    assert (row.state, row.attempts, row.reading_until) == ("STORED", 0, None)


def test_bytes_that_the_storage_lost_or_changed_set_the_file_aside(
    db: Database, cast: Cast, keep: Keep, room: ReadingRoom, storage: LocalStorage
) -> None:
    lost, changed = files.jpeg(), files.jpeg(quality=50)
    lost_id, changed_id = keep(lost), keep(changed)
    storage.delete(original_key(cast.company.id, sha256(lost).hexdigest()))
    place = storage.folder / original_key(cast.company.id, sha256(changed).hexdigest())
    place.unlink()
    place.write_bytes(changed[:-1] + b"\0")
    assert read_file(db, room, cast.company.id, lost_id) == "set aside"
    assert read_file(db, room, cast.company.id, changed_id) == "set aside"
    codes = [file_of(db, cast, id_).reason_code for id_ in (lost_id, changed_id)]
    assert codes == ["not_stored", "changed"]


def test_a_file_that_is_let_go_while_it_is_read_leaves_no_copies(
    db: Database, cast: Cast, keep: Keep, room: ReadingRoom, storage: LocalStorage,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    file_id = keep(files.jpeg())
    read = ReadingRoom.read

    def let_go(self: ReadingRoom, original: Path, scratch: Path, still: Any) -> Any:
        with db.company(cast.company.id) as uow:
            uow.run("delete from file where id = :id", id=file_id)
        return read(self, original, scratch, still)

    monkeypatch.setattr(ReadingRoom, "read", let_go)
    assert read_file(db, room, cast.company.id, file_id) == "gone"
    assert list(storage.stored(f"{cast.company.id}/copy/")) == []
    assert readings(db, cast) == []


def test_a_newer_reader_reads_again_beside_what_was_read(
    db: Database, cast: Cast, keep: Keep, room: ReadingRoom, storage: LocalStorage,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    file = files.jpeg()
    file_id, digest = keep(file), sha256(file).hexdigest()
    read_file(db, room, cast.company.id, file_id)
    monkeypatch.setattr(module, "READER_VERSION", READER_VERSION + 1)
    assert read_file(db, room, cast.company.id, file_id) == "read"
    assert [row.reader_version for row in readings(db, cast)] == [
        READER_VERSION,
        READER_VERSION + 1,
    ]
    for version in (READER_VERSION, READER_VERSION + 1):
        assert storage.size(copy_key(cast.company.id, digest, version, "thumb")) is not None


def test_a_file_that_a_newer_reader_cannot_read_stays_as_it_was_read(
    db: Database, cast: Cast, keep: Keep, room: ReadingRoom, storage: LocalStorage,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    file = files.jpeg()
    file_id = keep(file)
    read_file(db, room, cast.company.id, file_id)
    storage.delete(original_key(cast.company.id, sha256(file).hexdigest()))
    monkeypatch.setattr(module, "READER_VERSION", READER_VERSION + 1)
    assert read_file(db, room, cast.company.id, file_id) == "set aside"
    row = file_of(db, cast, file_id)
    assert (row.state, row.reason_code) == ("READ", "not_stored")


def test_of_several_files_each_is_work_of_its_own(
    db: Database, cast: Cast, keep: Keep, room: ReadingRoom
) -> None:
    ids = sorted([keep(files.jpeg()), keep(files.jpeg(quality=50))], key=str)
    read_files(db, room, cast.company.id, ids)
    assert work(db, cast, FILE_READ)[2:] == [[str(id_)] for id_ in ids]
    assert readings(db, cast) == []


def test_a_row_of_the_outbox_reads_its_file(
    db: Database, sync_engine: Engine, cast: Cast, keep: Keep, room: ReadingRoom
) -> None:
    file_id = keep(files.jpeg())
    (row,) = rows_of(db, cast, "select id from outbox where topic = :topic", topic=FILE_READ)
    shop = Workshop(db, sync_engine, room=room)
    assert do_row(shop, cast.company.id, row.id) == "done"
    assert file_of(db, cast, file_id).state == "READ"


def test_what_a_killed_worker_left_under_way_is_cleared(room: ReadingRoom) -> None:
    import os

    with room.desk() as new:
        old = room.scratch / "old"
        shutil.copytree(new, old)
        os.utime(old, (0, 0))
        room.clear_left_over()
        assert new.exists()
        assert not old.exists()


def test_a_claim_holds_for_as_long_as_the_file_is_read(
    db: Database, cast: Cast, keep: Keep, room: ReadingRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    file_id = keep(files.jpeg())
    read = ReadingRoom.read

    def long(self: ReadingRoom, original: Path, scratch: Path, still: Any) -> Any:
        with db.company(cast.company.id) as uow:
            uow.run("update file set reading_until = now() where id = :id", id=file_id)
        still()
        with pytest.raises(BeingRead):
            read_file(db, self, cast.company.id, file_id)
        return read(self, original, scratch, still)

    monkeypatch.setattr(ReadingRoom, "read", long)
    assert read_file(db, room, cast.company.id, file_id) == "read"


def test_a_reader_says_now_and_then_that_it_is_still_at_work(
    room: ReadingRoom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "_MEANWHILE_S", 0.001)
    path, said = tmp_path / "slow", []
    path.write_bytes(files.jpeg(files.noise(1500, 1500)))
    with room.desk() as desk:
        assert isinstance(room.read(path, desk, lambda: said.append(1)), Read)
    assert said


def test_copies_stay_where_the_same_bytes_came_anew_while_they_were_read(
    db: Database,
    cast: Cast,
    keep: Keep,
    room: ReadingRoom,
    storage: LocalStorage,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = files.jpeg()
    file_id = keep(file)
    read = ReadingRoom.read

    def read_long(asked: ReadingRoom, *rest: Any) -> Any:
        monkeypatch.setattr(ReadingRoom, "read", read)
        found = read(asked, *rest)
        with db.company(cast.company.id) as uow:
            uow.run("delete from file where id = :id", id=file_id)
        assert read_file(db, room, cast.company.id, keep(file)) == "read"
        return found

    monkeypatch.setattr(ReadingRoom, "read", read_long)
    assert read_file(db, room, cast.company.id, file_id) == "gone"
    key = copy_key(cast.company.id, sha256(file).hexdigest(), READER_VERSION, "screen")
    assert storage.size(key)
