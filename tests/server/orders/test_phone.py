"""A reference phone against the real server: what it asks for an order is what the server asks."""

import json
from collections.abc import Iterator

import pytest
from flask import Flask

from mobile_contract.phone.catalogue import fetch_prices
from mobile_contract.phone.orders import (
    NO_CURRENCY,
    AtTheDoor,
    NoSuchOrder,
    NoSuchProduct,
    Wanted,
    amend_order,
    cancel_order,
    credit_left,
    deliver_order,
    quote,
    return_goods,
    shown_order,
    submit_order,
)
from mobile_contract.phone.phone import Phone
from mobile_contract.phone.transport import Answer, LinkFailure, Request
from server.catalogue.accounts import NewAccount, make_accounts
from server.catalogue.promotion_terms import PromotionTerms
from server.identity.devices import issue_enrolment_code
from server.orders.decisions import confirm_orders, dispatch_orders, mark_printed
from server.planning.stores import edit_stores
from tests.catalogue_factories import OFFICE, add_promotion
from tests.factories import Person
from tests.market import Market
from tests.order_factories import PROOF


class OverWsgi:
    """The way to the application without a socket."""

    def __init__(self, app: Flask) -> None:
        self.client = app.test_client()
        self.is_cut = False

    def exchange(self, request: Request) -> Answer:
        if self.is_cut:
            raise LinkFailure("no network")
        answer = self.client.open(
            request.path,
            method=request.method,
            data=request.body or None,
            headers=dict(request.headers),
        )
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return Answer(answer.status_code, headers, answer.data)

    def close(self) -> None:
        pass


@pytest.fixture
def way(app: Flask) -> OverWsgi:
    return OverWsgi(app)


def enrolled(market: Market, way: OverWsgi, person: Person) -> Phone:
    with market.db.company(market.cast.company.id) as uow:
        code = issue_enrolment_code(uow, person.id, OFFICE)
    phone = Phone.open(":memory:", way, is_durable=False)
    phone.enrol(code, model="M", os="O", app_version="1")
    phone.sync()
    fetch_prices(phone)
    return phone


@pytest.fixture
def ana(market: Market, way: OverWsgi) -> Iterator[Phone]:
    with market.db.company(market.cast.company.id) as uow:
        add_promotion(uow, "TEN", PromotionTerms(benefit="PERCENT_OFF", basis_points=1_000))
    phone = enrolled(market, way, market.cast.ana)
    yield phone
    phone.close()


@pytest.fixture
def store(market: Market) -> str:
    return str(market.cast.ana_stores[0])


def test_what_a_phone_asks_without_a_network_the_server_accepts(
    market: Market, way: OverWsgi, ana: Phone, store: str
) -> None:
    goods = market.goods
    wanted = [Wanted(str(goods.oat), "CTN", 12), Wanted(str(goods.tea), "PC", 3)]
    way.is_cut = True
    visit = ana.check_in(store, None)
    quoted = quote(ana, store, wanted)
    order = submit_order(ana, store, wanted, visit_id=visit, note="back door")
    waiting = shown_order(ana, order)
    way.is_cut = False
    ana.sync()
    ana.sync()

    assert quoted.total_minor == (12 * 11_000 + 3 * 1_280) * 9 // 10
    assert quoted.without_price == ()
    assert (waiting["state"], waiting["total_minor"]) == ("SUBMITTED", quoted.total_minor)
    shown = shown_order(ana, order)
    assert (shown["state"], shown["holds"], shown["number"]) == ("ACCEPTED", [], "1-0001")
    assert shown["total_minor"] == shown["server_total_minor"] == quoted.total_minor
    assert shown["flags"] == []


def test_an_order_is_amended_and_cancelled_from_the_phone(
    market: Market, ana: Phone, store: str
) -> None:
    oat = str(market.goods.oat)
    order = submit_order(ana, store, [Wanted(oat, "PC", 2)])
    amend_order(ana, order, [Wanted(oat, "PC", 5)], reason="misheard")
    assert shown_order(ana, order)["total_minor"] == 2_250
    ana.sync()
    ana.sync()
    assert shown_order(ana, order)["order_version"] == 2
    cancel_order(ana, order, "closed")
    assert shown_order(ana, order)["state"] == "CANCELLED"
    ana.sync()
    ana.sync()
    held = ana.scope.get("order", order)
    assert held is not None
    assert held.fields["state"] == "CANCELLED"


