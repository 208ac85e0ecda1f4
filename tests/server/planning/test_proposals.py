from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest

from server.identity.change_log import Actor
from server.planning.day_plans import make_day_plans, plan_id
from server.planning.errors import (
    AlreadyDecided,
    CodeTaken,
    FieldInvalid,
    NoSuchProposal,
    Outdated,
    StopsInvalid,
)
from server.planning.proposals import (
    NewStorePlace,
    amend,
    approve,
    find_proposal,
    list_proposals,
    refuse,
)
from server.planning.routes import set_stops
from server.planning.rules import Stop
from server.planning.stores import close_stores, edit_stores
from sync.engine import Engine as SyncEngine
from sync.unit_of_work import Database
from tests import factories
from tests.factories import TODAY, Cast, Person, item, pull_all, push_items, rule

Propose = Callable[..., UUID]
NEW_STORE = {
    "name": "Lantern",
    "channel": "kiosk",
    "address": "2 Quay",
    "pin": {"lat_e7": 313_600_000, "lon_e7": 1_215_100_000, "datum": "WGS84", "accuracy_cm": 900},
}


@pytest.fixture
def propose(sync_engine: SyncEngine) -> Propose:
    """Push an item that waits as a proposal; the proposal's id."""

    def push(person: Person, *args: Any, **kwargs: Any) -> UUID:
        (result,) = push_items(sync_engine, person.device, [item(*args, **kwargs)])
        return UUID(result["proposal_id"])

    return push


@pytest.fixture
def told(sync_engine: SyncEngine) -> Callable[[Person, UUID], dict[str, Any]]:
    """A record as somebody's phone has it after a pull."""

    def look(person: Person, record_id: UUID) -> dict[str, Any]:
        changes, _ = pull_all(sync_engine, person.device)
        (found,) = [change for change in changes if change["id"] == str(record_id)]
        fields: dict[str, Any] = found["fields"]
        return fields

    return look


def rename(cast: Cast, propose: Propose, name: str = "Anchor & Sons") -> UUID:
    changes = {"changes": {"name": name}, "reason": "New sign"}
    return propose(cast.ana, "store", "edit", cast.ana_stores[0], changes, base_version=1)


def test_an_approved_edit_changes_the_store_and_tells_its_proposer(
    cast: Cast, db: Database, office: Actor, propose: Propose, told: Callable[..., Any]
) -> None:
    proposal_id = rename(cast, propose)
    assert told(cast.ana, proposal_id)["state"] == "WAITING"
    with db.company(cast.company.id) as uow:
        done = approve(uow, office, proposal_id, today=TODAY, answer="Seen it")
    assert (done.state, done.decided_by) == ("APPROVED", "the office")
    record = told(cast.ana, proposal_id)
    assert (record["state"], record["answer"]) == ("APPROVED", "Seen it")
    assert record["decided_at"] is not None
    assert told(cast.ana, cast.ana_stores[0])["name"] == "Anchor & Sons"


def test_a_list_shows_who_waits_for_what(cast: Cast, db: Database, propose: Propose) -> None:
    proposal_id = rename(cast, propose)
    with db.reading(cast.company.id) as uow:
        (waiting,) = list_proposals(uow)
    assert waiting.id == proposal_id
    assert (waiting.subject, waiting.proposer) == ("Anchor", "Ana")
    assert waiting.changes == {"name": "Anchor & Sons"}
    assert waiting.held == {"name": "Anchor"}
    assert waiting.reason == "New sign"
    assert not waiting.is_outdated


def test_a_refused_edit_changes_nothing_and_says_why(
    cast: Cast, db: Database, office: Actor, propose: Propose, told: Callable[..., Any]
) -> None:
    proposal_id = rename(cast, propose)
    with pytest.raises(FieldInvalid), db.company(cast.company.id) as uow:
        refuse(uow, office, proposal_id, "  ")
    with db.company(cast.company.id) as uow:
        refuse(uow, office, proposal_id, "The sign is a poster")
    record = told(cast.ana, proposal_id)
    assert (record["state"], record["answer"]) == ("REFUSED", "The sign is a poster")
    assert told(cast.ana, cast.ana_stores[0])["name"] == "Anchor"


