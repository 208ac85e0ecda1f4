"""Regions as those who draw them see them: the tree, with what is in each, and who may change which.

Admins see and set all of them. A regional manager sees the regions that they hold and all below; the
lines of those below are theirs to set, their own region is set above them.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import Any
from uuid import UUID

from server.language import Said
from server.planning.errors import NoSuchRegion
from sync.unit_of_work import UnitOfWork

LISTED_MAX = 2_000

_IS_ADMIN = """
select exists (
    select from occupancy o
    join position p on p.company_id = o.company_id and p.id = o.position_id
    where o.company_id = :company and o.person_id = :asker and p.role = 'admin'
      and o.starts_on <= :today and (o.ends_on is null or o.ends_on >= :today)) as it
"""
_REACH = """
with recursive own as (
    select distinct p.region_id as id from occupancy o
    join position p on p.company_id = o.company_id and p.id = o.position_id
    where o.company_id = :company and o.person_id = :asker and p.role = 'regional_manager'
      and o.starts_on <= :today and (o.ends_on is null or o.ends_on >= :today)
), below as (
    select r.id from region r join own o on r.parent_id = o.id where r.company_id = :company
    union
    select r.id from region r join below b on r.parent_id = b.id where r.company_id = :company
)
select id, true as is_below from below
union all
select id, false from own where id not in (select id from below)
"""
_TREE = """
with recursive tree as (
    select r.id, 0 as depth, array[r.name, r.id::text] as place from region r
    where r.company_id = :company and r.parent_id is null
    union all
    select r.id, t.depth + 1, t.place || array[r.name, r.id::text] from tree t
    join region r on r.company_id = :company and r.parent_id = t.id
    where t.depth < 32
), stores as (
    select region_id, count(*) as number from store
    where company_id = :company and status = 'ACTIVE' group by region_id
), seats as (
    select region_id, count(*) as number from position where company_id = :company group by region_id
)
select r.id, r.code, r.name, r.parent_id,
       t.depth - (select min(depth) from tree where :is_all or id = any(:sees)) as depth, r.boundary is not null as has_boundary,
       coalesce(s.number, 0) as stores, coalesce(p.number, 0) as positions,
       array(select n.name from position q
             join occupancy o on o.company_id = q.company_id and o.position_id = q.id
               and o.starts_on <= :today and (o.ends_on is null or o.ends_on >= :today)
             join person n on n.company_id = o.company_id and n.id = o.person_id
             where q.company_id = r.company_id and q.region_id = r.id
               and q.role in ('supervisor', 'regional_manager')
             order by o.is_acting, n.name limit 3) as overseers
from tree t join region r on r.company_id = :company and r.id = t.id
left join stores s on s.region_id = r.id left join seats p on p.region_id = r.id
where (:is_all or r.id = any(:sees))
  and (cast(:after as uuid) is null
       or t.place > (select place from tree where id = cast(:after as uuid)))
order by t.place limit :at_most
"""
_BOUNDARIES = """
select id, code, name, boundary from region
where company_id = :company and boundary is not null and (:is_all or id = any(:sees))
order by code limit :at_most
"""
_ONE = """
select id, code, name, parent_id, boundary from region
where company_id = :company and id = :region
"""


@dataclass(frozen=True, slots=True)
class RegionReach:
    """Which regions somebody sees and which they set; None: all of the company."""

    sees: frozenset[UUID] | None
    sets: frozenset[UUID] | None

    def may_see(self, region_id: UUID | None) -> bool:
        """Whether a region is among those seen; being at the top is only an admin's."""
        return self.sees is None or region_id in self.sees

    def may_set(self, region_id: UUID) -> bool:
        """Whether a region's name, place and line are theirs to set."""
        return self.sets is None or region_id in self.sets


ALL_REGIONS = RegionReach(None, None)


@dataclass(frozen=True, slots=True)
class RegionRow:
    """A region of the tree with how many are above it of those seen, and what is in it, without what is below."""

    id: UUID
    code: str
    name: str
    parent_id: UUID | None
    depth: int
    has_boundary: bool
    stores: int
    positions: int
    overseers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RegionSheet:
    """A region as it is set; `basis` names this state of it."""

    id: UUID
    code: str
    name: str
    parent_id: UUID | None
    boundary: Mapping[str, Any] | None

    @property
    def basis(self) -> str:
        told = [self.code, self.name, str(self.parent_id), self.boundary]
        return sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:32]


def region_reach(uow: UnitOfWork, asker_id: UUID | None, today: date) -> RegionReach:
    """What the asker may see and set; of nobody in the company that is all. At most two queries."""
    if asker_id is None:
        return ALL_REGIONS
    if uow.rows(_IS_ADMIN, company=uow.company_id, asker=asker_id, today=today)[0].it:
        return ALL_REGIONS
    rows = uow.rows(_REACH, company=uow.company_id, asker=asker_id, today=today)
    return RegionReach(
        frozenset(row.id for row in rows), frozenset(row.id for row in rows if row.is_below)
    )


def list_region_tree(
    uow: UnitOfWork,
    *,
    today: date,
    asker_id: UUID | None,
    after: UUID | None = None,
    at_most: int = LISTED_MAX,
) -> list[RegionRow]:
    """The regions that the asker may see, each after the one above it. At most three queries."""
    reach = region_reach(uow, asker_id, today)
    rows = uow.rows(_TREE, **_seen(uow, reach), today=today, after=after, at_most=at_most)
    return [
        RegionRow(
            row.id,
            row.code,
            row.name,
            row.parent_id,
            row.depth,
            row.has_boundary,
            row.stores,
            row.positions,
            tuple(row.overseers),
        )
        for row in rows
    ]


def list_boundaries(
    uow: UnitOfWork, reach: RegionReach, *, at_most: int = LISTED_MAX
) -> list[tuple[UUID, str, str, Mapping[str, Any]]]:
    """Id, code, name and boundary of the regions within reach that have one. One query."""
    rows = uow.rows(_BOUNDARIES, **_seen(uow, reach), at_most=at_most)
    return [(row.id, row.code, row.name, row.boundary) for row in rows]


def find_region(uow: UnitOfWork, region_id: UUID, reach: RegionReach) -> RegionSheet:
    """A region that is set within reach. Raises NoSuchRegion."""
    found = uow.rows(_ONE, company=uow.company_id, region=region_id)
    if not found or not reach.may_set(region_id):
        raise NoSuchRegion(Said("there is no such region in this company"))
    return RegionSheet(*found[0])


def _seen(uow: UnitOfWork, reach: RegionReach) -> dict[str, Iterable[UUID] | int | bool]:
    return {
        "company": uow.company_id,
        "is_all": reach.sees is None,
        "sees": sorted(reach.sees or ()),
    }
