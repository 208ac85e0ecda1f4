"""What a store pays for a product on a day, and why: each list that is for it in the order in which they are tried, and what
promotions take off. By the function that phones and server price orders with.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from mobile_contract.pricing import Line, Slab, price_lines
from server.catalogue.errors import FieldInvalid
from server.catalogue.product_list import ProductListed
from server.language import Said
from sync.price_book import load_price_book
from sync.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class ListTried:
    """A list that is for the store: the version that holds then, and its price, if it has one."""

    list_id: UUID
    code: str
    level: str
    version: int
    slab: Slab | None
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class PromotionTaken:
    """What a promotion takes off, all units together."""

    promotion_id: UUID
    code: str
    version: int
    amount_minor: int


@dataclass(frozen=True, slots=True)
class PriceExplained:
    """The price of so many units: of one, before promotions and after them."""

    currency: str | None
    lists: tuple[ListTried, ...]
    price_minor: int | None
    gross_minor: int
    taken: tuple[PromotionTaken, ...]
    total_minor: int


def explain_price(
    uow: UnitOfWork,
    store_id: UUID,
    product: ProductListed,
    *,
    unit: str,
    quantity: int,
    at: datetime,
) -> PriceExplained:
    """What a store would pay at a moment, as its terms stand then. Raises FieldInvalid. A few statements.

    The order is of this one line: what a promotion asks of others is not there.
    """
    if unit not in {named for named, _ in product.units}:
        raise FieldInvalid(Said("unit: {code} has no unit {unit!r}", code=product.code, unit=unit))
    asked = (str(store_id), round(at.timestamp() * 1000))
    prices = load_price_book(uow, [asked]).get(asked)
    if prices is None or prices.terms is None:
        return PriceExplained(None, (), None, 0, (), 0)
    terms = prices.terms
    (line,) = price_lines([Line(product.number, unit, quantity)], terms, asked[1]).lines
    codes = {one.id: one.code for one in terms.promotions}
    tried = []
    for one in terms.lists:
        version = one.versions[0]
        slabs = version.entries.get((product.number, unit), ())
        fitting = [slab for slab in slabs if slab.from_quantity <= quantity]
        tried.append(
            ListTried(
                UUID(one.id),
                one.code,
                one.for_whom.level.value,
                version.version,
                fitting[-1] if fitting else None,
                one.id == line.list_id,
            )
        )
    return PriceExplained(
        terms.currency,
        tuple(tried),
        line.price_minor,
        line.gross_minor,
        tuple(
            PromotionTaken(
                UUID(one.promotion_id), codes[one.promotion_id], one.version, one.amount_minor
            )
            for one in line.taken
        ),
        line.total_minor,
    )
