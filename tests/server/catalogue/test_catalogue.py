"""What the office may make of products, lists, promotions and accounts; every change is logged."""

import ast
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

import server.catalogue
from mobile_contract.pricing import Slab
from server.catalogue import (
    accounts,
    divisions,
    price_changes,
    price_lists,
    products,
    promotions,
)
from server.catalogue.errors import (
    CatalogueError,
    CodeTaken,
    FieldInvalid,
    NoSuchPriceList,
    NoSuchProduct,
    NoSuchPromotion,
    PeriodInvalid,
    RowsInvalid,
    StateWrong,
)
from server.catalogue.price_rows import PriceRow, read_price_csv
from server.catalogue.promotion_terms import PromotionTerms
from server.catalogue.whom import Whom
from server.identity.change_log import Actor, changes_of
from sync.engine import Engine as SyncEngine
from sync.unit_of_work import Database, UnitOfWork
from tests.catalogue_factories import (
    OFFICE,
    TEN_PERCENT,
    Goods,
    add_list,
    add_promotion,
    new_products,
    publish,
)
from tests.factories import TODAY, Cast
from tests.sync.talking import phone_of

SOON = datetime.now(UTC) + timedelta(hours=1)
OAT = PriceRow(1, "OAT", "PC", 1, 480)


def sale(code: str = "SALE", **changed: Any) -> promotions.NewPromotion:
    new = promotions.NewPromotion(code=code, name="Sale", currency="USD", terms=TEN_PERCENT)
    return replace(new, **changed)


def kiosks(code: str = "KIOSK", **changed: Any) -> price_lists.NewPriceList:
    whom = Whom("CHANNEL", channels=frozenset({"kiosk"}))
    new = price_lists.NewPriceList(code=code, name="Kiosks", currency="USD", whom=whom)
    return replace(new, **changed)


def oat_costs(
    price: int | None, valid_from: datetime, valid_until: datetime | None = None
) -> price_changes.PriceChange:
    """A piece of oats at another price, or at none, in a period."""
    return price_changes.PriceChange(
        product="OAT",
        unit="PC",
        slabs=() if price is None else ((1, price),),
        valid_from=valid_from,
        valid_until=valid_until,
    )


def chain(**changed: Any) -> accounts.NewAccount:
    return replace(accounts.NewAccount(code="C1", name="Chain", currency="USD"), **changed)


@dataclass(frozen=True, slots=True)
class Case:
    """A changing function, what to do with it, and the action it must have logged."""

    function: Callable[..., Any]
    act: Callable[[UnitOfWork, Actor, Goods], Any]
    action: str


