"""A long list becomes a file of all its rows, written by a worker for whoever asked and for nobody else."""

import csv
import io
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from openpyxl import load_workbook
from sqlalchemy import Engine, text

from server.exports.errors import StillWritten
from server.exports.runs import EXPORT, OPEN_MAX, claim_export, list_exports, purge_exports
from server.exports.writing import write_export
from server.jobs.work import EFFECTS, Workshop, do_row
from server.media.installed import Media
from server.web.exporters import EXPORTERS
from sync.engine import Engine as SyncEngine
from sync.kinds import ALL_KINDS
from sync.unit_of_work import Database
from tests.factories import TODAY, Cast, Person
from tests.measures_factories import add_visit
from tests.server.web.conftest import Office, token_in
from tests.standing import SECRET

QUESTION = "period=2026-03&measure=TC"


@pytest.fixture
def shop(db: Database, media: Media) -> Workshop:
    return Workshop(db, SyncEngine(db, ALL_KINDS, SECRET), media=media, exporters=EXPORTERS)


@pytest.fixture
def office(
    app_with_files: Flask,
    db: Database,
    cast: Cast,
    owner_engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
) -> Office:
    """Five visits of two people, where two rows are many."""
    monkeypatch.setattr("server.web.listing.ROWS_AT_A_CLICK", 2)
    monkeypatch.setattr("server.web.listing.ROWS_AT_ONCE", 2)
    monkeypatch.setattr("server.exports.writing.ROWS_AT_ONCE", 2)
    with owner_engine.begin() as connection:
        for store in cast.ana_stores:
            add_visit(connection, cast.company, cast.ana, store, day=TODAY)
        for store in cast.ben_stores[:2]:
            add_visit(connection, cast.company, cast.ben, store, day=TODAY)
    return Office(app_with_files, db, cast)


def ask(client: FlaskClient, form: str = "csv", name: str = "facts") -> str:
    """Ask for the file; what the next page says."""
    offered = client.get(f"/facts/?{QUESTION}&format={form}")
    assert "Content-Disposition" not in offered.headers
    token = token_in(offered)
    question = offered.text.split('name="question" value="')[1].split('"')[0]
    asked = {
        "_token": token,
        "name": name,
        "form": form,
        "question": question.replace("&amp;", "&"),
    }
    return client.post("/exports/", data=asked, follow_redirects=True).text


def work(office: Office, shop: Workshop) -> list[str]:
    """Let a worker do what there is to do."""
    company_id = office.cast.company.id
    with office.database.reading(company_id) as uow:
        rows = uow.rows(
            "select id from outbox where company_id = :company and topic = :topic",
            company=company_id,
            topic=EXPORT,
        )
    return [do_row(shop, company_id, row.id, EFFECTS) for row in rows]


def run_of(office: Office, person: Person) -> Any:
    with office.database.reading(office.cast.company.id) as uow:
        return list_exports(uow, person.id)[0]


def test_a_long_list_is_written_by_a_worker_whole(office: Office, shop: Workshop) -> None:
    mia = office.browser(office.cast.mia)
    assert "waits for a worker" in ask(mia)
    assert work(office, shop) == ["done"]
    page = mia.get("/exports/").text
    assert "every 2s" not in page
    place = page.split("Fetch the file")[0].rpartition('href="')[2].partition('"')[0]
    with mia.get(place) as made:
        assert made.headers["Content-Disposition"].startswith("attachment")
        rows = list(csv.DictReader(io.StringIO(made.data.decode("utf-8-sig"))))
    assert len({row["Code of the store"] for row in rows}) == 5
    assert run_of(office, office.cast.mia).rows_done == 5


