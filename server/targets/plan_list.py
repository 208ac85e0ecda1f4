"""Plans of targets and their versions, and why each part of a plan has what it has."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from typing import Any
from uuid import UUID

from server.identity.permissions import region_parents
from server.language import Said
from server.planning.region_list import region_reach
from server.targets.errors import NoSuchNode, NoSuchPlan
from server.targets.node_rows import node_of
from server.targets.tree import Level, Node, Place
from sync.unit_of_work import UnitOfWork

PARTS_MAX = 5_000

_PLANS = """
select t.id, t.year, t.measure, t.currency, r.code as region_code, d.code as division_code,
       t.region_id, r.name as region_name, d.name as division_name, v.version,
       case when :is_all or t.region_id = any(:sets) then v.total else (
           select coalesce(sum(n.amount), 0)::bigint from target_node n
           where n.company_id = t.company_id and n.target_plan_id = t.id and n.version = v.version
             and n.level = 'REGION' and n.region_id = any(:own)) end as total,
       v.weight_last_year, v.weight_potential, v.weight_equal, v.options,
       v.from_month, v.reason, v.made_by, v.made_at
from target_plan t
join target_plan_version v on v.company_id = t.company_id and v.target_plan_id = t.id
                          and (v.version = t.version or cast(:plan as uuid) is not null)
join region r on r.company_id = t.company_id and r.id = t.region_id
left join division d on d.company_id = t.company_id and d.id = t.division_id
where t.company_id = :company
  and (cast(:year as int) is null or t.year = :year)
  and (cast(:plan as uuid) is null or t.id = :plan)
  and (:is_all or t.region_id = any(:sees))
  and (cast(:after as uuid) is null or (-t.year, t.measure, r.code, coalesce(d.code, ''), t.id) > (
       select -a.year, a.measure, b.code, coalesce(c.code, ''), a.id from target_plan a
       join region b on b.company_id = a.company_id and b.id = a.region_id
       left join division c on c.company_id = a.company_id and c.id = a.division_id
       where a.company_id = :company and a.id = :after))
order by t.year desc, t.measure, r.code, coalesce(d.code, ''), t.id, v.version desc
limit :at_most
"""
_VERSION = """
select coalesce(cast(:version as int), t.version) as version from target_plan t
join target_plan_version v on v.company_id = t.company_id and v.target_plan_id = t.id
     and v.version = coalesce(cast(:version as int), t.version)
where t.company_id = :company and t.id = :plan
"""
_NAMED = """
n.*, coalesce(n.product_group, r.code, p.code, to_char(n.month, 'YYYY-MM')) as code,
       coalesce(n.product_group, r.name, p.name, '') as name,
       coalesce(n.region_id, p.region_id) as at_region
"""
_NAMES = """
left join region r on r.company_id = n.company_id and r.id = n.region_id
left join position p on p.company_id = n.company_id and p.id = n.position_id
"""
_FAMILY = f"""
select {_NAMED}
from target_node n {_NAMES}
where n.company_id = :company and n.target_plan_id = :plan and n.version = :version
  and (n.id = :node or n.parent_id = :node)
order by n.id <> :node, n.sequence limit :at_most
"""  # noqa: S608  put together from constants, above
_WAY = f"""
with recursive up as (
    select id, parent_id, 0 as above from target_node
    where company_id = :company and target_plan_id = :plan and version = :version and id = :node
    union all
    select m.id, m.parent_id, u.above + 1 from target_node m join up u on m.id = u.parent_id
    where m.company_id = :company and m.target_plan_id = :plan and m.version = :version
      and u.above < 40
)
select {_NAMED}
from up join target_node n
  on n.company_id = :company and n.target_plan_id = :plan and n.version = :version and n.id = up.id
{_NAMES}
where up.above > 0 order by up.above desc
"""  # noqa: S608
_ENTRIES = f"""
select {_NAMED}
from target_node n {_NAMES}
where n.company_id = :company and n.target_plan_id = :plan and n.version = :version
  and n.level = 'REGION' and n.region_id = any(:own)
order by n.month, r.code limit :at_most
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class PlanReach:
    """Which plans somebody sees and sets, by the plan's region; None: all.

    Whoever oversees a region sets plans for it and those below, and sees of a plan for a region above the
    parts of what they oversee. `own` are the regions they hold.
    """

    sees: frozenset[UUID] | None
    sets: frozenset[UUID] | None
    own: frozenset[UUID] = frozenset()

    def may_set(self, region_id: UUID) -> bool:
        """Whether plans for this region are theirs to set."""
        return self.sets is None or region_id in self.sets

    def may_see_part(self, plan_region_id: UUID, at_region: UUID | None) -> bool:
        """Whether a part at this region, None of the whole, of a plan is theirs to see."""
        return self.may_set(plan_region_id) or (self.sets is not None and at_region in self.sets)


ALL_PLANS = PlanReach(None, None)


