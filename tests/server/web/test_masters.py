"""The office sets what is sold, at which prices, and to whom: each change from its form to the tables and to phones."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import BytesIO
from threading import Thread
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine
from sqlalchemy import text as text_of
from werkzeug.test import TestResponse

from server.catalogue.accounts import NewAccount, edit_accounts, make_accounts
from server.catalogue.whom import Whom
from server.identity.change_log import Actor, LoggedChange, changes_of
from server.planning.day_plans import plan_again
from server.planning.stores import edit_stores
from sync.direct import begin
from sync.publish import hold
from sync.scope import take_turn
from sync.unit_of_work import Database
from tests.catalogue_factories import add_list, add_promotion, publish
from tests.factories import Person
from tests.market import Market, make_market
from tests.order_factories import line, oats
from tests.server.web.conftest import Office, drawn_from, token_in
from tests.sync.talking import counted_statements


def today() -> Any:
    """The day of the cast's company."""
    return datetime.now(ZoneInfo("Asia/Shanghai")).date()


@pytest.fixture
def market(owner_engine: Engine, db: Database) -> Market:
    return make_market(owner_engine, db, Actor.command("the office"))


@pytest.fixture
def browser(app: Flask, market: Market) -> Callable[[Person], FlaskClient]:
    return Office(app, market.db, market.cast).browser


@pytest.fixture
def admin(market: Market, browser: Callable[[Person], FlaskClient]) -> FlaskClient:
    return browser(market.cast.ada)


def sent(client: FlaskClient, path: str, **form: Any) -> TestResponse:
    """A form of a page, sent as its browser would; what comes of it."""
    page = client.get(path)
    return client.post(path, data={"_token": token_in(page), **drawn_from(page), **form})


def sent_to(client: FlaskClient, place: str, page: str, **form: Any) -> TestResponse:
    """What the script of a page sends to another place."""
    drawn = client.get(page)
    return client.post(place, data={"_token": token_in(drawn), **drawn_from(drawn), **form})


def value_in(text: str, name: str) -> str:
    """What stands in a field of a page."""
    return text.split(f'name="{name}"', 1)[1].split('value="', 1)[1].split('"', 1)[0]


def rows(market: Market, question: str, **values: Any) -> list[Any]:
    with market.db.reading(market.cast.company.id) as uow:
        return list(uow.rows(question, company=market.cast.company.id, **values))


def last_change(market: Market, kind: str, subject: UUID) -> LoggedChange:
    with market.db.reading(market.cast.company.id) as uow:
        return changes_of(uow, subject_kind=kind, subject_id=subject)[0]


PRODUCT = {
    "code": "JAM",
    "name": "Plum jam",
    "base_unit": "PC",
    "units": "CTN = 12",
    "must_stock": "grocery A\n* B",
    "category": "Spreads",
    "own": "1",
    "min_order_quantity": "6",
    "elsewhere": "ERP=4711",
}


def test_a_product_is_added_changed_and_no_longer_sold(market: Market, admin: FlaskClient) -> None:
    made = sent(admin, "/products/new", **PRODUCT)
    assert made.status_code == 303
    place = made.headers["Location"]
    shown = admin.get(place).text
    assert "CTN = 12 PC" in shown
    assert "ERP: 4711" in shown
    saved = sent(admin, f"{place}/edit", **{**PRODUCT, "name": "Plum jam, sweet", "own": ""})
    assert saved.status_code == 303
    (held,) = rows(market, "select * from product where company_id = :company and code = 'JAM'")
    assert (held.name, held.is_own, held.min_order_quantity) == ("Plum jam, sweet", False, 6)
    must = "select channel, store_class from must_stock where product_id = :id order by place"
    assert rows(market, must, id=held.id) == [("grocery", "A"), (None, "B")]
    assert "no phone offers it" in admin.get(f"{place}/state").text
    assert sent(admin, f"{place}/state", status="DISCONTINUED").status_code == 303
    assert "JAM" not in admin.get("/products/").text
    assert "JAM" in admin.get("/products/?state=DISCONTINUED&words=plum").text
    change = last_change(market, "product", held.id)
    assert (change.actor, change.person_id) == ("Ada", market.cast.ada.id)


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ({"code": "OAT"}, "another product has the code OAT"),
        ({"code": " "}, "a text of 1 to 40 characters"),
        ({"units": "CTN"}, "One unit a line"),
        ({"must_stock": "grocery Z"}, "A channel and a class a line"),
        ({"min_order_quantity": "two"}, "A whole number, please."),
        ({"shelf_life_days": "99999"}, "a whole number from 1 to 36500"),
        ({"elsewhere": "4711"}, "SYSTEM=ID"),
    ],
)
def test_what_a_product_cannot_be_stands_beside_its_field_and_what_was_typed_stays(
    market: Market, admin: FlaskClient, typed: dict[str, str], told: str
) -> None:
    answer = sent(admin, "/products/new", **{**PRODUCT, **typed})
    assert answer.status_code == 422
    assert told in answer.text
    assert 'class="fault"' in answer.text
    assert "Plum jam" in answer.text
    assert rows(market, "select from product where company_id = :company and code = 'JAM'") == []


