"""Who gets a form: the positions, people and phones that a version would go to with their next sync."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sync.unit_of_work import UnitOfWork

_REACH = """
with named as (
    select id from division where company_id = :company and code = any(:codes)
), holder as (
    select distinct h.person_id from holder_key h join company c on c.id = h.company_id
    where h.company_id = :company
      and (h.key in (select id from named) or (:is_for_all and h.key = c.key))
)
select 'people' as what, count(*) as number from holder
union all
select 'phones', count(*) from device d join holder h on h.person_id = d.person_id
where d.company_id = :company and d.state = 'ACTIVE'
union all
(select p.role, count(distinct p.id)
from occupancy o join holder h on h.person_id = o.person_id
join position p on p.company_id = o.company_id and p.id = o.position_id
where o.company_id = :company and o.starts_on <= :today and (o.ends_on is null or o.ends_on >= :today)
  and (:is_for_all or p.division_id is null or p.division_id in (select id from named))
group by p.role order by p.role)
"""


@dataclass(frozen=True, slots=True)
class Reach:
    """How many people get a form, with how many phones, on how many positions of each role."""

    people: int
    phones: int
    positions: Mapping[str, int]


def reach_of(uow: UnitOfWork, divisions: Sequence[str], today: date) -> Reach:
    """Who gets a form that is for these divisions; for none: for everybody."""
    rows = uow.rows(
        _REACH,
        company=uow.company_id,
        codes=list(divisions),
        is_for_all=not divisions,
        today=today,
    )
    people, phones, *roles = rows
    return Reach(people.number, phones.number, {row.what: row.number for row in roles})