CHANGING = (
    Case(
        divisions.add_division,
        lambda u, a, _: divisions.add_division(u, a, code="TEA", name="Teas", today=TODAY),
        "division.add",
    ),
    Case(
        divisions.rename_division,
        lambda u, a, _: divisions.rename_division(
            u, a, divisions.add_division(u, OFFICE, code="TEA", name="Tea", today=TODAY), "Teas"
        ),
        "division.edit",
    ),
    Case(
        products.make_products,
        lambda u, a, _: products.make_products(u, a, [replace(new_products()[0], code="OAT2")]),
        "product.make",
    ),
    Case(
        products.edit_products,
        lambda u, a, g: products.edit_products(u, a, {g.oat: {"name": "Oats"}}),
        "product.edit",
    ),
    Case(
        price_lists.make_price_list,
        lambda u, a, _: price_lists.make_price_list(u, a, kiosks()),
        "price_list.make",
    ),
    Case(
        price_lists.edit_price_list,
        lambda u, a, g: price_lists.edit_price_list(u, a, g.base, name="Basis"),
        "price_list.edit",
    ),
    Case(
        price_lists.publish_prices,
        lambda u, a, g: price_lists.publish_prices(u, a, g.base, [OAT], valid_from=SOON),
        "price_list.publish",
    ),
    Case(
        price_lists.publish_version,
        lambda u, a, g: price_lists.publish_version(
            u,
            a,
            price_lists.open_price_list(u, g.base),
            {(1, "PC"): (Slab(1, 480),)},
            valid_from=SOON,
            valid_until=None,
        ),
        "price_list.publish",
    ),
    Case(
        price_changes.change_price,
        lambda u, a, g: price_changes.change_price(u, a, g.base, oat_costs(480, SOON)),
        "price_list.publish",
    ),
    Case(
        price_lists.end_price_list,
        lambda u, a, g: price_lists.end_price_list(u, a, g.base),
        "price_list.end",
    ),
    Case(
        promotions.draft_promotion,
        lambda u, a, _: promotions.draft_promotion(u, a, sale()),
        "promotion.draft",
    ),
    Case(
        promotions.edit_promotion,
        lambda u, a, _: promotions.edit_promotion(u, a, add_promotion(u, "SALE"), name="More"),
        "promotion.edit",
    ),
    Case(
        promotions.publish_promotion,
        lambda u, a, _: promotions.publish_promotion(
            u, a, add_promotion(u, "SALE"), valid_from=SOON
        ),
        "promotion.publish",
    ),
    Case(
        promotions.end_promotion,
        lambda u, a, _: promotions.end_promotion(u, a, add_promotion(u, "SALE")),
        "promotion.end",
    ),
    Case(
        accounts.make_accounts,
        lambda u, a, _: accounts.make_accounts(u, a, [chain()]),
        "account.make",
    ),
    Case(
        accounts.edit_accounts,
        lambda u, a, _: accounts.edit_accounts(
            u, a, {accounts.make_accounts(u, OFFICE, [chain()])[0]: {"name": "Chains"}}
        ),
        "account.edit",
    ),
)


@pytest.mark.parametrize("case", CHANGING, ids=lambda case: case.function.__name__)
def test_a_change_is_logged_with_who_and_what(
    db: Database, cast: Cast, goods: Goods, case: Case
) -> None:
    actor = Actor(name="Ada", person_id=cast.ada.id)
    with db.company(cast.company.id) as uow:
        case.act(uow, actor, goods)
        entry = next(one for one in changes_of(uow) if one.actor == "Ada")
    assert (entry.action, entry.person_id) == (case.action, cast.ada.id)
    assert entry.before or entry.after


def test_every_function_that_changes_something_has_its_case() -> None:
    acting = {
        node.name
        for path in Path(server.catalogue.__path__[0]).glob("*.py")
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef) and "actor" in {arg.arg for arg in node.args.args}
    }
    assert acting == {case.function.__name__ for case in CHANGING}


def _refused(
    db: Database, cast: Cast, error: type[CatalogueError], words: str, act: Callable[..., Any]
) -> None:
    with (
        pytest.raises(error, match=words) as refused,
        db.company(cast.company.id) as uow,
    ):
        act(uow)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"code": "RYE"}, CodeTaken, "another product has the code RYE"),
        ({"code": ""}, FieldInvalid, "code: a text"),
        ({"name": "a\x00b"}, FieldInvalid, "name: a text"),
        ({"name": None}, FieldInvalid, "name: must be there"),
        ({"units": [("PC", 2)]}, FieldInvalid, "units: the first is the base unit"),
        ({"units": [("PC", 1), ("PC", 2)]}, FieldInvalid, "units: 1 to 8, each once"),
        ({"units": [("PC", 1), ("CTN", 0)]}, FieldInvalid, "units: a whole number"),
        ({"must_stock": [("grocery", "D")]}, FieldInvalid, "must_stock: a class"),
        ({"min_order_quantity": 1.5}, FieldInvalid, "min_order_quantity: a whole number"),
        ({"shelf_life_days": 0}, FieldInvalid, "shelf_life_days: a whole number"),
        ({"status": "GONE"}, FieldInvalid, "status: one of"),
        ({"is_own": "yes"}, FieldInvalid, "is_own: true or false"),
        ({"division_id": UUID(int=1)}, FieldInvalid, "division_id: there is no such"),
        ({"number": 7}, FieldInvalid, "number: a product has no such field"),
    ],
)
def test_a_product_that_cannot_be_is_refused_by_name(
    db: Database,
    cast: Cast,
    goods: Goods,
    changes: dict[str, Any],
    error: type[CatalogueError],
    words: str,
) -> None:
    _refused(
        db, cast, error, words, lambda u: products.edit_products(u, OFFICE, {goods.oat: changes})
    )


