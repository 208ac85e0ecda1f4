"""A regional manager draws a region anew, and the phones above the stores that change sides follow at their next sync."""

from collections.abc import Callable
from pathlib import Path

import pytest

from server.identity.change_log import Actor
from server.planning.stores import NewStore, make_stores
from tests.pages.conftest import Seat
from tests.pages.test_routes import MANAGER, phone_of

pytestmark = pytest.mark.slow
REGIONS = """
select s.id, r.code from store s join region r on r.id = s.region_id where s.company_id = :company
"""


def test_stores_that_change_sides_leave_one_phone_and_come_to_the_other(
    sit_down: Callable[..., Seat], tmp_path: Path
) -> None:
    seat = sit_down()
    seat.sign_in(MANAGER)
    page, site = seat.page, seat.site
    page.click("nav >> text=Planning")
    page.click("nav >> text=Regions")
    page.wait_for_selector("#regions-page[data-drawn]")
    page.click("text=Crane Lake")
    page.wait_for_selector("#region-page[data-drawn]")
    corners = page.locator(".corners li")
    degrees = [
        [float(field.input_value()) for field in corners.nth(number).locator("input").all()]
        for number in range(corners.count())
    ]
    lat, lon = max(degrees, key=sum)
    with site.database.company(site.company_id) as uow:
        (east,) = uow.rows("select id from region where code = 'OLDTOWN-2'")
        # Of no position and on no route, so that its region alone says whose phones have it.
        free = NewStore(
            code="FREE-1",
            name="Free",
            channel="TRADITIONAL",
            address="",
            lat_e7=round((lat - 0.003) * 1e7),
            lon_e7=round((lon + 0.0105) * 1e7),
            region_id=east.id,
        )
        (store,) = make_stores(uow, Actor.command("the test"), [free])
    with (
        phone_of(site, "Tang Xin", tmp_path / "lakeside") as lakeside,
        phone_of(site, "Qian Yi", tmp_path / "oldtown") as oldtown,
    ):
        assert lakeside.scope.get("store", str(store)) is None
        assert oldtown.scope.get("store", str(store)) is not None
        before = {row.id: row.code for row in site.rows(REGIONS)}
        handles = page.locator(".leaflet-marker-icon.marker-icon:not(.marker-icon-middle)")
        boxes = [box for one in handles.all() if (box := one.bounding_box())]
        corner = max(boxes, key=lambda box: box["x"] - box["y"])
        x, y = corner["x"] + corner["width"] / 2, corner["y"] + corner["height"] / 2
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + 60, y + 4, steps=3)
        page.mouse.move(x + 110, y + 8, steps=3)
        page.mouse.up()
        page.click("#rehearse")
        page.wait_for_selector("#save")
        assert "Tea Market gives up" in page.inner_text("#rehearsed")
        page.click("#save")
        page.wait_for_selector(".notice")
        after = {row.id: row.code for row in site.rows(REGIONS)}
        moved = [id_ for id_ in after if before[id_] != after[id_]]
        assert store in moved
        assert {after[id_] for id_ in moved} == {"LAKESIDE-2"}
        lakeside.sync()
        oldtown.sync()
        for id_ in moved:
            assert lakeside.scope.get("store", str(id_)) is not None
        assert oldtown.scope.get("store", str(store)) is None
        assert lakeside.is_equal()
        assert oldtown.is_equal()
