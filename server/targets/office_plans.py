"""Plans as people in the office set and split them: what they may set, with what comes of it, part by part and phone by phone.

Each takes the asker, and a split the version that the asker saw. `rehearse_plan` makes a change, keeps what came of it, and
takes it back. `compare_versions` is how two versions differ.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from uuid import UUID

from server.identity.change_log import Actor
from server.language import Said
from server.planning.errors import NoSuchRegion
from server.planning.phones import PhoneEffect, phone_effects, watch_phones
from server.targets.basis import SplitBy
from server.targets.errors import NoSuchPlan
from server.targets.plan_list import ALL_PLANS, PlanListed, PlanReach, plan_reach, plan_versions
from server.targets.plans import SplitDone, make_plan, split_plan
from server.targets.tree import Level
from sync.kinds.target.publish import months_on_phone
from sync.unit_of_work import Database, UnitOfWork

COMPARED_MAX = 500

_TARGETS = """
select id, position_id, amount, month between :first and :last as is_on_phone from target
where company_id = :company and target_plan_id = :plan
"""
# Months by themselves; regions and positions over all months. What is below a position is not compared.
_COMPARED = """
select n.level, n.month, coalesce(r.code, p.code, to_char(n.month, 'YYYY-MM')) as code,
       coalesce(r.name, p.name, '') as name, n.before, n.after
from (
    select level, case when level = 'MONTH' then month end as month, region_id, position_id,
           coalesce(sum(amount) filter (where version = :before), 0)::bigint as before,
           coalesce(sum(amount) filter (where version = :after), 0)::bigint as after
    from target_node
    where company_id = :company and target_plan_id = :plan and version in (:before, :after)
      and level in ('MONTH', 'REGION', 'POSITION')
    group by 1, 2, 3, 4
) n
left join region r on r.company_id = :company and r.id = n.region_id
left join position p on p.company_id = :company and p.id = n.position_id
where :is_all or coalesce(n.region_id, p.region_id) = any(:sets)
order by array_position(array['MONTH', 'REGION', 'POSITION'], n.level), n.month,
         abs(n.after - n.before) desc, code
limit :at_most
"""


@dataclass(frozen=True, slots=True)
class PartCompared:
    """A month, or what a region or a position has of all months, in two versions."""

    level: Level
    month: date | None
    code: str
    name: str
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class PlanChange:
    """What came of a split: how its parts differ from the version before, and what phones get.

    `on_phones` targets of the months that phones hold are new or another than they were; `gone` ones are none any more.
    """

    plan_id: UUID
    version: int
    currency: str | None
    parts: Sequence[PartCompared]
    targets: int
    gone: int
    on_phones: int
    effects: tuple[PhoneEffect, ...]


def set_plan(
    uow: UnitOfWork,
    actor: Actor,
    *,
    year: int,
    measure: str,
    total: int,
    region_id: UUID,
    division_id: UUID | None,
    currency: str | None,
    by: SplitBy,
    reason: str | None,
    today: date,
    now: datetime,
    asker_id: UUID | None,
) -> PlanChange:
    """`make_plan` for a region of the asker's. Raises as that, and NoSuchRegion, PhoneTooFull."""
    reach = plan_reach(uow, asker_id, today)
    if not reach.may_set(region_id):
        raise NoSuchRegion(Said("there is no such region in this company"))
    return _watched(
        uow,
        None,
        today,
        lambda: make_plan(
            uow,
            actor,
            year=year,
            measure=measure,
            total=total,
            region_id=region_id,
            division_id=division_id,
            currency=currency,
            by=by,
            reason=reason,
            today=today,
            now=now,
        ),
    )


def split_again(
    uow: UnitOfWork,
    actor: Actor,
    plan_id: UUID,
    *,
    version: int,
    total: int | None,
    by: SplitBy,
    pins: Mapping[UUID, int],
    unpinned: Collection[UUID],
    from_month: date | None,
    reason: str | None,
    today: date,
    now: datetime,
    asker_id: UUID | None,
) -> PlanChange:
    """`split_plan` of a plan for a region of the asker's. Raises as that, and PhoneTooFull."""
    reach = plan_reach(uow, asker_id, today)
    if not reach.may_set(plan_versions(uow, plan_id, reach=reach, at_most=1)[0].region_id):
        raise NoSuchPlan(Said("there is no such plan of targets in this company"))
    return _watched(
        uow,
        plan_id,
        today,
        lambda: split_plan(
            uow,
            actor,
            plan_id,
            expected_version=version,
            total=total,
            by=by,
            pins=pins,
            unpinned=unpinned,
            from_month=from_month,
            reason=reason,
            today=today,
            now=now,
        ),
    )


def rehearse_plan(
    database: Database, company_id: int, change: Callable[[UnitOfWork], PlanChange]
) -> PlanChange:
    """Make the change with all that follows, note what came of it, and take it back. Raises what the change raises."""
    return database.rehearse(company_id, change)


def compare_versions(
    uow: UnitOfWork, plan: PlanListed, before: int, after: int, reach: PlanReach
) -> list[PartCompared]:
    """How two versions of a plan differ, as far as the asker sees its parts: months first, then regions and positions
    by how much. One query.
    """
    rows = uow.rows(
        _COMPARED,
        company=uow.company_id,
        plan=plan.id,
        before=before,
        after=after,
        is_all=reach.may_set(plan.region_id),
        sets=sorted(reach.sets or ()),
        at_most=COMPARED_MAX,
    )
    return [
        PartCompared(Level(row.level), row.month, row.code, row.name, row.before, row.after)
        for row in rows
    ]


def _watched(
    uow: UnitOfWork,
    plan_id: UUID | None,
    today: date,
    act: Callable[[], SplitDone],
) -> PlanChange:
    """Split, and see what came of it."""
    first, last = months_on_phone(today)

    def targets(of_plan: UUID | None) -> dict[UUID, tuple[UUID, int]]:
        rows = uow.rows(_TARGETS, company=uow.company_id, plan=of_plan, first=first, last=last)
        return {row.id: (row.position_id, row.amount) for row in rows if row.is_on_phone}

    held = targets(plan_id)
    before = watch_phones(
        uow, position_ids={position_id for position_id, _ in held.values()}, keys=(), ids=held
    )
    done = act()
    now = targets(done.plan_id)
    new_seats = {position_id for position_id, _ in now.values()} - {
        position_id for position_id, _ in held.values()
    }
    # What was not there was seen by nobody.
    others = watch_phones(uow, position_ids=new_seats, keys=(), ids=())
    effects = phone_effects(
        uow, replace(before, ids=before.ids | now.keys(), people=before.people | others.people)
    )
    (plan,) = plan_versions(uow, done.plan_id, at_most=1)
    return PlanChange(
        done.plan_id,
        done.version,
        plan.currency,
        compare_versions(uow, plan, done.version - 1, done.version, ALL_PLANS),
        done.targets,
        done.targets_gone,
        sum(1 for id_, held_now in now.items() if held.get(id_) != held_now),
        effects,
    )