def test_numbers_are_given_once_and_never_again(db: Database, cast: Cast, goods: Goods) -> None:
    with db.company(cast.company.id) as uow:
        more = [replace(each, code=f"{each.code}2") for each in new_products()]
        products.make_products(uow, OFFICE, more)
        products.edit_products(uow, OFFICE, {goods.oat: {"status": "DISCONTINUED"}})
        rows = uow.rows("select number from product order by number")
    assert [row.number for row in rows] == [1, 2, 3, 4, 5, 6]


def test_what_is_not_there_and_what_is_another_companys_look_the_same(
    db: Database, cast: Cast, goods: Goods, owner_engine: Any
) -> None:
    from tests.factories import make_cast

    other = make_cast(owner_engine, db)
    for id_, error, act in (
        (goods.oat, NoSuchProduct, lambda u, i: products.edit_products(u, OFFICE, {i: {}})),
        (goods.base, NoSuchPriceList, lambda u, i: price_lists.end_price_list(u, OFFICE, i)),
        (uuid4(), NoSuchPromotion, lambda u, i: promotions.end_promotion(u, OFFICE, i)),
    ):
        _refused(db, other, error, "there is no", lambda u, i=id_, a=act: a(u, i))
    whom = Whom("CUSTOMER", store_ids=frozenset({cast.ana_stores[0]}))
    _refused(
        db,
        other,
        FieldInvalid,
        "store: there is no such store",
        lambda u: price_lists.make_price_list(u, OFFICE, kiosks(whom=whom)),
    )


@pytest.mark.parametrize(
    ("whom", "words"),
    [
        (Whom("CLASS"), "1 to 5000 values"),
        (Whom("CLASS", channels=frozenset({"kiosk"})), "of no other"),
        (Whom("CLASS", classes=frozenset({"D"})), "class: one of"),
        (Whom("PLANET", classes=frozenset({"A"})), "the level is one of"),
        (Whom("REGION", region_ids=frozenset({UUID(int=1)})), "region: there is no such"),
        (Whom("CUSTOMER", account_ids=frozenset({UUID(int=1)})), "account: there is no such"),
    ],
)
def test_whom_a_list_is_for_is_checked(db: Database, cast: Cast, whom: Whom, words: str) -> None:
    _refused(
        db,
        cast,
        FieldInvalid,
        words,
        lambda u: price_lists.make_price_list(u, OFFICE, kiosks(whom=whom)),
    )


@pytest.mark.parametrize(
    ("cell", "column"), [("9" * 5_000, "from_quantity"), ("x" * 200_000, "product")]
)
def test_a_cell_that_nothing_can_be_made_of_is_a_fault_with_its_row(cell: str, column: str) -> None:
    with pytest.raises(RowsInvalid) as refused:
        read_price_csv(f"product,unit,price,from_quantity\nOAT,PC,4.80,{cell}\n", "USD")
    assert {fault.column for fault in refused.value.faults} == {column}


