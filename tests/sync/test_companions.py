"""What goes with a store is where the store is, whoever moves it and whenever."""

from collections.abc import Callable, Iterable
from threading import Thread
from uuid import UUID, uuid4

import pytest
import sqlalchemy
from sqlalchemy import insert, update

from sync.kinds.store.publish import publish_stores
from sync.organisation import division, position
from sync.publish import Draft, publish, publish_companions
from sync.record_kind import ITEM
from sync.scope import rescope
from sync.unit_of_work import Database, UnitOfWork
from tests.factories import TODAY, Cast, Person
from tests.sync.office import end_occupancy, move_route, second_route, set_stops
from tests.sync.talking import Phone, rows_of, scope_of

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


def test_a_key_of_its_own_stays_when_a_store_at_the_same_key_leaves(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    told, store = uuid4(), cast.ana_stores[0]
    tell(db, cast, told, [store])
    tell(db, cast, told, [store], [cast.ana_route])
    ana = phone(cast.ana)
    assert holds(ana, told)
    came = len(ana.came)
    tell(db, cast, told, [store], [cast.ana_route])
    assert holds(ana, told)
    assert ana.came[came:] == []
    with db.company(cast.company.id) as uow:
        set_stops(uow, cast, cast.ana_route, cast.ana_stores[1:])
    assert holds(ana, told)


def test_a_companion_stays_with_its_store_when_it_loses_the_same_key_of_its_own(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    told = uuid4()
    tell(db, cast, told, [cast.ana_stores[0]], [cast.ana_route])
    with db.company(cast.company.id) as uow:
        publish(uow, [Draft(ITEM, told, {"said": 2}, frozenset())])
    assert holds(phone(cast.ana), told)


def test_a_companion_of_two_stores_that_leave_at_once_leaves(cast: Cast, db: Database) -> None:
    told, (first, second, *_) = uuid4(), cast.ana_stores
    tell(db, cast, told, [first, second])

    def move(uow: UnitOfWork, store: UUID) -> None:
        uow.run(
            "update store set region_id = :region where id = :id",
            region=cast.regions.south,
            id=store,
        )
        publish_stores(uow, [store])

    at_once(db, cast, lambda uow: move(uow, first), lambda uow: move(uow, second))
    assert keys_of(db, cast, told) == keys_of(db, cast, first) | keys_of(db, cast, second)
    assert cast.regions.north not in keys_of(db, cast, told)


@pytest.mark.parametrize("is_parted_first", [True, False])
def test_a_companion_that_is_parted_from_a_store_that_moves_at_once_does_not_move(
    cast: Cast, db: Database, is_parted_first: bool
) -> None:
    told, store = uuid4(), cast.ana_stores[0]
    tell(db, cast, told, [store])

    def part(uow: UnitOfWork) -> None:
        publish_companions(uow, [Draft(ITEM, told, {"said": 1}, frozenset())], {told: ()})

    def move(uow: UnitOfWork) -> None:
        set_stops(uow, cast, cast.ben_route, [*cast.ben_stores, store])

    at_once(db, cast, *((part, move) if is_parted_first else (move, part)))
    assert keys_of(db, cast, told) == set()


def keys_of(db: Database, cast: Cast, id_: UUID) -> set[UUID]:
    rows = rows_of(db, cast, "select key from record_key where id = :id", id=id_)
    return {row.key for row in rows}


def at_once(
    db: Database,
    cast: Cast,
    first: Callable[[UnitOfWork], object],
    second: Callable[[UnitOfWork], object],
) -> None:
    """Let the second begin while the first is not committed: it runs through, or waits for a lock."""
    done: list[bool] = []

    def run() -> None:
        with db.company(cast.company.id) as uow:
            second(uow)
        done.append(True)

    with db.company(cast.company.id) as uow:
        first(uow)
        running = Thread(target=run)
        running.start()
        waits = "select 1 from pg_locks where not granted and locktype = 'transactionid'"
        while running.is_alive() and not rows_of(db, cast, waits):
            running.join(0.01)
    running.join(30)
    assert done
