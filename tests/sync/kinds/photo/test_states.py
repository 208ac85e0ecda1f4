"""How photos come into their states, and what phones are told of it."""

from collections.abc import Callable
from uuid import UUID, uuid4

import pytest

from sync.flag import Flag
from sync.kinds.photo.publish import (
    PhotoChange,
    mark_expected,
    mark_stored,
    mark_uploading,
    photos_of_files,
    set_photo_states,
)
from sync.kinds.photo.states import SHOOTING, may_become
from sync.unit_of_work import Database
from tests.factories import Cast, Person
from tests.photo_factories import digest_of, shot
from tests.sync.talking import Json, Phone, counted_statements, only, rows_of

PhoneOf = Callable[[Person], Phone]
BLURRED: Flag = {"flag": "blurred", "blur": 3, "limit": 20}


def taken(phone: Phone, *files: str) -> list[UUID]:
    items = [shot(phone, file) for file in files]
    assert phone.statuses(*items) == ["applied"] * len(items)
    return [UUID(item["entity_id"]) for item in items]


def become(db: Database, cast: Cast, id_: UUID, *states: str) -> list[dict[UUID, str]]:
    found = []
    for state in states:
        with db.company(cast.company.id) as uow:
            found.append(set_photo_states(uow, {id_: PhotoChange(state)}))
    return found


def held(phone: Phone, id_: UUID) -> Json:
    phone.pull()
    return phone.fields(id_)


def test_a_photo_lives_through_its_states_and_the_phone_sees_each(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    ana = phone(cast.ana)
    (id_,) = taken(ana, "shelf")
    way = ["UPLOADING", "STORED", "OK", "FLAGGED", "FAIL", "APPEALED", "FINAL"]
    seen = []
    for state in way:
        assert become(db, cast, id_, state) == [{id_: state}]
        seen.append(held(ana, id_)["state"])
    assert seen == way
    row = only(rows_of(db, cast, "select version, state from photo"))
    assert tuple(row) == (1 + len(way), "FINAL")


def test_what_the_machine_does_not_allow_is_passed_over(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    (id_,) = taken(phone(cast.ana), "shelf")
    assert become(db, cast, id_, "OK", "PASS", "EXPECTED", "FINAL") == [{}] * 4
    assert become(db, cast, uuid4(), "STORED") == [{}]
    assert only(rows_of(db, cast, "select version, state from photo")).version == 1
    assert not may_become("PASS", "STORED")
    assert may_become("FAIL", "APPEALED")


def test_bytes_that_come_whole_store_every_photo_that_waits_for_them_once(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    first, second, other = taken(phone(cast.ana), "shelf", "shelf", "other")
    digest = digest_of("shelf")
    with db.company(cast.company.id) as uow:
        assert set(mark_uploading(uow, digest)) == {first, second}
        assert mark_uploading(uow, digest) == {}
        assert set(mark_expected(uow, digest)) == {first, second}
        assert set(mark_stored(uow, [digest])) == {first, second}
        assert mark_stored(uow, [digest]) == {}
        assert [photo.state for photo in photos_of_files(uow, [digest])] == ["STORED"] * 2
    states = rows_of(db, cast, "select id, state from photo")
    assert dict(map(tuple, states))[other] == "EXPECTED"


def test_flags_of_the_evidence_follow_each_other_and_those_of_the_capture_stay(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    ana = phone(cast.ana)
    item = shot(ana, source="GALLERY")
    ana.push(item)
    id_ = UUID(item["entity_id"])
    become(db, cast, id_, "STORED")
    with db.company(cast.company.id) as uow:
        changed = set_photo_states(uow, {id_: PhotoChange("FLAGGED", [BLURRED])})
    assert changed == {id_: "FLAGGED"}
    fields = held(ana, id_)
    assert fields["flags"] == [{"flag": "from_gallery"}, BLURRED]
    since = fields["state_at"]
    dark: Flag = {"flag": "dark", "darkness": 9}
    with db.company(cast.company.id) as uow:
        again = PhotoChange("FLAGGED", [dark, {"flag": "from_gallery"}])
        assert set_photo_states(uow, {id_: again}) == {id_: "FLAGGED"}
        assert set_photo_states(uow, {id_: again}) == {}
    fields = held(ana, id_)
    assert fields["flags"] == [{"flag": "from_gallery"}, dark]
    assert fields["state_at"] == since
    assert only(rows_of(db, cast, "select flags from photo")).flags == ["from_gallery", "dark"]


def test_many_photos_take_no_more_statements_than_one(
    cast: Cast, phone: PhoneOf, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = taken(phone(cast.ana), *(f"shelf {nth}" for nth in range(21)))
    counts = []
    for some in (ids[:1], ids[1:]):
        with db.company(cast.company.id) as uow, counted_statements(monkeypatch) as statements:
            assert len(set_photo_states(uow, dict.fromkeys(some, PhotoChange("STORED")))) == len(
                some
            )
        counts.append(len(statements))
    assert counts[0] == counts[1]


def test_from_every_state_but_the_last_something_leads_on() -> None:
    assert SHOOTING.last_states == ("FINAL",)
