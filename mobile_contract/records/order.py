"""order: goods that a store orders or gives back. Versions go up; where it stands comes down."""

from collections.abc import Iterable
from typing import Any, Final

from mobile_contract.fields import (
    JSON_INT_MAX,
    NULLABLE,
    OPTIONAL,
    Choice,
    Day,
    Id,
    Int,
    ListOf,
    Millis,
    Part,
    Pattern,
    Sha256,
    Text,
)
from mobile_contract.records.contract import RecordContract
from mobile_contract.records.evidence import Clock, Event, Flag, HeldEvent, version
from mobile_contract.records.price_list import CURRENCY_PATTERN, CURRENCY_SAID, PRICE_MINOR_MAX
from mobile_contract.records.product import UNIT_MAX
from mobile_contract.records.store_terms import LISTS_OF_STORE_MAX, PROMOTIONS_OF_STORE_MAX
from mobile_contract.schema import WireSchema

ORDER_TYPES: Final = ("SALE", "RETURN")
STATES: Final = (
    "ACCEPTED",
    "HELD",
    "REJECTED",
    "CANCELLED",
    "CONFIRMED",
    "PRINTED",
    "DISPATCHED",
    "DELIVERED",
    "PARTIAL",
    "REFUSED",
    "CLOSED",
)
HOLDS: Final = ("credit", "stale_price", "below_minimum", "total_mismatch")
RETURN_REASONS: Final = ("DAMAGED", "EXPIRED", "UNSOLD", "WRONG_GOODS", "OTHER")
DELIVERY_REASONS: Final = (
    "DAMAGED",
    "EXPIRED",
    "WRONG_GOODS",
    "NOT_ORDERED",
    "NO_MONEY",
    "CLOSED",
    "OUT_OF_STOCK",
    "OTHER",
)
PROOF_ROLES: Final = ("SIGNATURE", "PHOTO")

LINES_MAX: Final = 200
QUANTITY_MAX: Final = 100_000
LINE_MINOR_MAX: Final = JSON_INT_MAX
ORDER_MINOR_MAX: Final = JSON_INT_MAX
# As many as a store can have: what is computed can always be said.
PROMOTIONS_MAX: Final = PROMOTIONS_OF_STORE_MAX
PRICE_LISTS_MAX: Final = LISTS_OF_STORE_MAX
TAKEN_MAX: Final = PROMOTIONS_OF_STORE_MAX
NOTE_MAX: Final = 1_000
REASON_MAX: Final = 200
PROOFS_MAX: Final = 4
FLAGS_MAX: Final = 50
NUMBER_MAX: Final = 30
FILE_BYTES_MAX: Final = 100_000_000


def currency(**kwargs: Any) -> Pattern:
    """A currency by its ISO 4217 code."""
    return Pattern(
        CURRENCY_PATTERN,
        CURRENCY_SAID,
        about="ISO 4217 code; every amount of the order is in its minor units",
        **kwargs,
    )


def quantity(**kwargs: Any) -> Int:
    """So many units, none included."""
    return Int(0, QUANTITY_MAX, unit="units", **kwargs)


def line_amount(**kwargs: Any) -> Int:
    """An amount of money of one line."""
    return Int(0, LINE_MINOR_MAX, unit="minor units", **kwargs)


def order_amount(**kwargs: Any) -> Int:
    """An amount of money of an order."""
    return Int(0, ORDER_MINOR_MAX, unit="minor units", **kwargs)


class Taken(WireSchema):
    """What a promotion took off a line."""

    promotion_id = Id(about="the promotion")
    amount_minor = Int(1, LINE_MINOR_MAX, about="how much it took", unit="minor units")


class PriceListUsed(WireSchema):
    """A price list that lines were priced with."""

    price_list_id = Id(about="the price list")
    version = Int(1, JSON_INT_MAX, about="its version")


class PromotionUsed(WireSchema):
    """A promotion that took something off a line."""

    promotion_id = Id(about="the promotion")
    version = Int(1, JSON_INT_MAX, about="its version")


class OrderLine(WireSchema):
    """A product in a unit, with what it costs by the phone's sum."""

    product_id = Id(about="the product")
    unit = Text(1, UNIT_MAX, about="the unit, by its code")
    quantity = Int(1, QUANTITY_MAX, about="how many", unit="units")
    price_minor = Int(0, PRICE_MINOR_MAX, about="price of one unit", unit="minor units")
    discount_minor = line_amount(about="what promotions took off the line together")
    total_minor = line_amount(about="price × quantity − discount")
    taken = ListOf(Part(Taken), TAKEN_MAX, about="what each promotion took, as it was applied")


class ReturnLine(WireSchema):
    """A product that comes back. The quantity is positive: the order's type says which way it goes."""

    product_id = Id(about="the product")
    unit = Text(1, UNIT_MAX, about="the unit, by its code")
    quantity = Int(1, QUANTITY_MAX, about="how many", unit="units")
    price_minor = Int(0, PRICE_MINOR_MAX, about="price of one unit", unit="minor units")
    total_minor = line_amount(about="what the store is credited for the line")
    reason = Choice(RETURN_REASONS, about="why it comes back")


