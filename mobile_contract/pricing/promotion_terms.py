"""What a promotion says: for whom, when, on what, how much, and what it may be combined with.

Money is whole minor units of the promotion's currency; parts of a hundred are basis points
(10,000 = the whole). Source: domain rules, "Orders".
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from mobile_contract.pricing.for_whom import ForWhom

WHOLE_BP = 10_000


class Item(NamedTuple):
    """What a promotion is about: a product by its number, in one unit or (None) in any."""

    product: int
    unit: str | None = None


class Portion(NamedTuple):
    """So many of a product in a unit: a part of a bundle."""

    product: int
    unit: str
    quantity: int


class AmountPer(StrEnum):
    """What an amount off is given for."""

    UNIT = "UNIT"
    ORDER = "ORDER"


@dataclass(frozen=True, slots=True)
class PercentOff:
    """A part of what each line still costs, half up per line."""

    basis_points: int

    def __post_init__(self) -> None:
        _require(0 < self.basis_points <= WHOLE_BP, "basis_points must be from 1 to 10000")


@dataclass(frozen=True, slots=True)
class AmountOff:
    """An amount off each unit of a line, or off the order once, spread over its lines."""

    amount_minor: int
    per: AmountPer = AmountPer.UNIT

    def __post_init__(self) -> None:
        _require(self.amount_minor > 0, "amount_minor must be above zero")


@dataclass(frozen=True, slots=True)
class BuyXGetY:
    """For every `buy` units of the promotion's items, `get` units of `gifts` cost less or nothing.

    No gifts: of the items themselves, so that of every buy + get units `get` are the gift. The gift
    has to stand in the order. `basis_points` is how much of its price falls away.
    """

    buy: int
    get: int
    gifts: frozenset[Item] = frozenset()
    basis_points: int = WHOLE_BP

    def __post_init__(self) -> None:
        _require(self.buy > 0 and self.get > 0, "buy and get must be above zero")
        _require(0 < self.basis_points <= WHOLE_BP, "basis_points must be from 1 to 10000")


@dataclass(frozen=True, slots=True)
class Bundle:
    """These portions together cost `price_minor`."""

    portions: tuple[Portion, ...]
    price_minor: int

    def __post_init__(self) -> None:
        _require(bool(self.portions), "a bundle has at least one portion")
        _require(all(p.quantity > 0 for p in self.portions), "portions must be above zero")
        names = [(p.product, p.unit) for p in self.portions]
        _require(len(set(names)) == len(names), "a bundle names each product and unit once")
        _require(self.price_minor >= 0, "price_minor must not be negative")


Benefit = PercentOff | AmountOff | BuyXGetY | Bundle


@dataclass(frozen=True, slots=True)
class Stacking:
    """What a promotion may be combined with, declared and never searched for.

    Promotions are taken in ascending (`order`, code). Of one `group` at most one applies to a line;
    None is no group. An exclusive one shares a line with no other at all.
    """

    order: int = 0
    group: str | None = None
    is_exclusive: bool = False


@dataclass(frozen=True, slots=True)
class Promotion:
    """One version of a promotion. It holds from `valid_from` until just before `valid_until`.

    `items` are what it is about; none: everything. For a bundle its portions say that. It applies
    where the lines that it is about come to at least `min_quantity` units and `min_amount_minor`, and
    at most `max_times` times an order (buy X get Y, bundle), for at most `max_minor` an order.
    """

    id: str
    code: str
    version: int
    currency: str
    benefit: Benefit
    valid_from: int
    valid_until: int | None = None
    for_whom: ForWhom | None = None
    items: frozenset[Item] = frozenset()
    min_quantity: int = 0
    min_amount_minor: int = 0
    max_times: int | None = None
    max_minor: int | None = None
    stacking: Stacking = Stacking()

    def __post_init__(self) -> None:
        benefit = self.benefit
        if isinstance(benefit, BuyXGetY) and benefit.gifts:
            _require(bool(self.items), "a gift of other products needs the items to buy")
            _require(
                not any(_overlap(gift, item) for gift in benefit.gifts for item in self.items),
                "gifts are the items themselves (none given) or wholly other products",
            )


def _overlap(one: Item, other: Item) -> bool:
    same_unit = one.unit is None or other.unit is None or one.unit == other.unit
    return one.product == other.product and same_unit


def _require(holds: bool, words: str) -> None:
    if not holds:
        raise ValueError(words)
