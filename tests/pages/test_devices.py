"""An admin lets a phone in by the picture on the page, and later shows it out without losing its work."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from mobile_contract.enrolment import read_enrolment_text
from mobile_contract.phone.phone import Phone
from mobile_contract.phone.transport import HttpTransport
from tests.pages.conftest import Seat, Site

pytestmark = pytest.mark.slow
ADMIN = "yue.lin@demo.example"


def device_of(site: Site, device: UUID) -> Any:
    (found,) = site.rows(
        "select state, outbox_count, wiped_at from device where company_id = :company and id = :id",
        id=device,
    )
    return found


def test_a_phone_is_enrolled_by_the_picture_works_hands_over_and_is_wiped(
    sit_down: Callable[..., Seat], tmp_path: Path
) -> None:
    seat = sit_down()
    seat.sign_in(ADMIN)
    page, site = seat.page, seat.site
    seat.go("/devices/")
    page.click("text=Enrol a phone")
    page.fill("[name=name]", "Chen Mei")
    page.click("text=Find")
    page.check("[name=person] >> nth=0")
    page.click("text=Make a code")
    said = read_enrolment_text(page.inner_text("#said"))
    assert said is not None
    assert said.code == page.inner_text("#code")
    phone = Phone.open(tmp_path / "phone.db", HttpTransport(said.server))
    phone.enrol(said.code, model="Testphone of the picture", os="Android 16", app_version="1.0.0")
    # The page follows by itself.
    page.click("#standing .notice a")
    device = UUID(page.url.rsplit("/", 1)[1])
    phone.sync()
    store = phone.held("store")[0]
    visit = UUID(phone.check_in(store.id, None))
    assert device_of(site, device).state == "ACTIVE"

    page.click("text=Let it hand over, then wipe")
    page.click("button.main")
    page.wait_for_selector(".notice")
    assert device_of(site, device).state == "DRAINING"
    phone.sync()
    assert phone.device.is_wiped
    assert phone.held("store") == []
    assert site.rows("select 1 from visit where company_id = :company and id = :id", id=visit)
    page.reload()
    assert page.is_visible("text=it is safe to wipe or reset by hand")
    assert device_of(site, device).wiped_at is not None

    page.click("text=It is back: end its token")
    page.click("button.danger")
    page.wait_for_selector(".notice")
    assert device_of(site, device).state == "REVOKED"
    phone.close()
