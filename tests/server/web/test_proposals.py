"""What reps ask for is decided on pages, beside what is, by those whose positions it concerns."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine

from sync.engine import Engine as SyncEngine
from sync.kinds import ALL_KINDS
from sync.unit_of_work import Database
from tests import factories
from tests.factories import Cast, item, pull_all, push_items, rule
from tests.server.web.conftest import SECRET, Office, token_in

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
