"""Every page can be used by whoever cannot see well, or has only a keyboard: WCAG 2.2 AA as far as axe can tell.

A page is opened at one width and looked at in both; the next one is opened at the width that the last one was left
at. So a walk goes through pages at either, and every page stands a window that is made wider or narrower.
"""

from collections.abc import Callable, Sequence

import pytest

from tests.pages.conftest import Seat

pytestmark = pytest.mark.slow
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
WIDTHS = (1366, 820)
NARROW = WIDTHS[-1:]
ASKED = {
    "runOnly": {"type": "tag", "values": RULES},
    # What is in order is not told: working out how to name it takes as long as all rules.
    "resultTypes": ["violations"],
}
LOOK = """
async asked => {
  // What is drawn anew at another width is drawn by the second frame.
  for (const _ of [1, 2]) await new Promise(requestAnimationFrame);
  return axe.run(asked);
}
"""


def faults_of(seat: Seat, widths: Sequence[int] = WIDTHS) -> list[str]:
    """What axe finds on the page at each width, the present one first, a line each."""
    page = seat.page
    page.wait_for_load_state()
    if not page.evaluate("'axe' in window"):
        page.add_script_tag(url=seat.address + "/static/vendor/axe.js")
    present = page.viewport_size["width"]
    found = []
    for width in sorted(widths, key=lambda width: width != present):
        if width != page.viewport_size["width"]:
            page.set_viewport_size({**page.viewport_size, "width": width})
        found += [
            f"{fault['id']} at {width}: {node['html'][:120]}"
            for fault in page.evaluate(LOOK, ASKED)["violations"]
            for node in fault["nodes"]
        ]
    return found


@pytest.mark.parametrize("language", ["en-GB", "zh-CN"])
def test_signing_in_has_no_barriers(sit_down: Callable[..., Seat], language: str) -> None:
    seat = sit_down(language=language)
    seat.go("/sign-in")
    assert faults_of(seat) == []


def test_the_map_with_a_visit_has_no_barriers(sit_down: Callable[..., Seat]) -> None:
    seat = sit_down("wen.gao@demo.example")
    seat.go(f"/days/?day={seat.site.worked_on}")
    seat.page.wait_for_selector("#map-page[data-drawn]")
    assert faults_of(seat) == []
    seat.page.click(".person >> nth=0")
    seat.page.click(".visit-line:has(.badge.warn) >> nth=0")
    seat.page.wait_for_selector("#panel .facts")
    assert faults_of(seat) == []


def test_routes_and_their_editor_have_no_barriers(sit_down: Callable[..., Seat]) -> None:
    seat = sit_down("wen.gao@demo.example")
    seat.go("/routes/")
    assert faults_of(seat) == []
    seat.page.click("text=REP-11")
    seat.page.wait_for_selector("#plan-page[data-drawn]")
    seat.page.click(".weeks .day >> nth=8")
    seat.page.wait_for_selector("[data-day-stops]")
    assert faults_of(seat) == []
    seat.page.click("section.route >> text=Change >> nth=0")
    seat.page.wait_for_selector("#edit-page[data-drawn]")
    seat.page.click("#rehearse")
    seat.page.wait_for_selector("#save")
    assert faults_of(seat) == []
    seat.go("/routes/stores")
    seat.page.wait_for_selector("#store-map[data-drawn]")
    assert faults_of(seat) == []
    seat.go("/routes/proposals")
    assert faults_of(seat) == []
    seat.page.click("tbody tr a >> nth=0")
    seat.page.wait_for_selector("#proposal-map[data-drawn]")
    seat.page.fill("[name=code]", "LOOKED-AT")
    seat.page.click("#rehearse")
    seat.page.wait_for_selector("#save")
    assert faults_of(seat) == []


def test_regions_and_their_editor_have_no_barriers(sit_down: Callable[..., Seat]) -> None:
    seat = sit_down("wen.gao@demo.example")
    seat.go("/regions/")
    seat.page.wait_for_selector("#regions-page[data-drawn]")
    assert faults_of(seat) == []
    seat.page.click("text=Canal Bend")
    seat.page.wait_for_selector("#region-page[data-drawn]")
    seat.page.click("#rehearse")
    seat.page.wait_for_selector("#save")
    assert faults_of(seat) == []