def test_an_amended_edit_does_what_was_decided_and_keeps_what_was_proposed(
    cast: Cast, db: Database, office: Actor, propose: Propose, told: Callable[..., Any]
) -> None:
    proposal_id = rename(cast, propose)
    with db.company(cast.company.id) as uow:
        amend(uow, office, proposal_id, {"name": "Anchor and Sons"}, today=TODAY)
    assert told(cast.ana, cast.ana_stores[0])["name"] == "Anchor and Sons"
    record = told(cast.ana, proposal_id)
    assert record["state"] == "AMENDED"
    assert record["changes"] == {"name": "Anchor & Sons"}


def test_a_proposal_is_decided_once(
    cast: Cast, db: Database, office: Actor, propose: Propose
) -> None:
    proposal_id = rename(cast, propose)
    with db.company(cast.company.id) as uow:
        approve(uow, office, proposal_id, today=TODAY)
    with pytest.raises(AlreadyDecided, match="approved"), db.company(cast.company.id) as uow:
        refuse(uow, office, proposal_id, "Too late")
    with pytest.raises(NoSuchProposal), db.company(cast.company.id) as uow:
        approve(uow, office, uuid4(), today=TODAY)


def test_a_proposal_against_something_that_changed_is_only_approved_knowingly(
    cast: Cast, db: Database, office: Actor, propose: Propose, told: Callable[..., Any]
) -> None:
    proposal_id = rename(cast, propose)
    with db.company(cast.company.id) as uow:
        edit_stores(uow, office, {cast.ana_stores[0]: {"name": "Anchorage"}})
    with db.reading(cast.company.id) as uow:
        assert find_proposal(uow, proposal_id).outdated_fields == ("name",)
    with pytest.raises(Outdated, match="name"), db.company(cast.company.id) as uow:
        approve(uow, office, proposal_id, today=TODAY)
    with db.company(cast.company.id) as uow:
        approve(uow, office, proposal_id, today=TODAY, knows_it_is_outdated=True)
    assert told(cast.ana, cast.ana_stores[0])["name"] == "Anchor & Sons"


def test_a_change_of_another_field_does_not_make_a_proposal_outdated(
    cast: Cast, db: Database, office: Actor, propose: Propose
) -> None:
    changes = {"changes": {"name": "Anchor & Sons", "address": "9 Quay"}}
    proposal_id = propose(cast.ana, "store", "edit", cast.ana_stores[0], changes, base_version=1)
    with db.company(cast.company.id) as uow:
        edit_stores(uow, office, {cast.ana_stores[0]: {"fence_radius_m": 90}})
        assert not find_proposal(uow, proposal_id).is_outdated
        approve(uow, office, proposal_id, today=TODAY)


def test_a_new_store_becomes_one_with_the_companys_code_and_the_region_of_its_pin(
    cast: Cast,
    db: Database,
    office: Actor,
    propose: Propose,
    told: Callable[..., Any],
    visible_to: Callable[[Person], set[UUID]],
) -> None:
    store_id = uuid4()
    proposal_id = propose(cast.ana, "store", "create", store_id, NEW_STORE)
    assert store_id not in visible_to(cast.sam)
    with pytest.raises(FieldInvalid, match="code"), db.company(cast.company.id) as uow:
        approve(uow, office, proposal_id, today=TODAY)
    with db.company(cast.company.id) as uow:
        approve(uow, office, proposal_id, today=TODAY, place=NewStorePlace(code="L1"))
    store = told(cast.ana, store_id)
    assert (store["status"], store["code"]) == ("ACTIVE", "L1")
    assert store["region_id"] == str(cast.regions.north)
    assert store_id in visible_to(cast.sam)
    assert store_id not in visible_to(cast.ben)


