"""What a promotion says, in words."""

from collections.abc import Mapping, Sequence
from typing import Any

from sync.money import told_amount

ITEMS_SAID = 3


def told_promotion(
    terms: Mapping[str, Any], currency: str, named: Mapping[int, tuple[str, str]]
) -> str:
    """The terms of a promotion as a person reads them. `named`: product number → (code, name)."""
    if not terms:
        return ""
    parts = [_benefit(terms, currency, named)]
    if terms["items"]:
        parts.append(f"on {_items(terms['items'], named)}")
    if terms["min_quantity"]:
        parts.append(f"from {terms['min_quantity']} units")
    if terms["min_amount_minor"]:
        parts.append(f"from {told_amount(terms['min_amount_minor'], currency)}")
    if terms["max_times"] is not None:
        parts.append(f"at most {terms['max_times']} times")
    if terms["max_minor"] is not None:
        parts.append(f"at most {told_amount(terms['max_minor'], currency)} an order")
    if terms["is_exclusive"]:
        parts.append("with no other")
    elif terms["stack_group"] is not None:
        parts.append(f"one of {terms['stack_group']}")
    return ", ".join(parts)


def _benefit(terms: Mapping[str, Any], currency: str, named: Mapping[int, tuple[str, str]]) -> str:
    match terms["benefit"]:
        case "PERCENT_OFF":
            return f"{_percent(terms['basis_points'])} off"
        case "AMOUNT_OFF":
            per = "each" if terms["per"] == "UNIT" else "the order"
            return f"{told_amount(terms['amount_minor'], currency)} off {per}"
        case "BUY_X_GET_Y":
            given = (
                "free"
                if terms["basis_points"] == 10_000
                else f"{_percent(terms['basis_points'])} off"
            )
            gift = f" of {_items(terms['gifts'], named)}" if terms["gifts"] else ""
            return f"buy {terms['buy']}, {terms['get']}{gift} {given}"
        case _:
            parts = " + ".join(
                f"{each['quantity']} {each['unit']} {_name(each['product'], named)}"
                for each in terms["portions"]
            )
            return f"{parts} for {told_amount(terms['price_minor'], currency)}"


def _percent(basis_points: int) -> str:
    return f"{told_amount(basis_points, 'USD').rstrip('0').rstrip('.')} %"


def _items(items: Sequence[Mapping[str, Any]], named: Mapping[int, tuple[str, str]]) -> str:
    said = [
        _name(each["product"], named) + (f" by {each['unit']}" if each["unit"] else "")
        for each in items[:ITEMS_SAID]
    ]
    more = len(items) - ITEMS_SAID
    return ", ".join(said) + (f" and {more} more" if more > 0 else "")


def _name(number: int, named: Mapping[int, tuple[str, str]]) -> str:
    return named[number][0] if number in named else f"product {number}"
