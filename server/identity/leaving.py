"""A leave that is dated back is asked about where it would take back what has been."""

from datetime import date
from uuid import UUID

from sync.unit_of_work import UnitOfWork

DAYS_BACK_MAX = 31
"""How long after the day it is ordinary to hear that somebody has left."""

_HELD = """
select p.code, o.starts_on from occupancy o
join position p on p.company_id = o.company_id and p.id = o.position_id
where o.company_id = :company and o.person_id = :person and o.starts_on <= :today
  and (o.ends_on is null or o.ends_on >= :today) and o.starts_on >= :left_on
order by o.starts_on, p.code
"""
_LAST_WORK = """
select greatest(
    (select max(business_day) from visit
     where company_id = :company and person_id = :person and business_day <= :today),
    (select max(business_day) from attendance
     where company_id = :company and person_id = :person and business_day <= :today)) as day
"""


def doubts_about(uow: UnitOfWork, person_id: UUID, left_on: date, today: date) -> list[str]:
    """What speaks against this day of leaving; nothing for today, or a day that is to come."""
    if left_on >= today:
        return []
    asked = {"company": uow.company_id, "person": person_id, "today": today}
    doubts = [
        f"they hold {row.code} since {row.starts_on}"
        for row in uow.rows(_HELD, **asked, left_on=left_on)
    ]
    worked: date | None = uow.rows(_LAST_WORK, **asked)[0].day
    if worked is not None and worked >= left_on:
        doubts.append(f"they worked on {worked}")
    days = (today - left_on).days
    if days > DAYS_BACK_MAX:
        doubts.append(f"it is {days} days ago")
    return doubts
