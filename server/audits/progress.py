"""How far the auditing and the paying of one activity is: what was brought, its photos, and what stores come to so far."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from server.activities.rights import STORE_IS_SEEN
from server.audits.rights import CASE_IS_SEEN, oversees, seen
from sync.unit_of_work import UnitOfWork

_CASES = f"""
select c.state, count(*) as cases
from activity_store s join audit_case c on c.company_id = s.company_id and c.activity_store_id = s.id
where s.company_id = :company and s.activity_id = :activity and {CASE_IS_SEEN} group by c.state
"""  # noqa: S608  put together from constants
_PHOTOS = f"""
select coalesce(f.state, 'EXPECTED') as state, count(*) as photos
from activity_store s
join audit_case c on c.company_id = s.company_id and c.activity_store_id = s.id
join audit_visit v on v.company_id = c.company_id and v.id = c.id
join audit_photo p on p.company_id = v.company_id and p.audit_visit_id = v.id and p.version = v.version
left join lateral (
    select h.state from photo h
    where h.company_id = p.company_id and h.sha256 = p.sha256 and h.visit_id = v.visit_id
    order by h.id limit 1
) f on true
where s.company_id = :company and s.activity_id = :activity and {CASE_IS_SEEN}
group by 1
"""  # noqa: S608  as above
# The last result of each store that is in the activity, as it counts or will.
_RESULTS = f"""
select p.state in ('PAID', 'REDUCED') as is_paid, count(*) as stores,
       coalesce(sum(r.amount_minor), 0)::bigint as amount_minor
from activity_store p
join store s on s.company_id = p.company_id and s.id = p.store_id
join lateral (
    select r.amount_minor from activity_result r
    where r.company_id = p.company_id and r.activity_store_id = p.id order by r.number desc limit 1
) r on true
where p.company_id = :company and p.activity_id = :activity
  and p.state in ('AUDITED', 'PAID', 'REDUCED') and {STORE_IS_SEEN}
group by 1
"""  # noqa: S608  as above


@dataclass(frozen=True, slots=True)
class ActivityProgress:
    """What was brought, by state; its photos, by state; what is paid, and what is worked out and not paid yet."""

    cases: Mapping[str, int]
    photos: Mapping[str, int]
    paid_stores: int
    paid_minor: int
    due_stores: int
    due_minor: int


def read_activity_progress(
    uow: UnitOfWork, activity_id: UUID, *, today: date, asker_id: UUID | None = None
) -> ActivityProgress:
    """As far as the asker sees who brought it; what waits for auditors only for whoever oversees positions.

    Three queries, and those of the asker's scope.
    """
    asked: dict[str, Any] = {
        "company": uow.company_id,
        "activity": activity_id,
        **seen(uow, asker_id, today),
    }
    sees_cases = oversees(uow, asker_id, today)
    cases = uow.rows(_CASES, **asked) if sees_cases else []
    photos = uow.rows(_PHOTOS, **asked) if sees_cases else []
    results = {row.is_paid: row for row in uow.rows(_RESULTS, **asked)}
    paid, due = results.get(True), results.get(False)
    return ActivityProgress(
        cases={row.state: row.cases for row in cases},
        photos={row.state: row.photos for row in photos},
        paid_stores=0 if paid is None else paid.stores,
        paid_minor=0 if paid is None else paid.amount_minor,
        due_stores=0 if due is None else due.stores,
        due_minor=0 if due is None else due.amount_minor,
    )
