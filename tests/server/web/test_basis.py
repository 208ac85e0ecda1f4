"""Of two who have one form open the second is told what the first changed, and saves nothing over it."""

import re
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import timedelta
from html import unescape
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine

from server.activities.activities import edit_activity
from server.catalogue.accounts import NewAccount, edit_accounts, make_accounts
from server.catalogue.price_lists import edit_price_list
from server.catalogue.products import edit_products
from server.catalogue.promotions import edit_promotion
from server.identity.change_log import Actor
from server.identity.people import change_email
from server.planning.organisation import edit_position
from server.web.basis import basis_of, is_untouched, must_be_as_drawn
from sync.scope import take_turn
from sync.unit_of_work import Database, UnitOfWork
from tests.activities_factories import add_activity
from tests.catalogue_factories import add_promotion
from tests.factories import TODAY
from tests.market import Market, make_market
from tests.server.web.conftest import Office

Form = dict[str, list[str]]
_INPUT = re.compile(r"<input\b[^>]*>")
_AREA = re.compile(r'<textarea\b[^>]*\bname="([^"]+)"[^>]*>\n?(.*?)</textarea>', re.DOTALL)
_SELECT = re.compile(r'<select\b[^>]*\bname="([^"]+)"[^>]*>(.*?)</select>', re.DOTALL)


@pytest.fixture(scope="module")
def market(engine: Engine, owner_engine: Engine) -> Market:
    return make_market(owner_engine, Database(engine), Actor.command("the office"))


@pytest.fixture
def admin(app: Flask, market: Market) -> FlaskClient:
    return Office(app, market.db, market.cast).browser(market.cast.ada)


def form_in(text: str) -> Form:
    """The first form that has a basis, as a browser would send it untouched."""
    forms = re.findall(r"<form\b.*?</form>", text, re.DOTALL)
    text = next(one for one in forms if 'name="basis"' in one)
    form: Form = {}

    def put(name: str, value: str) -> None:
        form.setdefault(name, []).append(unescape(value))

    for tag in _INPUT.findall(text):
        said = dict(re.findall(r'\b([a-z]+)="([^"]*)"', tag))
        is_ticked = said.get("type") not in {"checkbox", "radio"} or " checked" in tag
        if "name" in said and is_ticked:
            put(said["name"], said.get("value", ""))
    for name, value in _AREA.findall(text):
        put(name, value.replace("\n", "\r\n"))
    for name, options in _SELECT.findall(text):
        chosen = re.findall(r'<option value="([^"]*)" selected', options)
        first = re.findall(r'<option value="([^"]*)"', options)[:1]
        for value in chosen or first:
            put(name, value)
    return form


def place_of(market: Market, what: str) -> tuple[str, str]:
    """A form, and a field of it beside its name that another may change."""
    goods, cast = market.goods, market.cast
    with market.db.company(cast.company.id) as uow:
        match what:
            case "product":
                found = f"/products/{goods.oat}", "brand"
            case "price_list":
                found = f"/prices/{goods.base}", "code"
            case "promotion":
                found = f"/promotions/{add_promotion(uow, 'P1')}", "code"
            case "account":
                new = NewAccount(code=uuid4().hex[:8], name="Union", currency="USD")
                (account,) = make_accounts(uow, market.office, [new])
                found = f"/accounts/{account}", "receivables"
            case "activity":
                ends_on = TODAY + timedelta(days=900)
                found = f"/activities/{add_activity(uow, ends_on=ends_on)}", "about"
            case "person":
                found = f"/people/{cast.ben.id}", "email"
            case _:
                found = f"/positions/{cast.ben.position_id}", "code"
    place, field = found
    return f"{place}/edit", field


KINDS = ["product", "price_list", "promotion", "account", "person", "position", "activity"]
OTHER = {"email": "ben.b@example.com", "receivables": "12.50"}


@pytest.mark.parametrize("what", KINDS)
def test_nobody_saves_over_what_another_changed_meanwhile(
    market: Market, admin: FlaskClient, what: str
) -> None:
    place, field = place_of(market, what)
    mine, theirs = (form_in(admin.get(place).text) for _ in range(2))
    other = OTHER.get(field, "OTHER")
    saved = admin.post(place, data={**theirs, field: other, "act": "save"})
    assert saved.status_code == 303, saved.text
    refused = admin.post(place, data={**mine, "name": "Mine", "act": "save"})
    assert refused.status_code == 422
    told = unescape(refused.text.split('role="alert">', 1)[1].split("<", 1)[0])
    assert "This was changed while the form was open. Ada, " in told
    assert (
        f"→ {other}" in told or f": {other}" in told or other.replace("12.50", "US$12.50") in told
    )
    # What was typed is kept; what was not touched is as the other made it.
    again = form_in(refused.text)
    assert (again["name"], again[field]) == (["Mine"], [other])
    assert admin.post(place, data={**again, "act": "save"}).status_code == 303
    now = form_in(admin.get(place).text)
    assert (now["name"], now[field]) == (["Mine"], [other])