def test_divisions_are_added_and_renamed(market: Market, admin: FlaskClient) -> None:
    path = "/products/divisions"
    assert sent(admin, path, code="TEA", name="Teas").status_code == 303
    (held,) = rows(market, "select id from division where company_id = :company")
    assert sent(admin, path, id=str(held.id), name="Tea and coffee").status_code == 303
    assert "Tea and coffee" in admin.get(path).text
    again = sent(admin, path, code="TEA", name="Again")
    assert (again.status_code, "another division has the code TEA" in again.text) == (422, True)
    assert sent(admin, path, id=str(UUID(int=4)), name="X").status_code == 404
    assert last_change(market, "division", held.id).action == "division.edit"


def test_a_list_ends_at_an_hour_that_is_given(market: Market, admin: FlaskClient) -> None:
    path = f"/prices/{market.goods.base}/end"
    assert "An hour like" in sent(admin, path, last="2027-03-01", last_hour="late").text
    assert sent(admin, path, last="2027-03-01", last_hour="14:30").status_code == 303
    ended = "select ended_at at time zone 'Asia/Shanghai' as it from price_list where company_id = :company"
    assert str(rows(market, ended)[0].it) == "2027-03-01 14:30:00"


def test_a_price_is_changed_from_a_day_on_and_a_phone_gets_it(
    market: Market, admin: FlaskClient
) -> None:
    path = f"/prices/{market.goods.base}/change"
    shown = admin.get(f"{path}?product=OAT&unit=PC").text
    assert 'value="5.00"' in shown
    typed = {"product": "OAT", "unit": "PC", "quantity": ["1", "10"], "price": ["5.50", ""]}
    token = token_in(admin.get(f"{path}?product=OAT&unit=PC"))
    # The cast's orders are of March.
    form = {"_token": token, "from": "2026-02-01", "past": "1", **typed}
    asked = admin.post(path, data=form).text
    assert "US$5.00" in asked
    assert "US$5.50" in asked
    count = "select count(*) as n from price_list_version where company_id = :company"
    assert rows(market, count)[0].n == 1
    assert admin.post(path, data={**form, "act": "save"}).status_code == 303
    order = market.submitted(line(market.goods.oat, "PC", 2, 550))
    priced = rows(
        market, "select state, server_total_minor from order_header where id = :id", id=order
    )
    assert priced == [("ACCEPTED", 1_100)]
    phone = market.phone(market.cast.ana)
    phone.pull()
    assert [one["version"] for one in phone.fields(market.goods.base)["versions"]] == [2]


def test_a_quantity_that_comes_without_a_price_is_none(market: Market, admin: FlaskClient) -> None:
    path = f"/prices/{market.goods.base}/change"
    token = token_in(admin.get(f"{path}?product=OAT&unit=PC"))
    form = {"_token": token, "product": "OAT", "unit": "PC", "from": "2027-02-01"}
    asked = admin.post(path, data={**form, "quantity": ["1", "10"], "price": ["5.50"]})
    assert (asked.status_code, "US$5.50" in asked.text) == (200, True)


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ({"price": ["cheap"]}, "An amount like 12.50, please."),
        ({"price": [""]}, "Give a price, or say that it is to have none."),
        ({"none": "1"}, "not both"),
        ({"from": "2026-01-01"}, "a moment that is past"),
        ({"from": "soon"}, "A day, please."),
        ({"until": "2026-01-01"}, "ends after it begins"),
        ({"quantity": ["0"]}, "must be from 1"),
    ],
)
def test_a_price_that_cannot_be_is_refused_beside_the_form(
    market: Market, admin: FlaskClient, typed: dict[str, Any], told: str
) -> None:
    path = f"/prices/{market.goods.base}/change"
    token = token_in(admin.get(f"{path}?product=OAT&unit=PC"))
    form = {
        "product": "OAT",
        "unit": "PC",
        "quantity": ["1"],
        "price": ["5.50"],
        "from": today().isoformat(),
    }
    answer = admin.post(path, data={"_token": token, "act": "save", **form, **typed})
    assert answer.status_code == 422
    assert told in answer.text


