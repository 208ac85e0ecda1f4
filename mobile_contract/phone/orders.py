"""Orders on a phone: what they cost without a network, sending and changing them, confirming deliveries.

PROTOCOL.md, headings "order" and "Prices". A draft is the app's to keep; what was sent lies in the outbox, and
where it stands comes down. Call `fetch_prices` (catalogue.py) after a sync, so that there is something to price by.

    wanted = [Wanted(product_id, "CTN", 10)]
    quote(phone, store_id, wanted).total_minor          # on the screen
    order_id = submit_order(phone, store_id, wanted, visit_id=visit_id)
    amend_order(phone, order_id, [Wanted(product_id, "CTN", 12)])
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from mobile_contract.phone.captured import Event, Fix
from mobile_contract.phone.catalogue import prices_for, store_terms
from mobile_contract.phone.contract_two import event_fields, present
from mobile_contract.phone.phone import Phone
from mobile_contract.pricing import Line, PricedLine, goods_of, price_lines, returned_totals

Fields = Mapping[str, Any]
ReturnReason = Literal["DAMAGED", "EXPIRED", "UNSOLD", "WRONG_GOODS", "OTHER"]

NO_CURRENCY = "XXX"
"""ISO 4217 for no currency: that of an order from a store that buys on no terms."""


class NoSuchProduct(LookupError):
    """The phone does not hold this product."""


class NoSuchOrder(LookupError):
    """Neither has this phone sent this order, nor has it come down."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """So many of a product in a unit; `reason` says why it comes back, in a return."""

    product_id: str
    unit: str
    quantity: int
    reason: ReturnReason | None = None


@dataclass(frozen=True, slots=True)
class Quote:
    """What lines cost a store now: as an order says it. A line without a price costs nothing."""

    currency: str
    lines: tuple[Fields, ...]
    total_minor: int
    price_lists: tuple[Fields, ...]
    promotions: tuple[Fields, ...]
    # Places of the lines that no list on this phone has a price for: such an order is held.
    without_price: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class AtTheDoor:
    """What became of a line: delivered, short and returned come to what was ordered."""

    delivered: int
    short: int = 0
    returned: int = 0
    reason: str | None = None


def quote(phone: Phone, store_id: str, wanted: Sequence[Wanted], *, at: int | None = None) -> Quote:
    """Price lines for a store as of now, or of another moment of this phone's clock."""
    priced = _priced(phone, store_id, wanted, at=at, has_promotions=True)
    used = {(one.list_id, one.list_version) for one in priced if one.list_id is not None}
    took = {(taken.promotion_id, taken.version) for one in priced for taken in one.taken}
    return Quote(
        currency=_currency(phone, store_id),
        lines=tuple(_order_line(each, one) for each, one in zip(wanted, priced, strict=True)),
        total_minor=sum(one.total_minor for one in priced),
        price_lists=tuple(
            {"price_list_id": list_id, "version": version} for list_id, version in sorted(used)
        ),
        promotions=tuple(
            {"promotion_id": promotion_id, "version": version}
            for promotion_id, version in sorted(took)
        ),
        without_price=tuple(n for n, one in enumerate(priced) if one.price_minor is None),
    )


def credit_left(phone: Phone, store_id: str) -> int | None:
    """What the store's account may still order for, as far as this phone knows; None: any amount.

    Advice: what the server knew, less the orders at the store that it has not answered yet.
    """
    terms = store_terms(phone, store_id)
    if terms is None or terms["credit_available_minor"] is None:
        return None
    waiting: dict[str, int] = {}
    for item in phone.outbox.items():
        if item.kind != "order" or not item.is_unsent:
            continue
        payload = item.parsed()["payload"]
        if item.op == "submit" and payload["store_id"] == store_id:
            waiting[item.entity_id] = payload["total_minor"]
        elif item.entity_id in waiting:
            waiting[item.entity_id] = payload["total_minor"] if item.op == "amend" else 0
    available: int = terms["credit_available_minor"]
    return available - sum(waiting.values())


