"""Nobody decides about their own: their page says so, has no button for it, and a form sent all the same is refused."""

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine

from server.audits.appeals import open_appeals
from server.identity.change_log import Actor
from sync.engine import Engine as SyncEngine
from sync.kinds import ALL_KINDS
from sync.unit_of_work import Database
from tests import factories
from tests.activities_factories import add_activity, add_activity_store
from tests.audit_factories import add_auditor, add_running, bring, claim, judged, stand
from tests.factories import TODAY, Cast, item, push_items
from tests.market import make_market
from tests.measures_factories import add_visit
from tests.server.web.conftest import Office, token_in
from tests.standing import SECRET
from tests.sync.talking import Phone


@pytest.fixture
def roadbook(db: Database) -> SyncEngine:
    return SyncEngine(db, ALL_KINDS, SECRET)


@pytest.fixture
def ana(office: Office, owner_engine: Engine) -> FlaskClient:
    """Ana, who is admin beside her seat in the field."""
    cast = office.cast
    with owner_engine.begin() as connection:
        seat = factories.add_position(
            connection, cast.company, "ADMIN-ANA", role="admin", region_id=cast.regions.wharf
        )
        factories.add_occupancy(connection, cast.company, position_id=seat, person_id=cast.ana.id)
    return office.browser(cast.ana)


def test_a_proposal(office: Office, cast: Cast, roadbook: SyncEngine, ana: FlaskClient) -> None:
    changes = {"changes": {"name": "Anchor & Sons"}, "reason": "New sign"}
    sent = item("store", "edit", cast.ana_stores[0], changes, base_version=1)
    proposal = push_items(roadbook, cast.ana.device, [sent])[0]["proposal_id"]
    place = f"/routes/proposals/{proposal}"
    text = ana.get(place).text
    assert "You proposed this yourself" in text
    assert 'id="decide-form"' not in text
    for act in ("approve", "refuse"):
        form = {"_token": token_in(ana.get("/tasks/new")), "act": act, "reason": "x"}
        answer = ana.post(place, data=form)
        assert answer.status_code == 422
        assert "Nobody decides about their own" in answer.text
    assert 'id="decide-form"' in office.browser(cast.ada).get(place).text


def test_a_conflict(office: Office, cast: Cast, roadbook: SyncEngine, ana: FlaskClient) -> None:
    phones = [Phone(roadbook, one.device) for one in (cast.sam, cast.ana)]
    edits = [
        phone.edit(cast.ana_stores[0], 1, address=f"{number} Bell Street")
        for number, phone in enumerate(phones)
    ]
    conflict = [phone.push_one(edit) for phone, edit in zip(phones, edits, strict=True)][1]
    place = f"/conflicts/{conflict['conflict_id']}"
    text = ana.get(place).text
    assert "One of these is your own edit" in text
    assert "choice-address" not in text
    form = {"_token": token_in(ana.get("/tasks/new")), "choice-address": "sent"}
    assert "Nobody decides about their own" in ana.post(place, data=form).text
    assert "choice-address" in office.browser(cast.ada).get(place).text


def test_a_request_and_a_flag(
    office: Office, cast: Cast, owner_engine: Engine, ana: FlaskClient
) -> None:
    today = datetime.now(UTC).date()
    with office.database.company(cast.company.id) as uow:
        activity = add_activity(uow, starts_on=today, ends_on=today + timedelta(days=9))
        mine, other = (
            add_activity_store(uow, activity, store, state="REQUESTED", person_id=who.id)
            for store, who in zip(cast.ana_stores, (cast.ana, cast.sam), strict=False)
        )
    text = ana.get(f"/activities/{activity}").text
    assert f'value="{other}"' in text
    assert f'value="{mine}"' not in text
    assert "Rows without a box are your own" in text
    form = {"_token": token_in(ana.get("/tasks/new")), "act": "approve", "id": str(mine)}
    place = f"/activities/{activity}/stores"
    told = ana.post(place, data=form, follow_redirects=True).text
    assert "nobody decides about a request of their own" in told
    with owner_engine.begin() as connection:
        add_visit(connection, cast.company, cast.ana, cast.ana_stores[0], flags=["too_short"])
    text = ana.get(f"/flags/?first={TODAY}&last={TODAY}").text
    assert "Rows without a box are your own" in text
    assert 'type="checkbox"' not in text
    assert 'name="decision"' not in text