def test_goods_are_returned_at_what_they_cost(market: Market, ana: Phone, store: str) -> None:
    oat, tea = str(market.goods.oat), str(market.goods.tea)
    order = submit_order(ana, store, [Wanted(oat, "PC", 3)])
    back = return_goods(ana, store, [Wanted(oat, "PC", 1, "EXPIRED")], returns_order_id=order)
    loose = return_goods(ana, store, [Wanted(tea, "PC", 1)])
    ana.sync()
    ana.sync()
    # Of what came back before, pulled or unsent, it takes account as the server does.
    more = [
        return_goods(ana, store, [Wanted(oat, "PC", 1)], returns_order_id=order) for _ in range(2)
    ]
    too_many = return_goods(ana, store, [Wanted(oat, "PC", 1)], returns_order_id=order)
    ana.sync()
    ana.sync()
    assert [shown_order(ana, each)["state"] for each in more] == ["ACCEPTED", "ACCEPTED"]
    assert shown_order(ana, too_many)["holds"] == ["total_mismatch"]

    # Three cost 13.50 with the promotion; alone it costs its price.
    assert [
        (shown["state"], shown["total_minor"], shown["lines"][0]["reason"])
        for shown in (shown_order(ana, back), shown_order(ana, loose))
    ] == [("ACCEPTED", 450, "EXPIRED"), ("ACCEPTED", 1_280, "OTHER")]


def test_a_driver_confirms_what_was_delivered(
    market: Market, way: OverWsgi, ana: Phone, store: str
) -> None:
    order = submit_order(ana, store, [Wanted(str(market.goods.oat), "PC", 4)])
    ana.sync()
    with market.db.company(market.cast.company.id) as uow:
        ids = [row.id for row in uow.rows("select id from order_header")]
        for act in (confirm_orders, mark_printed):
            act(uow, OFFICE, ids)
        dispatch_orders(uow, OFFICE, ids, market.dan.position_id)
    dan = enrolled(market, way, market.dan)
    deliver_order(dan, order, [AtTheDoor(3, returned=1, reason="DAMAGED")], None, proofs=[PROOF])
    assert shown_order(dan, order)["delivery"]["lines"][0]["delivered"] == 3
    dan.sync()
    ana.sync()

    shown = shown_order(ana, order)
    assert (shown["state"], shown["delivery"]["delivered_minor"]) == ("PARTIAL", 1_350)
    dan.close()


def test_credit_on_the_phone_goes_down_with_what_it_has_not_sent(
    market: Market, ana: Phone, store: str
) -> None:
    with market.db.company(market.cast.company.id) as uow:
        (account,) = make_accounts(
            uow,
            OFFICE,
            [NewAccount(code="A1", name="Chain", currency="USD", credit_limit_minor=5_000)],
        )
        edit_stores(uow, OFFICE, {market.cast.ana_stores[0]: {"account_id": account}})
    ana.sync()
    assert credit_left(ana, store) == 5_000
    first = submit_order(ana, store, [Wanted(str(market.goods.oat), "PC", 4)])
    submit_order(ana, str(market.cast.ana_stores[1]), [Wanted(str(market.goods.oat), "PC", 1)])
    assert credit_left(ana, store) == 3_200
    amend_order(ana, first, [Wanted(str(market.goods.oat), "PC", 2)])
    assert credit_left(ana, store) == 4_100
    cancel_order(ana, first, "no")
    assert credit_left(ana, store) == 5_000
    assert credit_left(ana, str(market.cast.ana_stores[1])) is None


def test_what_has_no_price_is_sent_all_the_same_and_held(
    market: Market, ana: Phone, store: str
) -> None:
    wanted = [Wanted(str(market.goods.oat), "BOX", 1)]
    assert quote(ana, store, wanted).without_price == (0,)
    order = submit_order(ana, store, wanted)
    ana.sync()
    ana.sync()
    assert shown_order(ana, order)["holds"] == ["total_mismatch"]
    nowhere = quote(ana, ana.new_id(), wanted)
    assert (nowhere.currency, nowhere.total_minor) == (NO_CURRENCY, 0)
    with pytest.raises(NoSuchProduct):
        quote(ana, store, [Wanted(ana.new_id(), "PC", 1)])
    with pytest.raises(NoSuchOrder):
        shown_order(ana, ana.new_id())


def test_what_a_phone_sends_of_an_order_is_small(market: Market, ana: Phone, store: str) -> None:
    goods = market.goods
    wanted = [Wanted(str(each), "PC", 2) for each in (goods.oat, goods.rye, goods.tea)]
    submit_order(ana, store, wanted)
    (item,) = ana.outbox.items()
    assert len(json.dumps(item.parsed())) < 1_800
