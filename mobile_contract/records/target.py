"""target: a number that a position is to reach in a month, and how far it is. Only down."""

from typing import Final

from mobile_contract.fields import JSON_INT_MAX, NULLABLE, Choice, Id, Int, Millis, Pattern, Text
from mobile_contract.records.contract import RecordContract
from mobile_contract.schema import WireSchema

MEASURES: Final = ("TC", "PC", "VISITED_STORES", "NET_VALUE", "ORDER_LINES", "QUANTITY")
"""What a target can be set for: whole numbers, counted by position and month."""

BY_PRODUCT_GROUP: Final = ("NET_VALUE", "ORDER_LINES", "QUANTITY")
"""Those that add up from product group to product group."""

MONTH_PATTERN: Final = r"[0-9]{4}-(0[1-9]|1[0-2])"
CURRENCY_PATTERN: Final = r"[A-Z]{3}"
GROUP_LENGTH_MAX: Final = 80


class TargetDown(WireSchema):
    """A target with its progress."""

    position_id = Id(about="the position whose target it is, whoever holds it")
    month = Pattern(MONTH_PATTERN, "a month as YYYY-MM", about="the month, as YYYY-MM")
    measure = Choice(MEASURES, about="what is counted")
    product_group = Text(
        1, GROUP_LENGTH_MAX, presence=NULLABLE, about="the category of products; null: all of them"
    )
    currency = Pattern(
        CURRENCY_PATTERN,
        "three capital letters",
        presence=NULLABLE,
        about="ISO 4217; target and actual are in its minor units. null: they are counted",
    )
    target = Int(0, JSON_INT_MAX, about="the number to reach by the end of the month")
    actual = Int(-JSON_INT_MAX, JSON_INT_MAX, about="reached so far, from the facts the server has")
    working_days_gone = Int(0, 31, about="working days of the month before the day of `as_of`")
    working_days = Int(0, 31, about="working days of the month")
    as_of = Millis(about="since when the server has read these figures from the facts")


TARGET: Final = RecordContract(kind="target", down={1: None, 2: TargetDown})


def expected_by(target: int, working_days_gone: int, working_days: int) -> int:
    """What would have been reached by now at an even pace over the working days, rounded down.

    A month without a working day expects all of it. Source: PROTOCOL.md, "target".
    """
    if working_days == 0:
        return target
    return target * working_days_gone // working_days


def remaining_of(target: int, actual: int) -> int:
    """What is still to be reached; nothing once the target is. Source: PROTOCOL.md, "target"."""
    return max(target - actual, 0)
