"""Audit visits on their way to a verdict, as those see them who see the positions: bounded lists."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from server.audits.errors import NoSuchAuditVisit
from server.audits.rights import CASE_IS_SEEN, oversees, seen
from server.language import Said
from sync.kinds.audit_visit.states import AUDITING
from sync.unit_of_work import UnitOfWork

# Whoever oversees a position sees all of it. An auditor sees what they judged, once their verdict stands, and
# whoever brought it what was found: what waits for whom is not for their eyes, nor what another auditor found of what they may
# look at themselves.
_LISTED = f"""
select c.id, a.code as activity_code, s.code as store_code, s.name as store_name, c.person_id, n.name as person,
       c.business_day, c.state, c.entry, c.result, c.judged_at, c.appeal_until,
       coalesce(c.appeal_verdict_id, c.verdict_id) as verdict_id,
       (select array_agg(i.item order by i.place) from audit_verdict_item i
        where i.company_id = c.company_id and i.verdict_id = c.verdict_id and i.verdict = 'FAIL'
          and not exists (select from audit_verdict_item j
                          where j.company_id = c.company_id and j.verdict_id = c.appeal_verdict_id
                            and j.item = i.item and j.verdict <> 'FAIL')) as failed,
       array(select coalesce((select e ->> 'text' from jsonb_array_elements(w.items) e
                              where e ->> 'item' = i.item limit 1), i.item)
             from audit_verdict_item i
             where i.company_id = c.company_id and i.verdict_id = c.verdict_id and i.verdict = 'FAIL'
               and not exists (select from audit_verdict_item j
                               where j.company_id = c.company_id and j.verdict_id = c.appeal_verdict_id
                                 and j.item = i.item and j.verdict <> 'FAIL')
             order by i.place) as failed_words,
       q.appealed_at, q.by_name as appealed_by
from audit_case c
join audit_visit v on v.company_id = c.company_id and v.id = c.id
left join lateral (
    select t.items from activity_standards t
    where t.company_id = c.company_id and t.activity_id = c.activity_id
    order by t.standards_version = v.standards_version desc, t.standards_version desc limit 1
) w on true
join activity a on a.company_id = c.company_id and a.id = c.activity_id
join store s on s.company_id = c.company_id and s.id = c.store_id
join person n on n.company_id = c.company_id and n.id = c.person_id
left join audit_appeal q on q.company_id = c.company_id and q.verdict_id = c.verdict_id
where c.company_id = :company
  and ((:oversees and {CASE_IS_SEEN})
       or (c.result is not null
           and (c.person_id = :asker
                or exists (select from audit_turn t
                           where t.company_id = c.company_id and t.audit_visit_id = c.id
                             and t.auditor_id = :asker and t.state = 'STANDS'))))
"""  # noqa: S608  put together from constants
_LIST = f"""
{_LISTED} and c.state = any(:states)
  and (cast(:activity as uuid) is null or c.activity_id = :activity)
  and (cast(:person as uuid) is null or c.person_id = :person)
  and (cast(:appealed as boolean) is null or (q.id is not null) = :appealed)
  and (cast(:after_day as date) is null or c.business_day < :after_day
       or (c.business_day = :after_day and c.id > cast(:after_id as uuid)))
order by c.business_day desc, c.id limit :at_most
"""
_ONE = f"{_LISTED} and c.id = :audit_visit"


@dataclass(frozen=True, slots=True)
class CaseListed:
    """An audit visit on its way; `failed` are the items that fail as it counts now, `failed_words` what the standards that it
    was brought for say of them.
    """

    id: UUID
    activity_code: str | None
    store_code: str | None
    store_name: str
    person_id: UUID
    person: str
    business_day: date
    state: str
    entry: str | None
    result: str | None
    judged_at: datetime | None
    appeal_until: datetime | None
    verdict_id: UUID | None
    failed: tuple[str, ...]
    failed_words: tuple[str, ...]
    # Who appealed against it, and when.
    appealed_at: datetime | None
    appealed_by: str | None


def list_cases(
    uow: UnitOfWork,
    *,
    today: date,
    states: Collection[str] = AUDITING.stored_states,
    activity_id: UUID | None = None,
    person_id: UUID | None = None,
    is_appealed: bool | None = None,
    asker_id: UUID | None = None,
    after: tuple[date, UUID] | None = None,
    at_most: int = 100,
) -> list[CaseListed]:
    """Audit visits, the latest first; `is_appealed`: those that were appealed against, or were not. One query, and two
    for the asker's scope.
    """
    rows = uow.rows(
        _LIST,
        company=uow.company_id,
        states=list(states),
        activity=activity_id,
        person=person_id,
        appealed=is_appealed,
        after_day=None if after is None else after[0],
        after_id=None if after is None else after[1],
        at_most=at_most,
        oversees=oversees(uow, asker_id, today),
        **seen(uow, asker_id, today),
    )
    return [_listed(row) for row in rows]


def find_case(
    uow: UnitOfWork, audit_visit_id: UUID, *, today: date, asker_id: UUID | None = None
) -> CaseListed:
    """One of `list_cases`. Raises NoSuchAuditVisit, also where the asker may not see it."""
    rows = uow.rows(
        _ONE,
        company=uow.company_id,
        audit_visit=audit_visit_id,
        oversees=oversees(uow, asker_id, today),
        **seen(uow, asker_id, today),
    )
    if not rows:
        raise NoSuchAuditVisit(Said("there is no such audit visit in this company"))
    return _listed(rows[0])


def _listed(row: Any) -> CaseListed:
    lists = {name: tuple(getattr(row, name) or ()) for name in ("failed", "failed_words")}
    return CaseListed(**{**row._mapping, **lists})  # noqa: SLF001 - SQLAlchemy's public name
