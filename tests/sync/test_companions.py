"""What goes with a store is where the store is, whoever moves it and whenever."""

from collections.abc import Callable, Iterable
from uuid import UUID, uuid4

import pytest
import sqlalchemy
from sqlalchemy import insert, update

from sync.kinds.store.publish import publish_stores
from sync.organisation import division, position
from sync.publish import Draft, publish, publish_companions
from sync.record_kind import ITEM
from sync.scope import rescope
from sync.unit_of_work import Database
from tests.factories import TODAY, Cast, Person
from tests.sync.office import end_occupancy, move_route, second_route, set_stops
from tests.sync.talking import Phone, scope_of

PhoneOf = Callable[[Person], Phone]


def tell(
    db: Database, cast: Cast, id_: UUID, leads: Iterable[UUID], keys: Iterable[UUID] = ()
) -> None:
    """Something that is told of these stores."""
    with db.company(cast.company.id) as uow:
        publish_companions(uow, [Draft(ITEM, id_, {"said": 1}, frozenset(keys))], {id_: leads})


def holds(phone: Phone, id_: UUID) -> bool:
    phone.pull()
    return str(id_) in phone.held


@pytest.fixture
def told(db: Database, cast: Cast) -> UUID:
    """What is told of Ana's first store."""
    id_ = uuid4()
    tell(db, cast, id_, [cast.ana_stores[0]])
    return id_


def test_a_companion_is_with_all_who_have_the_store_and_with_nobody_else(
    cast: Cast, phone: PhoneOf, told: UUID
) -> None:
    for person in cast.people:
        assert holds(phone(person), told) == holds(phone(person), cast.ana_stores[0])
    assert holds(phone(cast.ana), told)
    assert not holds(phone(cast.ben), told)


def test_a_companion_follows_its_store_to_another_route(
    cast: Cast, phone: PhoneOf, db: Database, told: UUID
) -> None:
    ana, ben = phone(cast.ana), phone(cast.ben)
    assert holds(ana, told)
    with db.company(cast.company.id) as uow:
        set_stops(uow, cast, cast.ana_route, cast.ana_stores[1:])
        set_stops(uow, cast, cast.ben_route, [*cast.ben_stores, cast.ana_stores[0]])
    assert not holds(ana, told)
    assert holds(ben, told)


def test_a_companion_follows_a_route_that_moves_and_a_store_that_changes_its_region(
    cast: Cast, phone: PhoneOf, db: Database, told: UUID
) -> None:
    ana, ben, sam = phone(cast.ana), phone(cast.ben), phone(cast.sam)
    with db.company(cast.company.id) as uow:
        move_route(uow, cast.ana_route, cast.ben.position_id)
    assert not holds(ana, told)
    assert holds(ben, told)
    with db.company(cast.company.id) as uow:
        uow.run(
            "update store set region_id = :region where id = :id",
            region=cast.regions.wharf,
            id=cast.ana_stores[0],
        )
        publish_stores(uow, [cast.ana_stores[0]])
        set_stops(uow, cast, cast.ana_route, cast.ana_stores[1:])
    assert not holds(ben, told)
    assert not holds(sam, told)
    assert holds(phone(cast.mia), told)


def test_a_companion_of_two_stores_stays_while_one_of_them_does(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    told = uuid4()
    tell(db, cast, told, cast.ana_stores[:2])
    ana = phone(cast.ana)
    with db.company(cast.company.id) as uow:
        set_stops(uow, cast, cast.ana_route, cast.ana_stores[1:])
    assert holds(ana, told)
    with db.company(cast.company.id) as uow:
        set_stops(uow, cast, cast.ana_route, cast.ana_stores[2:])
    assert not holds(ana, told)


def test_a_companion_goes_with_its_leads_of_today_and_keeps_keys_of_its_own(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    told = uuid4()
    tell(db, cast, told, [cast.ana_stores[0]], [cast.aki.id])
    ana, ben, aki = phone(cast.ana), phone(cast.ben), phone(cast.aki)
    assert holds(ana, told)
    tell(db, cast, told, [cast.ben_stores[0]], [cast.aki.id])
    assert not holds(ana, told)
    assert holds(ben, told)
    assert holds(aki, told)
    tell(db, cast, told, [], [cast.aki.id])
    assert not holds(ben, told)
    assert holds(aki, told)


def test_a_route_that_gets_its_stores_again_leaves_companions_where_they_are(
    cast: Cast, phone: PhoneOf, db: Database, told: UUID
) -> None:
    ana = phone(cast.ana)
    assert holds(ana, told)
    came = len(ana.came)
    with db.company(cast.company.id) as uow:
        set_stops(uow, cast, cast.ana_route, reversed(cast.ana_stores))
    assert holds(ana, told)
    assert str(told) not in {change["id"] for change in ana.came[came:]}


def test_a_new_route_brings_the_companions_of_its_stores(
    owner_engine: sqlalchemy.Engine, cast: Cast, phone: PhoneOf, db: Database
) -> None:
    told = uuid4()
    tell(db, cast, told, [cast.ben_stores[0]])
    ana = phone(cast.ana)
    assert not holds(ana, told)
    second_route(owner_engine, db, cast, [cast.ben_stores[0]])
    assert holds(ana, told)
    assert UUID(str(told)) in scope_of(db, cast, cast.ana)


def test_who_leaves_a_position_loses_companions_with_their_stores(
    cast: Cast, phone: PhoneOf, db: Database, told: UUID
) -> None:
    ana = phone(cast.ana)
    assert holds(ana, told)
    with db.company(cast.company.id) as uow:
        end_occupancy(uow, cast.ana, TODAY, today=TODAY.replace(day=TODAY.day + 1))
    assert not holds(ana, told)


def test_what_belongs_to_a_division_is_with_its_seats_and_with_seats_of_none(
    owner_engine: sqlalchemy.Engine, cast: Cast, phone: PhoneOf, db: Database
) -> None:
    drinks, snacks, told = uuid4(), uuid4(), uuid4()
    with owner_engine.begin() as connection:
        for id_, code in ((drinks, "DRINKS"), (snacks, "SNACKS")):
            connection.execute(
                insert(division).values(company_id=cast.company.id, id=id_, code=code, name=code)
            )
        for person, own in ((cast.ana, drinks), (cast.ben, snacks)):
            connection.execute(
                update(position)
                .where(position.c.company_id == cast.company.id)
                .where(position.c.id == person.position_id)
                .values(division_id=own)
            )
    with db.company(cast.company.id) as uow:
        rescope(uow, [person.id for person in cast.people], TODAY)
        publish(uow, [Draft(ITEM, told, {"said": 1}, frozenset({drinks}))])
    has = {person.name for person in cast.people if holds(phone(person), told)}
    assert has == {person.name for person in cast.people} - {cast.ben.name}
