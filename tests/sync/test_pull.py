"""What comes down: exactly the scope, whatever happens meanwhile, and nothing that is outside it."""

import base64
import json
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
import sqlalchemy

from mobile_contract.records import RECORDS_BY_KIND, lower_record
from mobile_contract.version import CONTRACTS
from sync.cursor import CursorBox
from sync.engine import Engine
from sync.errors import Refused
from sync.kinds.store.publish import publish_stores
from sync.publish import place
from sync.scope import rescope
from sync.unit_of_work import Database
from tests.factories import TODAY, Cast, Person
from tests.mobile_contract.wire_values import absent_names
from tests.sync.conftest import SECRET
from tests.sync.office import (
    describe,
    end_occupancy,
    many_stores,
    move_route,
    second_route,
    set_stops,
    start_occupancy,
    unplace,
)
from tests.sync.talking import Phone, counted_statements, only, rows_of, scope_of

PhoneOf = Callable[[Person], Phone]


def versions(phone: Phone) -> dict[UUID, int]:
    return {UUID(id_): record["version"] for id_, record in phone.held.items()}


# ---- the scope ----------------------------------------------------------------------------------


def test_a_first_pull_is_exactly_the_scope_of_everybody(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    for person in cast.people:
        one = phone(person)
        one.pull()
        assert versions(one) == scope_of(db, cast, person)
    ana, mia = phone(cast.ana), phone(cast.mia)
    ana.pull()
    mia.pull()
    assert ana.ids("store") == set(cast.ana_stores)
    assert ana.ids("route") == {cast.ana_route}
    assert mia.ids("store") == {*cast.ana_stores, *cast.ben_stores}


def test_what_belongs_to_a_region_comes_down_to_those_who_oversee_it_alone(
    cast: Cast, phone: PhoneOf
) -> None:
    for person in (cast.aki, cast.ada):
        one = phone(person)
        one.pull()
        assert {record["kind"] for record in one.held.values()} == {"policy"}


def test_what_a_person_did_comes_down_to_nobody_else(cast: Cast, phone: PhoneOf) -> None:
    ana = phone(cast.ana)
    new = ana.new_store()
    own = [ana.visit(cast.ana_stores[0]), ana.attendance(), ana.finish(uuid4()), new]
    assert ana.statuses(*own) == ["applied", "applied", "deferred", "applied"]
    ana.pull()
    seen = {kind for kind in ("visit", "attendance", "item", "proposal") if ana.ids(kind)}
    assert seen == {"visit", "attendance", "item", "proposal"}
    assert UUID(new["entity_id"]) in ana.ids("store")
    for person in (cast.ben, cast.sam, cast.mia):
        one = phone(person)
        one.pull()
        assert {record["kind"] for record in one.held.values()} == {"policy", "store", "route"}
        assert UUID(new["entity_id"]) not in one.ids("store")


def test_a_pull_without_changes_brings_nothing(cast: Cast, phone: PhoneOf) -> None:
    ana = phone(cast.ana)
    assert ana.pull()
    assert ana.pull() == []


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5, 6, 1000])
def test_a_pull_page_by_page_gives_the_same_as_one_page(
    cast: Cast, phone: PhoneOf, db: Database, limit: int
) -> None:
    whole, paged = phone(cast.mia), phone(cast.mia)
    whole.pull()
    paged.pull(limit)
    assert paged.held == whole.held
    with db.company(cast.company.id) as uow:
        describe(uow, cast.ana_stores[0], "5 Quay")
        move_route(uow, cast.ana_route, cast.ben.position_id)
        describe(uow, cast.ben_stores[1], "6 Quay")
    whole.pull()
    paged.pull(limit)
    assert paged.held == whole.held
    assert versions(paged) == scope_of(db, cast, cast.mia)


def test_what_a_phone_pushed_comes_down_to_the_other_phones_that_may_see_it(
    cast: Cast, phone: PhoneOf
) -> None:
    ana, sam = phone(cast.ana), phone(cast.sam)
    ana.pull()
    sam.pull()
    ana.push(ana.edit(cast.ana_stores[0], 1, delivery_note="by the back door"))
    for each in (ana, sam):
        assert [c["id"] for c in each.pull()] == [str(cast.ana_stores[0])]
        assert each.fields(cast.ana_stores[0])["delivery_note"] == "by the back door"


