"""What somebody sees only as an auditor is not theirs to act for, in any area of work; and nobody decides about their own."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine

from server.activities.errors import MayNotDecide as MayNotDecideRequest
from server.activities.errors import NoSuchActivityStore, NoSuchStore
from server.activities.stores import (
    approve_requests,
    enter_stores,
    list_activity_stores,
    refuse_stores,
)
from server.identity.change_log import Actor
from server.identity.errors import NoSuchPerson
from server.identity.permissions import positions_to_act_for, visible_positions
from server.measures.errors import NoSuchVisit
from server.measures.flag_decisions import decide_flag, list_flags
from server.orders.decisions import dispatch_orders
from server.orders.errors import CannotDeliver
from server.orders.order_list import list_deliverers, list_orders
from server.planning.conflicts import choose, list_conflicts
from server.planning.errors import MayNotDecide as MayNotDecidePlanning
from server.planning.errors import NoSuchConflict, NoSuchProposal
from server.planning.office_decisions import decide_proposal
from server.planning.office_people import hand_over_position
from server.planning.proposals import amend, approve, find_proposal, list_proposals, refuse
from server.planning.stores import edit_stores
from server.tasks.errors import BeyondScope, NoSuchCheck, NoSuchNotice, NoSuchTask
from server.tasks.errors import NoSuchPerson as NoSuchPersonToAsk
from server.tasks.errors import NoSuchPosition as NoSuchPositionToAsk
from server.tasks.location_checks import ask_location, list_checks, withdraw_check
from server.tasks.notices import NewNotice, Text, give_notice, recall_notice
from server.tasks.tasks import NewTask, give_tasks, list_tasks, withdraw_tasks
from server.tasks.whom import whom_to_ask
from sync.engine import Engine as SyncEngine
from sync.scope import rescope
from sync.unit_of_work import Database
from tests import factories
from tests.activities_factories import (
    NOW,
    add_activity,
    add_activity_store,
    add_location_check,
    add_notice,
    add_task,
)
from tests.factories import TODAY, Cast, Person, item, push_items
from tests.measures_factories import add_order, add_visit, moment

Refused = Callable[..., None]
OFFICE = Actor("Lea")


@pytest.fixture
def lea(cast: Cast, owner_engine: Engine) -> Person:
    """Manages South, where Ben is, and audits the company from the top of its tree: so she sees North, where Ana is."""
    with owner_engine.begin() as connection:
        lead = factories.add_holder(
            connection, cast.company, "Lea", "regional_manager", cast.regions.south
        )
        seat = factories.add_position(
            connection, cast.company, "AUD-LEA", role="auditor", region_id=cast.regions.wharf
        )
        factories.add_occupancy(connection, cast.company, position_id=seat, person_id=lead.id)
    return lead


@pytest.fixture
def ones_own(cast: Cast, db: Database, owner_engine: Engine) -> Person:
    """Sam oversees, and stands in on Ana's seat: what he sends from there he would see as her supervisor."""
    with owner_engine.begin() as connection:
        factories.add_occupancy(
            connection,
            cast.company,
            position_id=cast.ana.position_id,
            person_id=cast.sam.id,
            is_acting=True,
        )
    with db.company(cast.company.id) as uow:
        rescope(uow, [cast.sam.id], TODAY)
    return cast.sam


@pytest.fixture
def refused(cast: Cast, db: Database) -> Refused:
    """An act is refused like this, and nothing of it stays."""

    def check(error: type[Exception], act: Callable[..., Any], *args: Any, **named: Any) -> None:
        with pytest.raises(error), db.company(cast.company.id) as uow:
            act(uow, *args, **named)

    return check


def proposed(engine: SyncEngine, person: Person, store: UUID) -> UUID:
    changes = {"changes": {"name": "Anchor & Sons"}, "reason": "New sign"}
    sent = [item("store", "edit", store, changes, base_version=1)]
    return UUID(push_items(engine, person.device, sent)[0]["proposal_id"])


def clashed(engine: SyncEngine, first: Person, second: Person, store: UUID) -> UUID:
    results = []
    for person, address in ((first, "1 Bell Street"), (second, "2 Bell Street")):
        changes = {"changes": {"address": address}}
        edit = item("store", "edit", store, changes, base_version=1)
        results += push_items(engine, person.device, [edit])
    return UUID(results[1]["conflict_id"])


def test_an_auditor_sees_more_than_they_may_act_for(cast: Cast, db: Database, lea: Person) -> None:
    with db.reading(cast.company.id) as uow:
        seen = visible_positions(uow, lea.id, TODAY)
        theirs = positions_to_act_for(uow, lea.id, TODAY)
        assert positions_to_act_for(uow, None, TODAY) is None
        assert positions_to_act_for(uow, cast.sam.id, TODAY) == visible_positions(
            uow, cast.sam.id, TODAY
        )
    assert theirs is not None
    assert {cast.ana.position_id, cast.ben.position_id} <= seen
    assert cast.ben.position_id in theirs
    assert cast.ana.position_id not in theirs


