"""One price from a day on: what was planned for later stays, but for this price."""

from datetime import UTC, datetime, timedelta

import pytest

from server.catalogue.errors import NoSuchPriceList, PeriodInvalid, RowsInvalid, StateWrong
from server.catalogue.price_changes import PriceChange, change_price, plan_price_change
from server.catalogue.price_explained import explain_price
from server.catalogue.price_lists import end_price_list
from server.catalogue.product_list import read_product
from server.catalogue.product_prices import prices_of_product
from server.catalogue.terms_list import prices_of, versions_of
from sync.unit_of_work import Database, UnitOfWork
from tests.catalogue_factories import BASE, OFFICE, Goods, add_promotion, publish
from tests.factories import Cast

NOW = datetime.now(UTC).replace(microsecond=0)
TOMORROW, LATER, LAST = (NOW + timedelta(days=days) for days in (1, 10, 20))


def oats(
    *slabs: tuple[int, int], begins: datetime = TOMORROW, ends: datetime | None = None
) -> PriceChange:
    return PriceChange(product="OAT", unit="PC", slabs=slabs, valid_from=begins, valid_until=ends)


def price_at(uow: UnitOfWork, cast: Cast, goods: Goods, at: datetime) -> int | None:
    """What a piece of oats costs at Ana's first store."""
    oat = read_product(uow, goods.oat)
    found = explain_price(uow, cast.ana_stores[0], oat, unit="PC", quantity=1, at=at)
    return found.price_minor


def test_a_price_changes_from_a_day_on_and_all_others_stay(
    db: Database, cast: Cast, goods: Goods
) -> None:
    with db.company(cast.company.id) as uow:
        (made,) = change_price(uow, OFFICE, goods.base, oats((1, 550), (10, 520)))
    with db.reading(cast.company.id) as uow:
        assert [price_at(uow, cast, goods, at) for at in (NOW, LATER)] == [500, 550]
        shown = {
            (one.product_code, one.unit): one.slabs
            for one in prices_of(uow, goods.base, made.version)
        }
        assert shown["OAT", "PC"] == ((1, 550), (10, 520))
        assert shown["RYE", "PC"] == ((1, 640),)
        assert len(shown) == len({row[:2] for row in BASE})


def test_what_is_planned_for_later_is_changed_in_its_place(
    db: Database, cast: Cast, goods: Goods
) -> None:
    with db.company(cast.company.id) as uow:
        publish(
            uow,
            goods.base,
            ("OAT", "PC", 1, 600),
            ("TEA", "PC", 1, 900),
            valid_from=LATER,
            valid_until=LAST,
        )
        plan = plan_price_change(uow, goods.base, oats((1, 550)))
        made = change_price(uow, OFFICE, goods.base, oats((1, 550)))
        periods = {
            one.version: (one.valid_from, one.valid_until) for one in versions_of(uow, goods.base)
        }
        tea = [
            {one.product_code: one.slabs for one in prices_of(uow, goods.base, each.version)}["TEA"]
            for each in made
        ]
    assert [(one.version, one.before) for one in plan] == [
        (1, ((1, 500),)),
        (2, ((1, 600),)),
        (1, ((1, 500),)),
    ]
    assert [periods[one.version] for one in made] == [
        (TOMORROW, LATER),
        (LATER, LAST),
        (LAST, None),
    ]
    assert tea == [((1, 1_280),), ((1, 900),), ((1, 1_280),)]


def test_a_change_until_a_day_leaves_what_comes_after(
    db: Database, cast: Cast, goods: Goods
) -> None:
    with db.company(cast.company.id) as uow:
        change_price(uow, OFFICE, goods.base, oats((1, 450), ends=LATER))
    with db.reading(cast.company.id) as uow:
        found = [price_at(uow, cast, goods, at) for at in (NOW, TOMORROW, LATER)]
    assert found == [500, 450, 500]


def test_a_price_can_be_taken_out_and_an_equal_one_makes_no_version(
    db: Database, cast: Cast, goods: Goods
) -> None:
    with db.company(cast.company.id) as uow:
        assert change_price(uow, OFFICE, goods.base, oats((1, 500))) == []
        change_price(uow, OFFICE, goods.base, oats())
    with db.reading(cast.company.id) as uow:
        assert price_at(uow, cast, goods, LATER) is None


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        (oats((1, 550), begins=NOW - timedelta(days=1)), PeriodInvalid),
        (oats((1, 550), begins=LATER, ends=TOMORROW), PeriodInvalid),
        (oats((1, -1)), RowsInvalid),
        (oats((1, 5), (1, 6)), RowsInvalid),
        (PriceChange(product="OAT", unit="BOX", slabs=((1, 5),), valid_from=TOMORROW), RowsInvalid),
    ],
)
def test_what_cannot_be_a_price_is_refused(
    db: Database, cast: Cast, goods: Goods, change: PriceChange, refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):  # noqa: SIM117
        with db.company(cast.company.id) as uow:
            change_price(uow, OFFICE, goods.base, change)


def test_lists_that_are_ended_or_of_others_are_not_changed(
    db: Database, cast: Cast, goods: Goods
) -> None:
    with db.company(cast.company.id) as uow:
        with pytest.raises(NoSuchPriceList):
            plan_price_change(uow, goods.oat, oats((1, 5)))
        end_price_list(uow, OFFICE, goods.base)
        with pytest.raises(StateWrong):
            change_price(uow, OFFICE, goods.base, oats((1, 5)))


def test_a_price_is_explained_list_by_list_with_what_promotions_take(
    db: Database, cast: Cast, goods: Goods
) -> None:
    with db.company(cast.company.id) as uow:
        add_promotion(uow, "SALE")
        oat = read_product(uow, goods.oat)
        found = explain_price(uow, cast.ana_stores[0], oat, unit="CTN", quantity=10, at=LATER)
        listed = prices_of_product(uow, oat.number)
    assert [(one.code, one.slab, one.is_chosen) for one in found.lists] == [
        ("BASE", (10, 11_000), True)
    ]
    assert [(one.code, one.amount_minor) for one in found.taken] == [("SALE", 11_000)]
    assert (found.gross_minor, found.total_minor) == (110_000, 99_000)
    assert [(one.list_code, one.unit) for one in listed] == [("BASE", "CTN"), ("BASE", "PC")]
