"""Pricing an order: list, slab, promotions, in that order.

    gross of a line = price of its slab × quantity
    total of a line = gross − what promotions took, never below zero

The order of the lines changes nothing: where promotions have to choose between lines they go by
product, unit, quantity. Source: domain rules, "Orders"; PROTOCOL.md, "Prices".
"""

from collections.abc import Sequence

from mobile_contract.pricing.choice import choose_terms, version_in_force
from mobile_contract.pricing.promotions import OpenLine, apply_promotion
from mobile_contract.pricing.terms import (
    Customer,
    CustomerTerms,
    Line,
    PriceBook,
    PricedLine,
    PricedOrder,
    PriceListVersion,
    Slab,
)


def price_order(customer: Customer, lines: Sequence[Line], book: PriceBook, at: int) -> PricedOrder:
    """The lines priced for a customer out of the whole book, as of a moment."""
    return price_lines(lines, choose_terms(customer, book), at)


def price_lines(
    lines: Sequence[Line], terms: CustomerTerms, at: int, *, has_promotions: bool = True
) -> PricedOrder:
    """The lines priced by what is for their customer, as of a moment."""
    in_force = [
        (held.id, version)
        for held in terms.lists
        if (version := version_in_force(held, at)) is not None
    ]
    opened = [_open(line, in_force) for line in lines]
    if has_promotions and terms.promotions:
        priced = sorted(
            (entry for entry in opened if entry.price_minor is not None),
            key=lambda entry: entry.line,
        )
        for promotion in terms.promotions:
            if promotion.valid_from <= at and (
                promotion.valid_until is None or at < promotion.valid_until
            ):
                apply_promotion(promotion, priced)
    return PricedOrder(
        terms.currency,
        tuple([_closed(entry) for entry in opened]),
        sum(entry.left_minor for entry in opened),
    )


def _open(line: Line, in_force: Sequence[tuple[str, PriceListVersion]]) -> OpenLine:
    """The line with the price of the first list that has one for its quantity."""
    named = (line.product, line.unit)
    for list_id, version in in_force:
        slabs = version.entries.get(named)
        if slabs is not None:
            slab = _slab_for(slabs, line.quantity)
            if slab is not None:
                return OpenLine(
                    line, slab.price_minor, list_id, version.version, slab.from_quantity
                )
    return OpenLine(line, None, None, None, None)


def _slab_for(slabs: Sequence[Slab], quantity: int) -> Slab | None:
    found = None
    for slab in slabs:
        if slab.from_quantity > quantity:
            break
        found = slab
    return found


def _closed(entry: OpenLine) -> PricedLine:
    return PricedLine(
        line=entry.line,
        price_minor=entry.price_minor,
        list_id=entry.list_id,
        list_version=entry.list_version,
        from_quantity=entry.from_quantity,
        gross_minor=entry.gross_minor,
        taken=tuple(entry.taken),
        total_minor=entry.left_minor,
    )
