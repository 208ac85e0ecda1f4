"""What becomes of a batch: each item once, none held back by another, the answer after the commit."""

import json
from collections.abc import Callable
from dataclasses import replace
from threading import Barrier, Thread
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
import sqlalchemy

from mobile_contract.compiled import decode_push
from sync.arrivals import EXPLAINED_BYTES
from sync.deadline import deadline_after
from sync.engine import Engine
from sync.errors import Refused
from sync.kinds import ALL_KINDS
from sync.kinds.visit import KIND as VISIT
from sync.record_kind import Arrived, Context, Outcome
from sync.settlement import Settlement
from sync.unit_of_work import Database
from tests.factories import Cast, Person, add_device
from tests.sync.talking import (
    DAY,
    HOUR,
    MINUTE,
    NOON,
    SECOND,
    Json,
    Phone,
    counted_statements,
    only,
    rows_of,
)

PhoneOf = Callable[[Person], Phone]


def ledger(db: Database, cast: Cast) -> list[Any]:
    return rows_of(db, cast, "select op_id, person_id, digest, result from ledger order by op_id")


def visits(db: Database, cast: Cast) -> set[UUID]:
    return {row.id for row in rows_of(db, cast, "select id from visit")}


def kept(db: Database, cast: Cast) -> list[Any]:
    return rows_of(
        db,
        cast,
        'select op_id, digest, person_id, state, code, "where", detail, missing, raw, contract, result'
        " from kept_item order by received_at, op_id",
    )


# ---- once ---------------------------------------------------------------------------------------


def test_a_new_item_is_applied_with_the_version_of_its_record(cast: Cast, phone: PhoneOf) -> None:
    ana = phone(cast.ana)
    result = ana.push_one(ana.visit(cast.ana_stores[0]))
    assert (result["status"], result["version"], result["receipt"]) == ("applied", 1, ana.now)


