"""A small catalogue for a company: three products, a base list, and whatever a test adds to it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from server.catalogue.price_lists import (
    NewPriceList,
    PublishedPrices,
    make_price_list,
    publish_prices,
)
from server.catalogue.price_rows import PriceRow
from server.catalogue.products import NewProduct, make_products
from server.catalogue.promotion_terms import PromotionTerms
from server.catalogue.promotions import NewPromotion, draft_promotion, publish_promotion
from server.catalogue.whom import Whom
from server.identity.change_log import Actor
from sync.unit_of_work import UnitOfWork
from tests.factories import Cast

OFFICE = Actor.command("test")
LONG_AGO = datetime(2026, 1, 5, tzinfo=UTC)

# code, unit, from, price
BASE = (
    ("OAT", "PC", 1, 500),
    ("OAT", "CTN", 1, 11_500),
    ("OAT", "CTN", 10, 11_000),
    ("RYE", "PC", 1, 640),
    ("TEA", "PC", 1, 1_280),
)


@dataclass(frozen=True, slots=True)
class Goods:
    """Products by code, and the base list."""

    oat: UUID
    rye: UUID
    tea: UUID
    base: UUID


def new_products() -> list[NewProduct]:
    return [
        NewProduct(
            code="OAT", name="Oat biscuits", category="Biscuits", units=(("PC", 1), ("CTN", 24))
        ),
        NewProduct(code="RYE", name="Rye crackers", category="Biscuits", units=(("PC", 1),)),
        NewProduct(code="TEA", name="Green tea", category="Drinks", units=(("PC", 1),)),
    ]


def add_goods(uow: UnitOfWork, cast: Cast) -> Goods:
    """The three products with a base list for the root region, in force since long ago."""
    oat, rye, tea = make_products(uow, OFFICE, new_products())
    base = add_list(uow, "BASE", Whom("REGION", region_ids=frozenset({cast.regions.wharf})))
    publish(uow, base, *BASE)
    return Goods(oat, rye, tea, base)


def add_list(
    uow: UnitOfWork,
    code: str,
    whom: Whom,
    *,
    currency: str = "USD",
    division_id: UUID | None = None,
) -> UUID:
    new = NewPriceList(
        code=code, name=code.title(), currency=currency, whom=whom, division_id=division_id
    )
    return make_price_list(uow, OFFICE, new)


TEN_PERCENT = PromotionTerms(benefit="PERCENT_OFF", basis_points=1_000)


def add_promotion(
    uow: UnitOfWork,
    code: str,
    terms: PromotionTerms = TEN_PERCENT,
    *,
    whom: Whom | None = None,
    valid_from: datetime = LONG_AGO,
    valid_until: datetime | None = None,
) -> UUID:
    """A promotion that is published, since long ago unless said otherwise."""
    new = NewPromotion(code=code, name=code.title(), currency="USD", terms=terms, whom=whom)
    promotion = draft_promotion(uow, OFFICE, new)
    publish_promotion(
        uow,
        OFFICE,
        promotion,
        valid_from=valid_from,
        valid_until=valid_until,
        may_be_past=True,
    )
    return promotion


def publish(
    uow: UnitOfWork,
    list_id: UUID,
    *rows: tuple[str, str, int, int],
    valid_from: datetime = LONG_AGO,
    valid_until: datetime | None = None,
) -> PublishedPrices:
    """A version with these prices; it may begin in the past."""
    given = [PriceRow(place, *row) for place, row in enumerate(rows, start=1)]
    return publish_prices(
        uow,
        OFFICE,
        list_id,
        given,
        valid_from=valid_from,
        valid_until=valid_until,
        may_be_past=True,
    )
