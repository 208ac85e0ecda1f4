"""promotion: what is taken off the price of lines. It only comes down.

The fields of a version are those of `mobile_contract.pricing.Promotion`.
"""

from typing import Final

from mobile_contract.fields import (
    JSON_INT_MAX,
    NULLABLE,
    Bool,
    Choice,
    Id,
    Int,
    ListOf,
    Millis,
    Part,
    Pattern,
    Text,
)
from mobile_contract.records.contract import RecordContract
from mobile_contract.records.price_list import (
    CURRENCY_PATTERN,
    CURRENCY_SAID,
    PRICE_MINOR_MAX,
    TERMS_CODE_MAX,
    TERMS_NAME_MAX,
    TERMS_NUMBER_MAX,
    VERSIONS_ON_PHONE_MAX,
)
from mobile_contract.records.product import PRODUCT_NUMBER_MAX, QUANTITY_MAX, UNIT_MAX
from mobile_contract.schema import WireSchema

BENEFITS: Final = ("PERCENT_OFF", "AMOUNT_OFF", "BUY_X_GET_Y", "BUNDLE")
AMOUNT_PER: Final = ("UNIT", "ORDER")
STACK_GROUP_MAX: Final = 40
STACK_ORDER_MAX: Final = 1_000
ITEMS_MAX: Final = 1_000
PORTIONS_MAX: Final = 20
TIMES_MAX: Final = 10_000
WHOLE_BP: Final = 10_000


class PromotionItem(WireSchema):
    """What a promotion is about."""

    product = Int(1, PRODUCT_NUMBER_MAX, about="number of the product")
    unit = Text(1, UNIT_MAX, presence=NULLABLE, about="null: in any unit")


class PromotionPortion(WireSchema):
    """A part of a bundle."""

    product = Int(1, PRODUCT_NUMBER_MAX, about="number of the product")
    unit = Text(1, UNIT_MAX, about="unit")
    quantity = Int(1, QUANTITY_MAX, about="so many of it")


class PromotionVersion(WireSchema):
    """One version of what a promotion says. Of two no moment is in both."""

    version = Int(1, JSON_INT_MAX, about="counts up within the promotion")
    valid_from = Millis(about="holds from then on")
    valid_until = Millis(presence=NULLABLE, about="no longer from then on; null: open")
    benefit = Choice(BENEFITS, about="what it gives")
    basis_points = Int(
        1, WHOLE_BP, presence=NULLABLE, about="PERCENT_OFF, BUY_X_GET_Y: how much falls away"
    )
    amount_minor = Int(
        1, PRICE_MINOR_MAX, presence=NULLABLE, about="AMOUNT_OFF: how much", unit="minor units"
    )
    per = Choice(AMOUNT_PER, presence=NULLABLE, about="AMOUNT_OFF: for each unit, or once an order")
    buy = Int(1, QUANTITY_MAX, presence=NULLABLE, about="BUY_X_GET_Y: so many bought")
    get = Int(1, QUANTITY_MAX, presence=NULLABLE, about="BUY_X_GET_Y: so many given")
    gifts = ListOf(
        Part(PromotionItem),
        ITEMS_MAX,
        about="BUY_X_GET_Y: of what the gift is; empty: of the items themselves",
    )
    portions = ListOf(Part(PromotionPortion), PORTIONS_MAX, about="BUNDLE: its parts")
    price_minor = Int(
        0,
        PRICE_MINOR_MAX,
        presence=NULLABLE,
        about="BUNDLE: what the parts cost together",
        unit="minor units",
    )
    items = ListOf(Part(PromotionItem), ITEMS_MAX, about="what it is about; empty: everything")
    min_quantity = Int(0, QUANTITY_MAX, about="from so many units of its items on")
    min_amount_minor = Int(
        0, PRICE_MINOR_MAX, about="from so much for its items on", unit="minor units"
    )
    max_times = Int(1, TIMES_MAX, presence=NULLABLE, about="at most so often in an order")
    max_minor = Int(
        1, PRICE_MINOR_MAX, presence=NULLABLE, about="at most so much an order", unit="minor units"
    )
    stack_order = Int(0, STACK_ORDER_MAX, about="promotions are taken by this, then by code")
    stack_group = Text(
        1, STACK_GROUP_MAX, presence=NULLABLE, about="of one group one applies to a line"
    )
    is_exclusive = Bool(about="true: it shares a line with no other")


class PromotionDown(WireSchema):
    """A promotion as the server holds it."""

    number = Int(1, TERMS_NUMBER_MAX, about="by which the terms of a store name it")
    code = Text(1, TERMS_CODE_MAX, about="the company's code for it")
    name = Text(1, TERMS_NAME_MAX, about="name, to show")
    currency = Pattern(CURRENCY_PATTERN, CURRENCY_SAID, about="of its amounts")
    division_id = Id(presence=NULLABLE, about="the division whose products it is about; null: all")
    versions = ListOf(
        Part(PromotionVersion), VERSIONS_ON_PHONE_MAX, about="the present one and those to come"
    )


PROMOTION: Final = RecordContract(kind="promotion", down={1: None, 2: PromotionDown})
