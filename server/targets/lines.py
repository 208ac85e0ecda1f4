"""Targets as lines for a terminal."""

from collections.abc import Sequence
from fractions import Fraction

from server.days.lines import printable
from server.identity.aligned import NOTHING, aligned
from server.measures.lines import told_decimal
from server.targets.plan_list import Explained, Explanation, PlanListed
from server.targets.progress_list import PersonShare, TargetProgress
from server.targets.tree import Level, Node

PART_HEADER = ("PART", "AMOUNT", "LAST YEAR", "POTENTIAL", "WEIGHT", "QUOTA", "WHY")
PLAN_HEADER = ("PLAN", "YEAR", "MEASURE", "REGION", "DIVISION", "TOTAL", "VERSION", "MADE", "BY")
PROGRESS_HEADER = (
    "POSITION",
    "MEASURE",
    "GROUP",
    "TARGET",
    "ACTUAL",
    "EXPECTED",
    "REMAINING",
    "REACHED",
    "DAYS",
)


def plan_row(plan: PlanListed) -> tuple[str, ...]:
    """A plan in the columns of PLAN_HEADER."""
    return (
        str(plan.id)[:8],
        str(plan.year),
        plan.measure,
        plan.region_code,
        plan.division_code or NOTHING,
        told_amount(plan.total, plan.currency),
        str(plan.version),
        f"{plan.made_at:%Y-%m-%d}",
        plan.made_by,
    )


def told_amount(amount: int, currency: str | None) -> str:
    """An amount; money with its currency, in minor units."""
    return f"{amount} {currency}" if currency else str(amount)


def explanation_lines(plan: PlanListed, told: Explanation) -> list[str]:
    """A node, and how it was split over its parts."""
    node = told.node
    month = "" if node.place.month is None else f"{node.place.month:%Y-%m} "
    name = str(plan.year) if node.place.level is Level.YEAR else f"{month}{told.code}"
    if node.place.level is Level.MONTH:
        name = told.code
    amount = told_amount(node.amount, plan.currency)
    lines = [f"{plan.measure} {name}: {amount} (version {told.version}, {told_why(node)})"]
    if not told.parts:
        return [*lines, "It is not split any further."]
    lines.append(
        f"fixed {told.fixed}, shared {told.shared} by last year {plan.weight_last_year} + potential"
        f" {plan.weight_potential} + equal {plan.weight_equal} thousandths; rounding left"
        f" {told.left_by_rounding}, one each to the largest remainders"
    )
    return [*lines, *aligned(PART_HEADER, [_part_row(each) for each in told.parts])]


def _part_row(each: Explained) -> tuple[str, ...]:
    node = each.node
    is_shared = not node.is_pinned and not node.is_carried and not node.is_fixed_below
    return (
        printable(each.code),
        str(node.amount),
        str(node.last_year),
        str(node.potential),
        f"{told_decimal(node.weight * 100, 2)} %" if is_shared else NOTHING,
        told_decimal(each.quota, 3) if is_shared else NOTHING,
        told_why(node),
    )


def told_why(node: Node) -> str:
    """Why a node has what it has, in words."""
    if node.is_carried:
        return "its month was over"
    if node.is_pinned:
        return "fixed"
    if node.is_fixed_below:
        return "its parts are fixed"
    if node.place.level is Level.YEAR:
        return "set"
    return "rounded up" if node.has_extra else "rounded down" if node.remainder else "exact"


def progress_row(each: TargetProgress) -> tuple[str, ...]:
    """A target in the columns of PROGRESS_HEADER."""
    return (
        each.position_code,
        each.measure,
        printable(each.product_group or "") or NOTHING,
        told_amount(each.target, each.currency),
        str(each.actual),
        str(each.expected),
        str(each.remaining),
        _reached(each.actual, each.target),
        f"{each.working_days_gone}/{each.working_days}",
    )


def person_rows(each: TargetProgress, shares: Sequence[PersonShare]) -> list[tuple[str, ...]]:
    """The parts of a target of those who held its position, in the columns of PROGRESS_HEADER."""
    return [
        (
            f"  {printable(share.person_name or 'nobody')}",
            "",
            "",
            told_amount(share.target, each.currency),
            NOTHING if share.person_id is None else str(share.actual),
            "",
            "",
            NOTHING if share.person_id is None else _reached(share.actual, share.target),
            f"{share.working_days} held",
        )
        for share in shares
        if share.target_id == each.id
    ]


def _reached(actual: int, target: int) -> str:
    if target == 0:
        return NOTHING
    return f"{told_decimal(Fraction(100 * actual, target), 1)} %"
