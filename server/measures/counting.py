"""Keeping the days of visits and plans by month (sync/counted_days.py): once all that a company has, then what changed.

Until all was counted, and while the company wants other flags accepted than when it was, measures are read from the facts.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from server.measures.days import PLANNED_FROM_FACTS, SOLD_FROM_FACTS, VISITED_FROM_FACTS
from server.measures.facts import DECIDED
from sync.policy import Policy, current_policy
from sync.unit_of_work import Database, UnitOfWork

AT_ONCE = 1_000
# Questions put ten thousands of rows together: with the memory that PostgreSQL gives by itself they would be sorted on disk.
_ARE_COUNTED = """
select (select to_accept from days_counted where company_id = :company and is_whole) as to_accept,
       set_config('work_mem', '32MB', true)
"""
# Of several workers one counts, the others go on.
_LOCK = """
select to_accept, is_whole from days_counted where company_id = :company for update
"""
_HAS_CHANGED = "select from days_changed where company_id = :company limit 1"
_TRY_LOCK = _LOCK + " skip locked"
_BEGIN = """
insert into days_counted (company_id, to_accept, is_whole) values (:company, :to_accept, false)
on conflict (company_id) do update set to_accept = excluded.to_accept, is_whole = false
"""
_END = "update days_counted set is_whole = true where company_id = :company"
_MONTHS = """
select least(v.first, p.first, o.first) as first, greatest(v.last, p.last, o.last) as last from
    (select min(business_day) as first, max(business_day) as last from visit where company_id = :company) v,
    (select min(day) as first, max(day) as last from day_plan
     where company_id = :company and frozen_at is not null) p,
    (select min(business_day) as first, max(business_day) as last from order_header
     where company_id = :company) o
"""
# What is taken here is committed before the facts are read: what is noted meanwhile stays for the next time.
_TAKE = """
delete from days_changed d using (
    select number from days_changed where company_id = :company order by number limit :at_most
) t
where d.company_id = :company and d.number = t.number
returning d.about, d.owner_id, d.month
"""
_LATE = """
{name} as (
    select r.owner_id, r.month, r.month as first_day, cast(r.month + interval '1 month' as date) - 1 as last_day
    from unnest(cast(:owners as uuid[]), cast(:months as date[])) as r(owner_id, month)
)
"""
_DROP_VISITED = """
delete from visited_days k using unnest(cast(:owners as uuid[]), cast(:months as date[])) as r(owner_id, month)
where k.company_id = :company and k.month = r.month and k.store_id = r.owner_id
"""
_DROP_PLANNED = """
delete from planned_days k using unnest(cast(:owners as uuid[]), cast(:months as date[])) as r(owner_id, month)
where k.company_id = :company and k.month = r.month and k.position_id = r.owner_id
"""
_DROP_SOLD = """
delete from sold_days k using unnest(cast(:owners as uuid[]), cast(:months as date[])) as r(owner_id, month)
where k.company_id = :company and k.month = r.month and k.store_id = r.owner_id
"""
_INSERT_VISITED = """
insert into visited_days (company_id, store_id, month, position_id, person_id, is_by_plan, days)
"""
_INSERT_PLANNED = "insert into planned_days (company_id, position_id, month, store_id, days)"
_COUNT_VISITED = f"""
with {DECIDED}, {_LATE.format(name="late")} {_INSERT_VISITED}
select cast(:company as integer), f.* from ({VISITED_FROM_FACTS}) f order by f.store_id
"""
_COUNT_PLANNED = f"""
with {_LATE.format(name="replanned")} {_INSERT_PLANNED}
select cast(:company as integer), f.* from ({PLANNED_FROM_FACTS}) f order by f.position_id
"""
_COUNT_SOLD = f"""
with {_LATE.format(name="resold")}
insert into sold_days
    (company_id, store_id, month, position_id, person_id, currency, days, amount, numbers, amounts)
