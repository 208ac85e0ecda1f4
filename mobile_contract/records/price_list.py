"""price_list: prices by version. It only comes down; the prices themselves are bodies."""

from typing import Final

from mobile_contract.fields import (
    JSON_INT_MAX,
    NULLABLE,
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
from mobile_contract.schema import WireSchema

TERMS_NUMBER_MAX: Final = 1_000_000
TERMS_CODE_MAX: Final = 40
TERMS_NAME_MAX: Final = 200
VERSIONS_ON_PHONE_MAX: Final = 50
PRICE_MINOR_MAX: Final = 10**13
CURRENCY_PATTERN: Final = "[A-Z]{3}"
CURRENCY_SAID: Final = "a currency of ISO 4217, three capital letters"


class BodyReference(WireSchema):
    """A body to be fetched once, see Bodies."""

    sha256 = Sha256(about="SHA-256 of its bytes; its address")
    size = Int(0, JSON_INT_MAX, about="how long it is, unpacked", unit="bytes")


class PriceListVersion(WireSchema):
    """One version of a list's prices. Its body never changes; its end may be brought forward."""

    version = Int(1, JSON_INT_MAX, about="counts up within the list")
    valid_from = Millis(about="in force from then on")
    valid_until = Millis(presence=NULLABLE, about="no longer in force from then on; null: open")
    body = Part(BodyReference, about="its prices")


class PriceListDown(WireSchema):
    """A price list as the server holds it."""

    number = Int(1, TERMS_NUMBER_MAX, about="by which the terms of a store name it")
    code = Text(1, TERMS_CODE_MAX, about="the company's code for it")
    name = Text(1, TERMS_NAME_MAX, about="name")
    currency = Pattern(CURRENCY_PATTERN, CURRENCY_SAID, about="of its prices")
    division_id = Id(presence=NULLABLE, about="the division whose products it prices; null: all")
    versions = ListOf(
        Part(PriceListVersion), VERSIONS_ON_PHONE_MAX, about="the present ones and those to come"
    )


PRICE_LIST: Final = RecordContract(kind="price_list", down={1: None, 2: PriceListDown})
