"""Routes set from above: their stops, their owner, and what that does to whose phone.

Each change publishes the route, re-scopes the people concerned, makes the plans from today on
again and is logged, in the caller's transaction. It is refused as a whole where a phone would
hold more records than the company allows.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID, uuid4

from server.identity.change_log import Actor, log_change
from server.language import Said
from server.planning.day_plans import plan_again
from server.planning.errors import NameTaken, NoSuchPosition, NoSuchRoute, StopsInvalid
from server.planning.named_stores import named_stores
from server.planning.phones import PhoneEffect, phone_effects, rescope_people, watch_phones
from server.planning.rules import Stop, stored_stops
from sync.direct import execute
from sync.document import encode_document
from sync.kinds.route.publish import publish_routes
from sync.rows import RowSet, Statements
from sync.scope import take_turn
from sync.unit_of_work import UnitOfWork

_STOPS = RowSet(
    "route_stop",
    (("route_id", "uuid"), ("sequence", "int4"), ("store_id", "uuid"), ("rule", "jsonb")),
)
_LOCK = """
select id, position_id, name, is_active,
       array(select s.store_id from route_stop s where s.company_id = r.company_id
             and s.route_id = r.id order by s.sequence) as stores
from route r where r.company_id = :company and r.id = :route for update
"""
_NEW = """
insert into route (company_id, id, position_id, division_id, name)
values (:company, :route, :position, :division, :name)
"""
_MOVE = "update route set position_id = :position where company_id = :company and id = :route"
_RENAME = "update route set name = :name where company_id = :company and id = :route"
_CLOSE = "update route set is_active = false where company_id = :company and id = :route"
_EMPTY = "delete from route_stop where company_id = :company and route_id = :route"
_LOCK_POSITIONS = """
select id from position where company_id = :company and id = any(:positions)
order by id for no key update
"""
_TAKEN = """
select p.code from route r join position p on p.company_id = r.company_id and p.id = r.position_id
where r.company_id = :company and r.position_id = :position and r.name = :name and r.is_active
"""
_STORES = """
select id from store where company_id = :company and id = any(:ids) and status = 'ACTIVE'
"""
_ROUTES_OF_STORES = """
select distinct r.id, r.position_id from route r
join route_stop s on s.company_id = r.company_id and s.route_id = r.id
where r.company_id = :company and s.store_id = any(:stores)
"""
# Of plans that somebody decided: they may have stores of no route.
_DECIDED_FOR_STORES = """
select distinct p.position_id from proposal a
join day_plan p on p.company_id = a.company_id and p.id = a.entity_id and p.day >= :today
join day_plan_stop s on s.company_id = p.company_id and s.day_plan_id = p.id
                    and s.plan_version = p.plan_version
where a.company_id = :company and a.kind = 'day_plan' and a.state in ('APPROVED', 'AMENDED')
  and s.store_id = any(:stores)
