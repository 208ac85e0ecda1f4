"""What an order costs: the same sum on the phone and on the server, to the minor unit.

Pure: price lists, promotions and lines in, priced lines with their trace out. PROTOCOL.md, "Prices",
says the same in words; `vectors.json` holds cases that any other program can check itself against.
"""

from mobile_contract.pricing.choice import choose_terms, version_in_force
from mobile_contract.pricing.price import price_lines, price_order
from mobile_contract.pricing.promotion_terms import (
    AmountOff,
    AmountPer,
    Benefit,
    Bundle,
    BuyXGetY,
    Item,
    PercentOff,
    Portion,
    Promotion,
    Stacking,
)
from mobile_contract.pricing.returns import goods_of, returned_totals
from mobile_contract.pricing.rounding import half_up, spread
from mobile_contract.pricing.terms import (
    Customer,
    CustomerTerms,
    Entries,
    ForWhom,
    Level,
    Line,
    PriceBook,
    PricedLine,
    PricedOrder,
    PriceList,
    PriceListVersion,
    Slab,
    Taken,
)

__all__ = [
    "AmountOff",
    "AmountPer",
    "Benefit",
    "Bundle",
    "BuyXGetY",
    "Customer",
    "CustomerTerms",
    "Entries",
    "ForWhom",
    "Item",
    "Level",
    "Line",
    "PercentOff",
    "Portion",
    "PriceBook",
    "PriceList",
    "PriceListVersion",
    "PricedLine",
    "PricedOrder",
    "Promotion",
    "Slab",
    "Stacking",
    "Taken",
    "choose_terms",
    "goods_of",
    "half_up",
    "price_lines",
    "price_order",
    "returned_totals",
    "spread",
    "version_in_force",
]
