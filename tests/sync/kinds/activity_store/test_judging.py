"""What becomes of stores that reps ask for: they join, wait, are taken back, and are in once."""

from collections.abc import Callable
from threading import Thread
from uuid import UUID, uuid4

import pytest

from sync.engine import Engine
from sync.kinds.activity_store.judge import FOLLOW
from sync.kinds.activity_store.publish import put_beside_stores
from sync.unit_of_work import Database
from tests.activities_factories import add_activity, add_activity_store
from tests.factories import Cast, Person
from tests.sync.office import move_route
from tests.sync.talking import DAY, Json, Phone, only, rows_of

PhoneOf = Callable[[Person], Phone]
PHOTO = {"sha256": "a" * 64, "size": 10, "role": "shelf"}


@pytest.fixture
def activity(cast: Cast, db: Database) -> UUID:
    with db.company(cast.company.id) as uow:
        return add_activity(uow)


def request(phone: Phone, activity: UUID, store: UUID, **other: object) -> Json:
    payload = {
        "activity_id": str(activity),
        "store_id": str(store),
        "requested": phone.event(),
        "note": "a good corner",
    }
    return phone.item("activity_store", "request", uuid4(), payload, **other)


def withdraw(phone: Phone, id_: object) -> Json:
    payload = {"withdrawn": phone.event(), "reason": "they changed their mind"}
    return phone.item("activity_store", "withdraw", id_, payload)


def states(db: Database, cast: Cast) -> dict[UUID, str]:
    return {r.id: r.state for r in rows_of(db, cast, "select id, state from activity_store")}


def test_a_request_comes_down_to_who_asked_and_waits(
    cast: Cast, phone: PhoneOf, db: Database, activity: UUID
) -> None:
    ana = phone(cast.ana)
    item = request(ana, activity, cast.ana_stores[0], media=[PHOTO])
    assert ana.push_one(item)["status"] == "applied"
    ana.pull()
    fields = ana.fields(item["entity_id"])
    assert (fields["state"], fields["note"], fields["photos"], fields["flags"]) == (
        "REQUESTED",
        "a good corner",
        1,
        [],
    )
    assert fields["position_id"] == str(cast.ana.position_id)
    row = only(rows_of(db, cast, "select state, version, photos, trust from activity_store"))
    assert tuple(row) == ("REQUESTED", 1, 1, "CLOCK")


def test_a_request_that_is_sent_again_has_no_second_effect(
    cast: Cast, phone: PhoneOf, db: Database, activity: UUID
) -> None:
    ana = phone(cast.ana)
    item = request(ana, activity, cast.ana_stores[0])
    again = {**item, "op_id": str(uuid4())}
    assert ana.statuses(item, item) == ["applied", "duplicate"]
    assert ana.push_one(again)["code"] == "entity_taken"
    assert len(states(db, cast)) == 1


def test_a_request_leaves_work_that_puts_it_beside_its_store(
    cast: Cast, phone: PhoneOf, db: Database, activity: UUID
) -> None:
    ana, sam = phone(cast.ana), phone(cast.sam)
    item = request(ana, activity, cast.ana_stores[0])
    ana.push_one(item)
    sam.pull()
    assert item["entity_id"] not in sam.held
    work = only(rows_of(db, cast, "select payload from outbox where topic = :topic", topic=FOLLOW))
    assert work.payload == {"ids": [item["entity_id"]]}
    with db.company(cast.company.id) as uow:
        put_beside_stores(uow, [UUID(item["entity_id"])])
        put_beside_stores(uow, [UUID(item["entity_id"])])
    sam.pull()
    assert sam.fields(item["entity_id"])["state"] == "REQUESTED"


def test_it_goes_wherever_its_store_goes(
    cast: Cast, phone: PhoneOf, db: Database, activity: UUID
) -> None:
    with db.company(cast.company.id) as uow:
        id_ = add_activity_store(uow, activity, cast.ana_stores[0])
    ana, ben = phone(cast.ana), phone(cast.ben)
    for one in (ana, ben):
        one.pull()
    assert (id_ in ana.ids(), id_ in ben.ids()) == (True, False)
    with db.company(cast.company.id) as uow:
        move_route(uow, cast.ana_route, cast.ben.position_id)
    for one in (ana, ben):
        one.pull()
    assert (id_ in ana.ids(), id_ in ben.ids()) == (False, True)


