"""store_history: what happened at a store last. It comes down with its store, from contract 2 on.

Lists side by side, not a list of objects: packed, three hundred stores take two thirds of the bytes.
"""

from collections.abc import Iterable
from typing import Any, Final

from mobile_contract.fields import Bool, Choice, Day, ListOf, Part, Text
from mobile_contract.records.contract import RecordContract
from mobile_contract.records.visit import VERDICTS
from mobile_contract.schema import WireSchema

LAST: Final = 3
"""How many visits a history tells of."""
STATES: Final = ("OPEN", "DONE", "SKIPPED")


def of_one_length(visits: Any) -> Iterable[tuple[str, str]]:
    """The lists have a value for each visit."""
    for name in ("person", "state", "verdict", "is_by_phone"):
        if len(getattr(visits, name)) != len(visits.business_day):
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


class StoreHistoryDown(WireSchema):
    """What happened at a store last."""

    visits = Part(PastVisits, about="the last visits")


STORE_HISTORY: Final = RecordContract(kind="store_history", down={1: None, 2: StoreHistoryDown})
