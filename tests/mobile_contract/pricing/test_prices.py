"""What an order costs: lists in their order, slabs, promotions and what may stack."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from mobile_contract.pricing import (
    AmountOff,
    AmountPer,
    Benefit,
    Bundle,
    BuyXGetY,
    Customer,
    CustomerTerms,
    Entries,
    ForWhom,
    Item,
    Level,
    Line,
    PercentOff,
    Portion,
    PriceBook,
    PricedOrder,
    PriceList,
    PriceListVersion,
    Promotion,
    Slab,
    Stacking,
    Taken,
    half_up,
    price_lines,
    price_order,
    spread,
)

WATER, COLA, BEER = 1, 2, 3
NOON = 1_800_000_000_000
EVERYBODY = ForWhom(Level.REGION, frozenset({"root"}))
PRICES: Entries = {
    (WATER, "EA"): (Slab(1, 150), Slab(10, 140), Slab(100, 125)),
    (WATER, "CS"): (Slab(1, 1_700),),
    (COLA, "EA"): (Slab(1, 333),),
    (BEER, "EA"): (Slab(1, 999),),
}


def price_list(
    code: str = "base",
    prices: Entries = PRICES,
    for_whom: ForWhom = EVERYBODY,
    currency: str = "CNY",
    versions: tuple[PriceListVersion, ...] = (),
) -> PriceList:
    """A list with one version that always holds, unless its versions are given."""
    return PriceList(
        f"id of {code}",
        code,
        currency,
        for_whom,
        versions or (PriceListVersion(1, 0, None, prices),),
    )


def promotion(benefit: Benefit, code: str = "P1", **rest: Any) -> Promotion:
    """A promotion for everybody that always holds."""
    return Promotion(
        id=f"id of {code}",
        code=code,
        version=1,
        currency="CNY",
        benefit=benefit,
        valid_from=0,
        **rest,
    )


def priced(
    *lines: Line,
    lists: tuple[PriceList, ...] = (),
    promotions: tuple[Promotion, ...] = (),
    at: int = NOON,
) -> PricedOrder:
    """The lines priced by a base list and these promotions."""
    customer = Customer("shop", "account", "A", "KA", ("town", "root"))
    book = PriceBook("CNY", lists or (price_list(),), promotions)
    return price_order(customer, lines, book, at)


def totals(order: PricedOrder) -> list[int]:
    return [line.total_minor for line in order.lines]


# ---- lists and slabs -------------------------------------------------------------------------


def test_a_line_costs_its_slab_times_its_quantity() -> None:
    order = priced(Line(WATER, "EA", 9), Line(WATER, "EA", 10), Line(WATER, "EA", 250))

    assert totals(order) == [9 * 150, 10 * 140, 250 * 125]
    assert [line.from_quantity for line in order.lines] == [1, 10, 100]
    assert order.total_minor == sum(totals(order))


def test_lists_are_tried_by_customer_class_channel_region_whatever_their_order_in_the_book() -> (
    None
):
    def at(level: Level, value: str, price: int) -> PriceList:
        whom = ForWhom(level, frozenset({value}))
        return price_list(f"{level} {value}", {(WATER, "EA"): (Slab(1, price),)}, whom)

    by_rank = [
        at(Level.CUSTOMER, "shop", 1),
        at(Level.CUSTOMER, "account", 2),
        at(Level.CLASS, "A", 3),
        at(Level.CHANNEL, "KA", 4),
        at(Level.REGION, "town", 5),
        at(Level.REGION, "root", 6),
    ]
    for n in range(len(by_rank)):
        order = priced(Line(WATER, "EA", 1), lists=tuple(reversed(by_rank[n:])))
        assert order.total_minor == n + 1
        assert order.lines[0].list_id == by_rank[n].id


def test_a_list_without_the_product_or_without_a_slab_for_the_quantity_leaves_it_to_the_next() -> (
    None
):
    own = ForWhom(Level.CUSTOMER, frozenset({"shop"}))
    special = price_list("special", {(WATER, "EA"): (Slab(50, 100),)}, own)

    order = priced(
        Line(WATER, "EA", 49),
        Line(WATER, "EA", 50),
        Line(COLA, "EA", 1),
        lists=(price_list(), special),
    )

    assert totals(order) == [49 * 140, 50 * 100, 333]
    assert [line.list_id for line in order.lines] == ["id of base", special.id, "id of base"]


def test_lists_for_others_and_in_other_currencies_are_not_tried() -> None:
    others = ForWhom(Level.CHANNEL, frozenset({"GT"}))
    lists = (
        price_list("others", {(WATER, "EA"): (Slab(1, 1),)}, others),
        price_list(
            "dollars", {(WATER, "EA"): (Slab(1, 1),)}, ForWhom(Level.CLASS, frozenset("A")), "USD"
        ),
        price_list(),
    )

    assert priced(Line(WATER, "EA", 1), lists=lists).total_minor == 150


def test_the_version_in_force_at_the_moment_counts_and_of_several_the_highest() -> None:
    def at(number: int, valid_from: int, valid_until: int | None, price: int) -> PriceListVersion:
        return PriceListVersion(number, valid_from, valid_until, {(WATER, "EA"): (Slab(1, price),)})

    held = price_list(versions=(at(1, 0, 200, 10), at(3, 150, None, 30), at(2, 100, 160, 20)))

    def price_at(moment: int) -> int | None:
        return priced(Line(WATER, "EA", 1), lists=(held,), at=moment).lines[0].price_minor

    assert [price_at(moment) for moment in (0, 99, 100, 149, 150, 400)] == [10, 10, 20, 20, 30, 30]


def test_a_line_that_no_list_has_a_price_for_is_told_apart_from_one_that_costs_nothing() -> None:
    order = priced(
        Line(WATER, "BOX", 3),
        Line(9, "EA", 1),
        lists=(price_list(prices={(9, "EA"): (Slab(1, 0),)}),),
        promotions=(promotion(PercentOff(1_000)),),
    )

    assert [line.price_minor for line in order.lines] == [None, 0]
    assert order.total_minor == 0
    assert not order.is_whole


# ---- promotions ------------------------------------------------------------------------------


def test_percent_off_rounds_half_up_on_each_line() -> None:
    order = priced(
        Line(COLA, "EA", 1), Line(COLA, "EA", 3), promotions=(promotion(PercentOff(1_500)),)
    )

    # 15 % of 333 is 49.95, of 999 is 149.85.
    assert [line.discount_minor for line in order.lines] == [50, 150]


def test_an_amount_off_each_unit_never_takes_more_than_the_line_costs() -> None:
    order = priced(
        Line(COLA, "EA", 2),
        Line(BEER, "EA", 2),
        promotions=(promotion(AmountOff(400)),),
    )

    assert totals(order) == [0, 2 * 999 - 800]


def test_an_amount_off_the_order_is_spread_over_its_lines_to_the_minor_unit() -> None:
    off = promotion(AmountOff(100, AmountPer.ORDER), min_amount_minor=1_000)

    order = priced(
        Line(COLA, "EA", 1), Line(WATER, "EA", 1), Line(BEER, "EA", 1), promotions=(off,)
    )
    below = priced(Line(BEER, "EA", 1), promotions=(off,))

    # 333, 150 and 999 of 1482: 22.47, 10.12 and 67.41.
    assert [line.discount_minor for line in order.lines] == [23, 10, 67]
    assert below.total_minor == 999


@pytest.mark.parametrize(
    ("quantity", "free"), [(10, 0), (11, 1), (21, 1), (22, 2), (33, 3), (44, 3)]
)
def test_of_every_buy_and_get_units_the_last_are_free_up_to_so_many_times(
    quantity: int, free: int
) -> None:
    given = promotion(BuyXGetY(10, 1), items=frozenset({Item(BEER)}), max_times=3)

    assert priced(Line(BEER, "EA", quantity), promotions=(given,)).total_minor == 999 * (
        quantity - free
    )


def test_a_gift_of_another_product_has_to_stand_in_the_order() -> None:
    given = promotion(
        BuyXGetY(2, 1, frozenset({Item(COLA, "EA")})), items=frozenset({Item(BEER, "EA")})
    )

    without = priced(Line(BEER, "EA", 4), promotions=(given,))
    with_one = priced(Line(BEER, "EA", 4), Line(COLA, "EA", 1), promotions=(given,))
    with_three = priced(Line(BEER, "EA", 4), Line(COLA, "EA", 3), promotions=(given,))

    assert totals(without) == [4 * 999]
    assert totals(with_one) == [4 * 999, 0]
    assert totals(with_three) == [4 * 999, 333]


def test_the_gift_is_taken_from_the_cheapest_units() -> None:
    given = promotion(BuyXGetY(2, 1), items=frozenset({Item(COLA), Item(BEER)}))

    assert totals(priced(Line(BEER, "EA", 2), Line(COLA, "EA", 1), promotions=(given,))) == [
        2 * 999,
        0,
    ]


def test_a_bundle_costs_its_price_as_often_as_it_is_whole() -> None:
    bundle = promotion(Bundle((Portion(COLA, "EA", 2), Portion(BEER, "EA", 1)), 1_500))

    order = priced(Line(COLA, "EA", 5), Line(BEER, "EA", 2), promotions=(bundle,))

    # Twice 2 × 333 + 999 for 1500 each, and one cola more.
    assert order.total_minor == 2 * 1_500 + 333
    assert priced(Line(COLA, "EA", 1), promotions=(bundle,)).total_minor == 333


def test_a_bundle_that_costs_more_than_its_parts_takes_nothing() -> None:
    bundle = promotion(Bundle((Portion(COLA, "EA", 1),), 400))

    assert priced(Line(COLA, "EA", 1), promotions=(bundle,)).total_minor == 333


def test_what_a_promotion_takes_is_bounded_for_an_order() -> None:
    off = promotion(PercentOff(5_000), max_minor=100)

    order = priced(Line(COLA, "EA", 1), Line(BEER, "EA", 1), promotions=(off,))

    assert [line.discount_minor for line in order.lines] == [25, 75]


def test_promotions_outside_their_period_or_for_others_take_nothing() -> None:
    whom = ForWhom(Level.CLASS, frozenset("B"))
    off = promotion(PercentOff(5_000))
    dollars = replace(off, currency="USD")

    for other in (
        replace(off, valid_from=NOON + 1),
        replace(off, valid_until=NOON),
        replace(off, for_whom=whom),
        replace(off, min_quantity=2),
        dollars,
    ):
        assert priced(Line(COLA, "EA", 1), promotions=(other,)).total_minor == 333


# ---- stacking --------------------------------------------------------------------------------


def test_stackable_promotions_each_take_from_what_the_earlier_ones_left() -> None:
    first = promotion(AmountOff(33), "B", stacking=Stacking(order=1))
    then = promotion(PercentOff(1_000), "A", stacking=Stacking(order=2))

    (line,) = priced(Line(COLA, "EA", 1), promotions=(then, first)).lines

    assert line.taken == (Taken(first.id, 1, 33), Taken(then.id, 1, 30))


def test_of_one_group_the_first_in_order_applies_to_a_line_and_the_others_to_other_lines() -> None:
    colas = promotion(
        PercentOff(1_000), "A", items=frozenset({Item(COLA)}), stacking=Stacking(1, "discount")
    )
    all_of_it = promotion(PercentOff(5_000), "B", stacking=Stacking(2, "discount"))

    order = priced(Line(COLA, "EA", 10), Line(BEER, "EA", 10), promotions=(all_of_it, colas))

    assert [line.taken[0].promotion_id for line in order.lines] == [colas.id, all_of_it.id]
    assert [len(line.taken) for line in order.lines] == [1, 1]


def test_an_exclusive_promotion_shares_a_line_with_no_other_whichever_comes_first() -> None:
    alone = promotion(PercentOff(1_000), "A", stacking=Stacking(1, None, is_exclusive=True))
    any_ = promotion(PercentOff(2_000), "B", stacking=Stacking(2))

    first = priced(Line(COLA, "EA", 10), promotions=(alone, any_))
    second = priced(
        Line(COLA, "EA", 10), promotions=(replace(alone, stacking=Stacking(3, None, True)), any_)
    )

    assert [t.promotion_id for t in first.lines[0].taken] == [alone.id]
    assert [t.promotion_id for t in second.lines[0].taken] == [any_.id]


def test_units_that_earned_an_exclusive_gift_earn_nothing_else() -> None:
    given = promotion(
        BuyXGetY(2, 1, frozenset({Item(COLA)})),
        "A",
        items=frozenset({Item(BEER)}),
        stacking=Stacking(1, None, is_exclusive=True),
    )
    off = promotion(PercentOff(1_000), "B", stacking=Stacking(2))

    order = priced(Line(BEER, "EA", 2), Line(COLA, "EA", 1), promotions=(given, off))

    assert totals(order) == [2 * 999, 0]


# ---- the rest --------------------------------------------------------------------------------


def test_a_return_is_priced_without_promotions() -> None:
    terms = CustomerTerms("CNY", (price_list(),), (promotion(PercentOff(1_000)),))

    order = price_lines([Line(COLA, "EA", 2)], terms, NOON, has_promotions=False)

    assert order.total_minor == 666


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: PercentOff(0),
        lambda: PercentOff(10_001),
        lambda: AmountOff(0),
        lambda: BuyXGetY(0, 1),
        lambda: BuyXGetY(1, 1, basis_points=0),
        lambda: Bundle((), 1),
        lambda: Bundle((Portion(1, "EA", 0),), 1),
        lambda: Bundle((Portion(1, "EA", 1), Portion(1, "EA", 2)), 1),
        lambda: Bundle((Portion(1, "EA", 1),), -1),
        lambda: promotion(BuyXGetY(1, 1, frozenset({Item(COLA)}))),
        lambda: promotion(
            BuyXGetY(1, 1, frozenset({Item(COLA, "EA")})), items=frozenset({Item(COLA)})
        ),
    ],
)
def test_a_benefit_that_means_nothing_cannot_be_made(wrong: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        wrong()


def test_halves_round_up() -> None:
    assert [half_up(n, 4) for n in range(8)] == [0, 0, 1, 1, 1, 1, 2, 2]


def test_a_spread_adds_up_and_gives_equal_remainders_to_the_first() -> None:
    assert spread(100, [1, 1, 1]) == [34, 33, 33]
    assert spread(0, [5, 5]) == [0, 0]
    assert spread(7, [0, 0]) == [0, 0]