@pytest.mark.parametrize("is_amended", [False, True])
def test_a_pin_that_no_photo_vouched_for_is_set_when_its_new_store_is_approved(
    cast: Cast,
    db: Database,
    office: Actor,
    propose: Propose,
    told: Callable[..., Any],
    is_amended: bool,
) -> None:
    store_id = uuid4()
    proposal_id = propose(cast.ana, "store", "create", store_id, NEW_STORE)
    assert told(cast.ana, store_id)["pin"] is None
    place = NewStorePlace(code="L1")
    with db.company(cast.company.id) as uow:
        if is_amended:
            amend(uow, office, proposal_id, {"name": "Lamp"}, today=TODAY, place=place)
        else:
            approve(uow, office, proposal_id, today=TODAY, place=place)
    held = told(cast.ana, store_id)
    assert held["name"] == ("Lamp" if is_amended else "Lantern")
    assert held["pin"] == {"lat_e7": 313_600_000, "lon_e7": 1_215_100_000}


def test_a_new_store_whose_code_is_taken_stays_a_proposal(
    cast: Cast, db: Database, office: Actor, propose: Propose
) -> None:
    proposal_id = propose(cast.ana, "store", "create", uuid4(), NEW_STORE)
    place = NewStorePlace(code="ANCHOR")
    with pytest.raises(CodeTaken), db.company(cast.company.id) as uow:
        approve(uow, office, proposal_id, today=TODAY, place=place)
    with db.reading(cast.company.id) as uow:
        assert find_proposal(uow, proposal_id).state == "WAITING"


def test_a_new_store_outside_of_every_region_needs_one_named(
    cast: Cast, db: Database, office: Actor, propose: Propose
) -> None:
    proposal_id = propose(cast.ana, "store", "create", uuid4(), {**NEW_STORE, "pin": None})
    with pytest.raises(FieldInvalid, match="region_id"), db.company(cast.company.id) as uow:
        approve(uow, office, proposal_id, today=TODAY, place=NewStorePlace(code="L1"))
    place = NewStorePlace(code="L1", region_id=cast.regions.south, position_id=cast.ben.position_id)
    with db.company(cast.company.id) as uow:
        approve(uow, office, proposal_id, today=TODAY, place=place)


def test_a_refused_store_stays_known_to_its_proposer_alone(
    cast: Cast,
    db: Database,
    office: Actor,
    propose: Propose,
    told: Callable[..., Any],
    visible_to: Callable[[Person], set[UUID]],
) -> None:
    store_id = uuid4()
    proposal_id = propose(cast.ana, "store", "create", store_id, NEW_STORE)
    with db.company(cast.company.id) as uow:
        refuse(uow, office, proposal_id, "We know it as Beacon")
    assert told(cast.ana, store_id)["status"] == "REFUSED"
    assert all(
        store_id not in visible_to(person) for person in cast.people if person is not cast.ana
    )


def test_an_approved_route_has_the_proposed_stops_and_keeps_windows_not_spoken_of(
    cast: Cast, db: Database, office: Actor, propose: Propose
) -> None:
    one, two, three = cast.ana_stores
    with db.company(cast.company.id) as uow:
        held = rule(open_from_min=600, open_until_min=720)
        set_stops(uow, office, cast.ana_route, [Stop(one, held), Stop(three, rule())], today=TODAY)
    silent = {k: v for k, v in rule().items() if not k.startswith("open_")}
    stops = [{"store_id": str(two), "rule": rule()}, {"store_id": str(one), "rule": silent}]
    proposal_id = propose(
        cast.ana, "route", "propose", cast.ana_route,
        {"reason": "Shorter", "stops": stops}, base_version=2,
    )  # fmt: skip
    with db.company(cast.company.id) as uow:
        approve(uow, office, proposal_id, today=TODAY)
        rows = uow.rows(
            "select store_id, rule from route_stop where route_id = :route order by sequence",
            route=cast.ana_route,
        )
    assert [(row.store_id, row.rule["open_from_min"]) for row in rows] == [(two, None), (one, 600)]


