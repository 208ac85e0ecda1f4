"""The soak's plain model of what goes with stores: it agrees with what phones get, and with nothing else."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, text

from sync.engine import Engine as SyncEngine
from sync.kinds import ALL_KINDS
from sync.kinds.activity_store.publish import put_beside_stores
from sync.kinds.store.publish import publish_stores
from sync.kinds.store_history.publish import publish_store_histories
from sync.kinds.store_terms.publish import publish_store_terms
from sync.unit_of_work import Database
from tests.activities_factories import (
    NOW,
    add_activity,
    add_activity_store,
    add_notice,
    add_task,
)
from tests.catalogue_factories import add_goods, add_promotion
from tests.factories import Cast, Person, make_cast
from tests.order_factories import oats, submit
from tests.soak.owners import Rows, read_owned
from tests.soak.scopes import BesideStores, plain_scopes
from tests.sync.office import set_stops
from tests.sync.talking import Json, Phone

KINDS = ["activity_store", "store_history", "store_terms"]


class World:
    """A cast whose stores have terms, histories and places in an activity."""

    def __init__(self, owner: Engine, db: Database) -> None:
        self.db = db
        self.cast: Cast = make_cast(owner, db)
        self.engine = SyncEngine(db, ALL_KINDS, b"soak" * 8)
        self.owner = owner
        with db.company(self.cast.company.id) as uow:
            self.goods = add_goods(uow, self.cast)
            self.activity = add_activity(uow)
            add_activity_store(uow, self.activity, self.cast.ana_stores[1])

    def rows(self, statement: str, **values: Any) -> list[Any]:
        with self.owner.connect() as connection:
            return list(connection.execute(text(statement), {"c": self.cast.company.id, **values}))

    def phone(self, person: Person) -> Phone:
        return Phone(self.engine, person.device)

    def call_at(self, store: UUID) -> None:
        ana = self.phone(self.cast.ana)
        assert ana.push_one(ana.visit(store))["status"] == "applied"
        with self.db.company(self.cast.company.id) as uow:
            publish_store_histories(uow, [store])

    def ask_for(self, store: UUID) -> Json:
        ana = self.phone(self.cast.ana)
        payload = {
            "activity_id": str(self.activity),
            "store_id": str(store),
            "requested": ana.event(),
        }
        item = ana.item("activity_store", "request", uuid4(), payload)
        assert ana.push_one(item)["status"] == "applied"
        with self.db.company(self.cast.company.id) as uow:
            put_beside_stores(uow, [UUID(item["entity_id"])])
        return item

    def hand_over(self, store: UUID) -> None:
        """From Ana's route to Ben's."""
        cast = self.cast
        with self.db.company(cast.company.id) as uow:
            kept = [each for each in cast.ana_stores if each != store]
            set_stops(uow, cast, cast.ana_route, kept)
            set_stops(uow, cast, cast.ben_route, [*cast.ben_stores, store])

    def faults(self, person: Person, **held: set[str]) -> list[tuple[str, str, str]]:
        """What the model finds on a phone that has just pulled, but for the kinds that are given."""
        phone = self.phone(person)
        phone.pull()
        there = {
            kind: {id_ for id_, record in phone.held.items() if record["kind"] == kind}
            for kind in KINDS
        }
        rows: Rows = self.rows
        scope = plain_scopes(rows, [str(person.id)], NOW)[str(person.id)]
        beside = BesideStores(rows, NOW)
        assert beside.kinds == KINDS
        return [
            (kind, *fault)
            for kind in KINDS
            for fault in beside.faults(kind, scope, str(person.id), {**there, **held}[kind])
        ]

    def faults_of_owned(self, person: Person) -> list[tuple[str, str, str]]:
        """What the model of owners finds on a phone that has just pulled."""
        phone = self.phone(person)
        phone.pull()
        scope = plain_scopes(self.rows, [str(person.id)], NOW)[str(person.id)]
        return [
            (kind, *fault)
            for kind, owned in read_owned(self.rows, NOW).items()
            for fault in owned.faults(
                scope.owners,
                {id_ for id_, record in phone.held.items() if record["kind"] == kind},
            )
        ]


@pytest.fixture
def world(owner_engine: Engine, engine: Engine) -> World:
    return World(owner_engine, Database(engine))


def test_it_agrees_with_every_phone_whatever_stores_do(world: World) -> None:
    cast = world.cast
    store = cast.ana_stores[0]
    world.call_at(store)
    world.ask_for(store)
    assert [world.faults(person) for person in cast.people] == [[]] * len(cast.people)
    world.hand_over(store)
    assert [world.faults(person) for person in cast.people] == [[]] * len(cast.people)
    with world.db.company(cast.company.id) as uow:
        uow.run("update store set status = 'CLOSED' where id = :id", id=cast.ana_stores[1])
        publish_stores(uow, [cast.ana_stores[1]])
        publish_store_terms(uow, [cast.ana_stores[1]])
    assert [world.faults(person) for person in cast.people] == [[]] * len(cast.people)


def test_everything_else_is_with_whose_it_is(world: World) -> None:
    cast = world.cast
    store = cast.ana_stores[0]
    world.call_at(store)
    ana = world.phone(cast.ana)
    order = submit(ana, store, oats(world.goods))
    assert ana.push_one(order)["status"] == "applied"
    with world.db.company(cast.company.id) as uow:
        add_task(uow, cast.ana.position_id)
        add_task(uow, None, person_id=cast.ben.id)
        add_notice(uow)
        add_notice(uow, audience="REGION", audience_ids=[cast.regions.harbour])
        add_activity(uow, state="DRAFT")
        add_promotion(uow, "TEN")
    assert [world.faults_of_owned(person) for person in cast.people] == [[]] * len(cast.people)
    with world.owner.begin() as connection:
        # As nobody does: the rows alone.
        connection.execute(text("update order_header set person_id = :ben"), {"ben": cast.ben.id})
    assert ("order", "does not belong there", order["entity_id"]) in world.faults_of_owned(cast.ana)
    assert ("order", "is missing", order["entity_id"]) in world.faults_of_owned(cast.ben)


def test_what_somebody_asked_for_stays_theirs_and_nothing_else_does(world: World) -> None:
    store = world.cast.ana_stores[0]
    world.call_at(store)
    asked = world.ask_for(store)["entity_id"]
    history = world.rows(
        "select id from record where company_id = :c and kind = 24 and version > 0"
    )
    world.hand_over(store)
    ana = world.phone(world.cast.ana)
    ana.pull()
    assert asked in ana.held
    strays = {str(row.id) for row in history}
    assert world.faults(world.cast.ana, store_history=strays) == [
        ("store_history", "does not belong there", id_) for id_ in sorted(strays)
    ]
    assert world.faults(world.cast.ana, activity_store=set())[0][:2] == (
        "activity_store",
        "is missing",
    )


def test_one_that_came_second_is_with_who_asked_alone(world: World) -> None:
    cast = world.cast
    second = world.ask_for(cast.ana_stores[1])["entity_id"]
    assert [world.faults(person) for person in cast.people] == [[]] * len(cast.people)
    sam = world.phone(cast.sam)
    sam.pull()
    assert second not in sam.held
    held = {id_ for id_, record in sam.held.items() if record["kind"] == "activity_store"}
    assert world.faults(cast.sam, activity_store=held | {second}) == [
        ("activity_store", "does not belong there", second)
    ]


def test_a_store_with_terms_that_it_must_not_have_is_told(world: World) -> None:
    store = world.cast.ana_stores[0]
    with world.db.company(world.cast.company.id) as uow:
        publish_store_terms(uow, [store])
        # As nobody does: the row alone.
        uow.run("update store set status = 'CLOSED' where id = :id", id=store)
    assert BesideStores(world.rows, NOW).missing == [f"store {store} is CLOSED and has terms"]
    with world.owner.begin() as connection:
        connection.execute(
            text("update activity_store set state = 'REFUSED', decided_at = :at"),
            {"at": NOW - timedelta(days=20)},
        )
    # What is about to leave may be there or not.
    assert world.faults(world.cast.ana, activity_store=set()) == []
