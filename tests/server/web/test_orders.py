"""The back office works on orders: it sees what waits and why, decides about several at once, and prints slips."""

import csv
import io
import re
from collections.abc import Callable
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from openpyxl import load_workbook
from sqlalchemy import Engine

from server.identity.change_log import Actor
from sync.unit_of_work import Database
from tests.factories import Person
from tests.market import Market, make_market
from tests.order_factories import line, oats
from tests.server.web.conftest import Office, token_in
from tests.sync.talking import counted_statements

WIDE = "first=2026-01-01&last=2026-12-31"


@pytest.fixture
def market(owner_engine: Engine, db: Database) -> Market:
    return make_market(owner_engine, db, Actor.command("the office"))


@pytest.fixture
def browser(app: Flask, market: Market) -> Callable[[Person], FlaskClient]:
    return Office(app, market.db, market.cast).browser


def state_of(market: Market, order: UUID) -> str:
    with market.db.reading(market.cast.company.id) as uow:
        found = uow.rows("select state from order_header where id = :id", id=order)
    return str(found[0].state)


def do(client: FlaskClient, act: str, *orders: UUID, **form: str) -> str:
    """What the next page tells."""
    token = token_in(client.get(f"/orders/?{WIDE}"))
    sent = {"_token": token, "act": act, "id": [str(order) for order in orders], **form}
    return client.post("/orders/", data=sent, follow_redirects=True).text


def test_held_orders_are_listed_with_why_and_both_totals(
    market: Market, browser: Callable[[Person], FlaskClient]
) -> None:
    market.submitted(line(market.goods.oat, "PC", 1, 1))
    market.submitted()
    text = browser(market.cast.sam).get(f"/orders/?{WIDE}&state=HELD").text
    assert "total differs" in text
    assert "US$0.01" in text
    assert "US$5.00" in text
    assert text.count("<tr>") == 2


def test_several_orders_are_confirmed_at_once(
    market: Market, browser: Callable[[Person], FlaskClient]
) -> None:
    orders = [market.submitted(), market.submitted(oats(market.goods, 3))]
    assert "2 orders are changed." in do(browser(market.cast.sam), "confirm", *orders)
    assert [state_of(market, order) for order in orders] == ["CONFIRMED", "CONFIRMED"]


def test_what_cannot_be_done_with_one_of_them_is_done_with_none(
    market: Market, browser: Callable[[Person], FlaskClient]
) -> None:
    held, good = market.submitted(line(market.goods.oat, "PC", 1, 1)), market.submitted()
    told = do(browser(market.cast.sam), "confirm", held, good)
    assert 'role="alert"' in told
    assert [state_of(market, order) for order in (held, good)] == ["HELD", "ACCEPTED"]


def test_a_reason_is_wanted_where_the_rep_is_told_it(
    market: Market, browser: Callable[[Person], FlaskClient]
) -> None:
    held = market.submitted(line(market.goods.oat, "PC", 1, 1))
    sam = browser(market.cast.sam)
    assert 'role="alert"' in do(sam, "release", held)
    assert state_of(market, held) == "HELD"
    do(sam, "release", held, reason="agreed by phone")
    assert market.seen_by(market.cast.ana, held)["answer"] == "agreed by phone"


def test_the_page_of_an_order_offers_what_can_follow_in_its_state(
    market: Market, browser: Callable[[Person], FlaskClient]
) -> None:
    held, good = market.submitted(line(market.goods.oat, "PC", 1, 1)), market.submitted()
    mia = browser(market.cast.mia)

    def offered(order: UUID) -> set[str]:
        text = mia.get(f"/orders/{order}").text
        return set(re.findall(r'name="act" value="(\w+)"', text))

    assert offered(held) == {"release", "reject"}
    assert offered(good) == {"confirm", "reject"}
    do(mia, "confirm", good)
    assert offered(good) == {"cancel", "dispatch"}
    do(mia, "cancel", good, reason="closed down")
    assert offered(good) == set()


def test_an_order_goes_out_with_the_driver_and_comes_to_that_phone(
    market: Market, browser: Callable[[Person], FlaskClient]
) -> None:
    order = market.submitted()
    mia = browser(market.cast.mia)
    do(mia, "confirm", order)
    token = token_in(mia.get(f"/orders/{order}"))
    slip = mia.post(f"/orders/{order}/slip", data={"_token": token})
    assert slip.data.startswith(b"%PDF")
    do(mia, "dispatch", order, position=str(market.dan.position_id))
    assert market.seen_by(market.dan, order)["state"] == "DISPATCHED"


def test_an_order_of_others_is_not_there(
    market: Market, browser: Callable[[Person], FlaskClient]
) -> None:
    order = market.submitted()
    assert browser(market.cast.sam).get(f"/orders/{order}").status_code == 200
    assert browser(market.cast.ben).get(f"/orders/{order}").status_code == 404
    assert browser(market.cast.sam).get(f"/orders/{UUID(int=4)}").status_code == 404


def test_the_list_is_exported_whole_in_both_forms(
    market: Market, browser: Callable[[Person], FlaskClient]
) -> None:
    for quantity in range(1, 4):
        market.submitted(oats(market.goods, quantity))
    sam = browser(market.cast.sam)
    with sam.get(f"/orders/?{WIDE}&format=csv") as made:
        rows = list(csv.DictReader(io.StringIO(made.data.decode("utf-8-sig"))))
    assert sorted(int(row["By the server"]) for row in rows) == [500, 1000, 1500]
    with sam.get(f"/orders/?{WIDE}&format=xlsx") as made:
        book = load_workbook(io.BytesIO(made.data), read_only=True)
    assert sum(1 for _ in book.worksheets[0].iter_rows()) == 4
    assert sam.get(f"/orders/?{WIDE}&format=pdf").status_code == 404


def test_pages_follow_each_other_without_a_gap_or_a_repeat(
    market: Market, browser: Callable[[Person], FlaskClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.web.listing.ROWS_A_PAGE", 2)
    orders = {str(market.submitted(oats(market.goods, number))) for number in range(1, 6)}
    sam = browser(market.cast.sam)
    seen: list[str] = []
    place = f"/orders/?{WIDE}"
    for _ in range(3):
        text = sam.get(place).text
        seen += [part.split('"')[0] for part in text.split('name="id" value="')[1:]]
        if "Next page" in text:
            place = text.split('href="')[-1].split('"')[0].replace("&amp;", "&")
    assert sorted(seen) == sorted(orders)
    assert sam.get(f"/orders/?{WIDE}&after=nonsense").status_code == 404


def test_the_statements_of_the_list_and_of_an_order_grow_with_nothing(
    market: Market, browser: Callable[[Person], FlaskClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    order = market.submitted()
    sam = browser(market.cast.sam)
    counts: dict[str, list[int]] = {}
    for _ in range(2):
        for path in (f"/orders/?{WIDE}", f"/orders/{order}"):
            with counted_statements(monkeypatch) as statements:
                assert sam.get(path).status_code == 200
            counts.setdefault(path, []).append(len(statements))
        for quantity in (2, 4):
            market.submitted(oats(market.goods, quantity), line(market.goods.oat, "PC", 1, 1))
    assert all(len(set(found)) == 1 for found in counts.values()), counts
    assert max(max(found) for found in counts.values()) <= 16
