"""Admins see their phones, let them in by a code that stands on one page, and show them out knowing what it costs."""

import csv
import io
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import segno

from mobile_contract.enrolment import read_enrolment_text
from server.app import build_app
from server.http.service import Service
from server.identity.change_log import Actor
from server.identity.devices import DeviceInfo, enrol, issue_enrolment_code
from server.web.enrolling import picture_of
from sync.engine import Engine
from sync.kinds import ALL_KINDS
from sync.unit_of_work import Database
from tests.server.web.conftest import Office, token_in
from tests.standing import SECRET
from tests.sync.talking import HOUR, MINUTE, counted_statements, phone_of

INFO = DeviceInfo(model="Testphone 3", os="Android 15", app_version="2.0.0")


def note(office: Office, device: UUID, **values: Any) -> None:
    """What a phone said of itself."""
    sets = ", ".join(f"{name} = :{name}" for name in values)
    with office.database.company(office.cast.company.id) as uow:
        uow.run(f"update device set {sets} where id = :id", id=device, **values)


def rows(office: Office, statement: str, **values: Any) -> list[Any]:
    with office.database.reading(office.cast.company.id) as uow:
        return uow.rows(statement, **values)


def state_of(office: Office, device: UUID) -> str:
    return str(rows(office, "select state from device where id = :id", id=device)[0].state)


def test_phones_are_for_admins_of_their_own_company(office: Office) -> None:
    ana = office.cast.ana.device.id
    for path in ("/devices/", f"/devices/{ana}", "/devices/enrol", f"/devices/{ana}/drain"):
        assert office.browser(office.cast.ada).get(path).status_code == 200, path
        assert office.browser(office.cast.mia).get(path).status_code == 404, path
    assert office.browser(office.cast.ada).get(f"/devices/{UUID(int=7)}").status_code == 404


def test_a_worker_writes_the_list_for_admins_alone(office: Office) -> None:
    mia = office.browser(office.cast.mia)
    token = token_in(mia.get("/exports/"))
    sent = {"_token": token, "name": "devices", "form": "csv", "question": ""}
    assert mia.post("/exports/", data=sent).status_code == 404


def test_the_list_says_what_each_phone_holds_and_finds_the_silent(office: Office) -> None:
    now = datetime.now(UTC)
    ana, ben = office.cast.ana.device.id, office.cast.ben.device.id
    note(
        office,
        ana,
        last_seen_at=now - timedelta(hours=5),
        outbox_count=12,
        outbox_oldest_at=now - timedelta(days=4),
        outbox_bytes=34_000,
        clock_offset_ms=-300_000,
    )
    note(office, ben, last_seen_at=now - timedelta(days=9), outbox_count=0)
    ada = office.browser(office.cast.ada)
    text = ada.get("/devices/?sort=-held").text
    assert text.index("Ana") < text.index("Ben")
    assert "4 days ago" in text
    assert "5 minutes ahead" in text
    silent = ada.get("/devices/?silent=7&name=be").text
    assert "Ben" in silent
    assert "Ana" not in silent
    assert ada.get("/devices/?sort=--held").status_code == 404
    assert ada.get("/devices/?after=x").status_code == 404


@pytest.mark.parametrize("sort", ["-enrolled", "seen", "-held"])
def test_pages_of_phones_hold_each_once_and_cost_the_same(
    office: Office, monkeypatch: pytest.MonkeyPatch, sort: str
) -> None:
    monkeypatch.setattr("server.web.listing.ROWS_A_PAGE", 2)
    ada = office.browser(office.cast.ada)
    seen: list[str] = []
    path = f"/devices/?sort={sort}"
    statements = set()
    while path:
        with counted_statements(monkeypatch) as counted:
            text = ada.get(path).text
        statements.add(len(counted))
        seen += re.findall(r'href="/devices/([0-9a-f-]{36})"', text)
        more = text.split(">Next page<")[0] if ">Next page<" in text else ""
        path = more.rsplit('href="', 1)[1].split('"')[0].replace("&amp;", "&") if more else ""
    assert len(seen) == len(set(seen)) == len(office.cast.people)
    assert len(statements) == 1