"""
_TAKE_OUT = "delete from route_stop where company_id = :company and store_id = any(:stores)"


@dataclass(frozen=True, slots=True)
class RouteMade:
    """A new route, and what it does to phones."""

    route_id: UUID
    effects: tuple[PhoneEffect, ...]


def make_route(
    uow: UnitOfWork,
    actor: Actor,
    *,
    position_id: UUID,
    name: str,
    stops: Sequence[Stop],
    today: date,
    division_id: UUID | None = None,
    route_id: UUID | None = None,
) -> RouteMade:
    """A new route of a position. Raises NoSuchPosition, NameTaken, StopsInvalid, PhoneTooFull."""
    take_turn(uow)
    lock_positions(uow, position_id)
    clean = _clean_name(name)
    _must_be_free(uow, position_id, clean)
    rows = _checked(uow, stops)
    made = route_id or uuid4()
    before = watch_phones(
        uow, position_ids=[position_id], keys=[made, position_id], ids=[made, *_stores(rows)]
    )
    uow.run(
        _NEW,
        company=uow.company_id,
        route=made,
        position=position_id,
        division=division_id,
        name=clean,
    )
    _write_stops(uow, made, rows)
    publish_routes(uow, [made])
    rescope_people(uow, before.people, today)
    plan_again(uow, [position_id], today)
    effects = phone_effects(uow, before)
    log_change(
        uow,
        actor,
        "route.make",
        "route",
        made,
        after={"name": clean, "position_id": position_id, "stores": _stores(rows)},
    )
    return RouteMade(made, effects)


def set_stops(
    uow: UnitOfWork, actor: Actor, route_id: UUID, stops: Sequence[Stop], *, today: date
) -> tuple[PhoneEffect, ...]:
    """Replace the stops of a route. Raises NoSuchRoute, StopsInvalid, PhoneTooFull."""
    take_turn(uow)
    route = locked_route(uow, route_id)
    lock_positions(uow, route.position_id)
    rows = _checked(uow, stops)
    before = watch_phones(
        uow,
        position_ids=[route.position_id],
        keys=[route_id, route.position_id],
        ids=_stores(rows),
    )
    uow.run(_EMPTY, company=uow.company_id, route=route_id)
    _write_stops(uow, route_id, rows)
    publish_routes(uow, [route_id])
    plan_again(uow, [route.position_id], today)
    effects = phone_effects(uow, before)
    log_change(
        uow,
        actor,
        "route.set_stops",
        "route",
        route_id,
        before={"stores": route.stores},
        after={"stores": _stores(rows)},
    )
    return effects


def move_route(
    uow: UnitOfWork, actor: Actor, route_id: UUID, position_id: UUID, *, today: date
) -> tuple[PhoneEffect, ...]:
    """Give a route to another position.

    Raises NoSuchRoute, NoSuchPosition, NameTaken, PhoneTooFull.
    """
    take_turn(uow)
    route = locked_route(uow, route_id)
    both = [route.position_id, position_id]
    lock_positions(uow, *both)
    if route.position_id == position_id:
        return ()
    _must_be_free(uow, position_id, route.name)
    before = watch_phones(uow, position_ids=both, keys=[route_id, *both])
    uow.run(_MOVE, company=uow.company_id, route=route_id, position=position_id)
    publish_routes(uow, [route_id])
    rescope_people(uow, before.people, today)
    plan_again(uow, both, today)
    effects = phone_effects(uow, before)
    log_change(
        uow,
        actor,
        "route.move",
        "route",
        route_id,
        before={"position_id": route.position_id},
        after={"position_id": position_id},
    )
    return effects


def rename_route(uow: UnitOfWork, actor: Actor, route_id: UUID, name: str) -> None:
    """Call a route otherwise. Raises NoSuchRoute, NameTaken, StopsInvalid."""
    route = locked_route(uow, route_id)
    lock_positions(uow, route.position_id)
    clean = _clean_name(name)
    if clean == route.name:
        return
    _must_be_free(uow, route.position_id, clean)
    uow.run(_RENAME, company=uow.company_id, route=route_id, name=clean)
    publish_routes(uow, [route_id])
    log_change(
        uow,
        actor,
        "route.rename",
        "route",
        route_id,
        before={"name": route.name},
        after={"name": clean},
    )


def close_route(
    uow: UnitOfWork, actor: Actor, route_id: UUID, *, today: date
) -> tuple[PhoneEffect, ...]:
    """A route is travelled no more; what was done on it stays. Raises NoSuchRoute."""
    take_turn(uow)
    route = locked_route(uow, route_id)
    if not route.is_active:
        return ()
    lock_positions(uow, route.position_id)
    before = watch_phones(uow, position_ids=[route.position_id], keys=[route_id, route.position_id])
    uow.run(_CLOSE, company=uow.company_id, route=route_id)
    publish_routes(uow, [route_id])
    rescope_people(uow, before.people, today)
    plan_again(uow, [route.position_id], today)
    effects = phone_effects(uow, before)
    log_change(
        uow,
        actor,
        "route.close",
        "route",
        route_id,
        before={"is_active": True},
        after={"is_active": False},
    )
    return effects


def take_out_of_routes(uow: UnitOfWork, store_ids: Iterable[UUID], today: date) -> list[UUID]:
    """Take closed stores out of every route and out of the plans from today on; the routes."""
    stores = list(store_ids)
    routes = uow.rows(_ROUTES_OF_STORES, company=uow.company_id, stores=stores)
    decided = uow.rows(_DECIDED_FOR_STORES, company=uow.company_id, stores=stores, today=today)
    if routes:
        uow.run(_TAKE_OUT, company=uow.company_id, stores=stores)
        publish_routes(uow, [row.id for row in routes])
    plan_again(uow, {row.position_id for row in (*routes, *decided)}, today)
    return [row.id for row in routes]


def locked_route(uow: UnitOfWork, route_id: UUID) -> Any:
    """The route, locked until the transaction ends. Raises NoSuchRoute."""
    found = uow.rows(_LOCK, company=uow.company_id, route=route_id)
    if not found:
        raise NoSuchRoute(Said("there is no such route in this company"))
    return found[0]


def lock_positions(uow: UnitOfWork, *positions: UUID) -> None:
    """Always the turn, route, positions, records, in this order: two changes meet, none deadlock."""
    found = uow.rows(_LOCK_POSITIONS, company=uow.company_id, positions=list(positions))
    if len(found) < len(set(positions)):
        raise NoSuchPosition(Said("there is no such position in this company"))


def _must_be_free(uow: UnitOfWork, position_id: UUID, name: str) -> None:
    """A route is named by its name and its position; the position is locked."""
    taken = uow.rows(_TAKEN, company=uow.company_id, position=position_id, name=name)
    if taken:
        raise NameTaken(Said("{code} has a route {name!r} already", code=taken[0].code, name=name))


def _checked(uow: UnitOfWork, stops: Sequence[Stop]) -> list[tuple[UUID, dict[str, Any]]]:
    """The stops as they are stored: so many as a route may have, each of an active store, once."""
    rows = stored_stops(stops)
    twice = next((id_ for id_, times in Counter(_stores(rows)).items() if times > 1), None)
    if twice is not None:
        raise StopsInvalid(Said("{store} is named twice", store=named_stores(uow, [twice])[twice]))
    found = uow.rows(_STORES, company=uow.company_id, ids=_stores(rows))
    missing = set(_stores(rows)) - {row.id for row in found}
    if missing:
        first = min(missing)
        raise StopsInvalid(
            Said("{store} is no active store", store=named_stores(uow, [first])[first])
        )
    return rows


def _stores(rows: Sequence[tuple[UUID, dict[str, Any]]]) -> list[UUID]:
    return [store_id for store_id, _ in rows]


def _write_stops(
    uow: UnitOfWork, route_id: UUID, rows: Sequence[tuple[UUID, dict[str, Any]]]
) -> None:
    statements = Statements()
    statements.add_rows(
        _STOPS,
        uow.company_id,
        [
            (route_id, sequence, store_id, encode_document(rule))
            for sequence, (store_id, rule) in enumerate(rows)
        ],
    )
    execute(uow.driver, statements)


def _clean_name(name: str) -> str:
    clean = " ".join(name.split())
    if not 1 <= len(clean) <= 200 or not clean.isprintable():
        raise StopsInvalid(Said("a route's name has 1 to 200 printable characters"))
    return clean
