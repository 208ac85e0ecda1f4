"""What a promotion gives, in a form."""

from collections.abc import Mapping, Sequence
from typing import Any

from server.catalogue.promotion_terms import PromotionTerms
from server.language import sentence, tell
from server.web.filled import Filled
from sync.money import told_amount

BENEFITS = {
    "PERCENT_OFF": sentence("a part of the price falls away"),
    "AMOUNT_OFF": sentence("an amount falls away"),
    "BUY_X_GET_Y": sentence("who buys so many gets others"),
    "BUNDLE": sentence("parts together for one price"),
}
_WHOLE_BP = 10_000
_STACK_ORDER_MAX = 1_000


def typed_terms(
    terms: Mapping[str, Any], currency: str, named: Mapping[int, tuple[str, str]]
) -> dict[str, str]:
    """What a promotion gives, as it stands in the form."""

    def amount(name: str) -> str:
        value = terms.get(name)
        return "" if not value and name != "price_minor" else _amount(value, currency)

    def items(name: str) -> str:
        return "\n".join(_line(each, named) for each in terms.get(name, ()))

    percent = "" if terms.get("basis_points") is None else _percent(terms["basis_points"])
    return {
        "benefit": terms.get("benefit", "PERCENT_OFF"),
        "percent": percent,
        "free": percent or "100",
        "amount": amount("amount_minor"),
        "per": terms.get("per") or "UNIT",
        "buy": _number(terms.get("buy")),
        "get": _number(terms.get("get")),
        "gifts": items("gifts"),
        "portions": "\n".join(
            f"{_line(each, named)}:{each['quantity']}" for each in terms.get("portions", ())
        ),
        "price": amount("price_minor"),
        "items": items("items"),
        "min_quantity": _number(terms.get("min_quantity")),
        "min_amount": amount("min_amount_minor"),
        "max_times": _number(terms.get("max_times")),
        "max_amount": amount("max_minor"),
        "stack_order": _number(terms.get("stack_order")),
        "stack_group": terms.get("stack_group") or "",
        "exclusive": "1" if terms.get("is_exclusive") else "",
    }


def read_terms(form: Filled, currency: str) -> PromotionTerms | None:
    """What was typed; of a field that the chosen benefit does not have nothing is read. None where it has faults."""
    benefit = form["benefit"]
    if benefit not in BENEFITS:
        form.fault("benefit", tell("Choose one of the list."))
        return None
    of: dict[str, Any] = {}
    match benefit:
        case "PERCENT_OFF":
            of["basis_points"] = _read_percent(form, "percent")
        case "AMOUNT_OFF":
            of["amount_minor"] = _needed(form, "amount", form.amount("amount", currency))
            of["per"] = form["per"] if form["per"] in ("UNIT", "ORDER") else "UNIT"
        case "BUY_X_GET_Y":
            of["buy"] = _needed(form, "buy", form.whole("buy"))
            of["get"] = _needed(form, "get", form.whole("get"))
            of["basis_points"] = _read_percent(form, "free")
            of["gifts"] = _read_items(form, "gifts")
            of["max_times"] = form.whole("max_times")
        case _:
            of["portions"] = _read_portions(form)
            of["price_minor"] = _needed(form, "price", form.amount("price", currency))
            of["max_times"] = form.whole("max_times")
    if benefit != "BUNDLE":
        of["items"] = _read_items(form, "items")
        of["min_quantity"] = form.whole("min_quantity") or 0
        of["min_amount_minor"] = form.amount("min_amount", currency) or 0
    order = form.whole("stack_order") or 0
    if order > _STACK_ORDER_MAX:
        form.fault("stack_order", tell("At most {number}.", number=_STACK_ORDER_MAX))
    of["max_minor"] = form.amount("max_amount", currency)
    if not form.is_good:
        return None
    return PromotionTerms(
        benefit=benefit,
        stack_order=order,
        stack_group=form.text_or_none("stack_group"),
        is_exclusive=form["exclusive"] == "1",
        **of,
    )


def _needed(form: Filled, name: str, value: int | None) -> int | None:
    if value is None and name not in form.faults:
        form.fault(name, tell("must be there"))
    return value


def _read_percent(form: Filled, name: str) -> int | None:
    value = _needed(form, name, form.basis_points(name))
    if value is not None and not 1 <= value <= _WHOLE_BP:
        form.fault(name, tell("More than 0 and at most 100 percent."))
    return value


def _read_items(form: Filled, name: str) -> tuple[tuple[str, str | None], ...]:
    found = []
    for line in form.lines(name):
        code, _, unit = line.partition(":")
        found.append((code.strip(), unit.strip() or None))
    return tuple(found)


def _read_portions(form: Filled) -> tuple[tuple[str, str, int], ...]:
    found = []
    for line in form.lines("portions"):
        parts: Sequence[str] = [part.strip() for part in line.split(":")]
        if (
            len(parts) != 3
            or not parts[2].isascii()
            or not parts[2].isdecimal()
            or len(parts[2]) > 7
        ):
            form.fault(
                "portions", tell("A product, its unit and how many, a line, as OAT-200:CTN:2.")
            )
            return ()
        found.append((parts[0], parts[1], int(parts[2])))
    if not found:
        form.fault("portions", tell("must be there"))
    return tuple(found)


def _line(each: Mapping[str, Any], named: Mapping[int, tuple[str, str]]) -> str:
    code = named[each["product"]][0] if each["product"] in named else str(each["product"])
    return f"{code}:{each['unit']}" if each["unit"] else code


def _number(value: int | None) -> str:
    return str(value) if value else ""


def _amount(value: int | None, currency: str) -> str:
    return "" if value is None else told_amount(value, currency)


def _percent(basis_points: int) -> str:
    return told_amount(basis_points, "USD").rstrip("0").rstrip(".")