def test_prices_are_taken_whole_or_not_at_all(db: Database, cast: Cast, goods: Goods) -> None:
    rows = [
        OAT,
        PriceRow(2, "OAT", "PC", 0, 480),
        PriceRow(3, "OAT", "PC", 2, -1),
        PriceRow(4, "NONE", "PC", 1, 480),
    ]
    with pytest.raises(RowsInvalid) as refused, db.company(cast.company.id) as uow:
        price_lists.publish_prices(uow, OFFICE, goods.base, rows, valid_from=SOON)
    assert [(fault.row, fault.column) for fault in refused.value.faults] == [
        (2, "from_quantity"),
        (3, "price"),
        (4, "product"),
    ]
    with db.reading(cast.company.id) as uow:
        assert uow.rows("select count(*) as n from price_list_version")[0].n == 1


@pytest.mark.parametrize(
    ("period", "words"),
    [
        ({"valid_from": SOON, "valid_until": SOON}, "ends after it begins"),
        ({"valid_from": datetime(2026, 1, 1, tzinfo=UTC)}, "a moment that is past"),
        (
            {
                "valid_from": datetime(2026, 1, 1, tzinfo=UTC),
                "valid_until": datetime(2026, 2, 1, tzinfo=UTC),
                "may_be_past": True,
            },
            "over already",
        ),
        ({"valid_from": SOON, "valid_until": datetime(9999, 12, 31, tzinfo=UTC)}, "has no end"),
        ({"valid_from": datetime(2110, 1, 1, tzinfo=UTC)}, "from 1970 to 2109"),
        ({"valid_from": datetime(1900, 1, 1, tzinfo=UTC), "may_be_past": True}, "from 1970"),
    ],
)
def test_a_period_that_changes_the_past_has_to_be_meant(
    db: Database, cast: Cast, goods: Goods, period: dict[str, Any], words: str
) -> None:
    _refused(
        db,
        cast,
        PeriodInvalid,
        words,
        lambda u: price_lists.publish_prices(u, OFFICE, goods.base, [OAT], **period),
    )


def test_a_list_of_a_division_prices_its_products_alone(
    db: Database, cast: Cast, goods: Goods
) -> None:
    with db.company(cast.company.id) as uow:
        tea = divisions.add_division(uow, OFFICE, code="TEA", name="Teas", today=TODAY)
        products.edit_products(uow, OFFICE, {goods.tea: {"division_id": tea}})
        own = price_lists.make_price_list(uow, OFFICE, kiosks(division_id=tea))
        publish(uow, own, ("TEA", "PC", 1, 1_000))
    _refused(
        db,
        cast,
        RowsInvalid,
        "row 1, product: is not of the division",
        lambda u: publish(u, own, ("OAT", "PC", 1, 1_000)),
    )
    _refused(
        db,
        cast,
        FieldInvalid,
        "names the products",
        lambda u: promotions.draft_promotion(u, OFFICE, sale(division_id=tea)),
    )


def test_what_is_ended_is_not_published_again(db: Database, cast: Cast, goods: Goods) -> None:
    with db.company(cast.company.id) as uow:
        price_lists.end_price_list(uow, OFFICE, goods.base)
    for act in (
        lambda u: price_lists.end_price_list(u, OFFICE, goods.base),
        lambda u: price_lists.publish_prices(u, OFFICE, goods.base, [OAT], valid_from=SOON),
    ):
        _refused(db, cast, StateWrong, "is ended", act)


