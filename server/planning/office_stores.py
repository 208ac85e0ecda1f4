"""Stores as people in the office set them: what they may see, as one change, with what it does to phones.

Each takes the asker, and the basis that the asker saw: where somebody changed the store meanwhile it is refused. A manager
sets stores that they may see, in their regions and for their positions; who pays for a store and what it buys from is an
admin's. `server.planning.office_routes.rehearse` makes a change, looks at what it did, and takes it back.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any
from uuid import UUID

from server.identity.change_log import Actor
from server.language import Said
from server.planning.errors import FieldInvalid, NoSuchStore, Outdated
from server.planning.phones import PhoneEffect, store_effects, watch_store
from server.planning.positions import check_positions_seen, stores_seen
from server.planning.regions import regions_of
from server.planning.store_divisions import set_store_divisions
from server.planning.store_sheet import StoreSheet, read_store
from server.planning.stores import (
    NewStore,
    close_stores,
    edit_stores,
    make_stores,
    reopen_stores,
)
from sync.geo import Point
from sync.scope import take_turn
from sync.unit_of_work import UnitOfWork

Effects = tuple[PhoneEffect, ...]

_OWN_REGIONS = """
with recursive own as (
    select p.region_id as id from occupancy o
    join position p on p.company_id = o.company_id and p.id = o.position_id
    where o.company_id = :company and o.person_id = :asker
      and o.starts_on <= :today and (o.ends_on is null or o.ends_on >= :today)
      and p.role = 'regional_manager'
    union
    select r.id from region r join own b on r.parent_id = b.id where r.company_id = :company
), is_admin as (
    select exists (
        select from occupancy o
        join position p on p.company_id = o.company_id and p.id = o.position_id
        where o.company_id = :company and o.person_id = :asker and p.role = 'admin'
          and o.starts_on <= :today and (o.ends_on is null or o.ends_on >= :today)) as it
), tree as (
    select id, name, 0 as depth, array[name, id::text] as place from region
    where company_id = :company and parent_id is null
    union all
    select r.id, r.name, t.depth + 1, t.place || array[r.name, r.id::text] from tree t
    join region r on r.company_id = :company and r.parent_id = t.id where t.depth < 32
)
select id, name, depth from tree
where (select it from is_admin) or id in (select id from own) order by place limit 1000
"""


def settable_regions(
    uow: UnitOfWork, *, today: date, asker_id: UUID
) -> list[tuple[UUID, str, int]]:
    """The regions that the asker may put stores into, each with its name and how many are above it. One query."""
    rows = uow.rows(_OWN_REGIONS, company=uow.company_id, asker=asker_id, today=today)
    return [(row.id, row.name, row.depth) for row in rows]


def add_store(
    uow: UnitOfWork,
    actor: Actor,
    new: NewStore,
    *,
    division_ids: Iterable[UUID] = (),
    today: date,
    asker_id: UUID,
) -> tuple[UUID, Effects]:
    """A new active store; without a region it is in that of its pin. Raises FieldInvalid, CodeTaken, NoSuchPosition,
    PhoneTooFull.
    """
    take_turn(uow)
    region_id = new.region_id
    if region_id is None and new.lat_e7 is not None and new.lon_e7 is not None:
        region_id = regions_of(uow, [Point(new.lat_e7, new.lon_e7)])[0]
    _check_place(uow, region_id, new.position_id, today=today, asker_id=asker_id)
    fields = new.columns() | {"region_id": region_id}
    del fields["status"]
    (store_id,) = make_stores(uow, actor, [NewStore(**fields, id=new.id)])
    if divisions := sorted(set(division_ids)):
        set_store_divisions(uow, actor, {store_id: divisions})
    before = watch_store(uow, UUID(int=0))
    return store_id, store_effects(uow, store_id, before)


def save_store(
    uow: UnitOfWork,
    actor: Actor,
    store_id: UUID,
    fields: Mapping[str, Any],
    *,
    division_ids: Iterable[UUID] | None = None,
    basis: str,
    today: date,
    asker_id: UUID,
) -> tuple[bool, Effects]:
    """Set these fields of a store, and the divisions that it buys from where they are given; whether anything differs.

    Raises NoSuchStore, NoSuchPosition, Outdated, FieldInvalid, CodeTaken, PhoneTooFull.
    """
    take_turn(uow)
    held = _held(uow, store_id, basis, today=today, asker_id=asker_id)
    region_id = fields.get("region_id", held.region_id)
    position_id = fields.get("position_id", held.position_id)
    _check_place(
        uow,
        region_id,
        None if position_id == held.position_id else position_id,
        today=today,
        asker_id=asker_id,
        is_kept=region_id == held.region_id,
    )
    before = watch_store(uow, store_id)
    is_changed = bool(edit_stores(uow, actor, {store_id: fields}))
    if division_ids is not None:
        is_changed |= bool(set_store_divisions(uow, actor, {store_id: division_ids}))
    return is_changed, store_effects(uow, store_id, before)


def close_store(
    uow: UnitOfWork, actor: Actor, store_id: UUID, *, basis: str, today: date, asker_id: UUID
) -> Effects:
    """Close a store: it leaves every route and the plans from today on. Raises NoSuchStore, Outdated."""
    take_turn(uow)
    _held(uow, store_id, basis, today=today, asker_id=asker_id)
    before = watch_store(uow, store_id)
    close_stores(uow, actor, [store_id], today=today)
    return store_effects(uow, store_id, before)


def reopen_store(
    uow: UnitOfWork, actor: Actor, store_id: UUID, *, basis: str, today: date, asker_id: UUID
) -> Effects:
    """Open a closed store again, on no route. Raises NoSuchStore, Outdated, FieldInvalid, PhoneTooFull."""
    take_turn(uow)
    held = _held(uow, store_id, basis, today=today, asker_id=asker_id)
    if held.status != "CLOSED":
        raise FieldInvalid(Said("status: the store is not closed"))
    before = watch_store(uow, store_id)
    reopen_stores(uow, actor, [store_id])
    return store_effects(uow, store_id, before)


def _held(
    uow: UnitOfWork, store_id: UUID, basis: str, *, today: date, asker_id: UUID
) -> StoreSheet:
    """The store as the asker saw it. One that was refused is no store. Raises NoSuchStore, Outdated."""
    held = read_store(uow, store_id, today=today, asker_id=asker_id)
    if held.status == "REFUSED":
        raise NoSuchStore(Said("there is no such store in this company"))
    if held.basis != basis:
        raise Outdated(Said("somebody changed this store meanwhile: look at it as it is now"))
    return held


def _check_place(
    uow: UnitOfWork,
    region_id: UUID | None,
    position_id: UUID | None,
    *,
    today: date,
    asker_id: UUID,
    is_kept: bool = False,
) -> None:
    """Raise where the asker may not put a store into this region, or give it to this position."""
    if not is_kept:
        allowed = {id_ for id_, _, _ in settable_regions(uow, today=today, asker_id=asker_id)}
        is_any = stores_seen(uow, today=today, asker_id=asker_id)["is_admin"]
        if region_id not in allowed and not (region_id is None and is_any):
            raise FieldInvalid(Said("region_id: choose one of your regions"))
    if position_id is not None:
        check_positions_seen(uow, [position_id], today=today, asker_id=asker_id)
