from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest

from server.identity.change_log import Actor
from server.planning.conflicts import Other, choose, list_conflicts
from server.planning.errors import AlreadyDecided, ChoiceInvalid, FieldInvalid, NoSuchConflict
from sync.engine import Engine as SyncEngine
from sync.unit_of_work import Database
from tests.factories import Cast, Person, item, pull_all, push_items


@pytest.fixture
def conflict_id(cast: Cast, sync_engine: SyncEngine) -> UUID:
    """Sam and then Ana have edited one store, both having seen its first version."""
    store_id = cast.ana_stores[0]
    results = []
    for person, changes in (
        (cast.sam, {"address": "1 Bell Street", "opening_hours": "8-20"}),
        (cast.ana, {"address": "2 Bell Street", "opening_hours": "9-21"}),
    ):
        edit = item("store", "edit", store_id, {"changes": changes}, base_version=1)
        results += push_items(sync_engine, person.device, [edit])
    assert [result["status"] for result in results] == ["applied", "conflict"]
    return UUID(results[1]["conflict_id"])


def on_phone(engine: SyncEngine, person: Person, record_id: UUID) -> dict[str, Any]:
    changes, _ = pull_all(engine, person.device)
    (found,) = [change for change in changes if change["id"] == str(record_id)]
    fields: dict[str, Any] = found["fields"]
    return fields


def test_a_list_shows_both_values_and_both_people(
    cast: Cast, db: Database, conflict_id: UUID
) -> None:
    with db.reading(cast.company.id) as uow:
        (found,) = list_conflicts(uow)
    assert (found.id, found.subject) == (conflict_id, "Anchor")
    assert (found.held_by, found.sent_by) == ("Sam", "Ana")
    assert found.fields["address"] == {
        "base": "1 Anchor Street",
        "held": "1 Bell Street",
        "sent": "2 Bell Street",
    }


def test_each_field_is_decided_and_both_people_hear_of_it(
    cast: Cast, db: Database, office: Actor, sync_engine: SyncEngine, conflict_id: UUID
) -> None:
    with db.company(cast.company.id) as uow:
        choose(uow, office, conflict_id, {"address": "sent", "opening_hours": "held"})
    for person in (cast.ana, cast.sam):
        told = on_phone(sync_engine, person, conflict_id)
        assert told["state"] == "DECIDED"
        assert told["chosen"] == {"address": "sent", "opening_hours": "held"}
        store = on_phone(sync_engine, person, cast.ana_stores[0])
        assert (store["address"], store["opening_hours"]) == ("2 Bell Street", "8-20")


def test_another_value_can_be_chosen(
    cast: Cast, db: Database, office: Actor, sync_engine: SyncEngine, conflict_id: UUID
) -> None:
    with db.company(cast.company.id) as uow:
        choose(
            uow, office, conflict_id, {"address": Other("3 Bell Street"), "opening_hours": "held"}
        )
    assert on_phone(sync_engine, cast.ana, conflict_id)["chosen"]["address"] == "other"
    assert on_phone(sync_engine, cast.ana, cast.ana_stores[0])["address"] == "3 Bell Street"


def test_of_two_pins_the_one_that_was_sent_can_be_chosen(
    cast: Cast, db: Database, office: Actor, sync_engine: SyncEngine
) -> None:
    store_id = cast.ana_stores[0]
    lat, lon = 313_500_000, 1_215_000_000
    results = []
    for person, moved in ((cast.sam, 1_800), (cast.ana, -1_800)):
        pin = {"lat_e7": lat + moved, "lon_e7": lon, "datum": "WGS84", "accuracy_cm": 500}
        edit = item("store", "edit", store_id, {"changes": {"pin": pin}}, base_version=1)
        results += push_items(sync_engine, person.device, [edit])
    with db.company(cast.company.id) as uow, pytest.raises(FieldInvalid, match="pin"):
        choose(uow, office, UUID(results[1]["conflict_id"]), {"pin": Other("here")})
    with db.company(cast.company.id) as uow:
        choose(uow, office, UUID(results[1]["conflict_id"]), {"pin": "sent"})
    held = on_phone(sync_engine, cast.sam, store_id)["pin"]
    assert held == {"lat_e7": lat - 1_800, "lon_e7": lon}


def test_every_field_has_to_be_chosen_and_once(
    cast: Cast, db: Database, office: Actor, conflict_id: UUID
) -> None:
    with pytest.raises(ChoiceInvalid), db.company(cast.company.id) as uow:
        choose(uow, office, conflict_id, {"address": "sent"})
    with db.company(cast.company.id) as uow:
        choose(uow, office, conflict_id, {"address": "held", "opening_hours": "held"})
    with pytest.raises(AlreadyDecided), db.company(cast.company.id) as uow:
        choose(uow, office, conflict_id, {"address": "sent", "opening_hours": "sent"})
    with pytest.raises(NoSuchConflict), db.company(cast.company.id) as uow:
        choose(uow, office, cast.ana.id, {})


