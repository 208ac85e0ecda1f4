"""The engine's own statements see nothing of another company, even when they name its ids."""

from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
import sqlalchemy

from mobile_contract.compiled import Pull
from sync.engine import Engine
from sync.errors import NotThere, Refused
from sync.publish import place
from sync.senders import Claim
from sync.unit_of_work import Database
from tests.factories import Cast, Person, make_cast
from tests.sync.talking import Phone, only, rows_of, scope_of

PhoneOf = Callable[[Person], Phone]


@pytest.fixture
def other(owner_engine: sqlalchemy.Engine, db: Database) -> Cast:
    return make_cast(owner_engine, db)


def test_a_store_of_another_company_is_not_there(cast: Cast, other: Cast, phone: PhoneOf) -> None:
    ana = phone(cast.ana)
    store = other.ana_stores[0]
    results = ana.push(
        ana.visit(store),
        ana.edit(store, 1, address="mine"),
        ana.item("route", "propose", other.ana_route, {"reason": "r", "stops": []}, base_version=1),
        ana.visit(cast.ana_stores[0], item={"depends_on": [str(store)]}),
    )
    assert [r["status"] for r in results] == ["deferred"] * 4


def test_an_op_id_and_an_entity_id_of_another_company_are_free(
    cast: Cast, other: Cast, phone: PhoneOf
) -> None:
    theirs, ana = phone(other.ana), phone(cast.ana)
    item = theirs.visit(other.ana_stores[0])
    theirs.push_one(item)
    mine = ana.visit(cast.ana_stores[0], visit=item["entity_id"], item={"op_id": item["op_id"]})
    assert ana.push_one(mine)["status"] == "applied"
    theirs.pull()
    ana.pull()
    assert theirs.fields(item["entity_id"])["store_id"] == str(other.ana_stores[0])
    assert ana.fields(item["entity_id"])["store_id"] == str(cast.ana_stores[0])


def test_a_token_is_worth_nothing_in_another_company(
    cast: Cast, other: Cast, roadbook: Engine
) -> None:
    device = cast.ana.device
    claim = Claim(other.company.id, str(device.id), device.token_hash)
    foreign = Phone(roadbook, device)
    with pytest.raises(Refused) as refused:
        roadbook.pull(claim, Pull(contract=2, cursor=None, limit=500), foreign.now)
    assert refused.value.code == "token_invalid"


def test_a_record_at_a_key_of_another_company_is_seen_by_nobody_there(
    cast: Cast, other: Cast, phone: PhoneOf, db: Database
) -> None:
    before = scope_of(db, other, other.ana)
    with db.company(cast.company.id) as uow:
        place(uow, other.ana_route, cast.ana_stores)
        place(uow, other.company.key, cast.ben_stores)
    theirs = phone(other.ana)
    theirs.pull()
    assert {UUID(id_) for id_ in theirs.held} == set(before)


def test_a_kept_item_of_another_company_cannot_be_released(
    cast: Cast, other: Cast, phone: PhoneOf, roadbook: Engine, db: Database
) -> None:
    ana = phone(cast.ana)
    ana.push(ana.visit(cast.ben_stores[0]))
    row = only(rows_of(db, cast, "select op_id, digest from kept_item"))
    with pytest.raises(NotThere):
        roadbook.release(other.company.id, row.op_id, bytes(row.digest), decided_by="Ada")
    with pytest.raises(NotThere):
        roadbook.set_aside(
            other.company.id, row.op_id, bytes(row.digest), decided_by="Ada", reason="no"
        )


def test_an_error_leaves_nothing_of_one_company_on_the_connection_of_the_next(
    cast: Cast, other: Cast, db: Database
) -> None:
    for _ in range(12):
        with pytest.raises(RuntimeError), db.company(cast.company.id):
            raise RuntimeError
        with db.installation() as uow:
            assert uow.rows("select id from person") == []
        with db.reading(other.company.id) as uow:
            seen = {row.company_id for row in uow.rows("select company_id from person")}
        assert seen == {other.company.id}


def test_a_device_of_another_company_cannot_push_into_this_one(
    cast: Cast, other: Cast, phone: PhoneOf
) -> None:
    ana = phone(cast.ana)
    with pytest.raises(Refused):
        ana.push(ana.visit(cast.ana_stores[0]), device_id=str(other.ana.device.id))
    with pytest.raises(Refused):
        ana.push(ana.visit(cast.ana_stores[0]), device_id=str(uuid4()))
