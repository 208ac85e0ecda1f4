"""product: what a company sells, or looks for in stores. It only comes down."""

from typing import Final

from mobile_contract.fields import NULLABLE, Bool, Choice, Id, Int, ListOf, Part, Text
from mobile_contract.records.contract import RecordContract
from mobile_contract.records.store import CHANNEL_MAX, CLASSES
from mobile_contract.schema import WireSchema

PRODUCT_STATUSES: Final = ("ACTIVE", "DISCONTINUED")
PRODUCT_NUMBER_MAX: Final = 1_000_000
PRODUCT_CODE_MAX: Final = 40
BARCODE_MAX: Final = 40
PRODUCT_NAME_MAX: Final = 200
GROUP_MAX: Final = 80
"""A category or a brand."""
UNIT_MAX: Final = 12
UNITS_MAX: Final = 8
BASE_UNITS_MAX: Final = 1_000_000
QUANTITY_MAX: Final = 1_000_000
MUST_STOCK_MAX: Final = 60


class ProductUnit(WireSchema):
    """A unit in which a product is sold."""

    unit = Text(1, UNIT_MAX, about="its code")
    base_units = Int(1, BASE_UNITS_MAX, about="how many base units it holds; 1 for the base unit")


class MustStock(WireSchema):
    """Stores that must stock a product: those of a channel, of a class, or of both."""

    channel = Text(0, CHANNEL_MAX, presence=NULLABLE, about="null: of every channel")
    store_class = Choice(CLASSES, presence=NULLABLE, about="null: of every class")


class ProductDown(WireSchema):
    """A product as the server holds it."""

    number = Int(1, PRODUCT_NUMBER_MAX, about="by which price lists and promotions name it")
    code = Text(1, PRODUCT_CODE_MAX, about="the company's code for it (SKU)")
    barcode = Text(1, BARCODE_MAX, presence=NULLABLE, about="as printed on the base unit")
    name = Text(1, PRODUCT_NAME_MAX, about="name")
    category = Text(0, GROUP_MAX, about="the product group it belongs to; empty: none")
    brand = Text(0, GROUP_MAX, about="brand; empty: none")
    is_own = Bool(about="false: a competitor's, looked for in stores and never sold")
    division_id = Id(presence=NULLABLE, about="the division that sells it; null: all do")
    units = ListOf(
        Part(ProductUnit), UNITS_MAX, minimum=1, about="units of sale, the base unit first"
    )
    min_order_quantity = Int(
        0, QUANTITY_MAX, about="least quantity of an order line, in base units; 0: none"
    )
    shelf_life_days = Int(
        1, 36_500, presence=NULLABLE, about="from production to expiry", unit="days"
    )
    must_stock = ListOf(
        Part(MustStock), MUST_STOCK_MAX, about="a store that any of them fits must stock it"
    )
    status = Choice(PRODUCT_STATUSES, about="discontinued: no longer ordered")


PRODUCT: Final = RecordContract(kind="product", down={1: None, 2: ProductDown})
