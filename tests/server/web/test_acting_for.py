"""What somebody sees only as an auditor: pages draw no button and no link of it that leads nowhere."""

import re
from html import unescape
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import Engine

from server.identity.change_log import Actor
from sync.unit_of_work import Database
from tests.factories import TODAY, Person, add_holder, add_occupancy, add_position
from tests.market import Market, make_market
from tests.measures_factories import add_frozen_plan
from tests.order_factories import oats, submit
from tests.server.web.conftest import Office

FAR = (318_000_000, 1_215_000_000)
MARCH = "period=2026-03"
_LINK = re.compile(r'\b(?:href|hx-get)="(/[^"]*)"')


@pytest.fixture(scope="module")
def market(engine: Engine, owner_engine: Engine) -> Market:
    return make_market(owner_engine, Database(engine), Actor.command("the office"))


@pytest.fixture(scope="module")
def lea(market: Market, owner_engine: Engine) -> Person:
    """Manages South, where Ben is, and audits the company from the top of its tree: so she sees North, where Ana is."""
    cast = market.cast
    with owner_engine.begin() as connection:
        lead = add_holder(connection, cast.company, "Lea", "regional_manager", cast.regions.south)
        seat = add_position(
            connection, cast.company, "AUD-LEA", role="auditor", region_id=cast.regions.wharf
        )
        add_occupancy(connection, cast.company, position_id=seat, person_id=lead.id)
    return lead


@pytest.fixture(scope="module")
def visits(market: Market, owner_engine: Engine) -> dict[str, UUID]:
    """A visit of Ana's and one of Ben's, both far from the store, with an order."""
    cast, found = market.cast, {}
    for one, stores in ((cast.ana, cast.ana_stores), (cast.ben, cast.ben_stores)):
        phone = market.phone(one)
        visit = phone.visit(stores[0], place=FAR)
        order = submit(phone, stores[0], oats(market.goods), visit_id=visit["entity_id"])
        results = phone.push(visit, order)
        assert [result["status"] for result in results] == ["applied", "applied"]
        found[one.name] = UUID(visit["entity_id"])
        with owner_engine.begin() as connection:
            add_frozen_plan(connection, cast.company, one.position_id, TODAY, stores)
    return found


@pytest.fixture
def office(app: Flask, market: Market) -> Office:
    return Office(app, market.db, market.cast)


def orders_in(page: str) -> list[str]:
    return re.findall(r'href="/orders/([0-9a-f-]{36})"', page)


def test_the_panel_of_a_visit_offers_what_is_theirs_to_decide_and_to_open(
    office: Office, lea: Person, visits: dict[str, UUID]
) -> None:
    browser = office.browser(lea)
    anas, bens = (browser.get(f"/days/visits/{visits[name]}").text for name in ("Ana", "Ben"))
    for page in (anas, bens):
        assert "US$" in page or "CN¥" in page, "the order is told, whoever may open it"
    assert 'name="decision"' in bens
    assert len(orders_in(bens)) == 1
    assert 'name="decision"' not in anas
    assert orders_in(anas) == []
    own = office.browser(office.cast.mia).get(f"/days/visits/{visits['Ana']}").text
    assert 'name="decision"' in own
    assert len(orders_in(own)) == 1


@pytest.mark.parametrize("measure", ["NET_VALUE", "QUANTITY"])
@pytest.mark.usefixtures("visits")
def test_facts_lead_to_the_orders_that_are_theirs_to_open(
    office: Office, lea: Person, measure: str
) -> None:
    browser = office.browser(lea)
    page = browser.get(f"/facts/?{MARCH}&measure={measure}").text
    assert page.count("Ana") >= 1
    assert page.count("Ben") >= 1
    (bens,) = orders_in(page)
    assert browser.get(f"/orders/{bens}").status_code == 200


def test_no_link_of_a_page_leads_nowhere(
    office: Office, lea: Person, visits: dict[str, UUID]
) -> None:
    browser, cast = office.browser(lea), office.cast
    day = TODAY.isoformat()
    pages = [
        *(f"/days/visits/{visit}" for visit in visits.values()),
        *(f"/days/people/{one.id}?day={day}" for one in (cast.ana, cast.ben)),
        *(f"/stores/{stores[0]}" for stores in (cast.ana_stores, cast.ben_stores)),
        *(f"/people/{one.id}" for one in (cast.ana, cast.ben)),
        *(f"/positions/{one.position_id}" for one in (cast.ana, cast.ben)),
        *(f"/facts/?{MARCH}&measure={name}" for name in ("TC", "COVERAGE", "NET_VALUE")),
        *(f"/{area}/" for area in ("stores", "people", "positions", "flags", "orders", "routes")),
    ]
    led = {
        unescape(link): page
        for page in pages
        if (answer := browser.get(page)).status_code == 200
        for link in _LINK.findall(answer.text)
        if "/static/" not in link and "format=" not in link
    }
    nowhere = {
        link: page for link, page in led.items() if browser.get(link).status_code in {403, 404, 500}
    }
    assert nowhere == {}
    assert led
