"""The positions of a company as the office sees them: in their regions, with who holds them, since when nobody does, and who did.

Somebody sees the positions that they may see (`server.identity.permissions`), of every role.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from server.identity.permissions import positions_to_act_for, sees_all
from server.language import Said
from server.planning.errors import NoSuchPosition
from sync.unit_of_work import UnitOfWork

HOLDINGS = ("HELD", "VACANT", "UNCOVERED")
"""HELD by somebody who does not only stand in; VACANT; UNCOVERED: vacant, and nobody stands in."""

_NOW = "o.starts_on <= :today and (o.ends_on is null or o.ends_on >= :today)"
_OF_P = "o.company_id = p.company_id and o.position_id = p.id"
# The page first, and what is to be told of its positions then.
_LIST = f"""
with recursive seen as (select unnest(cast(:seen as uuid[])) as id), below as (
    select id from region where company_id = :company and id = cast(:region as uuid)
    union
    select r.id from region r join below b on r.parent_id = b.id where r.company_id = :company
), page as materialized (
    select p.* from position p
    where p.company_id = :company and (:is_all or p.id in (select id from seen))
      and (cast(:region as uuid) is null or p.region_id in (select id from below))
      and (cast(:role as text) is null or p.role = :role)
      and (cast(:only as uuid[]) is null or p.id = any(:only))
      and (cast(:after_code as text) is null or (p.code, p.id) > (:after_code, cast(:after_id as uuid)))
      and (cast(:words as text) is null or p.code ilike :words or p.name ilike :words or exists (
               select from occupancy o join person n on n.company_id = o.company_id and n.id = o.person_id
               where {_OF_P} and {_NOW} and n.name ilike :words))
      and (cast(:holding as text) is null
           or (:holding = 'HELD') = exists (select from occupancy o
                                            where {_OF_P} and {_NOW} and not o.is_acting))
      and (cast(:holding as text) is null or :holding <> 'UNCOVERED'
           or not exists (select from occupancy o where {_OF_P} and {_NOW}))
    order by p.code, p.id limit :at_most
)
select p.id, p.code, p.name, p.role, p.region_id, g.name as region, g.parent_id as above_id, p.division_id, d.name as division,
       holder.person_id as holder_id, holder.name as holder, holder.starts_on as held_since,
       holder.ends_on as held_until, acting.names as acting,
       case when holder.name is null then last.name end as last_holder,
       case when holder.name is null then last.ends_on end as last_day,
       next.name as next_holder, next.starts_on as next_day,
       (select count(*) from route o where {_OF_P} and o.is_active) as routes
