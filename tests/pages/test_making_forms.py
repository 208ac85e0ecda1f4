"""An admin makes a form in a browser; a rep's phone gets it, and what the rep answers is taken."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mobile_contract.phone.forms import forms_for, open_form, rows_offered, send_form
from tests.pages.conftest import Seat
from tests.pages.test_routes import phone_of

pytestmark = pytest.mark.slow


def add_question(page: Any, title: str, chinese: str, kind: str) -> None:
    page.fill("#add-title", title)
    page.fill("#add-zh", chinese)
    page.select_option("#add-type", kind)
    page.click("text=Add the question")
    page.wait_for_selector(".part-form")


def test_a_form_that_is_made_in_the_browser_is_answered_on_a_phone(
    sit_down: Callable[..., Seat], tmp_path: Path
) -> None:
    seat = sit_down("yue.lin@demo.example")
    seat.go("/forms/")
    page = seat.page
    page.click("text=New form")
    page.fill("[name=title]", "Summer drinks")
    page.fill("[name=zh]", "夏季饮料")
    page.fill("[name=code]", "SUMMER")
    page.click("main button.main")
    add_question(page, "Are they cooled?", "冷藏了吗？", "BOOL")
    page.click(".part-form >> text=Save")
    add_question(page, "Why not?", "为什么没有？", "TEXT")
    page.select_option("[name=when] >> nth=0", label="“Are they cooled?” is no")
    page.click(".part-form >> text=Save")
    add_question(page, "The shelf", "货架", "ROWS")
    page.fill("[id='add-column-the_shelf-title']", "Facings")
    page.select_option("[id='add-column-the_shelf-type']", "INT")
    page.click("text=Add a column")
    page.fill("#column-minimum", "0")
    page.click(".part-form >> text=Save")
    # Beside the editor the form follows what is answered in it.
    assert page.query_selector("[id='try-a.why_not']") is None
    page.select_option("[id='try-a.are_they_cooled']", "no")
    page.wait_for_selector("[id='try-a.why_not']")
    # Leaving the page loses nothing.
    seat.go("/orders/")
    seat.go("/forms/")
    page.click("text=Summer drinks")
    page.click("#rehearse")
    page.click("#publish")
    page.wait_for_selector(".notice")
    with phone_of(seat.site, "Zhou Lan", tmp_path / "lan") as lan:
        (made,) = seat.site.rows(
            "select id from form_template where company_id = :company and code = 'SUMMER'"
        )
        form = open_form(lan, str(made.id))
        # One of the rep's stores that must stock something.
        store, row = next(
            (one.id, rows[0])
            for one in lan.held("store")
            if (rows := rows_offered(lan, form, "the_shelf", one.id))
        )
        assert "Summer drinks" in [one.title for one in forms_for(lan, store)]
        assert form.shown == ["are_they_cooled", "the_shelf"]
        form.answer("are_they_cooled", False)
        assert form.shown == ["are_they_cooled", "why_not", "the_shelf"]
        form.answer("why_not", "The fridge is broken.")
        form.answer_cell("the_shelf", row.key, "facings", 4)
        visit = lan.check_in(store, None)
        answer = send_form(lan, form, visit_id=visit, store_id=store)
        lan.sync()
    seat.go(f"/forms/answers/{answer}")
    page.wait_for_selector("text=The fridge is broken.")
    assert seat.site.rows(
        "select template_version from form_answer where company_id = :company and id = :id",
        id=answer,
    ) == [(1,)]
