"""An admin lets a rep leave and hands over what the rep held: one phone empties and drains, the successor's receives."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from server.demo.known import TIME_ZONE
from tests.pages.conftest import Seat
from tests.pages.test_routes import phone_of

pytestmark = pytest.mark.slow
ADMIN = "yue.lin@demo.example"


def numbers_told(seat: Seat) -> dict[str, tuple[int, int]]:
    """Of each phone in what a change will do: how many records it gets and gives up."""
    lines = seat.page.query_selector_all("#confirm table >> nth=0 >> tbody tr")
    cells = [line.inner_text().split("\t") for line in lines]
    return {
        name: (int(gets.replace(",", "")), int(gives.replace(",", "")))
        for name, gets, gives, _ in cells
    }


def test_a_leaver_hands_over_and_both_phones_follow(
    sit_down: Callable[..., Seat], tmp_path: Path
) -> None:
    seat = sit_down()
    seat.sign_in(ADMIN)
    page = seat.page
    today = datetime.now(ZoneInfo(TIME_ZONE)).date()
    (held,) = seat.site.rows(
        "select o.person_id, o.position_id, array(select r.id from route r"
        " where r.position_id = o.position_id and r.is_active) as routes"
        " from occupancy o join position p on p.id = o.position_id"
        " where o.company_id = :company and p.code = 'REP-05' and o.ends_on is null"
    )
    with (
        phone_of(seat.site, "Sun Yan", tmp_path / "yan") as yan,
        phone_of(seat.site, "Wu Bo", tmp_path / "bo") as bo,
    ):
        assert all(yan.scope.get("route", str(route)) is not None for route in held.routes)
        before = bo.scope.count()
        page.click("nav >> a[href='/people/'] >> nth=0")
        page.fill("[name=words]", "sun yan")
        page.click("text=Show")
        page.click("tbody >> text=Sun Yan")
        page.click("text=Let them leave")
        page.fill("[name=left_on]", today.isoformat())
        page.select_option(f"[name=to-{held.position_id}]", label="Wu Bo (REP-06)")
        page.click("text=What will this do?")
        page.wait_for_selector("#confirm")
        told = numbers_told(seat)
        assert "then held by Wu Bo" in page.inner_text("#confirm")
        assert "Testphone" in page.inner_text("#confirm")
        page.click("#confirm button.danger")
        page.wait_for_selector(".notice")
        bo.sync()
        assert all(bo.scope.get("route", str(route)) is not None for route in held.routes)
        assert told["Wu Bo"] == (bo.scope.count() - before, 0)
        assert told["Sun Yan"][1] == yan.scope.count()
        yan.sync()
        assert yan.device.is_wiped
        assert yan.scope.count() == 0
        assert bo.is_equal()
    (holder,) = seat.site.rows(
        "select person_id, starts_on from occupancy where company_id = :company"
        " and position_id = :position and ends_on is null",
        position=held.position_id,
    )
    (wu_bo,) = seat.site.rows(
        "select id from person where company_id = :company and name = 'Wu Bo'"
    )
    assert (holder.person_id, holder.starts_on) == (wu_bo.id, today)
    # Back to how the other tests know the company.
    seat.go(f"/people/{held.person_id}/return")
    page.click("button.main")
    page.wait_for_selector(".notice")