def submit_order(
    phone: Phone,
    store_id: str,
    wanted: Sequence[Wanted],
    *,
    visit_id: str | None = None,
    position_id: str | None = None,
    delivery_on: dt.date | None = None,
    note: str | None = None,
) -> str:
    """Send an order at the prices on this phone; returns its id."""
    order_id = phone.new_id()
    payload = present(
        store_id=store_id,
        visit_id=visit_id,
        position_id=position_id,
        **_ordered(phone, quote(phone, store_id, wanted)),
        currency=_currency(phone, store_id),
        delivery_on=None if delivery_on is None else delivery_on.isoformat(),
        note=note,
    )
    parents = phone.unsent_parents(store_id, visit_id)
    phone.capture("order", order_id, "submit", payload, depends_on=parents)
    return order_id


def amend_order(
    phone: Phone,
    order_id: str,
    wanted: Sequence[Wanted],
    *,
    delivery_on: dt.date | None = None,
    note: str | None = None,
    reason: str | None = None,
) -> None:
    """Give an order other lines, all of them. What is not given of the rest is emptied."""
    store_id = _store_of(phone, order_id)
    payload = present(
        **_ordered(phone, quote(phone, store_id, wanted)),
        delivery_on=None if delivery_on is None else delivery_on.isoformat(),
        note=note,
        reason=reason,
    )
    phone.capture(
        "order",
        order_id,
        "amend",
        payload,
        base_version=phone.seen_version("order", order_id),
        depends_on=phone.unsent_parents(order_id),
    )


def cancel_order(phone: Phone, order_id: str, reason: str) -> None:
    """Take an order back; once it is confirmed only the office can."""
    parents = phone.unsent_parents(order_id)
    phone.capture("order", order_id, "cancel", {"reason": reason}, depends_on=parents)


def return_goods(
    phone: Phone,
    store_id: str,
    wanted: Sequence[Wanted],
    *,
    returns_order_id: str | None = None,
    visit_id: str | None = None,
    position_id: str | None = None,
    fetch_on: dt.date | None = None,
    note: str | None = None,
) -> str:
    """Send that a store gives goods back; returns the id of the return.

    What they are worth follows from the order that they came with, where it is on this phone; else from
    their prices now, without promotions.
    """
    lines = _return_lines(phone, store_id, wanted, returns_order_id)
    payload = present(
        store_id=store_id,
        visit_id=visit_id,
        position_id=position_id,
        returns_order_id=returns_order_id,
        currency=_currency(phone, store_id),
        lines=lines,
        total_minor=sum(line["total_minor"] for line in lines),
        prices_as_of=_prices_as_of(phone),
        delivery_on=None if fetch_on is None else fetch_on.isoformat(),
        note=note,
    )
    return_id = phone.new_id()
    parents = phone.unsent_parents(store_id, visit_id, returns_order_id)
    phone.capture("order", return_id, "return", payload, depends_on=parents)
    return return_id


def deliver_order(
    phone: Phone,
    order_id: str,
    lines: Sequence[AtTheDoor],
    fix: Fix | None,
    *,
    proofs: Sequence[Fields] = (),
    receiver: str | None = None,
    note: str | None = None,
) -> None:
    """Confirm what the store took of each line of the order, in their order.

    `proofs` are {role, sha256, size} of a signature or photos; without one nothing can be delivered.
    """
    now = Event(phone.read_clock(), fix)
    payload = present(
        delivered=event_fields(now, now.moment.boot_id),
        lines=[
            present(
                line=number,
                delivered=each.delivered,
                short=each.short,
                returned=each.returned,
                reason=each.reason,
            )
            for number, each in enumerate(lines, start=1)
        ],
        proofs=[dict(proof) for proof in proofs],
        receiver=receiver,
        note=note,
    )
    phone.capture("order", order_id, "deliver", payload, fix=fix)


def shown_order(phone: Phone, order_id: str) -> dict[str, Any]:
    """What the screen shows of an order: the server's record with what this phone sent since over it.

    `state` is SUBMITTED while the server has not answered. Raises NoSuchOrder.
    """
    held = phone.scope.get("order", order_id)
    shown: dict[str, Any] | None = None if held is None else dict(held.fields)
    version = 0 if held is None else held.version
    for item in phone.outbox.of_entity(order_id):
        is_newer = item.status == "applied" and (item.version or 0) > version
        if item.kind != "order" or not (item.is_unsent or is_newer):
            continue
        payload = item.parsed()["payload"]
        if item.op == "cancel":
            shown = {**(shown or {}), "state": "CANCELLED"}
        elif item.op == "deliver":
            shown = {**(shown or {}), "delivery": payload}
        else:
            shown = {**(shown or {}), **payload, "state": "SUBMITTED"}
    if shown is None:
        raise NoSuchOrder(order_id)
    return shown