def test_tasks_are_given_and_taken_back_where_one_acts(
    cast: Cast, db: Database, lea: Person, refused: Refused
) -> None:
    def new(person: Person) -> NewTask:
        return NewTask(sort="OTHER", text="Count", due_on=TODAY, position_id=person.position_id)

    who = {"today": TODAY, "asker_id": lea.id}
    with db.company(cast.company.id) as uow:
        anas, bens = (add_task(uow, one.position_id) for one in (cast.ana, cast.ben))
        assert [one.id for one in list_tasks(uow, **who)] == [bens]  # type: ignore[arg-type]
        asked = {one.id for one in whom_to_ask(uow, **who)}  # type: ignore[arg-type]
        assert cast.ben.position_id in asked
        assert cast.ana.position_id not in asked
        give_tasks(uow, OFFICE, [new(cast.ben)], **who)  # type: ignore[arg-type]
        withdraw_tasks(uow, OFFICE, [bens], "no more", **who)  # type: ignore[arg-type]
    refused(NoSuchPositionToAsk, give_tasks, OFFICE, [new(cast.ana)], **who)
    refused(NoSuchTask, withdraw_tasks, OFFICE, [anas], "no more", **who)


def test_notices_reach_only_those_for_whom_one_acts(
    cast: Cast, db: Database, lea: Person, refused: Refused
) -> None:
    def new(person: Person) -> NewNotice:
        return NewNotice(
            texts=[Text(language="en", title="Stocktake", body="On Friday.")],
            starts_on=TODAY,
            ends_on=TODAY + timedelta(days=2),
            audience="POSITIONS",
            audience_ids=[person.position_id],
        )

    who = {"today": TODAY, "asker_id": lea.id}
    with db.company(cast.company.id) as uow:
        anas = add_notice(uow, audience="POSITIONS", audience_ids=[cast.ana.position_id])
        bens = give_notice(uow, OFFICE, new(cast.ben), **who)  # type: ignore[arg-type]
        recall_notice(uow, OFFICE, bens, "no more", **who)  # type: ignore[arg-type]
    refused(BeyondScope, give_notice, OFFICE, new(cast.ana), **who)
    refused(NoSuchNotice, recall_notice, OFFICE, anas, "no more", **who)


def test_nobody_is_asked_where_they_are_by_who_audits_them(
    cast: Cast, db: Database, lea: Person, refused: Refused
) -> None:
    with db.company(cast.company.id) as uow:
        ask_location(uow, OFFICE, cast.ben.id, asker_id=lea.id, now=NOW)
        anas = add_location_check(uow, cast, cast.ana)
        listed = list_checks(uow, today=TODAY, asker_id=lea.id)
    assert [one.person for one in listed] == ["Ben"]
    refused(NoSuchPersonToAsk, ask_location, OFFICE, cast.ana.id, asker_id=lea.id, now=NOW)
    refused(NoSuchCheck, withdraw_check, OFFICE, anas, today=TODAY, asker_id=lea.id)


def test_orders_stand_in_the_list_and_go_out_where_one_acts(
    cast: Cast, db: Database, owner_engine: Engine, lea: Person, refused: Refused
) -> None:
    with owner_engine.begin() as connection:
        _, bens = (
            add_order(connection, cast.company, one, stores[0], [])
            for one, stores in ((cast.ana, cast.ana_stores), (cast.ben, cast.ben_stores))
        )
    with db.reading(cast.company.id) as uow:
        assert [one.id for one in list_orders(uow, asker_id=lea.id)] == [bens]
        by = {one.position_id for one in list_deliverers(uow, lea.id)}
    assert cast.ben.position_id in by
    assert cast.ana.position_id not in by
    refused(CannotDeliver, dispatch_orders, OFFICE, [bens], cast.ana.position_id, asker_id=lea.id)


def test_flags_are_decided_where_one_acts(
    cast: Cast, db: Database, owner_engine: Engine, lea: Person, refused: Refused
) -> None:
    with owner_engine.begin() as connection:
        anas, bens = (
            add_visit(connection, cast.company, one, stores[0], flags=["too_short"])
            for one, stores in ((cast.ana, cast.ana_stores), (cast.ben, cast.ben_stores))
        )
    now = moment(cast.company, TODAY, 20)
    with db.company(cast.company.id) as uow:
        assert [one.visit_id for one in list_flags(uow, TODAY, TODAY, asker_id=lea.id)] == [bens]
        decide_flag(uow, OFFICE, bens, "too_short", "ACCEPTED", "ok", now=now, asker_id=lea.id)
    refused(
        NoSuchVisit,
        decide_flag,
        OFFICE,
        anas,
        "too_short",
        "ACCEPTED",
        "ok",
        now=now,
        asker_id=lea.id,
    )


