"""Activities and what was brought for them, as those who look after them see them: bounded lists."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from server.activities.errors import NoSuchActivity
from server.activities.rights import IS_RUN, IS_SEEN, SEATS, STORE_IS_SEEN, seen
from server.identity.prefixes import id_that_begins
from sync.kinds.activity.states import RUNNING_ACTIVITY
from sync.kinds.activity.table import activity
from sync.unit_of_work import UnitOfWork

_LIST = f"""
{SEATS}
select a.id, a.code, a.name, a.state, d.code as division_code, a.starts_on, a.ends_on,
       a.standards_version, jsonb_array_length(i.items) as items,
       case when {IS_RUN} then a.budget_minor end as budget_minor, a.pay_minor, a.currency,
       (select count(*) from activity_store p
        join store s on s.company_id = p.company_id and s.id = p.store_id
        where p.company_id = a.company_id and p.in_activity_id = a.id and {STORE_IS_SEEN}) as stores
from activity a
join activity_standards i on i.company_id = a.company_id and i.activity_id = a.id
                         and i.standards_version = a.standards_version
left join division d on d.company_id = a.company_id and d.id = a.division_id
where a.company_id = :company and a.state = any(:states) and {IS_SEEN}
  and (cast(:after_day as date) is null or a.starts_on < :after_day
       or (a.starts_on = :after_day
           and (coalesce(a.code, ''), a.id) > (cast(:after_code as text), cast(:after_id as uuid))))
order by a.starts_on desc, coalesce(a.code, ''), a.id limit :at_most
"""  # noqa: S608  put together from constants
_BY_CODE = "select id from activity where company_id = :company and code = :code"
_BROUGHT = """
select v.id, v.activity_store_id, s.code as store_code, s.name as store_name, n.name as person,
       v.business_day, v.occurred_at, v.standards_version, v.answers, v.photos, v.flags
from audit_visit v
join store s on s.company_id = v.company_id and s.id = v.store_id
join person n on n.company_id = v.company_id and n.id = v.person_id
where v.company_id = :company and v.activity_id = :activity
  and (cast(:store as uuid) is null or v.store_id = :store)
  and (:sees_all or v.position_id = any(:positions) or v.person_id = :asker)
order by v.occurred_at desc, v.id limit :at_most
"""


@dataclass(frozen=True, slots=True)
class ActivityListed:
    """An activity as the office sees it: `items` of its checklist, and how many stores are in it."""

    id: UUID
    code: str | None
    name: str
    state: str
    division_code: str | None
    starts_on: date
    ends_on: date
    standards_version: int
    items: int
    budget_minor: int | None
    pay_minor: int | None
    currency: str | None
    stores: int


ActivityMark = tuple[date, str, UUID]
"""Where a list stands: the first day, code and id of its last activity."""


@dataclass(frozen=True, slots=True)
class Brought:
    """What was brought for an activity at a visit, in numbers; flags say what is missing or odd."""

    id: UUID
    activity_store_id: UUID
    store_code: str | None
    store_name: str
    person: str
    business_day: date
    occurred_at: datetime
    standards_version: int
    answers: int
    photos: int
    flags: tuple[str, ...]


def list_activities(
    uow: UnitOfWork,
    *,
    today: date,
    states: Collection[str] = RUNNING_ACTIVITY.stored_states,
    asker_id: UUID | None = None,
    after: ActivityMark | None = None,
    at_most: int = 100,
) -> list[ActivityListed]:
    """Activities, those that begin last first, after a mark. One query, and one for the asker's scope.

    An asker has those that they may see, of their stores those that they see, and the budget of those
    that they run.
    """
    rows = uow.rows(
        _LIST,
        company=uow.company_id,
        states=list(states),
        asker=asker_id,
        today=today,
        after_day=None if after is None else after[0],
        after_code=None if after is None else after[1],
        after_id=None if after is None else after[2],
        at_most=at_most,
        **seen(uow, asker_id, today),
    )
    return [ActivityListed(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public name


def find_activity(uow: UnitOfWork, named: str) -> UUID:
    """The activity of this code, or whose id begins so. Raises NoSuchActivity."""
    rows = uow.rows(_BY_CODE, company=uow.company_id, code=named.strip())
    if rows:
        found: UUID = rows[0].id
        return found
    return id_that_begins(uow, activity.c.id, named, what="such activity", refusal=NoSuchActivity)


def list_brought(
    uow: UnitOfWork,
    activity_id: UUID,
    *,
    today: date,
    store_id: UUID | None = None,
    asker_id: UUID | None = None,
    at_most: int = 100,
) -> list[Brought]:
    """What was brought for an activity, the latest first, as far as the asker sees who brought it.

    One query, and one for the asker's scope.
    """
    rows = uow.rows(
        _BROUGHT,
        company=uow.company_id,
        activity=activity_id,
        store=store_id,
        asker=asker_id,
        at_most=at_most,
        **seen(uow, asker_id, today),
    )
    return [
        Brought(**{**row._mapping, "flags": tuple(row.flags)})  # noqa: SLF001 - SQLAlchemy's public name
        for row in rows
    ]
