"""Audit visits on their way to a verdict, as those see them who see the positions: bounded lists."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from server.audits.rights import CASE_IS_SEEN, oversees, seen
from sync.kinds.audit_visit.states import AUDITING
from sync.unit_of_work import UnitOfWork

# Whoever oversees a position sees all of it. An auditor sees what they judged, once their verdict stands, and
# whoever brought it what was found: what waits for whom is not for their eyes, nor what another auditor found of what they may
# look at themselves.
_LIST = f"""
select c.id, a.code as activity_code, s.code as store_code, s.name as store_name, n.name as person,
       c.business_day, c.state, c.entry, c.result, c.judged_at, c.appeal_until,
       coalesce(c.appeal_verdict_id, c.verdict_id) as verdict_id,
       (select array_agg(i.item order by i.place) from audit_verdict_item i
        where i.company_id = c.company_id and i.verdict_id = c.verdict_id and i.verdict = 'FAIL'
          and not exists (select from audit_verdict_item j
                          where j.company_id = c.company_id and j.verdict_id = c.appeal_verdict_id
                            and j.item = i.item and j.verdict <> 'FAIL')) as failed
from audit_case c
join activity a on a.company_id = c.company_id and a.id = c.activity_id
join store s on s.company_id = c.company_id and s.id = c.store_id
join person n on n.company_id = c.company_id and n.id = c.person_id
where c.company_id = :company and c.state = any(:states)
  and ((:oversees and {CASE_IS_SEEN})
       or (c.result is not null
           and (c.person_id = :asker
                or exists (select from audit_turn t
                           where t.company_id = c.company_id and t.audit_visit_id = c.id
                             and t.auditor_id = :asker and t.state = 'STANDS'))))
  and (cast(:activity as uuid) is null or c.activity_id = :activity)
  and (cast(:person as uuid) is null or c.person_id = :person)
order by c.business_day desc, c.id limit :at_most
"""  # noqa: S608  put together from constants


@dataclass(frozen=True, slots=True)
class CaseListed:
    """An audit visit on its way; `failed` are the items that fail as it counts now."""

    id: UUID
    activity_code: str | None
    store_code: str | None
    store_name: str
    person: str
    business_day: date
    state: str
    entry: str | None
    result: str | None
    judged_at: datetime | None
    appeal_until: datetime | None
    verdict_id: UUID | None
    failed: tuple[str, ...]


def list_cases(
    uow: UnitOfWork,
    *,
    today: date,
    states: Collection[str] = AUDITING.stored_states,
    activity_id: UUID | None = None,
    person_id: UUID | None = None,
    asker_id: UUID | None = None,
    at_most: int = 100,
) -> list[CaseListed]:
    """Audit visits, the latest first. One query, and two for the asker's scope."""
    rows = uow.rows(
        _LIST,
        company=uow.company_id,
        states=list(states),
        activity=activity_id,
        person=person_id,
        at_most=at_most,
        oversees=oversees(uow, asker_id, today),
        **seen(uow, asker_id, today),
    )
    return [
        CaseListed(**{**row._mapping, "failed": tuple(row.failed or ())})  # noqa: SLF001
        for row in rows
    ]
