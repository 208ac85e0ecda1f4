"""An admin mends what a phone spoilt, and the phone has what came of it at its next sync."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.pages.conftest import Seat
from tests.pages.test_routes import phone_of

pytestmark = pytest.mark.slow


def test_a_spoilt_item_is_mended_on_the_page_and_comes_back_to_its_phone(
    sit_down: Callable[..., Seat], tmp_path: Path
) -> None:
    seat = sit_down("yue.lin@demo.example")
    with phone_of(seat.site, "Ma Rui", tmp_path / "rui") as rui:
        store = rui.held("store")[0].id
        version = rui.seen_version("store", store)
        changes = {"changes": {"delivery_note": 7}}
        op_id = rui.capture("store", store, "edit", changes, base_version=version)
        rui.sync()
        seat.go("/quarantine/?code=invalid_field")
        seat.page.click(f"a[href*='{op_id}']")
        assert seat.page.inner_text(".at-fault code").strip() == '"delivery_note": 7'
        text = seat.page.input_value("#field-item")
        seat.page.fill("#field-item", text.replace('"delivery_note": 7', '"delivery_note": 8'))
        seat.page.click("button[value=check]")
        seat.page.wait_for_selector("#faults code:text('payload.changes.delivery_note')")
        chosen = seat.page.evaluate(
            "(() => { const at = document.activeElement;"
            " return at.value.slice(at.selectionStart, at.selectionEnd); })()"
        )
        assert chosen.strip() == '"delivery_note": 8'
        typed = seat.page.input_value("#field-item")
        seat.page.fill("#field-item", typed.replace(": 8", ': "Ring at the back"'))
        seat.page.fill("#field-why", "The app wrote a number")
        seat.page.click("button[value=mend]")
        seat.page.wait_for_selector(".notice:has-text('Applied')")
        (kept,) = seat.site.rows(
            "select state, decided_by, reason from kept_item where company_id = :company and op_id = :op_id",
            op_id=op_id,
        )
        assert tuple(kept) == ("RELEASED", "Lin Yue", "The app wrote a number")
        rui.sync()
        held = rui.store(store)
        assert held is not None
        assert held["delivery_note"] == "Ring at the back"
        assert rui.is_equal()
