"""store_terms: what a store buys on: its account, its price lists, its promotions, its credit.

It only comes down, wherever its store is. Its id follows from the store's, so that it need not name it: of
what the terms of a store cost on the wire, ids are the largest part.
"""

from typing import Final
from uuid import UUID, uuid5

from mobile_contract.fields import NULLABLE, Int, ListOf, Pattern, Text
from mobile_contract.records.contract import RecordContract
from mobile_contract.records.price_list import CURRENCY_PATTERN, CURRENCY_SAID, TERMS_NUMBER_MAX
from mobile_contract.schema import WireSchema

ACCOUNT_CODE_MAX: Final = 40
ACCOUNT_NAME_MAX: Final = 200
MONEY_MAX: Final = 2**53 - 1
LISTS_OF_STORE_MAX: Final = 200
PROMOTIONS_OF_STORE_MAX: Final = 2_000


class StoreTermsDown(WireSchema):
    """What a store buys on, as the server holds it."""

    account_code = Text(
        1, ACCOUNT_CODE_MAX, presence=NULLABLE, about="the customer that pays; null: none is named"
    )
    account_name = Text(1, ACCOUNT_NAME_MAX, presence=NULLABLE, about="its name")
    currency = Pattern(CURRENCY_PATTERN, CURRENCY_SAID, about="of its orders")
    price_lists = ListOf(
        Int(1, TERMS_NUMBER_MAX),
        LISTS_OF_STORE_MAX,
        about="numbers of the price lists, in the order in which they are looked through",
    )
    promotions = ListOf(
        Int(1, TERMS_NUMBER_MAX),
        PROMOTIONS_OF_STORE_MAX,
        about="numbers of the promotions that are for it, ascending",
    )
    credit_limit_minor = Int(
        0, MONEY_MAX, presence=NULLABLE, about="null: no limit", unit="minor units"
    )
    credit_available_minor = Int(
        -MONEY_MAX,
        MONEY_MAX,
        presence=NULLABLE,
        about="what its account may still order for; null: no limit",
        unit="minor units",
    )
    min_order_minor = Int(
        0, MONEY_MAX, about="a smaller order is held; 0: none", unit="minor units"
    )


def terms_id(store_id: UUID) -> UUID:
    """The id of the terms of a store: UUID version 5 (RFC 9562, section 5.5), name `terms`, namespace the
    store's id.
    """
    return uuid5(store_id, "terms")


STORE_TERMS: Final = RecordContract(kind="store_terms", down={1: None, 2: StoreTermsDown})
