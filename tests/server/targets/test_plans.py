"""Setting a target, splitting it again, and what comes of it for positions, phones and the log."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Engine, insert, text

from mobile_contract.records.target import MEASURES
from server.identity.change_log import Actor, changes_of
from server.measures.figures import MEASURES_BY_NAME
from server.targets.basis import SplitBy
from server.targets.errors import (
    NobodyToSplitOver,
    NoSuchNode,
    NoSuchPlan,
    PinsDiffer,
    PlanExists,
    PlansOverlap,
    TargetInvalid,
)
from server.targets.node_rows import read_nodes
from server.targets.plan_list import explain_node, list_plans, place_of, plan_versions
from server.targets.plans import split_plan
from server.targets.progress import refresh_all_targets
from server.targets.splitting import Weights
from server.targets.tree import Level
from sync.organisation import division
from sync.unit_of_work import Database
from tests.factories import TODAY, Cast, Person, make_cast
from tests.measures_factories import add_order, add_product, add_visit
from tests.server.targets.conftest import EQUAL, MARCH, NOW, Make, Split
from tests.sync.talking import Phone, rows_of

APRIL = date(2026, 4, 1)


def amounts(db: Database, cast: Cast) -> dict[tuple[str, str, str | None], int]:
    """(position, month, product group) → amount, of every target."""
    return {
        (row.code, f"{row.month:%Y-%m}", row.product_group): row.amount
        for row in rows_of(
            db,
            cast,
            "select p.code, t.month, t.product_group, t.amount from target t"
            " join position p on p.id = t.position_id",
        )
    }


def test_a_year_comes_down_to_every_rep_and_month(make: Make, db: Database, cast: Cast) -> None:
    done = make(2_403)
    held = amounts(db, cast)
    assert len(held) == done.targets == 24
    assert sum(held.values()) == 2_403
    assert {code for code, _, _ in held} == {"REP-ANA", "REP-BEN"}
    # 2403 = 12 × 200 + 3: the first months get one more, and of 201 North one more than South.
    assert held["REP-ANA", "2026-01", None] == 101
    assert held["REP-BEN", "2026-01", None] == 100
    assert held["REP-ANA", "2026-04", None] == 100


def test_phones_hold_the_targets_of_their_positions_around_this_month(
    make: Make, cast: Cast, phone: Callable[[Person], Phone]
) -> None:
    make()
    ana, sam, aki = phone(cast.ana), phone(cast.sam), phone(cast.aki)
    for one in (ana, sam, aki):
        one.pull()
    held = sorted(
        (ana.fields(id_) for id_ in ana.ids("target")), key=lambda fields: str(fields["month"])
    )
    assert held == [
        {
            "position_id": str(cast.ana.position_id),
            "month": month,
            "measure": "TC",
            "product_group": None,
            "currency": None,
            "target": 100,
            "actual": 0,
            "working_days_gone": gone,
            "working_days": days,
            "as_of": int(NOW.timestamp() * 1000),
        }
        for month, gone, days in (("2026-02", 24, 24), ("2026-03", 2, 26), ("2026-04", 0, 26))
    ]
    assert len(sam.ids("target")) == 6
    assert aki.ids("target") == set()


def test_splitting_again_keeps_every_version_and_what_is_over(
    make: Make, split: Split, db: Database, cast: Cast
) -> None:
    plan = make(2_400).plan_id
    done = split(plan, total=4_200, reason="The year goes well.")
    assert done.version == 2
    held = amounts(db, cast)
    assert sum(held.values()) == 4_200
    assert held["REP-ANA", "2026-02", None] == 100
    assert held["REP-ANA", "2026-03", None] == 190
    with db.reading(cast.company.id) as uow:
        assert read_nodes(uow, plan, 1)[0].amount == 2_400
        versions = plan_versions(uow, plan)
        (listed,) = list_plans(uow, year=2026)
        assert list_plans(uow, year=2027) == []
    assert [(v.version, v.total, v.reason, v.made_by) for v in versions] == [
        (2, 4_200, "The year goes well.", "Ada"),
        (1, 2_400, None, "Ada"),
    ]
    assert (listed.version, listed.measure, listed.region_code) == (2, "TC", "WHARF")
    assert (versions[0].from_month, versions[1].from_month) == (MARCH, date(2026, 1, 1))


def test_what_is_fixed_stays_fixed_until_it_is_let_go(
    make: Make, split: Split, db: Database, cast: Cast
) -> None:
    plan = make(2_400).plan_id
    ana = place_of(month=APRIL, position_id=cast.ana.position_id).node_id(plan)
    north = place_of(month=APRIL, region_id=cast.regions.north).node_id(plan)
    split(plan, pins={north: 130})
    assert amounts(db, cast)["REP-ANA", "2026-04", None] == 130
    assert amounts(db, cast)["REP-BEN", "2026-04", None] == 70
    split(plan, total=2_500)
    held = amounts(db, cast)
    assert held["REP-ANA", "2026-04", None] == 130
    assert held["REP-ANA", "2026-05", None] == 105
    with pytest.raises(PinsDiffer, match="2026-04 NORTH: 10 is fixed below 130"):
        split(plan, pins={ana: 10})
    split(plan, unpinned=[north])
    assert amounts(db, cast)["REP-ANA", "2026-04", None] == 105
    with pytest.raises(TargetInvalid):
        split(plan, unpinned=[north])


def test_a_fixed_month_moves_the_others(make: Make, split: Split, db: Database, cast: Cast) -> None:
    plan = make(2_400).plan_id
    split(plan, pins={place_of(month=APRIL).node_id(plan): 0})
    held = amounts(db, cast)
    assert held["REP-ANA", "2026-04", None] == 0
    assert sum(held.values()) == 2_400


def test_a_plan_is_weighed_by_last_year_and_by_the_stores(
    make: Make, db: Database, cast: Cast, owner_engine: Engine
) -> None:
    with owner_engine.begin() as connection:
        for place, day in enumerate((3, 4, 5)):
            add_visit(
                connection, cast.company, cast.ana, cast.ana_stores[place], day=date(2025, 3, day)
            )
        add_visit(connection, cast.company, cast.ben, cast.ben_stores[0], day=date(2025, 3, 3))
        connection.execute(
            text("update store set store_class = 'A' where id = any(:ids)"),
            {"ids": list(cast.ben_stores)},
        )
    by = SplitBy(weights=Weights(last_year=500, potential=500, equal=0))
    plan = make(12_000, by=by).plan_id
    with db.reading(cast.company.id) as uow:
        harbour = explain_node(uow, plan, place_of(month=MARCH, region_id=cast.regions.harbour))
    told = [
        (part.code, part.node.last_year, part.node.potential, str(part.node.weight))
        for part in harbour.parts
    ]
    # Stores of class A count 4, of class B 2; half of 3/4 and 6/18, half of 1/4 and 12/18.
    assert told == [("NORTH", 3, 6, "13/24"), ("SOUTH", 1, 12, "11/24")]
    assert sum(part.quota for part in harbour.parts) == harbour.node.amount


def test_money_is_split_over_product_groups(
    make: Make, db: Database, cast: Cast, owner_engine: Engine, phone: Callable[[Person], Phone]
) -> None:
    with owner_engine.begin() as connection:
        water = add_product(
            connection, cast.company, "still", number=1, category="Water", units={"EA": 1}
        )
        add_product(
            connection, cast.company, "crisps", number=2, category="Snacks", units={"EA": 1}
        )
        add_visit(connection, cast.company, cast.ana, cast.ana_stores[0])
        add_order(connection, cast.company, cast.ana, cast.ana_stores[0], [(water, 3, 900)])
    by = SplitBy(weights=EQUAL.weights, product_groups=("Water", "Snacks"))
    make(240_001, measure="NET_VALUE", by=by, currency="CNY")
    held = amounts(db, cast)
    assert sum(amount for (_, _, group), amount in held.items() if group) == 240_001
    assert sum(amount for (_, _, group), amount in held.items() if not group) == 240_001
    ana = phone(cast.ana)
    ana.pull()
    march = {
        fields["product_group"]: (fields["target"], fields["actual"], fields["currency"])
        for fields in map(ana.fields, ana.ids("target"))
        if fields["month"] == "2026-03"
    }
    assert march == {
        None: (10_000, 900, "CNY"),
        "Water": (5_000, 900, "CNY"),
        "Snacks": (5_000, 0, "CNY"),
    }


def test_what_a_position_has_no_more_leaves_its_phone(
    make: Make,
    split: Split,
    db: Database,
    cast: Cast,
    owner_engine: Engine,
    phone: Callable[[Person], Phone],
) -> None:
    plan = make().plan_id
    ana = phone(cast.ana)
    ana.pull()
    with owner_engine.begin() as connection:
        connection.execute(
            text("update position set role = 'driver' where id = :id"),
            {"id": cast.ana.position_id},
        )
    done = split(plan)
    assert done.targets_gone == 10
    assert {c["op"] for c in ana.pull() if c["kind"] == "target"} == {"delete"}
    assert {ana.fields(id_)["month"] for id_ in ana.ids("target")} == {"2026-02"}
    held = amounts(db, cast)
    assert sum(held.values()) == 2_400
    # February is over: Ana keeps it. What is left of the year is Ben's.
    assert held["REP-ANA", "2026-02", None] == 100
    assert held["REP-BEN", "2026-03", None] == 200


def test_a_split_that_changes_nothing_tells_phones_nothing(
    make: Make, split: Split, cast: Cast, phone: Callable[[Person], Phone]
) -> None:
    plan = make().plan_id
    ana = phone(cast.ana)
    ana.pull()
    split(plan)
    assert ana.pull() == []


def test_a_year_ahead_is_split_from_its_begin(
    make: Make, split: Split, db: Database, cast: Cast
) -> None:
    plan = make(2_400, year=2027).plan_id
    split(plan, total=4_800)
    assert set(amounts(db, cast).values()) == {200}


def test_every_change_is_logged(make: Make, split: Split, db: Database, cast: Cast) -> None:
    plan = make(2_400).plan_id
    node = place_of(month=APRIL).node_id(plan)
    split(plan, pins={node: 100}, reason="A fair.")
    with db.reading(cast.company.id) as uow:
        again, first = changes_of(uow, subject_kind="target_plan", subject_id=plan)
    assert (first.action, first.actor, first.person_id) == ("target.make_plan", "Ada", cast.ada.id)
    assert first.before is None
    assert first.after is not None
    assert (first.after["total"], first.after["measure"]) == (2_400, "TC")
    assert again.action == "target.split_plan"
    assert again.before is not None
    assert again.after is not None
    assert (again.before["version"], again.before["fixed"]) == (1, {})
    assert (again.after["version"], again.after["fixed"], again.after["reason"]) == (
        2,
        {str(node): 100},
        "A fair.",
    )


def test_one_plan_for_one_thing(make: Make, cast: Cast) -> None:
    make()
    with pytest.raises(PlanExists):
        make()
    with pytest.raises(PlansOverlap, match="REP-ANA in 2026-01"):
        make(region_id=cast.regions.north)
    make(measure="PC", region_id=cast.regions.north)
    make(measure="PC", region_id=cast.regions.south)


def test_a_division_has_its_own(make: Make, cast: Cast, owner_engine: Engine, db: Database) -> None:
    drinks = cast.company.named("drinks")
    with owner_engine.begin() as connection:
        connection.execute(
            insert(division).values(
                company_id=cast.company.id, id=drinks, code="DRINKS", name="Drinks"
            )
        )
        connection.execute(
            text("update position set division_id = :division where id = :id"),
            {"division": drinks, "id": cast.ben.position_id},
        )
    make(1_200, division_id=drinks)
    assert {code for code, _, _ in amounts(db, cast)} == {"REP-BEN"}


@pytest.mark.parametrize(
    "asked",
    [
        {"measure": "COVERAGE"},
        {"measure": "JOY"},
        {"total": -1},
        {"total": 2**53},
        {"year": 1999},
        {"currency": "CNY"},
        {"measure": "NET_VALUE", "currency": "yuan"},
        {"reason": " "},
        {"reason": "x" * 401},
        {"by": SplitBy(product_groups=("Water",))},
        {"measure": "QUANTITY", "by": SplitBy(product_groups=("Nothing",))},
    ],
)
def test_what_cannot_be_set_is_refused(make: Make, asked: dict[str, Any]) -> None:
    with pytest.raises(TargetInvalid):
        make(**asked)


@pytest.mark.parametrize(
    "asked",
    [
        {"roles": ()},
        {"roles": ("king",)},
        {"product_groups": ("a", "a")},
        {"product_groups": ("",)},
        {"potential_by_class": {"D": 1}},
        {"potential_by_class": {"A": -1}},
    ],
)
def test_what_nothing_can_be_split_by_is_refused(asked: dict[str, Any]) -> None:
    with pytest.raises(TargetInvalid):
        SplitBy(**asked)


def test_a_region_without_reps_is_refused(make: Make, cast: Cast) -> None:
    with pytest.raises(NobodyToSplitOver):
        make(by=SplitBy(roles=("driver",)))


def test_a_plan_of_another_company_is_not_there(
    make: Make, db: Database, owner_engine: Engine
) -> None:
    plan = make().plan_id
    other = make_cast(owner_engine, db)
    with db.company(other.company.id) as uow:
        with pytest.raises(NoSuchPlan):
            split_plan(uow, Actor("x"), plan, today=TODAY, now=NOW)
        with pytest.raises(NoSuchPlan):
            explain_node(uow, plan, place_of())
        with pytest.raises(NoSuchPlan):
            plan_versions(uow, plan)
        assert list_plans(uow) == []


def test_a_part_that_is_not_there_is_refused(
    make: Make, split: Split, cast: Cast, db: Database
) -> None:
    plan = make().plan_id
    nowhere = place_of(month=APRIL, position_id=uuid4())
    with pytest.raises(NoSuchNode):
        split(plan, pins={nowhere.node_id(plan): 1})
    with db.reading(cast.company.id) as uow:
        with pytest.raises(NoSuchNode):
            explain_node(uow, plan, nowhere)
        with pytest.raises(NoSuchPlan):
            explain_node(uow, plan, place_of(), version=7)


@pytest.mark.parametrize(
    "named",
    [
        {"region_id": uuid4()},
        {"month": APRIL, "region_id": uuid4(), "position_id": uuid4()},
        {"month": APRIL, "product_group": "Water"},
    ],
)
def test_a_name_that_names_no_part_is_refused(named: dict[str, Any]) -> None:
    with pytest.raises(NoSuchNode):
        place_of(**named)


def test_an_explanation_says_what_was_fixed_shared_and_left_by_rounding(
    make: Make, split: Split, db: Database, cast: Cast
) -> None:
    plan = make(2_405).plan_id
    april = place_of(month=APRIL).node_id(plan)
    split(plan, pins={april: 300})
    with db.reading(cast.company.id) as uow:
        year = explain_node(uow, plan, place_of())
        before = explain_node(uow, plan, place_of(), version=1)
    # January and February are over with 201 each, April is fixed.
    assert (year.fixed, year.shared, year.left_by_rounding) == (201 + 201 + 300, 1_703, 2)
    assert (before.fixed, before.shared, before.left_by_rounding) == (0, 2_405, 5)
    assert [part.node.amount for part in year.parts][:6] == [201, 201, 190, 300, 190, 189]
    march = year.parts[2]
    assert march.quota == year.shared * march.node.weight
    assert march.node.floor + march.node.remainder == march.quota
    assert march.node.has_extra
    assert year.parts[0].node.is_carried
    assert year.parts[3].node.is_pinned


def test_the_nodes_of_a_version_come_back_as_they_were(
    make: Make, db: Database, cast: Cast
) -> None:
    done = make(2_405)
    with db.reading(cast.company.id) as uow:
        read = read_nodes(uow, done.plan_id, 1)
    assert {node.id: node for node in read} == {node.id: node for node in done.nodes}
    assert read[0].place.level is Level.YEAR


def test_targets_are_set_only_for_measures_that_there_are() -> None:
    assert set(MEASURES) <= set(MEASURES_BY_NAME)
    assert all(MEASURES_BY_NAME[name].denominator is None for name in MEASURES)


def test_a_month_later_phones_hold_the_next_one(
    make: Make, db: Database, cast: Cast, phone: Callable[[Person], Phone]
) -> None:
    make()
    ana = phone(cast.ana)
    ana.pull()
    later = TODAY + timedelta(days=31)
    refresh_all_targets(db, cast.company.id, later, NOW + timedelta(days=31))
    ana.pull()
    assert sorted(ana.fields(id_)["month"] for id_ in ana.ids("target")) == [
        "2026-03",
        "2026-04",
        "2026-05",
    ]
