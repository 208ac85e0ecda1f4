"""Reading the vectors of prices: terms as records say them, lines as [product, unit, quantity]."""

from typing import Any

from mobile_contract.price_records import read_price_list, read_promotion
from mobile_contract.pricing import CustomerTerms, Line, Slab, price_lines

Json = dict[str, Any]


def read_terms(vector: Json) -> CustomerTerms:
    """The terms of a customer: lists in their order, promotions in the order that they declare."""
    lists = tuple(
        read_price_list(
            each["id"],
            each,
            {
                version["version"]: {
                    (product, unit): tuple(Slab(*slab) for slab in slabs)
                    for product, unit, slabs in version["prices"]
                }
                for version in each["versions"]
            },
        )
        for each in vector["lists"]
        if each["currency"] == vector["currency"]
    )
    promotions = [
        read_promotion(each["id"], each, each)
        for each in vector["promotions"]
        if each["currency"] == vector["currency"]
    ]
    promotions.sort(key=lambda one: (one.stacking.order, one.code))
    return CustomerTerms(vector["currency"], lists, tuple(promotions))


def priced_vector(vector: Json) -> Json:
    """What the lines of a vector come to, as the vector says it."""
    order = price_lines([Line(*line) for line in vector["lines"]], read_terms(vector), vector["at"])
    return {
        "total_minor": order.total_minor,
        "lines": [
            {
                "price_minor": line.price_minor,
                "price_list": line.list_id,
                "version": line.list_version,
                "from_quantity": line.from_quantity,
                "taken": [[taken.promotion_id, taken.amount_minor] for taken in line.taken],
                "total_minor": line.total_minor,
            }
            for line in order.lines
        ],
    }
