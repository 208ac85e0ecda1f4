"""Plans of targets: set for a year, split down the tree, split again with parts fixed by managers.

Every split is a version with all its nodes, and every version stays. What follows from the version in
force, the target of each position and product group for each month, is brought up in the same
transaction and told to the phones that hold it.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import insert, update

from mobile_contract.fields import JSON_INT_MAX
from mobile_contract.records.target import BY_PRODUCT_GROUP, CURRENCY_PATTERN, MEASURES
from server.identity.change_log import Actor, log_change
from server.language import Said
from server.targets.basis import PlanScope, SplitBy, read_basis
from server.targets.errors import NoSuchPlan, PlanExists, PlanOutdated, TargetInvalid
from server.targets.node_rows import read_nodes, write_nodes
from server.targets.position_targets import bring_up_targets
from server.targets.tree import Level, Node, plan_tree
from sync.kinds.target.table import target_plan, target_plan_version
from sync.policy import current_policy
from sync.unit_of_work import UnitOfWork

YEARS = range(2000, 2101)
REASON_LENGTH_MAX = 400

_TURN = "select pg_advisory_xact_lock(7, :company)"
_SAME = """
select id from target_plan
where company_id = :company and year = :year and measure = :measure and region_id = :region
  and division_id is not distinct from cast(:division as uuid)
"""
_PLAN = """
select id, year, measure, region_id, division_id, currency, version from target_plan
where company_id = :company and id = :plan for update
"""
_VERSION = """
select version, total, weight_last_year, weight_potential, weight_equal, options, from_month
from target_plan_version
where company_id = :company and target_plan_id = :plan and version = :version
"""


@dataclass(frozen=True, slots=True)
class SplitDone:
    """A plan's new version: its nodes, and how many targets of positions it makes and took away."""

    plan_id: UUID
    version: int
    nodes: Sequence[Node]
    targets: int
    targets_gone: int


def make_plan(
    uow: UnitOfWork,
    actor: Actor,
    *,
    year: int,
    measure: str,
    total: int,
    region_id: UUID,
    by: SplitBy,
    today: date,
    now: datetime,
    division_id: UUID | None = None,
    currency: str | None = None,
    reason: str | None = None,
    pins: Mapping[UUID, int] | None = None,
    plan_id: UUID | None = None,
) -> SplitDone:
    """A target for a year, split at once over all its months; its id is a new one unless given.

    Money is in minor units of `currency`, the company's unless given. `pins` fixes nodes, whose ids follow
    from that of the plan. Raises PlanExists, TargetInvalid, NobodyToSplitOver, PlansOverlap, NoSuchNode,
    PinsDiffer, TooManyNodes.
    """
    _take_turn(uow)
    scope = PlanScope(
        year=_checked_year(year),
        measure=_checked_measure(measure, by),
        region_id=region_id,
        division_id=division_id,
        currency=_checked_currency(uow, measure, currency),
    )
    amount, why = _checked_total(total), _checked_reason(reason)
    found = uow.rows(
        _SAME,
        company=uow.company_id,
        year=scope.year,
        measure=scope.measure,
        region=region_id,
        division=division_id,
    )
    if found:
        raise PlanExists(
            Said(
                "there is a plan for this already: split {id} again instead",
                id=str(found[0].id)[:8],
            )
        )
    plan_id = plan_id or uuid4()
    uow.connection.execute(
        insert(target_plan).values(
            company_id=uow.company_id,
            id=plan_id,
            year=scope.year,
            measure=scope.measure,
            region_id=region_id,
            division_id=division_id,
            currency=scope.currency,
            version=1,
        )
    )
    fixed = {node_id: _checked_total(pinned) for node_id, pinned in (pins or {}).items()}
    basis = read_basis(uow, scope, by)
    nodes = plan_tree(plan_id, scope.year, amount, by.weights, basis, pins=fixed)
    first_month = date(scope.year, 1, 1)
    _write_version(uow, actor, plan_id, 1, amount, by, first_month, why, nodes)
    done = _bring_up(uow, plan_id, 1, scope, nodes, today, now)
    after = {"year": year, "measure": measure, "region_id": region_id, "division_id": division_id}
    after |= _told(1, amount, by, scope.currency, why, [n for n in nodes if n.is_pinned])
    log_change(uow, actor, "target.make_plan", "target_plan", plan_id, after=after)
    return done


