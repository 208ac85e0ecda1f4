"""What a phone carries of the past and of the future ends at a horizon, day by day.

Visits, attendance, form answers and photos older than the company's `visit_days_on_phone` leave their person's phone, and so
does what is over for as long: items released or set aside, proposals and conflicts that were decided.
What still waits for somebody stays, and so do photos whose bytes never came. Day plans leave and enter with the window of `plan_days_behind`
and `plan_days_ahead`. Nothing is deleted: only the keys go. Each call looks at a bounded slice of
owners, in the order of their ids, so its cost follows from what those phones hold and never from the
length of the history.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID

from sync.direct import execute
from sync.document import decode_document
from sync.kinds.day_plan.publish import publish_day_plans
from sync.kinds.order.states import ORDERING
from sync.kinds.photo.states import OPEN
from sync.policy import current_policy
from sync.record_kind import CONFLICT, ITEM, PROPOSAL
from sync.record_store import leave_keys
from sync.rows import Statements
from sync.unit_of_work import UnitOfWork

FIRST = UUID(int=0)

_PEOPLE = """
select id from person where company_id = :company and id > :after order by id limit :at_most
"""
# Of those days, or received before them: what a wrong clock dates ahead was by then.
_OLD = """
select k.key, k.id from record_key k
join visit v on v.company_id = k.company_id and v.id = k.id
where k.company_id = :company and k.key = any(:people) and not k.is_placed
  and (v.business_day < :first_day or v.received_at < :since)
union all
select k.key, k.id from record_key k
join attendance a on a.company_id = k.company_id and a.id = k.id
where k.company_id = :company and k.key = any(:people) and not k.is_placed
  and (a.business_day < :first_day or a.received_at < :since)
union all
select k.key, k.id from record_key k
join form_answer f on f.company_id = k.company_id and f.id = k.id
where k.company_id = :company and k.key = any(:people) and not k.is_placed
  and (f.business_day < :first_day or f.received_at < :since)
union all
select k.key, k.id from record_key k
join photo f on f.company_id = k.company_id and f.id = k.id
where k.company_id = :company and k.key = any(:people) and not k.is_placed
  and f.state <> all(:open_photos) and (f.business_day < :first_day or f.received_at < :since)
union all
-- An order that is over leaves who took it and who delivered it.
select l.key, l.id from record_key k
join order_header o on o.company_id = k.company_id and o.id = k.id
join record_key l on l.company_id = k.company_id and l.id = k.id
where k.company_id = :company and k.key = any(:people)
  and o.state = any(:over) and (o.business_day < :first_day or o.received_at < :since)
order by id
"""
# What phones are told of their own items, proposals and conflicts, where nothing came to it since.
_TOLD = """
select k.key, k.id, r.doc from record_key k
join record r on r.company_id = k.company_id and r.id = k.id
where k.company_id = :company and k.key = any(:people) and k.kind = any(:kinds)
  and r.changed_at < :since and r.doc is not null
order by k.id
"""
_KINDS_TOLD = [kind.number for kind in (ITEM, PROPOSAL, CONFLICT)]
_OVER = frozenset({"RELEASED", "SET_ASIDE", "APPROVED", "REFUSED", "AMENDED", "DECIDED"})
_POSITIONS = """
select id from position where company_id = :company and id > :after order by id limit :at_most
"""
_TURNED_PLANS = """
select p.id from record_key k
join day_plan p on p.company_id = k.company_id and p.id = k.id
where k.company_id = :company and k.key = any(:positions)
  and p.day not between :first_day and :last_day
union
select p.id from day_plan p
where p.company_id = :company and p.position_id = any(:positions)
  and p.day between :first_day and :last_day
  and not exists (select from record_key k where k.company_id = p.company_id
                  and k.key = p.position_id and k.id = p.id)
"""


@dataclass(frozen=True, slots=True)
class Slice:
    """How many records a slice concerned, and the last owner in it; None when it was the last."""

    records: int
    last: UUID | None


def retire_past(uow: UnitOfWork, today: date, *, after: UUID = FIRST, at_most: int = 100) -> Slice:
    """Take what lies before the horizon off the phones of the next people: facts of those days, and
    what was over before them.
    """
    people = [
        row.id for row in uow.rows(_PEOPLE, company=uow.company_id, after=after, at_most=at_most)
    ]
    if not people:
        return Slice(0, None)
    policy = current_policy(uow)[1]
    first_day = today - timedelta(days=policy.visit_days_on_phone)
    since = datetime.combine(first_day, time(), policy.zone)
    old = uow.rows(
        _OLD,
        company=uow.company_id,
        people=people,
        first_day=first_day,
        since=since,
        over=list(ORDERING.last_states),
        open_photos=list(OPEN),
    )
    told = uow.rows(
        _TOLD,
        company=uow.company_id,
        people=people,
        kinds=_KINDS_TOLD,
        since=since,
    )
    # Read here: jsonb takes not every text that an item may carry.
    old += [row for row in told if decode_document(row.doc)["state"] in _OVER]
    statements = Statements()
    leave_keys(statements, uow.company_id, [(str(row.key), str(row.id)) for row in old])
    execute(uow.driver, statements)
    return Slice(len(old), people[-1] if len(people) == at_most else None)


def turn_plans(uow: UnitOfWork, today: date, *, after: UUID = FIRST, at_most: int = 100) -> Slice:
    """Publish the plans of the next positions that enter or leave the phones' window today."""
    positions = [
        row.id for row in uow.rows(_POSITIONS, company=uow.company_id, after=after, at_most=at_most)
    ]
    if not positions:
        return Slice(0, None)
    policy = current_policy(uow)[1]
    turned = uow.rows(
        _TURNED_PLANS,
        company=uow.company_id,
        positions=positions,
        first_day=today - timedelta(days=policy.plan_days_behind),
        last_day=today + timedelta(days=policy.plan_days_ahead),
    )
    publish_day_plans(uow, [row.id for row in turned], today)
    return Slice(len(turned), positions[-1] if len(positions) == at_most else None)
