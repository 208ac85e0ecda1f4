"""A plan adds up at every level, is the same every time, and keeps what is fixed."""

from collections import defaultdict
from dataclasses import replace
from datetime import date
from uuid import UUID, uuid5

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.targets.errors import NobodyToSplitOver, NoSuchNode, PinsDiffer
from server.targets.splitting import Weights
from server.targets.tree import (
    Basis,
    GroupBelow,
    Level,
    Node,
    Place,
    PositionBelow,
    RegionBelow,
    plan_tree,
)

PLAN = UUID("0d2f1e50-6f52-4c9e-8b57-2a1c3c6f3a11")
YEAR = 2026
WEIGHTS = Weights(last_year=600, potential=300, equal=100)


def named(name: str) -> UUID:
    return uuid5(PLAN, name)


# Country ── City ─┬─ North   Ana, Bea            and Cat sits in the city itself
#                  ├─ South   Dan
#                  └─ Empty
REGIONS = [
    RegionBelow(named("Country"), "COUNTRY", None),
    RegionBelow(named("City"), "CITY", named("Country")),
    RegionBelow(named("North"), "NORTH", named("City")),
    RegionBelow(named("South"), "SOUTH", named("City")),
    RegionBelow(named("Empty"), "EMPTY", named("City")),
]
SEATS = {"ANA": "North", "BEA": "North", "CAT": "City", "DAN": "South"}


def basis(
    last_year: dict[tuple[UUID, int, str | None], int] | None = None,
    groups: tuple[str, ...] = ("Snacks", "Water"),
    potentials: tuple[int, ...] = (40, 30, 5, 25),
) -> Basis:
    return Basis(
        root_region_id=named("Country"),
        regions=REGIONS,
        positions=[
            PositionBelow(named(code), code, named(region), potential)
            for (code, region), potential in zip(SEATS.items(), potentials, strict=True)
        ],
        groups=[GroupBelow(name, number) for number, name in enumerate(groups, start=1)],
        last_year=last_year or {},
        working_days=dict.fromkeys(range(1, 13), 25) | {2: 17},
    )


def assert_adds_up(nodes: list[Node]) -> None:
    by_id = {node.id: node for node in nodes}
    assert len(by_id) == len(nodes)
    sums: dict[UUID, int] = defaultdict(int)
    for node in nodes:
        if node.parent_id is not None:
            sums[node.parent_id] += node.amount
    for node_id, amount in sums.items():
        assert by_id[node_id].amount == amount
    leaf = Level.GROUP if any(n.place.level is Level.GROUP for n in nodes) else Level.POSITION
    assert sum(n.amount for n in nodes if n.place.level is leaf) == nodes[0].amount


def at(nodes: list[Node], place: Place) -> Node:
    return next(node for node in nodes if node.place == place)


def month(number: int) -> date:
    return date(YEAR, number, 1)


@given(
    total=st.integers(0, 10**10),
    sold=st.lists(st.integers(0, 10**6), min_size=36, max_size=36),
    potentials=st.tuples(*[st.integers(0, 100)] * 4),
    has_groups=st.booleans(),
)
@settings(max_examples=25, deadline=None)
def test_a_plan_adds_up_at_every_level(
    total: int, sold: list[int], potentials: tuple[int, ...], has_groups: bool
) -> None:
    history: dict[tuple[UUID, int, str | None], int] = {
        (named(code), number, group): sold[(place * 7 + number) % 36]
        for place, code in enumerate(SEATS)
        for number in range(1, 13)
        for group in (None, "Snacks")
    }
    groups = ("Snacks", "Water") if has_groups else ()
    nodes = plan_tree(PLAN, YEAR, total, WEIGHTS, basis(history, groups, potentials))
    assert nodes[0].amount == total
    assert_adds_up(nodes)


def test_regions_come_before_positions_and_each_by_code() -> None:
    nodes = plan_tree(PLAN, YEAR, 1_000, WEIGHTS, basis(groups=()))
    city = at(nodes, Place(Level.REGION, month(3), region_id=named("City")))
    below = [node for node in nodes if node.parent_id == city.id]
    assert [node.sequence for node in below] == [1, 2, 3]
    assert [node.place.region_id or node.place.position_id for node in below] == [
        named("North"),
        named("South"),
        named("CAT"),
    ]


def test_a_region_without_a_position_takes_no_part() -> None:
    nodes = plan_tree(PLAN, YEAR, 1_000, WEIGHTS, basis())
    assert named("Empty") not in {node.place.region_id for node in nodes}


def test_the_same_again_gives_the_same_ids_and_amounts() -> None:
    assert plan_tree(PLAN, YEAR, 997, WEIGHTS, basis()) == plan_tree(
        PLAN, YEAR, 997, WEIGHTS, basis()
    )


def test_the_potential_of_a_month_is_its_working_days() -> None:
    by_potential = Weights(last_year=0, potential=1000, equal=0)
    nodes = plan_tree(PLAN, YEAR, 292, by_potential, basis(groups=()))
    assert at(nodes, Place(Level.MONTH, month(2))).amount == 17
    assert at(nodes, Place(Level.MONTH, month(3))).amount == 25


