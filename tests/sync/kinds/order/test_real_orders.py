"""Real order lines, with returns, a missing customer, empty and odd texts, as orders from a phone.

`ROADBOOK_SAMPLE_DATA=FOLDER python -m pytest tests/sync/kinds/order/test_real_orders.py -s` prints what becomes
of them: what is accepted, held, returned and quarantined adds up to the file to the penny.
"""

import csv
import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy

from server.catalogue.price_lists import NewPriceList, make_price_list, publish_prices
from server.catalogue.price_rows import PriceRow
from server.catalogue.products import NewProduct, make_products
from server.catalogue.whom import Whom
from server.identity.policy import change_policy
from server.orders.one_order import read_order
from sync.kinds.store.publish import publish_stores
from sync.publish import place
from sync.unit_of_work import Database
from tests.catalogue_factories import LONG_AGO, OFFICE
from tests.factories import Cast, Person, add_store
from tests.order_factories import give_back, line, ordered
from tests.sync.talking import HOUR, MINUTE, Json, Phone, rows_of

PhoneOf = Callable[[Person], Phone]
UNIT = "EA"


@dataclass(frozen=True, slots=True)
class FileLine:
    """A line of the file. The amount is in pence, below zero for what comes back."""

    invoice: str
    code: str
    text: str
    quantity: int
    minute: int
    price_minor: int
    customer: str

    @property
    def amount_minor(self) -> int:
        return self.quantity * self.price_minor


@pytest.fixture(scope="module")
def lines() -> list[FileLine]:
    folder = os.environ.get("ROADBOOK_SAMPLE_DATA")
    path = Path(folder or "") / "orders" / "online_retail_lines.csv"
    if not folder or not path.exists():
        pytest.skip("ROADBOOK_SAMPLE_DATA names no folder with real order lines")
    return list(read_lines(path))


def read_lines(path: Path) -> Iterator[FileLine]:
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            hours, minutes = row["InvoiceDate"].split()[1].split(":")
            pence = Decimal(row["UnitPrice"]) * 100
            assert pence == int(pence)
            yield FileLine(
                row["InvoiceNo"],
                row["StockCode"],
                row["Description"],
                int(row["Quantity"]),
                int(hours) * 60 + int(minutes),
                int(pence),
                row["CustomerID"],
            )


@dataclass(frozen=True, slots=True)
class Shops:
    """A store for each customer, and a product for each code; a product's price is its first in the file."""

    stores: dict[str, UUID]
    products: dict[str, UUID]


@pytest.fixture
def shops(
    owner_engine: sqlalchemy.Engine, db: Database, cast: Cast, lines: list[FileLine]
) -> Shops:
    first = {each.code: each for each in reversed(lines)}
    customers = sorted({each.customer for each in lines if each.customer})
    with owner_engine.begin() as connection:
        stores = {
            customer: add_store(
                connection, cast.company, f"C{customer}", region_id=cast.regions.north
            )
            for customer in customers
        }
    with db.company(cast.company.id) as uow:
        publish_stores(uow, list(stores.values()))
        place(uow, cast.ana_route, [*cast.ana_stores, *stores.values()])
        change_policy(uow, OFFICE, {"currency": "GBP"})
        ids = make_products(
            uow,
            OFFICE,
            [
                NewProduct(code=code, name=each.text.strip() or code, units=((UNIT, 1),))
                for code, each in first.items()
            ],
        )
        whom = Whom("REGION", region_ids=frozenset({cast.regions.wharf}))
        new = NewPriceList(code="RETAIL", name="Retail", currency="GBP", whom=whom)
        retail = make_price_list(uow, OFFICE, new)
        prices = [
            PriceRow(place, code, UNIT, 1, each.price_minor)
            for place, (code, each) in enumerate(first.items(), start=1)
        ]
        publish_prices(uow, OFFICE, retail, prices, valid_from=LONG_AGO, may_be_past=True)
    return Shops(stores, dict(zip(first, ids, strict=True)))