def test_proposals_and_conflicts_are_decided_where_one_acts(
    cast: Cast, db: Database, sync_engine: SyncEngine, lea: Person, refused: Refused
) -> None:
    anas = proposed(sync_engine, cast.ana, cast.ana_stores[1])
    bens = proposed(sync_engine, cast.ben, cast.ben_stores[1])
    conflict = clashed(sync_engine, cast.sam, cast.ana, cast.ana_stores[0])
    with db.reading(cast.company.id) as uow:
        theirs = positions_to_act_for(uow, lea.id, TODAY)
        assert [one.id for one in list_proposals(uow, seen=theirs)] == [bens]
        assert list_conflicts(uow, seen=theirs) == []
    refused(
        NoSuchProposal,
        decide_proposal,
        OFFICE,
        anas,
        changes=None,
        answer=None,
        place=None,
        knows_it_is_outdated=False,
        today=TODAY,
        asker_id=lea.id,
    )
    refused(NoSuchConflict, choose, OFFICE, conflict, {"address": "sent"}, seen=theirs)


def test_stores_come_into_activities_where_one_acts(
    cast: Cast, db: Database, lea: Person, refused: Refused
) -> None:
    who = {"today": TODAY, "asker_id": lea.id}
    with db.company(cast.company.id) as uow:
        activity = add_activity(uow)
        anas, bens = (
            add_activity_store(
                uow, activity, stores[0], state="REQUESTED", position_id=one.position_id
            )
            for one, stores in ((cast.ana, cast.ana_stores), (cast.ben, cast.ben_stores))
        )
        assert [one.id for one in list_activity_stores(uow, **who)] == [bens]  # type: ignore[arg-type]
        approve_requests(uow, OFFICE, [bens], **who)  # type: ignore[arg-type]
    refused(NoSuchActivityStore, approve_requests, OFFICE, [anas], **who)
    refused(NoSuchStore, enter_stores, OFFICE, activity, cast.ana_stores[1:], **who)


def test_a_position_goes_to_nobody_whom_one_only_audits(
    cast: Cast, lea: Person, refused: Refused
) -> None:
    refused(
        NoSuchPerson,
        hand_over_position,
        OFFICE,
        cast.ben.position_id,
        to_person_id=cast.ana.id,
        first_day=TODAY,
        last_day=None,
        is_acting=False,
        today=TODAY,
        asker_id=lea.id,
    )


def test_nobody_decides_about_their_own_proposal(
    cast: Cast, db: Database, sync_engine: SyncEngine, ones_own: Person, refused: Refused
) -> None:
    proposal = proposed(sync_engine, ones_own, cast.ana_stores[0])
    me = Actor(ones_own.name, ones_own.id)
    refused(MayNotDecidePlanning, approve, me, proposal, today=TODAY)
    refused(MayNotDecidePlanning, amend, me, proposal, {"name": "Anchors"}, today=TODAY)
    refused(MayNotDecidePlanning, refuse, me, proposal, "no")
    assert MayNotDecidePlanning.code == "may_not_decide"
    with db.company(cast.company.id) as uow:
        assert find_proposal(uow, proposal).state == "WAITING"
        approve(uow, Actor("Mia", cast.mia.id), proposal, today=TODAY)


def test_nobody_decides_between_their_own_edit_and_another(
    cast: Cast, db: Database, sync_engine: SyncEngine, refused: Refused
) -> None:
    conflict = clashed(sync_engine, cast.sam, cast.ana, cast.ana_stores[0])
    for one in (cast.sam, cast.ana):
        refused(
            MayNotDecidePlanning, choose, Actor(one.name, one.id), conflict, {"address": "sent"}
        )
    with db.company(cast.company.id) as uow:
        choose(uow, Actor("Mia", cast.mia.id), conflict, {"address": "sent"})


def test_what_somebody_set_on_a_page_is_the_office_s_and_they_may_decide_about_it(
    cast: Cast, db: Database, sync_engine: SyncEngine
) -> None:
    mia, store = Actor("Mia", cast.mia.id), cast.ana_stores[0]
    with db.company(cast.company.id) as uow:
        edit_stores(uow, mia, {store: {"address": "9 Bell Street"}})
    changes = {"changes": {"address": "2 Bell Street"}}
    edit = item("store", "edit", store, changes, base_version=1)
    conflict = UUID(push_items(sync_engine, cast.ana.device, [edit])[0]["conflict_id"])
    with db.company(cast.company.id) as uow:
        choose(uow, mia, conflict, {"address": "held"})


def test_nobody_decides_about_their_own_request(
    cast: Cast, db: Database, ones_own: Person, refused: Refused
) -> None:
    who = {"today": TODAY, "asker_id": ones_own.id}
    with db.company(cast.company.id) as uow:
        activity = add_activity(uow)
        asked = add_activity_store(
            uow,
            activity,
            cast.ana_stores[0],
            state="REQUESTED",
            position_id=cast.ana.position_id,
            person_id=ones_own.id,
        )
        (listed,) = list_activity_stores(uow, **who)  # type: ignore[arg-type]
        assert listed.is_asked_by(ones_own.id)
    refused(MayNotDecideRequest, approve_requests, OFFICE, [asked], **who)
    refused(MayNotDecideRequest, refuse_stores, OFFICE, [asked], "no", **who)
    with db.company(cast.company.id) as uow:
        approve_requests(uow, OFFICE, [asked], today=TODAY, asker_id=cast.mia.id)
