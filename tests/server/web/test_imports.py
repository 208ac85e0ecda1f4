"""An admin brings a spreadsheet: it is looked at, its faults are told with row and column, and what is right is written."""

import csv
import io
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from openpyxl import Workbook, load_workbook
from sqlalchemy import Engine, text
from werkzeug.test import TestResponse

from server.exchange.asked import IMPORT
from server.exchange.sheets import ALL_SHEETS
from server.jobs.work import EFFECTS, Workshop, do_row
from server.media.installed import Media
from server.media.storage import LocalStorage, StorageAway
from server.web.exporters import EXPORTERS
from sync.engine import Engine as SyncEngine
from sync.kinds import ALL_KINDS
from sync.unit_of_work import Database
from tests.factories import Cast, add_holder
from tests.server.web.conftest import Office, token_in
from tests.standing import SECRET
from tests.sync.talking import counted_statements

HEAD = ("code", "name", "channel", "position")
GOOD = ("Z1", "First", "kiosk", "REP-ANA")


@pytest.fixture
def shop(db: Database, media: Media) -> Workshop:
    return Workshop(db, SyncEngine(db, ALL_KINDS, SECRET), media=media, exporters=EXPORTERS)


@pytest.fixture
def office(app_with_files: Flask, db: Database, cast: Cast) -> Office:
    return Office(app_with_files, db, cast)


@pytest.fixture
def ada(office: Office) -> FlaskClient:
    return office.browser(office.cast.ada)


def worksheet(*rows: tuple[str, ...]) -> bytes:
    book, out = Workbook(), io.BytesIO()
    for row in rows:
        book.active.append(row)
    book.save(out)
    return out.getvalue()


def bring(client: FlaskClient, data: bytes, **form: str) -> TestResponse:
    sent = {
        "_token": token_in(client.get("/imports/")),
        "file": (io.BytesIO(data), "stores.xlsx"),
        **form,
    }
    return client.post("/imports/", data=sent, content_type="multipart/form-data")


def act(client: FlaskClient, place: str, name: str) -> TestResponse:
    sent = {"_token": token_in(client.get("/imports/")), "act": name}
    return client.post(place, data=sent, follow_redirects=True)


def work(office: Office, shop: Workshop) -> list[str]:
    company_id = office.cast.company.id
    with office.database.reading(company_id) as uow:
        rows = uow.rows("select id from outbox where topic = :topic", topic=IMPORT)
    return [do_row(shop, company_id, row.id, EFFECTS) for row in rows]


def codes(office: Office) -> list[str]:
    with office.database.reading(office.cast.company.id) as uow:
        return [row.code for row in uow.rows("select code from store where code like 'Z%'")]


def test_a_file_with_a_fault_writes_nothing_and_the_mended_one_is_written(
    office: Office, shop: Workshop, ada: FlaskClient
) -> None:
    bad = ("Z2", "Second", "kiosk", "REP-NOBODY")
    place = bring(ada, worksheet(HEAD, GOOD, bad)).headers["Location"]
    assert 'hx-trigger="every 1s"' in ada.get(place).text
    assert work(office, shop) == ["done"]
    page = ada.get(place).text
    assert "every 1s" not in page
    assert "there is no position" in page
    ada.set_cookie("roadbook_language", "zh")
    assert "REP-NOBODY" in (told := ada.get(place).text)
    assert "there is no position" not in told
    ada.set_cookie("roadbook_language", "en")
    assert "D3" in page
    with ada.get(f"{place}?format=csv") as faults:
        (row,) = csv.DictReader(io.StringIO(faults.data.decode("utf-8-sig")))
    assert (row["Row"], row["Cell"], row["What stands there"]) == ("3", "D3", "REP-NOBODY")
    with ada.get(f"{place}/marked") as marked:
        cell = load_workbook(io.BytesIO(marked.data)).worksheets[0]["D3"]
    assert "REP-NOBODY" in cell.comment.text
    assert "look at it as it is now" in act(ada, place, "confirm").text
    assert codes(office) == []

    place = bring(ada, worksheet(HEAD, GOOD), sheet="store").headers["Location"]
    work(office, shop)
    assert "Write one change" in ada.get(place).text
    assert codes(office) == []
    assert "waits to be written" in act(ada, place, "confirm").text
    work(office, shop)
    assert codes(office) == ["Z1"]
    page = ada.get(place).text
    assert 'data-state="DONE"' in page
    run = page.split("/imports/runs/")[1][:36]
    assert "stores.xlsx" in ada.get(f"/imports/runs/{run}").text
    assert run in ada.get("/imports/").text


