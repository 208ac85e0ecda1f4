"""How auditors work, in numbers: how much and how fast, how far they agree with others, what was overturned.

An auditor sees their own numbers, an admin those of all. Computed from verdicts whenever somebody asks.
"""

from dataclasses import dataclass, replace
from datetime import date
from uuid import UUID

from server.audits.agreement import period_of
from server.identity.permissions import SEES_ALL, seats_of
from sync.unit_of_work import UnitOfWork

# Verdicts that stand. Agreement: items of pairs of which one was theirs. Overturned: items of their first looks that
# were appealed against and decided otherwise.
_FIGURES = """
with v as (
    select v.*, extract(epoch from v.given_at - v.claimed_at)::integer as took_s
    from audit_turn t
    join audit_verdict v on v.company_id = t.company_id and v.id = t.verdict_id
    where t.company_id = :company and t.state = 'STANDS' and v.given_at >= :since and v.given_at < :until
      and (cast(:only as uuid) is null or v.auditor_id = :only)
), pair as (
    select v.auditor_id, count(*) as items, count(*) filter (where i.verdict = j.verdict) as agreed
    from v
    join audit_turn u on u.company_id = v.company_id and u.audit_visit_id = v.audit_visit_id
                     and u.state = 'STANDS'
                     and u.purpose = case v.purpose when 'FIRST' then 'BLIND' else 'FIRST' end
    join audit_verdict w on w.company_id = u.company_id and w.id = u.verdict_id and w.version = v.version
    join audit_verdict_item i on i.company_id = v.company_id and i.verdict_id = v.id
    join audit_verdict_item j on j.company_id = v.company_id and j.verdict_id = u.verdict_id
                             and j.item = i.item
    where v.purpose in ('FIRST', 'BLIND')
    group by 1
), appeal as (
    select v.auditor_id, count(*) as items, count(*) filter (where i.verdict <> j.verdict) as overturned
    from v
    join audit_case c on c.company_id = v.company_id and c.id = v.audit_visit_id
                     and c.verdict_id = v.id and c.appeal_verdict_id is not null
    join audit_verdict_item j on j.company_id = v.company_id and j.verdict_id = c.appeal_verdict_id
    join audit_verdict_item i on i.company_id = v.company_id and i.verdict_id = v.id and i.item = j.item
    group by 1
)
select n.id as person_id, n.name, count(*) as verdicts,
       count(*) filter (where v.result = 'FAIL') as failed,
       percentile_disc(0.5) within group (order by v.took_s) as median_s,
       coalesce(max(pair.items), 0) as paired_items, coalesce(max(pair.agreed), 0) as agreed_items,
       coalesce(max(appeal.items), 0) as appealed_items,
       coalesce(max(appeal.overturned), 0) as overturned_items
from v
join person n on n.company_id = v.company_id and n.id = v.auditor_id
left join pair on pair.auditor_id = v.auditor_id
left join appeal on appeal.auditor_id = v.auditor_id
group by 1, 2 order by n.name, n.id limit :at_most
"""


@dataclass(frozen=True, slots=True)
class AuditorFigures:
    """One auditor's period. `median_s` is from claiming to judging, in seconds.

    How far they agree with others is an admin's to see: it tells what was looked at twice.
    """

    person_id: UUID
    name: str
    verdicts: int
    failed: int
    median_s: int
    paired_items: int | None
    agreed_items: int | None
    appealed_items: int
    overturned_items: int


def read_auditors(
    uow: UnitOfWork,
    first: date,
    last: date,
    *,
    today: date,
    asker_id: UUID | None = None,
    at_most: int = 100,
) -> list[AuditorFigures]:
    """The auditors of a period, its last day included, by name: all for an admin, else the asker alone."""
    sees_all = asker_id is None or any(
        seat.role in SEES_ALL for seat in seats_of(uow, asker_id, today)
    )
    since, until = period_of(uow, first, last)
    rows = uow.rows(
        _FIGURES,
        company=uow.company_id,
        since=since,
        until=until,
        only=None if sees_all else asker_id,
        at_most=at_most,
    )
    found = [AuditorFigures(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public name
    if sees_all:
        return found
    return [replace(one, paired_items=None, agreed_items=None) for one in found]