def order_of(phone: Phone, shops: Shops, invoice: list[FileLine]) -> Json:
    """An invoice as a phone sends it: a return where goods come back, without a store where none is named."""
    head = invoice[0]
    sent = [
        line(shops.products[each.code], UNIT, abs(each.quantity), each.price_minor)
        for each in invoice
    ]
    # Noon is where phones stand; the file's minutes lie around it.
    at = phone.now - 12 * HOUR + head.minute * MINUTE
    other = {"currency": "GBP", "prices_as_of": at - HOUR, "note": head.text}
    if head.quantity < 0:
        return give_back(phone, shops.stores[head.customer], *sent, **other, item={"at": at})
    payload: dict[str, Any] = ordered(phone, sent, **other)
    if head.customer:
        payload["store_id"] = str(shops.stores[head.customer])
    return phone.item("order", "submit", uuid4(), payload, at=at)


def test_real_lines_are_accepted_held_returned_or_quarantined_to_the_penny(
    lines: list[FileLine], shops: Shops, cast: Cast, phone: PhoneOf, db: Database
) -> None:
    invoices: dict[str, list[FileLine]] = {}
    for each in lines:
        invoices.setdefault(each.invoice, []).append(each)
    ana = phone(cast.ana)
    ana.now += 12 * HOUR
    items = {name: order_of(ana, shops, invoice) for name, invoice in invoices.items()}
    results = dict(zip(items, ana.push(*items.values()), strict=True))

    orders = {
        str(row.id): row
        for row in rows_of(
            db, cast, "select id, order_type, state, holds, total_minor from order_header"
        )
    }
    came: Counter[str] = Counter()
    for name, invoice in invoices.items():
        amount = sum(each.amount_minor for each in invoice)
        if results[name]["status"] == "quarantined":
            # Each line of it: why, and where.
            assert (results[name]["code"], results[name]["where"]) == (
                "invalid_field",
                "payload.store_id",
            )
            assert "payload.store_id is missing" in results[name]["detail"]
            came["quarantined lines"] += len(invoice)
            came["quarantined"] += amount
            continue
        row = orders.pop(items[name]["entity_id"])
        assert row.total_minor == abs(amount)
        outcome = "returned" if row.order_type == "RETURN" else row.state.lower()
        came[f"{outcome} lines"] += len(invoice)
        came[outcome] += amount if outcome != "returned" else -row.total_minor
        if row.state == "HELD":
            assert row.holds == ["total_mismatch"]

    assert not orders
    whole = sum(each.amount_minor for each in lines)
    kinds = ("accepted", "held", "returned", "quarantined")
    assert sum(came[kind] for kind in kinds) == whole
    assert sum(came[f"{kind} lines"] for kind in kinds) == len(lines)
    for kind in kinds:
        print(f"{kind:<12} {came[f'{kind} lines']:>5} lines {Decimal(came[kind]) / 100:>12}")
    print(f"{'the file':<12} {len(lines):>5} lines {Decimal(whole) / 100:>12}")
    assert came["accepted"] > 0
    assert came["held"] > 0
    assert came["returned"] < 0
    assert came["quarantined lines"] == 1


def test_each_held_line_of_them_says_what_it_costs_by_the_servers_prices(
    lines: list[FileLine], shops: Shops, cast: Cast, phone: PhoneOf, db: Database
) -> None:
    first = {each.code: each.price_minor for each in reversed(lines)}
    dear = next(each for each in lines if first[each.code] != each.price_minor)
    invoice = [each for each in lines if each.invoice == dear.invoice]
    ana = phone(cast.ana)
    ana.now += 12 * HOUR
    item = order_of(ana, shops, invoice)
    ana.push_one(item)
    with db.reading(cast.company.id) as uow:
        read = read_order(uow, UUID(item["entity_id"])).version()

    for told, each in zip(read.lines, invoice, strict=True):
        assert told.product_code == each.code
        assert told.total_minor == each.amount_minor
        assert told.server_total_minor == each.quantity * first[each.code]
