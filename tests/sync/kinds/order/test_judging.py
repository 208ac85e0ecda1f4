"""What comes of orders that phones send: priced again, held, amended, cancelled, returned."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from mobile_contract.records.order import ORDER_MINOR_MAX, OrderDown
from mobile_contract.schema import faults_of
from server.catalogue.products import edit_products
from server.identity.policy import change_policy
from server.orders.decisions import release_orders
from sync.kinds.order import reads
from sync.kinds.order.coming_back import returned_of
from sync.unit_of_work import Database
from tests.catalogue_factories import OFFICE, Goods, add_goods, publish
from tests.factories import Cast, Person
from tests.order_factories import amend, cancel, give_account, give_back, line, oats, submit
from tests.sync.talking import (
    HOUR,
    MINUTE,
    SECOND,
    Json,
    Phone,
    counted_statements,
    only,
    rows_of,
)

PhoneOf = Callable[[Person], Phone]


@pytest.fixture
def goods(cast: Cast, db: Database) -> Goods:
    with db.company(cast.company.id) as uow:
        return add_goods(uow, cast)


@pytest.fixture
def ana(cast: Cast, phone: PhoneOf) -> Phone:
    return phone(cast.ana)


@pytest.fixture
def store(cast: Cast) -> UUID:
    return cast.ana_stores[0]


def held(phone: Phone, item: Json) -> Json:
    """Push one item that is applied; the order as it comes down then."""
    result = phone.push_one(item)
    assert result["status"] == "applied", result
    phone.pull()
    return phone.fields(item["entity_id"])


def flags(order: Json) -> dict[str, Any]:
    return {each["flag"]: each for each in order["flags"]}


def code_of(result: Json) -> Any:
    return result.get("code", result["status"])


# ---- submitted ---------------------------------------------------------------------------------


def test_an_order_at_the_servers_prices_is_accepted_with_a_number_and_both_totals(
    cast: Cast, ana: Phone, goods: Goods, store: UUID
) -> None:
    order = held(ana, submit(ana, store, oats(goods, 3), line(goods.tea, "PC", 1, 1_280)))

    assert (order["state"], order["holds"], order["flags"]) == ("ACCEPTED", [], [])
    assert order["total_minor"] == order["server_total_minor"] == 2_780
    assert [each["server_total_minor"] for each in order["lines"]] == [1_500, 1_280]
    assert order["number"] == "1-0001"
    assert order["person_id"] == str(cast.ana.id)
    assert order["position_id"] == str(cast.ana.position_id)


def test_each_person_has_a_series_of_numbers_of_their_own(
    cast: Cast, phone: PhoneOf, goods: Goods, db: Database
) -> None:
    ana, ben = phone(cast.ana), phone(cast.ben)
    first = [submit(ana, cast.ana_stores[n], oats(goods, n + 1)) for n in range(2)]
    ana.push(*first)
    held(ben, submit(ben, cast.ben_stores[0], oats(goods)))
    ana.push(submit(ana, cast.ana_stores[2], oats(goods)))

    numbers = rows_of(db, cast, "select person_id, number from order_header order by number")

    assert {(row.person_id, row.number) for row in numbers} == {
        (cast.ana.id, "1-0001"),
        (cast.ana.id, "1-0002"),
        (cast.ana.id, "1-0003"),
        (cast.ben.id, "2-0001"),
    }


def test_an_order_is_kept_with_its_version_its_lines_and_how_each_price_came_about(
    cast: Cast, ana: Phone, goods: Goods, store: UUID, db: Database
) -> None:
    lines = [line(goods.oat, "CTN", 12, 11_000), oats(goods)]
    item = submit(ana, store, *lines, delivery_on="2026-03-06", note="back door")
    order = held(ana, item)

    version = only(rows_of(db, cast, "select * from order_version"))
    first, second = rows_of(db, cast, "select * from order_line order by line")

    assert order["delivery_on"] == "2026-03-06"
    assert (version.order_version, version.origin, version.actor) == (1, "submit", "Ana")
    assert (version.total_minor, version.note) == (133_000, "back door")
    assert (first.price_list_id, first.price_list_version, first.from_quantity) == (
        goods.base,
        1,
        10,
    )
    assert (second.server_price_minor, second.server_total_minor) == (500, 1_000)


def test_the_same_order_again_has_no_second_effect(
    cast: Cast, ana: Phone, goods: Goods, store: UUID, db: Database
) -> None:
    item = submit(ana, store, oats(goods))
    assert ana.statuses(item, item) == ["applied", "duplicate"]
    assert ana.statuses(item) == ["duplicate"]
    only(rows_of(db, cast, "select 1 from order_header"))


def test_an_order_waits_for_its_store_its_visit_and_a_product_that_the_server_never_had(
    cast: Cast, ana: Phone, goods: Goods, store: UUID
) -> None:
    visit, nowhere, unknown = uuid4(), uuid4(), uuid4()
    of_visit = submit(ana, store, oats(goods), visit_id=str(visit))
    assert ana.push_one(submit(ana, nowhere, oats(goods)))["missing"] == [str(nowhere)]
    assert ana.push_one(of_visit)["missing"] == [str(visit)]
    lines = [oats(goods), line(unknown, "PC", 1, 1)]
    assert ana.push_one(submit(ana, store, *lines))["missing"] == [str(unknown)]

    other = submit(ana, store, oats(goods, 3), visit_id=str(visit))
    assert ana.statuses(other, ana.visit(store, visit=visit)) == ["applied", "applied"]


def test_a_store_that_is_not_the_persons_is_not_ordered_for(
    cast: Cast, ana: Phone, goods: Goods
) -> None:
    assert code_of(ana.push_one(submit(ana, cast.ben_stores[0], oats(goods)))) == "not_in_scope"


def test_who_does_not_sell_takes_no_orders(cast: Cast, phone: PhoneOf, goods: Goods) -> None:
    aki = phone(cast.aki)
    assert code_of(aki.push_one(submit(aki, cast.ana_stores[0], oats(goods)))) == "not_permitted"


# ---- held --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("unit", "price", "totals", "flag"),
    [
        ("PC", 499, [499], "total_differs"),
        ("PC", 501, [500], "total_differs"),
        ("BOX", 500, [None], "without_price"),
    ],
)
def test_an_order_that_costs_something_else_by_the_servers_prices_is_held_with_both_totals(
    ana: Phone,
    goods: Goods,
    store: UUID,
    unit: str,
    price: int,
    totals: list[int | None],
    flag: str,
) -> None:
    order = held(ana, submit(ana, store, line(goods.oat, unit, 1, price)))

    assert (order["state"], order["holds"]) == ("HELD", ["total_mismatch"])
    assert order["total_minor"] == price
    if price != 499:
        assert [each["server_total_minor"] for each in order["lines"]] == totals
        assert order["server_total_minor"] == totals[0]
    assert flag in flags(order)


def test_two_lines_that_differ_and_come_to_the_same_sum_are_held(
    ana: Phone, goods: Goods, store: UUID
) -> None:
    order = held(
        ana, submit(ana, store, line(goods.oat, "PC", 1, 600), line(goods.rye, "PC", 1, 540))
    )

    assert order["total_minor"] == order["server_total_minor"]
    assert order["holds"] == ["total_mismatch"]


def test_sums_that_do_not_add_up_are_held_with_how_many(
    ana: Phone, goods: Goods, store: UUID
) -> None:
    wrong = {**oats(goods), "total_minor": 999}
    undeclared = {**oats(goods, 3), "discount_minor": 100, "total_minor": 1_400}

    order = held(ana, submit(ana, store, wrong, undeclared, total_minor=5))

    assert flags(order)["sums_wrong"] == {"flag": "sums_wrong", "lines": 2, "order": 1}
    assert order["holds"] == ["total_mismatch"]


def test_lines_that_come_to_more_than_an_order_can_say_are_kept_aside(
    ana: Phone, goods: Goods, store: UUID
) -> None:
    much = line(goods.oat, "PC", 1, 1, total_minor=ORDER_MINOR_MAX)
    result = ana.push_one(submit(ana, store, much, oats(goods), total_minor=5))
    assert (result["code"], result["where"]) == ("invalid_field", "payload.lines")
    assert held(ana, submit(ana, store, much))["state"] == "HELD"


def test_prices_older_than_a_day_warn_and_older_than_three_hold(
    ana: Phone, goods: Goods, store: UUID
) -> None:
    def age(hours: int, quantity: int) -> Json:
        at = ana.now - MINUTE - hours * HOUR
        return held(ana, submit(ana, store, oats(goods, quantity), prices_as_of=at))

    day, more, three, beyond = (age(hours, n) for n, hours in enumerate((24, 25, 72, 73), start=1))

    assert [each["state"] for each in (day, more, three, beyond)] == [*["ACCEPTED"] * 3, "HELD"]
    assert "old_prices" not in flags(day)
    assert flags(more)["old_prices"] == {
        "flag": "old_prices",
        "age_ms": 25 * HOUR,
        "limit_ms": 24 * HOUR,
    }
    assert flags(beyond)["old_prices"]["limit_ms"] == 72 * HOUR
    assert beyond["holds"] == ["stale_price"]


def test_an_order_below_the_least_worth_or_quantity_is_held(
    cast: Cast, ana: Phone, goods: Goods, store: UUID, db: Database
) -> None:
    with db.company(cast.company.id) as uow:
        edit_products(uow, OFFICE, {goods.oat: {"min_order_quantity": 12}})
        change_policy(uow, OFFICE, {"min_order_minor": 2_000})
    # Terms hold from when they were changed.
    ana = replace(ana, now=time.time_ns() // 1_000_000 + MINUTE, booted_at=0)
    pieces = held(ana, submit(ana, store, oats(goods, 11), ago=SECOND))
    carton = held(ana, submit(ana, store, line(goods.oat, "CTN", 1, 11_500), ago=SECOND))
    small = held(ana, submit(ana, store, line(goods.tea, "PC", 1, 1_280), ago=SECOND))

    assert (pieces["holds"], flags(pieces)["line_below_minimum"]["lines"]) == (["below_minimum"], 1)
    assert carton["state"] == "ACCEPTED"
    assert flags(small)["below_minimum"] == {
        "flag": "below_minimum",
        "total_minor": 1_280,
        "minimum_minor": 2_000,
    }


def test_an_order_in_another_currency_has_no_prices(ana: Phone, goods: Goods, store: UUID) -> None:
    order = held(ana, submit(ana, store, oats(goods), currency="EUR"))

    assert order["holds"] == ["total_mismatch"]
    assert {"other_currency", "without_price"} <= flags(order).keys()


def test_several_holds_stand_at_once(
    cast: Cast, ana: Phone, goods: Goods, store: UUID, db: Database
) -> None:
    give_account(db, cast, [store], limit=0)
    order = held(
        ana, submit(ana, store, line(goods.oat, "PC", 1, 1), prices_as_of=ana.now - 100 * HOUR)
    )

    assert order["holds"] == ["total_mismatch", "stale_price", "credit"]


def test_an_order_that_comes_late_is_priced_as_of_when_it_was_taken(
    cast: Cast, ana: Phone, goods: Goods, store: UUID, db: Database
) -> None:
    with db.company(cast.company.id) as uow:
        publish(uow, goods.base, ("OAT", "PC", 1, 600), valid_from=moment(ana.now - 2 * HOUR))
    before = held(
        ana, submit(ana, store, oats(goods), ago=3 * HOUR, prices_as_of=ana.now - 4 * HOUR)
    )
    after = held(ana, submit(ana, store, line(goods.oat, "PC", 3, 600), ago=HOUR))

    assert (before["state"], after["state"]) == ("ACCEPTED", "ACCEPTED")


def test_an_order_whose_time_no_clock_vouches_for_is_priced_as_of_receipt(
    cast: Cast, ana: Phone, goods: Goods, store: UUID, db: Database
) -> None:
    with db.company(cast.company.id) as uow:
        publish(uow, goods.base, ("OAT", "PC", 1, 600), valid_from=moment(ana.now - 2 * HOUR))
    item = submit(ana, store, line(goods.oat, "PC", 1, 600), ago=3 * HOUR)
    item["captured_boot_id"] = str(uuid4())

    order = held(ana, item)

    assert (order["clock"]["trust"], order["state"]) == ("UNVERIFIED", "ACCEPTED")


def test_a_product_that_is_not_sold_any_more_is_flagged(
    cast: Cast, ana: Phone, goods: Goods, store: UUID, db: Database
) -> None:
    with db.company(cast.company.id) as uow:
        edit_products(uow, OFFICE, {goods.oat: {"status": "DISCONTINUED"}})

    order = held(ana, submit(ana, store, oats(goods)))

    assert (order["state"], flags(order)["not_sold"]["lines"]) == ("ACCEPTED", 1)


# ---- credit ------------------------------------------------------------------------------------


def test_credit_is_limit_less_receivables_less_undelivered_plus_receipts(
    cast: Cast, ana: Phone, goods: Goods, store: UUID, db: Database
) -> None:
    give_account(db, cast, [store], limit=10_000, receivables=4_000, unapplied=500)
    first = held(ana, submit(ana, store, oats(goods, 10)))
    exceeding = held(ana, submit(ana, store, oats(goods, 4)))
    fitting = held(ana, submit(ana, store, oats(goods, 3)))

    assert (first["state"], fitting["state"]) == ("ACCEPTED", "ACCEPTED")
    assert exceeding["holds"] == ["credit"]
    assert flags(exceeding)["over_credit"] == {
        "flag": "over_credit",
        "total_minor": 2_000,
        "available_minor": 1_500,
    }


def test_credit_is_measured_in_the_currency_of_the_account(
    cast: Cast, ana: Phone, goods: Goods, store: UUID, db: Database
) -> None:
    give_account(db, cast, [store], limit=1_000)
    other = submit(ana, store, line(goods.oat, "PC", 2, 500), currency="JPY")
    assert held(ana, other)["holds"] == ["total_mismatch"]
    with db.company(cast.company.id) as uow:
        release_orders(uow, OFFICE, [UUID(other["entity_id"])], "paid in cash")

    assert held(ana, submit(ana, store, oats(goods, 2)))["state"] == "ACCEPTED"
    assert held(ana, submit(ana, store, oats(goods, 1)))["holds"] == ["credit"]


def test_orders_of_one_batch_for_stores_of_one_account_share_its_credit(
    cast: Cast, ana: Phone, goods: Goods, db: Database
) -> None:
    give_account(db, cast, cast.ana_stores[:2], limit=2_500)
    items = [submit(ana, store, oats(goods, 3)) for store in cast.ana_stores]
    ana.push(*items)
    ana.pull()

    states = [ana.fields(item["entity_id"])["state"] for item in items]
    assert states == ["ACCEPTED", "HELD", "ACCEPTED"]


def test_an_order_that_is_cancelled_or_amended_gives_its_credit_back(
    cast: Cast, ana: Phone, goods: Goods, store: UUID, db: Database
) -> None:
    give_account(db, cast, [store], limit=2_000)
    first, second = submit(ana, store, oats(goods, 4)), submit(ana, store, oats(goods, 3))
    third, fourth = submit(ana, store, oats(goods, 2)), submit(ana, store, oats(goods, 1))
    held(ana, first)
    # Amended to less: what it had counts for nobody else and for itself.
    ana.push(amend(ana, first["entity_id"], 1, oats(goods, 1)), second)
    ana.push(cancel(ana, second["entity_id"]), third, fourth)
    ana.pull()

    orders = [ana.fields(item["entity_id"]) for item in (first, second, third, fourth)]
    assert [each["state"] for each in orders] == ["ACCEPTED", "CANCELLED", "ACCEPTED", "ACCEPTED"]
    assert held(ana, submit(ana, store, oats(goods, 5)))["holds"] == ["credit"]


def test_of_two_phones_at_once_only_one_passes_on_the_last_credit(
    cast: Cast, phone: PhoneOf, goods: Goods, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Whoever knows what is owed waits for the other to know it too; the account's lock keeps that away.
    both_know = threading.Barrier(2)
    owed = reads._owed

    def owed_as_both_know(*asked: Any) -> Any:
        found = owed(*asked)
        with suppress(threading.BrokenBarrierError):
            both_know.wait(0.5)
        return found

    stores = (cast.ana_stores[0], cast.ben_stores[0])
    give_account(db, cast, stores, limit=1_000)
    phones = (phone(cast.ana), phone(cast.ben))
    for one, store in zip(phones, stores, strict=True):
        # Each has a series of numbers already: the first of two new ones waits for the other.
        first = submit(one, store, oats(goods, 1))
        one.push(first, cancel(one, first["entity_id"]))
    items = [submit(one, store, oats(goods)) for one, store in zip(phones, stores, strict=True)]
    monkeypatch.setattr(reads, "_owed", owed_as_both_know)

    def push(n: int) -> str:
        status: str = phones[n].push_one(items[n])["status"]
        return status

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(push, range(2))) == ["applied", "applied"]

    states = rows_of(db, cast, "select state from order_header where state <> 'CANCELLED'")
    assert sorted(row.state for row in states) == ["ACCEPTED", "HELD"]


# ---- look-alikes -------------------------------------------------------------------------------


def test_the_same_lines_at_the_store_within_ten_minutes_are_flagged_and_kept(
    cast: Cast, ana: Phone, goods: Goods, store: UUID
) -> None:
    lines = [oats(goods), line(goods.tea, "PC", 1, 1_280)]
    first = submit(ana, store, *lines, ago=30 * MINUTE)
    near = submit(ana, store, *lines[::-1], ago=20 * MINUTE)
    ana.push(first, near)
    far = submit(ana, store, *lines, ago=9 * MINUTE)
    later = submit(ana, store, *lines, ago=MINUTE)
    elsewhere = submit(ana, cast.ana_stores[1], *lines, ago=MINUTE)
    more = submit(ana, store, oats(goods, 3), lines[1], ago=MINUTE)
    ana.push(far, elsewhere, more)
    ana.push(later)
    ana.pull()

    alike = {
        name: ana.fields(item["entity_id"])["look_alike_of"]
        for name, item in {
            "first": first,
            "near": near,
            "far": far,
            "later": later,
            "elsewhere": elsewhere,
            "more": more,
        }.items()
    }
    assert alike == {
        "first": None,
        "near": first["entity_id"],
        "far": None,
        "later": far["entity_id"],
        "elsewhere": None,
        "more": None,
    }
    order = ana.fields(near["entity_id"])
    assert (order["state"], flags(order)["look_alike"]["apart_ms"]) == ("ACCEPTED", 10 * MINUTE)


# ---- amended and cancelled -----------------------------------------------------------------------


def test_an_amendment_is_a_version_and_the_one_before_stays(
    cast: Cast, ana: Phone, goods: Goods, store: UUID, db: Database
) -> None:
    item = submit(ana, store, line(goods.oat, "PC", 2, 1), ago=HOUR)
    assert held(ana, item)["state"] == "HELD"
    order = held(
        ana,
        amend(
            ana, item["entity_id"], 1, oats(goods, 5), reason="misread", delivery_on="2026-03-09"
        ),
    )

    assert (order["state"], order["holds"], order["flags"]) == ("ACCEPTED", [], [])
    assert (order["order_version"], order["total_minor"]) == (2, 2_500)
    assert order["delivery_on"] == "2026-03-09"
    versions = rows_of(
        db, cast, "select order_version, origin, reason, total_minor from order_version order by 1"
    )
    assert [tuple(row) for row in versions] == [
        (1, "submit", None, 2),
        (2, "amend", "misread", 2_500),
    ]
    lines = rows_of(db, cast, "select order_version, quantity from order_line order by 1")
    assert [tuple(row) for row in lines] == [(1, 2), (2, 5)]


def test_an_order_may_be_amended_and_cancelled_in_the_batch_that_submits_it(
    ana: Phone, goods: Goods, store: UUID
) -> None:
    item = submit(ana, store, oats(goods))
    change = amend(ana, item["entity_id"], 1, oats(goods, 3))
    assert ana.statuses(change, item, cancel(ana, item["entity_id"])) == ["applied"] * 3
    ana.pull()
    order = ana.fields(item["entity_id"])
    assert (order["state"], order["order_version"]) == ("CANCELLED", 2)


def test_a_version_has_the_flags_of_its_own_prices_and_no_others(
    cast: Cast, ana: Phone, goods: Goods, store: UUID, db: Database
) -> None:
    with db.company(cast.company.id) as uow:
        edit_products(uow, OFFICE, {goods.oat: {"min_order_quantity": 12}})
    item = submit(ana, store, oats(goods, 2))
    held(ana, item)
    for version, quantity in enumerate((3, 4), start=1):
        order = held(ana, amend(ana, item["entity_id"], version, oats(goods, quantity)))

    assert [each["flag"] for each in order["flags"]] == ["line_below_minimum"]
    order = held(ana, amend(ana, item["entity_id"], 3, oats(goods, 12)))
    assert (order["state"], order["flags"]) == ("ACCEPTED", [])


def test_an_amendment_over_another_phones_is_a_version_with_a_flag(
    cast: Cast, phone: PhoneOf, goods: Goods, store: UUID
) -> None:
    one, other = phone(cast.ana), phone(cast.ana)
    item = submit(one, store, oats(goods))
    one.push_one(item)
    other.push_one(amend(other, item["entity_id"], 1, oats(goods, 3)))
    order = held(one, amend(one, item["entity_id"], 1, oats(goods, 4)))

    assert (order["order_version"], order["total_minor"]) == (3, 2_000)


def test_an_amendment_on_a_version_that_never_was_says_so(
    ana: Phone, goods: Goods, store: UUID
) -> None:
    item = submit(ana, store, oats(goods))
    held(ana, item)
    assert code_of(ana.push_one(amend(ana, item["entity_id"], 7, oats(goods, 3)))) == (
        "wrong_base_version"
    )


def test_what_is_cancelled_is_neither_amended_nor_cancelled_again(
    ana: Phone, goods: Goods, store: UUID
) -> None:
    item = submit(ana, store, oats(goods))
    held(ana, item)
    held(ana, cancel(ana, item["entity_id"]))

    results = ana.push(
        amend(ana, item["entity_id"], 2, oats(goods, 3)), cancel(ana, item["entity_id"])
    )

    assert [(code_of(each), each["where"]) for each in results] == [("wrong_state", "op")] * 2
    assert results[0]["detail"] == "The order is CANCELLED."


def test_nobody_changes_an_order_of_somebody_else(
    cast: Cast, phone: PhoneOf, goods: Goods, store: UUID
) -> None:
    ana, ben = phone(cast.ana), phone(cast.ben)
    item = submit(ana, store, oats(goods))
    ana.push_one(item)

    assert ben.push_one(cancel(ben, item["entity_id"]))["missing"] == [item["entity_id"]]


# ---- returns -----------------------------------------------------------------------------------


def test_a_return_is_worth_what_the_goods_cost_in_the_order_they_came_with(
    cast: Cast, ana: Phone, goods: Goods, store: UUID, db: Database
) -> None:
    sale = submit(ana, store, line(goods.oat, "PC", 3, 1))
    held(ana, sale)
    back = give_back(ana, store, line(goods.oat, "PC", 2, 1), returns_order_id=sale["entity_id"])
    order = held(ana, back)
    too_many = held(
        ana, give_back(ana, store, line(goods.oat, "PC", 4, 1), returns_order_id=sale["entity_id"])
    )

    assert (order["order_type"], order["state"]) == ("RETURN", "ACCEPTED")
    assert order["lines"][0]["reason"] == "DAMAGED"
    by_list = "select server_price_minor from order_line where reason is not null"
    assert {row.server_price_minor for row in rows_of(db, cast, by_list)} == {None}
    assert (order["total_minor"], order["server_total_minor"]) == (2, 2)
    assert (too_many["holds"], too_many["server_total_minor"]) == (["total_mismatch"], None)


def test_a_return_without_an_order_is_worth_its_price_and_takes_no_credit(
    cast: Cast, ana: Phone, goods: Goods, store: UUID, db: Database
) -> None:
    give_account(db, cast, [store], limit=0)
    order = held(ana, give_back(ana, store, oats(goods)))
    other = held(ana, give_back(ana, store, line(goods.oat, "PC", 1, 400)))

    assert (order["state"], other["holds"]) == ("ACCEPTED", ["total_mismatch"])
    refused = amend(ana, order["number"] and next(iter(ana.ids("order"))), 1, oats(goods))
    assert code_of(ana.push_one(refused)) == "wrong_state"


def test_goods_come_back_once_however_many_returns_say_so(
    cast: Cast, ana: Phone, goods: Goods, store: UUID
) -> None:
    sale = submit(ana, store, line(goods.oat, "PC", 3, 500))
    of_sale = {"returns_order_id": sale["entity_id"]}
    held(ana, sale)
    first = give_back(ana, store, line(goods.oat, "PC", 2, 500), **of_sale)
    again = give_back(ana, store, line(goods.oat, "PC", 2, 500), **of_sale)
    rest = give_back(ana, store, line(goods.oat, "PC", 1, 500), **of_sale)
    ana.push(first, again)
    ana.pull()
    assert [ana.fields(each["entity_id"])["state"] for each in (first, again)] == [
        "ACCEPTED",
        "HELD",
    ]
    assert ana.fields(again["entity_id"])["server_total_minor"] is None
    # What is cancelled did not come back: neither in the batch that says so nor later.
    ana.push(cancel(ana, again["entity_id"]), rest)
    assert held(ana, cancel(ana, rest["entity_id"]))["state"] == "CANCELLED"
    assert held(ana, give_back(ana, store, oats(goods, 1), **of_sale))["state"] == "ACCEPTED"
    assert held(ana, give_back(ana, store, oats(goods, 1), **of_sale))["state"] == "HELD"


def test_what_comes_back_bit_by_bit_is_credited_what_it_cost_together(
    ana: Phone, goods: Goods, store: UUID
) -> None:
    # Three pieces that cost 1 together.
    sale = submit(ana, store, {**line(goods.oat, "PC", 3, 1), "total_minor": 1})
    of_sale = {"returns_order_id": sale["entity_id"]}
    held(ana, sale)

    def piece(total: int) -> Json:
        return {**line(goods.oat, "PC", 1, 1), "total_minor": total}

    worth = [
        held(ana, give_back(ana, store, piece(0), piece(1), **of_sale)),
        held(ana, give_back(ana, store, piece(0), **of_sale)),
    ]

    assert [[each["server_total_minor"] for each in order["lines"]] for order in worth] == [
        [0, 1],
        [0],
    ]
    assert [order["state"] for order in worth] == ["ACCEPTED", "ACCEPTED"]


def test_nothing_comes_back_of_an_order_that_never_came(
    ana: Phone, goods: Goods, store: UUID
) -> None:
    sale = submit(ana, store, oats(goods, 3))
    held(ana, sale)
    held(ana, cancel(ana, sale["entity_id"]))
    back = held(ana, give_back(ana, store, oats(goods), returns_order_id=sale["entity_id"]))
    assert (back["holds"], back["server_total_minor"]) == (["total_mismatch"], None)

    other = give_back(ana, store, oats(goods))
    held(ana, other)
    back = held(ana, give_back(ana, store, oats(goods), returns_order_id=other["entity_id"]))
    assert (back["holds"], back["server_total_minor"]) == (["total_mismatch"], None)


def test_of_two_who_bring_goods_back_at_once_the_later_waits_for_the_earlier(
    cast: Cast, ana: Phone, goods: Goods, store: UUID, db: Database
) -> None:
    sale, other = submit(ana, store, oats(goods)), submit(ana, store, oats(goods, 3))
    ana.push(sale, other)

    def see(item: Json) -> Any:
        with db.company(cast.company.id) as later:
            later.run("set local lock_timeout = '50ms'")
            return returned_of(later, [item["entity_id"]])

    with db.company(cast.company.id) as one:
        assert returned_of(one, [sale["entity_id"]]) == {}
        assert see(other) == {}
        with pytest.raises(psycopg.errors.LockNotAvailable):
            see(sale)


def test_amounts_of_a_return_are_such_as_phones_can_read(
    ana: Phone, goods: Goods, store: UUID
) -> None:
    back = {**line(goods.oat, "PC", 100_000, 10**13), "total_minor": 0}
    order = held(ana, give_back(ana, store, back))
    assert faults_of(OrderDown(), order) == []


# ---- the hot path ------------------------------------------------------------------------------


def test_the_statements_of_a_push_of_orders_do_not_grow_with_them(
    cast: Cast, ana: Phone, goods: Goods, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    give_account(db, cast, cast.ana_stores, limit=10**9)
    ana.push_one(submit(ana, cast.ana_stores[0], oats(goods)))

    def counted(number: int) -> int:
        lines = [oats(goods, 1 + number), line(goods.tea, "PC", 3, 1_280)]
        items = [
            submit(ana, cast.ana_stores[n % 3], *lines, ago=n * 11 * MINUTE) for n in range(number)
        ]
        with counted_statements(monkeypatch) as sent:
            assert ana.statuses(*items) == ["applied"] * number
        return len(sent)

    one, many = counted(1), counted(25)
    assert one == many <= 12


# ---- what tests share --------------------------------------------------------------------------


def moment(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC)
