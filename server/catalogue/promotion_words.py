"""What a promotion says, in words."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from server.language import tell, told_list, told_number
from sync.money import told_amount

ITEMS_SAID = 3


def told_promotion(
    terms: Mapping[str, Any],
    currency: str,
    named: Mapping[int, tuple[str, str]],
    told: Callable[[int, str], str] = told_amount,
) -> str:
    """The terms of a promotion as a person reads them. `named`: product number → (code, name); `told` writes money."""
    if not terms:
        return ""
    parts = [_benefit(terms, currency, named, told)]
    if terms["items"]:
        parts.append(tell("on {items}", items=_items(terms["items"], named)))
    if terms["min_quantity"]:
        parts.append(tell("from {number} units", number=told_number(terms["min_quantity"])))
    if terms["min_amount_minor"]:
        parts.append(tell("from {amount}", amount=told(terms["min_amount_minor"], currency)))
    if terms["max_times"] is not None:
        parts.append(tell("at most {number} times", number=told_number(terms["max_times"])))
    if terms["max_minor"] is not None:
        parts.append(tell("at most {amount} an order", amount=told(terms["max_minor"], currency)))
    if terms["is_exclusive"]:
        parts.append(tell("with no other"))
    elif terms["stack_group"] is not None:
        parts.append(tell("one of {group}", group=terms["stack_group"]))
    return told_list(parts)


def _benefit(
    terms: Mapping[str, Any],
    currency: str,
    named: Mapping[int, tuple[str, str]],
    told: Callable[[int, str], str],
) -> str:
    match terms["benefit"]:
        case "PERCENT_OFF":
            return tell("{percent} off", percent=_percent(terms["basis_points"]))
        case "AMOUNT_OFF":
            amount = told(terms["amount_minor"], currency)
            if terms["per"] == "UNIT":
                return tell("{amount} off each", amount=amount)
            return tell("{amount} off the order", amount=amount)
        case "BUY_X_GET_Y":
            return _told_gift(terms, named)
        case _:
            parts = " + ".join(
                f"{each['quantity']} {each['unit']} {_name(each['product'], named)}"
                for each in terms["portions"]
            )
            return tell(
                "{parts} for {amount}",
                parts=parts,
                amount=told(terms["price_minor"], currency),
            )


def _told_gift(terms: Mapping[str, Any], named: Mapping[int, tuple[str, str]]) -> str:
    given = (
        tell("free")
        if terms["basis_points"] == 10_000
        else tell("{percent} off", percent=_percent(terms["basis_points"]))
    )
    figures = {"buy": terms["buy"], "get": terms["get"], "given": given}
    if not terms["gifts"]:
        return tell("buy {buy}, {get} {given}", **figures)
    gift = _items(terms["gifts"], named)
    return tell("buy {buy}, {get} of {gift} {given}", gift=gift, **figures)


def _percent(basis_points: int) -> str:
    return f"{told_amount(basis_points, 'USD').rstrip('0').rstrip('.')} %"


def _items(items: Sequence[Mapping[str, Any]], named: Mapping[int, tuple[str, str]]) -> str:
    said = [
        tell("{product} by {unit}", product=_name(each["product"], named), unit=each["unit"])
        if each["unit"]
        else _name(each["product"], named)
        for each in items[:ITEMS_SAID]
    ]
    more = len(items) - ITEMS_SAID
    told = told_list(said)
    return tell("{first} and {more} more", first=told, more=more) if more > 0 else told


def _name(number: int, named: Mapping[int, tuple[str, str]]) -> str:
    return named[number][0] if number in named else tell("product {number}", number=number)
