"""What the office does meanwhile: moves routes and stores, ends occupancies, changes stores."""

from collections.abc import Iterable
from datetime import date
from uuid import UUID

import sqlalchemy

from sync.kinds.route.publish import publish_routes
from sync.kinds.store.publish import publish_stores
from sync.publish import place
from sync.scope import people_concerned, rescope
from sync.unit_of_work import Database, UnitOfWork
from tests.factories import TODAY, Cast, Person, add_route, add_store


def describe(uow: UnitOfWork, store: UUID, address: str) -> None:
    """Give a store another address: a change of its record."""
    uow.run("update store set address = :address where id = :id", id=store, address=address)
    publish_stores(uow, [store])


def move_route(uow: UnitOfWork, route: UUID, position: UUID) -> None:
    """Give a route to another position, with all its stores."""
    before = uow.rows("select position_id from route where id = :id", id=route)[0].position_id
    uow.run("update route set position_id = :to where id = :id", id=route, to=position)
    publish_routes(uow, [route])
    rescope(uow, people_concerned(uow, [before, position]), TODAY)


def set_stops(uow: UnitOfWork, cast: Cast, route: UUID, stores: Iterable[UUID]) -> None:
    """Let a route have exactly these stores."""
    uow.run("delete from route_stop where route_id = :id", id=route)
    for sequence, store in enumerate(stores):
        uow.run(
            "insert into route_stop (company_id, route_id, sequence, store_id, rule)"
            " values (:company, :route, :sequence, :store, '{}')",
            company=cast.company.id,
            route=route,
            sequence=sequence,
            store=store,
        )
    publish_routes(uow, [route])


def unplace(uow: UnitOfWork, route: UUID, store: UUID) -> None:
    """Take a store from a route's key, whatever the route's document says."""
    there = uow.rows("select id from record_key where key = :key and is_placed", key=route)
    place(uow, route, [row.id for row in there if row.id != store])


def end_occupancy(uow: UnitOfWork, person: Person, last_day: date, *, today: date = TODAY) -> None:
    uow.run(
        "update occupancy set ends_on = :day where person_id = :person",
        day=last_day,
        person=person.id,
    )
    rescope(uow, [person.id], today)


def start_occupancy(
    uow: UnitOfWork, cast: Cast, person: Person, position: UUID, first_day: date
) -> None:
    uow.run(
        "insert into occupancy (company_id, id, position_id, person_id, starts_on)"
        " values (:company, gen_random_uuid(), :position, :person, :day)",
        company=cast.company.id,
        position=position,
        person=person.id,
        day=first_day,
    )
    rescope(uow, [person.id], TODAY)


def second_route(
    owner: sqlalchemy.Engine, db: Database, cast: Cast, stores: list[UUID], name: str = "Second"
) -> UUID:
    """Another route of Ana's position, published."""
    with owner.begin() as connection:
        route = add_route(
            connection, cast.company, name, position_id=cast.ana.position_id, store_ids=stores
        )
    with db.company(cast.company.id) as uow:
        publish_routes(uow, [route])
        rescope(uow, people_concerned(uow, [cast.ana.position_id]), TODAY)
    return route


def many_stores(
    owner: sqlalchemy.Engine, db: Database, cast: Cast, number: int, name: str = "Many"
) -> list[UUID]:
    """So many new stores on a route of Ana's of their own."""
    with owner.begin() as connection:
        stores = [
            add_store(connection, cast.company, f"{name} {n}", region_id=cast.regions.north)
            for n in range(number)
        ]
    with db.company(cast.company.id) as uow:
        publish_stores(uow, stores)
    second_route(owner, db, cast, stores, name)
    return stores