def test_an_interrupted_pull_goes_on_where_it_stopped(cast: Cast, phone: PhoneOf) -> None:
    whole, broken = phone(cast.mia), phone(cast.mia)
    expected = [c["id"] for c in whole.pull()]
    broken.page(2)
    broken.page(2)
    saved, held = broken.cursor, dict(broken.held)
    lost = broken.page(2)
    # The answer never arrived: the phone has what it had, and asks again.
    broken.cursor, broken.held = saved, held
    assert broken.page(2)["changes"] == lost["changes"]
    broken.pull(2)
    assert broken.held == whole.held
    assert len(broken.held) == len(expected)


def test_a_change_during_a_paged_pull_arrives(cast: Cast, phone: PhoneOf, db: Database) -> None:
    for turn in range(4):
        mia = phone(cast.mia)
        for _ in range(turn):
            mia.page(1)
        with db.company(cast.company.id) as uow:
            for store in (*cast.ana_stores, *cast.ben_stores):
                describe(uow, store, f"turn {turn}")
        mia.pull(1)
        mia.pull(1)
        assert versions(mia) == scope_of(db, cast, cast.mia)


# ---- enter and evict ----------------------------------------------------------------------------


def test_a_route_that_moves_takes_its_stores_from_one_phone_to_the_other(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    ana, ben = phone(cast.ana), phone(cast.ben)
    ana.pull()
    ben.pull()
    with db.company(cast.company.id) as uow:
        move_route(uow, cast.ana_route, cast.ben.position_id)
    evicted = {UUID(c["id"]) for c in ana.pull() if c["op"] == "evict"}
    assert evicted == {*cast.ana_stores, cast.ana_route}
    ben.pull()
    assert ben.ids("store") == {*cast.ana_stores, *cast.ben_stores}
    for each, person in ((ana, cast.ana), (ben, cast.ben)):
        assert versions(each) == scope_of(db, cast, person)
        assert each.pull() == []


def test_an_occupancy_that_ends_evicts_and_one_that_begins_brings(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    ana, ben = phone(cast.ana), phone(cast.ben)
    ana.pull()
    ben.pull()
    with db.company(cast.company.id) as uow:
        end_occupancy(uow, cast.ana, TODAY - timedelta(days=1))
        start_occupancy(uow, cast, cast.ben, cast.ana.position_id, TODAY)
    ana.pull()
    ben.pull()
    assert ana.ids("store") == ana.ids("route") == set()
    assert ana.ids("policy")
    assert ben.ids("store") == {*cast.ana_stores, *cast.ben_stores}
    assert ben.ids("route") == {cast.ana_route, cast.ben_route}


def test_a_store_seen_for_two_reasons_stays_until_the_last_is_gone(
    cast: Cast, phone: PhoneOf, db: Database, owner_engine: sqlalchemy.Engine
) -> None:
    store = cast.ana_stores[0]
    other = second_route(owner_engine, db, cast, [store])
    ana = phone(cast.ana)
    ana.pull()
    with db.company(cast.company.id) as uow:
        unplace(uow, cast.ana_route, store)
    assert "evict" not in {c["op"] for c in ana.pull()}
    with db.company(cast.company.id) as uow:
        unplace(uow, other, store)
    assert [(c["op"], c["id"]) for c in ana.pull()] == [("evict", str(store))]


def test_two_removals_at_once_still_evict(
    cast: Cast, phone: PhoneOf, db: Database, owner_engine: sqlalchemy.Engine
) -> None:
    store = cast.ana_stores[0]
    other = second_route(owner_engine, db, cast, [store])
    ana = phone(cast.ana)
    ana.pull()
    # Neither transaction sees what the other took away.
    with db.company(cast.company.id) as one:
        unplace(one, cast.ana_route, store)
        with db.company(cast.company.id) as two:
            unplace(two, other, store)
        assert "evict" not in {c["op"] for c in ana.pull()}
    assert [(c["op"], c["id"]) for c in ana.pull()] == [("evict", str(store))]
    assert versions(ana) == scope_of(db, cast, cast.ana)


def test_a_key_lost_and_a_record_taken_from_it_at_once_still_evict(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    store = cast.ana_stores[1]
    ana = phone(cast.ana)
    ana.pull()
    with db.company(cast.company.id) as one:
        one.run(
            "update route set position_id = :to where id = :id",
            id=cast.ana_route,
            to=cast.ben.position_id,
        )
        rescope(one, [cast.ana.id, cast.ben.id], TODAY)
        with db.company(cast.company.id) as two:
            place(two, cast.ana_route, [s for s in cast.ana_stores if s != store])
    ana.pull()
    assert ana.ids("store") == set()


def test_a_record_that_left_a_key_that_is_then_lost_during_the_pull_is_evicted(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    ana = phone(cast.ana)
    ana.pull()
    with db.company(cast.company.id) as uow:
        describe(uow, cast.ana_stores[1], "8 Quay")
        unplace(uow, cast.ana_route, cast.ana_stores[0])
    ana.page(1)
    with db.company(cast.company.id) as uow:
        move_route(uow, cast.ana_route, cast.ben.position_id)
    ana.pull(1)
    ana.pull(1)
    assert ana.ids("store") == set()


@pytest.mark.parametrize("pages", [1, 2, 3])
def test_a_record_that_leaves_a_lost_key_during_the_pull_is_evicted(
    cast: Cast, phone: PhoneOf, db: Database, pages: int
) -> None:
    ana = phone(cast.ana)
    ana.pull()
    with db.company(cast.company.id) as uow:
        move_route(uow, cast.ana_route, cast.ben.position_id)
    for _ in range(pages):
        ana.page(1)
    with db.company(cast.company.id) as uow:
        set_stops(uow, cast, cast.ana_route, [])
    ana.pull(1)
    ana.pull(1)
    assert versions(ana) == scope_of(db, cast, cast.ana)


@pytest.mark.parametrize("limit", [1, 500])
def test_a_record_that_leaves_a_lost_key_among_many_transactions_is_evicted(
    cast: Cast, phone: PhoneOf, db: Database, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    """The cursor then stands for the oldest of them; the page must not."""
    monkeypatch.setattr("sync.cursor._IN_PROGRESS_MAX", 1)
    ben = phone(cast.ben)
    ben.pull()
    with db.company(cast.company.id) as uow:
        end_occupancy(uow, cast.ben, TODAY - timedelta(days=1))
    with db.company(cast.company.id) as one, db.company(cast.company.id) as two:
        for slow in (one, two):
            slow.run("select pg_current_xact_id()")
        with db.company(cast.company.id) as uow:
            unplace(uow, cast.ben_route, cast.ben_stores[0])
        ben.pull(limit)
    # What others of the same server have in progress must not put the end off as well.
    monkeypatch.undo()
    ben.pull(limit)
    assert versions(ben) == scope_of(db, cast, cast.ben)


def test_a_route_that_is_no_longer_driven_is_deleted_and_lets_its_stores_go(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    ana = phone(cast.ana)
    ana.pull()
    with db.company(cast.company.id) as uow:
        uow.run("update route set is_active = false where id = :id", id=cast.ana_route)
        set_stops(uow, cast, cast.ana_route, [])
    ops = {UUID(c["id"]): c["op"] for c in ana.pull()}
    assert ops[cast.ana_route] == "delete"
    assert {ops[store] for store in cast.ana_stores} == {"evict"}


def test_nothing_outside_the_scope_of_that_moment_is_on_the_wire(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    ana, ben = phone(cast.ana), phone(cast.ben)
    positions = (cast.ana.position_id, cast.ben.position_id)
    for turn in range(12):
        with db.company(cast.company.id) as uow:
            if turn % 3 == 0:
                move_route(uow, cast.ana_route, positions[turn % 2])
            elif turn % 3 == 1:
                stores = [*cast.ana_stores, *cast.ben_stores]
                set_stops(uow, cast, cast.ben_route, stores[turn % 4 : turn % 4 + 3])
            describe(uow, cast.ana_stores[turn % 3], f"turn {turn}")
        for each, person in ((ana, cast.ana), (ben, cast.ben)):
            answer = each.page(2)
            allowed = scope_of(db, cast, person)
            assert {UUID(c["id"]) for c in answer["changes"] if c["op"] == "put"} <= set(allowed)
            assert all("fields" not in c for c in answer["changes"] if c["op"] != "put")
    for each, person in ((ana, cast.ana), (ben, cast.ben)):
        each.pull(2)
        each.pull(2)
        assert versions(each) == scope_of(db, cast, person)


def test_unsent_work_on_an_evicted_store_is_still_accepted(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    ana = phone(cast.ana)
    ana.pull()
    visit = ana.visit(cast.ana_stores[0])
    edit = ana.edit(cast.ana_stores[1], 1, contact_name="Wu")
    with db.company(cast.company.id) as uow:
        move_route(uow, cast.ana_route, cast.ben.position_id)
    ana.pull()
    assert ana.ids("store") == set()
    assert ana.statuses(visit, edit) == ["applied", "applied"]


# ---- late and nested transactions ---------------------------------------------------------------


def test_a_transaction_that_commits_late_is_not_lost(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    ana = phone(cast.ana)
    ana.pull()
    early, late = cast.ana_stores[0], cast.ana_stores[1]
    with db.company(cast.company.id) as held_open:
        describe(held_open, late, "written first")
        with db.company(cast.company.id) as uow:
            describe(uow, early, "committed first")
        assert [c["id"] for c in ana.pull()] == [str(early)]
        assert ana.pull() == []
    assert [c["id"] for c in ana.pull()] == [str(late)]
    assert versions(ana) == scope_of(db, cast, cast.ana)


def test_a_first_pull_beside_an_open_transaction_loses_nothing(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    ana = phone(cast.ana)
    with db.company(cast.company.id) as held_open:
        describe(held_open, cast.ana_stores[0], "not yet")
        ana.pull(2)
    ana.pull(2)
    assert ana.fields(cast.ana_stores[0])["address"] == "not yet"


def test_a_change_written_in_a_savepoint_is_found_by_its_top_level_transaction(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    ana = phone(cast.ana)
    ana.pull()
    with db.company(cast.company.id) as uow:
        with uow.connection.begin_nested():
            describe(uow, cast.ana_stores[0], "in a savepoint")
        undone = uow.connection.begin_nested()
        describe(uow, cast.ana_stores[1], "undone")
        undone.rollback()
        with db.company(cast.company.id) as other:
            describe(other, cast.ana_stores[2], "meanwhile")
        assert [c["id"] for c in ana.pull()] == [str(cast.ana_stores[2])]
    assert [c["id"] for c in ana.pull()] == [str(cast.ana_stores[0])]


def test_a_transaction_that_was_rolled_back_brings_nothing(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    ana = phone(cast.ana)
    ana.pull()
    with db.rehearsal(cast.company.id) as uow:
        describe(uow, cast.ana_stores[0], "never")
    assert ana.pull() == []


def test_writing_again_what_is_there_makes_no_change(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    ana = phone(cast.ana)
    ana.pull()
    with db.company(cast.company.id) as uow:
        publish_stores(uow, cast.ana_stores)
        rescope(uow, [cast.ana.id], TODAY)
    assert ana.pull() == []


def test_publishing_a_store_beside_an_edit_does_not_undo_the_edit(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    from threading import Thread

    from sync.record_store import lock_records

    ana = phone(cast.ana)
    store = cast.ana_stores[0]
    with db.company(cast.company.id) as editing:
        lock_records(editing.driver, cast.company.id, [str(store)])

        def publish_again() -> None:
            with db.company(cast.company.id) as uow:
                publish_stores(uow, [store])

        publishing = Thread(target=publish_again)
        publishing.start()
        while not rows_of(
            db, cast, "select 1 from pg_locks where not granted and locktype = 'transactionid'"
        ):
            pass
        editing.run("update store set contact_name = 'Wu' where id = :id", id=store)
        publish_stores(editing, [store])
    publishing.join(30)
    ana.pull()
    assert ana.fields(store)["contact_name"] == "Wu"


# ---- contracts ----------------------------------------------------------------------------------


def test_a_phone_of_contract_1_gets_lowered_documents_of_the_kinds_it_knows(
    cast: Cast, phone: PhoneOf
) -> None:
    new, old = phone(cast.ana), phone(cast.ana)
    old.contract = 1
    new.push(
        new.visit(cast.ana_stores[0]),
        new.attendance(),
        new.edit(cast.ana_stores[0], 1, name="Sign", opening_hours="9-5"),
        new.visit(cast.ben_stores[0]),
    )
    new.pull()
    old.pull(2)
    expected = {}
    for id_, record in new.held.items():
        lowered = lower_record(record["kind"], record["fields"], 1)
        if lowered is not None:
            expected[id_] = {**record, "fields": lowered}
    assert old.held == expected
    assert {r["kind"] for r in old.held.values()} == {
        "store",
        "route",
        "visit",
        "attendance",
        "proposal",
        "item",
    }
    assert "opening_hours" not in old.fields(cast.ana_stores[0])


def test_a_phone_that_updates_its_app_gets_what_changed_and_repairs_the_rest(
    cast: Cast, phone: PhoneOf
) -> None:
    ana, fresh = phone(cast.ana), phone(cast.ana)
    ana.contract = 1
    ana.pull()
    ana.contract = 2
    ana.pull()
    ana.repair()
    fresh.pull()
    assert ana.held == fresh.held


# ---- cursors ------------------------------------------------------------------------------------


def refused_code(phone: Phone) -> str:
    with pytest.raises(Refused) as refused:
        phone.page()
    return refused.value.code


def test_a_made_up_or_broken_cursor_is_an_error(cast: Cast, phone: PhoneOf) -> None:
    ana = phone(cast.ana)
    ana.pull()
    good = ana.cursor
    assert good is not None
    raw = bytearray(base64.urlsafe_b64decode(good + "=="[: -len(good) % 4]))
    raw[-1] ^= 1
    flipped = base64.urlsafe_b64encode(raw).decode().rstrip("=")
    for bad in ("x", "0", good[:-4], good[:10], flipped, good + "AAAA", "ü" * 30, "=" * 8):
        ana.cursor = bad
        assert refused_code(ana) == "cursor_invalid"
    ana.cursor = good
    assert ana.pull() == []


def test_a_cursor_of_another_person_is_invalid(cast: Cast, phone: PhoneOf) -> None:
    ana, ben = phone(cast.ana), phone(cast.ben)
    ben.pull()
    ana.cursor = ben.cursor
    assert refused_code(ana) == "cursor_invalid"


def test_a_cursor_of_another_installation_is_invalid(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    from sync.kinds import ALL_KINDS

    other = Phone(Engine(db, ALL_KINDS, b"another secret" * 3), cast.ana.device)
    other.pull()
    ana = phone(cast.ana)
    ana.cursor = other.cursor
    assert refused_code(ana) == "cursor_invalid"


def test_a_cursor_of_another_epoch_asks_for_a_repair(cast: Cast, phone: PhoneOf) -> None:
    import msgspec

    ana = phone(cast.ana)
    ana.pull()
    box = CursorBox(SECRET)
    assert ana.cursor is not None
    opened = box.open(ana.cursor, str(cast.ana.id))
    ana.cursor = box.seal(msgspec.structs.replace(opened, epoch="another"))
    assert refused_code(ana) == "epoch_changed"
    ana.repair()
    assert ana.pull() == []


def purge_all_changes(db: Database, cast: Cast) -> None:
    with db.company(cast.company.id) as uow:
        uow.run(
            "insert into feed_horizon (company_id, purged_below)"
            " select :company, (max(xid)::text::bigint + 1)::text::xid8 from change",
            company=cast.company.id,
        )
        uow.run("delete from change")


def test_a_cursor_older_than_what_was_purged_asks_for_a_repair(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    ana = phone(cast.ana)
    ana.pull()
    with db.company(cast.company.id) as uow:
        describe(uow, cast.ana_stores[0], "changed and purged")
    purge_all_changes(db, cast)
    assert refused_code(ana) == "cursor_too_old"
    ana.repair()
    assert ana.fields(cast.ana_stores[0])["address"] == "changed and purged"


@pytest.mark.parametrize("is_first_sync", [False, True])
def test_a_purge_between_two_pages_of_a_pull_loses_nothing(
    cast: Cast, phone: PhoneOf, db: Database, is_first_sync: bool
) -> None:
    mia = phone(cast.mia)
    if not is_first_sync:
        mia.pull()
    with db.company(cast.company.id) as uow:
        for store in (*cast.ana_stores, *cast.ben_stores):
            describe(uow, store, "before the first page")
    mia.page(2)
    with db.company(cast.company.id) as uow:
        for store in (*cast.ana_stores, *cast.ben_stores):
            describe(uow, store, "between two pages")
    purge_all_changes(db, cast)
    # What the first pull of a phone lists is not read from the feed; where it would go on from is.
    if is_first_sync:
        mia.pull(2)
    assert refused_code(mia) == "cursor_too_old"
    mia.repair()
    assert versions(mia) == scope_of(db, cast, cast.mia)
    assert mia.fields(cast.ben_stores[0])["address"] == "between two pages"


def test_a_scope_that_is_too_large_for_a_phone_is_refused_with_the_limit(
    cast: Cast, phone: PhoneOf, owner_engine: sqlalchemy.Engine
) -> None:
    from tests.factories import add_policy

    with owner_engine.begin() as connection:
        add_policy(connection, cast.company, version=2, max_scope_records=3)
    with pytest.raises(Refused) as refused:
        phone(cast.ana).pull()
    assert (refused.value.code, refused.value.limit) == ("scope_too_large", 3)


def test_a_cursor_stays_small_beside_very_many_open_transactions() -> None:
    from sync.cursor import shortened

    many = ",".join(str(n) for n in range(1000, 3000))
    assert shortened(f"1000:4000:{many}") == "1000:1000:"
    assert shortened("1000:1010:1000,1003") == "1000:1010:1000,1003"


# ---- cost ---------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_statements_of_a_pull_do_not_grow_with_the_changes(
    cast: Cast,
    phone: PhoneOf,
    db: Database,
    owner_engine: sqlalchemy.Engine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stores = many_stores(owner_engine, db, cast, 1000)
    ana = phone(cast.ana)
    ana.pull(1000)
    counts = []
    for size in (1, 100, 1000):
        with db.company(cast.company.id) as uow:
            uow.run(
                "update store set address = :address where id = any(:ids)",
                address=f"{size} Quay",
                ids=stores[:size],
            )
            publish_stores(uow, stores[:size])
        with counted_statements(monkeypatch) as statements:
            answer = ana.page(1000)
        assert len(answer["changes"]) == size
        counts.append(len(statements))
        ana.pull(1000)
    assert counts[0] == counts[1] == counts[2] <= 12, counts


def test_the_statements_of_publishing_do_not_grow_with_the_records(
    cast: Cast,
    db: Database,
    owner_engine: sqlalchemy.Engine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stores = many_stores(owner_engine, db, cast, 60)
    counts = []
    for size in (2, 60):
        with db.company(cast.company.id) as uow:
            uow.run(
                "update store set address = :a where id = any(:i)", a=f"{size}", i=stores[:size]
            )
            with counted_statements(monkeypatch) as statements:
                publish_stores(uow, stores[:size])
        counts.append(len(statements))
    assert counts[0] == counts[1]


def test_what_a_record_was_stays_in_its_versions(cast: Cast, db: Database) -> None:
    store = cast.ana_stores[0]
    with db.company(cast.company.id) as uow:
        describe(uow, store, "second")
        describe(uow, store, "third")
    rows = rows_of(
        db,
        cast,
        "select version, doc from record_version where id = :id order by version",
        id=store,
    )
    assert [(r.version, json.loads(r.doc)["address"]) for r in rows] == [
        (1, "1 Anchor Street"),
        (2, "second"),
    ]
    now = only(rows_of(db, cast, "select version, doc from record where id = :id", id=store))
    assert (now.version, json.loads(now.doc)["address"]) == (3, "third")


@pytest.mark.parametrize("contract", CONTRACTS)
def test_what_comes_down_has_every_name_of_its_table(
    cast: Cast, phone: PhoneOf, contract: int
) -> None:
    ana = phone(cast.ana)
    visit = ana.visit(cast.ana_stores[0], steps=[{"step": "GREET", "outcome": "DONE"}])
    edit = ana.edit(cast.ana_stores[0], 1, name="Another sign")
    ana.push(visit, ana.attendance(), ana.visit(uuid4()), ana.new_store(), edit)
    ana.contract = contract
    found: set[str] = set()
    for change in ana.pull():
        schema = RECORDS_BY_KIND[change["kind"]].down[contract]
        assert schema is not None
        assert absent_names(schema, change["fields"]) == []
        found.add(change["kind"])
    assert found >= {"visit", "attendance", "store", "item", "proposal"}
