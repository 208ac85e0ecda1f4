"""What reps ask for is decided on pages, beside what is, by those whose positions it concerns."""

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine

from sync.engine import Engine as SyncEngine
from sync.kinds import ALL_KINDS
from sync.kinds.day_plan.publish import publish_day_plans
from sync.unit_of_work import Database
from tests import factories
from tests.factories import Cast, item, pull_all, push_items, rule
from tests.server.web.conftest import Office, token_in
from tests.standing import SECRET

Propose = Callable[..., UUID]


@pytest.fixture
def roadbook(db: Database) -> SyncEngine:
    return SyncEngine(db, ALL_KINDS, SECRET)


@pytest.fixture
def propose(roadbook: SyncEngine, cast: Cast) -> Propose:
    """Ana proposes something; its id."""

    def push(*args: Any, **kwargs: Any) -> UUID:
        (result,) = push_items(roadbook, cast.ana.device, [item(*args, **kwargs)])
        return UUID(result["proposal_id"])

    return push


def shorter(cast: Cast, propose: Propose) -> UUID:
    """Two of three stops, the other way round, one by another rule."""
    one, _, three = cast.ana_stores
    stops = [
        {"store_id": str(three), "rule": rule(weekdays=[2])},
        {"store_id": str(one), "rule": rule()},
    ]
    for stop in stops:
        del stop["rule"]["ends_on"]  # type: ignore[attr-defined]
    payload = {"reason": "The bridge is closed", "stops": stops}
    return propose("route", "propose", cast.ana_route, payload, base_version=1)


def test_a_proposed_route_is_seen_beside_what_is_and_approved(
    office: Office, cast: Cast, db: Database, propose: Propose, roadbook: SyncEngine
) -> None:
    proposal = shorter(cast, propose)
    mia = office.browser(cast.mia)
    assert "The bridge is closed" in mia.get("/routes/proposals").text
    page = mia.get(f"/routes/proposals/{proposal}")
    assert page.text.count(">taken out<") == 1
    assert page.text.count(">other rule<") == 1
    form = {"_token": token_in(page), "act": "approve"}
    assert mia.post(f"/routes/proposals/{proposal}", data=form).status_code == 303
    with db.reading(cast.company.id) as uow:
        rows = uow.rows(
            "select store_id from route_stop where route_id = :route order by sequence",
            route=cast.ana_route,
        )
    assert [row.store_id for row in rows] == [cast.ana_stores[2], cast.ana_stores[0]]
    changes, _ = pull_all(roadbook, cast.ana.device)
    (told,) = [one for one in changes if one["id"] == str(proposal)]
    assert told["fields"]["state"] == "APPROVED"
    assert "The bridge is closed" in mia.get("/routes/proposals?state=APPROVED").text
    again = mia.post(f"/routes/proposals/{proposal}", data=form, follow_redirects=True)
    assert "This was decided meanwhile." in again.text


def test_a_refusal_wants_a_reason(
    office: Office, cast: Cast, propose: Propose, roadbook: SyncEngine
) -> None:
    changes = {"changes": {"name": "Anchor & Sons"}, "reason": "New sign"}
    proposal = propose("store", "edit", cast.ana_stores[0], changes, base_version=1)
    mia = office.browser(cast.mia)
    page = mia.get(f"/routes/proposals/{proposal}")
    assert "Anchor &amp; Sons" in page.text
    form = {"_token": token_in(page), "act": "refuse", "reason": ""}
    told = mia.post(f"/routes/proposals/{proposal}", data=form, follow_redirects=True).text
    assert 'role="alert"' in told
    mia.post(f"/routes/proposals/{proposal}", data=form | {"reason": "Keep the old name"})
    pulled, _ = pull_all(roadbook, cast.ana.device)
    (held,) = [one["fields"] for one in pulled if one["id"] == str(proposal)]
    assert (held["state"], held["answer"]) == ("REFUSED", "Keep the old name")


