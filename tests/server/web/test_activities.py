"""Activities in the office: made, approved, opened, stopped, ended and settled on pages; their stores decided about, and paid."""

import csv
import io
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text
from werkzeug.test import TestResponse

from server.identity.change_log import Actor
from sync.unit_of_work import Database
from tests.activities_factories import add_activity, add_activity_store
from tests.factories import add_holder
from tests.server.web.conftest import Office, drawn_from, token_in
from tests.sync.talking import counted_statements

DAY = timedelta(days=1)
# Pages are of the day on which they are looked at.
TODAY = datetime.now(ZoneInfo("Asia/Shanghai")).date()
OFFICE = Actor.command("the office")
TERMS = {
    "name": "End caps",
    "starts_on": str(TODAY),
    "ends_on": str(TODAY + 30 * DAY),
    "currency": "CNY",
    "pay_minor": "120.50",
    "item-0": "END_CAP",
    "text-0": "An end cap beside the cooler",
    "photos-0": "2",
    "rule-0": "DONE_AND_PHOTOS",
    "required-0": "1",
    "item-1": "",
    "text-1": "",
}


@pytest.fixture
def ada(office: Office) -> FlaskClient:
    return office.browser(office.cast.ada)


def post(client: FlaskClient, place: str, **form: Any) -> TestResponse:
    token = token_in(client.get("/activities/"))
    basis = drawn_from(client.get(place)) if place.endswith("/edit") else {}
    return client.post(place, data={"_token": token, **basis, **form}, follow_redirects=True)


def row_of(office: Office, activity: UUID | None = None) -> Any:
    with office.database.reading(office.cast.company.id) as uow:
        (row,) = uow.rows(
            "select * from activity where cast(:id as uuid) is null or id = :id", id=activity
        )
    return row


def states(office: Office) -> list[str]:
    with office.database.reading(office.cast.company.id) as uow:
        rows = uow.rows("select state from activity_store order by business_day, id")
    return [row.state for row in rows]


def activity(office: Office, **columns: Any) -> UUID:
    with office.database.company(office.cast.company.id) as uow:
        days = {"starts_on": TODAY - DAY, "ends_on": TODAY + 20 * DAY}
        return add_activity(uow, **{**days, **columns})


def store_in(office: Office, activity_id: UUID, state: str, place: int = 0) -> UUID:
    with office.database.company(office.cast.company.id) as uow:
        return add_activity_store(uow, activity_id, office.cast.ana_stores[place], state=state)


def test_a_draft_is_made_changed_approved_and_lives_its_life(
    office: Office, ada: FlaskClient
) -> None:
    assert "The draft is made" in post(ada, "/activities/new", **TERMS).text
    made = row_of(office)
    assert (made.pay_minor, made.currency, made.state) == (12_050, "CNY", "DRAFT")
    place = f"/activities/{made.id}"
    assert "An end cap beside the cooler" in ada.get(place).text
    assert 'value="120.50"' in ada.get(f"{place}/edit").text
    assert "is changed" in post(ada, f"{place}/edit", **{**TERMS, "name": "Caps"}).text
    assert "get it with their next sync" in ada.get(f"{place}/acts/approve").text
    assert "is approved" in post(ada, f"{place}/acts/approve", code="CAPS-1").text
    approved = row_of(office)
    assert (approved.code, approved.name) == ("CAPS-1", "Caps")
    if approved.state == "APPROVED":
        post(ada, f"{place}/acts/open")
    assert 'role="alert"' in post(ada, f"{place}/acts/suspend", reason=" ").text
    assert row_of(office).state == "OPEN"
    assert "is suspended" in post(ada, f"{place}/acts/suspend", reason="out of stock").text
    assert "open again" in post(ada, f"{place}/acts/reopen").text
    assert ada.get(f"{place}/acts/settle").status_code == 404
    assert "is ended" in post(ada, f"{place}/acts/end").text
    assert "is settled" in post(ada, f"{place}/acts/settle").text
    assert ada.get(f"{place}/edit").status_code == 404
    with ada.get(f"{place}/settlement?format=csv") as made_file:
        assert made_file.data.decode("utf-8-sig").startswith("place,activity,store")


WRONG: tuple[tuple[dict[str, str], str], ...] = (
    ({"ends_on": str(TODAY - DAY)}, "the last day is not before the first"),
    ({"starts_on": "soon"}, "Choose a day."),
    ({"pay_minor": "1e999999"}, "Write an amount such as 12.50."),
    ({"pay_minor": "0.001"}, "Write an amount such as 12.50."),
    ({"currency": "XXZ"}, "Write a code of ISO 4217"),
    ({"currency": ""}, "Money has a currency."),
    ({"name": ""}, "a text of 1 to"),
    ({"item-1": "END_CAP", "text-1": "again"}, "END_CAP is there twice"),
    ({"photos-0": "-1"}, "Photos are a number"),
)


def test_what_is_wrong_is_told_beside_its_field_and_what_was_typed_stays(
    office: Office, ada: FlaskClient
) -> None:
    for typed, told in WRONG:
        answer = post(ada, "/activities/new", **{**TERMS, **typed})
        assert answer.status_code == 422, typed
        assert told in answer.text, typed
        assert "An end cap beside the cooler" in answer.text, typed
    ada.set_cookie("roadbook_language", "zh")
    assert 'id="fault-name"' in post(ada, "/activities/new", **{**TERMS, "name": ""}).text
    with office.database.reading(office.cast.company.id) as uow:
        assert uow.rows("select from activity") == []