select cast(:company as integer), f.* from ({SOLD_FROM_FACTS}) f order by f.store_id
"""
_STORES = """
select distinct store_id as id from visit
where company_id = :company and business_day between :first_day and :last_day
"""
_BUYERS = """
select distinct store_id as id from order_header
where company_id = :company and business_day between :first_day and :last_day
"""
_POSITIONS = """
select distinct position_id as id from day_plan
where company_id = :company and day between :first_day and :last_day
"""


def are_counted(uow: UnitOfWork, policy: Policy) -> bool:
    """Whether all days are counted, by the flags that have to be accepted now. Gives the transaction memory for its question."""
    (found,) = uow.rows(_ARE_COUNTED, company=uow.company_id)
    return bool(found.to_accept == sorted(policy.flags_to_accept))


def keep_days_counted(database: Database, company_id: int) -> int:
    """Count what changed, or everything where that was never done or by other flags; how many notes of changes
    there were. Running it again does nothing.
    """
    with database.reading(company_id) as uow:
        policy = current_policy(uow)[1]
        is_whole = are_counted(uow, policy)
        has_changed = bool(uow.rows(_HAS_CHANGED, company=company_id))
    if not is_whole:
        count_all_days(database, company_id, sorted(policy.flags_to_accept))
    elif not has_changed:
        return 0
    counted = 0
    while found := _count_changed(database, company_id):
        counted += found
        if found < AT_ONCE:
            break
    return counted


def count_all_days(database: Database, company_id: int, to_accept: Sequence[str]) -> bool:
    """Count everything, a month a transaction; whether nobody began anew meanwhile with other flags."""
    with database.company(company_id) as uow:
        uow.run(_BEGIN, company=company_id, to_accept=list(to_accept))
        (span,) = uow.rows(_MONTHS, company=company_id)
    month = None if span.first is None else span.first.replace(day=1)
    while month is not None and month <= span.last:
        with database.company(company_id) as uow:
            if not _is_ours(uow, to_accept):
                return False
            days = {"company": company_id, "first_day": month, "last_day": _last_day(month)}
            stores = [row.id for row in uow.rows(_STORES, **days)]
            _count_visited(uow, stores, [month] * len(stores), to_accept)
            positions = [row.id for row in uow.rows(_POSITIONS, **days)]
            _count(uow, positions, [month] * len(positions), _DROP_PLANNED, _COUNT_PLANNED)
            buyers = [row.id for row in uow.rows(_BUYERS, **days)]
            _count(uow, buyers, [month] * len(buyers), _DROP_SOLD, _COUNT_SOLD)
        month = _last_day(month) + timedelta(days=1)
    with database.company(company_id) as uow:
        if not _is_ours(uow, to_accept):
            return False
        uow.run(_END, company=company_id)
    return True


def _is_ours(uow: UnitOfWork, to_accept: Sequence[str]) -> bool:
    found = uow.rows(_LOCK, company=uow.company_id)
    return bool(found) and found[0].to_accept == list(to_accept) and not found[0].is_whole


def _count_changed(database: Database, company_id: int) -> int:
    """Count some of what changed; how many notes of changes there were."""
    with database.company(company_id) as uow:
        held = uow.rows(_TRY_LOCK, company=company_id)
        if not held or not held[0].is_whole:
            return 0
        taken = uow.rows(_TAKE, company=company_id, at_most=AT_ONCE)
        stores, months = _places(taken, "VISITS")
        _count_visited(uow, stores, months, held[0].to_accept)
        for about, drop, count in (
            ("PLANS", _DROP_PLANNED, _COUNT_PLANNED),
            ("SALES", _DROP_SOLD, _COUNT_SOLD),
        ):
            owners, months = _places(taken, about)
            _count(uow, owners, months, drop, count)
    return len(taken)


def _places(taken: Sequence[Any], about: str) -> tuple[list[UUID], list[date]]:
    places = sorted({(row.owner_id, row.month) for row in taken if row.about == about})
    return [owner for owner, _ in places], [month for _, month in places]


def _count_visited(
    uow: UnitOfWork, stores: Sequence[UUID], months: Sequence[date], to_accept: Sequence[str]
) -> None:
    if stores:
        period = {"first_day": min(months), "last_day": _last_day(max(months))}
        _count(
            uow, stores, months, _DROP_VISITED, _COUNT_VISITED, to_accept=list(to_accept), **period
        )


def _count(
    uow: UnitOfWork,
    owners: Sequence[UUID],
    months: Sequence[date],
    drop: str,
    count: str,
    **values: Any,
) -> None:
    if owners:
        places = {"company": uow.company_id, "owners": list(owners), "months": list(months)}
        uow.run(drop, **places)
        uow.run(count, **places, **values)


def _last_day(month: date) -> date:
    return (month + timedelta(days=31)).replace(day=1) - timedelta(days=1)
