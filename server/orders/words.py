"""What became of an order's prices, in plain words."""

from collections.abc import Mapping
from typing import Any

from server.language import joined_words, sentence, tell, told_number
from server.orders.one_order import LineRead, Taken
from sync.money import told_amount

HOLD_WORDS = {
    "total_mismatch": sentence("costs something else by the server's prices"),
    "stale_price": sentence("the phone's prices were too old"),
    "below_minimum": sentence("less than is delivered"),
    "credit": sentence("more than the account may still order for"),
}


def told_line(line: LineRead, currency: str) -> str:
    """The line as it was sent: quantity, price, what was taken off, total."""
    return _told_sum(
        line.quantity, line.unit, line.price_minor, line.taken, line.total_minor, currency
    )


def told_price(line: LineRead, currency: str) -> str:
    """How the server's price of a line came about."""
    if line.server_total_minor is None:
        return tell("no list of the store has a price for it")
    if line.server_price_minor is None:
        return tell(
            "{amount}, as it cost in the order it came with",
            amount=told_amount(line.server_total_minor, currency),
        )
    said = _told_sum(
        line.quantity,
        line.unit,
        line.server_price_minor,
        line.server_taken,
        line.server_total_minor,
        currency,
    )
    by = {
        "sum": said,
        "code": line.price_list_code or tell("unknown"),
        "version": line.price_list_version,
    }
    if line.from_quantity is not None and line.from_quantity > 1:
        return tell(
            "{sum}, by list {code} version {version} from {quantity} on",
            quantity=told_number(line.from_quantity),
            **by,
        )
    return tell("{sum}, by list {code} version {version}", **by)


def told_holds(holds: Mapping[str, Any] | tuple[str, ...] | list[str]) -> str:
    """Why an order is held."""
    return joined_words([tell(HOLD_WORDS.get(hold, hold)) for hold in holds])


def _told_sum(
    quantity: int,
    unit: str,
    price_minor: int,
    taken: tuple[Taken, ...],
    total_minor: int,
    currency: str,
) -> str:
    said = f"{quantity} {unit} × {told_amount(price_minor, currency)}"
    for each in taken:
        by = (
            each.promotion
            if each.version is None
            else tell("{code} version {version}", code=each.promotion, version=each.version)
        )
        said += f" − {told_amount(each.amount_minor, currency)} ({by})"
    return f"{said} = {told_amount(total_minor, currency)}"
