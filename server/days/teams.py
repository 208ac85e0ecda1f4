"""Whose days somebody may look at, told apart by where their positions are; and who is out now.

A team is a region with all that is below it. With an asker only regions are told in which they may see a position.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from server.days.facts import FIELD_ROLES
from sync.unit_of_work import UnitOfWork

_TEAMS = """
with recursive manned as (
    select p.region_id, count(distinct o.person_id) as people from position p
    join occupancy o on o.company_id = p.company_id and o.position_id = p.id
                    and o.starts_on <= :day and (o.ends_on is null or o.ends_on >= :day)
    where p.company_id = :company and p.role = any(:roles)
      and (:is_all_seen or p.id = any(:seen))
    group by p.region_id
), above as (
    select m.region_id as id, m.people from manned m
    union all
    select r.parent_id, a.people from above a
    join region r on r.company_id = :company and r.id = a.id
    where r.parent_id is not null
), counted as (
    select id, sum(people) as people from above group by id
), tree as (
    select r.id, r.parent_id, r.name, 0 as depth, array[r.name, r.id::text] as place from region r
    join counted c on c.id = r.id
    where r.company_id = :company and r.parent_id is null
    union all
    select r.id, r.parent_id, r.name, t.depth + 1, t.place || array[r.name, r.id::text] from tree t
    join region r on r.company_id = :company and r.parent_id = t.id
    join counted c on c.id = r.id
    where t.depth < 32
)
select t.id, t.name, t.depth, c.people from tree t join counted c on c.id = t.id
order by t.place limit :at_most
"""
_PEOPLE_OF = """
with recursive below as (
    select cast(:region as uuid) as id
    union
    select r.id from region r join below b on r.parent_id = b.id where r.company_id = :company
)
select distinct o.person_id from position p
join below b on b.id = p.region_id
join occupancy o on o.company_id = p.company_id and o.position_id = p.id
                and o.starts_on <= :day and (o.ends_on is null or o.ends_on >= :day)
where p.company_id = :company and p.role = any(:roles) and (:is_all_seen or p.id = any(:seen))
limit :at_most
"""
_PHONES = """
select distinct on (person_id) person_id, last_seen_at, outbox_count, outbox_oldest_at
from device
where company_id = :company and person_id = any(:people) and state in ('ACTIVE', 'DRAINING')
order by person_id, last_seen_at desc nulls last
"""
MOST_TEAMS = 500
MOST_PEOPLE = 400


@dataclass(frozen=True, slots=True)
class Team:
    """A region with people of the field in it or below it; `depth` is how far below the top it is."""

    region_id: UUID
    name: str
    depth: int
    people: int


@dataclass(frozen=True, slots=True)
class PhoneTold:
    """When a person's phone was last heard of, and what it then said that it still holds."""

    last_seen_at: int | None
    holds: int
    holds_since: int | None


def list_teams(uow: UnitOfWork, day: date, seen: Collection[UUID] | None) -> list[Team]:
    """The teams of a day, parents before children; of the positions `seen`, None is all."""
    rows = uow.rows(
        _TEAMS,
        company=uow.company_id,
        day=day,
        roles=list(FIELD_ROLES),
        is_all_seen=seen is None,
        seen=list(seen or ()),
        at_most=MOST_TEAMS,
    )
    return [Team(row.id, row.name, row.depth, int(row.people)) for row in rows]


def people_of_team(
    uow: UnitOfWork, region_id: UUID, day: date, seen: Collection[UUID] | None
) -> list[UUID]:
    """Who held a position of the field in the region or below it on the day, at most `MOST_PEOPLE`."""
    rows = uow.rows(
        _PEOPLE_OF,
        company=uow.company_id,
        region=region_id,
        day=day,
        roles=list(FIELD_ROLES),
        is_all_seen=seen is None,
        seen=list(seen or ()),
        at_most=MOST_PEOPLE,
    )
    return [row.person_id for row in rows]


def phones_of(uow: UnitOfWork, people: Collection[UUID]) -> dict[UUID, PhoneTold]:
    """The phone of each of these people that was heard of last; who has none is not in it."""
    rows = uow.rows(_PHONES, company=uow.company_id, people=list(people))
    return {
        row.person_id: PhoneTold(
            None if row.last_seen_at is None else round(row.last_seen_at.timestamp() * 1000),
            row.outbox_count or 0,
            None
            if row.outbox_oldest_at is None
            else round(row.outbox_oldest_at.timestamp() * 1000),
        )
        for row in rows
    }