def test_what_is_on_its_way_is_cancelled(
    office: Office, shop: Workshop, ada: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    with counted_statements(monkeypatch) as none:
        ada.get("/imports/")
    place = bring(ada, worksheet(HEAD, GOOD)).headers["Location"]
    with counted_statements(monkeypatch) as one:
        ada.get("/imports/")
    assert len(none) == len(one)
    assert 'data-state="CANCELLED"' in act(ada, place, "cancel").text
    assert work(office, shop) == ["done"]
    assert 'data-state="CANCELLED"' in ada.get(place).text


def test_what_is_cancelled_is_so_where_the_storage_does_not_answer(
    office: Office, shop: Workshop, ada: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = bring(ada, worksheet(HEAD, GOOD)).headers["Location"]

    def away(*_: object) -> None:
        raise StorageAway("nobody answers")

    monkeypatch.setattr(LocalStorage, "delete", away)
    assert 'data-state="CANCELLED"' in act(ada, place, "cancel").text
    assert work(office, shop) == ["done"]


@pytest.mark.parametrize(
    ("data", "form", "told"),
    [
        (b"", {}, "The file is empty."),
        (b"code", {"system": "x" * 300}, "The name of a system"),
    ],
)
def test_what_cannot_be_looked_at_is_told_beside_the_form_and_what_was_typed_stays(
    ada: FlaskClient, data: bytes, form: dict[str, str], told: str
) -> None:
    answer = bring(ada, data, sheet="store", **form)
    assert answer.status_code == 422
    assert told in answer.text
    assert '<option value="store" selected>' in answer.text


def test_a_file_that_is_too_large_is_not_taken(
    ada: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.web.imports.FILE_BYTES_MAX", 10)
    refused = bring(ada, b"code,name,and more")
    assert refused.status_code == 422
    assert "split it" in refused.text


def test_somebody_who_is_no_admin_brings_routes_and_sees_their_own_imports_alone(
    office: Office, ada: FlaskClient
) -> None:
    place = bring(ada, worksheet(HEAD, GOOD)).headers["Location"]
    mia = office.browser(office.cast.mia)
    page = mia.get("/imports/").text
    assert 'value="route"' in page
    assert 'value="store"' not in page
    assert mia.get(place).status_code == 404
    assert bring(mia, worksheet(HEAD, GOOD), sheet="store").status_code == 404
    assert mia.get("/imports/sheets/store").status_code == 404
    with mia.get("/imports/sheets/route?format=csv&empty=1") as made:
        assert made.data.decode("utf-8-sig").startswith("position,route")
    assert office.browser(office.cast.sam).get("/imports/").status_code == 404
    assert ada.get(f"/imports/{UUID(int=4)}").status_code == 404
    assert ada.get(f"/imports/runs/{UUID(int=4)}").status_code == 404


def test_a_regional_manager_takes_out_the_routes_of_their_positions(
    office: Office, owner_engine: Engine
) -> None:
    with owner_engine.begin() as connection:
        connection.execute(
            text("update store set code = upper(name) where company_id = :company"),
            {"company": office.cast.company.id},
        )
        nora = add_holder(
            connection, office.cast.company, "Nora", "regional_manager", office.cast.regions.north
        )
    with office.browser(nora).get("/imports/sheets/route?format=csv") as made:
        rows = list(csv.DictReader(io.StringIO(made.data.decode("utf-8-sig"))))
    assert {row["position"] for row in rows} == {"REP-ANA"}
    with office.browser(office.cast.mia).get("/imports/sheets/route?format=csv") as made:
        rows = list(csv.DictReader(io.StringIO(made.data.decode("utf-8-sig"))))
    assert {row["position"] for row in rows} == {"REP-ANA", "REP-BEN"}


def test_every_sheet_is_told_and_given_empty_and_as_it_stands(ada: FlaskClient) -> None:
    listed = ada.get("/imports/sheets/").text
    for sheet in ALL_SHEETS:
        place = f"/imports/sheets/{sheet.name}"
        assert place in listed
        assert sheet.columns[0].name in ada.get(place).text
        with ada.get(f"{place}?format=csv") as made:
            assert made.data.decode("utf-8-sig").startswith(sheet.columns[0].name)
        with ada.get(f"{place}?format=xlsx&empty=1") as made:
            book = load_workbook(io.BytesIO(made.data))
            assert book.worksheets[0].max_row == 1
            assert book.worksheets[1]["A1"].value == sheet.columns[0].name


def test_what_stands_comes_back_as_nothing_to_change(
    office: Office, shop: Workshop, ada: FlaskClient
) -> None:
    with ada.get("/imports/sheets/position?format=xlsx") as made:
        place = bring(ada, made.data).headers["Location"]
    work(office, shop)
    page = ada.get(place).text
    assert 'data-state="READY"' in page
    assert "Write 0 changes" in page


def test_a_long_sheet_is_written_by_a_worker_whole_with_how_far_it_is(
    office: Office, shop: Workshop, ada: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.web.listing.ROWS_AT_A_CLICK", 2)
    monkeypatch.setattr("server.exports.writing.ROWS_AT_ONCE", 4)
    offered = ada.get("/imports/sheets/position?format=csv").text
    asked: dict[str, Any] = {
        name: offered.split(f'name="{name}" value="')[1].split('"')[0]
        for name in ("_token", "name", "form", "question")
    }
    assert "Positions" in ada.post("/exports/", data=asked, follow_redirects=True).text
    company_id = office.cast.company.id
    with office.database.reading(company_id) as uow:
        row_id = uow.rows("select id from outbox where topic = 'export'")[0].id
    assert do_row(shop, company_id, row_id, EFFECTS) == "done"
    with office.database.reading(company_id) as uow:
        (run,) = uow.rows("select state, rows_done, rows_expected from export_run")
    assert (run.state, run.rows_done, run.rows_expected) == ("READY", 6, 6)