def test_a_list_that_is_not_long_is_sent_at_once(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.web.listing.ROWS_AT_A_CLICK", 5)
    with office.browser(office.cast.mia).get(f"/facts/?{QUESTION}&format=csv") as made:
        assert made.headers["Content-Disposition"].startswith("attachment")


def test_a_worksheet_is_one_that_opens(office: Office, shop: Workshop) -> None:
    mia = office.browser(office.cast.mia)
    ask(mia, "xlsx")
    work(office, shop)
    with mia.get(f"/exports/{run_of(office, office.cast.mia).id}") as made:
        book = load_workbook(io.BytesIO(made.data), read_only=True)
    assert sum(1 for _ in book.worksheets[0].iter_rows()) == 6


def test_the_file_is_for_whoever_asked_and_for_nobody_else(office: Office, shop: Workshop) -> None:
    mia, sam = office.browser(office.cast.mia), office.browser(office.cast.sam)
    ask(mia)
    export_id = run_of(office, office.cast.mia).id
    assert mia.get(f"/exports/{export_id}").status_code == 404
    work(office, shop)
    assert sam.get(f"/exports/{export_id}").status_code == 404
    assert "You have no files" in sam.get("/exports/").text
    with mia.get(f"/exports/{export_id}") as made:
        assert made.status_code == 200


def test_who_may_see_nothing_any_more_gets_nothing(
    office: Office, shop: Workshop, owner_engine: Engine
) -> None:
    ask(office.browser(office.cast.mia))
    with owner_engine.begin() as connection:
        connection.execute(
            text("delete from occupancy where person_id = :id"), {"id": office.cast.mia.id}
        )
    assert work(office, shop) == ["done"]
    assert run_of(office, office.cast.mia).state == "FAILED"


def test_one_worker_at_a_time_writes_it_and_the_next_one_where_that_was_killed(
    office: Office, shop: Workshop, media: Media, owner_engine: Engine
) -> None:
    ask(office.browser(office.cast.mia))
    company_id, export_id = office.cast.company.id, run_of(office, office.cast.mia).id
    with office.database.company(company_id) as uow:
        assert claim_export(uow, export_id) is not None
    with pytest.raises(StillWritten):
        write_export(office.database, media, EXPORTERS, company_id, export_id)
    assert work(office, shop) == ["held"]
    with owner_engine.begin() as connection:
        connection.execute(text("update export_run set held_until = now() - interval '1 second'"))
    assert work(office, shop) == ["done"]
    assert run_of(office, office.cast.mia).state == "READY"
    write_export(office.database, media, EXPORTERS, company_id, export_id)


def test_a_worker_that_is_to_stop_leaves_it_to_the_next_at_once(
    office: Office, shop: Workshop, media: Media, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.exports.writing.ROWS_AT_ONCE", 1)
    ask(office.browser(office.cast.mia))
    assert work(office, replace(shop, is_stopping=lambda: True)) == ["done"]
    assert list(media.storage.stored()) == []
    assert run_of(office, office.cast.mia).state == "RUNNING"
    assert work(office, shop) == ["done"]
    assert run_of(office, office.cast.mia).state == "READY"


def test_files_go_after_a_day(office: Office, shop: Workshop, media: Media) -> None:
    mia = office.browser(office.cast.mia)
    ask(mia)
    work(office, shop)
    company_id, now = office.cast.company.id, datetime.now(UTC)
    assert purge_exports(office.database, media, company_id, now + timedelta(hours=23)) == 0
    assert purge_exports(office.database, media, company_id, now + timedelta(hours=25)) == 1
    assert list(media.storage.stored()) == []
    assert "You have no files" in mia.get("/exports/").text


def test_what_is_on_its_way_is_cancelled_by_whoever_asked(office: Office, shop: Workshop) -> None:
    mia, sam = office.browser(office.cast.mia), office.browser(office.cast.sam)
    ask(mia)
    place = f"/exports/{run_of(office, office.cast.mia).id}/cancel"
    assert sam.post(place, data={"_token": token_in(sam.get("/exports/"))}).status_code == 404
    told = mia.post(place, data={"_token": token_in(mia.get("/exports/"))}, follow_redirects=True)
    assert "cancelled" in told.text
    assert work(office, shop) == ["done"]
    assert run_of(office, office.cast.mia).state == "CANCELLED"
    again = mia.post(place, data={"_token": token_in(mia.get("/exports/"))}, follow_redirects=True)
    assert 'role="alert"' in again.text


def test_how_many_rows_there_will_be_is_estimated_by_the_days_that_are_done(
    office: Office, shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(office.browser(office.cast.mia))
    noted = []

    def note(_uow: Any, _id: Any, rows: int, expected: int | None = None) -> bool:
        noted.append((rows, expected))
        return True

    monkeypatch.setattr("server.exports.writing.note_rows", note)
    work(office, shop)
    # Of March the visits are all on the 4th, which is 96 thousandths in.
    assert noted == [(2, 20), (4, 41), (5, 41)]


def test_somebody_has_only_so_many_on_the_way(office: Office) -> None:
    mia = office.browser(office.cast.mia)
    for _ in range(OPEN_MAX):
        assert 'role="alert"' not in ask(mia)
    assert 'role="alert"' in ask(mia)


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "nonsense"},
        {"form": "pdf"},
        {"question": "period=nonsense&measure=TC"},
        {"question": "x" * 5_000},
        {"question": "&".join(f"a{number}=1" for number in range(60))},
    ],
)
def test_what_is_no_list_is_not_written(office: Office, wrong: Mapping[str, str]) -> None:
    mia = office.browser(office.cast.mia)
    asked = {
        "_token": token_in(mia.get("/exports/")),
        "name": "facts",
        "form": "csv",
        "question": QUESTION,
        **wrong,
    }
    assert mia.post("/exports/", data=asked).status_code == 404


@pytest.mark.parametrize(
    ("name", "question"),
    [("orders", "first=2026-03-01&last=2026-03-31"), ("flags", "first=2026-03-01&which=all")],
)
def test_each_list_that_may_be_long_is_written(
    office: Office, shop: Workshop, name: str, question: str
) -> None:
    mia = office.browser(office.cast.mia)
    token = token_in(mia.get("/exports/"))
    asked = {"_token": token, "name": name, "form": "csv", "question": question}
    assert mia.post("/exports/", data=asked).status_code == 303
    assert work(office, shop) == ["done"]
    assert run_of(office, office.cast.mia).state == "READY"


def test_what_a_question_says_beside_its_list_breaks_no_file(
    office: Office, shop: Workshop
) -> None:
    mia = office.browser(office.cast.mia)
    token = token_in(mia.get(f"/facts/?{QUESTION}&format=csv"))
    asked = {"_token": token, "name": "facts", "form": "csv"}
    nul = mia.post("/exports/", data={**asked, "question": f"{QUESTION}&x=%00"})
    assert nul.status_code == 404
    mia.post("/exports/", data={**asked, "question": f"{QUESTION}&sheet=a%22%0d%0aX: y"})
    work(office, shop)
    with mia.get(f"/exports/{run_of(office, office.cast.mia).id}") as made:
        assert made.headers["Content-Disposition"].startswith('attachment; filename="facts-2')
    assert "Facts behind a figure" in mia.get("/exports/").text