def test_a_file_of_prices_is_checked_published_and_fetched_again(
    market: Market, admin: FlaskClient
) -> None:
    path = f"/prices/{market.goods.base}/publish"

    def upload(text: str, act: str) -> TestResponse:
        return sent(
            admin,
            path,
            act=act,
            file=(BytesIO(text.encode()), "p.csv"),
            **{"from": today().isoformat()},
        )

    wrong = upload("product,unit,price\nOAT,BOX,5\nRUM,PC,5\n", "publish")
    assert wrong.status_code == 422
    assert "OAT has no unit" in wrong.text
    assert "2 places in the file are wrong" in wrong.text
    good = "product,unit,from_quantity,price\nOAT,PC,1,4.80\nOAT,PC,10,4.70\n"
    checked = upload(good, "check")
    assert "one price could be published" in checked.text
    versions = "select version from price_list_version where company_id = :company order by 1"
    assert len(rows(market, versions)) == 1
    assert upload(good, "publish").status_code == 303
    assert len(rows(market, versions)) == 2
    again = admin.get(f"/prices/{market.goods.base}/versions/2.csv")
    assert again.data.decode("utf-8-sig").splitlines() == good.splitlines()
    assert sent(admin, path, act="publish", **{"from": today().isoformat()}).status_code == 422


def test_a_price_list_is_made_for_some_changed_and_ended(
    market: Market, admin: FlaskClient
) -> None:
    made = sent(
        admin,
        "/prices/new",
        code="KIOSK",
        name="Kiosks",
        currency="USD",
        level="CHANNEL",
        channel=["kiosk"],
    )
    place = made.headers["Location"]
    assert "channel kiosk" in admin.get("/prices/").text
    assert (
        sent(
            admin,
            f"{place}/edit",
            code="KIOSK",
            name="Small kiosks",
            level="CHANNEL",
            channel=["kiosk", "bar"],
        ).status_code
        == 303
    )
    (held,) = rows(
        market, "select id, name from price_list where company_id = :company and code = 'KIOSK'"
    )
    assert held.name == "Small kiosks"
    channels = "select channel from price_list_for where price_list_id = :id order by channel"
    assert [row.channel for row in rows(market, channels, id=held.id)] == ["bar", "kiosk"]
    assert "None of its versions" in admin.get(f"{place}/end").text
    assert sent(admin, f"{place}/end").status_code == 303
    assert "KIOSK" not in admin.get("/prices/").text
    assert "KIOSK" in admin.get("/prices/?state=all").text
    for typed, told in (
        ({"level": "CUSTOMER", "stores": "NONE"}, "there is none with the code NONE"),
        ({"level": "CLASS"}, "Choose at least one."),
        ({"level": "CHANNEL", "channel": ["kiosk"], "currency": "dollar"}, "three capital letters"),
        ({"level": "ALL"}, "Choose for whom it is."),
    ):
        form = {"code": "X", "name": "X", "currency": "USD", **typed}
        answer = sent(admin, "/prices/new", **form)
        assert (answer.status_code, told in answer.text) == (422, True), told


def test_what_a_store_pays_is_told_with_its_reasons(market: Market, admin: FlaskClient) -> None:
    with market.db.company(market.cast.company.id) as uow:
        store = market.cast.ana_stores[0]
        edit_stores(uow, market.office, {store: {"code": "A1"}})
        own = add_list(uow, "ANCHOR", Whom("CUSTOMER", store_ids=frozenset({store})))
        publish(uow, own, ("OAT", "PC", 1, 450))
        add_promotion(uow, "SALE")
    text = admin.get("/prices/asked?store=A1&product=OAT&quantity=2").text
    assert "US$4.50" in text
    assert "SALE" in text
    assert "US$8.10" in text
    assert text.index("ANCHOR") < text.index(">BASE<")
    assert (
        "There is no store with this code." in admin.get("/prices/asked?store=A9&product=OAT").text
    )