def test_what_was_promised_to_stores_stays_once_it_is_open(
    office: Office, ada: FlaskClient
) -> None:
    place = activity(office, pay_minor=100, currency="CNY", ends_on=TODAY + 200 * DAY)
    changed = {**TERMS, "name": "Other", "pay_minor": "9", "ends_on": str(TODAY + 100 * DAY)}
    post(ada, f"/activities/{place}/edit", **changed)
    row = row_of(office)
    assert (row.name, row.pay_minor) == ("Other", 100)


def test_stores_are_taken_in_refused_with_a_reason_and_put_in_by_their_codes(
    office: Office, ada: FlaskClient, owner_engine: Engine
) -> None:
    with owner_engine.begin() as connection:
        connection.execute(
            text("update store set code = upper(name) where company_id = :company"),
            {"company": office.cast.company.id},
        )
    place = f"/activities/{(running := activity(office))}"
    first, second = (store_in(office, running, "REQUESTED", number) for number in (0, 1))
    assert "One store is decided" in post(ada, f"{place}/stores", act="approve", id=str(first)).text
    asked = post(ada, f"{place}/stores", act="refuse", id=[str(first), str(second)])
    assert "taken out where they were in" in asked.text
    assert sorted(states(office)) == ["REQUESTED", "RUNNING"]
    sure = {"act": "refuse", "sure": "1", "id": [str(first), str(second)]}
    assert post(ada, f"{place}/stores", **sure, said="").status_code == 422
    assert "2 stores are decided" in post(ada, f"{place}/stores", **sure, said="too far").text
    assert states(office) == ["REFUSED", "REFUSED"]
    wrong = post(ada, f"{place}/enter", codes="COMPASS nowhere")
    assert wrong.status_code == 422
    assert "COMPASS nowhere</textarea>" in wrong.text
    assert "One store is in" in post(ada, f"{place}/enter", codes="COMPASS").text
    with ada.get(f"{place}?format=csv") as made:
        rows = list(csv.DictReader(io.StringIO(made.data.decode("utf-8-sig"))))
    assert sorted(row["State"] for row in rows) == ["REFUSED", "REFUSED", "RUNNING"]


def test_what_stores_get_is_worked_out_paid_and_settled(office: Office, ada: FlaskClient) -> None:
    running = activity(office, pay_minor=100, currency="CNY", standards=())
    place, in_it = f"/activities/{running}", store_in(office, running, "RUNNING")
    assert "decided" in post(ada, f"{place}/stores", act="audit", id=str(in_it)).text
    assert "cannot be taken back" in post(ada, f"{place}/stores", act="pay", id=str(in_it)).text
    assert states(office) == ["AUDITED"]
    post(ada, f"{place}/stores", act="pay", id=str(in_it), sure="1")
    (state,) = states(office)
    assert state in {"PAID", "REFUSED"}
    part = ada.get(f"{place}/progress", headers={"HX-Request": "true"}).text
    assert "<html" not in part
    assert "How far it is" in part


def test_others_see_what_they_may_and_change_nothing(
    office: Office, ada: FlaskClient, owner_engine: Engine
) -> None:
    draft = activity(office, state="DRAFT")
    open_ = activity(office, region_ids=[office.cast.regions.south])
    with owner_engine.begin() as connection:
        nora = add_holder(
            connection, office.cast.company, "Nora", "regional_manager", office.cast.regions.north
        )
    for person in (office.cast.sam, nora):
        client = office.browser(person)
        assert client.get(f"/activities/{draft}").status_code == 404
        page = client.get(f"/activities/{open_}").text
        assert "Suspend…" not in page
        assert client.get(f"/activities/{open_}/acts/suspend").status_code == 404
        assert client.get(f"/activities/{open_}/edit").status_code == 404
        refused = post(client, f"/activities/{open_}/acts/suspend", reason="no")
        assert refused.status_code == 422
        assert client.get(f"/activities/{open_}/settlement").status_code == 404
    assert row_of(office, open_).state == "OPEN"
    assert office.browser(office.cast.ana).get("/activities/").status_code == 404


def test_the_list_goes_on_after_a_mark_with_as_many_queries_for_more(
    office: Office, db: Database, ada: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.web.listing.ROWS_A_PAGE", 2)
    made = {str(activity(office, name=f"Number {number}")) for number in range(3)}
    with counted_statements(monkeypatch) as statements:
        page = ada.get("/activities/").text
    after = page.split("after=")[1].split('"')[0].replace("&amp;", "&")
    second = ada.get(f"/activities/?after={after}").text
    seen = [one for one in made if f"/activities/{one}" in page]
    assert len(seen) == 2
    assert all(f"/activities/{one}" in second for one in made - set(seen))
    activity(office)
    with counted_statements(monkeypatch) as more:
        ada.get("/activities/")
    assert len(statements) == len(more)
    assert ada.get("/activities/?after=nonsense").status_code == 404
