"""Changing a confirmed order: a version of the office's, priced by the server, with a reason."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from mobile_contract.pricing import Line, PricedLine, price_lines
from mobile_contract.records.order import (
    LINES_MAX,
    QUANTITY_MAX,
    RETURN_REASONS,
)
from mobile_contract.records.price_list import PRICE_MINOR_MAX
from mobile_contract.records.product import UNIT_MAX
from server.identity.change_log import Actor, log_change
from server.orders.decisions import (
    HeldOrder,
    given_reason,
    hold_orders,
    leave_follow_ups,
    state_after,
)
from server.orders.errors import LineInvalid
from sync.direct import execute
from sync.kinds.order.judge import ORDER
from sync.kinds.order.likeness import likeness_of
from sync.kinds.order.rows import LINES, VERSIONS, line_row, version_row
from sync.price_book import StorePrices, load_price_book
from sync.publish import Draft, publish
from sync.rows import Statements
from sync.unit_of_work import UnitOfWork

_SET = """
update order_header set version = :version, order_version = :order_version, state = :state,
       total_minor = :total, server_total_minor = :server_total, likeness = :likeness,
       delivery_on = :delivery_on
where company_id = :company and id = :order
"""


@dataclass(frozen=True, slots=True)
class NewLine:
    """A line as the office wants it. Without a price it costs what the server makes of it."""

    product_id: UUID
    unit: str
    quantity: int
    price_minor: int | None = None
    # Why it comes back: of a return.
    reason: str | None = None


def amend_order(
    uow: UnitOfWork,
    actor: Actor,
    order_id: UUID,
    lines: Sequence[NewLine],
    *,
    reason: str,
    delivery_on: date | None = None,
) -> int:
    """Give a confirmed or printed order other lines, all of them; the number of its new version.

    It is priced as of when it was ordered, and printed again. Raises WrongState, LineInvalid, ReasonInvalid.
    """
    said = given_reason(reason)
    (order,) = hold_orders(uow, [order_id])
    state = state_after(order, "amend confirmed")
    _check(lines, order)
    fields = order.fields
    at = fields["ordered"]["corrected_at"]
    asked = (str(order.store_id), at)
    prices = load_price_book(uow, [asked]).get(asked)
    held, rows = _priced(order, lines, prices, at)
    number: int = fields["order_version"] + 1
    wanted_on = fields["delivery_on"] if delivery_on is None else delivery_on.isoformat()
    totals = [line["server_total_minor"] for line in held]
    fields = {
        **fields,
        "state": state,
        "order_version": number,
        "lines": held,
        "total_minor": sum(line["total_minor"] for line in held),
        "server_total_minor": None if None in totals else sum(totals),
        "prices_as_of": None,
        "price_lists": [],
        "promotions": [],
        "delivery_on": wanted_on,
        "answer": said,
    }
    version = publish(uow, [Draft(ORDER, order.id, fields)], actor.person_id)[order.id]
    statements = Statements()
    company_id, name = uow.company_id, str(order.id)
    statements.add_rows(
        VERSIONS,
        company_id,
        [
            version_row(
                name,
                fields,
                origin="office",
                person_id=None if actor.person_id is None else str(actor.person_id),
                actor=actor.name,
                reason=said,
                made_at=time.time_ns() // 1_000_000,
            )
        ],
    )
    statements.add_rows(
        LINES,
        company_id,
        [
            line_row(name, number, n, line, row)
            for n, (line, row) in enumerate(zip(held, rows, strict=True), start=1)
        ],
    )
    execute(uow.driver, statements)
    uow.run(
        _SET,
        company=company_id,
        order=order.id,
        version=version,
        order_version=number,
        state=state,
        total=fields["total_minor"],
        server_total=fields["server_total_minor"],
        likeness=likeness_of(
            fields["order_type"],
            fields["store_id"],
            [(line["product_id"], line["unit"], line["quantity"]) for line in held],
        ),
        delivery_on=None if wanted_on is None else date.fromisoformat(wanted_on),
    )
    log_change(
        uow,
        actor,
        "order.amend",
        "order",
        order.id,
        before={
            "order_version": order.fields["order_version"],
            "total_minor": order.fields["total_minor"],
        },
        after={"order_version": number, "total_minor": fields["total_minor"], "reason": said},
    )
    leave_follow_ups(uow, [order])
    return number


def _check(lines: Sequence[NewLine], order: HeldOrder) -> None:
    """Raise LineInvalid where a line cannot be one of an order."""
    if not 1 <= len(lines) <= LINES_MAX:
        raise LineInvalid(f"an order has 1 to {LINES_MAX} lines")
    is_return = order.fields["order_type"] == "RETURN"
    for place, line in enumerate(lines, start=1):
        if not 1 <= line.quantity <= QUANTITY_MAX:
            raise LineInvalid(f"line {place}: a quantity is from 1 to {QUANTITY_MAX}")
        if not 1 <= len(line.unit) <= UNIT_MAX or "\x00" in line.unit:
            raise LineInvalid(f"line {place}: a unit has 1 to {UNIT_MAX} characters")
        if line.price_minor is not None and not 0 <= line.price_minor <= PRICE_MINOR_MAX:
            raise LineInvalid(f"line {place}: a price is from 0 to {PRICE_MINOR_MAX} minor units")
        if is_return and line.reason not in RETURN_REASONS:
            raise LineInvalid(f"line {place}: say why it comes back: {', '.join(RETURN_REASONS)}")
        if not is_return and line.reason is not None:
            raise LineInvalid(f"line {place}: only what comes back has a reason")


def _priced(
    order: HeldOrder, lines: Sequence[NewLine], prices: StorePrices | None, at: int
) -> tuple[list[dict[str, Any]], list[PricedLine | None]]:
    """The lines as phones hold them, and how the server's price of each came about.

    A line with a price of the office's own costs that, and no promotion takes anything off it.
    """
    products = {} if prices is None else prices.products
    for place, line in enumerate(lines, start=1):
        if str(line.product_id) not in products:
            raise LineInvalid(f"line {place}: there is no such product in this company")
    server: list[PricedLine | None] = [None] * len(lines)
    terms = None if prices is None else prices.terms
    if terms is not None and terms.currency == order.fields["currency"]:
        asked = [
            Line(products[str(line.product_id)].number, line.unit, line.quantity) for line in lines
        ]
        is_sale = order.fields["order_type"] == "SALE"
        server = list(price_lines(asked, terms, at, has_promotions=is_sale).lines)
    held = []
    for place, (line, priced) in enumerate(zip(lines, server, strict=True), start=1):
        has_price = priced is not None and priced.price_minor is not None
        if line.price_minor is None and not has_price:
            raise LineInvalid(f"line {place}: no list has a price for it, so give one")
        held.append(_held(line, priced if has_price else None))
    return held, server


def _held(line: NewLine, priced: PricedLine | None) -> dict[str, Any]:
    """A line of the office's version: at its own price, else at the server's."""
    total = None if priced is None else priced.total_minor
    if line.price_minor is not None:
        price, discount, taken = line.price_minor, 0, []
    else:
        assert priced is not None
        assert priced.price_minor is not None
        price, discount = priced.price_minor, priced.discount_minor
        taken = [
            {"promotion_id": each.promotion_id, "amount_minor": each.amount_minor}
            for each in priced.taken
        ]
    return {
        "product_id": str(line.product_id),
        "unit": line.unit,
        "quantity": line.quantity,
        "price_minor": price,
        "discount_minor": discount,
        "total_minor": price * line.quantity - discount,
        "server_total_minor": total,
        "taken": taken,
        "reason": line.reason,
    }