PROMOTION = {
    "code": "TEN",
    "name": "Ten off",
    "currency": "USD",
    "benefit": "PERCENT_OFF",
    "percent": "10",
    "items": "OAT:PC",
    "level": "EVERY",
}


def test_a_promotion_is_drafted_published_changed_and_ended(
    market: Market, admin: FlaskClient
) -> None:
    made = sent(admin, "/promotions/new", **PROMOTION)
    assert made.status_code == 303
    place = made.headers["Location"]
    assert "10 % off, on OAT by PC" in admin.get(place).text
    assert "6 active stores" in admin.get(f"{place}/publish").text
    assert sent(admin, f"{place}/publish", **{"from": today().isoformat()}).status_code == 303
    phone = market.phone(market.cast.ana)
    phone.pull()
    (version,) = phone.fields(UUID(place.rsplit("/", 1)[1]))["versions"]
    assert (version["benefit"], version["basis_points"]) == ("PERCENT_OFF", 1_000)
    for_some = {**PROMOTION, "percent": "12.5", "level": "CLASS", "class": ["A"]}
    assert sent(admin, f"{place}/edit", **for_some).status_code == 303
    text = admin.get(place).text
    assert "12.5 % off" in text
    assert "10 % off" in text
    assert sent(admin, f"{place}/edit", **PROMOTION).status_code == 303
    (held,) = rows(market, "select id, level from promotion where company_id = :company")
    assert held.level is None
    assert sent(admin, f"{place}/end").status_code == 303
    assert admin.get(f"{place}/edit").status_code == 404
    assert last_change(market, "promotion", held.id).action == "promotion.end"


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (
            {"benefit": "AMOUNT_OFF", "amount": "2.5", "per": "UNIT"},
            "US$2.50 off each, on OAT by PC",
        ),
        (
            {"benefit": "BUY_X_GET_Y", "buy": "10", "get": "1", "free": "100", "gifts": "TEA"},
            "buy 10, 1 of TEA free",
        ),
        (
            {
                "benefit": "BUNDLE",
                "portions": "OAT:PC:2\nTEA:PC:1",
                "price": "20",
                "max_times": "3",
            },
            "2 PC OAT + 1 PC TEA for US$20.00, at most 3 times",
        ),
    ],
)
def test_each_benefit_can_be_typed(
    market: Market, admin: FlaskClient, typed: dict[str, str], told: str
) -> None:
    made = sent(admin, "/promotions/new", **{**PROMOTION, **typed})
    assert told in admin.get(made.headers["Location"]).text
    again = admin.get(f"{made.headers['Location']}/edit").text
    for value in typed.values():
        assert value.split("\n")[0] in again


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ({"percent": ""}, "must be there"),
        ({"percent": "101"}, "at most 100 percent"),
        ({"items": "RUM"}, "there is no product RUM"),
        ({"benefit": "BUNDLE", "portions": "OAT", "price": "5"}, "as OAT-200:CTN:2"),
        ({"benefit": "GIFT"}, "Choose one of the list."),
        ({"stack_order": "1001"}, "At most 1000."),
    ],
)
def test_what_a_promotion_cannot_give_is_refused(
    market: Market, admin: FlaskClient, typed: dict[str, str], told: str
) -> None:
    answer = sent(admin, "/promotions/new", **{**PROMOTION, **typed})
    assert answer.status_code == 422
    assert told in answer.text


STORE = {
    "code": "A9",
    "name": "Quay corner",
    "channel": "kiosk",
    "address": "9 Quay",
    "lat": "31.35",
    "lon": "121.5",
    "region_id": "pin",
}


def basis_in(text: str) -> str:
    """What an edit form says that it was made from."""
    return text.split('name="basis" value="')[1].split('"', maxsplit=1)[0]


def stored(market: Market, store: UUID) -> Any:
    (row,) = rows(market, "select * from store where company_id = :company and id = :id", id=store)
    return row


