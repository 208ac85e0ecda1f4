"""Routes and owned stores as people in the office set them: what they may see, as one change, with what it does to phones.

Each takes the asker, and the basis that the asker saw: where somebody changed the route meanwhile it is refused, so
nobody writes over what they have not seen. `rehearse` makes a change, looks at what it did, and takes it back.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from server.identity.change_log import Actor
from server.language import Said
from server.planning.errors import Outdated, StopsInvalid
from server.planning.phones import PhoneEffect, phone_effects, watch_phones
from server.planning.positions import (
    check_positions_seen,
    check_route_seen,
    check_stores_seen,
)
from server.planning.route_sheets import RouteSheet, read_route
from server.planning.routes import (
    close_route,
    lock_positions,
    locked_route,
    make_route,
    move_route,
    rename_route,
    set_stops,
)
from server.planning.rules import Stop, stored_stops
from server.planning.stores import edit_stores
from server.planning.workload import Workload, read_calendar, read_workloads, six_weeks
from sync.policy import current_policy
from sync.scope import take_turn
from sync.unit_of_work import Database, UnitOfWork

ASSIGNED_MAX = 2_000

# Whether an id is of a record, or one at which records are (sync/scope.py).
_IS_TAKEN = """
select exists (select from record where company_id = :company and id = :id)
    or exists (select from record_key where company_id = :company and key = :id)
    or exists (select from route where company_id = :company and id = :id)
    or exists (select from position where company_id = :company and id = :id)
    or exists (select from person where company_id = :company and id = :id)
    or exists (select from region where company_id = :company and id = :id)
    or exists (select from division where company_id = :company and id = :id)
    or exists (select from company where id = :company and key = :id) as it
"""
_OWNERS = """
select distinct position_id from store
where company_id = :company and id = any(:ids) and position_id is not null
"""
Effects = tuple[PhoneEffect, ...]


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What a change would do: to phones, and to the six weeks of positions, before and after."""

    effects: Effects
    before: dict[UUID, Workload]
    after: dict[UUID, Workload]


def rehearse(
    database: Database,
    company_id: int,
    change: Callable[[UnitOfWork], Effects],
    position_ids: Iterable[UUID],
    today: date,
) -> Rehearsed:
    """Make the change with all that follows, note what it did, and take it back. Raises what the change raises."""
    positions = sorted(set(position_ids))
    first, last = six_weeks(today)

    def act(uow: UnitOfWork) -> Rehearsed:
        policy = current_policy(uow)[1]
        calendar = read_calendar(uow, policy)

        def look() -> dict[UUID, Workload]:
            return read_workloads(uow, positions, first, last, policy=policy, calendar=calendar)

        before = look()
        effects = change(uow)
        return Rehearsed(effects, before, look())

    return database.rehearse(company_id, act)


def edit_route(
    uow: UnitOfWork,
    actor: Actor,
    route_id: UUID,
    *,
    name: str,
    position_id: UUID,
    stops: Sequence[Stop],
    basis: str,
    today: date,
    asker_id: UUID | None,
) -> Effects:
    """Give a route this name, position and these stops, as one change.

    Raises NoSuchRoute, NoSuchPosition, NoSuchStore, Outdated, NameTaken, StopsInvalid, PhoneTooFull.
    """
    take_turn(uow)
    held = _held(uow, route_id, basis, today, asker_id)
    check_positions_seen(uow, [position_id], today=today, asker_id=asker_id)
    kept = {stop.store_id for stop in held.stops}
    rules = stored_stops(stops)
    wanted = [store_id for store_id, _ in rules]
    check_stores_seen(
        uow, [id_ for id_ in wanted if id_ not in kept], today=today, asker_id=asker_id
    )
    both = {held.position_id, position_id}
    locked_route(uow, route_id)
    lock_positions(uow, *both)
    before = watch_phones(uow, position_ids=both, keys=[route_id, *both], ids=wanted)
    if name != held.name:
        rename_route(uow, actor, route_id, name)
    if rules != [(stop.store_id, dict(stop.rule)) for stop in held.stops]:
        set_stops(uow, actor, route_id, stops, today=today)
    move_route(uow, actor, route_id, position_id, today=today)
    return phone_effects(uow, before)


def add_route(
    uow: UnitOfWork,
    actor: Actor,
    route_id: UUID,
    *,
    name: str,
    position_id: UUID,
    stops: Sequence[Stop],
    today: date,
    asker_id: UUID | None,
) -> Effects:
    """A new route of a position. Raises NoSuchPosition, NoSuchStore, NameTaken, StopsInvalid, PhoneTooFull, and Outdated
    where its id is of something that is there: who travels a route sees what is at its id.
    """
    take_turn(uow)
    if uow.rows(_IS_TAKEN, company=uow.company_id, id=route_id)[0].it:
        raise Outdated(Said("somebody changed this route meanwhile: look at it as it is now"))
    check_positions_seen(uow, [position_id], today=today, asker_id=asker_id)
    check_stores_seen(uow, [stop.store_id for stop in stops], today=today, asker_id=asker_id)
    return make_route(
        uow,
        actor,
        position_id=position_id,
        name=name,
        stops=stops,
        today=today,
        route_id=route_id,
    ).effects


def end_route(
    uow: UnitOfWork,
    actor: Actor,
    route_id: UUID,
    *,
    basis: str,
    today: date,
    asker_id: UUID | None,
) -> Effects:
    """Travel a route no more; its past stays. Raises NoSuchRoute, Outdated."""
    take_turn(uow)
    _held(uow, route_id, basis, today, asker_id)
    return close_route(uow, actor, route_id, today=today)


def give_stores(
    uow: UnitOfWork,
    actor: Actor,
    store_ids: Sequence[UUID],
    position_id: UUID | None,
    *,
    today: date,
    asker_id: UUID | None,
) -> Effects:
    """Let stores belong to a position, beside any route; None: to nobody.

    Raises NoSuchPosition, NoSuchStore, StopsInvalid, PhoneTooFull.
    """
    ids = sorted(set(store_ids))
    if not 1 <= len(ids) <= ASSIGNED_MAX:
        raise StopsInvalid(Said("from 1 to {most} stores at once", most=ASSIGNED_MAX))
    check_stores_seen(uow, ids, today=today, asker_id=asker_id)
    if position_id is not None:
        check_positions_seen(uow, [position_id], today=today, asker_id=asker_id)
    take_turn(uow)
    owners = {row.position_id for row in uow.rows(_OWNERS, company=uow.company_id, ids=ids)}
    concerned = owners | ({position_id} if position_id is not None else set())
    before = watch_phones(uow, position_ids=concerned, keys=concerned, ids=ids)
    edit_stores(uow, actor, {id_: {"position_id": position_id} for id_ in ids})
    return phone_effects(uow, before)


def _held(
    uow: UnitOfWork, route_id: UUID, basis: str, today: date, asker_id: UUID | None
) -> RouteSheet:
    """The route, as the asker saw it. Raises NoSuchRoute, Outdated."""
    check_route_seen(uow, route_id, today=today, asker_id=asker_id)
    held = read_route(uow, route_id, today=today, asker_id=asker_id)
    if held.basis != basis:
        raise Outdated(Said("somebody changed this route meanwhile: look at it as it is now"))
    return held
