"""Numbers of answers, as people type them."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from mobile_contract.fields import JSON_INT_MAX
from server.forms.words import told_decimal
from server.language import tell
from server.web.filled import Filled
from sync.money import read_amount, told_amount

Json = Mapping[str, Any]

# What a number means that is counted, not measured.
_COUNTED = frozenset({"TEXT", "CHOICES", "PHOTO", "ROWS"})
# More than the largest number that an answer has, with blanks and a point.
_TYPED_MAX = 40


def told_scaled(asked: Json, number: int | None) -> str:
    """A number of an answer as it is typed: 125 with one decimal is 12.5."""
    if number is None:
        return ""
    if asked["type"] == "MONEY" and asked.get("currency"):
        return told_amount(number, asked["currency"])
    return told_decimal(number, 0 if asked["type"] in _COUNTED else asked.get("decimals") or 0)


def read_scaled(form: Filled, name: str, typed: str, asked: Json) -> int | None:
    """A number as an answer has it; None where none was typed, or it is none, which is noted at the field."""
    if not typed:
        return None
    if len(typed) > _TYPED_MAX:
        form.fault(name, tell("A number like this answer has it, please."))
        return None
    try:
        if asked["type"] == "MONEY":
            return read_amount(typed, asked.get("currency") or "CNY")
        decimals = 0 if asked["type"] in _COUNTED else asked.get("decimals") or 0
        scaled = Decimal(typed).scaleb(decimals)
        is_whole = scaled.is_finite() and scaled == scaled.to_integral_value()
    except (ValueError, ArithmeticError):
        is_whole = False
    if is_whole and abs(scaled) <= JSON_INT_MAX:
        return int(scaled)
    form.fault(name, tell("A number like this answer has it, please."))
    return None
