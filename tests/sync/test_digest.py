"""A phone that asks whether it holds its scope is told exactly what differs, and gets it repaired."""

import copy
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy

from sync.unit_of_work import Database
from tests.factories import Cast, Person
from tests.sync.office import describe, many_stores, move_route
from tests.sync.talking import Phone, scope_of

PhoneOf = Callable[[Person], Phone]


@pytest.fixture(params=[1, 2])
def ana(request: pytest.FixtureRequest, cast: Cast, phone: PhoneOf) -> Phone:
    """Ana's phone, of either contract, that holds its scope with some work of its own."""
    one = phone(cast.ana)
    one.push(
        one.visit(cast.ana_stores[0]),
        one.attendance(),
        one.visit(cast.ben_stores[0]),
        one.edit(cast.ana_stores[1], 1, name="Sign"),
        one.item(
            "visit",
            "skip",
            uuid4(),
            {
                "store_id": str(cast.ana_stores[2]),
                "day_plan_id": str(uuid4()),
                "reason": "CLOSED",
                "skipped": one.event(),
            },
        ),
    )
    one.contract = request.param
    one.pull()
    return one


def damage(held: dict[str, Any], how: str, kind: str = "store") -> None:
    chosen = min(id_ for id_, record in held.items() if record["kind"] == kind)
    if how == "corrupt":
        held[chosen]["fields"] = {**held[chosen]["fields"], "address": "never"}
    elif how == "older":
        held[chosen]["version"] -= 1
    elif how == "newer":
        held[chosen]["version"] += 7
    elif how == "missing":
        del held[chosen]
    elif how == "extra":
        id_ = chosen[:2] + str(uuid4())[2:]
        held[id_] = {**copy.deepcopy(held[chosen]), "id": id_}


def test_a_phone_that_holds_its_scope_differs_nowhere(ana: Phone) -> None:
    answer = ana.compare()
    assert answer["differs"] == {}
    assert answer["records"] == len(ana.held)
    assert ana.repair() == []


@pytest.mark.parametrize("how", ["corrupt", "older", "newer", "missing", "extra"])
def test_damage_is_found_and_repaired(ana: Phone, how: str) -> None:
    whole = copy.deepcopy(ana.held)
    damage(ana.held, how)
    assert list(ana.compare()["differs"]) == ["store"]
    assert len(ana.repair()) == 1
    assert ana.held == whole
    assert ana.compare()["differs"] == {}


def test_a_record_held_under_another_kind_is_repaired(ana: Phone) -> None:
    whole = copy.deepcopy(ana.held)
    chosen = min(id_ for id_, record in ana.held.items() if record["kind"] == "store")
    ana.held[chosen]["kind"] = "visit"
    changes = [(c["op"], c["kind"]) for c in ana.repair() if c["id"] == chosen]
    # A phone holds by kind and id; gone first, it is right also where that was by id alone.
    assert changes == [("evict", "visit"), ("put", "store")]
    assert ana.held == whole
    assert ana.compare()["differs"] == {}


def test_everything_at_once_is_repaired(ana: Phone) -> None:
    whole = copy.deepcopy(ana.held)
    for how in ("corrupt", "missing", "extra"):
        damage(ana.held, how)
    damage(ana.held, "corrupt", "visit")
    damage(ana.held, "missing", "route")
    ana.repair()
    assert ana.held == whole


def test_an_empty_phone_is_filled_and_goes_on_from_the_digests_cursor(
    ana: Phone, cast: Cast, db: Database
) -> None:
    whole = copy.deepcopy(ana.held)
    ana.held.clear()
    ana.cursor = None
    ana.repair()
    assert ana.held == whole
    assert ana.pull() == []
    with db.company(cast.company.id) as uow:
        describe(uow, cast.ana_stores[0], "afterwards")
    assert [c["id"] for c in ana.pull()] == [str(cast.ana_stores[0])]


def test_what_changes_between_the_steps_is_neither_lost_nor_repeated_for_ever(
    ana: Phone, cast: Cast, db: Database
) -> None:
    damage(ana.held, "missing")
    with db.company(cast.company.id) as late:
        describe(late, cast.ana_stores[1], "committed after the first step")
        answer = ana.compare()
        with db.company(cast.company.id) as uow:
            move_route(uow, cast.ben_route, cast.ana.position_id)
    ana.cursor = answer["cursor"]
    ana.pull()
    ana.repair()
    assert ana.pull() == []
    shown = {UUID(id_): r["version"] for id_, r in ana.held.items()}
    assert shown.keys() <= scope_of(db, cast, cast.ana).keys()
    assert set(cast.ben_stores) <= shown.keys()
    assert ana.fields(cast.ana_stores[1])["address"] == "committed after the first step"


def test_a_lost_scope_is_evicted_by_repair(ana: Phone, cast: Cast, db: Database) -> None:
    with db.company(cast.company.id) as uow:
        move_route(uow, cast.ana_route, cast.ben.position_id)
    changes = ana.repair()
    assert {UUID(c["id"]) for c in changes if c["op"] == "evict"} == {
        *cast.ana_stores,
        cast.ana_route,
    }
    assert ana.compare()["differs"] == {}
    assert ana.pull() == [] or ana.ids("store") == set()


def test_a_digest_says_nothing_of_records_outside_the_scope(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    ana = phone(cast.ana)
    ana.pull()
    stranger = str(cast.ben_stores[0])
    ana.held[stranger] = {"kind": "store", "id": stranger, "version": 1, "fields": {"name": "x"}}
    changes = ana.repair()
    assert changes == [{"kind": "store", "id": stranger, "version": 0, "op": "evict"}]


def test_a_large_scope_is_repaired_bucket_by_bucket(
    cast: Cast, phone: PhoneOf, db: Database, owner_engine: sqlalchemy.Engine
) -> None:
    stores = many_stores(owner_engine, db, cast, 300)
    ana = phone(cast.ana)
    ana.pull(1000)
    whole = copy.deepcopy(ana.held)
    for store in stores[:3]:
        del ana.held[str(store)]
    differs = ana.compare()["differs"]
    assert sum(len(buckets) for buckets in differs.values()) <= 3
    assert len(ana.repair()) == 3
    assert ana.held == whole


def test_a_record_that_contract_1_no_longer_sees_is_evicted_by_repair(
    cast: Cast, phone: PhoneOf
) -> None:
    ana = phone(cast.ana)
    ana.contract = 1
    ana.pull()
    ghost = str(uuid4())
    ana.held[ghost] = {"kind": "visit", "id": ghost, "version": 1, "fields": {}}
    skipped = phone(cast.ana)
    skipped.push(
        skipped.item(
            "visit",
            "skip",
            ghost,
            {
                "store_id": str(cast.ana_stores[2]),
                "day_plan_id": str(uuid4()),
                "reason": "CLOSED",
                "skipped": skipped.event(),
            },
        )
    )
    ana.repair()
    assert ghost not in ana.held
    assert ana.compare()["differs"] == {}