def test_a_proposal_of_another_region_is_not_there(
    office: Office, cast: Cast, db: Database, owner_engine: Engine, propose: Propose
) -> None:
    proposals = [shorter(cast, propose)]
    changes = {"changes": {"name": "Anchor & Sons"}, "reason": "New sign"}
    proposals.append(propose("store", "edit", cast.ana_stores[0], changes, base_version=1))
    with owner_engine.begin() as connection:
        seat = factories.add_position(
            connection, cast.company, "south", role="regional_manager", region_id=cast.regions.south
        )
        person_id = factories.add_person(connection, cast.company, "Sue")
        factories.add_occupancy(connection, cast.company, position_id=seat, person_id=person_id)
        device = factories.add_device(connection, cast.company, "sue", person_id=person_id)
    sue = office.browser(factories.Person(person_id, "Sue", seat, device))
    listed = sue.get("/routes/proposals")
    assert "New sign" not in listed.text
    assert "The bridge is closed" not in listed.text
    token = token_in(sue.get("/orders/"))
    for proposal in proposals:
        assert sue.get(f"/routes/proposals/{proposal}").status_code == 404
        form = {"_token": token, "act": "approve"}
        assert sue.post(f"/routes/proposals/{proposal}", data=form).status_code == 404
    assert office.browser(cast.sam).get("/routes/proposals").status_code == 404


def test_what_approving_does_to_phones_and_weeks_is_shown_first(
    office: Office, cast: Cast, db: Database, propose: Propose
) -> None:
    proposal = shorter(cast, propose)
    mia = office.browser(cast.mia)
    page = mia.get(f"/routes/proposals/{proposal}")
    assert 'id="proposal-map"' in page.text
    form = {"_token": token_in(page)}
    told = mia.post(f"/routes/proposals/{proposal}/rehearse", data=form).text
    assert "<td>Ana</td>" in told
    assert "Six weeks of" in told
    assert ">Approve<" in told
    with db.reading(cast.company.id) as uow:
        assert uow.rows("select state from proposal")[0].state == "WAITING"
        assert len(uow.rows("select from route_stop where route_id = :id", id=cast.ana_route)) == 3


def test_stops_are_decided_otherwise(
    office: Office, cast: Cast, db: Database, propose: Propose, roadbook: SyncEngine
) -> None:
    proposal = shorter(cast, propose)
    mia = office.browser(cast.mia)
    editor = mia.get(f"/routes/proposals/{proposal}/amend")
    assert "decided otherwise" in editor.text
    _, two, three = cast.ana_stores
    stops = [[str(two), 0], [str(three), 0]]
    form = {
        "_token": token_in(editor),
        "act": "approve",
        "sheet": json.dumps({"rules": [rule()], "stops": stops}),
        "reason": "Keep the second",
    }
    path = f"/routes/proposals/{proposal}"
    assert ">Decide like this<" in mia.post(f"{path}/rehearse", data=form).text
    empty = form | {"sheet": json.dumps({"rules": [], "stops": []})}
    kept = mia.post(path, data=empty)
    assert kept.status_code == 422
    assert "no stop would be left" in kept.text
    assert "Keep the second" in kept.text
    assert mia.post(path, data=form).status_code == 303
    with db.reading(cast.company.id) as uow:
        rows = uow.rows(
            "select store_id from route_stop where route_id = :id order by sequence",
            id=cast.ana_route,
        )
    assert [row.store_id for row in rows] == [two, three]
    changes, _ = pull_all(roadbook, cast.ana.device)
    (told,) = [each["fields"] for each in changes if each["id"] == str(proposal)]
    assert (told["state"], told["answer"]) == ("AMENDED", "Keep the second")
    assert mia.get(f"{path}/amend").status_code == 404


def test_a_day_plan_is_decided_otherwise(
    office: Office, cast: Cast, db: Database, owner_engine: Engine, propose: Propose
) -> None:
    one, two, three = cast.ana_stores
    with owner_engine.begin() as connection:
        plan = factories.add_day_plan(
            connection,
            cast.company,
            position_id=cast.ana.position_id,
            day=factories.TODAY,
            store_ids=[one, two],
        )
    with db.company(cast.company.id) as uow:
        publish_day_plans(uow, [plan], factories.TODAY)
    payload = {"reason": "Two first", "stops": [{"store_id": str(two)}, {"store_id": str(one)}]}
    proposal = propose("day_plan", "propose", plan, payload, base_version=1)
    mia = office.browser(cast.mia)
    editor = mia.get(f"/routes/proposals/{proposal}/amend")
    assert str(two) in editor.text
    always = rule(weekdays=[1, 2, 3, 4, 5, 6, 7])
    sheet = {"rules": [always], "stops": [[str(three), 0], [str(two), 0]]}
    form = {"_token": token_in(editor), "act": "approve", "sheet": json.dumps(sheet)}
    assert mia.post(f"/routes/proposals/{proposal}", data=form).status_code == 303
    with db.reading(cast.company.id) as uow:
        rows = uow.rows(
            "select store_id from day_plan_stop where day_plan_id = :id and plan_version = 2"
            " order by sequence",
            id=plan,
        )
    assert [row.store_id for row in rows] == [three, two]


