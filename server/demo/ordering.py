"""What stores of the demo order from its reps, priced as a phone prices it.

Pure, given the terms and prices of the stores as of each day. Some orders are too small, and some were priced by what
a phone remembered wrongly: these are held, as they are in the field.
"""

from collections.abc import Mapping
from random import Random
from typing import Any

from mobile_contract.pricing import Line, PricedLine, price_lines
from sync.price_book import StorePrices

_ORDERS_A_VISIT = 0.35
_MISREMEMBERED = 0.03
_TINY = 0.04


def order_at(chance: Random, prices: StorePrices | None, at: int) -> dict[str, Any] | None:
    """What is submitted at a visit: the payload without its store, visit and position; None where nothing is."""
    if prices is None or prices.terms is None or chance.random() >= _ORDERS_A_VISIT:
        return None
    products = {
        product_id: sold for product_id, sold in sorted(prices.products.items()) if sold.is_sold
    }
    is_tiny = chance.random() < _TINY
    asked: list[tuple[str, str, int]] = []
    for product_id in chance.sample(list(products), min(len(products), 12)):
        unit, holds = chance.choice(sorted(products[product_id].units.items()))
        most = 3 if is_tiny else 6 if holds > 1 else 48
        least = -(-products[product_id].min_order_quantity // holds)
        asked.append((product_id, unit, max(least, chance.randint(1, most))))
    lines = [
        Line(products[product_id].number, unit, quantity) for product_id, unit, quantity in asked
    ]
    has_price = [
        place
        for place, one in enumerate(price_lines(lines, prices.terms, at).lines)
        if one.price_minor is not None
    ]
    kept = has_price[: 1 if is_tiny else chance.randint(2, 6)]
    if not kept:
        return None
    asked = [asked[place] for place in kept]
    priced = price_lines([lines[place] for place in kept], prices.terms, at)
    sent = [_line(*what, one) for what, one in zip(asked, priced.lines, strict=True)]
    if chance.random() < _MISREMEMBERED:
        sent[0]["price_minor"] += 10
        sent[0]["total_minor"] += 10 * sent[0]["quantity"]
    lists = {(one.list_id, one.list_version) for one in priced.lines}
    promotions = {(each.promotion_id, each.version) for one in priced.lines for each in one.taken}
    return {
        "currency": priced.currency,
        "lines": sent,
        "total_minor": sum(line["total_minor"] for line in sent),
        "prices_as_of": at - 3 * 3_600_000,
        "price_lists": [{"price_list_id": id_, "version": number} for id_, number in sorted(lists)],
        "promotions": [
            {"promotion_id": id_, "version": number} for id_, number in sorted(promotions)
        ],
    }


def _line(product_id: str, unit: str, quantity: int, priced: PricedLine) -> dict[str, Any]:
    return {
        "product_id": product_id,
        "unit": unit,
        "quantity": quantity,
        "price_minor": priced.price_minor or 0,
        "discount_minor": priced.discount_minor,
        "total_minor": priced.total_minor,
        "taken": [
            {"promotion_id": taken.promotion_id, "amount_minor": taken.amount_minor}
            for taken in priced.taken
        ],
    }


Prices = Mapping[str, StorePrices]
"""Of each store, by its id."""
