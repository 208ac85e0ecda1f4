"""Items that were kept are judged again when what they wait for is there, and none holds back another."""

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
import sqlalchemy

from sync import release
from sync.engine import Engine
from sync.errors import NotThere
from sync.record_kind import Arrived, Context, Outcome
from sync.settlement import Settlement
from sync.unit_of_work import Database
from tests.factories import Cast, Person, add_device
from tests.sync.talking import MINUTE, Json, Phone, only, rows_of
from tests.sync.test_push import Refusing, kept, lose_commits

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


@pytest.mark.parametrize(
    "using", ["errcode = '23514'", "errcode = '23505', constraint = 'record_pk'"]
)
def test_a_deferred_item_that_the_database_refuses_holds_back_no_other(
    cast: Cast,
    phone: PhoneOf,
    roadbook: Engine,
    db: Database,
    owner_engine: sqlalchemy.Engine,
    using: str,
) -> None:
    ana = phone(cast.ana)
    store = ana.new_store()
    visits = [ana.visit(store["entity_id"]) for _ in range(5)]
    ana.push(*visits)
    ana.push_one(store)
    with Refusing(owner_engine, f"new.id = '{visits[2]['entity_id']}'", using):
        assert roadbook.release_ready(cast.company.id) == 5
    states = {str(row.op_id): (row.state, row.code) for row in kept(db, cast)}
    assert states.pop(visits[2]["op_id"]) == ("QUARANTINED", "refused_by_database")
    assert set(states.values()) == {("RELEASED", None)}
    ana.pull()
    assert ana.fields(visits[2]["op_id"])["code"] == "refused_by_database"


def break_on(monkeypatch: pytest.MonkeyPatch, item: Json) -> None:
    """Let a program of ours break where the record of an item is written."""
    write = Settlement.write

    def breaking(self: Any, statements: Any) -> None:
        if item["entity_id"] in self.made():
            raise ZeroDivisionError
        write(self, statements)

    monkeypatch.setattr(Settlement, "write", breaking)


