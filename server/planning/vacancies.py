"""Positions that nobody holds: who held them last, who stands in, who comes next, what waits there.

A vacant position keeps its routes and stores, and its plans are made as ever; whoever stands in as
acting holder has them on their phone. Source: domain rules, "Routes and the calendar".
"""

from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from sync.unit_of_work import UnitOfWork

_LIST = """
select p.id, p.code, p.name, p.role, r.code as region_code,
       last.name as last_holder, last.ends_on as last_day,
       next.name as next_holder, next.starts_on as next_day,
       acting.names as acting, acting.until as acting_until,
       (select count(*) from route o where o.company_id = p.company_id and o.position_id = p.id
        and o.is_active) as routes,
       (select count(*) from day_plan d
        join day_plan_stop s on s.company_id = d.company_id and s.day_plan_id = d.id
                            and s.plan_version = d.plan_version
        where d.company_id = p.company_id and d.position_id = p.id
          and d.day between :day and :until) as stops_due
from position p
join region r on r.company_id = p.company_id and r.id = p.region_id
left join lateral (
    select n.name, o.ends_on from occupancy o
    join person n on n.company_id = o.company_id and n.id = o.person_id
    where o.company_id = p.company_id and o.position_id = p.id and not o.is_acting
      and o.ends_on < :day
    order by o.ends_on desc, o.id limit 1
) last on true
left join lateral (
    select n.name, o.starts_on from occupancy o
    join person n on n.company_id = o.company_id and n.id = o.person_id
    where o.company_id = p.company_id and o.position_id = p.id and not o.is_acting
      and o.starts_on > :day
    order by o.starts_on, o.id limit 1
) next on true
left join lateral (
    select array_agg(n.name order by n.name, n.id) as names,
           case when bool_or(o.ends_on is null) then null else max(o.ends_on) end as until
    from occupancy o
    join person n on n.company_id = o.company_id and n.id = o.person_id
    where o.company_id = p.company_id and o.position_id = p.id and o.is_acting
      and o.starts_on <= :day and (o.ends_on is null or o.ends_on >= :day)
      and (n.left_on is null or n.left_on > :day)
) acting on true
where p.company_id = :company
  and not exists (
      select from occupancy o where o.company_id = p.company_id and o.position_id = p.id
        and not o.is_acting and o.starts_on <= :day and (o.ends_on is null or o.ends_on >= :day))
  and (not :uncovered or acting.names is null)
  and (cast(:region as uuid) is null or p.region_id in (
      with recursive below as (
          select cast(:region as uuid) as id
          union
          select x.id from region x join below b on x.parent_id = b.id where x.company_id = :company
      ) select id from below))
order by p.code limit :at_most
"""
DAYS_AHEAD = 7


@dataclass(frozen=True, slots=True)
class Vacancy:
    """A position without a holder on a day.

    `acting` stand in then, until `acting_until` (None while without an end). `stops_due` are those of
    its plans from the day on, for a week.
    """

    position_id: UUID
    code: str
    name: str
    role: str
    region_code: str
    last_holder: str | None
    last_day: date | None
    next_holder: str | None
    next_day: date | None
    acting: tuple[str, ...]
    acting_until: date | None
    routes: int
    stops_due: int


def list_vacancies(
    uow: UnitOfWork,
    day: date,
    *,
    is_uncovered: bool = False,
    region_id: UUID | None = None,
    at_most: int = 100,
) -> list[Vacancy]:
    """The positions that nobody holds on a day, by code: with `is_uncovered` only those where nobody
    stands in either, of a region with those below it. One query.
    """
    rows = uow.rows(
        _LIST,
        company=uow.company_id,
        day=day,
        until=day + timedelta(days=DAYS_AHEAD - 1),
        uncovered=is_uncovered,
        region=region_id,
        at_most=at_most,
    )
    return [
        Vacancy(
            position_id=row.id,
            code=row.code,
            name=row.name,
            role=row.role,
            region_code=row.region_code,
            last_holder=row.last_holder,
            last_day=row.last_day,
            next_holder=row.next_holder,
            next_day=row.next_day,
            acting=tuple(row.acting or ()),
            acting_until=row.acting_until,
            routes=row.routes,
            stops_due=row.stops_due,
        )
        for row in rows
    ]