def test_the_list_is_exported(office: Office) -> None:
    with office.browser(office.cast.ada).get("/devices/?format=csv") as made:
        read = list(csv.DictReader(io.StringIO(made.data.decode("utf-8-sig"))))
    assert {row["Person"] for row in read} == {one.name for one in office.cast.people}


def test_a_code_is_shown_once_with_a_picture_that_says_the_same(office: Office) -> None:
    ada = office.browser(office.cast.ada)
    token = token_in(ada.get(f"/devices/enrol?person={office.cast.ana.id}"))
    sent = {"_token": token, "person": str(office.cast.ana.id), "minutes": "120"}
    answer = ada.post("/devices/enrol", data=sent)
    code = answer.text.split('id="code">')[1].split("<")[0]
    said = answer.text.split('id="said">')[1].split("<")[0].replace("&amp;", "&")
    read = read_enrolment_text(said)
    assert read is not None
    assert (read.server, read.code) == ("http://localhost", code)
    assert str(picture_of(said)) in answer.text
    assert segno.make(said, error="m", micro=False).svg_inline(
        scale=6, border=4, omitsize=True, svgclass=None, lineclass=None
    ).split("<path", 1)[1] in str(picture_of(said))
    assert "no-store" in answer.headers["Cache-Control"]
    # Its secret is in no address, no cookie, no later page.
    secret = code.rsplit("-", 1)[1]
    assert secret not in "".join(answer.headers.getlist("Set-Cookie"))
    assert secret not in ada.get("/devices/enrol").text
    handle = code.split("-")[-2]
    assert "hx-trigger" in ada.get(f"/devices/codes/{handle}").text
    device = enrol(office.database, read.code, INFO, 2).device_id
    standing = ada.get(f"/devices/codes/{handle}").text
    assert str(device) in standing
    assert "hx-trigger" not in standing
    assert "with a code of Ada" in ada.get(f"/devices/{device}").text


def test_the_address_in_the_picture_is_the_one_that_the_installation_names(
    office: Office, db: Database
) -> None:
    service = Service(database=db, engine=Engine(db, ALL_KINDS, SECRET), secret=SECRET)
    app = build_app(service, public_url="https://sales.example.com/road/")
    ada = Office(app, office.database, office.cast).browser(office.cast.ada)
    token = token_in(ada.get("/devices/enrol"))
    answer = ada.post(
        "/devices/enrol", data={"_token": token, "person": str(office.cast.ana.id)}
    ).text
    assert "server=https%3A%2F%2Fsales.example.com%2Froad&amp;code=" in answer
    assert "without encryption" not in answer


def test_whoever_chose_nobody_is_told_so_and_a_stranger_is_not_there(office: Office) -> None:
    ada = office.browser(office.cast.ada)
    token = token_in(ada.get("/devices/enrol?name=an"))
    told = ada.post("/devices/enrol", data={"_token": token, "name": "an"})
    assert told.status_code == 422
    assert 'value="an"' in told.text
    stranger = {"_token": token, "person": str(UUID(int=3))}
    assert ada.post("/devices/enrol", data=stranger).status_code == 404
    assert ada.post("/devices/enrol", data=stranger | {"minutes": "999999"}).status_code == 404


def test_people_are_found_by_name_mail_and_position(office: Office) -> None:
    ada = office.browser(office.cast.ada)
    (code,) = rows(
        office, "select code from position where id = :id", id=office.cast.ben.position_id
    )[0]
    for typed in ("be", "BEN@", code):
        text = ada.get("/devices/enrol", query_string={"name": typed}).text
        assert str(office.cast.ben.id) in text, typed
    assert "Nobody" in ada.get("/devices/enrol?name=100%25").text


