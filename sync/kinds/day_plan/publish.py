"""Publishing day plans: their documents, seen by whoever holds the position."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from sync.kinds.day_plan.judge import DAY_PLAN
from sync.policy import Policy, current_policy
from sync.publish import Draft, hold, publish
from sync.unit_of_work import UnitOfWork

_PLANS = """
select id, day, position_id, plan_version, frozen_at from day_plan
where company_id = :company and id = any(:ids) order by id
"""
_STOPS = """
select s.day_plan_id, s.sequence, s.store_id, s.route_id from day_plan_stop s
join day_plan p on p.company_id = s.company_id and p.id = s.day_plan_id
               and p.plan_version = s.plan_version
where s.company_id = :company and s.day_plan_id = any(:ids)
order by s.day_plan_id, s.sequence
"""


def publish_day_plans(
    uow: UnitOfWork, ids: Iterable[UUID], today: date | None = None
) -> dict[UUID, int]:
    """Bring the records of these plans up to the latest version of each; returns their versions.

    A plan whose day is outside what phones are given (`plan_days_behind`, `plan_days_ahead`) is
    seen by nobody; `today` is the company's, now unless given.
    """
    wanted = list(ids)
    hold(uow, wanted)
    _, policy = current_policy(uow)
    today = today or datetime.now(UTC).astimezone(policy.zone).date()
    stops: dict[UUID, list[dict[str, object]]] = {}
    for stop in uow.rows(_STOPS, company=uow.company_id, ids=wanted):
        stops.setdefault(stop.day_plan_id, []).append(
            {
                "store_id": str(stop.store_id),
                "sequence": stop.sequence,
                "route_id": None if stop.route_id is None else str(stop.route_id),
            }
        )
    drafts = [
        Draft(
            DAY_PLAN,
            plan.id,
            {
                "date": plan.day.isoformat(),
                "position_id": str(plan.position_id),
                "plan_version": plan.plan_version,
                "is_frozen": plan.frozen_at is not None,
                "stops": stops.get(plan.id, []),
            },
            frozenset({plan.position_id} if is_on_phone(plan.day, today, policy) else ()),
        )
        for plan in uow.rows(_PLANS, company=uow.company_id, ids=wanted)
    ]
    return publish(uow, drafts)


def is_on_phone(day: date, today: date, policy: Policy) -> bool:
    """Whether phones are given the plan of a day."""
    return (
        today - timedelta(days=policy.plan_days_behind)
        <= day
        <= today + timedelta(days=policy.plan_days_ahead)
    )
