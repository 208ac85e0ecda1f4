"""Why an order is held: each hold with the figures that show it. Nothing is refused for its price.

    total_mismatch  a line or the sum is not what the server's prices make of it; also where no list has a
                    price for a line, and where the phone's own sums do not add up
    stale_price     the phone's prices were older than the company allows
    below_minimum   the order, or a line of it, is smaller than the least that is delivered
    credit          the account's credit does not cover it

    sums_wrong      {lines: so many do not add up in themselves, order: 1 where the sum of the lines does not}
    total_differs   {total_minor, server_total_minor, lines: so many differ}
    without_price   {lines: so many have no price in any list}
    old_prices      {age_ms, limit_ms}: a warning below the hold
    prices_ahead    {ahead_ms}: the phone says its prices are from after the order
    below_minimum   {total_minor, minimum_minor} or {lines}: so many below the product's least quantity
    over_credit     {total_minor, available_minor}

Source: domain rules, "Orders".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sync.flag import Flag

HOUR_MS = 3_600_000


class Asked(NamedTuple):
    """A line as it was sent: what it costs by the phone's sum. A return says of no promotion."""

    quantity: int
    price_minor: int
    discount_minor: int
    total_minor: int
    taken_minor: int | None


@dataclass(frozen=True, slots=True)
class Judged:
    """What the server makes of an order's prices."""

    holds: tuple[str, ...]
    flags: tuple[Flag, ...]
    # The line totals and their sum by the server's prices; None where there is no price.
    line_totals: tuple[int | None, ...]
    total_minor: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What an order is held against."""

    warn_ms: int = 24 * HOUR_MS
    hold_ms: int = 72 * HOUR_MS
    minimum_minor: int = 0
    # None where the account has no limit, or none pays.
    credit_available_minor: int | None = None


def judge_order(
    lines: Sequence[Asked],
    total_minor: int,
    server_totals: Sequence[int | None],
    *,
    age_ms: int,
    lines_below_minimum: int,
    limits: Limits,
) -> Judged:
    """Compare an order with the server's prices and the limits. Holds and flags are in a fixed order."""
    holds: list[str] = []
    flags: list[Flag] = []
    whole = None
    if None not in server_totals:
        whole = sum(total for total in server_totals if total is not None)
    if not _adds_up(lines, total_minor, flags) or not _agrees(
        lines, total_minor, server_totals, whole, flags
    ):
        holds.append("total_mismatch")
    if age_ms > limits.warn_ms:
        flags.append(
            {
                "flag": "old_prices",
                "age_ms": age_ms,
                "limit_ms": limits.hold_ms if age_ms > limits.hold_ms else limits.warn_ms,
            }
        )
        if age_ms > limits.hold_ms:
            holds.append("stale_price")
    elif age_ms < 0:
        flags.append({"flag": "prices_ahead", "ahead_ms": -age_ms})
    if total_minor < limits.minimum_minor:
        holds.append("below_minimum")
        flags.append(
            {
                "flag": "below_minimum",
                "total_minor": total_minor,
                "minimum_minor": limits.minimum_minor,
            }
        )
    if lines_below_minimum:
        if "below_minimum" not in holds:
            holds.append("below_minimum")
        flags.append({"flag": "line_below_minimum", "lines": lines_below_minimum})
    available = limits.credit_available_minor
    if available is not None and total_minor > available:
        holds.append("credit")
        flags.append(
            {"flag": "over_credit", "total_minor": total_minor, "available_minor": available}
        )
    return Judged(tuple(holds), tuple(flags), tuple(server_totals), whole)


def _adds_up(lines: Sequence[Asked], total_minor: int, flags: list[Flag]) -> bool:
    """Whether what was sent adds up in itself."""
    wrong = 0
    for quantity, price, discount, total, taken in lines:
        if total != price * quantity - discount or taken not in (discount, None):
            wrong += 1
    is_whole = sum(line.total_minor for line in lines) == total_minor
    if not wrong and is_whole:
        return True
    flags.append({"flag": "sums_wrong", "lines": wrong, "order": int(not is_whole)})
    return False


def _agrees(
    lines: Sequence[Asked],
    total_minor: int,
    server_totals: Sequence[int | None],
    whole: int | None,
    flags: list[Flag],
) -> bool:
    """Whether every line costs what the server says."""
    without = differing = 0
    for line, total in zip(lines, server_totals, strict=True):
        if total is None:
            without += 1
        elif total != line.total_minor:
            differing += 1
    if without:
        flags.append({"flag": "without_price", "lines": without})
    if differing:
        figures: Flag = {
            "flag": "total_differs",
            "total_minor": total_minor,
            "lines": differing,
        }
        if whole is not None:
            figures["server_total_minor"] = whole
        flags.append(figures)
    return not without and not differing
