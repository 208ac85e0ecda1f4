"""Items that were kept are judged again when what they wait for is there, and none holds back another."""

import json
from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
import sqlalchemy

from sync import release
from sync.engine import Engine
from sync.errors import NotThere
from sync.unit_of_work import Database
from tests.factories import Cast, Person, add_device
from tests.sync.talking import MINUTE, Phone, only, rows_of
from tests.sync.test_push import Refusing, kept

PhoneOf = Callable[[Person], Phone]


def test_more_items_than_a_page_that_wait_for_one_record_are_all_released(
    cast: Cast, phone: PhoneOf, roadbook: Engine, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(release, "BATCH", 7)
    ana = phone(cast.ana)
    store = ana.new_store()
    visits = [ana.visit(store["entity_id"], ago=n * MINUTE) for n in range(1, 31)]
    assert set(ana.statuses(*visits)) == {"deferred"}
    ana.push_one(store)
    assert roadbook.release_deferred(cast.company.id, [UUID(store["entity_id"])]) == 30
    assert {row.state for row in kept(db, cast)} == {"RELEASED"}


def test_items_that_go_on_waiting_do_not_starve_those_behind_them(
    cast: Cast, phone: PhoneOf, roadbook: Engine, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(release, "BATCH", 3)
    ana = phone(cast.ana)
    store, never = ana.new_store(), str(uuid4())
    waiting = [
        ana.visit(store["entity_id"], item={"depends_on": [store["entity_id"], never]})
        for _ in range(8)
    ]
    ana.push(*waiting)
    ana.now += MINUTE
    ready = ana.visit(store["entity_id"])
    ana.push_one(ready)
    ana.push_one(store)
    assert roadbook.release_deferred(cast.company.id, [UUID(store["entity_id"])]) == 1
    still = [row for row in kept(db, cast) if row.state == "DEFERRED"]
    assert [[str(id_) for id_ in row.missing] for row in still] == [[never]] * 8
    # They wait for one thing only by now, so they are not looked at again until it comes.
    assert {row.entity_id for row in rows_of(db, cast, "select entity_id from awaited")} == {
        UUID(never)
    }


def test_a_deferred_item_that_the_database_refuses_holds_back_no_other(
    cast: Cast, phone: PhoneOf, roadbook: Engine, db: Database, owner_engine: sqlalchemy.Engine
) -> None:
    ana = phone(cast.ana)
    store = ana.new_store()
    visits = [ana.visit(store["entity_id"]) for _ in range(5)]
    ana.push(*visits)
    ana.push_one(store)
    with Refusing(owner_engine, f"new.id = '{visits[2]['entity_id']}'"):
        assert roadbook.release_ready(cast.company.id) == 5
    states = {str(row.op_id): (row.state, row.code) for row in kept(db, cast)}
    assert states.pop(visits[2]["op_id"]) == ("QUARANTINED", "refused_by_database")
    assert set(states.values()) == {("RELEASED", None)}
    ana.pull()
    assert ana.fields(visits[2]["op_id"])["code"] == "refused_by_database"


def test_items_of_several_phones_are_judged_in_the_order_of_their_receipt(
    cast: Cast,
    phone: PhoneOf,
    roadbook: Engine,
    owner_engine: sqlalchemy.Engine,
) -> None:
    with owner_engine.begin() as connection:
        connection.execute(sqlalchemy.text(f"set local roadbook.company = '{cast.company.id}'"))
        device = add_device(connection, cast.company, "Ana's second", person_id=cast.ana.id)
    ana, second = phone(cast.ana), Phone(roadbook, device)
    visit = ana.visit(cast.ana_stores[0])
    ana.push_one(ana.attendance("ON", position_id=None) | {"depends_on": [visit["entity_id"]]})
    second.now = ana.now + MINUTE
    second.push_one(second.finish(visit["entity_id"], note="first"))
    ana.now += 2 * MINUTE
    ana.push_one(ana.finish(visit["entity_id"], note="second"))
    ana.push_one(visit)
    assert roadbook.release_ready(cast.company.id) == 3
    ana.pull()
    assert ana.fields(visit["entity_id"])["note"] == "first"


def test_a_released_item_is_judged_by_the_clock_of_the_push_that_brought_it(
    cast: Cast, phone: PhoneOf, roadbook: Engine, db: Database
) -> None:
    ana = phone(cast.ana)
    ana.wrong_by = -3 * 60 * MINUTE
    store = ana.new_store()
    visit = ana.visit(store["entity_id"], ago=20 * MINUTE)
    true_time = ana.now - 20 * MINUTE
    ana.push_one(visit)
    ana.now += 1000 * MINUTE
    ana.push_one(store)
    roadbook.release_ready(cast.company.id)
    ana.pull()
    fields = ana.fields(visit["entity_id"])
    assert fields["check_in"]["corrected_at"] == true_time
    assert fields["clock"]["trust"] == "CLOCK"


def test_a_deferred_item_that_turns_out_wrong_is_quarantined_with_its_reason(
    cast: Cast, phone: PhoneOf, roadbook: Engine
) -> None:
    ana, ben = phone(cast.ana), phone(cast.ben)
    store = ben.new_store()
    visit = ana.visit(store["entity_id"])
    assert ana.push_one(visit)["status"] == "deferred"
    ben.push_one(store)
    roadbook.release_ready(cast.company.id)
    ana.pull()
    state = ana.fields(visit["op_id"])
    assert (state["state"], state["code"], state["missing"]) == ("QUARANTINED", "not_in_scope", [])


def test_the_receipt_of_a_released_item_stays_what_it_was(
    cast: Cast, phone: PhoneOf, roadbook: Engine
) -> None:
    ana = phone(cast.ana)
    store = ana.new_store()
    visit = ana.visit(store["entity_id"])
    first = ana.push_one(visit)
    ana.push_one(store)
    roadbook.release_ready(cast.company.id)
    again = ana.push_one(visit)
    assert (again["status"], again["first"]) == ("duplicate", first)


def test_an_item_is_released_once(
    cast: Cast, phone: PhoneOf, roadbook: Engine, db: Database
) -> None:
    ana = phone(cast.ana)
    ana.push_one(ana.visit(cast.ben_stores[0]))
    row = only(kept(db, cast))
    roadbook.release(cast.company.id, row.op_id, bytes(row.digest), decided_by="Sam")
    with pytest.raises(NotThere):
        roadbook.release(cast.company.id, row.op_id, bytes(row.digest), decided_by="Sam")
    with pytest.raises(NotThere):
        roadbook.release(cast.company.id, uuid4(), bytes(row.digest), decided_by="Sam")


def test_an_item_kept_under_anothers_op_id_can_be_mended_and_has_a_record_of_its_own(
    cast: Cast, phone: PhoneOf, roadbook: Engine, db: Database
) -> None:
    ana = phone(cast.ana)
    one = ana.visit(cast.ben_stores[0])
    two = ana.visit(cast.ana_stores[1], item={"op_id": one["op_id"]})
    ana.push(one, two)
    ana.pull()
    assert len(ana.ids("item")) == 2
    rows = {row.code: row for row in kept(db, cast)}
    reused = rows["op_id_reused"]
    result = roadbook.release(cast.company.id, reused.op_id, bytes(reused.digest), decided_by="Sam")
    assert result.status == "applied"
    ana.pull()
    states = {r["fields"]["state"] for r in ana.held.values() if r["kind"] == "item"}
    assert states == {"QUARANTINED", "RELEASED"}
    assert ana.fields(one["op_id"])["code"] == "not_in_scope"


def test_an_unreadable_item_can_be_mended(
    cast: Cast, phone: PhoneOf, roadbook: Engine, db: Database
) -> None:
    ana = phone(cast.ana)
    good = json.dumps(ana.visit(cast.ana_stores[0]))
    ana.push_one(good.replace("false", "NaN").encode())
    row = only(kept(db, cast))
    bad = roadbook.release(
        cast.company.id, row.op_id, bytes(row.digest), decided_by="Sam", mended=b"{"
    )
    assert (bad.status, bad.code) == ("quarantined", "malformed_json")
    done = roadbook.release(
        cast.company.id, row.op_id, bytes(row.digest), decided_by="Sam", mended=good.encode()
    )
    assert done.status == "applied"
