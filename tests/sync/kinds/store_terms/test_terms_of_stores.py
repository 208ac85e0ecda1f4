"""On what a store buys: which lists and promotions are for it, and that the record follows each cause."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import insert

from server.catalogue.accounts import NewAccount, edit_accounts, make_accounts
from server.catalogue.past import bring_stores_up, let_past_go
from server.catalogue.price_lists import edit_price_list, end_price_list
from server.catalogue.promotions import end_promotion
from server.catalogue.whom import Whom
from server.identity.policy import change_policy
from server.planning.store_divisions import set_store_divisions
from server.planning.stores import close_stores, edit_stores, move_stores, reopen_stores
from sync.engine import Engine
from sync.kinds.promotion.publish import publish_promotions
from sync.kinds.store_terms import publish as publishing
from sync.organisation import division
from sync.store_terms import TOPIC, terms_id
from sync.unit_of_work import Database, UnitOfWork
from tests.catalogue_factories import OFFICE, Goods, add_goods, add_list, add_promotion, publish
from tests.factories import TODAY, Cast
from tests.sync.talking import Phone, counted_statements, phone_of, rows_of


@pytest.fixture
def goods(cast: Cast, db: Database) -> Goods:
    with db.company(cast.company.id) as uow:
        return add_goods(uow, cast)


@pytest.fixture
def ana(cast: Cast, roadbook: Engine, goods: Goods) -> Phone:
    phone = phone_of(roadbook, cast.ana)
    phone.pull()
    return phone


def terms(phone: Phone, store: UUID) -> Any:
    """The terms of a store as the phone has them after a pull; None where it has none."""
    phone.pull()
    held = phone.held.get(str(terms_id(store)))
    return None if held is None else held["fields"]


def lists_of(phone: Phone, store: UUID) -> list[str]:
    """The codes of the lists for a store, in their order."""
    found = terms(phone, store)
    codes = {
        r["fields"]["number"]: r["fields"]["code"]
        for r in phone.held.values()
        if r["kind"] == "price_list"
    }
    return [codes[number] for number in found["price_lists"]]


def priced_list(uow: UnitOfWork, code: str, whom: Whom, **other: Any) -> UUID:
    made = add_list(uow, code, whom, **other)
    publish(uow, made, ("OAT", "PC", 1, 490))
    return made


def test_lists_stand_in_the_order_in_which_they_are_looked_through(
    cast: Cast, db: Database, ana: Phone
) -> None:
    store = cast.ana_stores[0]
    with db.company(cast.company.id) as uow:
        (account,) = make_accounts(uow, OFFICE, [NewAccount(code="C", name="C", currency="USD")])
        priced_list(uow, "NORTH", Whom("REGION", region_ids=frozenset({cast.regions.north})))
        priced_list(uow, "SOUTH", Whom("REGION", region_ids=frozenset({cast.regions.south})))
        priced_list(uow, "GROCERY", Whom("CHANNEL", channels=frozenset({"grocery"})))
        priced_list(uow, "CLASS-B", Whom("CLASS", classes=frozenset({"A", "B"})))
        priced_list(uow, "CHAIN", Whom("CUSTOMER", account_ids=frozenset({account})))
        priced_list(uow, "OWN", Whom("CUSTOMER", store_ids=frozenset({store})))
        priced_list(uow, "EURO", Whom("CUSTOMER", store_ids=frozenset({store})), currency="EUR")
        edit_stores(uow, OFFICE, {store: {"account_id": account}})
    assert lists_of(ana, store) == ["OWN", "CHAIN", "CLASS-B", "GROCERY", "NORTH", "BASE"]
    assert lists_of(ana, cast.ana_stores[1]) == ["CLASS-B", "GROCERY", "NORTH", "BASE"]


def test_terms_are_where_their_store_is_and_nowhere_else(
    cast: Cast, db: Database, ana: Phone, roadbook: Engine
) -> None:
    stores = {terms_id(store) for store in cast.ana_stores}
    assert ana.ids("store_terms") == stores
    sam, ben = phone_of(roadbook, cast.sam), phone_of(roadbook, cast.ben)
    sam.pull()
    ben.pull()
    assert stores < sam.ids("store_terms")
    assert not stores & ben.ids("store_terms")
    moved = cast.ana_stores[0]
    with db.company(cast.company.id) as uow:
        move_stores(
            uow, OFFICE, [moved], region_id=cast.regions.south, position_id=cast.ben.position_id
        )
    ben.pull()
    assert terms_id(moved) in ben.ids("store_terms")


def test_terms_follow_what_a_store_is(cast: Cast, db: Database, ana: Phone) -> None:
    store = cast.ana_stores[0]
    with db.company(cast.company.id) as uow:
        priced_list(uow, "KIOSK", Whom("CHANNEL", channels=frozenset({"kiosk"})))
        edit_stores(uow, OFFICE, {store: {"channel": "kiosk"}})
    assert lists_of(ana, store) == ["KIOSK", "BASE"]
    with db.company(cast.company.id) as uow:
        close_stores(uow, OFFICE, [store], today=TODAY)
    assert terms(ana, store) is None
    with db.company(cast.company.id) as uow:
        reopen_stores(uow, OFFICE, [store])
        edit_stores(uow, OFFICE, {store: {"position_id": cast.ana.position_id}})
    assert lists_of(ana, store) == ["KIOSK", "BASE"]


def test_terms_follow_what_a_phone_says_of_its_store(cast: Cast, db: Database, ana: Phone) -> None:
    store = cast.ana_stores[0]
    with db.company(cast.company.id) as uow:
        priced_list(uow, "KIOSK", Whom("CHANNEL", channels=frozenset({"kiosk"})))
    new = ana.new_store(channel="kiosk")
    assert ana.statuses(ana.edit(store, 1, channel="kiosk"), new) == ["applied", "applied"]
    assert ana.push_one(ana.edit(store, 2, address="2 Pier"))["status"] == "applied"
    work = rows_of(db, cast, "select payload from outbox where topic = :topic", topic=TOPIC)
    assert [row.payload for row in work] == [{"ids": sorted([str(store), new["entity_id"]])}]
    bring_stores_up(db, cast.company.id, map(UUID, work[0].payload["ids"]))
    assert lists_of(ana, store) == ["KIOSK", "BASE"]
    # It lies in no region yet.
    assert lists_of(ana, UUID(new["entity_id"])) == ["KIOSK"]


def test_terms_follow_lists(cast: Cast, db: Database, ana: Phone, goods: Goods) -> None:
    store, other = cast.ana_stores[:2]
    with db.company(cast.company.id) as uow:
        own = add_list(uow, "OWN", Whom("CUSTOMER", store_ids=frozenset({store})))
    assert lists_of(ana, store) == ["BASE"]
    with db.company(cast.company.id) as uow:
        publish(uow, own, ("OAT", "PC", 1, 490))
    assert lists_of(ana, store) == ["OWN", "BASE"]
    with db.company(cast.company.id) as uow:
        edit_price_list(uow, OFFICE, own, whom=Whom("CUSTOMER", store_ids=frozenset({other})))
    assert (lists_of(ana, store), lists_of(ana, other)) == (["BASE"], ["OWN", "BASE"])
    with db.company(cast.company.id) as uow:
        end_price_list(uow, OFFICE, own)
        uow.run("update price_list set ended_at = now() - interval '8 days' where id = :id", id=own)
    assert let_past_go(db, cast.company.id) == 1
    assert lists_of(ana, other) == ["BASE"]
    assert own not in ana.ids("price_list")
    assert let_past_go(db, cast.company.id) == 0


def test_terms_follow_promotions(cast: Cast, db: Database, ana: Phone) -> None:
    store, other = cast.ana_stores[:2]
    with db.company(cast.company.id) as uow:
        every = add_promotion(uow, "EVERY")
        own = add_promotion(uow, "OWN", whom=Whom("CUSTOMER", store_ids=frozenset({store})))
    assert (terms(ana, store)["promotions"], terms(ana, other)["promotions"]) == ([1, 2], [1])
    with db.company(cast.company.id) as uow:
        end_promotion(uow, OFFICE, every)
        end_promotion(uow, OFFICE, own)
        uow.run("update promotion set ended_at = now() - interval '8 days' where id = :id", id=own)
        in_a_minute = int(datetime.now(UTC).timestamp() * 1000) + 60_000
        publish_promotions(uow, [every], now=in_a_minute)
    assert let_past_go(db, cast.company.id) == 1
    # What ended just now stays for a week: a phone that was offline may price by it.
    assert (terms(ana, store)["promotions"], terms(ana, other)["promotions"]) == ([1], [1])
    assert ana.ids("promotion") == {every}


def test_terms_have_the_credit_of_the_account(cast: Cast, db: Database, ana: Phone) -> None:
    store = cast.ana_stores[0]
    assert terms(ana, store)["account_code"] is None
    with db.company(cast.company.id) as uow:
        new = NewAccount(
            code="C1",
            name="Chain",
            currency="USD",
            credit_limit_minor=10_000,
            open_receivables_minor=12_500,
            unapplied_receipts_minor=500,
        )
        (account,) = make_accounts(uow, OFFICE, [new])
        edit_stores(uow, OFFICE, {each: {"account_id": account} for each in cast.ana_stores[:2]})
    found = terms(ana, store)
    assert (found["account_code"], found["account_name"]) == ("C1", "Chain")
    assert (found["credit_limit_minor"], found["credit_available_minor"]) == (10_000, -2_000)
    with db.company(cast.company.id) as uow:
        edit_accounts(uow, OFFICE, {account: {"credit_limit_minor": None}})
    for each in cast.ana_stores[:2]:
        found = terms(ana, each)
        assert (found["credit_limit_minor"], found["credit_available_minor"]) == (None, None)


def test_terms_follow_the_settings(cast: Cast, db: Database, ana: Phone) -> None:
    store, other = cast.ana_stores[:2]
    with db.company(cast.company.id) as uow:
        edit_stores(uow, OFFICE, {other: {"channel": "kiosk"}})
        change_policy(
            uow, OFFICE, {"min_order_minor": 5_000, "min_order_by_channel": {"kiosk": 900}}
        )
    assert [terms(ana, each)["min_order_minor"] for each in (store, other)] == [5_000, 900]
    with db.company(cast.company.id) as uow:
        change_policy(uow, OFFICE, {"currency": "EUR"})
    # Nothing is for them in this currency.
    assert terms(ana, store) is None


def test_a_store_of_divisions_buys_by_their_lists(cast: Cast, db: Database, ana: Phone) -> None:
    one, two = uuid4(), uuid4()
    here, there = cast.ana_stores[:2]
    with db.company(cast.company.id) as uow:
        for id_, code in ((one, "ONE"), (two, "TWO")):
            uow.connection.execute(
                insert(division).values(company_id=uow.company_id, id=id_, code=code, name=code)
            )
        uow.run("update product set division_id = :id where code = 'OAT'", id=one)
        whom = Whom("REGION", region_ids=frozenset({cast.regions.harbour}))
        priced_list(uow, "FIRST", whom, division_id=one)
        uow.run("update product set division_id = :id where code = 'OAT'", id=two)
        priced_list(uow, "SECOND", whom, division_id=two)
        set_store_divisions(uow, OFFICE, {here: [two]})
    numbers = {
        row.code: row.number for row in rows_of(db, cast, "select code, number from price_list")
    }
    wanted = [numbers[code] for code in ("SECOND", "BASE")]
    assert terms(ana, here)["price_lists"] == wanted
    assert terms(ana, there)["price_lists"] == [numbers["FIRST"], *wanted]
    # Its division's key is nobody's here: nobody sees these lists.
    assert {r["fields"]["code"] for r in ana.held.values() if r["kind"] == "price_list"} == {"BASE"}


def test_many_stores_are_left_to_the_queue(
    cast: Cast, db: Database, ana: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "AT_ONCE", 2)
    store = cast.ana_stores[0]
    with db.company(cast.company.id) as uow:
        priced_list(uow, "ALL", Whom("CHANNEL", channels=frozenset({"grocery"})))
    assert lists_of(ana, store) == ["BASE"]
    (work,) = rows_of(db, cast, "select payload from outbox where topic = :topic", topic=TOPIC)
    bring_stores_up(db, cast.company.id, map(UUID, work.payload["ids"]))
    assert lists_of(ana, store) == ["ALL", "BASE"]


def test_what_terms_cost_does_not_grow_with_the_stores(
    cast: Cast, db: Database, goods: Goods, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = []
    for stores in (cast.ana_stores[:1], [*cast.ana_stores, *cast.ben_stores]):
        with db.rehearsal(cast.company.id) as uow:
            uow.run("update store set channel = 'kiosk', store_class = 'A'")
            priced_list(uow, "KIOSK", Whom("CHANNEL", channels=frozenset({"kiosk"})))
            uow.run("update store set channel = 'other'")
            with counted_statements(monkeypatch) as statements:
                publishing.publish_store_terms(uow, stores)
        counts.append(len(statements))
    assert counts[0] == counts[1]
    assert counts[0] <= 20


def test_terms_that_stay_the_same_are_no_change(cast: Cast, db: Database, ana: Phone) -> None:
    store = cast.ana_stores[0]
    version = ana.held[str(terms_id(store))]["version"]
    with db.company(cast.company.id) as uow:
        publishing.bring_terms_up(uow)
        edit_stores(uow, OFFICE, {store: {"delivery_note": "Ring twice"}})
    ana.pull()
    assert ana.held[str(terms_id(store))]["version"] == version
