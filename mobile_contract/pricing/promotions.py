"""What one promotion takes off the lines of an order.

Every promotion sees what the ones before it left of each line. It looks only at the lines that it is
about and that its stacking lets it touch; what takes part is then closed to others as declared.
"""

from collections.abc import Collection, Sequence

from mobile_contract.pricing.promotion_terms import (
    WHOLE_BP,
    AmountOff,
    AmountPer,
    Bundle,
    BuyXGetY,
    Item,
    PercentOff,
    Promotion,
)
from mobile_contract.pricing.rounding import half_up, spread
from mobile_contract.pricing.terms import Line, Taken


class OpenLine:
    """A line while it is being priced."""

    __slots__ = (
        "from_quantity",
        "gross_minor",
        "groups",
        "has_promotion",
        "is_closed",
        "left_minor",
        "line",
        "list_id",
        "list_version",
        "price_minor",
        "taken",
    )

    def __init__(
        self,
        line: Line,
        price_minor: int | None,
        list_id: str | None,
        list_version: int | None,
        from_quantity: int | None,
    ) -> None:
        self.line = line
        self.price_minor = price_minor
        self.list_id = list_id
        self.list_version = list_version
        self.from_quantity = from_quantity
        self.gross_minor = (price_minor or 0) * line.quantity
        self.left_minor = self.gross_minor
        self.taken: list[Taken] = []
        self.groups: list[str] = []
        self.has_promotion = False
        # An exclusive promotion has it.
        self.is_closed = False


# A line that takes part, and what is taken off it.
Part = tuple[OpenLine, int]


def apply_promotion(promotion: Promotion, lines: Sequence[OpenLine]) -> None:
    """Take off what the promotion gives. `lines` have prices and stand in ascending order."""
    stacking = promotion.stacking
    free = [
        entry
        for entry in lines
        if not entry.is_closed
        and not (stacking.is_exclusive and entry.has_promotion)
        and (stacking.group is None or stacking.group not in entry.groups)
    ]
    if not free:
        return
    parts = _parts(promotion, free)
    whole = sum(amount for _, amount in parts)
    if not whole:
        return
    if promotion.max_minor is not None and whole > promotion.max_minor:
        amounts = spread(promotion.max_minor, [amount for _, amount in parts])
        parts = [(entry, amount) for (entry, _), amount in zip(parts, amounts, strict=True)]
    for entry, amount in parts:
        entry.has_promotion = True
        entry.is_closed = stacking.is_exclusive
        if stacking.group is not None:
            entry.groups.append(stacking.group)
        if amount:
            entry.left_minor -= amount
            entry.taken.append(Taken(promotion.id, promotion.version, amount))


def _parts(promotion: Promotion, free: Sequence[OpenLine]) -> list[Part]:
    """The lines that take part, and what is taken off each."""
    benefit = promotion.benefit
    if isinstance(benefit, Bundle):
        named = {Item(portion.product, portion.unit) for portion in benefit.portions}
        return _bundled(benefit, promotion, _about(named, free))
    about = _about(promotion.items, free)
    if sum(entry.line.quantity for entry in about) < max(promotion.min_quantity, 1):
        return []
    if sum(entry.left_minor for entry in about) < promotion.min_amount_minor:
        return []
    if isinstance(benefit, PercentOff):
        return [
            (entry, half_up(entry.left_minor * benefit.basis_points, WHOLE_BP)) for entry in about
        ]
    if isinstance(benefit, AmountOff):
        return _amount_off(benefit, about)
    return _given(benefit, promotion, about, free)


def _about(items: Collection[Item], lines: Sequence[OpenLine]) -> list[OpenLine]:
    if not items:
        return list(lines)
    return [
        entry
        for entry in lines
        if (entry.line.product, entry.line.unit) in items or (entry.line.product, None) in items
    ]


def _amount_off(benefit: AmountOff, about: Sequence[OpenLine]) -> list[Part]:
    if benefit.per is AmountPer.UNIT:
        return [
            (entry, min(entry.left_minor, benefit.amount_minor * entry.line.quantity))
            for entry in about
        ]
    weights = [entry.left_minor for entry in about]
    amounts = spread(min(benefit.amount_minor, sum(weights)), weights)
    return list(zip(about, amounts, strict=True))


def _given(
    benefit: BuyXGetY, promotion: Promotion, about: Sequence[OpenLine], free: Sequence[OpenLine]
) -> list[Part]:
    """Buy X get Y: the gift is taken from the cheapest units."""
    bought = sum(entry.line.quantity for entry in about)
    if benefit.gifts:
        gifts = _about(benefit.gifts, free)
        times = bought // benefit.buy
    else:
        gifts = list(about)
        times = bought // (benefit.buy + benefit.get)
    if promotion.max_times is not None:
        times = min(times, promotion.max_times)
    units = times * benefit.get
    if not units or not gifts:
        return []
    amounts: dict[int, int] = {}
    for entry in sorted(gifts, key=lambda e: (e.price_minor or 0, e.line)):
        given = min(units, entry.line.quantity)
        units -= given
        amounts[id(entry)] = half_up(
            entry.left_minor * given * benefit.basis_points, entry.line.quantity * WHOLE_BP
        )
    taking_part = [*about, *gifts] if benefit.gifts else gifts
    return [(entry, amounts.get(id(entry), 0)) for entry in taking_part]


def _bundled(benefit: Bundle, promotion: Promotion, about: Sequence[OpenLine]) -> list[Part]:
    """A bundle: what its portions would cost, less its price, spread over their lines."""
    has: dict[tuple[int, str], int] = {}
    for entry in about:
        named = (entry.line.product, entry.line.unit)
        has[named] = has.get(named, 0) + entry.line.quantity
    times = min(has.get((p.product, p.unit), 0) // p.quantity for p in benefit.portions)
    if promotion.max_times is not None:
        times = min(times, promotion.max_times)
    if not times:
        return []
    wanted = {(p.product, p.unit): p.quantity * times for p in benefit.portions}
    used: list[OpenLine] = []
    worth: list[int] = []
    for entry in about:
        named = (entry.line.product, entry.line.unit)
        units = min(wanted[named], entry.line.quantity)
        if units:
            wanted[named] -= units
            used.append(entry)
            worth.append(half_up(entry.left_minor * units, entry.line.quantity))
    gain = sum(worth) - times * benefit.price_minor
    if gain <= 0:
        return []
    return list(zip(used, spread(gain, worth), strict=True))
