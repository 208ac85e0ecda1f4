"""Currencies in sheets: their codes, and amounts with as many digits as they have."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from server.exchange.cells import Raw, Value, text_of
from server.exchange.faults import CellInvalid
from server.exchange.sheet import Change, Told
from server.language import Said, tell
from sync.money import read_amount


@dataclass(frozen=True, slots=True)
class Currency:
    """A currency as of ISO 4217."""

    pattern: str
    sql: str = "text"

    def read(self, raw: Raw) -> Value:
        code = text_of(raw).upper()
        if re.fullmatch(self.pattern, code) is None:
            raise CellInvalid("not_text", Said("three letters as of ISO 4217, as EUR"))
        return code

    def write(self, value: Value) -> Raw:
        return str(value)

    def settled(self, value: Value) -> Value:
        return value

    @property
    def about(self) -> str:
        return tell("currency of ISO 4217, as EUR")


def minor_of(amount: Value, currency: str) -> int | None:
    """An amount in minor units; ValueError where it has more digits than its currency."""
    return None if amount is None else read_amount(f"{amount:f}", currency)


def troubles_with_amounts(change: Change, currency: str, names: tuple[str, ...]) -> Iterable[Told]:
    """Amounts of a change that its currency cannot have."""
    for name in names:
        try:
            minor_of(change.values[name], currency)
        except ValueError as error:
            yield Told(change, name, "not_a_number", str(error))
