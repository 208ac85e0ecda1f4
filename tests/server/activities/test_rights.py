"""Who may see and run which activities, by the seats that they hold."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from click.testing import Result
from sqlalchemy import Engine

from server.activities.activities import (
    approve_activity,
    edit_activity,
    end_activity,
    make_activity,
    open_activity,
    reopen_activity,
    settle_activity,
    suspend_activity,
)
from server.activities.activity_list import list_activities
from server.activities.errors import BeyondScope, NoSuchActivity, NoSuchActivityStore, NoSuchStore
from server.activities.stores import approve_requests, enter_stores, refuse_stores
from server.activities.terms import NewActivity
from server.identity.change_log import Actor
from sync.organisation import division
from sync.unit_of_work import Database, UnitOfWork
from tests.activities_factories import add_activity, add_activity_store
from tests.factories import TODAY, Cast, add_occupancy, add_person, add_position

DAY = timedelta(days=1)
OFFICE = Actor.command("the office")


def draft(*regions: UUID, **terms: Any) -> NewActivity:
    return NewActivity(
        name="End caps",
        starts_on=TODAY + DAY,
        ends_on=TODAY + 20 * DAY,
        region_ids=regions,
        **terms,
    )


@pytest.fixture
def drinks(cast: Cast, db: Database) -> UUID:
    id_ = uuid4()
    with db.company(cast.company.id) as uow:
        uow.connection.execute(
            division.insert().values(
                company_id=uow.company_id, id=id_, code="DRINKS", name="Drinks"
            )
        )
    return id_


@pytest.fixture
def rob(cast: Cast, owner_engine: Engine) -> UUID:
    """A regional manager of the harbour, which is Ana's and Ben's, not of the whole Wharf."""
    return manager(cast, owner_engine, "Rob", cast.regions.harbour)


def manager(
    cast: Cast, owner_engine: Engine, name: str, region: UUID, division_id: UUID | None = None
) -> UUID:
    with owner_engine.begin() as connection:
        person = add_person(connection, cast.company, name)
        seat = add_position(
            connection,
            cast.company,
            f"RM-{name}".upper(),
            role="regional_manager",
            region_id=region,
        )
        add_occupancy(connection, cast.company, position_id=seat, person_id=person)
    with owner_engine.begin() as connection:
        connection.exec_driver_sql(
            "update position set division_id = %s where id = %s", (division_id, seat)
        )
    return person


ACTS: dict[str, Callable[[UnitOfWork, UUID, UUID], object]] = {
    "edit": lambda u, a, who: edit_activity(
        u, OFFICE, a, {"name": "Caps"}, today=TODAY, asker_id=who
    ),
    "approve": lambda u, a, who: approve_activity(u, OFFICE, a, today=TODAY, asker_id=who),
    "open": lambda u, a, who: open_activity(u, OFFICE, a, today=TODAY, asker_id=who),
    "suspend": lambda u, a, who: suspend_activity(
        u, OFFICE, a, "No goods", today=TODAY, asker_id=who
    ),
    "reopen": lambda u, a, who: reopen_activity(u, OFFICE, a, today=TODAY, asker_id=who),
    "end": lambda u, a, who: end_activity(u, OFFICE, a, today=TODAY, asker_id=who),
    "settle": lambda u, a, who: settle_activity(u, OFFICE, a, today=TODAY, asker_id=who),
}


def test_an_admin_runs_every_activity_from_draft_to_settlement(cast: Cast, db: Database) -> None:
    with db.company(cast.company.id) as uow:
        made = make_activity(uow, OFFICE, draft(), asker_id=cast.ada.id, today=TODAY)
        for act in ACTS.values():
            act(uow, made, cast.ada.id)


def test_a_regional_manager_runs_activities_of_their_regions(
    cast: Cast, db: Database, rob: UUID
) -> None:
    with db.company(cast.company.id) as uow:
        made = make_activity(uow, OFFICE, draft(cast.regions.north), asker_id=rob, today=TODAY)
        for act in ACTS.values():
            act(uow, made, rob)


@pytest.mark.parametrize("act", sorted(ACTS))
def test_an_activity_of_every_region_is_seen_below_and_run_by_an_admin_alone(
    cast: Cast, db: Database, rob: UUID, act: str
) -> None:
    with db.company(cast.company.id) as uow:
        for_all = add_activity(uow)
        for who in (rob, cast.sam.id, cast.ana.id):
            with pytest.raises(BeyondScope):
                ACTS[act](uow, for_all, who)


@pytest.mark.parametrize("act", sorted(ACTS))
def test_a_draft_of_others_is_not_there(cast: Cast, db: Database, rob: UUID, act: str) -> None:
    with db.company(cast.company.id) as uow:
        wharf = add_activity(uow, state="DRAFT", region_ids=[cast.regions.wharf])
        norths = add_activity(uow, state="DRAFT", region_ids=[cast.regions.north])
        for draft_id, who in ((wharf, rob), (norths, cast.sam.id), (norths, cast.ana.id)):
            with pytest.raises(NoSuchActivity):
                ACTS[act](uow, draft_id, who)


def test_nobody_makes_an_activity_for_regions_beyond_their_own(
    cast: Cast, db: Database, rob: UUID
) -> None:
    with db.company(cast.company.id) as uow:
        for who, regions in (
            (rob, []),
            (rob, [cast.regions.wharf]),
            (rob, [cast.regions.north, cast.regions.wharf]),
            (cast.sam.id, [cast.regions.north]),
            (cast.ana.id, [cast.regions.north]),
            (cast.aki.id, [cast.regions.north]),
        ):
            with pytest.raises(BeyondScope), uow.connection.begin_nested():
                make_activity(uow, OFFICE, draft(*regions), asker_id=who, today=TODAY)


def test_nobody_takes_an_activity_beyond_their_own_regions(
    cast: Cast, db: Database, rob: UUID
) -> None:
    with db.company(cast.company.id) as uow:
        made = make_activity(uow, OFFICE, draft(cast.regions.north), asker_id=rob, today=TODAY)
        changes = {"region_ids": [cast.regions.north, cast.regions.wharf]}
        with pytest.raises(BeyondScope):
            edit_activity(uow, OFFICE, made, changes, today=TODAY, asker_id=rob)


def test_a_manager_of_a_division_runs_that_division_alone_and_sees_no_other(
    cast: Cast, db: Database, owner_engine: Engine, drinks: UUID
) -> None:
    snacks = uuid4()
    with db.company(cast.company.id) as uow:
        uow.connection.execute(
            division.insert().values(
                company_id=uow.company_id, id=snacks, code="SNACKS", name="Snacks"
            )
        )
    dora = manager(cast, owner_engine, "Dora", cast.regions.harbour, drinks)
    north = [cast.regions.north]
    with db.company(cast.company.id) as uow:
        make_activity(uow, OFFICE, draft(*north, division_id=drinks), asker_id=dora, today=TODAY)
        for other in (None, snacks):
            with pytest.raises(BeyondScope), uow.connection.begin_nested():
                make_activity(
                    uow, OFFICE, draft(*north, division_id=other), asker_id=dora, today=TODAY
                )
        others = add_activity(uow, division_id=snacks, region_ids=north)
        with pytest.raises(NoSuchActivity):
            end_activity(uow, OFFICE, others, today=TODAY, asker_id=dora)
        with pytest.raises(NoSuchActivity):
            enter_stores(uow, OFFICE, others, cast.ana_stores, today=TODAY, asker_id=dora)
        assert others not in {one.id for one in list_activities(uow, today=TODAY, asker_id=dora)}


def test_a_list_has_what_the_asker_may_see_with_the_stores_and_budgets_that_are_theirs(
    cast: Cast, db: Database, rob: UUID, run: Callable[..., Result]
) -> None:
    with db.company(cast.company.id) as uow:
        money: Any = {"budget_minor": 500, "currency": "CNY"}
        for_all = add_activity(uow, **money)
        norths = add_activity(uow, region_ids=[cast.regions.north], **money)
        add_activity(uow, state="DRAFT")
        mine = add_activity(uow, state="DRAFT", region_ids=[cast.regions.north])
        for store in (*cast.ana_stores, *cast.ben_stores):
            add_activity_store(uow, for_all, store)
        listed = {
            who: {
                one.id: (one.stores, one.budget_minor)
                for one in list_activities(uow, today=TODAY, asker_id=who)
            }
            for who in (rob, cast.ana.id, cast.ada.id, uuid4())
        }
        uow.run("update person set email = 'rob@cast.example' where id = :id", id=rob)
    assert listed[rob] == {for_all: (6, None), norths: (0, 500), mine: (0, None)}
    assert listed[cast.ana.id] == {for_all: (3, None), norths: (0, None)}
    assert len(listed[cast.ada.id]) == 4
    assert listed[cast.ada.id][for_all] == (6, 500)
    assert list(listed.values())[-1] == {}
    said = run("activity", "list", "--seen-by", "rob@cast.example").output
    assert said.count("DRAFT") == 1


def test_who_sees_a_store_and_oversees_nothing_decides_nothing_about_it(
    cast: Cast, db: Database
) -> None:
    with db.company(cast.company.id) as uow:
        activity = add_activity(uow)
        asked = add_activity_store(
            uow, activity, cast.ana_stores[0], state="REQUESTED", position_id=cast.ana.position_id
        )
        # Aki audits the whole company, the seat's region has none above it: what is only audited is not there to be decided.
        for who, refusals in (
            (cast.ana.id, (BeyondScope, BeyondScope)),
            (cast.aki.id, (NoSuchActivityStore, NoSuchStore)),
        ):
            with pytest.raises(refusals[0]):
                approve_requests(uow, OFFICE, [asked], today=TODAY, asker_id=who)
            with pytest.raises(refusals[0]):
                refuse_stores(uow, OFFICE, [asked], "no", today=TODAY, asker_id=who)
            with pytest.raises(refusals[1]):
                enter_stores(uow, OFFICE, activity, cast.ana_stores[1:], today=TODAY, asker_id=who)
        with pytest.raises(NoSuchActivityStore):
            refuse_stores(uow, OFFICE, [uuid4()], "no", today=TODAY, asker_id=cast.sam.id)
        approve_requests(uow, OFFICE, [asked], today=TODAY, asker_id=cast.sam.id)
