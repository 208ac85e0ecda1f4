"""What nobody names or goes on with goes after a while; what anybody names stays."""

from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from server.identity.change_log import Actor
from server.media.check import check_files
from server.media.files import keep_file
from server.media.installed import Media, MediaBounds
from server.media.keys import copy_key, original_key
from server.media.leaving import end_old_uploads, let_unnamed_go
from server.media.staging import Gone, Staging
from server.media.storage import LocalStorage
from server.media.uploads import Uploads
from sync.unit_of_work import Database
from tests.factories import Cast


@pytest.fixture
def media(tmp_path: Path) -> Media:
    return Media(LocalStorage(tmp_path / "files"), Staging(tmp_path / "uploads"), MediaBounds())


class House:
    """A company with files."""

    def __init__(self, database: Database, media: Media, cast: Cast, folder: Path) -> None:
        self.database, self.media, self.cast, self.folder = database, media, cast, folder

    def keep(self, content: bytes) -> str:
        """A file that came 31 days ago."""
        path = self.folder / uuid4().hex
        path.write_bytes(content)
        digest = sha256(content).hexdigest()
        keep_file(
            self.database,
            self.media.storage,
            self.cast.company.id,
            path,
            sha256=digest,
            size=len(content),
            device_id=self.cast.ana.device.id,
            person_id=self.cast.ana.id,
        )
        self.run(
            "update file set stored_at = now() - interval '31 days' where sha256 = :d", d=digest
        )
        return digest

    def run(self, statement: str, **values: Any) -> int:
        with self.database.company(self.cast.company.id) as uow:
            return uow.run(statement, **values)

    def one(self, statement: str, **values: Any) -> Any:
        with self.database.reading(self.cast.company.id) as uow:
            return uow.rows(statement, **values)[0][0]

    def has_row(self, digest: str) -> bool:
        return bool(self.one("select count(*) from file where sha256 = :d", d=digest))

    def has_bytes(self, digest: str) -> bool:
        return self.media.storage.size(original_key(self.cast.company.id, digest)) is not None

    def night(self) -> None:
        """Let go what is to go, and a day pass."""
        let_unnamed_go(self.database, self.media, self.cast.company.id)
        self.run("update file_leaving set since = since - interval '25 hours'")

    def photo(self, digest: str) -> UUID:
        made = uuid4()
        self.run(
            "insert into photo (company_id, id, version, person_id, device_id, role, sha256, size,"
            " occurred_at, trust, business_day, is_mock, state, flags, received_at) values"
            " (:c, :id, 1, :p, :d, 'shelf', :sha256, 1, now(), 'CLOCK', current_date, false,"
            " 'STORED', '{}', now())",
            c=self.cast.company.id,
            id=made,
            p=self.cast.ana.id,
            d=self.cast.ana.device.id,
            sha256=digest,
        )
        return made


@pytest.fixture
def house(media_database: Database, media: Media, cast: Cast, tmp_path: Path) -> House:
    return House(media_database, media, cast, tmp_path)


def test_a_file_that_no_record_names_goes_in_two_steps_with_its_copies(house: House) -> None:
    digest = house.keep(b"nobody's")
    (house.folder / "copy").write_bytes(b"small")
    copied = copy_key(house.cast.company.id, digest, 1, "thumb")
    house.media.storage.put(copied, house.folder / "copy")
    house.night()
    assert (house.has_row(digest), house.has_bytes(digest)) == (False, True)
    house.night()
    assert not house.has_bytes(digest)
    assert house.media.storage.size(copied) is None


def test_a_file_stays_until_its_time(house: House) -> None:
    digest = house.keep(b"young")
    house.run("update file set stored_at = now() where sha256 = :d", d=digest)
    house.night()
    assert house.has_row(digest)


def test_a_file_that_was_announced_again_stays_on(house: House) -> None:
    digest = house.keep(b"announced")
    house.run("update file set announced_at = now() where sha256 = :d", d=digest)
    house.night()
    assert house.has_row(digest)


def test_a_file_that_a_photo_names_stays(house: House) -> None:
    digest = house.keep(b"named")
    house.photo(digest)
    house.night()
    assert house.has_row(digest)


def test_a_file_in_the_manifest_of_an_item_stays(house: House) -> None:
    digest = house.keep(b"announced by an item")
    house.run(
        "insert into remark (company_id, op_id, kind, op, entity_id, person_id, media, received_at)"
        " values (:c, :id, 'store', 'edit', :id, :p, cast(:media as jsonb), now())",
        c=house.cast.company.id,
        id=uuid4(),
        p=house.cast.ana.id,
        media=f'{{"files": [{{"sha256": "{digest}", "size": 1, "role": "pin"}}]}}',
    )
    house.night()
    assert house.has_row(digest)


@pytest.mark.parametrize(("state", "stays"), [("QUARANTINED", True), ("SET_ASIDE", False)])
def test_a_file_that_a_waiting_item_names_stays(house: House, state: str, *, stays: bool) -> None:
    digest = house.keep(state.encode())
    house.run(
        "insert into kept_item (company_id, op_id, digest, person_id, device_id, state, missing, raw,"
        " contract, sent_at, sent_uptime_ms, sent_boot_id, received_at)"
        " values (:c, :id, '', :p, :id, :state, '{}', :raw, 2, 0, 0, '', now())",
        c=house.cast.company.id,
        id=uuid4(),
        p=house.cast.ana.id,
        state=state,
        raw=f'{{"payload": {{"sha256": "{digest}"}}}}'.encode(),
    )
    house.night()
    assert house.has_row(digest) == stays


