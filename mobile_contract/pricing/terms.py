"""What prices are made of, and what pricing gives back.

Money is whole minor units; the currency stands on the book. A product is named by its number, which
is short and unique in its company; a unit by its code. Times are milliseconds since 1970.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from mobile_contract.pricing.for_whom import Customer, ForWhom, Level
from mobile_contract.pricing.promotion_terms import Promotion


class Slab(NamedTuple):
    """From this quantity on a unit costs this."""

    from_quantity: int
    price_minor: int


Entries = Mapping[tuple[int, str], tuple[Slab, ...]]
"""(product, unit) → its slabs, by rising quantity."""


@dataclass(frozen=True, slots=True)
class PriceListVersion:
    """A list as it is from `valid_from` until just before `valid_until`, never changed."""

    version: int
    valid_from: int
    valid_until: int | None
    entries: Entries


@dataclass(frozen=True, slots=True)
class PriceList:
    """A price list: whom it is for and its versions. The root region's list is the base list."""

    id: str
    code: str
    currency: str
    for_whom: ForWhom
    versions: tuple[PriceListVersion, ...]


@dataclass(frozen=True, slots=True)
class PriceBook:
    """Every list and promotion that a company has for a currency."""

    currency: str
    lists: tuple[PriceList, ...] = ()
    promotions: tuple[Promotion, ...] = ()


@dataclass(frozen=True, slots=True)
class CustomerTerms:
    """What of a book is for one customer: lists in the order they are tried, promotions as applied.

    A phone gets this chosen already (`store_terms`); the server chooses with `choose_terms`.
    """

    currency: str
    lists: tuple[PriceList, ...] = ()
    promotions: tuple[Promotion, ...] = ()


class Line(NamedTuple):
    """So many of a product in a unit; quantity 1 or more."""

    product: int
    unit: str
    quantity: int


class Taken(NamedTuple):
    """How much a promotion took off a line; always above zero."""

    promotion_id: str
    version: int
    amount_minor: int


@dataclass(frozen=True, slots=True)
class PricedLine:
    """A line with its price and how that came about.

    Where no list has a price, `price_minor` is None, nothing is taken and the line comes to zero.
    """

    line: Line
    price_minor: int | None
    list_id: str | None
    list_version: int | None
    from_quantity: int | None
    gross_minor: int
    taken: tuple[Taken, ...]
    total_minor: int

    @property
    def discount_minor(self) -> int:
        """What all promotions took together."""
        return self.gross_minor - self.total_minor


@dataclass(frozen=True, slots=True)
class PricedOrder:
    """Priced lines in the order in which they were given, and their total."""

    currency: str
    lines: tuple[PricedLine, ...]
    total_minor: int

    @property
    def is_whole(self) -> bool:
        """Whether every line has a price."""
        return all(priced.price_minor is not None for priced in self.lines)


__all__ = [
    "Customer",
    "CustomerTerms",
    "Entries",
    "ForWhom",
    "Level",
    "Line",
    "PriceBook",
    "PriceList",
    "PriceListVersion",
    "PricedLine",
    "PricedOrder",
    "Slab",
    "Taken",
]
