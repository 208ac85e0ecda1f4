"""A regional manager sets a target on the page, fixes a part of it, and a rep's phone has it at its next sync."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from tests.pages.conftest import Seat
from tests.pages.test_routes import MANAGER, phone_of

pytestmark = pytest.mark.slow


def test_a_target_that_is_set_comes_to_the_phone(
    sit_down: Callable[..., Seat], tmp_path: Path
) -> None:
    seat = sit_down()
    seat.sign_in(MANAGER)
    page, site = seat.page, seat.site
    with phone_of(site, "Zhou Lan", tmp_path / "lan") as lan:

        def held() -> dict[str, int]:
            return {
                str(record.fields["month"]): int(record.fields["target"])
                for record in lan.scope.all_of("target")
                if record.fields["measure"] == "ORDER_LINES"
            }

        assert held() == {}
        page.click("nav >> text=Planning")
        page.click("nav >> text=Targets")
        page.click("text=Set and split")
        page.click("text=Set a target")
        page.select_option("#field-measure", "ORDER_LINES")
        # So that a month is neither over nor the only one left, whenever this runs.
        next_month = (site.worked_on + timedelta(days=1)).replace(day=1) + timedelta(days=31)
        page.select_option("#field-year", str(next_month.year))
        page.fill("#field-total", "14400")
        for name, percent in (("last_year", "0"), ("potential", "0"), ("equal", "100")):
            page.fill(f"[name={name}]", percent)
        page.click("#rehearse")
        page.wait_for_selector("#save")
        assert "144 targets" in page.inner_text("#rehearsed")
        # Saying why once that is seen changes nothing of it.
        page.fill("[name=reason]", "A line for every store")
        page.click("#save")
        page.wait_for_selector(".notice")
        lan.sync()
        months = held()
        assert 1 <= len(months) <= 3
        assert set(months.values()) == {100}
        assert (
            sum(
                row.amount
                for row in site.rows(
                    "select amount from target where company_id = :company and measure = 'ORDER_LINES'"
                )
            )
            == 14_400
        )
        # The last month of the year that is not over takes what is fixed there.
        page.fill(".parts input >> nth=-1", "2400")
        page.click("#rehearse")
        page.wait_for_selector("#save")
        assert "difference" in page.inner_text("#rehearsed")
        page.click("#save")
        page.wait_for_selector("text=version 2")
        lan.sync()
        (december,) = site.rows(
            "select t.amount from target t join position p on p.id = t.position_id"
            " where t.company_id = :company and p.code = 'REP-07' and t.measure = 'ORDER_LINES'"
            " and extract(month from t.month) = 12"
        )
        assert december.amount == 200
        assert lan.is_equal()
