"""Amounts of money as people write them: whole minor units of a currency, and back.

How many digits a currency has: ISO 4217, list one. Most have two; those that have not are here.
"""

import re
from typing import Final

_DIGITS: Final = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
_AMOUNT: Final = re.compile(r"(-?)([0-9]{1,15})(?:\.([0-9]{1,4}))?")


def minor_digits(currency: str) -> int:
    """How many digits after the point an amount in this currency has."""
    return next((digits for digits, named in _DIGITS.items() if currency in named), 2)


def read_amount(text: str, currency: str) -> int:
    """An amount like 12.50 in minor units. Raises ValueError with what is wrong, in words."""
    read = _AMOUNT.fullmatch(text.strip())
    if read is None:
        message = "must be an amount like 12.50"
        raise ValueError(message)
    digits, sign, fraction = minor_digits(currency), read[1], read[3] or ""
    if len(fraction) > digits:
        message = f"must have at most {digits} digits after the point, as {currency} has"
        raise ValueError(message)
    return int(f"{sign}{read[2]}{fraction.ljust(digits, '0')}")


def told_amount(minor: int, currency: str) -> str:
    """An amount in minor units as people write it, like 12.50."""
    digits = minor_digits(currency)
    text = str(abs(minor)).rjust(digits + 1, "0")
    whole = text if not digits else f"{text[:-digits]}.{text[-digits:]}"
    return f"-{whole}" if minor < 0 else whole