def typed_store(market: Market, client: FlaskClient, store: UUID, **changed: Any) -> dict[str, Any]:
    """The edit form of a store as a browser would send it, with these fields changed."""
    held = stored(market, store)
    text = client.get(f"/stores/{store}/edit").text
    return {
        "name": held.name,
        "channel": held.channel,
        "address": held.address,
        "code": held.code or "",
        "lat": "" if held.lat_e7 is None else str(held.lat_e7 / 1e7),
        "lon": "" if held.lon_e7 is None else str(held.lon_e7 / 1e7),
        "region_id": str(held.region_id),
        "position_id": str(held.position_id or ""),
        "basis": basis_in(text),
        **changed,
    }


def test_a_store_is_added_in_the_region_of_its_pin_and_shown(
    market: Market, admin: FlaskClient
) -> None:
    made = sent(admin, "/stores/new", **STORE)
    assert made.status_code == 303
    (held,) = rows(market, "select * from store where company_id = :company and code = 'A9'")
    assert (held.lat_e7, held.lon_e7) == (313_500_000, 1_215_000_000)
    assert held.region_id == market.cast.regions.north
    text = admin.get(made.headers["Location"]).text
    assert "Quay corner" in text
    assert "on no route" in text
    assert "A9" in admin.get("/stores/?words=quay").text
    told = admin.get("/stores/pinned?at=31350000,121500000").json
    assert told == {
        "lat": "31.350000",
        "lon": "121.500000",
        "at": [31_350_000, 121_500_000],
        "region": str(market.cast.regions.north),
    }
    assert admin.get("/stores/pinned?pin=31350000,121500000").json == told
    for typed, words in (
        ({"code": ""}, "must be there"),
        ({"lat": "91"}, "Degrees from -90 to 90"),
        ({"lon": ""}, "A pin has both coordinates."),
        ({"fence_radius_m": "5"}, "a whole number from 10 to 20000"),
        ({"account": "NONE"}, "there is none with the code NONE"),
        ({"code": "A9"}, "another store has the code A9"),
    ):
        answer = sent(admin, "/stores/new", **{**STORE, "code": "A10", **typed})
        assert (answer.status_code, words in answer.text) == (422, True), words


def test_what_moving_a_store_does_to_phones_is_shown_before_it_is_saved(
    market: Market, admin: FlaskClient
) -> None:
    store, ben = market.cast.ana_stores[0], market.cast.ben
    form = typed_store(market, admin, store, position_id=str(ben.position_id), lat="31.36")
    asked = sent(admin, f"/stores/{store}/edit", **form)
    assert asked.status_code == 200
    assert "<td>Ben</td>" in asked.text
    assert "31.3600000 121.5000000" in asked.text
    assert stored(market, store).position_id is None
    assert sent(admin, f"/stores/{store}/edit", **form, act="save").status_code == 303
    assert stored(market, store).lat_e7 == 313_600_000
    phone = market.phone(ben)
    phone.pull()
    assert phone.fields(store)["pin"]["lat_e7"] == 313_600_000
    again = sent(admin, f"/stores/{store}/edit", **{**form, "name": "Other"})
    assert again.status_code == 422
    assert "Somebody changed this meanwhile." in again.text


def test_a_store_is_closed_with_what_it_leaves_and_opened_again(
    market: Market, admin: FlaskClient
) -> None:
    store = market.cast.ana_stores[0]
    text = admin.get(f"/stores/{store}/close").text
    assert "North round" in text
    assert "<td>Ana</td>" in rehearsed_closing(admin, store).text
    assert stored(market, store).status == "ACTIVE"
    assert (
        sent(admin, f"/stores/{store}/close", act="close", basis=basis_in(text)).status_code == 303
    )
    assert stored(market, store).status == "CLOSED"
    assert rows(market, "select from route_stop where store_id = :id", id=store) == []
    text = admin.get(f"/stores/{store}/close").text
    assert (
        sent(admin, f"/stores/{store}/close", act="reopen", basis=basis_in(text)).status_code == 303
    )
    assert stored(market, store).status == "ACTIVE"
    assert [last_change(market, "store", store).action] == ["store.reopen"]


def rehearsed_closing(client: FlaskClient, store: UUID, **changed: str) -> TestResponse:
    """What the page of closing a store asks for once it is drawn."""
    path = f"/stores/{store}/close"
    return sent_to(
        client, f"{path}/rehearse", path, basis=basis_in(client.get(path).text), **changed
    )