# ---- what they share ----------------------------------------------------------------------------


def _ordered(phone: Phone, quoted: Quote) -> dict[str, Any]:
    """The part of a payload that says what is ordered and what it costs."""
    return {
        "lines": list(quoted.lines),
        "total_minor": quoted.total_minor,
        "prices_as_of": _prices_as_of(phone),
        "price_lists": list(quoted.price_lists),
        "promotions": list(quoted.promotions),
    }


def _prices_as_of(phone: Phone) -> int:
    """When this phone last had all that there was; a phone that never had is as old as time."""
    return phone.device.pulled_at or 0


def _currency(phone: Phone, store_id: str) -> str:
    terms = store_terms(phone, store_id)
    return NO_CURRENCY if terms is None else str(terms["currency"])


def _priced(
    phone: Phone,
    store_id: str,
    wanted: Sequence[Wanted],
    *,
    at: int | None = None,
    has_promotions: bool,
) -> Sequence[PricedLine]:
    """The lines by the lists on this phone; without terms nothing has a price."""
    lines = [Line(_number(phone, each.product_id), each.unit, each.quantity) for each in wanted]
    terms = prices_for(phone, store_id)
    if terms is None:
        return [PricedLine(line, None, None, None, None, 0, (), 0) for line in lines]
    moment = phone.read_clock().wall_ms if at is None else at
    return price_lines(lines, terms, moment, has_promotions=has_promotions).lines


def _number(phone: Phone, product_id: str) -> int:
    record = phone.scope.get("product", product_id)
    if record is None:
        raise NoSuchProduct(product_id)
    number: int = record.fields["number"]
    return number


def _order_line(wanted: Wanted, priced: PricedLine) -> Fields:
    return {
        "product_id": wanted.product_id,
        "unit": wanted.unit,
        "quantity": wanted.quantity,
        "price_minor": priced.price_minor or 0,
        "discount_minor": priced.discount_minor,
        "total_minor": priced.total_minor,
        "taken": [
            {"promotion_id": taken.promotion_id, "amount_minor": taken.amount_minor}
            for taken in priced.taken
        ],
    }


def _return_lines(
    phone: Phone, store_id: str, wanted: Sequence[Wanted], returns_order_id: str | None
) -> list[dict[str, Any]]:
    priced = _priced(phone, store_id, wanted, has_promotions=False)
    prices = [one.price_minor or 0 for one in priced]
    totals: list[int | None] = [one.total_minor for one in priced]
    if returns_order_id is not None:
        origin = {"order_type": "SALE", "delivery": None, **shown_order(phone, returns_order_id)}
        cost = {(line["product_id"], line["unit"]): line["price_minor"] for line in origin["lines"]}
        prices = [
            cost.get((each.product_id, each.unit), price)
            for each, price in zip(wanted, prices, strict=True)
        ]
        totals = returned_totals(
            [(each.product_id, each.unit, each.quantity) for each in wanted],
            goods_of(origin),
            _returned_before(phone, returns_order_id),
        )
    return [
        {
            "product_id": each.product_id,
            "unit": each.unit,
            "quantity": each.quantity,
            "price_minor": price,
            "total_minor": total or 0,
            "reason": each.reason or "OTHER",
        }
        for each, price, total in zip(wanted, prices, totals, strict=True)
    ]


def _returned_before(phone: Phone, order_id: str) -> list[tuple[str, str, int]]:
    """What has come back of an order already, as far as this phone knows: how many of what."""
    sent = {item.entity_id for item in phone.outbox.items() if item.op == "return"}
    found = []
    for return_id in sent | {record.id for record in phone.held("order")}:
        try:
            back = shown_order(phone, return_id)
        except NoSuchOrder:
            # Acknowledged, and set aside or gone from the phone.
            continue
        if back.get("returns_order_id") != order_id or back["state"] in ("REJECTED", "CANCELLED"):
            continue
        door = back.get("delivery")
        fetched = (
            {} if door is None else {each["line"]: each["delivered"] for each in door["lines"]}
        )
        found += [
            (line["product_id"], line["unit"], fetched.get(number, line["quantity"]))
            for number, line in enumerate(back["lines"], start=1)
        ]
    return found


def _store_of(phone: Phone, order_id: str) -> str:
    store_id: str = shown_order(phone, order_id)["store_id"]
    return store_id
