"""The lines of a version of an order: as they were sent, and as the server prices them."""

from collections.abc import Sequence
from typing import Any

from msgspec import to_builtins

from mobile_contract.pricing import Line, PricedLine, goods_of, price_lines, returned_totals
from mobile_contract.records.order import LINE_MINOR_MAX, ORDER_MINOR_MAX
from sync.flag import Flag
from sync.kinds.order.reads import priced_at, sight_of
from sync.price_book import StorePrices
from sync.record_kind import Arrived, Context

# Flags of a version: another one has its own.
PRICE_FLAGS = frozenset(
    {
        "amended_over",
        "below_minimum",
        "line_below_minimum",
        "not_sold",
        "old_prices",
        "other_currency",
        "over_credit",
        "prices_ahead",
        "sums_wrong",
        "total_differs",
        "without_price",
    }
)
# Of a store that is not there: it is waited for before this is asked.
NO_PRICES = StorePrices(terms=None, account_id=None, min_order_minor=0, products={})


def sent_lines(sent: list[Any], *, is_sale: bool) -> list[dict[str, Any]]:
    """The lines as they are held: those of a return have no promotions, those of a sale no reason."""
    lines: list[dict[str, Any]] = to_builtins(sent)
    for line in lines:
        if is_sale:
            line["reason"] = None
        else:
            off = line["price_minor"] * line["quantity"] - line["total_minor"]
            line["discount_minor"] = min(max(off, 0), LINE_MINOR_MAX)
            line["taken"] = []
    return lines


def server_lines(
    item: Arrived,
    context: Context,
    fields: dict[str, Any],
    prices: StorePrices,
    flags: list[Flag],
) -> Sequence[PricedLine | None]:
    """The lines by the server's prices; None each where the store has no prices in this currency."""
    lines = item.payload.lines
    if prices.terms is None or prices.terms.currency != fields["currency"]:
        if prices.terms is not None:
            flags.append({"flag": "other_currency"})
        return [None] * len(lines)
    products = prices.products
    return price_lines(
        [Line(products[line.product_id].number, line.unit, line.quantity) for line in lines],
        prices.terms,
        priced_at(item, context.policy),
        has_promotions=fields["order_type"] == "SALE",
    ).lines


def server_totals(
    context: Context,
    fields: dict[str, Any],
    lines: list[dict[str, Any]],
    priced: Sequence[PricedLine | None],
) -> list[int | None]:
    """What each line costs; of a return that names its order, what it cost there."""
    totals = [
        None
        if one is None or one.price_minor is None or one.total_minor > LINE_MINOR_MAX
        else one.total_minor
        for one in priced
    ]
    if fields["returns_order_id"] is not None:
        origin = context.known[fields["returns_order_id"]].fields
        if origin["store_id"] != fields["store_id"] or origin["currency"] != fields["currency"]:
            return [None] * len(lines)
        totals = returned_totals(
            named_lines(lines), goods_of(origin), earlier_returns(context, fields)
        )
    if sum(total or 0 for total in totals) > ORDER_MINOR_MAX:
        return [None] * len(lines)
    return totals


def named_lines(lines: list[dict[str, Any]]) -> list[tuple[str, str, int]]:
    """How many of what."""
    return [(line["product_id"], line["unit"], line["quantity"]) for line in lines]


def earlier_returns(context: Context, fields: dict[str, Any]) -> list[tuple[str, str, int]]:
    """What else came back of the order that these goods came with, the batch so far included."""
    origin = fields["returns_order_id"]
    counts = dict(sight_of(context).returned.get(origin, {}))
    for named, quantity in context.tallies.get(("returned", origin), {}).items():
        counts[named] = counts.get(named, 0) + quantity
    return [(*named, quantity) for named, quantity in counts.items()]


def count_returned(context: Context, fields: dict[str, Any], sign: int) -> None:
    """Tally that goods come back in this batch, or (−1) that they do not after all."""
    origin = fields["returns_order_id"]
    if origin is None:
        return
    counts = context.tallies.setdefault(("returned", origin), {})
    for product, unit, quantity in named_lines(fields["lines"]):
        counts[product, unit] = counts.get((product, unit), 0) + sign * quantity


def below_minimum(lines: list[dict[str, Any]], prices: StorePrices) -> int:
    """How many lines are smaller than the least that is sold of their product."""
    return sum(
        line["quantity"] * sold.units.get(line["unit"], 1) < sold.min_order_quantity
        for line in lines
        if (sold := prices.products[line["product_id"]]).min_order_quantity
    )
