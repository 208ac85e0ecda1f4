"""What goods are worth that come back: what they cost in the order that they came with."""

from collections.abc import Sequence

from mobile_contract.pricing.rounding import half_up


def returned_totals(
    returned: Sequence[tuple[str, str, int]],
    ordered: Sequence[tuple[str, str, int, int]],
) -> list[int | None]:
    """What returned lines (product, unit, quantity) are credited by the order that they came with.

    A line gets its share of what its product cost there, promotions included: total × returned ÷
    ordered, half up. None for what was not ordered, or comes back in a larger quantity.
    """
    bought: dict[tuple[str, str], tuple[int, int]] = {}
    for product, unit, quantity, total in ordered:
        has, cost = bought.get((product, unit), (0, 0))
        bought[product, unit] = (has + quantity, cost + total)
    left = {named: quantity for named, (quantity, _) in bought.items()}
    totals: list[int | None] = []
    for product, unit, quantity in returned:
        named = (product, unit)
        left[named] = left.get(named, 0) - quantity
        if left[named] < 0:
            totals.append(None)
            continue
        has, cost = bought[named]
        totals.append(half_up(cost * quantity, has))
    return totals