def lines_come_to_an_order(order: Any) -> Iterable[tuple[str, str]]:
    """The lines together come to no more than an order can say."""
    if sum([line.total_minor for line in order.lines]) > ORDER_MINOR_MAX:
        yield "lines", f"must come to at most {ORDER_MINOR_MAX} together"


class OrderSubmit(WireSchema):
    """A store orders. The item's entity_id is a new order id, its captured_at the time of the order."""

    rules = (lines_come_to_an_order,)

    store_id = Id(about="the store; the order waits for it if the server does not have it yet")
    visit_id = Id(presence=OPTIONAL, about="the visit at which it was taken; waited for likewise")
    position_id = Id(presence=OPTIONAL, about="the position it was taken for")
    currency = currency()
    lines = ListOf(Part(OrderLine), LINES_MAX, minimum=1, about="what is ordered")
    total_minor = order_amount(about="the sum of the lines")
    prices_as_of = Millis(
        about="wall clock of the phone when it last ended a pull that was complete: how old its"
        " prices are"
    )
    price_lists = ListOf(
        Part(PriceListUsed), PRICE_LISTS_MAX, about="the lists that lines were priced with"
    )
    promotions = ListOf(
        Part(PromotionUsed), PROMOTIONS_MAX, about="the promotions that took something"
    )
    delivery_on = Day(presence=OPTIONAL, about="the day on which the store wants it")
    note = Text(0, NOTE_MAX, presence=OPTIONAL, about="free text")


class OrderAmend(WireSchema):
    """An order is changed before it is confirmed: all of it anew, as a version of its own."""

    rules = (lines_come_to_an_order,)

    lines = ListOf(Part(OrderLine), LINES_MAX, minimum=1, about="what is ordered, all of it")
    total_minor = order_amount(about="the sum of the lines")
    prices_as_of = Millis(
        about="wall clock of the phone when it last ended a pull that was complete"
    )
    price_lists = ListOf(
        Part(PriceListUsed), PRICE_LISTS_MAX, about="the lists that lines were priced with"
    )
    promotions = ListOf(
        Part(PromotionUsed), PROMOTIONS_MAX, about="the promotions that took something"
    )
    delivery_on = Day(presence=OPTIONAL, about="the day on which the store wants it")
    note = Text(0, NOTE_MAX, presence=OPTIONAL, about="free text")
    reason = Text(0, REASON_MAX, presence=OPTIONAL, about="why, for the office")


class OrderCancel(WireSchema):
    """An order is taken back before it is confirmed."""

    reason = Text(1, REASON_MAX, about="why, for the office")


class OrderReturn(WireSchema):
    """A store gives goods back. The item's entity_id is a new order id."""

    rules = (lines_come_to_an_order,)

    store_id = Id(about="the store; the return waits for it if the server does not have it yet")
    visit_id = Id(presence=OPTIONAL, about="the visit at which it was taken; waited for likewise")
    position_id = Id(presence=OPTIONAL, about="the position it was taken for")
    returns_order_id = Id(
        presence=OPTIONAL, about="the order that the goods came with; waited for likewise"
    )
    currency = currency()
    lines = ListOf(Part(ReturnLine), LINES_MAX, minimum=1, about="what comes back")
    total_minor = order_amount(about="the sum of the lines")
    prices_as_of = Millis(
        about="wall clock of the phone when it last ended a pull that was complete"
    )
    delivery_on = Day(presence=OPTIONAL, about="the day on which it shall be fetched")
    note = Text(0, NOTE_MAX, presence=OPTIONAL, about="free text")


class Proof(WireSchema):
    """A file that shows a delivery; it is uploaded like any other that an item names."""

    role = Choice(PROOF_ROLES, about="what it shows")
    sha256 = Sha256(about="digest of the bytes")
    size = Int(1, FILE_BYTES_MAX, about="how long they are", unit="bytes")


def reason_where_not_all(line: Any) -> Iterable[tuple[str, str]]:
    """A line that was not delivered whole says why, and only such a line does."""
    if (line.short + line.returned > 0) != (line.reason is not None):
        yield "reason", "must be there exactly when something is short or returned"


class DeliveredLine(WireSchema):
    """What became of a line at the door. The three come to what was ordered."""

    rules = (reason_where_not_all,)

    line = Int(1, LINES_MAX, about="which: 1 is the first line of the order")
    delivered = quantity(about="taken by the store")
    short = quantity(about="not on the truck, or not found")
    returned = quantity(about="brought back")
    reason = Choice(
        DELIVERY_REASONS, presence=OPTIONAL, about="why not all; there exactly where not all was"
    )


def each_line_once(delivery: Any) -> Iterable[tuple[str, str]]:
    """No line is confirmed twice."""
    lines = [line.line for line in delivery.lines]
    if len(set(lines)) != len(lines):
        yield "lines", "must name each line once"


def proof_where_delivered(delivery: Any) -> Iterable[tuple[str, str]]:
    """Where the store took something, a signature or a photo shows it."""
    took = any(line.delivered for line in delivery.lines)
    if took and not delivery.proofs:
        yield "proofs", "must hold a signature or a photo where something was delivered"