def test_the_page_of_closing_is_drawn_before_anything_is_rehearsed(
    market: Market, admin: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = market.cast.ana_stores[0]
    with counted_statements(monkeypatch) as counted:
        page = admin.get(f"/stores/{store}/close")
    assert f'hx-post="/stores/{store}/close/rehearse"' in page.text
    assert len(counted) < 20
    again = rehearsed_closing(admin, store) if edited(market, store) else page
    assert "Close the store" in again.text
    path = f"/stores/{store}/close"
    old = sent_to(admin, f"{path}/rehearse", path, basis=basis_in(page.text))
    assert "Somebody changed this meanwhile." in old.text


def edited(market: Market, store: UUID) -> bool:
    with market.db.company(market.cast.company.id) as uow:
        return bool(edit_stores(uow, market.office, {store: {"name": "Renamed"}}))


def test_a_rehearsal_that_deadlocks_with_somebody_at_work_is_tried_again(
    market: Market, admin: FlaskClient, owner_engine: Engine
) -> None:
    company, store = market.cast.company.id, market.cast.ana_stores[0]
    path = f"/stores/{store}/close"
    form = {"_token": token_in(page := admin.get(path)), "basis": basis_in(page.text)}
    with market.db.company(company) as uow:
        plan_again(uow, [market.cast.ana.position_id], today())
        plans = [row.id for row in uow.rows("select id from day_plan")]
    answers: list[TestResponse] = []
    asking = Thread(target=lambda: answers.append(admin.post(f"{path}/rehearse", data=form)))
    with market.db.company(company) as uow:
        # The same records the other way round, as the batch of a phone may take them.
        hold(uow, plans)
        asking.start()
        wait_until_it_waits(owner_engine)
        hold(uow, [store])
        assert answers == []
    asking.join(30)
    assert answers[0].status_code == 200
    assert "<td>Ana</td>" in answers[0].text


def test_a_rehearsal_that_cannot_be_done_now_says_so_where_its_answer_is_awaited(
    market: Market, admin: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"/stores/{market.cast.ana_stores[0]}/close"
    form = {"_token": token_in(page := admin.get(path)), "basis": basis_in(page.text)}

    def impatient(driver: Any, *args: Any) -> None:
        begin(driver, *args)
        driver.execute("set local lock_timeout = 200")

    monkeypatch.setattr("sync.unit_of_work.begin", impatient)
    with market.db.company(market.cast.company.id) as uow:
        take_turn(uow)
        answer = admin.post(f"{path}/rehearse", data=form, headers={"HX-Request": "true"})
    assert answer.status_code == 503
    assert "Try again in a minute." in answer.text
    assert "<html" not in answer.text
    # By it told.js lets what is said be shown.
    assert answer.headers["X-Told"] == "part"
    assert "X-Told" not in admin.get("/stores/nowhere", headers={"HX-Request": "true"}).headers


def wait_until_it_waits(owner_engine: Engine) -> None:
    """Until somebody waits for a lock of ours."""
    waiting = (
        "select count(*) from pg_locks where not granted and pid in"
        " (select pid from pg_stat_activity where datname = current_database())"
    )
    gives_up_at = time.monotonic() + 20
    while True:
        with owner_engine.connect() as connection:
            if connection.execute(text_of(waiting)).scalar_one():
                return
        assert time.monotonic() < gives_up_at, "nobody waits"


def test_who_sees_a_store_and_who_sets_it(
    market: Market, browser: Callable[[Person], FlaskClient]
) -> None:
    cast = market.cast
    store = cast.ana_stores[0]
    statuses = {
        person.name: (
            browser(person).get(f"/stores/{store}").status_code,
            browser(person).get(f"/stores/{store}/edit").status_code,
            browser(person).get("/products/").status_code,
        )
        for person in (cast.ana, cast.aki, cast.sam, cast.mia, cast.ada)
    }
    assert statuses == {
        "Ana": (404, 404, 404),
        "Aki": (404, 404, 404),
        "Sam": (200, 404, 404),
        "Mia": (200, 200, 404),
        "Ada": (200, 200, 200),
    }
    assert browser(cast.ada).get(f"/stores/{UUID(int=4)}").status_code == 404
    mia = browser(cast.mia)
    form = typed_store(market, mia, store, region_id="", account="C1", name="Anchors")
    assert (
        "choose one of your regions" in sent(mia, f"/stores/{store}/edit", **form, act="save").text
    )
    form["region_id"] = str(cast.regions.north)
    assert sent(mia, f"/stores/{store}/edit", **form).status_code == 303
    assert stored(market, store).name == "Anchors"
    # Who pays is an admin's to set.
    assert stored(market, store).account_id is None


@pytest.fixture
def account(market: Market) -> UUID:
    """Pays for Ana's first store, and may order for ten pieces of oats."""
    with market.db.company(market.cast.company.id) as uow:
        new = NewAccount(code="C1", name="Chain", currency="USD", credit_limit_minor=5_000)
        (made,) = make_accounts(uow, market.office, [new])
        edit_stores(uow, market.office, {market.cast.ana_stores[0]: {"account_id": made}})
    return made


def test_an_order_held_for_credit_leads_to_its_account_and_back(
    market: Market, admin: FlaskClient, account: UUID, browser: Callable[[Person], FlaskClient]
) -> None:
    market.submitted(oats(market.goods, 4))
    held = market.submitted(oats(market.goods, 8))
    path = f"/accounts/{account}?order={held}"
    assert path.replace("&", "&amp;") in admin.get(f"/orders/{held}").text
    text = admin.get(path).text
    assert f'href="/orders/{held}"' in text
    assert "US$30.00" in text
    refused = sent(admin, path, limit="80")
    assert refused.status_code == 405
    drawn = admin.get(path)
    form = {"_token": token_in(drawn), **drawn_from(drawn), "limit": "80"}
    place = f"/accounts/{account}/limit?order={held}"
    without = admin.post(place, data=form)
    assert (without.status_code, "Say why." in without.text) == (422, True)
    done = admin.post(place, data={**form, "reason": "paid by cheque"})
    assert done.headers["Location"].endswith(path)
    change = last_change(market, "account", account)
    assert change.after == {"credit_limit_minor": 8_000, "reason": "paid by cheque"}
    assert "paid by cheque" in admin.get(path).text
    sam, ben = browser(market.cast.sam), browser(market.cast.ben)
    assert "paid by cheque" in sam.get(path).text
    assert "Set the limit" not in sam.get(path).text
    assert (
        sam.post(place, data={"_token": token_in(sam.get(path)), "limit": "1"}).status_code == 404
    )
    assert ben.get(path).status_code == 404


def test_an_account_is_added_and_changed(market: Market, admin: FlaskClient) -> None:
    with market.db.company(market.cast.company.id) as uow:
        edit_stores(uow, market.office, {market.cast.ana_stores[1]: {"code": "B1"}})
    form = {
        "code": "C2",
        "name": "Kiosk union",
        "currency": "USD",
        "limit": "100",
        "stores": "B1",
        "receivables": "12.50",
    }
    made = sent(admin, "/accounts/new", **form)
    assert made.status_code == 303
    place = made.headers["Location"]
    text = admin.get(place).text
    assert "US$87.50" in text
    assert "Beacon" in text
    assert (
        sent(
            admin, f"{place}/edit", code="C2", name="Kiosks", receivables="20", receipts="0"
        ).status_code
        == 303
    )
    (held,) = rows(market, "select * from account where company_id = :company and code = 'C2'")
    assert (held.name, held.open_receivables_minor, held.credit_limit_minor) == (
        "Kiosks",
        2_000,
        10_000,
    )
    wrong = sent(admin, "/accounts/new", **{**form, "code": "C3", "stores": "B7"})
    assert (wrong.status_code, "there is none with the code B7" in wrong.text) == (422, True)


def test_what_an_account_owes_by_now_is_not_overwritten_by_what_a_form_showed(
    market: Market, admin: FlaskClient, account: UUID
) -> None:
    place = f"/accounts/{account}/edit"
    page = admin.get(place)
    form = {name: value_in(page.text, name) for name in ("code", "receivables", "receipts")}
    form |= {"_token": token_in(page), "name": "Renamed"}
    with market.db.company(market.cast.company.id) as uow:
        edit_accounts(uow, market.office, {account: {"open_receivables_minor": 77_777}})
    held = "select name, open_receivables_minor as owed from account where id = :id"
    before = rows(market, held, id=account)
    late = admin.post(place, data={**form, **drawn_from(page)})
    assert late.status_code == 422
    assert "changed while the form was open" in late.text
    assert rows(market, held, id=account) == before
    # What nobody touched shows what is there now.
    form["receivables"] = value_in(late.text, "receivables")
    assert form["receivables"] == "777.77"
    assert admin.post(place, data={**form, **drawn_from(late)}).status_code == 303
    assert rows(market, held, id=account) == [("Renamed", 77_777)]


def test_each_amount_of_an_account_is_as_of_its_own_moment(
    market: Market, admin: FlaskClient, account: UUID
) -> None:
    long_ago = datetime(2026, 3, 1, 8, tzinfo=UTC)
    both = {"as_of": long_ago, "receipts_as_of": long_ago}
    held = "select as_of, receipts_as_of from account where id = :id"
    place = f"/accounts/{account}"
    for typed, moves in (("receipts", 1), ("receivables", 0)):
        with market.db.company(market.cast.company.id) as uow:
            edit_accounts(uow, market.office, {account: both})
        assert "Receivables and receipts as of " in admin.get(place).text
        page = admin.get(f"{place}/edit")
        form = {name: value_in(page.text, name) for name in ("code", "name")}
        form |= {name: value_in(page.text, name) for name in ("receivables", "receipts")}
        assert sent(admin, f"{place}/edit", **{**form, typed: "3.50"}).status_code == 303
        moments = rows(market, held, id=account)[0]
        assert moments[moves] > long_ago
        # Deliveries since then count with the receivables: that moment is not the receipts' to move.
        assert moments[1 - moves] == long_ago
        text = admin.get(place).text
        assert "Receivables as of " in text
        assert "Receipts as of " in text


def test_the_statements_of_lists_and_pages_grow_with_nothing(
    market: Market, admin: FlaskClient, account: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = market.cast.ana_stores[0]
    with market.db.company(market.cast.company.id) as uow:
        first = add_promotion(uow, "P0")
    paths = (
        "/products/",
        f"/products/{market.goods.oat}",
        "/prices/",
        f"/prices/{market.goods.base}",
        "/promotions/",
        f"/promotions/{first}",
        "/stores/",
        f"/stores/{store}",
        "/accounts/",
        f"/accounts/{account}",
    )
    counts: dict[str, list[int]] = {path: [] for path in paths}
    for turn in range(2):
        for path in paths:
            admin.get(path)
            with counted_statements(monkeypatch) as statements:
                assert admin.get(path).status_code == 200
            counts[path].append(len(statements))
        with market.db.company(market.cast.company.id) as uow:
            for number in range(3):
                code = f"P{turn}{number}"
                own = add_list(uow, code, Whom("CUSTOMER", store_ids=frozenset({store})))
                publish(uow, own, ("OAT", "PC", 1, 450))
                add_promotion(uow, code, whom=Whom("CUSTOMER", account_ids=frozenset({account})))
                make_accounts(
                    uow, market.office, [NewAccount(code=code, name=code, currency="USD")]
                )
        market.submitted()
    assert all(len(set(found)) == 1 for found in counts.values()), counts
    assert max(max(found) for found in counts.values()) <= 20, counts


def test_what_nobody_could_have_meant_leads_nowhere(market: Market, admin: FlaskClient) -> None:
    base, store = market.goods.base, market.cast.ana_stores[0]
    for path in (
        "/products/?state=SOLD",
        "/products/?words=%00",
        "/products/?after=%00",
        "/products/?group=%00",
        "/prices/?state=gone",
        f"/prices/{base}?version=99",
        f"/prices/{base}?version=x",
        f"/prices/{base}?after=nothing",
        f"/prices/{base}/versions/9.csv",
        f"/prices/{store}",
        f"/prices/{base}/change?product=%00",
        "/prices/asked?store=A1&product=OAT&day=soon",
        "/promotions/?state=SOLD",
        f"/promotions/{base}",
        "/stores/?state=SHUT",
        "/stores/?region=here",
        "/stores/?after=nothing",
        "/stores/pinned?at=91000000,0",
        "/accounts/?after=%00",
        f"/accounts/{base}",
    ):
        assert admin.get(path).status_code == 404, path
    for path in (
        "/stores/?words=100%25_",
        "/prices/asked?store=%E5%BA%97&product=x",
    ):
        assert admin.get(path).status_code == 200, path
    tomorrow = today() + timedelta(days=1)
    assert admin.get(f"/prices/asked?store=A1&product=OAT&day={tomorrow}").status_code == 200
