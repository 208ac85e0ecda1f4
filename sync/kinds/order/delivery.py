"""What became of an order at the door, line by line. Source: domain rules, "Orders"."""

from collections.abc import Sequence
from typing import NamedTuple

from mobile_contract.pricing import half_up


class AtTheDoor(NamedTuple):
    """A line as the driver confirms it."""

    line: int
    delivered: int
    short: int
    returned: int


class Ordered(NamedTuple):
    """A line as it was ordered."""

    quantity: int
    total_minor: int


class LinesDiffer(Exception):
    """What was confirmed is not what was dispatched. `where` is the place in the payload."""

    def __init__(self, where: str, detail: str) -> None:
        super().__init__(detail)
        self.where = where
        self.detail = detail


def delivered_amounts(confirmed: Sequence[AtTheDoor], ordered: Sequence[Ordered]) -> list[int]:
    """What the delivered part of each confirmed line comes to: total × delivered ÷ ordered, half up.

    Raises LinesDiffer unless every ordered line is confirmed once, with its whole quantity.
    """
    amounts: list[int] = []
    for place, (number, delivered, short, returned) in enumerate(confirmed):
        if number > len(ordered):
            raise LinesDiffer(
                f"payload.lines[{place}].line", f"The order has {len(ordered)} lines."
            )
        quantity, total_minor = ordered[number - 1]
        if delivered + short + returned != quantity:
            raise LinesDiffer(
                f"payload.lines[{place}]",
                f"Line {number} has {quantity} units; delivered, short and returned come to"
                f" {delivered + short + returned}.",
            )
        amounts.append(half_up(total_minor * delivered, quantity))
    if len(confirmed) != len(ordered):
        raise LinesDiffer(
            "payload.lines",
            f"The order has {len(ordered)} lines and {len(confirmed)} are confirmed.",
        )
    return amounts


def outcome_of(confirmed: Sequence[AtTheDoor]) -> str:
    """The act of the state machine that a delivery is: whole, in part, or nothing."""
    if not any(line.delivered for line in confirmed):
        return "deliver nothing"
    if any(line.short or line.returned for line in confirmed):
        return "deliver in part"
    return "deliver whole"