def test_a_record_that_comes_while_its_file_leaves_gets_it_back(house: House) -> None:
    digest = house.keep(b"just in time")
    house.night()
    assert not house.has_row(digest)
    house.photo(digest)
    house.night()
    assert (house.has_row(digest), house.has_bytes(digest)) == (True, True)
    # And it is read again.
    assert house.one("select count(*) from outbox where topic = 'file_read'") == 2


def test_a_file_that_is_sent_again_while_it_leaves_stays(house: House) -> None:
    digest = house.keep(b"sent again")
    house.night()
    house.keep(b"sent again")
    house.run("update file set stored_at = now()")
    house.night()
    assert (house.has_row(digest), house.has_bytes(digest)) == (True, True)


# --- uploads --------------------------------------------------------------------------------------


def begin_upload(house: House, content: bytes, sent: int, sha256_: str | None = None) -> UUID:
    """An upload that expired an hour ago, with so many bytes."""
    made = uuid4()
    company = house.cast.company.id
    house.run(
        "insert into upload (company_id, id, device_id, person_id, sha256, size, received, metadata,"
        " state, created_at, expires_at) values (:c, :id, :d, :p, :sha256, :size, :sent, '', 'OPEN',"
        " now() - interval '4 days', now() - interval '1 hour')",
        c=company,
        id=made,
        d=house.cast.ana.device.id,
        p=house.cast.ana.id,
        sha256=sha256_ or sha256(content).hexdigest(),
        size=len(content),
        sent=sent,
    )
    house.media.staging.make(company, made)
    writer = house.media.staging.begin(company, made, 0, is_proved=True)
    writer.add(content[:sent])
    writer.keep()
    return made


def end_old(house: House) -> None:
    uploads = Uploads(house.database, house.media, body_s=0)
    end_old_uploads(house.database, uploads, house.cast.company.id)


def state_of(house: House, upload: UUID) -> str:
    return str(house.one("select state from upload where id = :id", id=upload))


def test_an_upload_that_nobody_goes_on_with_is_dropped_and_told_of_for_a_day(house: House) -> None:
    upload = begin_upload(house, b"half a photo", 5)
    end_old(house)
    assert state_of(house, upload) == "DROPPED"
    with pytest.raises(Gone):
        house.media.staging.offset(house.cast.company.id, upload)
    house.run("update upload set expires_at = now() - interval '25 hours'")
    end_old(house)
    assert house.one("select count(*) from upload") == 0


def test_an_upload_whose_bytes_are_all_there_is_stored_after_all(house: House) -> None:
    upload = begin_upload(house, b"a whole photo", 13)
    end_old(house)
    assert state_of(house, upload) == "STORED"
    assert house.has_row(sha256(b"a whole photo").hexdigest())


def test_one_whose_bytes_are_others_is_dropped(house: House) -> None:
    upload = begin_upload(house, b"others", 6, "0" * 64)
    end_old(house)
    assert state_of(house, upload) == "DROPPED"


# --- rows and bytes -------------------------------------------------------------------------------


def test_rows_and_bytes_that_agree_are_well(house: House) -> None:
    house.keep(b"one")
    checked = check_files(house.database, house.media, house.cast.company.id)
    assert (checked.is_well, checked.files, checked.bytes) == (True, 1, 3)


def test_a_row_without_its_bytes_is_found_and_taken_away(house: House) -> None:
    digest = house.keep(b"lost")
    house.media.storage.delete(original_key(house.cast.company.id, digest))
    checked = check_files(house.database, house.media, house.cast.company.id)
    assert (checked.lost, checked.lost_digests, house.has_row(digest)) == (1, [digest], True)
    check_files(
        house.database, house.media, house.cast.company.id, mender=Actor.command("the operator")
    )
    assert not house.has_row(digest)
    assert check_files(house.database, house.media, house.cast.company.id).is_well
    assert house.one("select subject_id from change_log where action = 'file.lost'") == digest


@pytest.mark.parametrize("is_named", [True, False])
def test_bytes_without_a_row_become_a_file_again_where_a_record_names_them(
    house: House, *, is_named: bool
) -> None:
    digest = house.keep(b"found" if is_named else b"left over")
    house.run("delete from file where sha256 = :d", d=digest)
    if is_named:
        house.photo(digest)
    checked = check_files(
        house.database, house.media, house.cast.company.id, mender=Actor.command("the operator")
    )
    assert (checked.found, checked.found_digests) == (1, [digest])
    house.night()
    assert (house.has_row(digest), house.has_bytes(digest)) == (is_named, is_named)
    assert check_files(house.database, house.media, house.cast.company.id).is_well


def test_bounds_are_the_installations(house: House) -> None:
    digest = house.keep(b"a week old")
    short = Media(
        house.media.storage, house.media.staging, MediaBounds(unnamed_for=timedelta(days=60))
    )
    let_unnamed_go(house.database, short, house.cast.company.id)
    assert house.has_row(digest)
