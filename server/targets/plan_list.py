"""Plans of targets and their versions, and why each part of a plan has what it has."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from typing import Any
from uuid import UUID

from server.language import Said
from server.targets.errors import NoSuchNode, NoSuchPlan
from server.targets.node_rows import node_of
from server.targets.tree import Level, Node, Place
from sync.unit_of_work import UnitOfWork

PARTS_MAX = 5_000

_PLANS = """
select t.id, t.year, t.measure, t.currency, r.code as region_code, d.code as division_code,
       v.version, v.total, v.weight_last_year, v.weight_potential, v.weight_equal, v.options,
       v.from_month, v.reason, v.made_by, v.made_at
from target_plan t
join target_plan_version v on v.company_id = t.company_id and v.target_plan_id = t.id
                          and (v.version = t.version or cast(:plan as uuid) is not null)
join region r on r.company_id = t.company_id and r.id = t.region_id
left join division d on d.company_id = t.company_id and d.id = t.division_id
where t.company_id = :company
  and (cast(:year as int) is null or t.year = :year)
  and (cast(:plan as uuid) is null or t.id = :plan)
order by t.year desc, t.measure, r.code, d.code nulls first, t.id, v.version desc
limit :at_most
"""
_VERSION = """
select coalesce(cast(:version as int), t.version) as version from target_plan t
join target_plan_version v on v.company_id = t.company_id and v.target_plan_id = t.id
     and v.version = coalesce(cast(:version as int), t.version)
where t.company_id = :company and t.id = :plan
"""
_FAMILY = """
select n.*, coalesce(r.code, p.code, n.product_group, to_char(n.month, 'YYYY-MM')) as code
from target_node n
left join region r on r.company_id = n.company_id and r.id = n.region_id
left join position p on p.company_id = n.company_id and p.id = n.position_id
                    and n.product_group is null
where n.company_id = :company and n.target_plan_id = :plan and n.version = :version
  and (n.id = :node or n.parent_id = :node)
order by n.id <> :node, n.sequence limit :at_most
"""


@dataclass(frozen=True, slots=True)
class PlanListed:
    """A plan in one of its versions."""

    id: UUID
    year: int
    measure: str
    currency: str | None
    region_code: str
    division_code: str | None
    version: int
    total: int
    weight_last_year: int
    weight_potential: int
    weight_equal: int
    options: dict[str, Any]
    from_month: date
    reason: str | None
    made_by: str
    made_at: datetime


@dataclass(frozen=True, slots=True)
class Explained:
    """A part of a node with what it follows from. `quota` is the exact amount before rounding; of a part
    that is fixed or whose month was over it is the amount. Its node's weight is that of the split in
    which it got the amount: parts of which nothing has changed since keep it.
    """

    node: Node
    code: str
    quota: Fraction


@dataclass(frozen=True, slots=True)
class Explanation:
    """A node and how it was split over its parts: what was fixed, what was shared, and what rounding
    left, which went one each to the largest remainders.
    """

    version: int
    node: Node
    code: str
    fixed: int
    shared: int
    left_by_rounding: int
    parts: Sequence[Explained]


def list_plans(uow: UnitOfWork, *, year: int | None = None, at_most: int = 100) -> list[PlanListed]:
    """The plans in their versions in force, the latest year first. One query."""
    rows = uow.rows(_PLANS, company=uow.company_id, year=year, plan=None, at_most=at_most)
    return [PlanListed(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public name


def plan_versions(uow: UnitOfWork, plan_id: UUID, *, at_most: int = 100) -> list[PlanListed]:
    """A plan in all its versions, the latest first. Raises NoSuchPlan."""
    rows = uow.rows(_PLANS, company=uow.company_id, year=None, plan=plan_id, at_most=at_most)
    if not rows:
        raise NoSuchPlan(Said("there is no such plan of targets in this company"))
    return [PlanListed(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public name


def explain_node(
    uow: UnitOfWork, plan_id: UUID, place: Place, *, version: int | None = None
) -> Explanation:
    """A part of a plan and how it was split, in the version in force or another.

    Two queries. Raises NoSuchPlan, NoSuchNode.
    """
    found = uow.rows(_VERSION, company=uow.company_id, plan=plan_id, version=version)
    if not found:
        raise NoSuchPlan(Said("there is no such plan, or no such version of it, in this company"))
    chosen = found[0].version
    rows = uow.rows(
        _FAMILY,
        company=uow.company_id,
        plan=plan_id,
        version=chosen,
        node=place.node_id(plan_id),
        at_most=PARTS_MAX,
    )
    if not rows:
        raise NoSuchNode(Said("the plan has no such part in this version"))
    node, *below = [node_of(row) for row in rows]
    codes = [row.code or str(node.place.level) for row in rows]
    return explain(chosen, node, codes[0], list(zip(below, codes[1:], strict=True)))


def explain(version: int, node: Node, code: str, parts: Sequence[tuple[Node, str]]) -> Explanation:
    """How a node was split over its parts, told from the nodes alone."""
    fixed = sum(
        each.amount for each, _ in parts if each.is_pinned or each.is_carried or each.is_fixed_below
    )
    shared = node.amount - fixed if parts else 0
    return Explanation(
        version=version,
        node=node,
        code=code,
        fixed=fixed,
        shared=shared,
        left_by_rounding=sum(1 for each, _ in parts if each.has_extra),
        parts=[
            Explained(
                each,
                named,
                Fraction(each.amount)
                if each.is_pinned or each.is_carried
                else each.floor + each.remainder,
            )
            for each, named in parts
        ],
    )


def place_of(
    *,
    month: date | None = None,
    region_id: UUID | None = None,
    position_id: UUID | None = None,
    product_group: str | None = None,
) -> Place:
    """The place of a plan that is named like this. Raises NoSuchNode where it can name none."""
    if month is None:
        if region_id or position_id or product_group:
            raise NoSuchNode(
                Said("a region, a position or a product group is of a month: name it too")
            )
        return Place(Level.YEAR)
    if region_id is not None and position_id is not None:
        raise NoSuchNode(Said("a part is a region's or a position's, not both"))
    if product_group is not None:
        if position_id is None:
            raise NoSuchNode(Said("a product group is of a position: name it too"))
        return Place(Level.GROUP, month, None, position_id, product_group)
    if position_id is not None:
        return Place(Level.POSITION, month, None, position_id)
    if region_id is not None:
        return Place(Level.REGION, month, region_id)
    return Place(Level.MONTH, month)
