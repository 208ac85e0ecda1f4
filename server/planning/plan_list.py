"""Day plans as those who look after them see them: every version of a day, when and by whom it was made."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from server.language import Said
from server.planning.errors import NoSuchPlan
from server.planning.named_stores import StoreNamed, named_stores
from sync.unit_of_work import UnitOfWork

_PLAN = """
select id, plan_version, frozen_at from day_plan
where company_id = :company and position_id = :position and day = :day
"""
_STOPS = """
select s.plan_version, s.store_id, r.name as route from day_plan_stop s
left join route r on r.company_id = s.company_id and r.id = s.route_id
where s.company_id = :company and s.day_plan_id = :plan
order by s.plan_version, s.sequence
"""
# A version is told to phones once for each time that it was made again before its day, and once more
# when it is frozen: its last making is the last document that has it unfrozen, else the first.
_MADE = """
with told as (
    select version, changed_at, doc::jsonb as doc from record_version
    where company_id = :company and id = :plan and doc is not null
    union
    select version, changed_at, doc::jsonb from record
    where company_id = :company and id = :plan and doc is not null
)
select (doc ->> 'plan_version')::integer as plan_version,
       coalesce(max(changed_at) filter (where not (doc ->> 'is_frozen')::boolean),
                min(changed_at)) as made_at
from told group by 1
"""
_BY = """
select (after ->> 'plan_version')::integer as plan_version, actor from change_log
where company_id = :company and subject_kind = 'day_plan' and subject_id = :plan
  and action = 'day_plan.set_stops'
order by id
"""


@dataclass(frozen=True, slots=True)
class PlannedStop:
    """A stop: its store, and the name of the route that it is due by, if it is."""

    store_id: UUID
    store: StoreNamed
    route: str | None


@dataclass(frozen=True, slots=True)
class PlanVersion:
    """A version of a day's plan; `made_by` is who set its stops, None where routes made it."""

    number: int
    made_at: datetime | None
    made_by: str | None
    stops: tuple[PlannedStop, ...]


@dataclass(frozen=True, slots=True)
class PlanShown:
    """A position's plan of a day with all its versions, the first one first."""

    id: UUID
    day: date
    frozen_at: datetime | None
    versions: tuple[PlanVersion, ...]


def show_plan(uow: UnitOfWork, position_id: UUID, day: date) -> PlanShown:
    """The plan of a position for a day. Raises NoSuchPlan. Five queries."""
    found = uow.rows(_PLAN, company=uow.company_id, position=position_id, day=day)
    if not found:
        raise NoSuchPlan(Said("nothing was planned for {day}", day=day))
    plan = found[0]
    stops = uow.rows(_STOPS, company=uow.company_id, plan=plan.id)
    names = named_stores(uow, (stop.store_id for stop in stops))
    made = {
        row.plan_version: row.made_at
        for row in uow.rows(_MADE, company=uow.company_id, plan=plan.id)
    }
    by = {
        row.plan_version: row.actor
        for row in uow.rows(_BY, company=uow.company_id, plan=str(plan.id))
    }
    return PlanShown(
        id=plan.id,
        day=day,
        frozen_at=plan.frozen_at,
        versions=tuple(
            PlanVersion(
                number=number,
                made_at=made.get(number),
                made_by=by.get(number),
                stops=tuple(
                    PlannedStop(stop.store_id, names[stop.store_id], stop.route)
                    for stop in stops
                    if stop.plan_version == number
                ),
            )
            for number in range(1, plan.plan_version + 1)
        ),
    )
