"""The office sees what auditors found, appeals in words for whoever brought it, and closes what nobody decides."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

from server.audits.appeals import open_appeals
from sync.engine import Engine as SyncEngine
from sync.kinds import ALL_KINDS
from sync.unit_of_work import Database
from tests.audit_factories import (
    add_auditor,
    add_running,
    bring,
    claim,
    judged,
    stand,
    states_of,
)
from tests.factories import Cast, Person
from tests.server.web.conftest import Office, token_in
from tests.standing import SECRET
from tests.sync.talking import Phone


@pytest.fixture
def phone(db: Database, cast: Cast) -> Phone:
    return Phone(SyncEngine(db, ALL_KINDS, SECRET), cast.ana.device)


@pytest.fixture
def sol(owner_engine: Engine, cast: Cast) -> Person:
    """Another auditor, of the south."""
    return add_auditor(owner_engine, cast, "Sol", cast.regions.south)


@pytest.fixture
def failed(cast: Cast, db: Database, phone: Phone) -> UUID:
    """What Aki failed an item of, just now."""
    now = datetime.now(UTC)
    (id_,) = bring(phone, db, add_running(cast, db), cast.ana_stores[0], flagged=True)
    (turn,) = claim(db, cast.aki, now=now)
    judged(db, cast.aki, turn, END_CAP="UNCLEAR", now=now)
    stand(db, cast, now=now + timedelta(minutes=10))
    return id_


def do(client: FlaskClient, audit_visit: UUID, **form: Any) -> str:
    """What the next page says."""
    place = f"/appeals/{audit_visit}"
    sent = {"_token": token_in(client.get(place)), **form}
    return client.post(place, data=sent, follow_redirects=True).text


def test_what_failed_is_told_with_its_reason_to_whoever_sees_it(
    office: Office, failed: UUID, sol: Person
) -> None:
    cast = office.cast
    for person in (cast.sam, cast.mia, cast.ada, cast.ana, cast.aki):
        browser = office.browser(person)
        assert f'href="/appeals/{failed}">Anchor</a>' in browser.get("/appeals/").text, person.name
        assert "An end cap beside the cooler</td>" in browser.get("/appeals/").text
        text = browser.get(f"/appeals/{failed}").text
        assert "END_CAP as it stands" in text
        assert ("You can appeal on your phone, once, until" in text) == (person is cast.ana)
        assert ('name="reason"' in text) == (person in (cast.sam, cast.mia, cast.ada))
    for other in (cast.ben, sol):
        assert office.browser(other).get(f"/appeals/{failed}").status_code == 404
        assert "Anchor" not in office.browser(other).get("/appeals/?which=all").text
    for wrong in ("/appeals/?which=x", "/appeals/?after=x", f"/appeals/{UUID(int=1)}"):
        assert office.browser(cast.sam).get(wrong).status_code == 404


def test_the_office_appeals_in_words_and_another_auditor_decides(
    office: Office, db: Database, failed: UUID, phone: Phone, sol: Person
) -> None:
    sam = office.browser(office.cast.sam)
    told = do(sam, failed, act="appeal", item=["END_CAP"], reason="Look at the second photo")
    assert "Appealed. Another auditor looks at it." in told
    assert "Look at the second photo" in told
    later = datetime.now(UTC) + timedelta(minutes=20)
    with db.company(office.cast.company.id) as uow:
        assert open_appeals(uow, [failed], now=later) == 1
    phone.pull()
    assert phone.held[str(failed)]["fields"]["verdict"]["state"] == "APPEALED"
    assert "Anchor" in sam.get("/appeals/?which=appealed").text
    assert claim(db, office.cast.aki, now=later) == []
    (turn,) = claim(db, sol, now=later)
    assert office.browser(sol).get(f"/audits/turns/{turn.id}").status_code in (200, 303)
    judged(db, sol, turn, now=later)
    stand(db, office.cast, now=later + timedelta(minutes=10))
    text = sam.get(f"/appeals/{failed}").text
    assert "passed" in text
    assert text.count("fails") == 1
    assert "Sam" in sam.get("/appeals/?which=decided").text
    again = do(sam, failed, act="appeal", item=["END_CAP"], reason="Once more")
    assert "This is not possible any more" in again


def test_what_is_wrong_with_an_appeal_is_told_and_what_was_typed_stays(
    office: Office, failed: UUID
) -> None:
    sam = office.browser(office.cast.sam)
    text = do(sam, failed, act="appeal", reason="It is there")
    assert "Choose what the appeal is about." in text
    assert 'value="It is there"' in text
    text = do(sam, failed, act="appeal", item=["END_CAP"], reason=" ")
    assert "Say why, in at most" in text
    assert 'value="END_CAP" aria-label="Appeal about An end cap beside the cooler"' in text
    assert "checked" in text.partition('value="END_CAP"')[2].partition(">")[0]
    assert "POSTER did not fail" in do(sam, failed, act="appeal", item=["POSTER"], reason="x")


def test_an_admin_closes_what_nobody_decides_once_that_was_asked_about(
    office: Office, db: Database, failed: UUID, phone: Phone
) -> None:
    cast = office.cast
    do(office.browser(cast.sam), failed, act="appeal", item=["END_CAP"], reason="x")
    with db.company(cast.company.id) as uow:
        open_appeals(uow, [failed], now=datetime.now(UTC))
    ada = office.browser(cast.ada)
    assert "The first verdict counts" in do(ada, failed, act="close")
    assert "Say why." in do(ada, failed, act="close", sure="1")
    assert states_of(db, cast)[failed] == "APPEALED"
    sam = office.browser(cast.sam)
    form = {"_token": token_in(sam.get("/appeals/")), "act": "close", "sure": "1", "reason": "x"}
    assert sam.post(f"/appeals/{failed}", data=form).status_code == 404
    told = do(ada, failed, act="close", sure="1", reason="There is no other auditor")
    assert "Closed: the first verdict counts." in told
    phone.pull()
    verdict = phone.held[str(failed)]["fields"]["verdict"]
    assert (verdict["state"], verdict["result"]) == ("FINAL", "FAIL")


def test_nobody_of_the_field_appeals_here_for_somebody(office: Office, failed: UUID) -> None:
    for person in (office.cast.ana, office.cast.aki):
        browser = office.browser(person)
        token = token_in(browser.get("/appeals/"))
        form = {"_token": token, "act": "appeal", "item": "END_CAP", "reason": "x"}
        assert browser.post(f"/appeals/{failed}", data=form).status_code == 404
