"""Whom somebody may ask or tell: the positions that they see, by name, by role and region, or by the stores they work."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from server.identity.permissions import SEES_ALL, positions_to_act_for
from server.language import Said
from server.tasks.errors import NoSuchRecord
from sync.scope import OVERSEERS
from sync.unit_of_work import UnitOfWork

CHOSEN_MAX = 1_000

_POSITIONS = """
with recursive below as (
    select id from region where company_id = :company and id = cast(:region as uuid)
    union
    select r.id from region r join below b on r.parent_id = b.id where r.company_id = :company
)
select p.id, p.code, p.role, g.name as region,
       array(select n.name from occupancy o
             join person n on n.company_id = o.company_id and n.id = o.person_id
             where o.company_id = p.company_id and o.position_id = p.id
               and o.starts_on <= :today and (o.ends_on is null or o.ends_on >= :today)
             order by o.is_acting, n.name limit 3) as holders
from position p
join region g on g.company_id = p.company_id and g.id = p.region_id
where p.company_id = :company and (:sees_all or p.id = any(:positions))
  and (cast(:region as uuid) is null or p.region_id in (select id from below))
  and (cast(:role as text) is null or p.role = :role)
order by p.code, p.id limit :at_most
"""
# An admin tells every region something; who oversees one, that and all below it.
_REGIONS = """
with recursive seat as (
    select p.role, p.region_id from occupancy o
    join position p on p.company_id = o.company_id and p.id = o.position_id
    where o.company_id = :company and o.person_id = :asker
      and o.starts_on <= :today and (o.ends_on is null or o.ends_on >= :today)
), tree as (
    select r.id, r.name, 0 as depth, array[r.name, r.id::text] as place from region r
    where r.company_id = :company
      and case when exists (select from seat where role = any(:sees_all)) then r.parent_id is null
          else r.id in (select region_id from seat where role = any(:overseers)) end
    union all
    select r.id, r.name, t.depth + 1, t.place || array[r.name, r.id::text] from tree t
    join region r on r.company_id = :company and r.parent_id = t.id where t.depth < 32
)
select distinct on (place) id, name, depth from tree order by place limit 500
"""
# A store's own position, else that of a route it is on.
_STORES = """
select s.code, s.id, coalesce(
           case when :sees_all or s.position_id = any(:positions) then s.position_id end,
           (select r.position_id from route_stop t
            join route r on r.company_id = t.company_id and r.id = t.route_id and r.is_active
            where t.company_id = s.company_id and t.store_id = s.id
              and (:sees_all or r.position_id = any(:positions))
            order by r.position_id limit 1)) as position_id
from store s where s.company_id = :company and s.code = any(:codes)
"""


@dataclass(frozen=True, slots=True)
class Whom:
    """A position with who holds it today."""

    id: UUID
    code: str
    role: str
    region: str
    holders: tuple[str, ...]

    @property
    def told(self) -> str:
        """Its code and who holds it."""
        return f"{self.code} {', '.join(self.holders)}".strip()


@dataclass(frozen=True, slots=True)
class RegionToTell:
    """A region with how many of those listed are above it."""

    id: UUID
    name: str
    depth: int


@dataclass(frozen=True, slots=True)
class StoreAsked:
    """A store and the position that works it."""

    store_id: UUID
    position_id: UUID


def whom_to_ask(
    uow: UnitOfWork,
    *,
    today: date,
    asker_id: UUID | None,
    region_id: UUID | None = None,
    role: str | None = None,
    at_most: int = CHOSEN_MAX,
) -> list[Whom]:
    """The positions that the asker may see, of a role and in a region or below, by code. Two queries."""
    seen = positions_to_act_for(uow, asker_id, today)
    rows = uow.rows(
        _POSITIONS,
        company=uow.company_id,
        today=today,
        sees_all=seen is None,
        positions=sorted(seen or ()),
        region=region_id,
        role=role,
        at_most=at_most,
    )
    return [Whom(row.id, row.code, row.role, row.region, tuple(row.holders)) for row in rows]


def regions_to_tell(uow: UnitOfWork, *, today: date, asker_id: UUID) -> list[RegionToTell]:
    """The regions that the asker may tell something whole, parents before children. One query."""
    rows = uow.rows(
        _REGIONS,
        company=uow.company_id,
        asker=asker_id,
        today=today,
        sees_all=list(SEES_ALL),
        overseers=list(OVERSEERS),
    )
    return [RegionToTell(row.id, row.name, row.depth) for row in rows]


def stores_to_ask_at(
    uow: UnitOfWork, codes: Sequence[str], *, today: date, asker_id: UUID | None
) -> list[StoreAsked]:
    """The stores with these codes and who works each, in this order. Two queries.

    Raises NoSuchRecord, naming those that are not there, or that no position works that the asker may see.
    """
    wanted = list(dict.fromkeys(codes))
    seen = positions_to_act_for(uow, asker_id, today)
    rows = uow.rows(
        _STORES,
        company=uow.company_id,
        codes=wanted,
        sees_all=seen is None,
        positions=sorted(seen or ()),
    )
    found = {row.code: row for row in rows if row.position_id is not None}
    missing = [code for code in wanted if code not in found]
    if missing:
        raise NoSuchRecord(
            Said("stores: {first} and {more} more", first=", ".join(missing[:10]), more=more)
            if (more := len(missing) - 10) > 0
            else Said("stores: {codes}", codes=", ".join(missing))
        )
    return [StoreAsked(found[code].id, found[code].position_id) for code in wanted]
