"""A regional manager looks at a period, goes to what is behind a figure, and decides about what is odd."""

from collections.abc import Callable

import pytest

from tests.pages.conftest import Seat

pytestmark = pytest.mark.slow
MANAGER = "wen.gao@demo.example"


def open_overview(seat: Seat) -> None:
    day = seat.site.worked_on
    seat.go(f"/overview/?first={day}&last={day}")
    for part in ("#charts[data-drawn]", "#figures .card", "#groups table", "#now h2"):
        seat.page.wait_for_selector(part)


def test_a_figure_leads_to_as_many_facts_as_the_database_holds(
    sit_down: Callable[..., Seat],
) -> None:
    seat = sit_down(MANAGER)
    open_overview(seat)
    seat.page.select_option("#field-show", "visits")
    seat.page.click(".filters button")
    card = seat.page.wait_for_selector(".card:has-text('Calls made') .figure a")
    told = int(card.inner_text().replace(",", ""))
    (held,) = seat.site.rows(
        """
        select count(distinct (v.store_id, v.business_day)) as calls from visit v
        where v.company_id = :company and v.business_day = :day
          and v.state <> 'SKIPPED' and not v.is_by_phone and not exists (
              select from unnest(v.flags || lower(v.verdict)) as f(flag)
              left join flag_decision d on d.company_id = v.company_id and d.visit_id = v.id
                                       and d.flag = f.flag
              where d.decision = 'REJECTED'
                 or (f.flag in ('offsite', 'mock_location') and d.decision is null))
        """,
        day=seat.site.worked_on,
    )
    assert told == held.calls
    card.click()
    seat.page.wait_for_selector("h1:has-text('Calls made')")
    seat.page.click("tbody tr >> nth=0 >> a")
    seat.page.wait_for_selector("#map-page[data-drawn='1']")


def test_the_table_is_sorted_by_a_figure_where_it_stands(sit_down: Callable[..., Seat]) -> None:
    seat = sit_down(MANAGER)
    open_overview(seat)
    seat.page.click("#groups th a:has-text('Calls made')")
    seat.page.wait_for_selector("#groups th[aria-sort=descending]:has-text('Calls made')")
    made = [
        int(cell.inner_text())
        for cell in seat.page.query_selector_all("#groups tbody tr td:nth-child(3)")
    ]
    assert made == sorted(made, reverse=True)
    assert len(made) > 5


def test_flags_are_rejected_together_and_held_so(sit_down: Callable[..., Seat]) -> None:
    seat = sit_down(MANAGER)
    seat.go("/flags/")
    for place in range(2):
        seat.page.check(f"tbody input >> nth={place}")
    seat.page.fill("#field-reason", "asked both, nobody was there")
    seat.page.click("button.danger")
    seat.page.wait_for_selector("text=2 flags are decided.")
    held = seat.site.rows(
        "select decision from flag_decision where company_id = :company"
        " and reason = 'asked both, nobody was there'"
    )
    assert [row.decision for row in held] == ["REJECTED", "REJECTED"]
