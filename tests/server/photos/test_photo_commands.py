"""What people see of photos and of files that could not be read, and how they have them read again."""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from click.testing import Result

from server.identity.change_log import Actor, changes_of
from server.media.files import FILE_READ, keep_file
from server.media.storage import LocalStorage
from server.photos import set_aside as set_aside_module
from server.photos.errors import NoSuchPhoto
from server.photos.photo_list import list_photos, read_photo
from server.photos.read_files import ReadingRoom, read_file
from server.photos.set_aside import list_files_set_aside, reread_files, retry_files
from sync.unit_of_work import Database
from tests import photo_files as files
from tests.factories import Cast, Person
from tests.photo_factories import shot
from tests.server.photos.conftest import LIMITS
from tests.sync.talking import Json, Phone

PhoneOf = Callable[[Person], Phone]
Run = Callable[..., Result]
PROGRAM = b"MZ" + bytes(3000)


class Sent:
    """A photo of a person whose bytes came and were read."""

    def __init__(self, db: Database, cast: Cast, folder: Path) -> None:
        self.db, self.cast, self.folder = db, cast, folder
        self.room = ReadingRoom(LocalStorage(folder / "files"), folder / "reading", LIMITS)

    def photo(self, phone: Phone, file: bytes) -> UUID:
        visit = phone.visit(self.cast.ana_stores[0])
        item: Json = shot(
            phone,
            visit_id=visit["entity_id"],
            sha256=sha256(file).hexdigest(),
            size=len(file),
        )
        assert set(phone.statuses(visit, item)) == {"applied"}
        return UUID(item["entity_id"])

    def file(self, file: bytes, *, is_read: bool = True) -> UUID:
        path = self.folder / uuid4().hex
        path.write_bytes(file)
        file_id = keep_file(
            self.db, self.room.storage, self.cast.company.id, path,
            sha256=sha256(file).hexdigest(), size=len(file),
            device_id=self.cast.ana.device.id, person_id=self.cast.ana.id,
        )  # fmt: skip
        if is_read:
            read_file(self.db, self.room, self.cast.company.id, file_id)
        return file_id

    def work(self) -> list[Any]:
        with self.db.company(self.cast.company.id) as uow:
            return [
                row.payload["ids"]
                for row in uow.rows(
                    "select payload from outbox where topic = :topic order by id", topic=FILE_READ
                )
            ]

    def state(self, file_id: UUID) -> tuple[Any, ...]:
        with self.db.company(self.cast.company.id) as uow:
            rows = uow.rows(
                "select state, attempts, reason_code from file where id = :id", id=file_id
            )
            return tuple(rows[0])


@pytest.fixture
def sent(db: Database, cast: Cast, tmp_path: Path) -> Any:
    made = Sent(db, cast, tmp_path)
    yield made
    made.room.close()


def test_photos_are_listed_and_shown_with_what_was_found(
    sent: Sent, cast: Cast, phone: PhoneOf, run: Run
) -> None:
    file = files.camera_jpeg(1, files.picture(600, 400))
    photo_id = sent.photo(phone(cast.ana), file)
    assert "has not come" in run("photo", "show", photo_id.hex[:8]).output
    sent.file(file)
    listed = run("photo", "list", "--state", "stored")
    assert listed.exit_code == 0, listed.output
    assert photo_id.hex[:8] in listed.output
    assert "There are no such photos." in run("photo", "list", "--state", "final").output
    shown = run("photo", "show", photo_id.hex[:8]).output
    assert "image/jpeg, 600 × 400, sharpness" in shown
    assert "Phonemaker Phone 7, software 17.1" in shown
    assert "2026-03-02 10:15:30 UTC+08:00" in shown
    assert "31.2304000, 121.4736111, accuracy 5 m" in shown
    assert "full 600 × 400" in shown


def test_photos_of_the_same_bytes_are_shown_with_each_other(
    sent: Sent, cast: Cast, phone: PhoneOf, db: Database
) -> None:
    ana = phone(cast.ana)
    first, second = (sent.photo(ana, files.jpeg()) for _ in range(2))
    with db.reading(cast.company.id) as uow:
        found = read_photo(uow, first)
    assert [one.id for one in found.same_bytes] == [second]


def test_whoever_may_not_see_a_photo_is_told_that_there_is_none(
    sent: Sent, cast: Cast, phone: PhoneOf, db: Database
) -> None:
    photo_id = sent.photo(phone(cast.ana), PROGRAM)
    sent.file(PROGRAM)
    with db.reading(cast.company.id) as uow:
        for asker, sees in ((cast.ana, True), (cast.sam, True), (cast.ben, False)):
            assert bool(list_photos(uow, asker_id=asker.id)) is sees
            assert bool(list_files_set_aside(uow, asker_id=asker.id)) is sees
        with pytest.raises(NoSuchPhoto):
            read_photo(uow, photo_id, cast.ben.id)


def test_a_file_that_is_set_aside_is_listed_with_its_reason_and_read_once_more(
    sent: Sent, cast: Cast, phone: PhoneOf, run: Run, db: Database
) -> None:
    sent.photo(phone(cast.ana), PROGRAM)
    file_id = sent.file(PROGRAM)
    listed = run("photo", "set-aside").output
    assert "not_a_photo" in listed
    assert "it is a Windows program" in listed
    again = run("photo", "retry", file_id.hex[:8])
    assert again.output == "1 will be read once more\n"
    assert sent.state(file_id) == ("STORED", 0, None)
    assert sent.work()[-1] == [str(file_id)]
    with db.reading(cast.company.id) as uow:
        (logged,) = changes_of(uow, subject_kind="file")
    assert (logged.action, logged.subject_id) == ("file.retry", str(file_id))
    assert logged.before == {
        "state": "SET_ASIDE", "reason_code": "not_a_photo", "reason": "it is a Windows program",
    }  # fmt: skip
    assert run("photo", "retry", file_id.hex[:8]).output == "0 will be read once more\n"
    assert read_file(db, sent.room, cast.company.id, file_id) == "set aside"


def test_files_are_read_once_more_by_their_reason(
    sent: Sent, cast: Cast, db: Database, office: Actor
) -> None:
    program, cut = sent.file(PROGRAM), sent.file(files.jpeg(files.noise(200, 200))[:5000])
    with db.company(cast.company.id) as uow:
        assert retry_files(uow, office, codes=["damaged"]) == [cut]
    assert [sent.state(one)[0] for one in (program, cut)] == ["SET_ASIDE", "STORED"]
    with db.company(cast.company.id) as uow:
        assert retry_files(uow, office) == [program]


def test_a_retry_says_which_files_are_meant(run: Run, sent: Sent) -> None:
    assert run("photo", "retry").exit_code == 2
    assert run("photo", "retry", "abcd1234", "--all").exit_code == 2
    assert "there is no such file" in run("photo", "retry", "abcd1234").output


def test_only_what_an_older_reader_read_is_read_again(
    sent: Sent, cast: Cast, db: Database, office: Actor, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    file_id = sent.file(files.jpeg())
    sent.file(PROGRAM)
    assert run("photo", "reread").output == "0 will be read by version 1 of the reader\n"
    monkeypatch.setattr(set_aside_module, "READER_VERSION", 2)
    before = sent.work()
    with db.company(cast.company.id) as uow:
        assert reread_files(uow, office) == 1
        (logged,) = changes_of(uow, subject_kind="company")[:1]
    assert sent.work() == [*before, [str(file_id)]]
    assert (logged.action, logged.after) == ("file.reread", {"files": 1, "reader_version": 2})
