"""An admin brings a spreadsheet of stores in a browser: the fault is seen, the mended file is written, a phone gets the store."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook

from server.jobs.work import EFFECTS, Workshop, do_row
from server.media.installed import Media
from server.media.staging import Staging
from server.media.storage import LocalStorage
from server.web.exporters import EXPORTERS
from sync.engine import Engine as SyncEngine
from sync.kinds import ALL_KINDS
from tests.pages.conftest import Seat, Site
from tests.pages.test_routes import phone_of

pytestmark = pytest.mark.slow
HEAD = ("code", "name", "channel", "position")


def worksheet(*rows: tuple[str, ...]) -> dict[str, Any]:
    book, out = Workbook(), io.BytesIO()
    for row in (HEAD, *rows):
        book.active.append(row)
    book.save(out)
    return {
        "name": "stores.xlsx",
        "mimeType": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "buffer": out.getvalue(),
    }


def work(site: Site) -> None:
    """What a worker does with imports meanwhile; the site has none of its own."""
    media = Media(LocalStorage(site.media / "files"), Staging(site.media / "uploads", 0))
    shop = Workshop(
        site.database,
        SyncEngine(site.database, ALL_KINDS, b"nobody asks by this key in here"),
        media=media,
        exporters=EXPORTERS,
    )
    for row in site.rows(
        "select id from outbox where company_id = :company and topic = 'import' order by id"
    ):
        assert do_row(shop, site.company_id, row.id, EFFECTS) == "done"


def test_an_admin_sees_the_fault_of_a_sheet_and_the_mended_one_comes_to_a_phone(
    sit_down: Callable[..., Seat], tmp_path: Path
) -> None:
    seat = sit_down()
    seat.sign_in("yue.lin@demo.example")
    site, page = seat.site, seat.page
    good = ("NEW-1", "Corner of the imports", "KIOSK", "REP-09")
    (rep,) = site.rows(
        "select n.name from position p join occupancy o on o.position_id = p.id"
        " join person n on n.id = o.person_id"
        " where p.company_id = :company and p.code = 'REP-09' and o.ends_on is null limit 1"
    )
    with phone_of(site, rep.name, tmp_path / "phone") as phone:
        page.click("nav >> text=Upkeep")
        page.click("nav.below >> text=Imports")
        page.set_input_files("#field-file", worksheet(good, ("NEW-2", "Other", "KIOSK", "NOBODY")))
        page.click("text=Look at it")
        page.wait_for_selector("#import")
        work(site)
        page.wait_for_selector("#import[data-state=FAULTY]")
        assert "D3" in page.inner_text("tbody")
        page.click("text=Bring another file")
        page.set_input_files("#field-file", worksheet(good))
        page.click("text=Look at it")
        page.wait_for_selector("#import")
        work(site)
        page.click("text=Write one change")
        # Whoever leaves the page finds it written all the same.
        seat.go("/forms/")
        work(site)
        seat.go("/imports/")
        page.click("#on-the-way tbody a >> nth=0")
        page.wait_for_selector("#import[data-state=DONE]")
        (store,) = site.rows("select id from store where company_id = :company and code = 'NEW-1'")
        assert phone.scope.get("store", str(store.id)) is None
        phone.sync()
        assert phone.scope.get("store", str(store.id)) is not None