def test_a_store_is_in_an_activity_once_and_the_second_is_told(
    cast: Cast, phone: PhoneOf, db: Database, activity: UUID
) -> None:
    ana, sam = phone(cast.ana), phone(cast.sam)
    first = request(ana, activity, cast.ana_stores[0])
    second = request(sam, activity, cast.ana_stores[0], media=[PHOTO])
    assert ana.push_one(first)["status"] == "applied"
    assert sam.push_one(second)["status"] == "applied"
    sam.pull()
    told = sam.fields(second["entity_id"])
    assert (told["state"], told["refusal"], told["instead_id"], told["note"], told["photos"]) == (
        "REFUSED",
        "ALREADY_IN",
        first["entity_id"],
        "a good corner",
        1,
    )
    ana.pull()
    assert second["entity_id"] not in ana.held


def test_two_requests_of_one_batch_are_one_and_the_second_is_told(
    cast: Cast, phone: PhoneOf, activity: UUID
) -> None:
    ana = phone(cast.ana)
    first, second = (request(ana, activity, cast.ana_stores[0]) for _ in range(2))
    assert ana.statuses(first, second) == ["applied"] * 2
    ana.pull()
    assert ana.fields(first["entity_id"])["state"] == "REQUESTED"
    assert ana.fields(second["entity_id"])["instead_id"] == first["entity_id"]


def test_of_two_phones_at_the_same_moment_the_second_is_told(
    cast: Cast, phone: PhoneOf, db: Database, roadbook: Engine, activity: UUID
) -> None:
    ana, sam = phone(cast.ana), phone(cast.sam)
    first = request(ana, activity, cast.ana_stores[0])
    second = request(sam, activity, cast.ana_stores[0])
    results: list[Json] = []
    with db.company(cast.company.id) as uow:
        # What another transaction has written and not committed yet: nobody sees it, and it counts.
        uow.run(
            "insert into activity_store (company_id, id, version, activity_id, store_id, state,"
            " business_day, requested_at, flags, photos, received_at)"
            " values (:company, :id, 1, :activity, :store, 'REQUESTED', '2026-03-04', now(), '{}',"
            " 0, now())",
            company=cast.company.id,
            id=first["entity_id"],
            activity=activity,
            store=cast.ana_stores[0],
        )
        pushing = Thread(target=lambda: results.append(sam.push_one(second)))
        pushing.start()
        while not rows_of(
            db,
            cast,
            "select pid from pg_locks where not granted and locktype = 'transactionid'",
        ):
            assert pushing.is_alive()
    pushing.join()
    assert results[0]["status"] == "applied"
    sam.pull()
    assert sam.fields(second["entity_id"])["instead_id"] == first["entity_id"]


def test_what_was_refused_may_be_asked_for_again(
    cast: Cast, phone: PhoneOf, db: Database, activity: UUID
) -> None:
    with db.company(cast.company.id) as uow:
        add_activity_store(uow, activity, cast.ana_stores[0], state="REFUSED")
    ana = phone(cast.ana)
    item = request(ana, activity, cast.ana_stores[0])
    ana.push_one(item)
    assert states(db, cast)[UUID(item["entity_id"])] == "REQUESTED"


def test_a_request_is_taken_back_and_made_anew_in_one_batch(
    cast: Cast, phone: PhoneOf, db: Database, activity: UUID
) -> None:
    ana = phone(cast.ana)
    first = request(ana, activity, cast.ana_stores[0])
    ana.push_one(first)
    # Whichever of the two rows is written first.
    for entity_id in (
        "00000000-0000-4000-8000-000000000001",
        "ffffffff-0000-4000-8000-000000000001",
    ):
        second = {**request(ana, activity, cast.ana_stores[0]), "entity_id": entity_id}
        assert ana.statuses(withdraw(ana, first["entity_id"]), second) == ["applied"] * 2
        ana.pull()
        assert ana.fields(first["entity_id"])["state"] == "WITHDRAWN"
        assert ana.fields(first["entity_id"])["answer"] == "they changed their mind"
        assert ana.fields(entity_id)["state"] == "REQUESTED"
        first = second