@dataclass(frozen=True, slots=True)
class PlanListed:
    """A plan in one of its versions; to whom it is set from above, its total is that of their parts."""

    id: UUID
    year: int
    measure: str
    currency: str | None
    region_code: str
    division_code: str | None
    region_id: UUID
    region_name: str
    division_name: str | None
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
    name: str = ""


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
    name: str = ""


@dataclass(frozen=True, slots=True)
class NodeNamed:
    """A node with its code and its name; a year or a month has no name."""

    node: Node
    code: str
    name: str


def plan_reach(uow: UnitOfWork, asker_id: UUID | None, today: date) -> PlanReach:
    """What the asker sees and sets. At most three queries."""
    reach = region_reach(uow, asker_id, today)
    if reach.sees is None or reach.sets is None:
        return ALL_PLANS
    own = reach.sees - reach.sets
    parents = region_parents(uow)
    above: set[UUID] = set()
    for region_id in own:
        place = parents.get(region_id)
        while place is not None and place not in above:
            above.add(place)
            place = parents.get(place)
    return PlanReach(reach.sees | above, reach.sees, own)


def list_plans(
    uow: UnitOfWork,
    *,
    year: int | None = None,
    reach: PlanReach = ALL_PLANS,
    after: UUID | None = None,
    at_most: int = 100,
) -> list[PlanListed]:
    """The plans in their versions in force, the latest year first. One query."""
    return _plans(uow, reach, year=year, plan=None, after=after, at_most=at_most)


def plan_versions(
    uow: UnitOfWork, plan_id: UUID, *, reach: PlanReach = ALL_PLANS, at_most: int = 100
) -> list[PlanListed]:
    """A plan in all its versions, the latest first. Raises NoSuchPlan."""
    found = _plans(uow, reach, year=None, plan=plan_id, after=None, at_most=at_most)
    if not found:
        raise NoSuchPlan(Said("there is no such plan of targets in this company"))
    return found


def _plans(uow: UnitOfWork, reach: PlanReach, **asked: Any) -> list[PlanListed]:
    rows = uow.rows(
        _PLANS,
        company=uow.company_id,
        is_all=reach.sees is None,
        sees=sorted(reach.sees or ()),
        sets=sorted(reach.sets or ()),
        own=sorted(reach.own),
        **asked,
    )
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
    return _explained(uow, plan_id, place.node_id(plan_id), found[0].version, lambda _: True)


def explain_part(
    uow: UnitOfWork, plan: PlanListed, node_id: UUID, reach: PlanReach
) -> tuple[Explanation, list[NodeNamed]]:
    """A part of a plan's version, how it was split, and what it is a part of, the whole first.

    Two queries. Raises NoSuchNode, also for a part that is not theirs to see.
    """

    def is_seen(at_region: UUID | None) -> bool:
        return reach.may_see_part(plan.region_id, at_region)

    told = _explained(uow, plan.id, node_id, plan.version, is_seen)
    way = uow.rows(_WAY, company=uow.company_id, plan=plan.id, version=plan.version, node=node_id)
    return told, [_named(row) for row in way if is_seen(row.at_region)]


def list_entries(uow: UnitOfWork, plan: PlanListed, reach: PlanReach) -> list[NodeNamed]:
    """The parts of a plan that is set from above at which what somebody oversees begins, month by month. One query."""
    rows = uow.rows(
        _ENTRIES,
        company=uow.company_id,
        plan=plan.id,
        version=plan.version,
        own=sorted(reach.own),
        at_most=PARTS_MAX,
    )
    return [_named(row) for row in rows]


def _named(row: Any) -> NodeNamed:
    return NodeNamed(node_of(row), row.code or str(row.level), row.name)


def _explained(
    uow: UnitOfWork,
    plan_id: UUID,
    node_id: UUID,
    version: int,
    is_seen: Callable[[UUID | None], bool],
) -> Explanation:
    rows = uow.rows(
        _FAMILY,
        company=uow.company_id,
        plan=plan_id,
        version=version,
        node=node_id,
        at_most=PARTS_MAX,
    )
    if not rows or rows[0].id != node_id or not is_seen(rows[0].at_region):
        raise NoSuchNode(Said("the plan has no such part in this version"))
    node, *below = [_named(row) for row in rows]
    return explain(version, node, below)


def explain(version: int, whole: NodeNamed, parts: Sequence[NodeNamed]) -> Explanation:
    """How a node was split over its parts, told from the nodes alone."""
    nodes = [each.node for each in parts]
    fixed = sum(
        each.amount for each in nodes if each.is_pinned or each.is_carried or each.is_fixed_below
    )
    return Explanation(
        version=version,
        node=whole.node,
        code=whole.code,
        fixed=fixed,
        shared=whole.node.amount - fixed if parts else 0,
        left_by_rounding=sum(1 for each in nodes if each.has_extra),
        parts=[
            Explained(
                each.node,
                each.code,
                Fraction(each.node.amount)
                if each.node.is_pinned or each.node.is_carried
                else each.node.floor + each.node.remainder,
                each.name,
            )
            for each in parts
        ],
        name=whole.name,
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