def test_an_item_that_was_kept_and_then_conflicted_is_over_with_its_conflict(
    cast: Cast, db: Database, office: Actor, sync_engine: SyncEngine
) -> None:
    store_id, shop = cast.ana_stores[0], uuid4()
    waiting = [
        item("store", "edit", store_id, {"changes": {name: "Ana's"}}, base_version=1)
        | {"depends_on": [str(shop)]}
        for name in ("address", "delivery_note")
    ]
    kept = push_items(sync_engine, cast.ana.device, waiting)
    assert [result["status"] for result in kept] == ["deferred", "deferred"]
    changes = {"address": "Sam's", "delivery_note": "Sam's"}
    sams = item("store", "edit", store_id, {"changes": changes}, base_version=1)
    arrives = item("store", "create", shop, {"name": "S", "channel": "grocery", "address": "1"})
    push_items(sync_engine, cast.sam.device, [sams])
    push_items(sync_engine, cast.ana.device, [arrives])
    sync_engine.release_ready(cast.company.id)

    def states() -> list[tuple[str, str]]:
        told = [on_phone(sync_engine, cast.ana, UUID(one["op_id"])) for one in waiting]
        return [(fields["state"], fields["result"]) for fields in told]

    assert states() == [("CONFLICT", "conflict")] * 2
    with db.reading(cast.company.id) as uow:
        first, second = sorted(
            list_conflicts(uow), key=lambda one: [w["op_id"] for w in waiting].index(str(one.op_id))
        )
    with db.company(cast.company.id) as uow:
        choose(uow, office, first.id, {"address": "held"})
    assert states() == [("RELEASED", "conflict"), ("CONFLICT", "conflict")]
    with db.company(cast.company.id) as uow:
        choose(uow, office, second.id, {"delivery_note": "sent"})
    assert states() == [("RELEASED", "conflict")] * 2


def test_an_item_under_an_op_id_that_was_used_before_is_over_with_its_conflict_too(
    cast: Cast, db: Database, office: Actor, sync_engine: SyncEngine
) -> None:
    store_id, op_id = cast.ana_stores[0], uuid4()
    for person, address, base, own in (
        (cast.ana, "first", 1, op_id),
        (cast.sam, "Sam's", 2, None),
        (cast.ana, "second", 2, op_id),
    ):
        changes = {"changes": {"address": address}}
        sent = item("store", "edit", store_id, changes, base_version=base, op_id=own)
        results = push_items(sync_engine, person.device, [sent])
    assert results[0]["code"] == "op_id_reused"
    digest = sha256(msgspec.json.encode(sent)).digest()
    released = sync_engine.release(cast.company.id, op_id, digest, decided_by="the office")
    assert released.status == "conflict"

    def state() -> str:
        changes, _ = pull_all(sync_engine, cast.ana.device)
        (told,) = [change for change in changes if change["kind"] == "item"]
        return str(told["fields"]["state"])

    assert state() == "CONFLICT"
    with db.company(cast.company.id) as uow:
        (found,) = list_conflicts(uow)
        choose(uow, office, found.id, {"address": "held"})
    assert state() == "RELEASED"


@pytest.mark.parametrize("named", ["no id", "another store's"])
def test_a_mended_item_that_then_conflicted_is_over_with_its_conflict(
    cast: Cast, db: Database, office: Actor, sync_engine: SyncEngine, named: str
) -> None:
    store_id = cast.ana_stores[0]
    sams, good = (
        item("store", "edit", store_id, {"changes": {"address": address}}, base_version=1)
        for address in ("Sam's", "Ana's")
    )
    spoilt = good | {"entity_id": named if named == "no id" else str(cast.ben_stores[0])}
    (kept,) = push_items(sync_engine, cast.ana.device, [spoilt])
    assert kept["status"] == "quarantined"
    push_items(sync_engine, cast.sam.device, [sams])
    op_id = UUID(good["op_id"])
    released = sync_engine.release(
        cast.company.id,
        op_id,
        sha256(msgspec.json.encode(spoilt)).digest(),
        decided_by="the office",
        mended=msgspec.json.encode(good),
    )
    assert released.status == "conflict"
    told = on_phone(sync_engine, cast.ana, op_id)
    assert (told["state"], told["entity_id"]) == ("CONFLICT", str(store_id))
    with db.company(cast.company.id) as uow:
        (found,) = list_conflicts(uow)
        choose(uow, office, found.id, {"address": "held"})
    assert on_phone(sync_engine, cast.ana, op_id)["state"] == "RELEASED"
