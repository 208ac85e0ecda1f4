"""Whose a record is, kind by kind, by the row that it stands for: a person's, a seat's, a division's or everybody's.

Each kind is one statement: `id`, `owners` (ids of people, positions, divisions, or of the company) and `is_past`: it
leaves when a day begins, and may be there or not until then. What is nobody's has no row. `:company` is
the key of the company; `:first_day` the first day that phones still hold, `:since` its first moment.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

Rows = Callable[..., list[Any]]

ZONE = ZoneInfo("Asia/Shanghai")
DAYS_ON_PHONE = 14
# A plan is there from so many days before its day to so many after.
_PLAN_DAYS_AHEAD, _PLAN_DAYS_BEHIND = 14, 7
_DAYS_AFTER_END = 7

_FACT = (
    "select id, array[person_id] as owners,"
    " business_day < :first_day or received_at < :since as is_past from {} where company_id = :c"
)
_TERMS = """
select p.id, array[coalesce(p.division_id, :company)] as owners,
       coalesce(p.ended_at < :now, false)
       or not exists (select from {0}_version v
                      where v.company_id = p.company_id and v.{0}_id = p.id
                        and (v.valid_until is null or v.valid_until > :after_end)) as is_past
from {0} p where p.company_id = :c {1}
"""
OWNERS: Mapping[str, str] = {
    **{kind: _FACT.format(kind) for kind in ("visit", "attendance", "form_answer", "audit_visit")},
    # Until its bytes have come and, after an appeal, until that is decided.
    "photo": """
select id, array[person_id] as owners,
       state not in ('EXPECTED', 'UPLOADING', 'APPEALED')
       and (business_day < :first_day or received_at < :since) as is_past
from photo where company_id = :c
""",
    # From its dispatch on also whoever delivers it.
    "order": """
select id, array_remove(array[person_id, driver_position_id], null) as owners,
       state in ('REJECTED', 'CANCELLED', 'CLOSED')
       and (business_day < :first_day or received_at < :since) as is_past
from order_header where company_id = :c
""",
    "day_plan": """
select id, array[position_id] as owners, false as is_past from day_plan
where company_id = :c and day between :first_plan_day and :last_plan_day
""",
    # The month before, this one and the next.
    "target": """
select id, array[position_id] as owners, false as is_past from target
where company_id = :c and month between date_trunc('month', cast(:today as date)) - interval '1 month'
                                    and date_trunc('month', cast(:today as date)) + interval '1 month'
""",
    "task": """
select id, array[coalesce(position_id, person_id)] as owners,
       coalesce(over_at < :since, false) as is_past
from task where company_id = :c
""",
    # To a region: every seat in it and below.
    "notice": """
with recursive below as (
    select n.id as notice_id, r.id as region_id from notice n
    join region r on r.company_id = n.company_id and r.id = any(n.audience_ids)
    where n.company_id = :c and n.audience = 'REGION'
    union
    select b.notice_id, r.id from below b join region r on r.company_id = :c and r.parent_id = b.region_id
)
select n.id, false as is_past,
       case n.audience when 'COMPANY' then array[:company]
           when 'REGION' then array(
               select p.id from below b join position p on p.company_id = :c and p.region_id = b.region_id
               where b.notice_id = n.id)
           else n.audience_ids end as owners
from notice n
where n.company_id = :c and n.state = 'GIVEN' and :today between n.starts_on and n.ends_on
""",
    # Those who asked from a seat see it too; phones of a soak are of reps, who ask nobody.
    "location_check": """
select id, array[person_id] as owners, business_day < :first_day as is_past
from location_check where company_id = :c
""",
    "product": """
select id, array[coalesce(division_id, :company)] as owners, false as is_past
from product where company_id = :c
""",
    "price_list": _TERMS.format("price_list", ""),
    "promotion": _TERMS.format("promotion", "and p.state <> 'DRAFT'"),
    "form_template": """
select t.id, false as is_past,
       case when v.division_ids = '{}' then array[:company] else v.division_ids end as owners
from form_template t
join form_template_version v
  on v.company_id = t.company_id and v.template_id = t.id and v.version = t.version
where t.company_id = :c and t.state = 'PUBLISHED'
""",
    "activity": """
select id, array[coalesce(division_id, :company)] as owners,
       coalesce(settled_on < :first_day, false) as is_past
from activity where company_id = :c and state <> 'DRAFT'
""",
    "proposal": """
select id, array[person_id] as owners, coalesce(decided_at < :since, false) as is_past
from proposal where company_id = :c
""",
}


@dataclass(frozen=True, slots=True)
class Owned:
    """Of a kind: what is whose, and what of it is about to leave."""

    by_owner: Mapping[str, frozenset[str]]
    past: frozenset[str]

    def faults(self, owners: Iterable[str], held: Iterable[str]) -> list[tuple[str, str]]:
        """(what is wrong, with which record), of what a phone holds whose person is these owners."""
        there = set(held)
        wanted = {id_ for owner in owners for id_ in self.by_owner.get(owner, ())}
        return [
            *(("is missing", id_) for id_ in sorted(wanted - there - self.past)),
            *(("does not belong there", id_) for id_ in sorted(there - wanted)),
        ]


def read_owned(rows: Rows, now: datetime) -> dict[str, Owned]:
    """Every kind of `OWNERS` as of a moment."""
    today = now.astimezone(ZONE).date()
    first_day = today - timedelta(days=DAYS_ON_PHONE)
    values = {
        "company": company_key(rows),
        "now": now,
        "today": today,
        "first_day": first_day,
        "since": datetime.combine(first_day, time(), ZONE),
        "first_plan_day": today - timedelta(days=_PLAN_DAYS_BEHIND),
        "last_plan_day": today + timedelta(days=_PLAN_DAYS_AHEAD),
        "after_end": now - timedelta(days=_DAYS_AFTER_END),
    }
    found = {}
    for kind, statement in OWNERS.items():
        used = {name: value for name, value in values.items() if f":{name}" in statement}
        by_owner: dict[str, set[str]] = defaultdict(set)
        past = set()
        for row in rows(statement, **used):
            for owner in row.owners:
                by_owner[str(owner)].add(str(row.id))
            if row.is_past:
                past.add(str(row.id))
        found[kind] = Owned({k: frozenset(v) for k, v in by_owner.items()}, frozenset(past))
    return found


def company_key(rows: Rows) -> Any:
    """The id of everybody in the company."""
    return rows("select key from company where id = :c")[0].key
