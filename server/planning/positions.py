"""Positions that have routes or could have some, as those who plan see them; and whose planning somebody may see.

Somebody sees the routes of the positions that they may see (`server.identity.permissions`), and stores that lie in a region
of theirs, belong to such a position, or are on such a route. An asker of None, a command's, sees all.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from server.identity.permissions import positions_to_act_for
from server.language import Said
from server.planning.errors import NoSuchPosition, NoSuchRoute, NoSuchStore
from sync.unit_of_work import UnitOfWork

ROUTED_ROLES = ("rep", "driver")

_OF_POSITION = """
    array(select n.name from occupancy o
          join person n on n.company_id = o.company_id and n.id = o.person_id
          where o.company_id = p.company_id and o.position_id = p.id
            and o.starts_on <= :today and (o.ends_on is null or o.ends_on >= :today)
          order by o.is_acting, n.name limit 3) as holders
"""
_LIST = f"""
with recursive below as (
    select id from region where company_id = :company and id = cast(:region as uuid)
    union
    select r.id from region r join below b on r.parent_id = b.id where r.company_id = :company
)
select p.id, p.code, p.name, p.role, g.name as region, {_OF_POSITION},
       (select count(*) from route r
        where r.company_id = p.company_id and r.position_id = p.id and r.is_active) as routes,
       (select count(distinct s.store_id) from route r
        join route_stop s on s.company_id = r.company_id and s.route_id = r.id
        where r.company_id = p.company_id and r.position_id = p.id and r.is_active) as stores
from position p
join region g on g.company_id = p.company_id and g.id = p.region_id
where p.company_id = :company and (:is_all or p.id = any(:seen))
  and (cast(:region as uuid) is null or p.region_id in (select id from below))
  and (p.role = any(:roles) or exists (select from route r where r.company_id = p.company_id
                                       and r.position_id = p.id and r.is_active))
  and (cast(:after_code as text) is null or (p.code, p.id) > (:after_code, cast(:after_id as uuid)))
  and (cast(:only as uuid[]) is null or p.id = any(:only))
order by p.code, p.id limit :at_most
"""  # noqa: S608  put together from a constant, above
_REGIONS = """
with recursive seen as (
    select distinct p.region_id as id from position p
    where p.company_id = :company and (:is_all or p.id = any(:seen))
), above as (
    select id from seen
    union
    select r.parent_id from region r join above a on r.id = a.id
    where r.company_id = :company and r.parent_id is not null
), tree as (
    select r.id, r.name, 0 as depth, array[r.name, r.id::text] as place from region r
    join above a on a.id = r.id where r.company_id = :company and r.parent_id is null
    union all
    select r.id, r.name, t.depth + 1, t.place || array[r.name, r.id::text] from tree t
    join region r on r.company_id = :company and r.parent_id = t.id
    join above a on a.id = r.id where t.depth < 32
)
select id, name, depth from tree order by place limit 500
"""
_ROUTE_AT = "select position_id from route where company_id = :company and id = :route"
# Stores that lie in a region of the asker's, or below; or belong to a position that they may see, or are on its routes.
SEEN_STORES = """
with recursive own as (
    select p.region_id as id from occupancy o
    join position p on p.company_id = o.company_id and p.id = o.position_id
    where o.company_id = :company and o.person_id = cast(:asker as uuid)
      and o.starts_on <= :today and (o.ends_on is null or o.ends_on >= :today)
      and p.role in ('supervisor', 'regional_manager')
    union
    select r.id from region r join own b on r.parent_id = b.id where r.company_id = :company
), seen_store as (
    select t.* from store t
    where t.company_id = :company and (
        cast(:asker as uuid) is null
        or t.region_id in (select id from own)
        or t.position_id = any(:seen)
        or exists (select from route_stop s
                   join route r on r.company_id = s.company_id and r.id = s.route_id
                   where s.company_id = t.company_id and s.store_id = t.id and r.is_active
                     and r.position_id = any(:seen))
        or :is_admin)
)
"""
_IS_ADMIN = """
select exists (
    select from occupancy o
    join position p on p.company_id = o.company_id and p.id = o.position_id
    where o.company_id = :company and o.person_id = :asker and p.role = 'admin'
      and o.starts_on <= :today and (o.ends_on is null or o.ends_on >= :today)) as it
"""
_AMONG = f"{SEEN_STORES} select id from seen_store where id = any(:wanted)"  # noqa: S608
_NOT_SEEN = f"""
{SEEN_STORES}
select w.id from unnest(cast(:wanted as uuid[])) as w(id)
where w.id not in (select id from seen_store) limit 1
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class PositionListed:
    """A position, who holds it today, and how much it has."""

    id: UUID
    code: str
    name: str
    role: str
    region: str
    holders: tuple[str, ...]
    routes: int
    stores: int

    @property
    def told(self) -> str:
        """Its code and who holds it, as lists to choose from have it."""
        return f"{self.code} {', '.join(self.holders)}".strip()