def test_plans_of_targets_have_no_barriers(sit_down: Callable[..., Seat]) -> None:
    seat = sit_down("yue.lin@demo.example")
    for path in ("/targets/plans", "/targets/plans/new"):
        seat.go(path)
        assert faults_of(seat) == [], path
    seat.go("/targets/plans")
    seat.page.click("tbody a >> nth=0")
    seat.page.click("#rehearse")
    seat.page.wait_for_selector("#save")
    assert faults_of(seat) == []
    seat.page.click("text=Compare")
    seat.page.wait_for_selector("#field-before")
    assert faults_of(seat) == []


def test_the_overview_and_what_is_behind_it_have_no_barriers(sit_down: Callable[..., Seat]) -> None:
    seat = sit_down("wen.gao@demo.example")
    seat.go("/overview/")
    for part in ("#charts[data-drawn]", "#figures .card", "#groups table", "#now h2"):
        seat.page.wait_for_selector(part)
    seat.page.click("#trend summary")
    assert faults_of(seat) == []
    for path in ("/facts/?measure=TC&all=1", "/flags/"):
        seat.go(path)
        assert faults_of(seat) == [], path


def test_phones_settings_and_changes_have_no_barriers(sit_down: Callable[..., Seat]) -> None:
    seat = sit_down("yue.lin@demo.example")
    for path in (
        "/me/",
        "/settings/",
        "/settings/planning",
        "/settings/audits",
        "/settings/visits",
        "/settings/versions/1",
        "/changes/",
        "/devices/",
        "/devices/enrol?name=Chen",
    ):
        seat.go(path)
        assert faults_of(seat) == [], path
    seat.page.check("[name=person] >> nth=0")
    seat.page.click("button.main")
    seat.page.wait_for_selector("#code")
    assert faults_of(seat) == []
    # One of the demo's, whose way out is shown; others may have let in new ones.
    seat.go("/devices/")
    seat.page.click("tbody tr:has-text('told to wipe itself') a >> nth=0")
    seat.page.wait_for_selector(".steps")
    assert faults_of(seat) == []
    seat.page.click("text=It is back: end its token")
    assert faults_of(seat) == []


def test_people_positions_and_the_calendar_have_no_barriers(sit_down: Callable[..., Seat]) -> None:
    seat = sit_down("yue.lin@demo.example")
    for path in ("/people/", "/people/new", "/positions/", "/positions/new", "/positions/give"):
        seat.go(path)
        assert faults_of(seat) == [], path
    for path in ("/calendar/?year=2027", "/calendar/new", "/calendar/load?country=DE&year=2027"):
        seat.go(path)
        assert faults_of(seat) == [], path
    seat.go("/people/?words=REP-07")
    seat.page.click("tbody a >> nth=0")
    assert faults_of(seat) == []
    seat.page.click("text=Let them leave")
    seat.page.click("text=What will this do?")
    seat.page.wait_for_selector("#confirm")
    assert faults_of(seat) == []
    seat.go("/positions/?words=REP-07")
    seat.page.click("tbody a >> nth=0")
    assert faults_of(seat) == []
    seat.page.click("text=Hand over")
    seat.page.select_option("[name^=route-] >> nth=0", index=1)
    seat.page.click("section:has(#parts) button")
    seat.page.wait_for_selector("#confirm-parts")
    assert faults_of(seat) == []


def test_masters_and_their_forms_have_no_barriers(sit_down: Callable[..., Seat]) -> None:
    seat = sit_down("yue.lin@demo.example", width=NARROW[0])
    for path in (
        "/products/",
        "/products/new",
        "/prices/",
        "/prices/new",
        "/promotions/",
        "/promotions/new",
        "/accounts/",
        "/accounts/new",
        "/stores/",
        "/stores/new",
    ):
        seat.go(path)
        assert faults_of(seat, NARROW) == [], path
        if not path.endswith("new"):
            seat.page.click("tbody a >> nth=0")
            assert faults_of(seat, NARROW) == [], seat.page.url
    seat.go("/stores/")
    seat.page.click("tbody a >> nth=0")
    seat.page.click("text=Close the store")
    assert faults_of(seat, NARROW) == []
    seat.go("/prices/")
    for link in ("tbody a >> nth=0", "main table a >> nth=0"):
        seat.page.click(link)
    assert faults_of(seat, NARROW) == []
    seat.page.click("text=What will this do?")
    assert faults_of(seat, NARROW) == []
    seat.go("/prices/asked?store=Y0001&product=CHIP-11&unit=CTN&quantity=5")
    assert faults_of(seat, NARROW) == []


