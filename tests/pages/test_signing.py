"""Signing in and out at a browser."""

from collections.abc import Callable

import pytest

from tests.pages.conftest import Seat

pytestmark = pytest.mark.slow
SUPERVISOR = "xin.tang@demo.example"


def test_a_supervisor_signs_in_comes_to_what_was_asked_for_and_signs_out(
    sit_down: Callable[..., Seat],
) -> None:
    seat = sit_down()
    seat.go("/days/?day=2026-01-05")
    assert "/sign-in" in seat.page.url
    seat.fill_in(SUPERVISOR)
    seat.page.wait_for_selector("#map-page")
    assert seat.page.url.endswith("/days/?day=2026-01-05")
    seat.page.click("text=Sign out")
    seat.page.wait_for_selector("[name=password]")
    seat.go("/days/")
    assert "/sign-in" in seat.page.url


def test_a_wrong_password_is_told_and_begins_no_session(sit_down: Callable[..., Seat]) -> None:
    seat = sit_down()
    seat.sign_in(SUPERVISOR, "not the password")
    told = seat.page.wait_for_selector("[role=alert]").inner_text()
    assert told == "That e-mail address and password do not belong together."
    assert [one for one in seat.page.context.cookies() if one["name"] == "roadbook_session"] == []
    seat.faults.clear()  # Chromium notes the 403 itself


def test_each_person_keeps_the_language_they_chose(sit_down: Callable[..., Seat]) -> None:
    seat = sit_down()
    seat.sign_in("min.luo@demo.example")
    seat.page.click("text=中文")
    seat.page.wait_for_selector("text=退出")
    assert seat.page.get_attribute("html", "lang") == "zh-Hans"
    (held,) = seat.site.rows("select language from person where email = 'min.luo@demo.example'")
    assert held.language == "zh"
    again = sit_down()
    again.sign_in("min.luo@demo.example")
    again.page.wait_for_selector("text=退出")


def test_a_browser_is_spoken_to_in_the_language_it_asks_for(sit_down: Callable[..., Seat]) -> None:
    seat = sit_down(language="zh-CN")
    seat.go("/sign-in")
    assert seat.page.inner_text("h1") == "登录"
