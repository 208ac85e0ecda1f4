"""What becomes of what reps bring for an activity: kept whole, with what is missing as flags."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest

from sync.unit_of_work import Database
from tests.activities_factories import STANDARDS, add_activity, add_activity_store, add_standards
from tests.factories import Cast, Person
from tests.sync.talking import Json, Phone, only, rows_of

PhoneOf = Callable[[Person], Phone]

ANSWERS = [
    {"item": "END_CAP", "answer": "DONE"},
    {"item": "POSTER", "answer": "DONE", "note": "in the window"},
    {"item": "PRICE_TAG", "answer": "NOT_APPLICABLE"},
]
PHOTOS = [
    {"item": "END_CAP", "sha256": "a" * 64, "size": 10},
    {"item": "END_CAP", "sha256": "b" * 64, "size": 11},
    {"item": "POSTER", "sha256": "a" * 64, "size": 10},
]


@dataclass(frozen=True)
class Running:
    activity: UUID
    store: UUID
    taking_part: UUID


@pytest.fixture
def running(cast: Cast, db: Database) -> Running:
    with db.company(cast.company.id) as uow:
        activity = add_activity(uow)
        taking_part = add_activity_store(uow, activity, cast.ana_stores[0])
    return Running(activity, cast.ana_stores[0], taking_part)


def bring(phone: Phone, taking_part: object, visit: object, **payload: Any) -> Json:
    whole = {
        "activity_store_id": str(taking_part),
        "visit_id": str(visit),
        "standards_version": 1,
        "occurred": phone.event(),
        "answers": ANSWERS,
        "photos": PHOTOS,
        **payload,
    }
    return phone.item("audit_visit", "create", uuid4(), whole)


def correct(phone: Phone, id_: str, base_version: int, **changes: Any) -> Json:
    payload = {"reason": "one photo was left out", "changes": changes}
    return phone.item("audit_visit", "correct", id_, payload, base_version=base_version)


def brought(phone: Phone, item: Json) -> Json:
    phone.pull()
    return phone.fields(item["entity_id"])


def flags(fields: Json) -> list[str]:
    return [flag["flag"] for flag in fields["flags"]]


def test_what_is_whole_has_no_flag_and_comes_down_to_its_author(
    cast: Cast, phone: PhoneOf, db: Database, running: Running
) -> None:
    ana, sam = phone(cast.ana), phone(cast.sam)
    visit = ana.visit(running.store)
    item = bring(ana, running.taking_part, visit["entity_id"], note="well done")
    assert ana.statuses(visit, item) == ["applied"] * 2
    fields = brought(ana, item)
    assert fields["flags"] == []
    assert (fields["activity_id"], fields["store_id"]) == (
        str(running.activity),
        str(running.store),
    )
    assert fields["photos"] == PHOTOS
    assert [each["note"] for each in fields["answers"]] == [None, "in the window", None]
    sam.pull()
    assert item["entity_id"] not in sam.held
    row = only(rows_of(db, cast, "select version, answers, photos, flags from audit_visit"))
    assert tuple(row) == (1, 3, 3, [])
    assert len(rows_of(db, cast, "select from audit_photo")) == len(PHOTOS)
    remark = only(rows_of(db, cast, "select media from remark"))
    assert [file["role"] for file in remark.media["files"]] == ["END_CAP", "END_CAP", "POSTER"]


def test_it_comes_before_its_visit_and_waits(cast: Cast, phone: PhoneOf, running: Running) -> None:
    ana = phone(cast.ana)
    visit = ana.visit(running.store)
    item = bring(ana, running.taking_part, visit["entity_id"])
    result = ana.push_one(item)
    assert (result["status"], result["missing"]) == ("deferred", [visit["entity_id"]])
    # The other way round in one batch is in order.
    other = ana.visit(running.store)
    assert ana.statuses(bring(ana, running.taking_part, other["entity_id"]), other) == (
        ["applied"] * 2
    )


def test_what_is_missing_is_flagged_and_a_correction_that_adds_it_is_not(
    cast: Cast, phone: PhoneOf, db: Database, running: Running
) -> None:
    ana = phone(cast.ana)
    visit = ana.visit(running.store)
    item = bring(ana, running.taking_part, visit["entity_id"], photos=PHOTOS[:1])
    ana.push(visit, item)
    assert flags(brought(ana, item)) == ["photos_missing"]
    result = ana.push_one(correct(ana, item["entity_id"], 1, photos=PHOTOS))
    assert (result["status"], result["version"]) == ("applied", 2)
    assert brought(ana, item)["flags"] == []
    kept = rows_of(
        db, cast, "select version, count(*) as photos from audit_photo group by 1 order by 1"
    )
    assert [tuple(row) for row in kept] == [(1, 1), (2, 3)]
    assert len(rows_of(db, cast, "select from audit_answer")) == 2 * len(ANSWERS)


def test_a_correction_in_the_batch_of_its_creation_is_judged_by_the_standards(
    cast: Cast, phone: PhoneOf, running: Running
) -> None:
    ana = phone(cast.ana)
    visit = ana.visit(running.store)
    item = bring(ana, running.taking_part, visit["entity_id"])
    results = ana.statuses(visit, item, correct(ana, item["entity_id"], 1, answers=ANSWERS[:1]))
    assert results == ["applied"] * 3
    assert flags(brought(ana, item)) == ["items_unanswered"]


def test_two_corrections_of_one_base_leave_the_later(
    cast: Cast, phone: PhoneOf, running: Running
) -> None:
    ana = phone(cast.ana)
    visit = ana.visit(running.store)
    item = bring(ana, running.taking_part, visit["entity_id"])
    ana.push(visit, item)
    for note in ("one", "two"):
        assert ana.push_one(correct(ana, item["entity_id"], 1, note=note))["status"] == "applied"
    assert brought(ana, item)["note"] == "two"


def test_a_store_that_does_not_run_an_activity_that_is_not_open_is_flagged(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    with db.company(cast.company.id) as uow:
        activity = add_activity(uow, state="SUSPENDED")
        taking_part = add_activity_store(uow, activity, cast.ana_stores[0], state="APPROVED")
    ana = phone(cast.ana)
    visit = ana.visit(cast.ana_stores[1])
    item = bring(ana, taking_part, visit["entity_id"])
    assert ana.statuses(visit, item) == ["applied"] * 2
    assert flags(brought(ana, item)) == ["not_running", "other_store", "activity_not_open"]
    # They stay when it is corrected: they are not about what the correction says.
    ana.push_one(correct(ana, item["entity_id"], 1, photos=[]))
    assert flags(brought(ana, item)) == [
        "not_running",
        "other_store",
        "activity_not_open",
        "photos_missing",
    ]


def test_it_is_judged_by_the_version_of_the_standards_that_the_phone_showed(
    cast: Cast, phone: PhoneOf, db: Database, running: Running
) -> None:
    more = [*STANDARDS, {**STANDARDS[2], "item": "COOLER"}]
    with db.company(cast.company.id) as uow:
        add_standards(uow, running.activity, 2, more)
    ana = phone(cast.ana)
    visit = ana.visit(running.store)
    older, newer, unknown = (
        bring(ana, running.taking_part, visit["entity_id"], standards_version=version)
        for version in (1, 2, 9)
    )
    assert ana.statuses(visit, older, newer, unknown) == ["applied"] * 4
    assert brought(ana, older)["flags"] == []
    assert flags(brought(ana, newer)) == ["items_unanswered"]
    assert brought(ana, unknown)["flags"][0] == {
        "flag": "other_standards",
        "named": 9,
        "judged_by": 2,
    }


def test_anothers_visit_is_not_in_scope_and_anothers_audit_visit_not_there(
    cast: Cast, phone: PhoneOf, running: Running
) -> None:
    ana, sam = phone(cast.ana), phone(cast.sam)
    visit = ana.visit(running.store)
    mine = bring(ana, running.taking_part, visit["entity_id"])
    ana.push(visit, mine)
    refused = sam.push_one(bring(sam, running.taking_part, visit["entity_id"]))
    assert (refused["code"], refused["where"]) == ("not_in_scope", "payload.visit_id")
    assert sam.push_one(correct(sam, mine["entity_id"], 1, note="mine"))["status"] == "deferred"


def test_a_visit_in_the_place_of_a_store_in_an_activity_is_of_the_wrong_kind(
    cast: Cast, phone: PhoneOf, running: Running
) -> None:
    ana = phone(cast.ana)
    visit = ana.visit(running.store)
    ana.push_one(visit)
    result = ana.push_one(bring(ana, visit["entity_id"], visit["entity_id"]))
    assert (result["code"], result["where"]) == ("wrong_kind", "payload.activity_store_id")