def test_the_day_is_gone_through_by_keyboard_alone(sit_down: Callable[..., Seat]) -> None:
    seat = sit_down("wen.gao@demo.example")
    seat.go(f"/days/?day={seat.site.worked_on}")
    seat.page.wait_for_selector("#map-page[data-drawn]")
    seat.page.keyboard.press("Tab")
    assert seat.page.evaluate("document.activeElement.className") == "skip"
    seat.page.focus(".person >> nth=0")
    seat.page.keyboard.press("Enter")
    seat.page.wait_for_selector(".visits")
    seat.page.focus(".visit-line >> nth=0")
    seat.page.keyboard.press("Enter")
    seat.page.wait_for_selector("#panel .facts")


def test_imports_forms_and_activities_have_no_barriers(sit_down: Callable[..., Seat]) -> None:
    seat = sit_down("yue.lin@demo.example")
    (activity,) = seat.site.rows("select id from activity where state = 'OPEN' limit 1")
    (answer,) = seat.site.rows("select id from form_answer limit 1")
    for path in (
        "/imports/",
        "/imports/sheets/",
        "/imports/sheets/store",
        "/exports/",
        "/targets/",
        "/forms/",
        "/forms/STORE_CHECK",
        "/forms/STORE_CHECK/acts/retire",
        "/forms/import",
        "/forms/answers/",
        f"/forms/answers/{answer.id}",
        "/activities/",
        "/activities/new",
        f"/activities/{activity.id}",
        f"/activities/{activity.id}/edit",
        f"/activities/{activity.id}/acts/suspend",
    ):
        seat.go(path)
        if path == f"/activities/{activity.id}":
            seat.page.wait_for_selector("#progress dl")
        assert faults_of(seat) == [], path


def test_the_editor_of_forms_has_no_barriers(sit_down: Callable[..., Seat]) -> None:
    seat = sit_down("yue.lin@demo.example")
    seat.go("/forms/new?like=STORE_CHECK")
    assert faults_of(seat) == []
    seat.page.fill("[name=title]", "Looked at")
    seat.page.fill("[name=code]", "LOOKED_AT")
    seat.page.click("main button.main")
    seat.page.wait_for_selector(".maker")
    editor = seat.page.url
    seat.page.select_option("[id='try-a.is_open']", "yes")
    seat.page.wait_for_selector(".tried-row")
    seat.page.click("#rehearse")
    seat.page.wait_for_selector("#publish")
    assert faults_of(seat) == []
    for part in ("head", "question:closed_why", "question:stock", "question:present"):
        seat.page.goto(f"{editor}?open={part}")
        assert faults_of(seat, NARROW) == [], part
    for part in ("column:stock:facings", "score:osa", "score:clean", "measures"):
        seat.page.goto(f"{editor}?open={part}")
        assert faults_of(seat, NARROW) == [], part
    seat.page.goto(f"{editor}/review")
    assert faults_of(seat, NARROW) == []
    seat.page.goto(f"{editor}/drop")
    assert faults_of(seat, NARROW) == []
    seat.page.click("button.danger")


def test_what_is_to_be_cared_for_has_no_barriers(sit_down: Callable[..., Seat]) -> None:
    seat = sit_down("yue.lin@demo.example", width=NARROW[0])
    for path in (
        "/quarantine/",
        "/conflicts/",
        "/tasks/",
        "/tasks/new",
        "/notices/",
        "/notices/new",
        "/appeals/",
    ):
        seat.go(path)
        assert faults_of(seat, NARROW) == [], path
        # A demo of one day has no verdicts.
        if not path.endswith("new") and path != "/appeals/":
            seat.page.click("tbody a >> nth=0")
            assert faults_of(seat, NARROW) == [], seat.page.url
    seat.go("/quarantine/release?kind=store")
    assert faults_of(seat, NARROW) == []
    seat.go("/quarantine/")
    seat.page.click("tbody a >> nth=0")
    seat.page.fill("#field-item", "{}")
    seat.page.click("button[value=check]")
    assert faults_of(seat, NARROW) == []
    seat.page.click("button[value=set_aside]")
    assert faults_of(seat, NARROW) == []