def test_what_runs_is_not_taken_back_and_the_sender_is_told(
    cast: Cast, phone: PhoneOf, db: Database, activity: UUID
) -> None:
    with db.company(cast.company.id) as uow:
        id_ = add_activity_store(uow, activity, cast.ana_stores[0])
    result = phone(cast.ana).push_one(withdraw(phone(cast.ana), id_))
    assert (result["status"], result["version"]) == ("merged", 1)
    assert result["merged"] == {"state": {"kept": "RUNNING", "lost": "REQUESTED"}}
    assert states(db, cast) == {id_: "RUNNING"}


def test_what_the_office_put_in_no_phone_takes_back(
    cast: Cast, phone: PhoneOf, db: Database, activity: UUID
) -> None:
    with db.company(cast.company.id) as uow:
        id_ = add_activity_store(uow, activity, cast.ana_stores[0], state="APPROVED")
    ana = phone(cast.ana)
    result = ana.push_one(withdraw(ana, id_))
    assert (result["code"], result["where"]) == ("not_permitted", "entity_id")
    assert states(db, cast) == {id_: "APPROVED"}


def test_what_is_taken_back_by_a_clock_that_is_ahead_was_by_its_receipt(
    cast: Cast, phone: PhoneOf, activity: UUID
) -> None:
    ana = phone(cast.ana)
    item = request(ana, activity, cast.ana_stores[0])
    back = withdraw(ana, item["entity_id"])
    back["payload"]["withdrawn"] = ana.event(-400 * DAY)
    assert ana.statuses(item, back) == ["applied"] * 2
    ana.pull()
    assert ana.fields(item["entity_id"])["decided_at"] == ana.now


def test_only_who_holds_its_position_takes_a_request_back(
    cast: Cast, phone: PhoneOf, db: Database, activity: UUID
) -> None:
    ana, sam = phone(cast.ana), phone(cast.sam)
    item = request(ana, activity, cast.ana_stores[0])
    ana.push_one(item)
    with db.company(cast.company.id) as uow:
        put_beside_stores(uow, [UUID(item["entity_id"])])
    assert sam.push_one(withdraw(sam, item["entity_id"]))["code"] == "not_permitted"
    ben = phone(cast.ben)
    assert ben.push_one(withdraw(ben, item["entity_id"]))["code"] == "not_in_scope"


def test_a_request_waits_for_an_activity_and_a_store_that_are_not_there(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    ana = phone(cast.ana)
    activity, store = uuid4(), uuid4()
    result = ana.push_one(request(ana, activity, store))
    assert (result["status"], result["missing"]) == ("deferred", [str(activity), str(store)])


def test_a_new_store_and_its_request_may_come_in_any_order(
    cast: Cast, phone: PhoneOf, activity: UUID
) -> None:
    ana = phone(cast.ana)
    store = ana.new_store()
    item = request(ana, activity, UUID(store["entity_id"]))
    assert ana.statuses(item, store) == ["applied"] * 2


def test_a_draft_and_what_is_not_in_scope_cannot_be_asked_for(
    cast: Cast, phone: PhoneOf, db: Database, activity: UUID
) -> None:
    with db.company(cast.company.id) as uow:
        draft = add_activity(uow, state="DRAFT")
    ana = phone(cast.ana)
    assert ana.push_one(request(ana, draft, cast.ana_stores[0]))["status"] == "deferred"
    refused = ana.push_one(request(ana, activity, cast.ben_stores[0]))
    assert (refused["code"], refused["where"]) == ("not_in_scope", "payload.store_id")


def test_a_store_that_the_activity_is_not_for_is_flagged(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    with db.company(cast.company.id) as uow:
        elsewhere = add_activity(
            uow, state="ENDED", channels=["kiosk"], region_ids=[cast.regions.south]
        )
        here = add_activity(uow, channels=["grocery"], region_ids=[cast.regions.harbour])
    ana = phone(cast.ana)
    flagged, fitting = (request(ana, one, cast.ana_stores[0]) for one in (elsewhere, here))
    assert ana.statuses(flagged, fitting) == ["applied"] * 2
    ana.pull()
    assert [f["flag"] for f in ana.fields(flagged["entity_id"])["flags"]] == [
        "activity_over",
        "other_channel",
        "other_region",
    ]
    assert ana.fields(fitting["entity_id"])["flags"] == []


def test_auditors_and_drivers_ask_for_nothing(cast: Cast, phone: PhoneOf, activity: UUID) -> None:
    aki = phone(cast.aki)
    assert aki.push_one(request(aki, activity, cast.ana_stores[0]))["code"] == "not_permitted"