class OrderDeliver(WireSchema):
    """The driver confirms line by line what the store took."""

    rules = (each_line_once, proof_where_delivered)

    delivered = Part(Event, about="when and where")
    lines = ListOf(Part(DeliveredLine), LINES_MAX, minimum=1, about="every line of the order")
    receiver = Text(0, 100, presence=OPTIONAL, about="who took it, in words")
    proofs = ListOf(Part(Proof), PROOFS_MAX, about="signature or photos")
    note = Text(0, NOTE_MAX, presence=OPTIONAL, about="free text")


class HeldLine(WireSchema):
    """A line of an order as the server holds it."""

    product_id = Id(about="the product")
    unit = Text(1, UNIT_MAX, about="the unit, by its code")
    quantity = Int(1, QUANTITY_MAX, about="how many", unit="units")
    price_minor = Int(0, PRICE_MINOR_MAX, about="price of one unit", unit="minor units")
    discount_minor = line_amount(about="what promotions took off the line together")
    total_minor = line_amount(about="what the line costs")
    server_total_minor = line_amount(
        presence=NULLABLE, about="the same by the server's prices; null where no list has one"
    )
    taken = ListOf(Part(Taken), TAKEN_MAX, about="what each promotion took")
    reason = Choice(RETURN_REASONS, presence=NULLABLE, about="why it comes back, of a return")


class HeldDeliveredLine(WireSchema):
    """What became of a line at the door."""

    line = Int(1, LINES_MAX, about="which: 1 is the first line of the order")
    delivered = quantity(about="taken by the store")
    short = quantity(about="not on the truck, or not found")
    returned = quantity(about="brought back")
    reason = Choice(DELIVERY_REASONS, presence=NULLABLE, about="why not all")


class Delivery(WireSchema):
    """A delivery as the server holds it."""

    event = Part(HeldEvent, about="when and where")
    person_id = Id(about="who confirmed it")
    delivered_minor = order_amount(about="what was taken, at the order's prices")
    receiver = Text(0, 100, presence=NULLABLE, about="who took it")
    lines = ListOf(Part(HeldDeliveredLine), LINES_MAX, about="line by line")
    proofs = ListOf(Part(Proof), PROOFS_MAX, about="signature or photos")
    note = Text(0, NOTE_MAX, presence=NULLABLE, about="free text")


class OrderDown(WireSchema):
    """An order as the server holds it."""

    order_type = Choice(ORDER_TYPES, about="which way the goods go")
    number = Text(1, NUMBER_MAX, presence=NULLABLE, about="its number, given when it arrives")
    state = Choice(STATES, about="where it stands")
    holds = ListOf(Choice(HOLDS), len(HOLDS), about="why it is held")
    order_version = version(about="which version of the lines this is; the first is 1")
    store_id = Id(about="the store")
    visit_id = Id(presence=NULLABLE, about="the visit at which it was taken")
    returns_order_id = Id(presence=NULLABLE, about="the order that returned goods came with")
    look_alike_of = Id(
        presence=NULLABLE, about="an order of the same lines at the store within ten minutes"
    )
    account_id = Id(presence=NULLABLE, about="the customer that pays; null: the store has none")
    person_id = Id(about="who took it")
    position_id = Id(presence=NULLABLE, about="the position it was taken for")
    business_day = Day(about="day of the corrected time in the company's time zone")
    ordered = Part(HeldEvent, about="when it was taken; its fix is always null")
    clock = Part(Clock, about="how its corrected time came about")
    currency = currency()
    lines = ListOf(Part(HeldLine), LINES_MAX, about="what is ordered, in the order it was sent")
    total_minor = order_amount(about="the sum of the lines as priced by who made this version")
    server_total_minor = order_amount(
        presence=NULLABLE, about="the sum by the server's prices; null where a line has none"
    )
    prices_as_of = Millis(presence=NULLABLE, about="how old the phone's prices were, as sent")
    price_lists = ListOf(Part(PriceListUsed), PRICE_LISTS_MAX, about="as sent")
    promotions = ListOf(Part(PromotionUsed), PROMOTIONS_MAX, about="as sent")
    delivery_on = Day(presence=NULLABLE, about="the day on which the store wants it")
    note = Text(0, NOTE_MAX, presence=NULLABLE, about="free text")
    answer = Text(
        0, REASON_MAX, presence=NULLABLE, about="what the office said when it last decided"
    )
    driver_position_id = Id(presence=NULLABLE, about="the position that is to deliver it")
    delivery = Part(Delivery, presence=NULLABLE, about="what the driver confirmed")
    flags = ListOf(Flag(), FLAGS_MAX, about="what the office may want to look at")


ORDER: Final = RecordContract(
    kind="order",
    ops={
        1: {},
        2: {
            "submit": OrderSubmit,
            "amend": OrderAmend,
            "cancel": OrderCancel,
            "return": OrderReturn,
            "deliver": OrderDeliver,
        },
    },
    down={1: None, 2: OrderDown},
    needs_base_version=frozenset({"amend"}),
)