def test_an_open_code_is_ended_by_hand(office: Office) -> None:
    with office.database.company(office.cast.company.id) as uow:
        issue_enrolment_code(uow, office.cast.ana.id, Actor.command("test"))
    handle = rows(office, "select handle from enrolment_code")[0].handle
    ada = office.browser(office.cast.ada)
    page = ada.get("/devices/enrol")
    assert handle in page.text
    for told in ("The code is ended", "used or ended already"):
        sent = {"_token": token_in(page)}
        answer = ada.post(f"/devices/codes/{handle}/end", data=sent, follow_redirects=True)
        assert told in answer.text
    assert handle not in ada.get("/devices/enrol").text


def test_draining_is_asked_first_and_its_steps_are_told(office: Office) -> None:
    ana = office.cast.ana.device
    note(office, ana.id, last_seen_at=datetime.now(UTC), outbox_count=3, outbox_bytes=900)
    ada = office.browser(office.cast.ada)
    asked = ada.get(f"/devices/{ana.id}/drain")
    assert "holds 3 items that are not here (900 B)" in asked.text
    assert state_of(office, ana.id) == "ACTIVE"
    done = ada.post(f"/devices/{ana.id}/drain", data={"_token": token_in(asked)})
    assert done.status_code == 303
    assert state_of(office, ana.id) == "DRAINING"
    assert "3 items are left on it." in ada.get(f"/devices/{ana.id}").text
    # What was done already is not asked again.
    assert ada.get(f"/devices/{ana.id}/drain").status_code == 303


def test_a_phone_that_handed_over_is_safe_to_wipe_since_its_last_push(
    office: Office, db: Database
) -> None:
    ana = office.cast.ana
    ada = office.browser(office.cast.ada)
    token = token_in(ada.get(f"/devices/{ana.device.id}/drain"))
    ada.post(f"/devices/{ana.device.id}/drain", data={"_token": token})
    now_ms = round(datetime.now(UTC).timestamp() * 1000)
    phone = phone_of(Engine(db, ALL_KINDS, SECRET), ana, now=now_ms, booted_at=now_ms - HOUR)
    visit = phone.visit(office.cast.ana_stores[0])
    unread = phone.item("visit", "create", UUID(int=99), {"store_id": 4})
    phone.push(visit, unread)
    (held,) = rows(office, "select * from device where id = :id", id=ana.device.id)
    assert held.state == "WIPED"
    assert held.wiped_at == held.last_seen_at
    phone.now += MINUTE
    phone.push()
    (again,) = rows(office, "select * from device where id = :id", id=ana.device.id)
    assert again.wiped_at == held.wiped_at < again.last_seen_at
    page = ada.get(f"/devices/{ana.device.id}").text
    assert "it is safe to wipe or reset by hand from then on" in page
    assert "1 applied" in page
    assert "1 kept in quarantine" in page
    assert "It is back: end its token" in page


def test_shutting_out_says_what_is_lost_and_is_done_once(office: Office) -> None:
    ana = office.cast.ana.device
    note(office, ana.id, last_seen_at=datetime.now(UTC), outbox_count=1, outbox_bytes=1_200)
    ada = office.browser(office.cast.ada)
    asked = ada.get(f"/devices/{ana.id}/revoke")
    assert "holds one item that is not here (1.2 kB)" in asked.text
    for _ in range(2):
        ada.post(f"/devices/{ana.id}/revoke", data={"_token": token_in(asked)})
    assert state_of(office, ana.id) == "REVOKED"
    logged = rows(office, "select actor from change_log where action = 'device.revoke'")
    assert [row.actor for row in logged] == ["Ada"]
    token = token_in(asked)
    told = ada.post(f"/devices/{ana.id}/drain", data={"_token": token}, follow_redirects=True)
    assert "there is nothing to hand over" in told.text
