"""Record and bytes come in either order, or at one moment: the photo is stored, and judged once it can be."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from typing import cast as as_type
from uuid import UUID, uuid4

import pytest

from server.jobs.work import Workshop, do_row
from server.media.files import make_known
from sync.engine import Engine
from sync.kinds import ALL_KINDS, photo
from sync.kinds.photo import publish
from sync.kinds.photo.judge import ARRIVED, FILES, JUDGE
from sync.kinds.photo.publish import FILE_PHOTOS, mark_expected, mark_uploading
from sync.unit_of_work import Database, UnitOfWork
from sync.work import leave_work
from tests.factories import Cast, Person
from tests.photo_factories import digest_of, shot
from tests.sync.conftest import SECRET
from tests.sync.talking import Json, Phone, only, rows_of

PhoneOf = Callable[[Person], Phone]
SHELF = digest_of("shelf")


def arrive(uow: UnitOfWork, cast: Cast) -> UUID:
    """The bytes of the shelf are there."""
    return make_known(
        uow, sha256=SHELF, size=1_000, device_id=cast.ana.device.id, person_id=cast.ana.id
    )


def read(uow: UnitOfWork, file_id: UUID) -> None:
    """Somebody has looked at them, as whoever reads files writes it."""
    uow.run("update file set state = 'READ' where id = :id", id=file_id)
    leave_work(uow, FILE_PHOTOS, [file_id])


def do_work(db: Database, cast: Cast, *topics: str) -> None:
    """All work of these topics that is due now."""
    shop = Workshop(db, as_type(Engine, None))
    company = cast.company.id
    for row in rows_of(db, cast, "select id, topic from outbox order by id"):
        if row.topic in topics:
            assert do_row(shop, company, row.id) == "done"


def state(db: Database, cast: Cast) -> str:
    return str(only(rows_of(db, cast, "select state from photo")).state)


def to_judge(db: Database, cast: Cast) -> set[str]:
    due = rows_of(db, cast, "select payload from outbox where topic = :topic", topic=JUDGE)
    return {id_ for row in due for id_ in row.payload["ids"]}


@contextmanager
def meanwhile(db: Database, cast: Cast, act: Callable[[UnitOfWork], object]) -> Iterator[None]:
    """The act is written, and commits when the block is left."""
    with db.company(cast.company.id) as uow:
        act(uow)
        yield


def test_bytes_after_the_record_store_it(cast: Cast, phone: PhoneOf, db: Database) -> None:
    ana = phone(cast.ana)
    item = shot(ana)
    ana.push(item)
    assert state(db, cast) == "EXPECTED"
    with db.company(cast.company.id) as uow:
        arrive(uow, cast)
    assert state(db, cast) == "STORED"
    ana.pull()
    assert ana.fields(item["entity_id"])["state"] == "STORED"


def test_a_record_after_its_bytes_is_stored_at_once_and_looked_at_when_they_are_read(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    ana = phone(cast.ana)
    with db.company(cast.company.id) as uow:
        file_id = arrive(uow, cast)
    item = shot(ana)
    ana.push(item)
    assert state(db, cast) == "STORED"
    do_work(db, cast, ARRIVED)
    assert to_judge(db, cast) == set()
    with db.company(cast.company.id) as uow:
        read(uow, file_id)
    do_work(db, cast, FILE_PHOTOS)
    assert to_judge(db, cast) == {item["entity_id"]}


def test_a_photo_that_waited_for_its_visit_is_stored_when_it_is_released_after_its_bytes(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    ana = phone(cast.ana)
    visit = ana.visit(cast.ana_stores[0])
    item = shot(ana, visit_id=visit["entity_id"])
    assert ana.push_one(item)["status"] == "deferred"
    with db.company(cast.company.id) as uow:
        arrive(uow, cast)
    ana.push(visit)
    assert ana.engine.release_deferred(cast.company.id, [UUID(visit["entity_id"])]) == 1
    assert state(db, cast) == "STORED"


def test_a_record_after_its_bytes_were_read_is_judged_without_delay(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    ana = phone(cast.ana)
    with db.company(cast.company.id) as uow:
        read(uow, arrive(uow, cast))
    item = shot(ana)
    ana.push(item)
    assert (state(db, cast), to_judge(db, cast)) == ("STORED", {item["entity_id"]})


@pytest.mark.parametrize("is_work_early", [True, False])
def test_a_record_that_commits_before_bytes_it_could_not_see_is_stored(
    cast: Cast, phone: PhoneOf, db: Database, *, is_work_early: bool
) -> None:
    ana = phone(cast.ana)
    item = shot(ana)
    with meanwhile(db, cast, lambda uow: arrive(uow, cast)):
        ana.push(item)
        if is_work_early:
            do_work(db, cast, ARRIVED)
    # Neither saw the other.
    assert state(db, cast) == "EXPECTED"
    do_work(db, cast, ARRIVED)
    with db.company(cast.company.id) as uow:
        read(uow, only(rows_of(db, cast, "select id from file")).id)
    do_work(db, cast, FILE_PHOTOS)
    assert (state(db, cast), to_judge(db, cast)) == ("STORED", {item["entity_id"]})


def test_bytes_that_commit_before_a_record_that_could_not_see_them_store_it(
    cast: Cast, db: Database
) -> None:
    def load(uow: UnitOfWork, *rest: Any) -> Any:
        found = FILES.load(uow, *rest)
        with db.company(cast.company.id) as other:
            arrive(other, cast)
        return found

    kind = replace(photo.KIND, reads=(replace(FILES, load=load),))
    kinds = tuple(kind if each.number == kind.number else each for each in ALL_KINDS)
    ana = Phone(Engine(db, kinds, SECRET), cast.ana.device)
    ana.push(shot(ana))
    # Neither saw the other.
    assert state(db, cast) == "EXPECTED"
    do_work(db, cast, ARRIVED)
    assert state(db, cast) == "STORED"


@pytest.mark.parametrize("is_work_early", [True, False])
def test_a_record_that_comes_while_its_file_is_being_read_is_judged(
    cast: Cast, phone: PhoneOf, db: Database, *, is_work_early: bool
) -> None:
    ana = phone(cast.ana)
    item = shot(ana)
    with db.company(cast.company.id) as uow:
        file_id = arrive(uow, cast)
    with meanwhile(db, cast, lambda uow: read(uow, file_id)):
        ana.push(item)
        if is_work_early:
            do_work(db, cast, ARRIVED)
    do_work(db, cast, ARRIVED, FILE_PHOTOS)
    assert to_judge(db, cast) == {item["entity_id"]}


def test_what_is_done_twice_is_done_once(cast: Cast, phone: PhoneOf, db: Database) -> None:
    ana = phone(cast.ana)
    item: Json = shot(ana)
    ana.push(item)
    for _ in range(2):
        with db.company(cast.company.id) as uow:
            arrive(uow, cast)
            leave_work(uow, ARRIVED, [item["entity_id"], uuid4()])
        do_work(db, cast, ARRIVED)
    row = only(rows_of(db, cast, "select state, version from photo"))
    assert tuple(row) == ("STORED", 2)
    assert len(rows_of(db, cast, "select from file")) == 1


def test_a_part_that_is_given_up_takes_no_photo_back_that_another_upload_has_just_stored(
    cast: Cast, phone: PhoneOf, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana = phone(cast.ana)
    item = shot(ana)
    ana.push(item)
    with db.company(cast.company.id) as uow:
        mark_uploading(uow, item["payload"]["sha256"])
    look = publish.photos_of_files

    def look_and_be_overtaken(uow: UnitOfWork, digests: Iterable[str]) -> Any:
        found = look(uow, digests)
        monkeypatch.setattr(publish, "photos_of_files", look)
        with db.company(cast.company.id) as other:
            arrive(other, cast)
        return found

    monkeypatch.setattr(publish, "photos_of_files", look_and_be_overtaken)
    with db.company(cast.company.id) as uow:
        assert mark_expected(uow, item["payload"]["sha256"]) == {}
    assert state(db, cast) == "STORED"
