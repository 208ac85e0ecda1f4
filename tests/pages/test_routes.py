"""A regional manager moves a route on the page, and the two phones concerned follow at their next sync."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mobile_contract.phone.phone import Phone
from mobile_contract.phone.transport import HttpTransport
from server.identity.change_log import Actor
from server.identity.devices import issue_enrolment_code
from tests.pages.conftest import Seat, Site

pytestmark = pytest.mark.slow
MANAGER = "wen.gao@demo.example"


@contextmanager
def phone_of(site: Site, name: str, file: Path) -> Iterator[Phone]:
    """A phone of somebody of the demo, up to date."""
    (person,) = site.rows(
        "select id from person where company_id = :company and name = :name", name=name
    )
    with site.database.company(site.company_id) as uow:
        code = issue_enrolment_code(uow, person.id, Actor.command("the test"))
    phone = Phone.open(file, HttpTransport(site.address))
    phone.enrol(code, model="Testphone", os="Android 16", app_version="1.0.0")
    phone.sync()
    yield phone
    phone.close()


def test_a_route_that_is_moved_leaves_one_phone_and_comes_to_the_other(
    sit_down: Callable[..., Seat], tmp_path: Path
) -> None:
    seat = sit_down()
    seat.sign_in(MANAGER)
    (route,) = seat.site.rows(
        "select r.id, r.name, array(select s.store_id from route_stop s where s.route_id = r.id) as stores"
        " from route r join position p on p.id = r.position_id where r.company_id = :company"
        " and p.code = 'REP-07' order by r.name limit 1"
    )
    with (
        phone_of(seat.site, "Zhou Lan", tmp_path / "lan") as lan,
        phone_of(seat.site, "Xu Ming", tmp_path / "ming") as ming,
    ):
        assert lan.scope.get("route", str(route.id)) is not None
        assert ming.scope.get("route", str(route.id)) is None
        counted = {"Zhou Lan": lan.scope.count(), "Xu Ming": ming.scope.count()}
        seat.page.click("nav >> text=Planning")
        seat.page.click("text=REP-07")
        seat.page.click(f"section:has(h2:text-is('{route.name}')) >> text=Change")
        seat.page.wait_for_selector("#edit-page[data-drawn]")
        seat.page.select_option("#field-position", label="REP-08 Xu Ming")
        seat.page.click("#rehearse")
        seat.page.wait_for_selector("#save")
        told = {
            name: (int(gets.replace(",", "")), int(gives.replace(",", "")))
            for name, gets, gives, _ in (
                line.inner_text().split("\t")
                for line in seat.page.query_selector_all("#rehearsed table >> nth=0 >> tbody tr")
            )
        }
        seat.page.click("#save")
        seat.page.wait_for_selector(".notice")
        lan.sync()
        ming.sync()
        assert lan.scope.get("route", str(route.id)) is None
        assert ming.scope.get("route", str(route.id)) is not None
        assert all(ming.scope.get("store", str(store)) is not None for store in route.stores)
        assert told["Zhou Lan"] == (0, counted["Zhou Lan"] - lan.scope.count())
        assert told["Xu Ming"] == (ming.scope.count() - counted["Xu Ming"], 0)
        assert lan.is_equal()
        assert ming.is_equal()


def test_a_route_is_set_by_keyboard_alone(sit_down: Callable[..., Seat]) -> None:
    seat = sit_down(MANAGER)
    (route,) = seat.site.rows(
        "select r.id from route r join position p on p.id = r.position_id"
        " where r.company_id = :company and p.code = 'REP-09' order by r.name limit 1"
    )
    stops = "select store_id from route_stop where company_id = :company and route_id = :route order by sequence"
    before = [row.store_id for row in seat.site.rows(stops, route=route.id)]
    seat.go(f"/routes/{route.id}")
    seat.page.wait_for_selector("#edit-page[data-drawn]")
    seat.page.focus(".set-stop >> nth=0 >> button >> nth=1")
    seat.page.keyboard.press("Enter")
    seat.page.keyboard.press("Enter")
    seat.page.focus("#rehearse")
    seat.page.keyboard.press("Enter")
    seat.page.wait_for_selector("#save")
    seat.page.focus("#save")
    seat.page.keyboard.press("Enter")
    seat.page.wait_for_selector(".notice")
    after = [row.store_id for row in seat.site.rows(stops, route=route.id)]
    assert after == [before[1], before[2], before[0], *before[3:]]


def test_stores_are_chosen_by_a_line_around_them(sit_down: Callable[..., Seat]) -> None:
    seat = sit_down(MANAGER)
    seat.go("/routes/stores")
    seat.page.wait_for_selector("#store-map[data-drawn]")
    seat.page.click("#lasso")
    box = seat.page.query_selector("#map").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    seat.page.mouse.move(x - 70, y - 70)
    seat.page.mouse.down()
    for right, down in ((70, -70), (70, 70), (-70, 70), (-70, -70)):
        seat.page.mouse.move(x + right, y + down, steps=3)
    seat.page.mouse.up()
    seat.page.wait_for_selector("#lassoed input", state="attached")
    chosen = {
        field.get_attribute("value") for field in seat.page.query_selector_all("#lassoed input")
    }
    seat.page.select_option("#field-to", label="REP-10 Hu Na")
    seat.page.click("text=What will this do?")
    seat.page.click("button:has-text('Save')")
    seat.page.wait_for_selector(".notice")
    held = seat.site.rows(
        "select s.id from store s join position p on p.id = s.position_id"
        " where s.company_id = :company and p.code = 'REP-10'"
    )
    assert chosen
    assert {str(row.id) for row in held} == chosen