def test_what_a_manager_fixes_stays_and_the_others_share_the_rest() -> None:
    ana = Place(Level.POSITION, month(3), position_id=named("ANA"))
    before = plan_tree(PLAN, YEAR, 12_000, WEIGHTS, basis())
    pinned = at(before, ana).amount + 7
    nodes = plan_tree(PLAN, YEAR, 12_000, WEIGHTS, basis(), pins={ana.node_id(PLAN): pinned})
    assert_adds_up(nodes)
    assert at(nodes, ana).amount == pinned
    assert at(nodes, ana).is_pinned
    bea = Place(Level.POSITION, month(3), position_id=named("BEA"))
    assert at(nodes, bea).amount == at(before, bea).amount - 7
    north = Place(Level.REGION, month(3), region_id=named("North"))
    assert at(nodes, north).amount == at(before, north).amount


def test_a_pin_that_is_too_much_names_its_place() -> None:
    ana = Place(Level.POSITION, month(3), position_id=named("ANA"))
    with pytest.raises(PinsDiffer, match="2026-03 NORTH"):
        plan_tree(PLAN, YEAR, 100, WEIGHTS, basis(), pins={ana.node_id(PLAN): 10_000})


def test_what_has_only_fixed_parts_has_their_sum() -> None:
    dan = Place(Level.POSITION, month(3), position_id=named("DAN"))
    south = Place(Level.REGION, month(3), region_id=named("South"))
    groups = [replace(dan, level=Level.GROUP, product_group=name) for name in ("Snacks", "Water")]
    pins = {group.node_id(PLAN): amount for group, amount in zip(groups, (70, 7), strict=True)}
    nodes = plan_tree(PLAN, YEAR, 12_000, WEIGHTS, basis(), pins=pins)
    assert_adds_up(nodes)
    for place in (dan, south):
        assert at(nodes, place).amount == 77
        assert at(nodes, place).is_fixed_below
        assert not at(nodes, place).is_pinned
    assert plan_tree(PLAN, YEAR, 12_000, WEIGHTS, basis(), pins=pins, before=nodes) == nodes
    # Let go, they have their share again.
    assert plan_tree(PLAN, YEAR, 12_000, WEIGHTS, basis(), before=nodes) == plan_tree(
        PLAN, YEAR, 12_000, WEIGHTS, basis()
    )


def test_a_pin_that_is_nowhere_is_refused() -> None:
    with pytest.raises(NoSuchNode):
        plan_tree(PLAN, YEAR, 100, WEIGHTS, basis(), pins={named("nowhere"): 1})


def test_months_that_are_over_stay_as_they_were() -> None:
    before = plan_tree(PLAN, YEAR, 12_000, WEIGHTS, basis())
    carried: dict[int, list[Node]] = {}
    for node in before:
        if node.place.month is not None and node.place.month.month < 4:
            carried.setdefault(node.place.month.month, []).append(node)
    after = plan_tree(PLAN, YEAR, 20_000, WEIGHTS, basis(potentials=(1, 1, 1, 1)), carried=carried)
    assert_adds_up(after)
    march = {n.place: n.amount for n in before if n.place.month == month(3)}
    assert {n.place: n.amount for n in after if n.place.month == month(3)} == march
    assert at(after, Place(Level.MONTH, month(3))).is_carried
    assert (
        at(after, Place(Level.MONTH, month(5))).amount
        > at(before, Place(Level.MONTH, month(5))).amount
    )


def test_a_month_that_goes_by_moves_nothing() -> None:
    history: dict[tuple[UUID, int, str | None], int] = {
        (named(code), number, None): 97 * place + 31 * number % 53
        for place, code in enumerate(SEATS, start=1)
        for number in range(1, 13)
    }
    for total in range(10_000, 10_040):
        first = before = plan_tree(PLAN, YEAR, total, WEIGHTS, basis(history))
        for over in range(1, 12):
            carried: dict[int, list[Node]] = {}
            for node in before:
                if node.place.month is not None and node.place.month.month <= over:
                    carried.setdefault(node.place.month.month, []).append(node)
            # The only region of a month is fixed at what it has.
            only = Place(Level.REGION, month(12), region_id=named("City"))
            before = plan_tree(
                PLAN,
                YEAR,
                total,
                WEIGHTS,
                basis(history),
                pins={only.node_id(PLAN): at(first, only).amount},
                carried=carried,
                before=before,
            )
            assert_adds_up(before)
            assert [node.amount for node in before] == [node.amount for node in first]


def test_what_weighs_otherwise_now_is_split_anew() -> None:
    before = plan_tree(PLAN, YEAR, 12_000, WEIGHTS, basis())
    ana = Place(Level.POSITION, month(5), position_id=named("ANA"))
    more = basis(potentials=(80, 30, 5, 25))
    after = plan_tree(PLAN, YEAR, 12_000, WEIGHTS, more, before=before)
    assert at(after, ana).amount > at(before, ana).amount
    assert after == plan_tree(PLAN, YEAR, 12_000, WEIGHTS, more)


def test_a_plan_of_nobody_is_refused() -> None:
    nobody = Basis(
        root_region_id=named("Empty"),
        regions=REGIONS,
        positions=basis().positions,
        groups=(),
        last_year={},
        working_days={},
    )
    with pytest.raises(NobodyToSplitOver):
        plan_tree(PLAN, YEAR, 100, WEIGHTS, nobody)
