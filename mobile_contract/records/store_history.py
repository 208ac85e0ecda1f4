"""store_history: what happened at a store last. It comes down with its store, from contract 2 on.

Lists side by side, not a list of objects: packed, three hundred stores take two thirds of the bytes.
"""

from collections.abc import Iterable
from typing import Any, Final

from mobile_contract.fields import Bool, Choice, Day, Int, ListOf, Part, Pattern, Text
from mobile_contract.records.contract import RecordContract
from mobile_contract.records.order import (
    NUMBER_MAX,
    ORDER_MINOR_MAX,
)
from mobile_contract.records.order import STATES as ORDER_STATES
from mobile_contract.records.price_list import CURRENCY_PATTERN
from mobile_contract.records.visit import VERDICTS
from mobile_contract.schema import WireSchema

LAST: Final = 3
"""How many visits and orders a history tells of."""
STATES: Final = ("OPEN", "DONE", "SKIPPED")


def of_one_length(told: Any) -> Iterable[tuple[str, str]]:
    """The lists have a value for each visit, or for each order."""
    for name in ("person", "state", "verdict", "is_by_phone", "number", "total_minor", "currency"):
        if len(getattr(told, name, told.business_day)) != len(told.business_day):
            yield name, "must be as long as business_day"


class PastVisits(WireSchema):
    """The last visits of a store, the latest first: place by place, one visit over all lists."""

    rules = (of_one_length,)

    business_day = ListOf(Day(), LAST, about="the day of each, in the company's time zone")
    person = ListOf(Text(1, 200), LAST, about="who it was, by name")
    state = ListOf(Choice(STATES), LAST, about="OPEN: not ended yet; SKIPPED: planned and not made")
    verdict = ListOf(
        Choice((*VERDICTS, "NONE")),
        LAST,
        about="where the check-in was against the pin; NONE: by phone, or skipped",
    )
    is_by_phone = ListOf(Bool(), LAST, about="whether it was a call by phone")


class PastOrders(WireSchema):
    """The last sales of a store, the latest first: place by place, one order over all lists."""

    rules = (of_one_length,)

    number = ListOf(Text(1, NUMBER_MAX), LAST, about="the number that the server gave it")
    business_day = ListOf(Day(), LAST, about="the day of each, in the company's time zone")
    person = ListOf(Text(1, 200), LAST, about="who took it, by name")
    state = ListOf(Choice(ORDER_STATES), LAST, about="where it stands")
    total_minor = ListOf(
        Int(0, ORDER_MINOR_MAX),
        LAST,
        about="what it came to when it was last changed",
        unit="minor units",
    )
    currency = ListOf(
        Pattern(CURRENCY_PATTERN, "three capital letters"), LAST, about="ISO 4217 code"
    )


class StoreHistoryDown(WireSchema):
    """What happened at a store last."""

    visits = Part(PastVisits, about="the last visits")
    orders = Part(PastOrders, about="the last sales; returns are not told")


STORE_HISTORY: Final = RecordContract(kind="store_history", down={1: None, 2: StoreHistoryDown})