@dataclass(frozen=True, slots=True)
class RegionListed:
    """A region with how many are above it among those listed."""

    id: UUID
    name: str
    depth: int


def list_positions(
    uow: UnitOfWork,
    *,
    today: date,
    asker_id: UUID | None,
    region_id: UUID | None = None,
    only: Iterable[UUID] | None = None,
    after: tuple[str, UUID] | None = None,
    at_most: int = 100,
) -> list[PositionListed]:
    """Positions of the field that the asker may see, by code. Two queries."""
    seen = positions_to_act_for(uow, asker_id, today)
    rows = uow.rows(
        _LIST,
        company=uow.company_id,
        today=today,
        is_all=seen is None,
        seen=sorted(seen or ()),
        region=region_id,
        roles=list(ROUTED_ROLES),
        only=None if only is None else list(only),
        after_code=None if after is None else after[0],
        after_id=None if after is None else after[1],
        at_most=at_most,
    )
    return [
        PositionListed(
            row.id,
            row.code,
            row.name,
            row.role,
            row.region,
            tuple(row.holders),
            row.routes,
            row.stores,
        )
        for row in rows
    ]


def find_position(
    uow: UnitOfWork, position_id: UUID, *, today: date, asker_id: UUID | None
) -> PositionListed:
    """One of `list_positions`. Raises NoSuchPosition, also for one that the asker may not see."""
    found = list_positions(uow, today=today, asker_id=asker_id, only=[position_id], at_most=1)
    if not found:
        raise NoSuchPosition(Said("there is no such position in this company"))
    return found[0]


def list_regions(uow: UnitOfWork, *, today: date, asker_id: UUID | None) -> list[RegionListed]:
    """Regions that have positions which the asker may see, parents before children. Two queries."""
    seen = positions_to_act_for(uow, asker_id, today)
    rows = uow.rows(_REGIONS, company=uow.company_id, is_all=seen is None, seen=sorted(seen or ()))
    return [RegionListed(row.id, row.name, row.depth) for row in rows]


def check_positions_seen(
    uow: UnitOfWork, position_ids: Iterable[UUID], *, today: date, asker_id: UUID | None
) -> None:
    """Raise NoSuchPosition where the asker may not see one of them."""
    seen = positions_to_act_for(uow, asker_id, today)
    if seen is not None and not seen.issuperset(position_ids):
        raise NoSuchPosition(Said("there is no such position in this company"))


def check_route_seen(
    uow: UnitOfWork, route_id: UUID, *, today: date, asker_id: UUID | None
) -> UUID:
    """The position of a route. Raises NoSuchRoute, also where the asker may not see the position."""
    found = uow.rows(_ROUTE_AT, company=uow.company_id, route=route_id)
    seen = positions_to_act_for(uow, asker_id, today)
    if not found or (seen is not None and found[0].position_id not in seen):
        raise NoSuchRoute(Said("there is no such route in this company"))
    position_id: UUID = found[0].position_id
    return position_id


def stores_seen(uow: UnitOfWork, *, today: date, asker_id: UUID | None) -> dict[str, object]:
    """What `SEEN_STORES` asks for. At most two queries."""
    seen = positions_to_act_for(uow, asker_id, today)
    return {
        "company": uow.company_id,
        "asker": asker_id,
        "today": today,
        "seen": sorted(seen or ()),
        "is_admin": asker_id is not None
        and bool(uow.rows(_IS_ADMIN, company=uow.company_id, asker=asker_id, today=today)[0].it),
    }


def stores_to_open(
    uow: UnitOfWork, store_ids: Iterable[UUID], *, today: date, asker_id: UUID | None
) -> frozenset[UUID]:
    """Those of these stores that the asker finds among the stores, so that a page may lead there. At most three queries."""
    seen = stores_seen(uow, today=today, asker_id=asker_id)
    return frozenset(row.id for row in uow.rows(_AMONG, **seen, wanted=list(store_ids)))


def check_stores_seen(
    uow: UnitOfWork, store_ids: Iterable[UUID], *, today: date, asker_id: UUID | None
) -> None:
    """Raise NoSuchStore where the asker may not see one of them."""
    wanted = list(store_ids)
    if asker_id is None or not wanted:
        return
    missing = uow.rows(_NOT_SEEN, **stores_seen(uow, today=today, asker_id=asker_id), wanted=wanted)
    if missing:
        raise NoSuchStore(Said("there is no such store in this company"))