def test_a_store_is_decided_otherwise_and_a_new_one_put_where_it_belongs(
    office: Office, cast: Cast, db: Database, propose: Propose
) -> None:
    changes = {"changes": {"name": "Anchor & Sons"}, "reason": "New sign"}
    proposal = propose("store", "edit", cast.ana_stores[0], changes, base_version=1)
    mia = office.browser(cast.mia)
    page = mia.get(f"/routes/proposals/{proposal}")
    form = {"_token": token_in(page), "act": "approve", "set-name": "Anchor and Sons"}
    told = mia.post(f"/routes/proposals/{proposal}/rehearse", data=form).text
    assert ">Decide like this<" in told
    too_long = mia.post(f"/routes/proposals/{proposal}", data=form | {"set-name": "x" * 500})
    assert too_long.status_code == 422
    assert mia.post(f"/routes/proposals/{proposal}", data=form).status_code == 303
    new = {
        "name": "Quay 7",
        "channel": "TRADITIONAL",
        "store_class": None,
        "address": "",
        "contact_name": None,
        "contact_phone": None,
        "opening_hours": None,
        "delivery_note": None,
        "pin": None,
    }
    store_id = uuid4()
    proposal = propose("store", "create", store_id, new)
    page = mia.get(f"/routes/proposals/{proposal}")
    form = {"_token": token_in(page), "act": "approve"}
    told = mia.post(f"/routes/proposals/{proposal}/rehearse", data=form).text
    assert 'role="alert"' in told
    form |= {
        "code": "Q7",
        "region": str(cast.regions.south),
        "position": str(cast.ben.position_id),
    }
    told = mia.post(f"/routes/proposals/{proposal}/rehearse", data=form).text
    assert "<td>Ben</td>" in told
    assert "<td>Ana</td>" in told
    for lat in ("north", "nan", "91", "1e999999"):
        wrong = form | {"set-pin-lat": lat, "set-pin-lon": "1"}
        kept = mia.post(f"/routes/proposals/{proposal}", data=wrong)
        assert "latitude and longitude in degrees" in kept.text, lat
    assert 'value="Q7"' in kept.text
    pinned = form | {"set-pin-lat": "31.25", "set-pin-lon": "121.5"}
    assert mia.post(f"/routes/proposals/{proposal}", data=pinned).status_code == 303
    with db.reading(cast.company.id) as uow:
        names = {
            row.id: row
            for row in uow.rows("select id, name, code, region_id, position_id, lat_e7 from store")
        }
    assert names[cast.ana_stores[0]].name == "Anchor and Sons"
    made = names[store_id]
    assert (made.code, made.region_id, made.position_id, made.lat_e7) == (
        "Q7",
        cast.regions.south,
        cast.ben.position_id,
        312_500_000,
    )


def test_stores_out_of_sight_are_not_decided_on(
    office: Office, cast: Cast, owner_engine: Engine, propose: Propose
) -> None:
    proposal = shorter(cast, propose)
    with owner_engine.begin() as connection:
        seat = factories.add_position(
            connection, cast.company, "north", role="regional_manager", region_id=cast.regions.north
        )
        person_id = factories.add_person(connection, cast.company, "Nora")
        factories.add_occupancy(connection, cast.company, position_id=seat, person_id=person_id)
        device = factories.add_device(connection, cast.company, "nora", person_id=person_id)
    nora = office.browser(factories.Person(person_id, "Nora", seat, device))
    token = token_in(nora.get(f"/routes/proposals/{proposal}"))
    sheet = {"rules": [rule()], "stops": [[str(cast.ben_stores[0]), 0]]}
    form = {"_token": token, "act": "approve", "sheet": json.dumps(sheet)}
    assert nora.post(f"/routes/proposals/{proposal}", data=form).status_code == 404
    assert nora.post(f"/routes/proposals/{proposal}/rehearse", data=form).status_code == 404