def test_a_deferred_item_on_which_a_program_breaks_holds_back_no_other(
    cast: Cast, phone: PhoneOf, roadbook: Engine, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana = phone(cast.ana)
    store = ana.new_store()
    visits = [ana.visit(store["entity_id"]) for _ in range(4)]
    ana.push(*visits)
    ana.push_one(store)
    break_on(monkeypatch, visits[1])
    assert roadbook.release_deferred(cast.company.id, [UUID(store["entity_id"])]) == 4
    states = {str(row.op_id): (row.state, row.code) for row in kept(db, cast)}
    assert states.pop(visits[1]["op_id"]) == ("QUARANTINED", "refused_by_database")
    assert set(states.values()) == {("RELEASED", None)}


def test_an_item_that_cannot_even_be_kept_with_its_reason_holds_back_no_other(
    cast: Cast, phone: PhoneOf, roadbook: Engine, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana = phone(cast.ana)
    store = ana.new_store()
    visits = [ana.visit(store["entity_id"]) for _ in range(3)]
    ana.push(*visits)
    ana.push_one(store)
    note = release._note

    def breaking(uow: Any, item: release.KeptItem, *rest: Any) -> None:
        if item.op_id == visits[0]["op_id"]:
            raise ZeroDivisionError
        note(uow, item, *rest)

    monkeypatch.setattr(release, "_note", breaking)
    assert roadbook.release_ready(cast.company.id) == 2
    states = {str(row.op_id): row.state for row in kept(db, cast)}
    assert [states[visit["op_id"]] for visit in visits] == ["DEFERRED", "RELEASED", "RELEASED"]


def test_an_item_on_which_a_program_breaks_stays_kept_when_somebody_releases_it(
    cast: Cast, phone: PhoneOf, roadbook: Engine, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana = phone(cast.ana)
    item = ana.visit(cast.ben_stores[0])
    ana.push_one(item)
    row = only(kept(db, cast))
    with monkeypatch.context() as patch:
        break_on(patch, item)
        broken = roadbook.release(cast.company.id, row.op_id, bytes(row.digest), decided_by="Sam")
    assert (broken.status, broken.code) == ("quarantined", "refused_by_database")
    # That somebody let it pass is not forgotten over it.
    done = roadbook.release(cast.company.id, row.op_id, bytes(row.digest), decided_by="Sam")
    assert done.status == "applied"


@pytest.mark.parametrize(
    "error",
    [
        psycopg.errors.SerializationFailure,
        psycopg.errors.IdleInTransactionSessionTimeout,
        psycopg.errors.ReadOnlySqlTransaction,
    ],
)
def test_what_the_database_cannot_do_just_now_is_no_fault_of_an_item(
    cast: Cast,
    phone: PhoneOf,
    roadbook: Engine,
    db: Database,
    monkeypatch: pytest.MonkeyPatch,
    error: type[psycopg.Error],
) -> None:
    ana = phone(cast.ana)
    item = ana.visit(cast.ben_stores[0])
    ana.push_one(item)
    row = only(kept(db, cast))
    failures = iter([error("not now"), error("not now")])
    write = Settlement.write

    def write_later(self: Any, statements: Any) -> None:
        failure = next(failures, None)
        if failure is not None:
            raise failure
        write(self, statements)

    monkeypatch.setattr(Settlement, "write", write_later)
    done = roadbook.release(cast.company.id, row.op_id, bytes(row.digest), decided_by="Sam")
    assert done.status == "applied"


def test_an_item_that_somebody_let_pass_passes_also_after_it_had_to_wait(
    cast: Cast, phone: PhoneOf, roadbook: Engine, db: Database
) -> None:
    ana = phone(cast.ana)
    store = ana.new_store()
    visit = ana.visit(cast.ben_stores[0])
    # Of the same phone and just as far outside the scope, but nobody looked at it.
    other = ana.visit(cast.ben_stores[1], item={"depends_on": [store["entity_id"]]})
    ana.push(visit, other)
    row = only([row for row in kept(db, cast) if str(row.op_id) == visit["op_id"]])
    mended = json.dumps(visit | {"depends_on": [store["entity_id"]]}).encode()
    result = roadbook.release(
        cast.company.id, row.op_id, bytes(row.digest), decided_by="Sam", mended=mended
    )
    assert result.status == "deferred"
    ana.push_one(store)
    roadbook.release_ready(cast.company.id)
    states = {str(row.op_id): (row.state, row.code) for row in kept(db, cast)}
    assert states == {
        visit["op_id"]: ("RELEASED", None),
        other["op_id"]: ("QUARANTINED", "not_in_scope"),
    }


def decided(db: Database, cast: Cast) -> tuple[Any, ...]:
    """The one item that is kept: its state, and who decided it, why and when."""
    statement = "select state, decided_by, reason, decided_at from kept_item"
    return tuple(only(rows_of(db, cast, statement)))


@pytest.mark.parametrize("is_mended", [False, True])
def test_who_let_an_item_pass_and_why_stays_when_what_it_then_waited_for_arrives(
    cast: Cast, phone: PhoneOf, roadbook: Engine, db: Database, is_mended: bool
) -> None:
    ana = phone(cast.ana)
    store = ana.new_store()
    # Mended to wait; or under an op_id that was used before, and waiting by itself.
    visit = ana.visit(store["entity_id"])
    if is_mended:
        ana.push_one(visit | {"entity_id": "no id"})
    else:
        ana.push(ana.attendance("ON") | {"op_id": visit["op_id"]}, visit)
    row = only(kept(db, cast))
    result = roadbook.release(
        cast.company.id,
        row.op_id,
        bytes(row.digest),
        decided_by="Sam",
        mended=json.dumps(visit).encode() if is_mended else None,
        reason="it is plain what was meant",
    )
    assert result.status == "deferred"
    made = decided(db, cast)
    assert made[:3] == ("DEFERRED", "Sam", "it is plain what was meant")
    ana.push_one(store)
    assert roadbook.release_ready(cast.company.id) == 1
    assert decided(db, cast) == ("RELEASED", *made[1:])


def test_what_nobody_decided_is_decided_by_the_arrival_of_what_was_missing(
    cast: Cast, phone: PhoneOf, roadbook: Engine, db: Database
) -> None:
    ana = phone(cast.ana)
    stores = [ana.new_store(), ana.new_store("Harbour")]
    ana.push_one(
        ana.visit(stores[0]["entity_id"], item={"depends_on": [one["entity_id"] for one in stores]})
    )
    moments = []
    for store, state in zip(stores, ("DEFERRED", "RELEASED"), strict=True):
        ana.push_one(store)
        roadbook.release_ready(cast.company.id)
        *told, at = decided(db, cast)
        assert told == [state, "arrival of what was missing", None]
        moments.append(at)
    # It is the last of them that settles it.
    assert moments[0] < moments[1]


def test_a_mended_item_is_told_of_as_about_the_record_that_it_was_mended_to(
    cast: Cast, phone: PhoneOf, roadbook: Engine, db: Database
) -> None:
    ana = phone(cast.ana)
    visit = ana.visit(str(uuid4()))
    ana.push_one(visit | {"entity_id": "no id"})
    row = only(kept(db, cast))
    key = (cast.company.id, row.op_id, bytes(row.digest))

    def told() -> tuple[Any, ...]:
        ana.pull()
        fields = ana.fields(visit["op_id"])
        return fields["state"], fields["entity_id"]

    assert told() == ("QUARANTINED", None)
    roadbook.release(*key, decided_by="Sam", mended=json.dumps(visit).encode())
    assert told() == ("DEFERRED", visit["entity_id"])
    roadbook.release(*key, decided_by="Sam", mended=b"{")
    assert told() == ("QUARANTINED", visit["entity_id"])
    roadbook.set_aside(*key, decided_by="Sam", reason="that shop is none")
    assert told() == ("SET_ASIDE", visit["entity_id"])


def count_judged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The op_ids of the items that are judged from now on."""
    judged: list[str] = []
    judge_one = Settlement._judge_one

    def counting(self: Settlement, item: Arrived, context: Context) -> Outcome:
        judged.append(item.op_id)
        return judge_one(self, item, context)

    monkeypatch.setattr(Settlement, "_judge_one", counting)
    return judged


def test_what_waits_for_a_record_that_will_not_do_is_judged_again_only_when_that_changes(
    cast: Cast, phone: PhoneOf, roadbook: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana, ben = phone(cast.ana), phone(cast.ben)
    visit = ana.visit(cast.ana_stores[0])
    early = [ben.finish(visit["entity_id"]) for _ in range(3)]
    ben.push(*early)
    ana.push_one(visit)
    late = ben.finish(visit["entity_id"])
    assert ben.push_one(late)["status"] == "deferred"

    def judged_in_a_round() -> set[str]:
        with monkeypatch.context() as patch:
            judged = count_judged(patch)
            assert roadbook.release_ready(cast.company.id) == 0
        return set(judged)

    # Those that came before the visit have not seen it; the one that came after it was judged by it.
    assert judged_in_a_round() == {item["op_id"] for item in early}
    assert judged_in_a_round() == set()
    ana.push_one(ana.finish(visit["entity_id"]))
    assert judged_in_a_round() == {item["op_id"] for item in (*early, late)}
    assert judged_in_a_round() == set()


def test_a_parent_and_a_child_that_did_not_see_each_other_find_together(
    cast: Cast,
    phone: PhoneOf,
    roadbook: Engine,
    db: Database,
    engine: sqlalchemy.Engine,
    owner_engine: sqlalchemy.Engine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with owner_engine.begin() as connection:
        connection.execute(sqlalchemy.text(f"set local roadbook.company = '{cast.company.id}'"))
        device = add_device(connection, cast.company, "Ana's second", person_id=cast.ana.id)
    ana, second = phone(cast.ana), Phone(roadbook, device)
    store = ana.new_store()
    visit = ana.visit(store["entity_id"])
    commit = type(engine.dialect).do_commit
    parent_first = [store]

    def while_the_child_is_under_way(self: Any, connection: Any) -> None:
        if parent_first:
            second.push_one(parent_first.pop())
        commit(self, connection)

    with monkeypatch.context() as patch:
        patch.setattr(type(engine.dialect), "do_commit", while_the_child_is_under_way)
        assert ana.push_one(visit)["status"] == "deferred"
    assert rows_of(db, cast, "select 1 from outbox where topic = 'release_deferred'") == []
    assert roadbook.release_ready(cast.company.id) == 1


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


def test_items_of_one_phone_are_released_by_receipt_before_their_places_in_their_batches(
    cast: Cast, phone: PhoneOf, roadbook: Engine
) -> None:
    ana = phone(cast.ana)
    visit = ana.visit(cast.ana_stores[0])
    other = ana.finish(str(uuid4()))
    ana.push(other, ana.finish(visit["entity_id"], note="first"))
    ana.now += 1
    ana.push_one(ana.finish(visit["entity_id"], note="second"))
    ana.push_one(visit)
    assert roadbook.release_ready(cast.company.id) == 2
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


@pytest.mark.parametrize("is_done", [False, True])
def test_a_decision_whose_commit_got_no_answer_is_told_as_it_was_made(
    cast: Cast,
    phone: PhoneOf,
    roadbook: Engine,
    db: Database,
    engine: sqlalchemy.Engine,
    monkeypatch: pytest.MonkeyPatch,
    is_done: bool,
) -> None:
    ana = phone(cast.ana)
    ana.push(ana.visit(cast.ben_stores[0]), ana.visit(cast.ben_stores[1]))
    first, second = kept(db, cast)
    with monkeypatch.context() as patch:
        lose_commits(patch, engine, times=1, after=is_done)
        result = roadbook.release(cast.company.id, first.op_id, bytes(first.digest), decided_by="S")
        assert (result.status, result.version) == ("applied", 1)
        lose_commits(patch, engine, times=1, after=is_done)
        roadbook.set_aside(
            cast.company.id, second.op_id, bytes(second.digest), decided_by="S", reason="a test"
        )
    assert [row.state for row in kept(db, cast)] == ["RELEASED", "SET_ASIDE"]
    # A decision of somebody else's is not taken for one's own.
    with pytest.raises(NotThere):
        roadbook.release(cast.company.id, first.op_id, bytes(first.digest), decided_by="S")


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


def test_an_unreadable_item_whose_op_id_is_the_id_of_its_record_can_be_mended(
    cast: Cast, phone: PhoneOf, roadbook: Engine, db: Database
) -> None:
    ana = phone(cast.ana)
    visit = str(uuid4())
    good = json.dumps(ana.visit(cast.ana_stores[0], visit=visit, item={"op_id": visit})).encode()
    assert ana.push_one(good.replace(b'"entity_id"', b'"entityId"'))["code"] == "invalid_field"
    row = only(kept(db, cast))
    done = roadbook.release(
        cast.company.id, row.op_id, bytes(row.digest), decided_by="Sam", mended=good
    )
    assert done.status == "applied"
    ana.pull()
    assert ana.held[visit]["kind"] == "visit"
    assert {ana.fields(id_)["state"] for id_ in ana.ids("item")} == {"RELEASED"}


def test_an_item_that_is_mended_with_nothing_is_not_taken_as_it_was_sent(
    cast: Cast, phone: PhoneOf, roadbook: Engine, db: Database
) -> None:
    ana = phone(cast.ana)
    ana.push_one(ana.visit(cast.ben_stores[0]))
    row = only(kept(db, cast))
    done = roadbook.release(
        cast.company.id, row.op_id, bytes(row.digest), decided_by="Sam", mended=b""
    )
    assert (done.status, done.code) == ("quarantined", "malformed_json")


@pytest.mark.parametrize("field", ["name", "delivery_note"])
def test_the_same_bytes_of_two_people_that_are_let_pass_have_each_their_own_outcome(
    cast: Cast, phone: PhoneOf, roadbook: Engine, db: Database, field: str
) -> None:
    """One asks for a name, or meets another edit, and so does whoever sent the same after them."""
    ana, sam, mia = phone(cast.ana), phone(cast.sam), phone(cast.mia)
    mia.push_one(mia.edit(cast.ana_stores[0], 1, delivery_note="ring twice"))
    edit = ana.edit(cast.ana_stores[0], 1, **{field: "By the back door"})
    first = ana.push_one(edit)
    sams = sam.push_one(edit)
    assert sams["code"] == "op_id_taken"
    (row,) = [row for row in kept(db, cast) if row.person_id == cast.sam.id]
    result = roadbook.release(cast.company.id, row.op_id, bytes(row.digest), decided_by="Lou")
    assert result.status == first["status"]
    ids = {
        result.proposal_id or result.conflict_id,
        first.get("proposal_id", first.get("conflict_id")),
    }
    assert len(ids) == 2