def split_plan(
    uow: UnitOfWork,
    actor: Actor,
    plan_id: UUID,
    *,
    today: date,
    now: datetime,
    total: int | None = None,
    by: SplitBy | None = None,
    pins: Mapping[UUID, int] | None = None,
    unpinned: Collection[UUID] = (),
    from_month: date | None = None,
    reason: str | None = None,
    expected_version: int | None = None,
) -> SplitDone:
    """Split a plan anew, as a new version; what is not given stays as it was.

    `pins` fixes nodes at amounts, beside those that are fixed, which `unpinned` takes away. The months
    before `from_month`, the present one unless given, keep what they had. `expected_version` is the one that
    whoever asks saw. Raises NoSuchPlan, PlanOutdated, NoSuchNode, PinsDiffer, TargetInvalid, NobodyToSplitOver, PlansOverlap, TooManyNodes.
    """
    _take_turn(uow)
    plan, held = _locked(uow, plan_id)
    if expected_version not in (None, plan.version):
        raise PlanOutdated(Said("somebody split this plan meanwhile: look at it as it is now"))
    scope = PlanScope(
        year=plan.year,
        measure=plan.measure,
        region_id=plan.region_id,
        division_id=plan.division_id,
        currency=plan.currency,
    )
    split_by = by or SplitBy.of_version(held)
    _checked_measure(plan.measure, split_by)
    amount = held.total if total is None else _checked_total(total)
    why = _checked_reason(reason)
    before = read_nodes(uow, plan_id, plan.version)
    first = _first_month(plan.year, from_month or today)
    carried: dict[int, list[Node]] = {}
    fixed: dict[UUID, int] = {}
    for node in before:
        month = node.place.month
        if month is not None and month < first:
            carried.setdefault(month.month, []).append(node)
        elif node.is_pinned:
            fixed[node.id] = node.amount
    for node_id in unpinned:
        if fixed.pop(node_id, None) is None:
            raise TargetInvalid(Said("what is to be let go is not fixed, or its month is over"))
    for node_id, pinned in (pins or {}).items():
        fixed[node_id] = _checked_total(pinned)
    basis = read_basis(uow, scope, split_by)
    was = SplitBy.of_version(held)
    nodes = plan_tree(
        plan_id,
        plan.year,
        amount,
        split_by.weights,
        basis,
        pins=fixed,
        carried=carried,
        before=before if split_by.weights == was.weights else (),
    )
    version = plan.version + 1
    _write_version(uow, actor, plan_id, version, amount, split_by, first, why, nodes)
    uow.connection.execute(
        update(target_plan)
        .where(target_plan.c.company_id == uow.company_id, target_plan.c.id == plan_id)
        .values(version=version)
    )
    done = _bring_up(uow, plan_id, version, scope, nodes, today, now)
    log_change(
        uow,
        actor,
        "target.split_plan",
        "target_plan",
        plan_id,
        before=_told(
            plan.version, held.total, was, plan.currency, None, [n for n in before if n.is_pinned]
        ),
        after=_told(
            version, amount, split_by, plan.currency, why, [n for n in nodes if n.is_pinned]
        ),
    )
    return done


def _take_turn(uow: UnitOfWork) -> None:
    """Plans of a company are set and split one after the other: two at once could both find that no other
    sets the same for a position.
    """
    uow.rows(_TURN, company=uow.company_id)


