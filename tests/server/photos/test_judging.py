"""Photos are judged by what was read in their files, once, and again when somebody asks."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from threading import Barrier
from typing import Any
from uuid import UUID

import msgspec
import pytest

from server.identity.change_log import Actor, changes_of
from server.identity.policy import change_policy
from server.photos import judging
from server.photos.evidence import Inputs, judge
from server.photos.judging import (
    judge_again,
    judge_files,
    judge_photos,
    judge_some_photos,
    leave_to_judge_again,
)
from server.photos.looks import mirrored_detail, mirrored_hash
from server.photos.signs import Sign
from sync.kinds.photo.judge import JUDGE
from sync.kinds.photo.publish import PhotoChange, mark_stored, set_photo_states
from sync.policy import current_policy
from sync.unit_of_work import Database
from tests.activities_factories import add_activity, add_activity_store
from tests.evidence_factories import DETAIL, add_file, add_read_file, add_reading, look
from tests.factories import TODAY, Cast, Person
from tests.photo_factories import digest_of, shot
from tests.sync.talking import DAY, HOUR, Json, Phone, counted_statements, only, rows_of, spot

PhoneOf = Callable[[Person], Phone]
ASKED = "select payload from outbox where topic = :topic order by id"


def take(phone: Phone, db: Database, cast: Cast, file: str, **payload: Any) -> UUID:
    """A photo whose bytes are there; an hour later the next one."""
    item = shot(phone, file, **payload)
    assert phone.push_one(item)["status"] == "applied"
    phone.now += HOUR // 60
    with db.company(cast.company.id) as uow:
        mark_stored(uow, [item["payload"]["sha256"]])
    return UUID(item["entity_id"])


def read(db: Database, cast: Cast, file: str, **found: Any) -> None:
    with db.company(cast.company.id) as uow:
        add_read_file(uow, cast, file, **found)


def judged(db: Database, cast: Cast, *ids: UUID) -> dict[UUID, list[Any]]:
    with db.company(cast.company.id) as uow:
        return judge_some_photos(uow, ids)


def state(db: Database, cast: Cast, id_: UUID) -> tuple[str, list[str]]:
    row = only(rows_of(db, cast, "select state, flags from photo where id = :id", id=id_))
    return row.state, row.flags


def evidence(db: Database, cast: Cast, id_: UUID) -> list[Any]:
    return rows_of(
        db, cast, "select * from photo_evidence where photo_id = :id order by version", id=id_
    )


def asked_again(db: Database, cast: Cast) -> list[str]:
    return [id_ for row in rows_of(db, cast, ASKED, topic=JUDGE) for id_ in row.payload["ids"]]


def test_a_photo_with_nothing_odd_becomes_ok_and_its_phone_hears_of_it(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    ana = phone(cast.ana)
    id_ = take(ana, db, cast, "shelf", store_id=cast.ana_stores[0])
    read(db, cast, "shelf", look=look(1))
    assert judged(db, cast, id_) == {id_: []}
    ana.pull()
    assert ana.fields(id_)["state"] == "OK"
    row = only(evidence(db, cast, id_))
    assert (row.version, row.reader_version, row.policy_version, row.flags) == (1, 1, 1, [])


def test_a_photo_whose_file_was_not_read_yet_is_left_as_it_is(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    id_ = take(phone(cast.ana), db, cast, "shelf")
    with db.company(cast.company.id) as uow:
        add_file(uow, cast, "shelf", "STORED")
    assert judged(db, cast, id_) == {}
    assert state(db, cast, id_)[0] == "STORED"


def test_a_photo_whose_file_was_set_aside_is_flagged_with_the_reason(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    id_ = take(phone(cast.ana), db, cast, "shelf")
    with db.company(cast.company.id) as uow:
        add_file(uow, cast, "shelf", "SET_ASIDE", reason_code="not_a_photo", reason="a program")
    assert judged(db, cast, id_) == {id_: [{"flag": "unreadable", "reason_not_a_photo": 1}]}
    assert state(db, cast, id_) == ("FLAGGED", ["unreadable"])


def test_everything_odd_is_flagged_at_once_and_its_phone_hears_of_it(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    ana = phone(cast.ana)
    lat_e7, lon_e7 = spot(cast, db, cast.ana_stores[0])
    id_ = take(ana, db, cast, "shelf", store_id=cast.ana_stores[0], source="GALLERY")
    read(
        db,
        cast,
        "shelf",
        sharpness=10,
        camera_at=datetime(2026, 3, 3, 9, 0),  # noqa: DTZ001 - a camera's own time
        camera_lat_e7=lat_e7 + 100_000,
        camera_lon_e7=lon_e7,
        signs=(
            Sign(sign="editor_named", permille=950, said="GIMP"),
            Sign(sign="screen", permille=900),
        ),
    )
    flags = {flag["flag"]: flag for flag in judged(db, cast, id_)[id_]}
    assert set(flags) == {"blurred", "camera_time_off", "taken_elsewhere", "edited", "screen"}
    assert flags["taken_elsewhere"]["distance_m"] in range(1_100, 1_125)
    ana.pull()
    told = ana.fields(id_)
    assert told["state"] == "FLAGGED"
    assert [flag["flag"] for flag in told["flags"]] == ["from_gallery", *flags]


def test_a_flag_of_the_capture_alone_lets_an_auditor_look(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    id_ = take(phone(cast.ana), db, cast, "shelf", source="GALLERY")
    read(db, cast, "shelf")
    assert judged(db, cast, id_) == {id_: []}
    assert state(db, cast, id_) == ("FLAGGED", ["from_gallery"])


@pytest.mark.parametrize(("mirrored", "same_file"), [(False, False), (True, False), (False, True)])
def test_a_look_alike_of_another_store_flags_the_later_photo_only(
    cast: Cast, phone: PhoneOf, db: Database, mirrored: bool, same_file: bool
) -> None:
    ana = phone(cast.ana)
    first, second = cast.ana_stores[:2]
    one, other = look(0b1111), look(0b1000)
    if mirrored:
        other = look(mirrored_hash(0b1000), mirrored_detail(DETAIL))
    earlier = take(ana, db, cast, "one", store_id=first)
    later = take(ana, db, cast, "one" if same_file else "other", store_id=second)
    read(db, cast, "one", look=one)
    if not same_file:
        read(db, cast, "other", look=other)
    assert judged(db, cast, earlier, later)[earlier] == []
    assert only(judged(db, cast, later)[later]) == {
        "flag": "reused",
        "distance_bits": 0 if same_file else 3,
        "detail_permille": 0,
        "is_same_file": int(same_file),
        "is_mirrored": int(mirrored),
        "is_other_store": 1,
        "days": 0,
        "others": 1,
    }
    assert state(db, cast, earlier)[0] == "OK"
    kept = evidence(db, cast, later)[-1].evidence
    assert kept["reused"] == [{"of": "photo", "id": str(earlier)}]


def test_the_same_file_is_found_where_its_picture_is_too_flat_to_tell(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    ana = phone(cast.ana)
    take(ana, db, cast, "wall", store_id=cast.ana_stores[0])
    later = take(ana, db, cast, "wall", store_id=cast.ana_stores[1])
    read(db, cast, "wall", look=None)
    (flag,) = judged(db, cast, later)[later]
    assert flag["is_same_file"] == 1
    assert "detail_permille" not in flag


def test_look_alikes_of_one_store_and_day_are_what_they_should_be(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    ana = phone(cast.ana)
    ids = [take(ana, db, cast, name, store_id=cast.ana_stores[0]) for name in ("one", "other")]
    read(db, cast, "one", look=look(1))
    read(db, cast, "other", look=look(1))
    assert judged(db, cast, *ids) == {id_: [] for id_ in ids}


def test_a_look_alike_of_the_same_store_on_another_day_is_reused(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    ana = phone(cast.ana)
    take(ana, db, cast, "one", store_id=cast.ana_stores[0])
    ana.now += 2 * DAY
    later = take(ana, db, cast, "other", store_id=cast.ana_stores[0])
    read(db, cast, "one", look=look(1))
    read(db, cast, "other", look=look(1))
    (flag,) = judged(db, cast, later)[later]
    assert (flag["is_other_store"], flag["days"]) == (0, 2)


@pytest.mark.parametrize(("bits", "detail"), [(9, DETAIL), (0, bytes(32 - 10) + b"\xff" * 10)])
def test_a_look_alike_beyond_the_companys_bounds_is_none(
    cast: Cast, phone: PhoneOf, db: Database, bits: int, detail: bytes
) -> None:
    ana = phone(cast.ana)
    take(ana, db, cast, "one", store_id=cast.ana_stores[0])
    later = take(ana, db, cast, "other", store_id=cast.ana_stores[1])
    read(db, cast, "one", look=look(0))
    read(db, cast, "other", look=look(2**bits - 1, detail))
    assert judged(db, cast, later)[later] == []


def test_a_photo_that_comes_late_lets_the_one_that_reused_it_be_judged_again(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    ana = phone(cast.ana)
    earlier = take(ana, db, cast, "one", store_id=cast.ana_stores[0])
    later = take(ana, db, cast, "other", store_id=cast.ana_stores[1])
    read(db, cast, "other", look=look(1))
    assert judged(db, cast, later)[later] == []
    read(db, cast, "one", look=look(1))
    assert judged(db, cast, earlier)[earlier] == []
    assert asked_again(db, cast) == [str(later)]
    judge_photos(db, cast.company.id, [later])
    assert state(db, cast, later) == ("FLAGGED", ["reused"])
    # Once is enough.
    judged(db, cast, earlier)
    assert asked_again(db, cast) == [str(later)]


def test_of_two_that_are_judged_at_one_moment_the_later_is_flagged(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    ana = phone(cast.ana)
    earlier = take(ana, db, cast, "one", store_id=cast.ana_stores[0])
    later = take(ana, db, cast, "other", store_id=cast.ana_stores[1])
    read(db, cast, "one", look=look(1))
    read(db, cast, "other", look=look(3))
    together = Barrier(2)

    def judge_one(id_: UUID) -> None:
        together.wait()
        judge_photos(db, cast.company.id, [id_])

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(judge_one, id_) for id_ in (earlier, later)]:
            done.result()
    judge_photos(db, cast.company.id, map(UUID, asked_again(db, cast)))
    assert state(db, cast, earlier) == ("OK", [])
    assert state(db, cast, later) == ("FLAGGED", ["reused"])


def test_another_companys_photo_is_nobodys_look_alike(
    cast: Cast, other: Cast, phone: PhoneOf, db: Database
) -> None:
    theirs = phone(other.ana)
    take(theirs, db, other, "one", store_id=other.ana_stores[0])
    read(db, other, "one", look=look(1))
    ana = phone(cast.ana)
    ana.now += DAY
    mine = take(ana, db, cast, "one", store_id=cast.ana_stores[0])
    read(db, cast, "one", look=look(1))
    assert judged(db, cast, mine)[mine] == []


def test_judging_twice_writes_nothing_twice(cast: Cast, phone: PhoneOf, db: Database) -> None:
    id_ = take(phone(cast.ana), db, cast, "shelf")
    read(db, cast, "shelf", sharpness=1)
    judge_photos(db, cast.company.id, [id_, id_])
    judge_photos(db, cast.company.id, [id_])
    assert len(evidence(db, cast, id_)) == 1
    assert only(rows_of(db, cast, "select version from photo")).version == 3


def test_todays_settings_give_a_new_version_of_the_evidence_and_the_old_one_stays(
    cast: Cast, phone: PhoneOf, db: Database, office: Actor
) -> None:
    id_ = take(phone(cast.ana), db, cast, "shelf")
    read(db, cast, "shelf", sharpness=100)
    judged(db, cast, id_)
    with db.company(cast.company.id) as uow:
        change_policy(uow, office, {"photo_sharpness_min": 200})
        judge_again(uow, office, [id_])
        assert changes_of(uow)[0].action == "photo.judge_again"
    old, new = evidence(db, cast, id_)
    assert (old.policy_version, old.flags) == (1, [])
    assert (new.policy_version, [flag["flag"] for flag in new.flags]) == (2, ["blurred"])
    assert state(db, cast, id_) == ("FLAGGED", ["blurred"])


def test_a_newer_reading_is_what_a_photo_is_judged_by(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    id_ = take(phone(cast.ana), db, cast, "shelf")
    read(db, cast, "shelf", sharpness=1)
    judged(db, cast, id_)
    with db.company(cast.company.id) as uow:
        add_reading(uow, "shelf", reader_version=2)
    assert judged(db, cast, id_) == {id_: []}
    assert [row.reader_version for row in evidence(db, cast, id_)] == [1, 2]


@pytest.mark.parametrize("verdict", ["PASS", "FAIL"])
def test_evidence_never_takes_a_verdict_back(
    cast: Cast, phone: PhoneOf, db: Database, verdict: str
) -> None:
    id_ = take(phone(cast.ana), db, cast, "shelf")
    read(db, cast, "shelf")
    judged(db, cast, id_)
    with db.company(cast.company.id) as uow:
        set_photo_states(uow, {id_: PhotoChange(verdict)})
        add_reading(uow, "shelf", reader_version=2, sharpness=1)
    assert [flag["flag"] for flag in judged(db, cast, id_)[id_]] == ["blurred"]
    assert state(db, cast, id_) == (verdict, [])


def test_what_was_kept_gives_the_same_flags_again(cast: Cast, phone: PhoneOf, db: Database) -> None:
    ana = phone(cast.ana)
    take(ana, db, cast, "one", store_id=cast.ana_stores[0])
    id_ = take(ana, db, cast, "other", store_id=cast.ana_stores[1])
    read(db, cast, "one", look=look(1))
    read(db, cast, "other", look=look(3), sharpness=5)
    flags = judged(db, cast, id_)[id_]
    kept = only(evidence(db, cast, id_))
    with db.reading(cast.company.id) as uow:
        _, policy = current_policy(uow)
    assert judge(msgspec.convert(kept.evidence["inputs"], Inputs), policy) == kept.flags == flags


def test_the_statements_do_not_grow_with_the_photos(
    cast: Cast, phone: PhoneOf, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana = phone(cast.ana)
    names = [f"shelf {n}" for n in range(12)]
    ids = [
        take(ana, db, cast, name, store_id=cast.ana_stores[n % 3]) for n, name in enumerate(names)
    ]
    for n, name in enumerate(names):
        read(db, cast, name, look=look(n << 20))
    counts = []
    for some in (ids[:1], ids[1:]):
        with counted_statements(monkeypatch) as statements:
            judged(db, cast, *some)
        counts.append(len(statements))
    assert counts[1] <= counts[0] + 2


def test_many_photos_are_judged_in_several_transactions(
    cast: Cast, phone: PhoneOf, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judging, "AT_ONCE", 2)
    ana = phone(cast.ana)
    ids = [take(ana, db, cast, f"shelf {n}") for n in range(5)]
    for n in range(5):
        read(db, cast, f"shelf {n}")
    judge_photos(db, cast.company.id, ids)
    assert {state(db, cast, id_)[0] for id_ in ids} == {"OK"}


def test_photos_since_a_day_are_left_to_workers_to_judge_again(
    cast: Cast, phone: PhoneOf, db: Database, office: Actor
) -> None:
    ana = phone(cast.ana)
    id_ = take(ana, db, cast, "shelf")
    take(ana, db, cast, "not read")
    read(db, cast, "shelf")
    judged(db, cast, id_)
    with db.company(cast.company.id) as uow:
        assert leave_to_judge_again(uow, office, TODAY) == 1
    assert asked_again(db, cast) == [str(id_)]


def brought(db: Database, cast: Cast, phone: Phone, file: str, store: UUID) -> Json:
    with db.company(cast.company.id) as uow:
        place = add_activity_store(uow, add_activity(uow), store)
    visit = phone.visit(store)
    payload = {
        "activity_store_id": str(place),
        "visit_id": visit["entity_id"],
        "standards_version": 1,
        "occurred": phone.event(),
        "answers": [],
        "photos": [{"item": "POSTER", "sha256": digest_of(file), "size": 1_000}],
    }
    item = phone.item("audit_visit", "create", UUID(int=UUID(visit["entity_id"]).int ^ 1), payload)
    assert phone.statuses(visit, item) == ["applied", "applied"]
    return item


def test_a_file_that_only_an_audit_visit_names_is_judged_as_of_that_visit(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    ana = phone(cast.ana)
    take(ana, db, cast, "one", store_id=cast.ana_stores[0])
    item = brought(db, cast, ana, "other", cast.ana_stores[1])
    read(db, cast, "one", look=look(1))
    read(db, cast, "other", look=look(1), sharpness=1)
    with db.company(cast.company.id) as uow:
        found = judge_files(uow, UUID(item["entity_id"]), [digest_of("other"), digest_of("none")])
        judge_files(uow, UUID(item["entity_id"]), [digest_of("other")])
    assert [flag["flag"] for flag in found[digest_of("other")]] == ["reused", "blurred"]
    assert set(found) == {digest_of("other")}
    row = only(rows_of(db, cast, "select version, flags from file_evidence"))
    assert row.version == 1


def test_what_an_audit_visit_showed_before_counts_as_an_earlier_photo(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    ana = phone(cast.ana)
    brought(db, cast, ana, "one", cast.ana_stores[0])
    ana.now += DAY
    later = take(ana, db, cast, "one", store_id=cast.ana_stores[1])
    read(db, cast, "one", look=look(1))
    (flag,) = judged(db, cast, later)[later]
    assert (flag["flag"], flag["is_same_file"]) == ("reused", 1)
    assert evidence(db, cast, later)[0].evidence["reused"][0]["of"] == "audit_visit"
