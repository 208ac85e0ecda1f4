"""What holds of every order, whatever the lists, promotions and lines are."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from mobile_contract.pricing import (
    AmountOff,
    AmountPer,
    Bundle,
    BuyXGetY,
    CustomerTerms,
    ForWhom,
    Item,
    Level,
    Line,
    PercentOff,
    Portion,
    PriceList,
    PriceListVersion,
    Promotion,
    Slab,
    Stacking,
    price_lines,
    spread,
)

UNITS = st.sampled_from(("EA", "CS"))
PRODUCTS = st.integers(1, 5)
LINES = st.lists(st.builds(Line, PRODUCTS, UNITS, st.integers(1, 60)), min_size=1, max_size=6)
SLABS = st.lists(
    st.builds(Slab, st.integers(1, 40), st.integers(0, 5_000)),
    min_size=1,
    max_size=3,
    unique_by=lambda slab: slab.from_quantity,
).map(lambda slabs: tuple(sorted(slabs)))
ENTRIES = st.dictionaries(st.tuples(PRODUCTS, UNITS), SLABS, max_size=8)
ITEMS = st.frozensets(st.builds(Item, PRODUCTS, UNITS | st.none()), max_size=3)
PORTIONS = st.lists(
    st.builds(Portion, PRODUCTS, UNITS, st.integers(1, 5)),
    min_size=1,
    max_size=3,
    unique_by=lambda p: (p.product, p.unit),
).map(tuple)
BENEFITS = st.one_of(
    st.builds(PercentOff, st.integers(1, 10_000)),
    st.builds(AmountOff, st.integers(1, 3_000), st.sampled_from(AmountPer)),
    st.builds(BuyXGetY, st.integers(1, 6), st.integers(1, 3), basis_points=st.integers(1, 10_000)),
    st.builds(Bundle, PORTIONS, st.integers(0, 9_000)),
)


@st.composite
def all_terms(draw: st.DrawFn) -> CustomerTerms:
    whom = ForWhom(Level.REGION, frozenset())
    lists = tuple(
        PriceList(f"list {n}", f"L{n}", "CNY", whom, (PriceListVersion(1, 0, None, entries),))
        for n, entries in enumerate(draw(st.lists(ENTRIES, min_size=1, max_size=2)))
    )
    promotions = tuple(
        Promotion(
            id=f"promotion {n}",
            code=f"P{n}",
            version=1,
            currency="CNY",
            benefit=benefit,
            valid_from=0,
            items=draw(ITEMS),
            min_quantity=draw(st.integers(0, 20)),
            min_amount_minor=draw(st.integers(0, 20_000)),
            max_times=draw(st.none() | st.integers(1, 3)),
            max_minor=draw(st.none() | st.integers(1, 5_000)),
            stacking=Stacking(
                n, draw(st.none() | st.sampled_from("ab")), is_exclusive=draw(st.booleans())
            ),
        )
        for n, benefit in enumerate(draw(st.lists(BENEFITS, max_size=5)))
    )
    return CustomerTerms("CNY", lists, promotions)


@settings(max_examples=200, deadline=None)
@given(all_terms(), LINES, st.randoms(use_true_random=False))
def test_orders_add_up_are_never_negative_and_cost_the_same_in_any_order(
    terms: CustomerTerms, lines: list[Line], random: Random
) -> None:
    order = price_lines(lines, terms, 1)

    for line in order.lines:
        assert 0 <= line.total_minor <= line.gross_minor
        assert line.gross_minor == (line.price_minor or 0) * line.line.quantity
        assert line.discount_minor == sum(taken.amount_minor for taken in line.taken)
        assert all(taken.amount_minor > 0 for taken in line.taken)
        by_id = {promotion.id: promotion.stacking for promotion in terms.promotions}
        stackings = [by_id[taken.promotion_id] for taken in line.taken]
        assert len(stackings) == 1 or not any(each.is_exclusive for each in stackings)
        groups = [each.group for each in stackings if each.group is not None]
        assert len(groups) == len(set(groups))
    assert order.total_minor == sum(line.total_minor for line in order.lines)
    for promotion in terms.promotions:
        took = sum(
            taken.amount_minor
            for line in order.lines
            for taken in line.taken
            if taken.promotion_id == promotion.id
        )
        assert promotion.max_minor is None or took <= promotion.max_minor
    assert price_lines(lines, terms, 1) == order

    shuffled = random.sample(lines, len(lines))
    again = price_lines(shuffled, terms, 1)
    by_line = sorted((line.line, line.total_minor) for line in order.lines)
    assert sorted((line.line, line.total_minor) for line in again.lines) == by_line


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=6), st.integers(0, 10**9))
def test_a_spread_adds_up_to_its_amount_and_no_part_is_above_its_weight(
    weights: list[int], amount: int
) -> None:
    amount = min(amount, sum(weights))

    parts = spread(amount, weights)

    assert sum(parts) == amount
    assert all(0 <= part <= weight for part, weight in zip(parts, weights, strict=True))
