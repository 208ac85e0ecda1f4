"""A company with a catalogue, a driver, and a phone for anybody: what the office's work on orders is tried in."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Engine

from server.identity.change_log import Actor
from sync.engine import Engine as SyncEngine
from sync.kinds import ALL_KINDS
from sync.scope import rescope
from sync.unit_of_work import Database
from tests.catalogue_factories import Goods, add_goods
from tests.factories import (
    TODAY,
    Cast,
    Person,
    add_device,
    add_occupancy,
    add_person,
    add_position,
    make_cast,
)
from tests.order_factories import oats, submit
from tests.sync.talking import Json, Phone


@dataclass(frozen=True, slots=True)
class Market:
    """The cast with what is sold, and Dan, who drives."""

    db: Database
    cast: Cast
    goods: Goods
    dan: Person
    engine: SyncEngine
    office: Actor

    def phone(self, person: Person) -> Phone:
        return Phone(self.engine, person.device)

    def submitted(self, *lines: Json, **payload: Any) -> UUID:
        """An order of Ana's at her first store: two pieces of oats unless lines are given."""
        ana = self.phone(self.cast.ana)
        item = submit(ana, self.cast.ana_stores[0], *(lines or (oats(self.goods),)), **payload)
        assert ana.push_one(item)["status"] == "applied"
        return UUID(item["entity_id"])

    def seen_by(self, person: Person, order: UUID) -> Json:
        """The order as it comes down to a person's phone."""
        phone = self.phone(person)
        phone.pull()
        return phone.fields(order)


def make_market(owner_engine: Engine, db: Database, office: Actor) -> Market:
    """A cast with a catalogue and Dan, in a company of its own."""
    cast = make_cast(owner_engine, db)
    with owner_engine.begin() as connection:
        position = add_position(
            connection, cast.company, "VAN", role="driver", region_id=cast.regions.harbour
        )
        person = add_person(connection, cast.company, "Dan")
        add_occupancy(connection, cast.company, position_id=position, person_id=person)
        device = add_device(connection, cast.company, "Dan", person_id=person)
    with db.company(cast.company.id) as uow:
        rescope(uow, [person], TODAY)
        goods = add_goods(uow, cast)
    engine = SyncEngine(db, ALL_KINDS, b"a key of the tests" * 2)
    return Market(db, cast, goods, Person(person, "Dan", position, device), engine, office)