def change(market: Market, uow: UnitOfWork, what: str, place: str) -> None:
    """What an import or a command changes of a record, by the area's own function."""
    office, id_ = market.office, UUID(place.split("/")[2])
    match what:
        case "product":
            edit_products(uow, office, {id_: {"brand": "OTHER2"}})
        case "price_list":
            edit_price_list(uow, office, id_, code="OTHER2")
        case "promotion":
            edit_promotion(uow, office, id_, code="OTHER2")
        case "account":
            edit_accounts(uow, office, {id_: {"open_receivables_minor": 777}})
        case "person":
            change_email(uow, office, id_, "ben.c@example.com")
        case "activity":
            edit_activity(uow, office, id_, {"about": "Of the command"}, today=TODAY)
        case _:
            edit_position(uow, office, id_, code="OTHER2", today=TODAY)


@pytest.mark.parametrize("what", KINDS)
def test_what_is_just_being_changed_is_waited_for_and_not_written_over(
    market: Market, admin: FlaskClient, what: str
) -> None:
    place, _ = place_of(market, what)
    mine = {**form_in(admin.get(place).text), "name": "Mine", "act": "save"}
    with ThreadPoolExecutor(1) as beside:
        with market.db.company(market.cast.company.id) as uow:
            change(market, uow, what, place)
            saving = beside.submit(admin.post, place, data=mine)
            wait([saving], 0.4)
        refused = saving.result(20)
    assert refused.status_code == 422
    assert "changed while the form was open. the office" in unescape(refused.text)


def test_of_two_who_change_one_position_neither_waits_for_what_waits_for_it(
    market: Market, admin: FlaskClient
) -> None:
    position_id = market.cast.ben.position_id
    place = f"/positions/{position_id}/edit"
    mine = {**form_in(admin.get(place).text), "name": "Mine", "act": "save"}
    # Who would be told of changes; nobody made one.
    reader: Any = None
    with ThreadPoolExecutor(1) as beside:
        with market.db.company(market.cast.company.id) as uow:
            # As a rehearsal begins.
            take_turn(uow)
            saving = beside.submit(admin.post, place, data=mine)
            wait([saving], 0.4)
            must_be_as_drawn(uow, reader, "position", position_id, mine["basis"][0])
        assert saving.result(20).status_code == 303


def test_a_form_without_a_basis_has_seen_nothing(market: Market, admin: FlaskClient) -> None:
    place, _ = place_of(market, "product")
    form = form_in(admin.get(place).text)
    for basis in ([], ["0"], ["x"], ["9" * 40]):
        answer = admin.post(place, data={**form, "basis": basis, "name": "Mine"})
        assert answer.status_code == 422
        assert "changed while the form was open" in answer.text


def test_a_limit_is_not_set_over_another(market: Market, admin: FlaskClient) -> None:
    place = place_of(market, "account")[0].removesuffix("/edit")
    mine, theirs = (form_in(admin.get(place).text) for _ in range(2))
    first = {**theirs, "limit": "50", "reason": "It pays late"}
    assert admin.post(f"{place}/limit", data=first).status_code == 303
    late = admin.post(f"{place}/limit", data={**mine, "limit": "90", "reason": "It grows"})
    assert late.status_code == 422
    assert "US$50.00" in late.text
    again = form_in(late.text)
    assert (again["limit"], again["reason"]) == (["90"], ["It grows"])
    assert admin.post(f"{place}/limit", data=again).status_code == 303


@pytest.mark.parametrize(
    ("typed", "is_so"),
    [(["a\r\nb", ""], True), ([" a \nb"], True), (["a"], False), ([], False), (["b\na"], False)],
)
def test_a_field_is_untouched_however_a_browser_sends_it(typed: list[str], *, is_so: bool) -> None:
    basis = basis_of(7, {"lines": ["a", "b"], "line": "x"})
    assert is_untouched(basis, "lines", typed) == is_so
    assert not is_untouched(basis, "other", typed)
