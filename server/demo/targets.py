"""What the demo's reps are to reach this year, with the progress that their two weeks of work have made."""

from collections import Counter
from datetime import date, datetime, time, timedelta
from uuid import UUID, uuid5

from server.identity.change_log import Actor
from server.measures.flag_decisions import decide_flag, list_flags
from server.measures.question import Question
from server.measures.reading import read_measures
from server.targets.basis import SplitBy
from server.targets.plan_list import place_of
from server.targets.plans import make_plan, split_plan
from server.targets.splitting import Weights
from server.targets.tree import Level
from sync.kinds.visit.table import DECISIONS
from sync.policy import current_policy
from sync.unit_of_work import UnitOfWork

# Two weeks are about a twenty-fifth of a year's work.
_FORTNIGHTS = 25
_REASONS = ("The pin lies at the back door.", "The photo shows another street.")


def make_targets(
    uow: UnitOfWork,
    company_key: UUID,
    region_id: UUID,
    actor: Actor,
    *,
    first_day: date,
    today: date,
) -> int:
    """Set the year's calls and stores, fix one region's month, decide two flags; how many targets."""
    begins = datetime.combine(today, time(), current_policy(uow)[1].zone)
    _decide_flags(uow, actor, first_day, today, begins)
    planned, visited = _fortnight(uow, first_day, today)
    by = SplitBy(weights=Weights(last_year=0, potential=700, equal=300))
    plans = [
        make_plan(
            uow,
            actor,
            year=today.year,
            measure=measure,
            total=total,
            region_id=region_id,
            by=by,
            today=today,
            now=begins,
            reason=reason,
            plan_id=uuid5(company_key, f"target plan {measure}"),
        )
        for measure, total, reason in (
            ("TC", planned * _FORTNIGHTS, "Every planned call is made."),
            ("VISITED_STORES", visited * 12, "Every store once a month."),
        )
    ]
    calls = plans[0]
    month = today.replace(day=1)
    regions = [
        node
        for node in calls.nodes
        if node.place.month == month and node.place.level is Level.REGION
    ]
    beside = Counter(node.parent_id for node in regions)
    # The smallest of several: what is taken from it, the others can bear.
    district = min(
        (node for node in regions if beside[node.parent_id] > 1),
        key=lambda node: (node.amount, node.sequence),
    )
    again = split_plan(
        uow,
        actor,
        calls.plan_id,
        pins={
            place_of(month=month, region_id=district.place.region_id).node_id(
                calls.plan_id
            ): district.amount * 95 // 100
        },
        today=today,
        now=begins,
        reason="Agreed with the district for this month.",
    )
    return again.targets + plans[1].targets


def _decide_flags(
    uow: UnitOfWork, actor: Actor, first_day: date, today: date, now: datetime
) -> None:
    """Of the check-ins away from the store, the first is accepted and the second rejected."""
    yesterday = today - timedelta(days=1)
    away = list_flags(
        uow, first_day, yesterday, flag="offsite", is_open=True, at_most=len(DECISIONS)
    )
    for found, decision, reason in zip(away, DECISIONS, _REASONS, strict=False):
        decide_flag(uow, actor, found.visit_id, found.flag, decision, reason, now=now)


def _fortnight(uow: UnitOfWork, first_day: date, today: date) -> tuple[int, int]:
    """The calls that were planned, and the stores that there are."""
    question = Question(first_day=first_day, last_day=today - timedelta(days=1))
    (group,) = read_measures(uow, question, ["SC", "ACTIVE_COVERAGE"])
    planned, stores = group.figures
    return planned.numerator, stores.denominator or 0