from page p
join region g on g.company_id = p.company_id and g.id = p.region_id
left join division d on d.company_id = p.company_id and d.id = p.division_id
left join lateral (
    select o.person_id, n.name, o.starts_on, o.ends_on from occupancy o
    join person n on n.company_id = o.company_id and n.id = o.person_id
    where {_OF_P} and not o.is_acting and {_NOW}
    order by o.starts_on, o.id limit 1
) holder on true
left join lateral (
    select array_agg(n.name order by n.name, n.id) as names from occupancy o
    join person n on n.company_id = o.company_id and n.id = o.person_id
    where {_OF_P} and o.is_acting and {_NOW}
) acting on true
left join lateral (
    select n.name, o.ends_on from occupancy o
    join person n on n.company_id = o.company_id and n.id = o.person_id
    where {_OF_P} and not o.is_acting and o.ends_on < :today
    order by o.ends_on desc, o.id limit 1
) last on true
left join lateral (
    select n.name, o.starts_on from occupancy o
    join person n on n.company_id = o.company_id and n.id = o.person_id
    where {_OF_P} and not o.is_acting and o.starts_on > :today
    order by o.starts_on, o.id limit 1
) next on true
order by p.code, p.id
"""  # noqa: S608  put together from constants, above
_TREE = """
with recursive seen as (select unnest(cast(:seen as uuid[])) as id), counted as (
    select p.region_id, count(*) as positions,
           count(*) filter (where not exists (
               select from occupancy o where o.company_id = p.company_id and o.position_id = p.id
                 and not o.is_acting and o.starts_on <= :today
                 and (o.ends_on is null or o.ends_on >= :today))) as vacant
    from position p where p.company_id = :company and (:is_all or p.id in (select id from seen))
    group by p.region_id
), above as (
    select r.id from region r where r.company_id = :company
      and (:is_all or r.id in (select region_id from counted))
    union
    select r.parent_id from region r join above a on r.id = a.id
    where r.company_id = :company and r.parent_id is not null
), tree as (
    select r.id, r.code, r.name, 0 as depth, array[r.name, r.id::text] as place, array[r.id] as path
    from region r join above a on a.id = r.id where r.company_id = :company and r.parent_id is null
    union all
    select r.id, r.code, r.name, t.depth + 1, t.place || array[r.name, r.id::text], t.path || r.id
    from tree t join region r on r.company_id = :company and r.parent_id = t.id
    join above a on a.id = r.id where t.depth < 32
), summed as (
    select a.id, sum(c.positions) as positions, sum(c.vacant) as vacant
    from tree t join counted c on c.region_id = t.id cross join lateral unnest(t.path) as a(id)
    group by a.id
)
select t.id, t.code, t.name, t.depth, coalesce(s.positions, 0) as positions, coalesce(s.vacant, 0) as vacant
from tree t left join summed s on s.id = t.id order by t.place limit :at_most
"""
_HOLDERS = """
select o.id, o.person_id, n.name, o.starts_on, o.ends_on, o.is_acting, n.left_on
from occupancy o join person n on n.company_id = o.company_id and n.id = o.person_id
where o.company_id = :company and o.position_id = :position
order by o.ends_on desc nulls first, o.starts_on desc, n.name limit 200
"""
_HOLDING = """
select o.id, o.person_id, n.name, o.position_id, p.code, p.name as position_name, o.starts_on, o.ends_on, o.is_acting
from occupancy o
join person n on n.company_id = o.company_id and n.id = o.person_id
join position p on p.company_id = o.company_id and p.id = o.position_id
where o.company_id = :company and o.id = :occupancy
"""
_DIVISIONS = "select id, name from division where company_id = :company order by name, id limit 500"
REGIONS_MAX = 2_000


@dataclass(frozen=True, slots=True)
class PositionHeld:
    """A position and who holds it today. Of a vacant one: who did last, until when; `last_day` None where nobody ever did."""

    id: UUID
    code: str
    name: str
    role: str
    region_id: UUID
    region: str
    # The region above its own.
    above_id: UUID | None
    division_id: UUID | None
    division: str | None
    holder_id: UUID | None
    holder: str | None
    held_since: date | None
    held_until: date | None
    acting: tuple[str, ...]
    last_holder: str | None
    last_day: date | None
    next_holder: str | None
    next_day: date | None
    routes: int

    @property
    def is_vacant(self) -> bool:
        """Whether nobody holds it, or only stands in."""
        return self.holder is None

    @property
    def told(self) -> str:
        """Its code, name and who holds it, as lists to choose from have it."""
        held = self.holder or ", ".join(self.acting)
        return f"{self.code} {self.name}" + (f" ({held})" if held else "")


@dataclass(frozen=True, slots=True)
class PositionsAsked:
    """Which positions: of a region and those below it, a role, held or not; `words` are in codes, names and names of holders."""

    words: str = ""
    region_id: UUID | None = None
    role: str = ""
    holding: str = ""


@dataclass(frozen=True, slots=True)
class RegionCounted:
    """A region of the tree with how many are above it, and how many positions are in it and below, and vacant of these."""

    id: UUID
    code: str
    name: str
    depth: int
    positions: int
    vacant: int


@dataclass(frozen=True, slots=True)
class Holding:
    """An occupancy: who holds which position, from the first day to the last."""

    id: UUID
    person_id: UUID
    person: str
    position_id: UUID
    code: str
    name: str
    starts_on: date
    ends_on: date | None
    is_acting: bool


@dataclass(frozen=True, slots=True)
class Holder:
    """An occupancy of a position: whose it is, from the first day to the last."""

    id: UUID
    person_id: UUID
    name: str
    starts_on: date
    ends_on: date | None
    is_acting: bool

    def lasts(self, day: date) -> bool:
        """Whether it is held on this day."""
        return self.starts_on <= day and (self.ends_on is None or self.ends_on >= day)

    def is_over(self, day: date) -> bool:
        """Whether it ended before this day."""
        return self.ends_on is not None and self.ends_on < day


def list_held_positions(
    uow: UnitOfWork,
    asked: PositionsAsked,
    *,
    today: date,
    asker_id: UUID | None,
    after: tuple[str, UUID] | None = None,
    at_most: int = 100,
    only: Iterable[UUID] | None = None,
) -> list[PositionHeld]:
    """The positions that the asker may see, by code. Two queries."""
    words = " ".join(asked.words.replace("\0", " ").split())[:200]
    for special in ("\\", "%", "_"):
        words = words.replace(special, f"\\{special}")
    rows = uow.rows(
        _LIST,
        **_seen_by(uow, asker_id, today),
        region=asked.region_id,
        role=asked.role or None,
        holding=asked.holding or None,
        words=f"%{words}%" if words else None,
        only=None if only is None else list(only),
        after_code=None if after is None else after[0],
        after_id=None if after is None else after[1],
        at_most=at_most,
    )
    return [
        PositionHeld(
            id=row.id,
            code=row.code,
            name=row.name,
            role=row.role,
            region_id=row.region_id,
            region=row.region,
            above_id=row.above_id,
            division_id=row.division_id,
            division=row.division,
            holder_id=row.holder_id,
            holder=row.holder,
            held_since=row.held_since,
            held_until=row.held_until,
            acting=tuple(row.acting or ()),
            last_holder=row.last_holder,
            last_day=row.last_day,
            next_holder=row.next_holder,
            next_day=row.next_day,
            routes=row.routes,
        )
        for row in rows
    ]


def find_held_position(
    uow: UnitOfWork, position_id: UUID, *, today: date, asker_id: UUID | None
) -> PositionHeld:
    """One of `list_held_positions`. Raises NoSuchPosition, also for one that the asker may not see."""
    found = list_held_positions(
        uow, PositionsAsked(), today=today, asker_id=asker_id, at_most=1, only=[position_id]
    )
    if not found:
        raise NoSuchPosition(Said("there is no such position in this company"))
    return found[0]


def list_region_tree(uow: UnitOfWork, *, today: date, asker_id: UUID | None) -> list[RegionCounted]:
    """The regions of the positions that the asker may see, and those above, parents first. Two queries.

    Who sees all positions sees all regions, also those without any.
    """
    rows = uow.rows(_TREE, **_seen_by(uow, asker_id, today), at_most=REGIONS_MAX)
    return [
        RegionCounted(row.id, row.code, row.name, row.depth, int(row.positions), int(row.vacant))
        for row in rows
    ]


def holders_of(
    uow: UnitOfWork, position_id: UUID, *, today: date, asker_id: UUID | None
) -> list[Holder]:
    """Who holds a position, will and did: what lasts first, then the latest. Raises NoSuchPosition."""
    seen = positions_to_act_for(uow, asker_id, today)
    if seen is not None and position_id not in seen:
        raise NoSuchPosition(Said("there is no such position in this company"))
    rows = uow.rows(_HOLDERS, company=uow.company_id, position=position_id)
    return [
        Holder(row.id, row.person_id, row.name, row.starts_on, row.ends_on, row.is_acting)
        for row in rows
    ]


def find_holding(uow: UnitOfWork, occupancy_id: UUID) -> Holding:
    """One occupancy of the company. Raises NoSuchPosition."""
    rows = uow.rows(_HOLDING, company=uow.company_id, occupancy=occupancy_id)
    if not rows:
        raise NoSuchPosition(Said("there is no such occupancy in this company"))
    return Holding(*rows[0])


def list_divisions_named(uow: UnitOfWork) -> list[tuple[UUID, str]]:
    """The divisions of the company by name."""
    return [(row.id, row.name) for row in uow.rows(_DIVISIONS, company=uow.company_id)]


def _seen_by(uow: UnitOfWork, asker_id: UUID | None, today: date) -> dict[str, object]:
    is_all = sees_all(uow, asker_id, today)
    seen = frozenset() if is_all else positions_to_act_for(uow, asker_id, today) or frozenset()
    return {"company": uow.company_id, "today": today, "is_all": is_all, "seen": sorted(seen)}
