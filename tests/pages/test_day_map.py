"""A supervisor looks at a day of the team on the map, and decides about what is odd."""

from collections.abc import Callable
from uuid import UUID

import pytest
from sqlalchemy import create_engine, text

from server.demo.known import CODE, TIME_ZONE
from server.web.days import PEOPLE_AT_ONCE
from tests.factories import Company, add_occupancy, add_person, add_position, add_region
from tests.pages.conftest import Seat

pytestmark = pytest.mark.slow
SUPERVISOR = "xin.tang@demo.example"


def open_day(seat: Seat) -> None:
    seat.go(f"/days/?day={seat.site.worked_on}")
    seat.page.wait_for_selector("#map-page[data-drawn]")


def test_the_list_has_the_supervisors_own_team_and_nobody_else(
    sit_down: Callable[..., Seat],
) -> None:
    seat = sit_down(SUPERVISOR)
    open_day(seat)
    listed = {name.inner_text() for name in seat.page.query_selector_all(".person b")}
    team = seat.site.rows(
        """
        with recursive below as (
            select t.region_id as id from person p
            join occupancy o on o.company_id = p.company_id and o.person_id = p.id
            join position t on t.company_id = p.company_id and t.id = o.position_id
            where p.company_id = :company and p.email = :email
            union select r.id from region r join below b on r.parent_id = b.id
        )
        select p.name from below b join position t on t.region_id = b.id and t.role = 'rep'
        join occupancy o on o.position_id = t.id join person p on p.id = o.person_id
        where p.company_id = :company
        """,
        email=SUPERVISOR,
    )
    assert listed == {row.name for row in team}
    assert len(listed) == 3


def test_a_person_and_a_visit_are_opened_from_the_list_with_evidence_in_words(
    sit_down: Callable[..., Seat],
) -> None:
    seat = sit_down(SUPERVISOR)
    open_day(seat)
    seat.page.click(".person >> nth=0")
    seat.page.wait_for_selector(".visits")
    assert seat.page.get_attribute(".person >> nth=0", "aria-pressed") == "true"
    seat.page.click(".visit-line:has(.badge.good) >> nth=0")
    told = seat.page.wait_for_selector("#panel .facts").inner_text()
    assert "Check-in" in told
    panel = seat.page.inner_text("#panel")
    assert "m from the pin, accuracy" in panel
    assert "fence" in panel


def test_a_visit_that_is_opened_is_shown_from_its_begin(sit_down: Callable[..., Seat]) -> None:
    seat = sit_down(SUPERVISOR)
    open_day(seat)
    seat.page.click(".person >> nth=0")
    seat.page.wait_for_selector(".visits")
    # Down there, so that the list is scrolled; what is opened is longer than the panel, too.
    seat.page.set_viewport_size({"width": 1366, "height": 420})
    seat.page.click(".visit-line >> nth=-1")
    seat.page.wait_for_selector("#panel .facts")
    assert seat.page.evaluate("document.getElementById('panel').scrollTop") == 0


def test_a_link_to_a_visit_opens_its_panel_on_the_day_of_its_person(
    sit_down: Callable[..., Seat],
) -> None:
    seat = sit_down(SUPERVISOR)
    open_day(seat)
    name = seat.page.inner_text(".person b >> nth=0")
    visit = seat.site.rows(
        "select v.id, s.name from visit v join person p on p.id = v.person_id join store s on s.id = v.store_id"
        " where v.company_id = :company and p.name = :name and v.business_day = :day and v.verdict is not null"
        " order by v.began_at limit 1",
        name=name,
        day=seat.site.worked_on,
    )[0]
    seat.go(f"/days/?day={seat.site.worked_on}&visit={visit.id}")
    seat.page.wait_for_selector("#map-page[data-drawn]")
    assert seat.page.inner_text("#panel h2") == visit.name
    assert seat.page.inner_text(".person[aria-pressed=true] b") == name
    seat.page.click("#panel button:has-text('‹')")
    seat.page.wait_for_selector(".visits")
    assert " km gone" in seat.page.inner_text("#panel")
    # The visit that was looked at is marked, and what the colours mean is still there.
    assert seat.page.get_attribute(".visit-line[aria-current=true]", "data-visit-id") == str(
        visit.id
    )
    assert seat.page.is_visible(".legend")


def test_a_flag_that_is_rejected_with_a_reason_is_held_so(sit_down: Callable[..., Seat]) -> None:
    seat = sit_down("wen.gao@demo.example")
    open_day(seat)
    seat.page.click(".person:has(.badge.warn) >> nth=0")
    seat.page.click(".visit-line:has(.badge.warn) >> nth=0")
    form = seat.page.wait_for_selector(".decide")
    form.query_selector("[name=reason]").fill("was there, the street is narrow")
    form.query_selector("text=Reject").click()
    seat.page.wait_for_selector("text=rejected by Gao Wen: was there, the street is narrow")
    held = seat.site.rows(
        "select decision, reason, decided_by from flag_decision where company_id = :company"
        " and decided_by = 'Gao Wen'"
    )
    assert [tuple(row) for row in held] == [
        ("REJECTED", "was there, the street is narrow", "Gao Wen")
    ]


def test_a_day_that_somebody_may_not_see_is_not_there(sit_down: Callable[..., Seat]) -> None:
    seat = sit_down("mei.chen@demo.example")
    open_day(seat)
    assert [each.inner_text() for each in seat.page.query_selector_all(".person b")] == ["Chen Mei"]
    (other,) = seat.site.rows("select id from person where name = 'Guo Tao'")
    answer = seat.page.request.get(f"{seat.site.address}/days/people/{other.id}")
    assert answer.status == 404


def test_more_people_than_are_drawn_at_once_are_all_there_after_a_while(
    sit_down: Callable[..., Seat],
) -> None:
    seat = sit_down("yue.lin@demo.example")
    site = seat.site
    company = Company(site.company_id, UUID(int=0), CODE, TIME_ZONE)
    owner = create_engine(site.owner_url)
    with owner.begin() as connection:
        # A region of their own: nobody else's list has them.
        region = add_region(connection, company, "Parts")
        for number in range(PEOPLE_AT_ONCE + 2):
            person = add_person(connection, company, f"Part{number:02}")
            position = add_position(
                connection, company, f"PART{number:02}", role="rep", region_id=region
            )
            add_occupancy(connection, company, position_id=position, person_id=person)
    try:
        seat.go(f"/days/?day={site.worked_on}&team={region}")
        seat.page.wait_for_selector(f"#map-page[data-drawn='{PEOPLE_AT_ONCE + 2}']")
        names = [name.inner_text() for name in seat.page.query_selector_all(".person b")]
        assert names == [f"Part{number:02}" for number in range(PEOPLE_AT_ONCE + 2)]
        assert seat.page.inner_text("#totals").startswith("0 of 0 planned stops visited")
        seat.page.click(f".person >> nth={PEOPLE_AT_ONCE + 1}")
        seat.page.wait_for_selector(f"#panel:has-text('Part{PEOPLE_AT_ONCE + 1}')")
    finally:
        with owner.begin() as connection:
            for table, condition in (
                ("occupancy", "position_id in (select id from position where region_id = :region)"),
                ("position", "region_id = :region"),
                ("person", "name ~ '^Part[0-9]{2}$'"),
                ("region", "id = :region"),
            ):
                statement = text(f"delete from {table} where {condition}")
                named = {"region": region} if ":region" in condition else {}
                connection.execute(statement, named)
        owner.dispose()
