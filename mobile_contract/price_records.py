"""Price lists and promotions as records say them, as what prices are computed from.

A phone reads its records with it, and the server its tables, so that both price by the same.
"""

from collections.abc import Mapping
from typing import Any, Final

from mobile_contract.pricing import (
    AmountOff,
    AmountPer,
    Benefit,
    Bundle,
    BuyXGetY,
    ForWhom,
    Item,
    Level,
    PercentOff,
    Portion,
    PriceList,
    PriceListVersion,
    Promotion,
    Stacking,
)
from mobile_contract.pricing.terms import Entries

# The terms of a store name what is for it: whom else it is for is not asked again.
CHOSEN: Final = ForWhom(Level.CUSTOMER, frozenset())

Fields = Mapping[str, Any]


def read_price_list(
    record_id: str,
    fields: Fields,
    prices: Mapping[int, Entries],
    for_whom: ForWhom = CHOSEN,
) -> PriceList:
    """The list of a `price_list` record with those of its versions whose prices are given."""
    return PriceList(
        id=record_id,
        code=fields["code"],
        currency=fields["currency"],
        for_whom=for_whom,
        versions=tuple(
            PriceListVersion(
                version=each["version"],
                valid_from=each["valid_from"],
                valid_until=each["valid_until"],
                entries=prices[each["version"]],
            )
            for each in fields["versions"]
            if each["version"] in prices
        ),
    )


def read_promotions(record_id: str, fields: Fields) -> tuple[Promotion, ...]:
    """Each version of a `promotion` record as a promotion of its own; no moment is in two.

    Raises ValueError where a version is none that can be.
    """
    return tuple(read_promotion(record_id, fields, each) for each in fields["versions"])


def read_promotion(record_id: str, fields: Fields, version: Fields) -> Promotion:
    """One version of a promotion. Raises ValueError where it is none that can be."""
    return Promotion(
        id=record_id,
        code=fields["code"],
        version=version["version"],
        currency=fields["currency"],
        benefit=_benefit(version),
        valid_from=version["valid_from"],
        valid_until=version["valid_until"],
        items=_items(version["items"]),
        min_quantity=version["min_quantity"],
        min_amount_minor=version["min_amount_minor"],
        max_times=version["max_times"],
        max_minor=version["max_minor"],
        stacking=Stacking(
            order=version["stack_order"],
            group=version["stack_group"],
            is_exclusive=version["is_exclusive"],
        ),
    )


def _benefit(version: Fields) -> Benefit:
    match version["benefit"]:
        case "PERCENT_OFF":
            return PercentOff(version["basis_points"])
        case "AMOUNT_OFF":
            return AmountOff(version["amount_minor"], AmountPer(version["per"]))
        case "BUY_X_GET_Y":
            return BuyXGetY(
                version["buy"], version["get"], _items(version["gifts"]), version["basis_points"]
            )
        case "BUNDLE":
            portions = tuple(
                Portion(each["product"], each["unit"], each["quantity"])
                for each in version["portions"]
            )
            return Bundle(portions, version["price_minor"])
        case other:
            message = f"no promotion gives {other}"
            raise ValueError(message)


def _items(items: list[Fields]) -> frozenset[Item]:
    return frozenset(Item(each["product"], each["unit"]) for each in items)
