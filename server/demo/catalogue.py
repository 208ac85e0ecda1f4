"""The catalogue of the demo: products of two divisions, five price lists, six promotions, four accounts."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

from server.catalogue.accounts import NewAccount, make_accounts
from server.catalogue.price_lists import NewPriceList, make_price_list, publish_prices
from server.catalogue.price_rows import PriceRow
from server.catalogue.products import make_products
from server.catalogue.promotion_terms import PromotionTerms
from server.catalogue.promotions import NewPromotion, draft_promotion, publish_promotion
from server.catalogue.whom import Whom
from server.demo.goods import Good, build_goods
from server.identity.change_log import Actor
from sync.unit_of_work import UnitOfWork

CURRENCY = "CNY"

# code, name, limit, receivables, receipts: fen
_ACCOUNTS = (
    ("K-FRESH", "Yunhe Fresh Markets", 12_000_000, 6_480_000, 250_000),
    ("K-RIVER", "Riverside Supermarkets", 8_000_000, 7_920_000, 0),
    ("K-NOODLE", "Three Bridges Catering", 3_000_000, 410_000, 0),
    ("K-CASH", "Harvest Wholesale", None, 0, 0),
)
_GROCERS = Whom("CHANNEL", channels=frozenset({"grocery", "convenience"}))
_SMALL = Whom("CHANNEL", channels=frozenset({"kiosk", "convenience"}))
_LARGE = Whom("CLASS", classes=frozenset({"A", "B"}))
# code, name, division, for whom, what it gives
_PROMOTIONS: tuple[tuple[str, str, str | None, Whom | None, PromotionTerms], ...] = (
    (
        "TEA-10",
        "Tea week: 10 % off green tea",
        "DRINKS",
        _GROCERS,
        PromotionTerms(
            benefit="PERCENT_OFF",
            basis_points=1_000,
            items=(("GTEA-11", None), ("GTEA-21", None)),
        ),
    ),
    (
        "CHIP-2",
        "2 yuan off each carton of chips",
        "SNACKS",
        None,
        PromotionTerms(
            benefit="AMOUNT_OFF",
            amount_minor=200,
            per="UNIT",
            min_quantity=3,
            items=(("CHIP-11", "CTN"), ("CHIP-21", "CTN"), ("CHIP-31", "CTN")),
            stack_group="chips",
        ),
    ),
    (
        "BIG-30",
        "30 yuan off an order from 600 yuan",
        None,
        _LARGE,
        PromotionTerms(
            benefit="AMOUNT_OFF",
            amount_minor=3_000,
            per="ORDER",
            min_amount_minor=60_000,
            stack_order=900,
        ),
    ),
    (
        "WATER-10-1",
        "Ten cartons of water, one free",
        "DRINKS",
        None,
        PromotionTerms(
            benefit="BUY_X_GET_Y",
            buy=10,
            get=1,
            basis_points=10_000,
            items=(("WATR-11", "CTN"), ("WATR-12", "CTN")),
            max_times=5,
            stack_group="water",
        ),
    ),
    (
        "NOODLE-TOFU",
        "A carton of noodles, five spicy tofu free",
        "SNACKS",
        _SMALL,
        PromotionTerms(
            benefit="BUY_X_GET_Y",
            buy=1,
            get=5,
            basis_points=10_000,
            items=(("NOOD-11", "CTN"), ("NOOD-21", "CTN")),
            gifts=(("TOFU-11", "PC"),),
        ),
    ),
    (
        "PARTY",
        "Party set: two cartons of cola and one of chips",
        None,
        None,
        PromotionTerms(
            benefit="BUNDLE",
            portions=(("SODA-11", "CTN", 2), ("CHIP-11", "CTN", 1)),
            price_minor=22_800,
            max_times=4,
            is_exclusive=True,
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class DemoCatalogue:
    """What was made: accounts by code, and how much there is of what."""

    accounts: Mapping[str, UUID]
    counts: Mapping[str, int]


def make_catalogue(
    uow: UnitOfWork,
    actor: Actor,
    company_key: UUID,
    divisions: Mapping[str, UUID],
    root_region_id: UUID,
    since: datetime,
) -> DemoCatalogue:
    """Products with their prices and promotions, in force since a moment, and the accounts."""
    goods = build_goods(company_key, dict(divisions))
    make_products(uow, actor, [good.product for good in goods])
    sold = [good for good in goods if good.piece_minor is not None]
    accounts = _make_accounts(uow, actor, company_key, since)
    lists = {
        "BASE": (
            "Base prices",
            None,
            Whom("REGION", region_ids=frozenset({root_region_id})),
            _rows(sold, 1_000),
        ),
        "KIOSK": (
            "Kiosks: by the piece",
            None,
            Whom("CHANNEL", channels=frozenset({"kiosk"})),
            _rows((good for good in sold if good.piece_minor and good.piece_minor < 500), 1_040),
        ),
        "SNACK-MARKETS": (
            "Snacks for supermarkets",
            divisions["SNACKS"],
            Whom("CHANNEL", channels=frozenset({"supermarket"})),
            _rows((good for good in sold if good.division_code == "SNACKS"), 930),
        ),
        "CLASS-A": (
            "Class A: drinks by the carton",
            divisions["DRINKS"],
            Whom("CLASS", classes=frozenset({"A"})),
            _rows((good for good in sold if good.division_code == "DRINKS"), 960),
        ),
        "FRESH": (
            "Yunhe Fresh Markets, as agreed",
            None,
            Whom("CUSTOMER", account_ids=frozenset({accounts["K-FRESH"]})),
            _rows(sold[::3], 900),
        ),
    }
    for code, (name, division_id, whom, rows) in lists.items():
        list_id = make_price_list(
            uow,
            actor,
            NewPriceList(
                id=uuid5(company_key, f"price list {code}"),
                code=code,
                name=name,
                currency=CURRENCY,
                whom=whom,
                division_id=division_id,
            ),
        )
        publish_prices(uow, actor, list_id, rows, valid_from=since, may_be_past=True)
    for code, name, division, whom_for, terms in _PROMOTIONS:
        promotion_id = draft_promotion(
            uow,
            actor,
            NewPromotion(
                id=uuid5(company_key, f"promotion {code}"),
                code=code,
                name=name,
                currency=CURRENCY,
                terms=terms,
                whom=whom_for,
                division_id=None if division is None else divisions[division],
            ),
        )
        publish_promotion(
            uow, actor, promotion_id, valid_from=since + timedelta(days=3), may_be_past=True
        )
    return DemoCatalogue(
        accounts,
        {
            "products": len(goods),
            "price lists": len(lists),
            "promotions": len(_PROMOTIONS),
            "accounts": len(accounts),
        },
    )


def _make_accounts(
    uow: UnitOfWork, actor: Actor, company_key: UUID, since: datetime
) -> dict[str, UUID]:
    new = [
        NewAccount(
            id=uuid5(company_key, f"account {code}"),
            code=code,
            name=name,
            currency=CURRENCY,
            credit_limit_minor=limit,
            open_receivables_minor=receivables,
            unapplied_receipts_minor=receipts,
            as_of=since.astimezone(UTC),
            receipts_as_of=since.astimezone(UTC),
        )
        for code, name, limit, receivables, receipts in _ACCOUNTS
    ]
    return dict(zip((each.code for each in new), make_accounts(uow, actor, new), strict=True))


def _rows(goods: Iterable[Good], per_mille: int) -> list[PriceRow]:
    """Prices by the piece and by the carton, cheaper from ten cartons on; to five fen."""
    rows: list[PriceRow] = []
    for good in goods:
        assert good.piece_minor is not None
        carton = good.piece_minor * good.pieces_a_carton * 95 // 100
        for unit, quantity, minor in (
            ("PC", 1, good.piece_minor),
            ("CTN", 1, carton),
            ("CTN", 10, carton * 97 // 100),
        ):
            price = minor * per_mille // 5_000 * 5
            rows.append(PriceRow(len(rows) + 1, good.product.code, unit, quantity, price))
    return rows