def test_an_order(app: Flask, db: Database, owner_engine: Engine) -> None:
    market = make_market(owner_engine, db, Actor.command("the office"))
    cast, order = market.cast, market.submitted()
    with owner_engine.begin() as connection:
        seat = factories.add_position(
            connection, cast.company, "SUP-ANA", role="supervisor", region_id=cast.regions.harbour
        )
        factories.add_occupancy(connection, cast.company, position_id=seat, person_id=cast.ana.id)
    browser = Office(app, db, cast).browser
    ana, place = browser(cast.ana), f"/orders/{order}"
    listed = f"/orders/?first={TODAY}&last={TODAY}"
    text = ana.get(place).text
    assert "You took this order yourself" in text
    assert 'name="act"' not in text
    assert f'value="{order}"' not in ana.get(listed).text
    form = {"_token": token_in(ana.get("/tasks/new")), "act": "confirm", "id": str(order)}
    told = ana.post("/orders/", data=form, follow_redirects=True).text
    assert "nobody decides about an order of their own" in told
    assert 'name="act"' in browser(cast.sam).get(place).text
    assert f'value="{order}"' in browser(cast.sam).get(listed).text


def test_an_appeal(
    office: Office,
    cast: Cast,
    db: Database,
    owner_engine: Engine,
    roadbook: SyncEngine,
    ana: FlaskClient,
) -> None:
    now = datetime.now(UTC)
    phone = Phone(roadbook, cast.ana.device)
    (id_,) = bring(phone, db, add_running(cast, db), cast.ana_stores[0], flagged=True)
    (turn,) = claim(db, cast.aki, now=now)
    judged(db, cast.aki, turn, END_CAP="UNCLEAR", now=now)
    stand(db, cast, now=now + timedelta(minutes=10))
    place = f"/appeals/{id_}"
    sent = {"act": "appeal", "item": "END_CAP", "reason": "Look again"}
    ana.post(place, data={"_token": token_in(ana.get(place)), **sent})
    with db.company(cast.company.id) as uow:
        assert open_appeals(uow, [id_], now=now + timedelta(minutes=20)) == 1
    text = ana.get(place).text
    assert "another admin closes it" in text
    assert 'value="close"' not in text
    form = {"_token": token_in(ana.get(place)), "act": "close", "reason": "x", "sure": "1"}
    assert "nobody closes what they brought themselves" in ana.post(place, data=form).text
    assert 'value="close"' in office.browser(cast.ada).get(place).text
    # An auditor who holds a seat in the field, too, never gets what they brought.
    company = cast.company
    with owner_engine.begin() as connection:
        seat = factories.add_position(
            connection, company, "AUD-ANA", role="auditor", region_id=cast.regions.wharf
        )
        factories.add_occupancy(connection, company, position_id=seat, person_id=cast.ana.id)
    sol = add_auditor(owner_engine, cast, "Sol", cast.regions.south)
    later = now + timedelta(minutes=21)
    assert claim(db, cast.ana, now=later) == []
    assert [one.is_appeal for one in claim(db, sol, now=later)] == [True]


def test_a_manager_who_audits_appeals_for_none_that_they_only_audit(
    office: Office, cast: Cast, db: Database, owner_engine: Engine, roadbook: SyncEngine
) -> None:
    with owner_engine.begin() as connection:
        lea = factories.add_holder(
            connection, cast.company, "Lea", "supervisor", cast.regions.south
        )
        seat = factories.add_position(
            connection, cast.company, "AUD-LEA", role="auditor", region_id=cast.regions.wharf
        )
        factories.add_occupancy(connection, cast.company, position_id=seat, person_id=lea.id)
    now = datetime.now(UTC)
    phone = Phone(roadbook, cast.ana.device)
    (id_,) = bring(phone, db, add_running(cast, db), cast.ana_stores[0], flagged=True)
    (turn,) = claim(db, lea, now=now)
    judged(db, lea, turn, END_CAP="UNCLEAR", now=now)
    stand(db, cast, now=now + timedelta(minutes=10))
    browser, place = office.browser(lea), f"/appeals/{id_}"
    text = browser.get(place).text
    assert "END_CAP as it stands" in text
    assert 'name="reason"' not in text
    form = {"_token": token_in(browser.get("/tasks/new")), "act": "appeal", "item": "END_CAP"}
    assert browser.post(place, data={**form, "reason": "x"}).status_code == 404