@pytest.mark.usefixtures("goods")
@pytest.mark.parametrize(
    ("terms", "words"),
    [
        ({"benefit": "GIFT"}, "benefit: one of"),
        ({"benefit": "PERCENT_OFF"}, "basis_points: PERCENT_OFF needs it"),
        ({"benefit": "PERCENT_OFF", "basis_points": 10_001}, "basis_points must be"),
        ({"benefit": "PERCENT_OFF", "basis_points": 10, "buy": 1}, "buy: PERCENT_OFF has no such"),
        ({"benefit": "AMOUNT_OFF", "amount_minor": 5}, "per: AMOUNT_OFF needs it"),
        ({"benefit": "AMOUNT_OFF", "amount_minor": 0, "per": "UNIT"}, "amount_minor must be"),
        (
            {"benefit": "BUY_X_GET_Y", "buy": 1, "get": 1, "basis_points": 10_000}
            | {"gifts": (("OAT", None),)},
            "a gift of other products needs the items to buy",
        ),
        (
            {"benefit": "BUNDLE", "price_minor": 5}
            | {"portions": (("OAT", "PC", 1), ("OAT", "PC", 2))},
            "each product and unit once",
        ),
        (
            {"benefit": "BUNDLE", "price_minor": 5, "portions": (("RUM", "PC", 1),)},
            "no product RUM",
        ),
    ],
)
def test_a_promotion_that_cannot_be_is_refused_by_name(
    db: Database, cast: Cast, terms: dict[str, Any], words: str
) -> None:
    new = sale(terms=PromotionTerms(**terms))
    _refused(db, cast, FieldInvalid, words, lambda u: promotions.draft_promotion(u, OFFICE, new))


def test_a_draft_is_on_no_phone_and_another_publishing_ends_the_version_before(
    db: Database, cast: Cast, goods: Goods, sync_engine: SyncEngine
) -> None:
    ana = phone_of(sync_engine, cast.ana)
    with db.company(cast.company.id) as uow:
        promotion = promotions.draft_promotion(uow, OFFICE, sale())
    ana.pull()
    assert ana.ids("promotion") == set()
    with db.company(cast.company.id) as uow:
        promotions.publish_promotion(uow, OFFICE, promotion, valid_from=SOON)
        twenty = replace(TEN_PERCENT, basis_points=2_000, items=(("OAT", "CTN"),))
        promotions.edit_promotion(uow, OFFICE, promotion, terms=twenty)
    ana.pull()
    (version,) = ana.fields(promotion)["versions"]
    assert (version["basis_points"], version["valid_until"]) == (1_000, None)
    later = SOON + timedelta(days=1)
    with db.company(cast.company.id) as uow:
        assert promotions.publish_promotion(uow, OFFICE, promotion, valid_from=later) == 2
    ana.pull()
    first, second = ana.fields(promotion)["versions"]
    assert first["valid_until"] == second["valid_from"] == int(later.timestamp() * 1000)
    assert (second["basis_points"], second["items"]) == (2_000, [{"product": 1, "unit": "CTN"}])
    assert goods.oat in ana.ids("product")


def test_every_list_has_a_number_and_a_code_of_its_own(db: Database, cast: Cast) -> None:
    with db.company(cast.company.id) as uow:
        whom = Whom("CLASS", classes=frozenset({"A"}))
        add_list(uow, "ONE", whom)
        add_list(uow, "TWO", whom)
        rows = uow.rows("select number from price_list order by code")
    assert [row.number for row in rows] == [1, 2]
    _refused(
        db,
        cast,
        CodeTaken,
        "another price list has the code ONE",
        lambda u: add_list(u, "ONE", whom),
    )


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"currency": "eur"}, FieldInvalid, "currency: three capital letters"),
        ({"credit_limit_minor": -1}, FieldInvalid, "credit_limit_minor: a whole number"),
        ({"open_receivables_minor": None}, FieldInvalid, "open_receivables_minor: must be there"),
        ({"code": "C2"}, CodeTaken, "another account has the code C2"),
        ({"balance": 1}, FieldInvalid, "balance: an account has no such field"),
    ],
)
def test_an_account_that_cannot_be_is_refused_by_name(
    db: Database, cast: Cast, changes: dict[str, Any], error: type[CatalogueError], words: str
) -> None:
    with db.company(cast.company.id) as uow:
        account, _ = accounts.make_accounts(uow, OFFICE, [chain(), chain(code="C2")])
    _refused(
        db, cast, error, words, lambda u: accounts.edit_accounts(u, OFFICE, {account: changes})
    )
