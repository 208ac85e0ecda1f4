"""Changing a confirmed order: a version of the office's, priced by the server, with a reason."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from mobile_contract.pricing import Line, PricedLine, goods_of, price_lines, returned_totals
from mobile_contract.records.order import (
    LINE_MINOR_MAX,
    LINES_MAX,
    ORDER_MINOR_MAX,
    QUANTITY_MAX,
    RETURN_REASONS,
)
from mobile_contract.records.price_list import PRICE_MINOR_MAX
from mobile_contract.records.product import UNIT_MAX
from server.identity.change_log import Actor, log_change
from server.language import Said
from server.orders.decisions import (
    HeldOrder,
    can_be_told,
    given_reason,
    hold_orders,
    leave_follow_ups,
    state_after,
)
from server.orders.errors import LineInvalid
from sync.direct import execute
from sync.document import decode_document
from sync.kinds.order.coming_back import returned_of
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
_ORIGIN = "select doc from record where company_id = :company and id = cast(:id as uuid)"


@dataclass(frozen=True, slots=True)
class NewLine:
    """A line as the office wants it. Without a price it costs what the server makes of it."""

    product_id: UUID
    unit: str
    quantity: int
    price_minor: int | None = None
    # Why it comes back: of a return.
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class _Worth:
    """What a line costs, or what is credited for it."""

    price_minor: int
    discount_minor: int
    total_minor: int
    taken: list[dict[str, Any]]


def amend_order(
    uow: UnitOfWork,
    actor: Actor,
    order_id: UUID,
    lines: Sequence[NewLine],
    *,
    reason: str,
    delivery_on: date | None = None,
    asker_id: UUID | None = None,
) -> int:
    """Give a confirmed or printed order other lines, all of them; the number of its new version.

    It is priced as of when it was ordered, what comes back as what it cost, and it is printed again.
    Raises WrongState, LineInvalid, ReasonInvalid.
    """
    said = given_reason(reason)
    (order,) = hold_orders(uow, [order_id], asker_id)
    state = state_after(order, "amend confirmed")
    _check(lines, order)
    fields = order.fields
    at = order.priced_at
    asked = (str(order.store_id), at)
    prices = load_price_book(uow, [asked]).get(asked)
    held, rows = _priced(uow, order, lines, prices)
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
        raise LineInvalid(Said("an order has 1 to {most} lines", most=LINES_MAX))
    is_return = order.fields["order_type"] == "RETURN"
    for place, line in enumerate(lines, start=1):
        if not 1 <= line.quantity <= QUANTITY_MAX:
            raise LineInvalid(
                Said("line {place}: a quantity is from 1 to {most}", place=place, most=QUANTITY_MAX)
            )
        if not 1 <= len(line.unit) <= UNIT_MAX or not can_be_told(line.unit):
            raise LineInvalid(
                Said("line {place}: a unit has 1 to {most} characters", place=place, most=UNIT_MAX)
            )
        if line.price_minor is not None and not 0 <= line.price_minor <= PRICE_MINOR_MAX:
            raise LineInvalid(
                Said(
                    "line {place}: a price is from 0 to {most} minor units",
                    place=place,
                    most=PRICE_MINOR_MAX,
                )
            )
        if is_return and line.reason not in RETURN_REASONS:
            raise LineInvalid(
                Said(
                    "line {place}: say why it comes back: {choices}",
                    place=place,
                    choices=", ".join(RETURN_REASONS),
                )
            )
        if not is_return and line.reason is not None:
            raise LineInvalid(Said("line {place}: only what comes back has a reason", place=place))


def _priced(
    uow: UnitOfWork, order: HeldOrder, lines: Sequence[NewLine], prices: StorePrices | None
) -> tuple[list[dict[str, Any]], list[PricedLine | None]]:
    """The lines as phones hold them, and how the server's price of each came about.

    A line with a price of the office's own costs that, and no promotion takes anything off it.
    """
    products = {} if prices is None else prices.products
    for place, line in enumerate(lines, start=1):
        if str(line.product_id) not in products:
            raise LineInvalid(
                Said("line {place}: there is no such product in this company", place=place)
            )
    server: list[PricedLine | None] = [None] * len(lines)
    terms = None if prices is None else prices.terms
    if terms is not None and terms.currency == order.fields["currency"]:
        asked = [
            Line(products[str(line.product_id)].number, line.unit, line.quantity) for line in lines
        ]
        is_sale = order.fields["order_type"] == "SALE"
        server = list(price_lines(asked, terms, order.priced_at, has_promotions=is_sale).lines)
    worth = [_worth(priced) for priced in server]
    lack = Said("no list has a price for it")
    if order.fields["returns_order_id"] is not None:
        worth, server = _came_with(uow, order, lines), [None] * len(lines)
        lack = Said("the order that it came with has no price for so many")
    held: list[dict[str, Any]] = []
    for place, (line, one) in enumerate(zip(lines, worth, strict=True), start=1):
        if line.price_minor is None and one is None:
            raise LineInvalid(Said("line {place}: {lack}, so give one", place=place, lack=lack))
        held.append(_held(line, one))
        if held[-1]["total_minor"] > LINE_MINOR_MAX:
            raise LineInvalid(
                Said("line {place}: comes to more than an order can say", place=place)
            )
    if sum(line["total_minor"] for line in held) > ORDER_MINOR_MAX:
        raise LineInvalid(Said("the lines come to more than an order can say"))
    if sum(line["server_total_minor"] or 0 for line in held) > ORDER_MINOR_MAX:
        for each in held:
            each["server_total_minor"] = None
    return held, server


def _worth(priced: PricedLine | None) -> _Worth | None:
    """What a line costs by the lists, where one has a price."""
    if priced is None or priced.price_minor is None or priced.total_minor > LINE_MINOR_MAX:
        return None
    taken = [
        {"promotion_id": each.promotion_id, "amount_minor": each.amount_minor}
        for each in priced.taken
    ]
    return _Worth(priced.price_minor, priced.discount_minor, priced.total_minor, taken)


def _came_with(uow: UnitOfWork, order: HeldOrder, lines: Sequence[NewLine]) -> list[_Worth | None]:
    """What lines that come back are credited by the order that they came with."""
    origin_id = order.fields["returns_order_id"]
    back = returned_of(uow, [origin_id], apart=[str(order.id)]).get(origin_id, {})
    found = uow.rows(_ORIGIN, company=uow.company_id, id=origin_id)
    origin = decode_document(found[0].doc)
    if (
        origin["store_id"] != order.fields["store_id"]
        or origin["currency"] != order.fields["currency"]
    ):
        return [None] * len(lines)
    prices = {(line["product_id"], line["unit"]): line["price_minor"] for line in origin["lines"]}
    totals = returned_totals(
        [(str(line.product_id), line.unit, line.quantity) for line in lines],
        goods_of(origin),
        [(*named, quantity) for named, quantity in back.items()],
    )
    worth: list[_Worth | None] = []
    for line, total in zip(lines, totals, strict=True):
        if total is None:
            worth.append(None)
            continue
        price = prices[str(line.product_id), line.unit]
        off = min(max(price * line.quantity - total, 0), LINE_MINOR_MAX)
        worth.append(_Worth(price, off, total, []))
    return worth


def _held(line: NewLine, worth: _Worth | None) -> dict[str, Any]:
    """A line of the office's version: at its own price, else at what it is worth."""
    total = None if worth is None else worth.total_minor
    if line.price_minor is not None:
        worth = _Worth(line.price_minor, 0, line.price_minor * line.quantity, [])
    assert worth is not None
    return {
        "product_id": str(line.product_id),
        "unit": line.unit,
        "quantity": line.quantity,
        "price_minor": worth.price_minor,
        "discount_minor": worth.discount_minor,
        "total_minor": worth.total_minor,
        "server_total_minor": total,
        "taken": worth.taken,
        "reason": line.reason,
    }