def test_the_same_bytes_a_minute_later_are_a_duplicate_with_the_first_result(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    ana = phone(cast.ana)
    item = ana.visit(cast.ana_stores[0])
    first = ana.push_one(item)
    ana.now += MINUTE
    again = ana.push_one(item)
    assert again["status"] == "duplicate"
    assert again["first"] == first
    assert again["receipt"] == first["receipt"]
    assert len(visits(db, cast)) == 1


def test_the_same_bytes_after_399_days_are_still_a_duplicate(
    cast: Cast, phone: PhoneOf, db: Database, owner_engine: sqlalchemy.Engine
) -> None:
    ana = phone(cast.ana)
    item = ana.visit(cast.ana_stores[0])
    first = ana.push_one(item)
    with owner_engine.begin() as connection:
        connection.execute(sqlalchemy.text(f"set local roadbook.company = '{cast.company.id}'"))
        connection.execute(
            sqlalchemy.text(
                "insert into ledger (company_id, op_id, person_id, device_id, digest, result, received_at)"
                " select :company, gen_random_uuid(), :person, :device, sha256(n::text::bytea), '{}',"
                " to_timestamp(:day / 1000.0) + n * interval '1 day' from generate_series(1, 399) n"
            ),
            {
                "company": cast.company.id,
                "person": cast.ana.id,
                "device": cast.ana.device.id,
                "day": ana.now,
            },
        )
    ana.now += 399 * DAY
    again = ana.push_one(item)
    assert (again["status"], again["first"]) == ("duplicate", first)
    assert len(visits(db, cast)) == 1


def test_an_item_twice_in_one_batch_is_applied_once(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    ana = phone(cast.ana)
    item = ana.visit(cast.ana_stores[0])
    first, second = ana.push(item, item)
    assert (first["status"], second["status"]) == ("applied", "duplicate")
    assert second["first"] == first
    assert len(ledger(db, cast)) == 1


@pytest.mark.parametrize("bad", ["unreadable", "deferred"])
def test_an_item_that_was_kept_is_kept_once_however_often_it_comes(
    cast: Cast, phone: PhoneOf, db: Database, bad: str
) -> None:
    ana = phone(cast.ana)
    item: Json | bytes = ana.finish(uuid4()) if bad == "deferred" else b'{"op_id": NaN}'
    first, second = ana.push(item, item)
    third = ana.push_one(item)
    assert second["status"] == third["status"] == "duplicate"
    assert second["first"] == third["first"] == first
    assert len(kept(db, cast)) == 1


def test_two_phones_with_the_same_batch_at_once_have_one_effect(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    ana = phone(cast.ana)
    items = [ana.visit(cast.ana_stores[n % 3], ago=(n + 1) * MINUTE) for n in range(20)]
    envelopes = [ana.envelope(*items), ana.envelope(*reversed(items))]
    together, answers = Barrier(2), {}

    def send(number: int) -> None:
        together.wait()
        answers[number] = ana.send(envelopes[number])

    threads = [Thread(target=send, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    results: dict[str, list[str]] = {}
    for answer in answers.values():
        for result in answer["results"]:
            results.setdefault(result["op_id"], []).append(result["status"])
    assert all(sorted(pair) == ["applied", "duplicate"] for pair in results.values())
    assert len(results) == len(visits(db, cast)) == len(ledger(db, cast)) == 20


def test_an_op_id_with_other_bytes_is_told_apart_and_kept(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    ana = phone(cast.ana)
    item = ana.visit(cast.ana_stores[0])
    other = ana.visit(cast.ana_stores[1], item={"op_id": item["op_id"]})
    ana.push_one(item)
    result = ana.push_one(other)
    assert (result["status"], result["code"]) == ("quarantined", "op_id_reused")
    row = only(kept(db, cast))
    assert json.loads(bytes(row.raw)) == other
    assert visits(db, cast) == {UUID(item["entity_id"])}
    again = ana.push(item, other)
    assert [r["status"] for r in again] == ["duplicate", "duplicate"]
    assert again[1]["first"] == result


def test_other_bytes_under_one_op_id_inside_a_batch_are_told_apart(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    ana = phone(cast.ana)
    item = ana.visit(cast.ana_stores[0])
    other = ana.visit(cast.ana_stores[1], item={"op_id": item["op_id"]})
    results = ana.push(item, other, other)
    assert [r["status"] for r in results] == ["applied", "quarantined", "duplicate"]
    assert len(kept(db, cast)) == 1


def test_an_op_id_of_another_person_is_taken(cast: Cast, phone: PhoneOf, db: Database) -> None:
    ana, ben = phone(cast.ana), phone(cast.ben)
    item = ana.visit(cast.ana_stores[0])
    ana.push_one(item)
    same = ben.push_one(item)
    other = ben.push_one(ben.visit(cast.ben_stores[0], item={"op_id": item["op_id"]}))
    assert same["code"] == other["code"] == "op_id_taken"
    assert {row.person_id for row in kept(db, cast)} == {cast.ben.id}
    assert ana.push_one(item)["status"] == "duplicate"


def test_an_item_under_the_op_id_of_a_kept_one_without_a_receipt_has_a_record_of_its_own(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    ana, ben = phone(cast.ana), phone(cast.ben)
    hers = ana.visit(uuid4())
    ana.push_one(hers)
    with db.company(cast.company.id) as uow:
        uow.run("delete from ledger")
    his = ben.visit(cast.ben_stores[0]) | {"op_id": hers["op_id"], "payload": {}}
    assert ben.push_one(his)["status"] == "quarantined"
    ana.pull()
    ben.pull()
    assert ana.fields(hers["op_id"])["state"] == "DEFERRED"
    assert hers["op_id"] not in ben.held
    assert [r["fields"]["state"] for r in ben.held.values() if r["kind"] == "item"] == [
        "QUARANTINED"
    ]


@pytest.mark.parametrize("has_receipt", [True, False])
def test_bytes_that_are_kept_as_another_persons_are_kept_as_ones_own_as_well(
    cast: Cast, phone: PhoneOf, db: Database, roadbook: Engine, has_receipt: bool
) -> None:
    ana, ben = phone(cast.ana), phone(cast.ben)
    item = ana.visit(uuid4())
    hers = ana.push_one(item)
    if not has_receipt:
        with db.company(cast.company.id) as uow:
            uow.run("delete from ledger")
    ben.now += MINUTE
    first, twice = ben.push(item, item)
    assert (first["status"], first["code"], first["receipt"]) == (
        "quarantined",
        "op_id_taken",
        ben.now,
    )
    ben.now += MINUTE
    again = ben.push_one(item)
    assert twice["status"] == again["status"] == "duplicate"
    assert twice["first"] == again["first"] == first
    assert ana.push_one(item)["first"] == hers
    assert {
        (row.person_id, row.state, json.loads(bytes(row.raw))["op_id"]) for row in kept(db, cast)
    } == {
        (cast.ana.id, "DEFERRED", item["op_id"]),
        (cast.ben.id, "QUARANTINED", item["op_id"]),
    }
    ben.pull()
    assert [ben.fields(id_)["code"] for id_ in ben.ids("item")] == ["op_id_taken"]
    his = only([row for row in kept(db, cast) if row.person_id == cast.ben.id])
    roadbook.set_aside(
        cast.company.id, his.op_id, bytes(his.digest), decided_by="Sam", reason="it is Ana's"
    )
    ben.pull()
    assert [ben.fields(id_)["state"] for id_ in ben.ids("item")] == ["SET_ASIDE"]


def test_an_entity_id_of_another_record_is_taken(cast: Cast, phone: PhoneOf, db: Database) -> None:
    ana, ben = phone(cast.ana), phone(cast.ben)
    item = ana.visit(cast.ana_stores[0])
    ana.push_one(item)
    for taken in (item["entity_id"], cast.ben_stores[1], cast.ben_route):
        result = ben.push_one(ben.visit(cast.ben_stores[0], visit=taken))
        assert (result["status"], result["code"]) == ("quarantined", "entity_taken")
    assert visits(db, cast) == {UUID(item["entity_id"])}


def test_two_people_making_one_id_at_once_make_one_record(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    ana, ben = phone(cast.ana), phone(cast.ben)
    visit = uuid4()
    pushes = [
        (ana, ana.visit(cast.ana_stores[0], visit=visit)),
        (ben, ben.visit(cast.ben_stores[0], visit=visit)),
    ]
    together, results = Barrier(2), []

    def send(sender: Phone, item: Json) -> None:
        together.wait()
        results.append(sender.push_one(item))

    threads = [Thread(target=send, args=pair) for pair in pushes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(str(r.get("code", r["status"])) for r in results) == ["applied", "entity_taken"]
    assert len(visits(db, cast)) == 1


def test_the_results_that_were_stored_are_those_that_were_sent(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    ana = phone(cast.ana)
    results = ana.push(
        ana.visit(cast.ana_stores[0]),
        ana.visit(cast.ben_stores[0]),
        ana.finish(uuid4()),
        ana.edit(cast.ana_stores[1], 1, name="Other name", address="2 Quay"),
    )
    stored = {str(row.op_id): json.loads(row.result) for row in ledger(db, cast)}
    assert stored == {result["op_id"]: result for result in results}


# ---- any order ----------------------------------------------------------------------------------


@pytest.mark.parametrize("is_child_first", [False, True])
def test_a_child_in_the_batch_of_its_parent_is_applied_in_any_order(
    cast: Cast, phone: PhoneOf, is_child_first: bool
) -> None:
    ana = phone(cast.ana)
    parent = ana.visit(cast.ana_stores[0])
    batch = [parent, ana.finish(parent["entity_id"])]
    if is_child_first:
        batch.reverse()
    assert ana.statuses(*batch) == ["applied", "applied"]
    ana.pull()
    assert ana.fields(parent["entity_id"])["state"] == "DONE"


def test_items_about_one_record_keep_their_order_around_the_item_that_makes_it(
    cast: Cast, phone: PhoneOf
) -> None:
    ana = phone(cast.ana)
    parent = ana.visit(cast.ana_stores[0])
    first, second = (ana.finish(parent["entity_id"], note=note) for note in ("first", "second"))
    results = ana.push(first, parent, second)
    assert [r["status"] for r in results] == ["applied", "applied", "quarantined"]
    ana.pull()
    assert ana.fields(parent["entity_id"])["note"] == "first"


def test_a_child_before_its_parent_waits_and_is_applied_when_it_arrives(
    cast: Cast, phone: PhoneOf, roadbook: Engine, db: Database
) -> None:
    ana = phone(cast.ana)
    parent = ana.visit(cast.ana_stores[0])
    child = ana.finish(parent["entity_id"])
    result = ana.push_one(child)
    assert (result["status"], result["missing"]) == ("deferred", [parent["entity_id"]])
    ana.pull()
    assert ana.fields(child["op_id"])["state"] == "DEFERRED"
    ana.push_one(parent)
    wanted = only(rows_of(db, cast, "select payload from outbox where topic = 'release_deferred'"))
    assert wanted.payload == {"entity_ids": [parent["entity_id"]]}
    assert roadbook.release_deferred(cast.company.id, [UUID(parent["entity_id"])]) == 1
    ana.pull()
    assert ana.fields(parent["entity_id"])["state"] == "DONE"
    state = ana.fields(child["op_id"])
    assert (state["state"], state["result"], state["missing"]) == ("RELEASED", "applied", [])
    assert rows_of(db, cast, "select 1 from awaited") == []


def test_a_push_looks_for_children_only_while_some_item_waits(
    cast: Cast, phone: PhoneOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana = phone(cast.ana)

    def looks(item: Json) -> bool:
        with counted_statements(monkeypatch) as statements:
            ana.push_one(item)
        return any("release_deferred" in statement for statement in statements)

    assert not looks(ana.visit(cast.ana_stores[0]))
    looks(ana.finish(uuid4()))
    assert looks(ana.visit(cast.ana_stores[0]))


def test_a_kept_item_without_a_receipt_is_not_applied_a_second_time_when_its_parent_is_there(
    cast: Cast, phone: PhoneOf, roadbook: Engine, db: Database
) -> None:
    ana = phone(cast.ana)
    parent = ana.visit(cast.ana_stores[0])
    child = ana.finish(parent["entity_id"])
    assert ana.push_one(child)["status"] == "deferred"
    with db.company(cast.company.id) as uow:
        uow.run("delete from ledger where op_id = :op", op=UUID(child["op_id"]))
    assert ana.push_one(parent)["status"] == "applied"
    # Nobody has released it yet, and it would be judged well by now.
    again = ana.push_one(child)
    assert (again["status"], again["first"]["status"]) == ("duplicate", "deferred")
    assert roadbook.release_ready(cast.company.id) == 1
    row = only(rows_of(db, cast, "select version, state from visit"))
    assert tuple(row) == (2, "DONE")


def test_a_child_that_comes_while_its_parent_is_under_way_is_applied_by_the_scheduled_look(
    cast: Cast, phone: PhoneOf, roadbook: Engine, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The parent's push has asked already whether anything waits, and found nothing."""
    ana, other = phone(cast.ana), phone(cast.ana)
    parent = ana.visit(cast.ana_stores[0])
    child = other.finish(parent["entity_id"])
    judge = Settlement.judge

    def overtaken(self: Settlement, items: Any) -> Any:
        monkeypatch.setattr(Settlement, "judge", judge)
        assert other.push_one(child)["status"] == "deferred"
        return judge(self, items)

    monkeypatch.setattr(Settlement, "judge", overtaken)
    assert ana.push_one(parent)["status"] == "applied"
    assert rows_of(db, cast, "select 1 from outbox where topic = 'release_deferred'") == []
    assert roadbook.release_ready(cast.company.id) == 1
    ana.pull()
    assert ana.fields(parent["entity_id"])["state"] == "DONE"


def test_a_chain_of_three_in_reverse_order_in_one_batch_is_applied(
    cast: Cast, phone: PhoneOf
) -> None:
    ana = phone(cast.ana)
    store = ana.new_store()
    visit = ana.visit(store["entity_id"])
    finish = ana.finish(visit["entity_id"])
    assert ana.statuses(finish, visit, store) == ["applied", "applied", "applied"]


def test_a_chain_of_three_over_three_pushes_is_applied_link_by_link(
    cast: Cast, phone: PhoneOf, roadbook: Engine, db: Database
) -> None:
    ana = phone(cast.ana)
    store = ana.new_store()
    visit = ana.visit(store["entity_id"])
    finish = ana.finish(visit["entity_id"])
    assert ana.push_one(finish)["missing"] == [visit["entity_id"]]
    assert ana.push_one(visit)["missing"] == [store["entity_id"]]
    assert ana.push_one(store)["status"] == "applied"
    for link in (store, visit):
        ids = only(
            rows_of(
                db,
                cast,
                "select payload from outbox where topic = 'release_deferred'"
                " and payload::text like :id",
                id=f"%{link['entity_id']}%",
            )
        ).payload["entity_ids"]
        assert roadbook.release_deferred(cast.company.id, [UUID(id_) for id_ in ids]) == 1
    ana.pull()
    assert ana.fields(visit["entity_id"])["state"] == "DONE"


def test_a_child_on_another_phone_of_the_person_waits_for_the_parent(
    cast: Cast, roadbook: Engine, phone: PhoneOf, owner_engine: sqlalchemy.Engine
) -> None:
    with owner_engine.begin() as connection:
        connection.execute(sqlalchemy.text(f"set local roadbook.company = '{cast.company.id}'"))
        second = add_device(connection, cast.company, "Ana's second", person_id=cast.ana.id)
    ana, other = phone(cast.ana), Phone(roadbook, second)
    parent = ana.visit(cast.ana_stores[0])
    child = other.finish(parent["entity_id"])
    assert other.push_one(child)["status"] == "deferred"
    ana.push_one(parent)
    roadbook.release_ready(cast.company.id)
    for each in (ana, other):
        each.pull()
        assert each.fields(parent["entity_id"])["state"] == "DONE"
        assert each.fields(child["op_id"])["state"] == "RELEASED"


def test_an_item_waits_for_what_it_says_it_depends_on(
    cast: Cast, phone: PhoneOf, roadbook: Engine
) -> None:
    ana = phone(cast.ana)
    first = ana.visit(cast.ana_stores[0])
    second = ana.visit(cast.ana_stores[1], item={"depends_on": [first["entity_id"]]})
    assert ana.push_one(second)["missing"] == [first["entity_id"]]
    ana.push_one(first)
    assert roadbook.release_ready(cast.company.id) == 1


def test_two_items_that_wait_for_each_other_are_both_kept(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    ana = phone(cast.ana)
    one, two = str(uuid4()), str(uuid4())
    statuses = ana.statuses(
        ana.visit(cast.ana_stores[0], visit=one, item={"depends_on": [two]}),
        ana.visit(cast.ana_stores[1], visit=two, item={"depends_on": [one]}),
        ana.visit(cast.ana_stores[2]),
    )
    assert statuses == ["deferred", "deferred", "applied"]
    assert {row.state for row in kept(db, cast)} == {"DEFERRED"}


def test_an_item_does_not_wait_for_itself(cast: Cast, phone: PhoneOf) -> None:
    ana = phone(cast.ana)
    visit = ana.visit(cast.ana_stores[0])
    visit["depends_on"] = [visit["entity_id"], visit["op_id"]]
    assert ana.push_one(visit)["status"] == "applied"
    unborn = ana.finish(uuid4())
    unborn["depends_on"] = [unborn["entity_id"]]
    waiting = ana.push_one(unborn)
    assert (waiting["status"], waiting["missing"]) == ("deferred", [unborn["entity_id"]])


# ---- no item blocks another ---------------------------------------------------------------------


def bad_items(ana: Phone, cast: Cast) -> dict[str, Json | bytes]:
    good = json.dumps(ana.visit(cast.ana_stores[0]))
    return {
        "NaN": good.replace('"is_by_phone": false', '"is_by_phone": NaN').encode(),
        "infinity": good.replace('"is_by_phone": false', '"is_by_phone": 1e400').encode(),
        "NUL in a text": json.dumps(ana.visit(cast.ana_stores[0], note="a\0b")).encode(),
        "lone surrogate": json.dumps(ana.visit(cast.ana_stores[0], note="\ud800")).encode(),
        "too large": json.dumps(ana.visit(cast.ana_stores[0], note="n" * 70_000)).encode(),
        "no op_id": json.dumps(
            {k: v for k, v in json.loads(good).items() if k != "op_id"}
        ).encode(),
        "not an object": b"7",
        "null": b"null",
        "unknown kind": ana.item("order", "create", uuid4(), {}),
        "unknown op": ana.item("visit", "burn", uuid4(), {}),
        "unknown field": ana.visit(cast.ana_stores[0], mood="good"),
        "float": good.replace('"is_by_phone": false', '"is_by_phone": 0.5').encode(),
    }


def test_bad_items_are_kept_whole_and_hold_back_no_good_one(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    ana = phone(cast.ana)
    bad = bad_items(ana, cast)
    batch: list[Json | bytes] = []
    for item in bad.values():
        batch += [item, ana.visit(cast.ana_stores[1])]
    results = ana.push(*batch)
    assert [r["status"] for r in results] == ["quarantined", "applied"] * len(bad)
    assert all(r["code"] and r["detail"] for r in results[::2])
    raw = {bytes(row.raw) for row in kept(db, cast)}
    assert raw == {i if isinstance(i, bytes) else json.dumps(i).encode() for i in bad.values()}
    assert len(visits(db, cast)) == len(bad)
    ana.pull()
    assert len(ana.ids("item")) == len(bad)


def test_of_many_spoilt_items_only_so_much_is_explained_in_full(cast: Cast, phone: PhoneOf) -> None:
    ana = phone(cast.ana)
    spoilt = [ana.visit(cast.ana_stores[0]) for _ in range(6)]
    for item in spoilt:
        item["payload"] |= {f"u{n:04}": "x" * 20 for n in range(1_500)}
    results = ana.push(*spoilt)
    assert {(r["status"], r["code"]) for r in results} == {("quarantined", "invalid_field")}
    ten = "payload.u0009 is not a field of this contract; and more"
    told = [r["detail"].endswith(ten) for r in results]
    explained = -(-EXPLAINED_BYTES // len(json.dumps(spoilt[0])))
    assert told == [True] * explained + [False] * (6 - explained)
    assert results[-1]["where"] == "payload"


@pytest.mark.parametrize("name", ["NaN", "NUL in a text", "too large", "no op_id", "not an object"])
def test_what_cannot_be_read_says_why(cast: Cast, phone: PhoneOf, name: str) -> None:
    ana = phone(cast.ana)
    result = ana.push_one(bad_items(ana, cast)[name])
    expected = {
        "NaN": "malformed_json",
        "NUL in a text": "invalid_field",
        "too large": "item_too_large",
        "no op_id": "invalid_field",
        "not an object": "invalid_field",
    }
    assert (result["status"], result["code"]) == ("quarantined", expected[name])
    assert (result["op_id"] is None) == (name in ("no op_id", "not an object"))


@pytest.mark.parametrize("bad", ["quarantined", "deferred"])
def test_an_item_whose_op_id_is_the_id_of_its_record_is_kept_like_any(
    cast: Cast, phone: PhoneOf, roadbook: Engine, bad: str
) -> None:
    ana = phone(cast.ana)
    store = ana.new_store()
    wrong = cast.ben_stores[0] if bad == "quarantined" else store["entity_id"]
    visit = str(uuid4())
    item = ana.visit(wrong, visit=visit, item={"op_id": visit})
    good = ana.visit(cast.ana_stores[0])
    assert ana.statuses(item, good) == [bad, "applied"]
    if bad == "deferred":
        ana.push_one(store)
        assert roadbook.release_ready(cast.company.id) == 1
        ana.pull()
        assert ana.held[visit]["kind"] == "visit"


@pytest.mark.parametrize("is_known", [False, True])
def test_an_op_id_that_is_the_id_of_another_record_holds_back_nothing(
    cast: Cast, phone: PhoneOf, is_known: bool
) -> None:
    ana = phone(cast.ana)
    ana.pull()
    store = str(cast.ana_stores[0])
    batch = [
        ana.visit(cast.ben_stores[0], item={"op_id": store}),
        ana.visit(cast.ana_stores[1]),
    ]
    if is_known:
        batch.append(ana.visit(store))
    assert ana.statuses(*batch)[:2] == ["quarantined", "applied"]
    ana.pull()
    assert ana.held[store]["kind"] == "store"
    assert ana.ids("item")


def test_a_body_that_is_nested_too_deep_is_refused_whole_for_the_phone_to_split(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    ana = phone(cast.ana)
    deep = json.dumps(ana.visit(cast.ana_stores[0])).replace("false", "[" * 40 + "]" * 40)
    with pytest.raises(Refused) as refused:
        ana.push(ana.visit(cast.ana_stores[0]), deep.encode())
    assert (refused.value.code, visits(db, cast)) == ("too_deep", set())


def test_items_of_a_contract_that_is_to_come_are_kept_and_released_once_it_is_there(
    cast: Cast, phone: PhoneOf, roadbook: Engine, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mobile_contract import compiled

    ana = phone(cast.ana)
    item = ana.visit(cast.ana_stores[0])
    answer = ana.send(ana.envelope(item, contract=3))
    result = answer["results"][0]
    assert (result["status"], result["code"]) == ("quarantined", "contract_too_new")
    row = only(kept(db, cast))
    assert (row.contract, json.loads(bytes(row.raw))) == (3, item)
    still = roadbook.release(cast.company.id, row.op_id, bytes(row.digest), decided_by="Ada")
    assert still.code == "contract_too_new"

    learned = dict(compiled._OP_CHECKS)
    learned[3] = learned[2]
    monkeypatch.setattr(compiled, "_OP_CHECKS", learned)
    released = roadbook.release(cast.company.id, row.op_id, bytes(row.digest), decided_by="Ada")
    assert released.status == "applied"
    assert visits(db, cast) == {UUID(item["entity_id"])}
    assert ana.send(ana.envelope(item, contract=3))["results"][0]["first"] == result


def test_a_phone_of_contract_1_is_raised_to_the_current_one(cast: Cast, phone: PhoneOf) -> None:
    ana = phone(cast.ana)
    old = phone(cast.ana)
    old.contract = 1
    at = old.now - HOUR
    visit = str(uuid4())
    statuses = old.statuses(
        old.item(
            "visit",
            "create",
            visit,
            {
                "store_id": str(cast.ana_stores[0]),
                "checked_in_at": at,
                "checked_in_uptime_ms": old.uptime(at),
                "lat_e7": 313_500_000,
                "lon_e7": 1_215_000_000,
                "accuracy_cm": 900,
                "steps": ["GREET"],
            },
        ),
        old.item(
            "visit",
            "finish",
            visit,
            {"checked_out_at": old.now, "checked_out_uptime_ms": old.uptime(old.now), "steps": []},
        ),
        old.item(
            "attendance",
            "create",
            uuid4(),
            {"event": "CLOCK_IN", "at": at, "uptime_ms": old.uptime(at)},
        ),
        old.item(
            "store",
            "edit",
            cast.ana_stores[1],
            {"changes": {"contact": {"name": "Wu", "phone": "5"}}},
            base_version=1,
        ),
    )
    assert statuses == ["applied"] * 4
    ana.pull()
    fields = ana.fields(visit)
    assert (fields["state"], fields["closed_by"], fields["is_by_phone"]) == (
        "DONE",
        "PERSON",
        False,
    )
    assert fields["verdict"]["verdict"] == "ONSITE"
    assert ana.fields(cast.ana_stores[1])["contact_name"] == "Wu"


def test_what_an_edit_was_merged_with_is_named_as_in_the_phones_contract(
    cast: Cast, phone: PhoneOf
) -> None:
    sam, old, store = phone(cast.sam), phone(cast.ana), cast.ana_stores[0]
    old.contract = 1
    sam.push_one(sam.edit(store, 1, contact_phone="5", delivery_note="ring", channel="kiosk"))
    edit = old.edit(store, 1, contact={"name": "Wu"})
    result = old.push_one(edit)
    assert result["status"] == "merged"
    assert result["merged"] == {
        "channel": {"kept": "kiosk", "lost": "grocery"},
        "contact": {
            "kept": {"name": "Wu", "phone": "5"},
            "lost": {"name": "Wu", "phone": None},
        },
    }
    assert old.push_one(edit)["first"] == result
    sam.push_one(sam.edit(store, 3, opening_hours="9-5"))
    unseen = old.push_one(old.edit(store, 3, contact={"name": "Li"}))
    assert (unseen["status"], unseen.get("merged")) == ("applied", None)


def test_a_phone_of_contract_1_that_was_restarted_is_not_said_to_have_changed_its_clock(
    cast: Cast, phone: PhoneOf
) -> None:
    ana = phone(cast.ana)
    old = phone(cast.ana)
    old.contract = 1
    at = old.now - HOUR
    begun = {
        "store_id": str(cast.ana_stores[0]),
        "checked_in_at": at,
        "checked_in_uptime_ms": 0,
        "steps": [],
    }
    left = {"checked_out_at": at + 10 * MINUTE, "checked_out_uptime_ms": 0}
    attended = {"event": "CLOCK_IN", "at": at, "uptime_ms": 0}
    items = [
        old.item("visit", "create", uuid4(), {**begun, **left}),
        old.item("visit", "create", uuid4(), begun),
        old.item("attendance", "create", uuid4(), attended),
    ]
    finish = {**left, "steps": []}
    items.append(old.item("visit", "finish", items[1]["entity_id"], finish))
    assert old.statuses(*items) == ["applied"] * 4
    ana.pull()
    for item in items:
        fields = ana.fields(item["entity_id"])
        assert fields["clock"]["trust"] == "UNVERIFIED"
        assert "clock_changed" not in {flag["flag"] for flag in fields["flags"]}


def test_a_resend_after_an_app_update_keeps_its_result_in_its_own_contract(
    cast: Cast, phone: PhoneOf
) -> None:
    old = phone(cast.ana)
    old.contract = 1
    at = old.now - HOUR
    item = old.item(
        "attendance",
        "create",
        uuid4(),
        {"event": "CLOCK_IN", "at": at, "uptime_ms": old.uptime(at)},
    )
    first = old.push_one(item)
    old.contract = 2
    again = old.push_one(item)
    assert (again["status"], again["first"]) == ("duplicate", first)


# ---- the answer comes after the commit ----------------------------------------------------------


def lose_commits(
    monkeypatch: pytest.MonkeyPatch, engine: sqlalchemy.Engine, *, times: int, after: bool
) -> list[int]:
    """Let the connection be lost at the next commits, before or after the server did them."""
    left = [times]
    real = type(engine.dialect).do_commit

    def commit(self: Any, connection: Any) -> None:
        if left[0] > 0:
            left[0] -= 1
            if after:
                real(self, connection)
            connection.driver_connection.close()
            raise psycopg.OperationalError("server closed the connection unexpectedly")
        real(self, connection)

    monkeypatch.setattr(type(engine.dialect), "do_commit", commit)
    return left


def test_a_connection_lost_before_the_commit_is_tried_again(
    cast: Cast,
    phone: PhoneOf,
    db: Database,
    engine: sqlalchemy.Engine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ana = phone(cast.ana)
    item = ana.visit(cast.ana_stores[0])
    lose_commits(monkeypatch, engine, times=2, after=False)
    assert ana.push_one(item)["status"] == "applied"
    assert len(visits(db, cast)) == 1


def test_a_connection_lost_after_the_commit_answers_duplicate_with_what_was_committed(
    cast: Cast,
    phone: PhoneOf,
    db: Database,
    engine: sqlalchemy.Engine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ana = phone(cast.ana)
    item = ana.visit(cast.ana_stores[0])
    lose_commits(monkeypatch, engine, times=1, after=True)
    result = ana.push_one(item)
    assert result["status"] == "duplicate"
    assert result["first"] == json.loads(only(ledger(db, cast)).result)
    assert len(visits(db, cast)) == 1


def test_a_database_that_never_commits_is_answered_with_retry_and_holds_nothing(
    cast: Cast,
    phone: PhoneOf,
    db: Database,
    engine: sqlalchemy.Engine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ana = phone(cast.ana)
    item = ana.visit(cast.ana_stores[0])
    left = lose_commits(monkeypatch, engine, times=1000, after=False)
    try:
        result = ana.push_one(item)
    except Refused as refused:
        assert refused.code == "busy"  # noqa: PT017  either answer says that nothing is held
    else:
        assert result["status"] == "retry"
        assert result["retry_after_ms"] > 0
    left[0] = 0
    assert visits(db, cast) == set()
    assert ledger(db, cast) == []
    assert ana.push_one(item)["status"] == "applied"


class Clocks:
    """A wall clock and a steady one, both at noon; each look at one of them takes a second."""

    def __init__(self, *, set_by_ms: int = 0) -> None:
        self.set_by_ms = set_by_ms
        self.passed_s = 0

    def wall_ms(self) -> int:
        self.passed_s += 1
        return NOON + self.set_by_ms + self.passed_s * SECOND

    def steady_s(self) -> float:
        self.passed_s += 1
        return self.passed_s


@pytest.mark.parametrize(
    ("longest_s", "set_by_ms", "status"),
    [
        (60, 0, "applied"),
        (1, 0, "retry"),
        # Set forward, the receipt is as much older; set back, no time is won.
        (60, HOUR, "retry"),
        (1, -HOUR, "retry"),
    ],
)
def test_a_push_that_was_under_way_for_too_long_is_not_committed_but_answered_with_retry(
    cast: Cast,
    phone: PhoneOf,
    db: Database,
    roadbook: Engine,
    longest_s: float,
    set_by_ms: int,
    status: str,
) -> None:
    ana, clocks = phone(cast.ana), Clocks(set_by_ms=set_by_ms)
    deadline = deadline_after(longest_s, NOON, wall_ms=clocks.wall_ms, steady_s=clocks.steady_s)
    envelope = ana.envelope(ana.visit(cast.ana_stores[0]), ana.visit(cast.ben_stores[0]))
    answer = json.loads(
        roadbook.push(cast.ana.device.claim, decode_push(envelope), NOON, deadline).answer
    )
    results = answer["results"]
    assert results[0]["status"] == status
    is_held = status != "retry"
    assert [len(rows) for rows in (visits(db, cast), kept(db, cast), ledger(db, cast))] == (
        [1, 1, 2] if is_held else [0, 0, 0]
    )
    assert is_held or all(result["retry_after_ms"] > 0 for result in results)
    ana.send(envelope)
    assert len(ledger(db, cast)) == 2


def test_the_search_for_a_row_that_the_database_refuses_ends_at_the_deadline_too(
    cast: Cast, phone: PhoneOf, roadbook: Engine, db: Database, owner_engine: sqlalchemy.Engine
) -> None:
    ana, clocks = phone(cast.ana), Clocks()
    batch = [ana.visit(cast.ana_stores[n % 3]) for n in range(40)]
    deadline = deadline_after(5, NOON, wall_ms=clocks.wall_ms, steady_s=clocks.steady_s)
    envelope = decode_push(ana.envelope(*batch))
    with Refusing(owner_engine, f"new.id = '{batch[7]['entity_id']}'"):
        answer = json.loads(roadbook.push(cast.ana.device.claim, envelope, NOON, deadline).answer)
    assert {result["status"] for result in answer["results"]} == {"retry"}
    assert visits(db, cast) == set()


@pytest.mark.parametrize(
    "error", [psycopg.errors.SerializationFailure, psycopg.errors.DeadlockDetected]
)
def test_a_serialisation_failure_and_a_deadlock_repeat_the_whole_batch(
    cast: Cast,
    phone: PhoneOf,
    db: Database,
    monkeypatch: pytest.MonkeyPatch,
    error: type[psycopg.Error],
) -> None:
    from sync import push

    ana = phone(cast.ana)
    failures = iter([error("try again"), error("try again")])
    real = push._Batch._note_device

    def note(self: Any, *args: Any, **kwargs: Any) -> None:
        failure = next(failures, None)
        if failure is not None:
            raise failure
        real(self, *args, **kwargs)

    monkeypatch.setattr(push._Batch, "_note_device", note)
    batch = [ana.visit(cast.ana_stores[0]), ana.visit(cast.ben_stores[0])]
    assert ana.statuses(*batch) == ["applied", "quarantined"]
    assert len(visits(db, cast)) == 1
    assert len(ledger(db, cast)) == 2


def test_two_batches_that_would_deadlock_are_both_settled(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    ana, sam = phone(cast.ana), phone(cast.sam)
    one, two, _ = cast.ana_stores
    together, statuses = Barrier(2), []

    def edit(sender: Phone, number: int) -> None:
        together.wait()
        for turn in range(5):
            items = [
                sender.edit(store, 1, opening_hours=f"{number} {turn}") for store in (one, two)
            ]
            statuses.extend(sender.statuses(*(items if number else reversed(items))))

    threads = [Thread(target=edit, args=(p, n)) for n, p in enumerate((ana, sam))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(statuses) == 20
    assert "retry" not in statuses
    assert len(ledger(db, cast)) == 20


# ---- what the database refuses ------------------------------------------------------------------


class Refusing:
    """A trigger that lets the database refuse visits with some note, as a constraint would."""

    def __init__(
        self, owner: sqlalchemy.Engine, condition: str, using: str = "errcode = '23514'"
    ) -> None:
        self.using = using
        self.owner = owner
        self.condition = condition
        self.name = f"refuse_{uuid4().hex}"

    def __enter__(self) -> None:
        with self.owner.begin() as connection:
            connection.execute(
                sqlalchemy.text(
                    f"create function {self.name}() returns trigger language plpgsql as $$"
                    f" begin if {self.condition} then"
                    f" raise exception 'this row is refused' using {self.using};"
                    " end if; return new; end $$"
                )
            )
            connection.execute(
                sqlalchemy.text(
                    f"create trigger {self.name} before insert or update on visit"
                    f" for each row execute function {self.name}()"
                )
            )

    def __exit__(self, *_: object) -> None:
        with self.owner.begin() as connection:
            connection.execute(sqlalchemy.text(f"drop function {self.name} cascade"))


def test_a_row_that_the_database_refuses_takes_out_its_item_and_its_descendants_only(
    cast: Cast, phone: PhoneOf, db: Database, owner_engine: sqlalchemy.Engine
) -> None:
    ana = phone(cast.ana)
    culprit, other = uuid4(), uuid4()
    batch = [ana.visit(cast.ana_stores[n % 3]) for n in range(20)]
    batch[3] = ana.visit(cast.ana_stores[0], visit=culprit)
    batch[11] = ana.finish(culprit)
    batch[17] = ana.visit(cast.ana_stores[0], visit=other)
    with Refusing(owner_engine, f"new.id in ('{culprit}', '{other}')"):
        results = ana.push(*batch)
    by_index = {n: r["status"] for n, r in enumerate(results) if r["status"] != "applied"}
    assert by_index == {3: "quarantined", 11: "deferred", 17: "quarantined"}
    assert {results[3]["code"], results[17]["code"]} == {"refused_by_database"}
    assert len(visits(db, cast)) == 17
    assert ana.statuses(*batch) == ["duplicate"] * 20


def test_a_row_that_is_refused_only_together_with_another_item_takes_out_the_later_one(
    cast: Cast, phone: PhoneOf, db: Database, owner_engine: sqlalchemy.Engine
) -> None:
    ana = phone(cast.ana)
    culprit = uuid4()
    batch = [ana.visit(cast.ana_stores[n % 3]) for n in range(12)]
    batch[9] = ana.visit(cast.ana_stores[0], visit=culprit)
    batch[1] = ana.finish(culprit)
    with Refusing(owner_engine, f"new.id = '{culprit}' and new.state = 'DONE'"):
        results = ana.push(*batch)
    refused = {n: r.get("code") for n, r in enumerate(results) if r["status"] != "applied"}
    assert refused == {1: "refused_by_database"}
    assert len(visits(db, cast)) == 11


def test_a_refused_row_in_a_batch_with_an_item_twice_is_still_narrowed_down(
    cast: Cast, phone: PhoneOf, owner_engine: sqlalchemy.Engine
) -> None:
    ana = phone(cast.ana)
    culprit = uuid4()
    good = ana.visit(cast.ana_stores[0])
    bad = ana.visit(cast.ana_stores[1], visit=culprit)
    with Refusing(owner_engine, f"new.id = '{culprit}'"):
        statuses = ana.statuses(good, bad, good, bad)
    assert statuses == ["applied", "quarantined", "duplicate", "duplicate"]


def test_an_item_that_the_database_refused_can_be_released_when_the_cause_is_gone(
    cast: Cast, phone: PhoneOf, roadbook: Engine, db: Database, owner_engine: sqlalchemy.Engine
) -> None:
    ana = phone(cast.ana)
    item = ana.visit(cast.ana_stores[0])
    with Refusing(owner_engine, f"new.id = '{item['entity_id']}'"):
        assert ana.push_one(item)["code"] == "refused_by_database"
        row = only(kept(db, cast))
        again = roadbook.release(cast.company.id, row.op_id, bytes(row.digest), decided_by="Ada")
        assert (again.status, again.code) == ("quarantined", "refused_by_database")
    done = roadbook.release(cast.company.id, row.op_id, bytes(row.digest), decided_by="Ada")
    assert done.status == "applied"


def test_a_judgement_that_breaks_quarantines_its_item_alone(cast: Cast, db: Database) -> None:
    def breaks(_item: Arrived, _context: Context) -> Outcome:
        raise ZeroDivisionError

    ops = {**VISIT.ops, "finish": breaks}
    broken = replace(VISIT, ops=ops)
    kinds = [broken if kind.name == "visit" else kind for kind in ALL_KINDS]
    ana = Phone(Engine(db, kinds, b"x" * 32), cast.ana.device)
    visit = ana.visit(cast.ana_stores[0])
    results = ana.push(visit, ana.finish(visit["entity_id"]), ana.visit(cast.ana_stores[1]))
    assert [r["status"] for r in results] == ["applied", "quarantined", "applied"]
    assert results[1]["code"] == "judgement_failed"


# ---- the device ---------------------------------------------------------------------------------


def test_what_the_phone_still_holds_is_stored(cast: Cast, phone: PhoneOf, db: Database) -> None:
    ana = phone(cast.ana)
    oldest = ana.now - 3 * DAY
    ana.wrong_by = 7 * MINUTE
    ana.push(
        ana.visit(cast.ana_stores[0]),
        outbox={"count": 41, "oldest_at": oldest, "bytes": 9_000},
        app_version="2.3.4",
    )
    row = only(
        rows_of(
            db,
            cast,
            "select outbox_count, (extract(epoch from outbox_oldest_at) * 1000)::bigint, outbox_bytes,"
            " app_version, (extract(epoch from last_seen_at) * 1000)::bigint, clock_offset_ms"
            " from device where id = :id",
            id=cast.ana.device.id,
        )
    )
    assert tuple(row) == (40, oldest, 9_000, "2.3.4", ana.now, -7 * MINUTE)
    ana.push(ana.visit(cast.ana_stores[0]))
    row = only(
        rows_of(
            db,
            cast,
            "select outbox_count, outbox_oldest_at from device where id = :id",
            id=cast.ana.device.id,
        )
    )
    assert tuple(row) == (0, None)


def drain(owner_engine: sqlalchemy.Engine, cast: Cast, person: Person) -> None:
    with owner_engine.begin() as connection:
        connection.execute(sqlalchemy.text(f"set local roadbook.company = '{cast.company.id}'"))
        connection.execute(
            sqlalchemy.text("update device set state = 'DRAINING' where id = :id"),
            {"id": person.device.id},
        )


def test_a_draining_device_is_told_to_wipe_with_its_last_batch_and_gets_nothing_more(
    cast: Cast, phone: PhoneOf, db: Database, owner_engine: sqlalchemy.Engine
) -> None:
    ana = phone(cast.ana)
    drain(owner_engine, cast, cast.ana)
    with pytest.raises(Refused) as refused:
        ana.pull()
    assert refused.value.code == "device_draining"
    more = {"count": 2, "oldest_at": ana.now, "bytes": 10}
    assert ana.send(ana.envelope(ana.visit(cast.ana_stores[0]), outbox=more))["then"] is None
    last = ana.send(ana.envelope(ana.visit(cast.ana_stores[0])))
    assert (last["then"], last["results"][0]["status"]) == ("wipe", "applied")
    state = only(rows_of(db, cast, "select state from device where id = :i", i=cast.ana.device.id))
    assert state.state == "WIPED"


def test_a_device_that_was_told_to_wipe_is_sent_to_push_and_told_again(
    cast: Cast, phone: PhoneOf, owner_engine: sqlalchemy.Engine
) -> None:
    ana = phone(cast.ana)
    drain(owner_engine, cast, cast.ana)
    item = ana.visit(cast.ana_stores[0])
    assert ana.send(ana.envelope(item))["then"] == "wipe"
    # The answer was lost.
    with pytest.raises(Refused) as pulling:
        ana.pull()
    with pytest.raises(Refused) as comparing:
        ana.compare()
    assert pulling.value.code == comparing.value.code == "device_draining"
    again = ana.send(ana.envelope(item))
    assert (again["then"], again["results"][0]["status"]) == ("wipe", "duplicate")
    assert ana.send(ana.envelope())["then"] == "wipe"


def test_an_empty_push_of_a_draining_device_is_answered_with_wipe(
    cast: Cast, phone: PhoneOf, owner_engine: sqlalchemy.Engine
) -> None:
    ana = phone(cast.ana)
    drain(owner_engine, cast, cast.ana)
    assert ana.send(ana.envelope())["then"] == "wipe"


def test_a_revoked_device_is_not_known(
    cast: Cast, phone: PhoneOf, owner_engine: sqlalchemy.Engine
) -> None:
    ana = phone(cast.ana)
    with owner_engine.begin() as connection:
        connection.execute(sqlalchemy.text(f"set local roadbook.company = '{cast.company.id}'"))
        connection.execute(
            sqlalchemy.text("update device set state = 'REVOKED' where id = :id"),
            {"id": cast.ana.device.id},
        )
    with pytest.raises(Refused) as pulling:
        ana.pull()
    with pytest.raises(Refused) as pushing:
        ana.push(ana.visit(cast.ana_stores[0]))
    assert pulling.value.code == pushing.value.code == "token_invalid"


def test_an_envelope_of_another_device_is_refused_whole(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    ana = phone(cast.ana)
    with pytest.raises(Refused) as refused:
        ana.push(ana.visit(cast.ana_stores[0]), device_id=str(cast.ben.device.id))
    assert refused.value.code == "device_mismatch"
    assert visits(db, cast) == set()
    assert ledger(db, cast) == []


def test_a_push_answers_with_no_cursor(cast: Cast, phone: PhoneOf) -> None:
    ana = phone(cast.ana)
    answer = ana.send(ana.envelope(ana.visit(cast.ana_stores[0])))
    assert "cursor" not in answer


# ---- cost ---------------------------------------------------------------------------------------


def test_the_statements_of_a_push_do_not_grow_with_its_items(
    cast: Cast, phone: PhoneOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana = phone(cast.ana)
    counts = []
    for size in (1, 50, 500):
        batch: list[Json | bytes] = []
        while len(batch) < size:
            visit = ana.visit(cast.ana_stores[len(batch) % 3])
            batch += [visit, ana.finish(visit["entity_id"])][: size - len(batch)]
        envelope = decode_push(ana.envelope(*batch))
        with counted_statements(monkeypatch) as statements:
            answer = json.loads(ana.engine.push(ana.device.claim, envelope, ana.now).answer)
        assert {r["status"] for r in answer["results"]} == {"applied"}
        counts.append(len(statements))
    assert counts[1] == counts[2]
    assert counts[0] <= counts[1] <= 12, counts


def test_a_resent_batch_costs_a_fixed_number_of_statements(
    cast: Cast, phone: PhoneOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana = phone(cast.ana)
    batch = [ana.visit(cast.ana_stores[n % 3]) for n in range(200)]
    ana.push(*batch)
    counts = []
    for size in (1, 200):
        with counted_statements(monkeypatch) as statements:
            assert ana.statuses(*batch[:size]) == ["duplicate"] * size
        counts.append(len(statements))
    assert counts[0] == counts[1] <= 7, counts