def _locked(uow: UnitOfWork, plan_id: UUID) -> tuple[Any, Any]:
    """The plan, locked, and its version in force."""
    found = uow.rows(_PLAN, company=uow.company_id, plan=plan_id)
    if not found:
        raise NoSuchPlan(Said("there is no such plan of targets in this company"))
    plan = found[0]
    (held,) = uow.rows(_VERSION, company=uow.company_id, plan=plan_id, version=plan.version)
    return plan, held


def _bring_up(
    uow: UnitOfWork,
    plan_id: UUID,
    version: int,
    scope: PlanScope,
    nodes: Sequence[Node],
    today: date,
    now: datetime,
) -> SplitDone:
    leaves = [node for node in nodes if node.place.level in (Level.POSITION, Level.GROUP)]
    gone = bring_up_targets(uow, plan_id, scope, leaves, today, now)
    return SplitDone(plan_id, version, nodes, len(leaves), gone)


def _write_version(
    uow: UnitOfWork,
    actor: Actor,
    plan_id: UUID,
    version: int,
    total: int,
    by: SplitBy,
    from_month: date,
    reason: str | None,
    nodes: Sequence[Node],
) -> None:
    uow.connection.execute(
        insert(target_plan_version).values(
            company_id=uow.company_id,
            target_plan_id=plan_id,
            version=version,
            total=total,
            weight_last_year=by.weights.last_year,
            weight_potential=by.weights.potential,
            weight_equal=by.weights.equal,
            options=by.as_options(),
            from_month=from_month,
            reason=reason,
            made_by=actor.name,
        )
    )
    write_nodes(uow, plan_id, version, nodes)


def _first_month(year: int, day: date) -> date:
    """The first month of the plan's year that is split anew; all of them before the year begins."""
    return max(day.replace(day=1), date(year, 1, 1))


def _told(
    version: int,
    total: int,
    by: SplitBy,
    currency: str | None,
    reason: str | None,
    pinned: Sequence[Node],
) -> dict[str, Any]:
    weights = by.weights
    return {
        "version": version,
        "total": total,
        "currency": currency,
        "weights": [weights.last_year, weights.potential, weights.equal],
        **by.as_options(),
        "fixed": {str(node.id): node.amount for node in pinned},
        "reason": reason,
    }


def _checked_year(year: int) -> int:
    if year not in YEARS:
        raise TargetInvalid(Said("year: from {first} to {last}", first=YEARS[0], last=YEARS[-1]))
    return year


def _checked_measure(measure: str, by: SplitBy) -> str:
    if measure not in MEASURES:
        raise TargetInvalid(Said("measure: one of {choices}", choices=", ".join(MEASURES)))
    if by.product_groups and measure not in BY_PRODUCT_GROUP:
        raise TargetInvalid(
            Said(
                "product groups: only of {choices}, which add up over them",
                choices=", ".join(BY_PRODUCT_GROUP),
            )
        )
    return measure


def _checked_currency(uow: UnitOfWork, measure: str, currency: str | None) -> str | None:
    if measure != "NET_VALUE":
        if currency is not None:
            raise TargetInvalid(Said("currency: {measure} is no money", measure=measure))
        return None
    chosen = currency or current_policy(uow)[1].currency
    if re.fullmatch(CURRENCY_PATTERN, chosen) is None:
        raise TargetInvalid(Said("currency: three capital letters"))
    return chosen


def _checked_total(total: int) -> int:
    if type(total) is not int or not 0 <= total <= JSON_INT_MAX:
        raise TargetInvalid(Said("amount: a whole number from 0 to {most}", most=JSON_INT_MAX))
    return total


def _checked_reason(reason: str | None) -> str | None:
    if reason is None:
        return None
    why = " ".join(reason.split())
    if not 1 <= len(why) <= REASON_LENGTH_MAX or not why.isprintable():
        raise TargetInvalid(
            Said("reason: 1 to {most} printable characters", most=REASON_LENGTH_MAX)
        )
    return why
