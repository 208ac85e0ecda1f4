"""A phone against the real server: it fetches the prices of its stores once, and prices as the server does."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from mobile_contract.phone.catalogue import (
    Fetched,
    fetch_prices,
    price_at,
    products_due_in,
    products_offered,
)
from mobile_contract.phone.link import Problem
from mobile_contract.phone.phone import Phone
from mobile_contract.phone.transport import Answer, LinkFailure, Request
from mobile_contract.pricing import Line, price_lines
from server.catalogue.past import let_past_go
from server.catalogue.price_lists import end_price_list
from server.catalogue.products import edit_products
from server.catalogue.promotion_terms import PromotionTerms
from server.catalogue.whom import Whom
from server.identity.change_log import Actor
from server.identity.devices import issue_enrolment_code
from server.planning.stores import edit_stores
from sync.price_book import load_price_book
from sync.unit_of_work import Database
from tests.catalogue_factories import OFFICE, Goods, add_list, add_promotion, publish
from tests.factories import Cast


@dataclass
class OverWsgi:
    """The way to the application without a socket; `damages` breaks the bodies that come back."""

    client: FlaskClient
    damages: bool = False
    paths: list[str] | None = None

    def exchange(self, request: Request) -> Answer:
        if self.paths is not None:
            self.paths.append(request.path)
        answer = self.client.open(
            request.path,
            method=request.method,
            data=request.body or None,
            headers=dict(request.headers),
        )
        headers = {name.lower(): value for name, value in answer.headers.items()}
        body = answer.data
        if self.damages and request.path.startswith("/v1/bodies/"):
            headers["content-encoding"] = "identity"
            body = b"{}"
        return Answer(answer.status_code, headers, body)

    def close(self) -> None:
        pass


@pytest.fixture
def way(app: Flask) -> OverWsgi:
    return OverWsgi(app.test_client())


@pytest.fixture
def phone(way: OverWsgi, cast: Cast, db: Database) -> Iterator[Phone]:
    with db.company(cast.company.id) as uow:
        code = issue_enrolment_code(uow, cast.ana.id, Actor.command("test"))
    made = Phone.open(":memory:", way, is_durable=False)
    made.enrol(code, model="M", os="O", app_version="1")
    yield made
    made.close()


def test_a_phone_fetches_the_prices_of_its_stores_once(
    phone: Phone, way: OverWsgi, cast: Cast, db: Database, goods: Goods
) -> None:
    with db.company(cast.company.id) as uow:
        south = add_list(uow, "SOUTH", Whom("REGION", region_ids=frozenset({cast.regions.south})))
        publish(uow, south, ("TEA", "PC", 1, 999))
        grocery = add_list(uow, "GROCERY", Whom("CHANNEL", channels=frozenset({"grocery"})))
        publish(uow, grocery, ("TEA", "PC", 1, 1_200))
        publish(uow, goods.base, ("OAT", "PC", 1, 490), valid_from=datetime.now(UTC) + timedelta(1))
    assert phone.sync().is_quiet
    way.paths = []
    # Two versions of the base list, one of the groceries', none of a region that is not hers.
    assert fetch_prices(phone) == Fetched(fetched=3)
    assert len(way.paths) == 3
    assert fetch_prices(phone) == Fetched()
    assert len(way.paths) == 3
    with db.company(cast.company.id) as uow:
        end_price_list(uow, OFFICE, grocery)
        uow.run(
            "update price_list set ended_at = now() - interval '9 days' where id = :id", id=grocery
        )
    assert let_past_go(db, cast.company.id) == 1
    assert phone.sync().is_quiet
    assert fetch_prices(phone) == Fetched(dropped=1)


@pytest.mark.usefixtures("goods")
def test_a_phone_without_a_network_prices_as_the_server_does(
    phone: Phone, cast: Cast, db: Database
) -> None:
    store = cast.ana_stores[0]
    with db.company(cast.company.id) as uow:
        own = add_list(uow, "OWN", Whom("CUSTOMER", store_ids=frozenset({store})))
        publish(uow, own, ("OAT", "CTN", 1, 9_990), ("OAT", "CTN", 20, 9_500))
        oat = PromotionTerms(
            benefit="BUY_X_GET_Y", buy=10, get=1, basis_points=10_000, items=(("OAT", "CTN"),)
        )
        add_promotion(uow, "OAT10", oat, whom=Whom("CLASS", classes=frozenset({"B"})))
        add_promotion(uow, "OTHERS", whom=Whom("CLASS", classes=frozenset({"A"})))
        bundle = PromotionTerms(
            benefit="BUNDLE", portions=(("OAT", "PC", 2), ("TEA", "PC", 1)), price_minor=2_000
        )
        add_promotion(uow, "SET", bundle)
    phone.sync()
    fetch_prices(phone)
    phone.link.close()
    lines = [Line(1, "CTN", 22), Line(1, "PC", 5), Line(2, "PC", 3), Line(3, "PC", 2)]
    at = int(datetime.now(UTC).timestamp() * 1000) + 1_000
    priced = price_at(phone, str(store), lines, at=at)
    with db.company(cast.company.id) as uow:
        terms = load_price_book(uow, [(str(store), at)])[str(store), at].terms
    assert terms is not None
    assert priced == price_lines(lines, terms, at)
    assert priced is not None
    assert [line.price_minor for line in priced.lines] == [9_500, 500, 640, 1_280]
    # Two cartons of 22, and 280 off each of two sets.
    assert priced.total_minor == 20 * 9_500 + 5 * 500 + 3 * 640 + 2 * 1_280 - 2 * 280


@pytest.mark.usefixtures("goods")
def test_prices_that_are_not_there_yet_are_not_guessed(
    phone: Phone, way: OverWsgi, cast: Cast
) -> None:
    store, at = str(cast.ana_stores[0]), phone.read_clock().wall_ms
    phone.sync()
    priced = price_at(phone, store, [Line(1, "PC", 1)], at=at)
    assert priced is not None
    assert priced.lines[0].price_minor is None
    way.damages = True
    with pytest.raises(LinkFailure, match="not the one"):
        fetch_prices(phone)
    assert phone.bodies.kept() == set()
    way.damages = False
    fetch_prices(phone)
    priced = price_at(phone, store, [Line(1, "PC", 1)], at=at)
    assert priced is not None
    assert priced.lines[0].price_minor == 500
    assert price_at(phone, str(cast.ben_stores[0]), [Line(1, "PC", 1)], at=at) is None


def test_a_list_that_has_left_meanwhile_holds_nothing_up(
    phone: Phone, cast: Cast, db: Database, goods: Goods
) -> None:
    phone.sync()
    with db.company(cast.company.id) as uow:
        uow.run("delete from body_reference where record_id = :id", id=goods.base)
    assert fetch_prices(phone) == Fetched(refused=1)
    with db.company(cast.company.id) as uow:
        uow.run("update device set state = 'REVOKED'")
    with pytest.raises(Problem):
        fetch_prices(phone)


def test_a_phone_knows_what_is_sold_and_what_a_store_must_stock(
    phone: Phone, cast: Cast, db: Database, goods: Goods
) -> None:
    with db.company(cast.company.id) as uow:
        edit_products(
            uow,
            OFFICE,
            {
                goods.oat: {"must_stock": [("kiosk", None)]},
                goods.rye: {"must_stock": [("grocery", "A"), (None, "B")]},
                goods.tea: {"status": "DISCONTINUED"},
            },
        )
        edit_stores(uow, OFFICE, {cast.ana_stores[1]: {"channel": "kiosk", "store_class": "C"}})
    phone.sync()
    assert [product["code"] for product in products_offered(phone)] == ["OAT", "RYE"]
    due = [
        [product["code"] for product in products_due_in(phone, str(store))]
        for store in cast.ana_stores[:2]
    ]
    assert due == [["RYE"], ["OAT"]]
