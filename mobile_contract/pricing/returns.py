"""What goods are worth that come back: what they cost in the order that they came with."""

from collections.abc import Mapping, Sequence
from typing import Any

from mobile_contract.pricing.rounding import half_up

_NEVER_CAME = frozenset({"REJECTED", "CANCELLED"})


def goods_of(order: Mapping[str, Any]) -> list[tuple[str, str, int, int]]:
    """What the store has of an order, as (product, unit, quantity, what it cost): of one that was
    delivered what was taken, of another on its way all of it. None of what never comes, or came back.

    `order` is the order as phones hold it.
    """
    if order["order_type"] != "SALE" or order["state"] in _NEVER_CAME:
        return []
    lines = order["lines"]
    taken = [line["quantity"] for line in lines]
    if order["delivery"] is not None:
        at_the_door = {line["line"]: line["delivered"] for line in order["delivery"]["lines"]}
        taken = [at_the_door.get(number, 0) for number in range(1, len(lines) + 1)]
    return [
        (
            line["product_id"],
            line["unit"],
            quantity,
            half_up(line["total_minor"] * quantity, line["quantity"]),
        )
        for line, quantity in zip(lines, taken, strict=True)
    ]


def returned_totals(
    returned: Sequence[tuple[str, str, int]],
    ordered: Sequence[tuple[str, str, int, int]],
    earlier: Sequence[tuple[str, str, int]] = (),
) -> list[int | None]:
    """What returned lines (product, unit, quantity) are credited by the order that they came with.

    A line gets its share of what its product cost there, promotions included: total × returned ÷
    ordered, half up, of all that has come back with it less that of what came before it, `earlier`
    and the lines above. So the parts of what came back whole add up to what it cost. None for what
    was not ordered, or comes to more than was ordered.
    """
    bought: dict[tuple[str, str], tuple[int, int]] = {}
    for product, unit, quantity, total in ordered:
        has, cost = bought.get((product, unit), (0, 0))
        bought[product, unit] = (has + quantity, cost + total)
    back: dict[tuple[str, str], int] = {}
    for product, unit, quantity in earlier:
        back[product, unit] = back.get((product, unit), 0) + quantity
    totals: list[int | None] = []
    for product, unit, quantity in returned:
        named = (product, unit)
        has, cost = bought.get(named, (0, 0))
        before = back.get(named, 0)
        if before + quantity > has:
            totals.append(None)
            continue
        back[named] = before + quantity
        totals.append(half_up(cost * (before + quantity), has) - half_up(cost * before, has))
    return totals