def test_a_route_proposal_with_a_store_that_is_no_store_waits_for_amendment(
    cast: Cast, db: Database, office: Actor, propose: Propose
) -> None:
    stops = [{"store_id": str(uuid4()), "rule": rule()}]
    proposal_id = propose(
        cast.ana, "route", "propose", cast.ana_route,
        {"reason": "New", "stops": stops}, base_version=1,
    )  # fmt: skip
    with pytest.raises(StopsInvalid), db.company(cast.company.id) as uow:
        approve(uow, office, proposal_id, today=TODAY)
    amended = {"stops": [{"store_id": str(cast.ana_stores[2]), "rule": rule()}]}
    with db.company(cast.company.id) as uow:
        assert amend(uow, office, proposal_id, amended, today=TODAY).state == "AMENDED"


def test_an_approved_day_is_a_new_version_that_routes_do_not_make_again(
    planned: Cast, db: Database, office: Actor, propose: Propose, told: Callable[..., Any]
) -> None:
    cast = planned
    plan = plan_id(cast.ana.position_id, TODAY)
    wanted = [str(cast.ana_stores[2]), str(cast.ana_stores[0])]
    payload = {"reason": "Road closed", "stops": [{"store_id": id_} for id_ in wanted]}
    proposal_id = propose(cast.ana, "day_plan", "propose", plan, payload, base_version=1)
    with db.company(cast.company.id) as uow:
        approve(uow, office, proposal_id, today=TODAY)
    held = told(cast.ana, plan)
    assert held["plan_version"] == 2
    assert [stop["store_id"] for stop in held["stops"]] == wanted
    with db.company(cast.company.id) as uow:
        done = make_day_plans(uow, [cast.ana.position_id], TODAY, TODAY, today=TODAY)
    assert (done.made, done.remade, done.versioned) == (0, 0, 0)


def test_closed_stores_leave_plans_that_somebody_decided_as_well(
    cast: Cast, db: Database, office: Actor, propose: Propose, told: Callable[..., Any]
) -> None:
    with db.company(cast.company.id) as uow:
        make_day_plans(uow, [cast.ana.position_id], TODAY, TODAY, today=TODAY)
    plan = plan_id(cast.ana.position_id, TODAY)
    stops = [{"store_id": str(id_)} for id_ in cast.ana_stores[:2]]
    payload = {"reason": "Road closed", "stops": stops}
    proposal_id = propose(cast.ana, "day_plan", "propose", plan, payload, base_version=1)
    added, theirs, kept = cast.ben_stores[0], *cast.ana_stores[:2]
    with db.company(cast.company.id) as uow:
        changes = {"stops": [{"store_id": str(id_)} for id_ in (added, theirs, kept)]}
        amend(uow, office, proposal_id, changes, today=TODAY)
    assert told(cast.ana, plan)["plan_version"] == 2
    for closed, left in ((added, [theirs, kept]), (theirs, [kept])):
        with db.company(cast.company.id) as uow:
            close_stores(uow, office, [closed], today=TODAY)
        now = [stop["store_id"] for stop in told(cast.ana, plan)["stops"]]
        assert now == [str(id_) for id_ in left]


def test_a_decision_that_fails_leaves_everything_as_it_was(
    cast: Cast, db: Database, office: Actor, propose: Propose, told: Callable[..., Any]
) -> None:
    proposal_id = rename(cast, propose)

    class PowerCutError(Exception):
        pass

    def approve_and_fail() -> None:
        with db.company(cast.company.id) as uow:
            approve(uow, office, proposal_id, today=TODAY)
            raise PowerCutError

    with pytest.raises(PowerCutError):
        approve_and_fail()
    assert told(cast.ana, proposal_id)["state"] == "WAITING"
    assert told(cast.ana, cast.ana_stores[0])["name"] == "Anchor"


def test_another_companys_proposal_is_not_there(
    cast: Cast, db: Database, owner_engine: Any, office: Actor, propose: Propose
) -> None:
    other = factories.make_cast(owner_engine, db)
    theirs = rename(other, propose)
    with db.company(cast.company.id) as uow:
        assert list_proposals(uow) == []
    with pytest.raises(NoSuchProposal), db.company(cast.company.id) as uow:
        approve(uow, office, theirs, today=TODAY)
