"""Measures are what the facts say at the moment of asking, told apart by whatever is asked."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, insert, text

from server.measures.errors import QuestionInvalid
from server.measures.figures import MEASURES_BY_NAME
from server.measures.question import DIMENSIONS, PLACES, PRODUCTS, Question
from server.measures.reading import read_measures
from sync.kinds.visit.table import flag_decision
from sync.organisation import division, store_division
from sync.unit_of_work import Database
from tests.factories import TODAY, Cast, add_occupancy, add_policy, make_cast
from tests.measures_factories import (
    add_check,
    add_delivery,
    add_duty,
    add_frozen_plan,
    add_order,
    add_visit,
)
from tests.sync.talking import counted_statements

Numbers = Callable[..., dict[tuple[str, ...], list[tuple[int, int | None]]]]
TOMORROW = TODAY + timedelta(days=1)


@pytest.mark.usefixtures("facts")
def test_the_figures_of_a_small_company(numbers: Numbers) -> None:
    asked = ("SC", "TC", "PC", "COVERAGE", "STRIKE_RATE", "STRIKE_RATE_PLANNED")
    assert numbers(*asked)[()] == [(5, None), (4, None), (1, None), (3, 5), (1, 4), (1, 5)]
    assert numbers("LINES_PER_CALL", "DROP_SIZE", "NET_VALUE", "ORDER_LINES")[()] == [
        (2, 1),
        (5_500, 1),
        (6_400, None),
        (3, None),
    ]
    assert numbers("ACTIVE_COVERAGE", "VISITED_STORES")[()] == [(3, 6), (3, None)]


@pytest.mark.usefixtures("facts")
def test_people_who_visit_one_store_on_one_day_each_have_it_and_the_whole_has_it_once(
    numbers: Numbers,
) -> None:
    assert numbers("TC", group_by=("person",)) == {("Ana",): [(4, None)], ("Ben",): [(1, None)]}
    assert numbers("TC")[()] == [(4, None)]


@pytest.mark.usefixtures("facts")
def test_a_call_by_phone_is_no_coverage_and_its_order_no_productive_call(numbers: Numbers) -> None:
    ben = numbers("TC", "PC", "COVERAGE", "NET_VALUE", group_by=("person",))[("Ben",)]
    assert ben == [(1, None), (0, None), (1, 2), (900, None)]


@pytest.mark.usefixtures("facts")
def test_regions_are_rolled_up(numbers: Numbers) -> None:
    assert numbers("TC", "SC", group_by=("region",)) == {
        ("NORTH",): [(4, None), (3, None)],
        ("SOUTH",): [(1, None), (2, None)],
        ("HARBOUR",): [(4, None), (5, None)],
        ("WHARF",): [(4, None), (5, None)],
    }


@pytest.mark.usefixtures("facts")
def test_a_region_stands_for_all_below_it(numbers: Numbers, cast: Cast) -> None:
    assert numbers("TC", region_id=cast.regions.harbour)[()] == [(4, None)]
    assert numbers("TC", region_id=cast.regions.south)[()] == [(1, None)]


@pytest.mark.usefixtures("facts")
@pytest.mark.parametrize(
    ("by", "labels"),
    [
        ("day", ["2026-03-04", "2026-03-05"]),
        ("week", ["2026-W10"]),
        ("month", ["2026-03"]),
        ("quarter", ["2026-Q1"]),
        ("year", ["2026"]),
    ],
)
def test_periods_are_told_by_their_names(numbers: Numbers, by: str, labels: list[str]) -> None:
    found = numbers("TC", group_by=(by,))
    assert [names[0] for names in found] == labels
    assert sum(figures[0][0] for figures in found.values()) == 4


@pytest.mark.usefixtures("facts")
def test_active_stores_are_those_of_each_position_in_each_period(numbers: Numbers) -> None:
    assert numbers("ACTIVE_COVERAGE", group_by=("position", "week")) == {
        ("REP-ANA", "2026-W09"): [(0, 3)],
        ("REP-ANA", "2026-W10"): [(2, 3)],
        ("REP-ANA", "2026-W11"): [(0, 3)],
        ("REP-BEN", "2026-W09"): [(0, 3)],
        ("REP-BEN", "2026-W10"): [(1, 3)],
        ("REP-BEN", "2026-W11"): [(0, 3)],
    }


def test_channel_and_class_are_those_of_the_store(
    owner_engine: Engine, cast: Cast, facts: dict[str, UUID], numbers: Numbers
) -> None:
    with owner_engine.begin() as connection:
        connection.execute(
            text("update store set channel = 'kiosk', store_class = 'A' where id = :id"),
            {"id": cast.ana_stores[1]},
        )
    assert numbers("TC", "SC", group_by=("channel",)) == {
        ("grocery",): [(3, None), (4, None)],
        ("kiosk",): [(1, None), (1, None)],
    }
    assert numbers("COVERAGE", "PC", store_class="A")[()] == [(1, 1), (0, None)]
    assert numbers("ACTIVE_COVERAGE", channel="kiosk")[()] == [(1, 1)]


def test_a_division_is_the_positions_and_else_the_stores(
    owner_engine: Engine, cast: Cast, facts: dict[str, UUID], numbers: Numbers
) -> None:
    drinks, snacks = cast.company.named("drinks"), cast.company.named("snacks")
    with owner_engine.begin() as connection:
        for id_, code in ((drinks, "DRINKS"), (snacks, "SNACKS")):
            connection.execute(
                insert(division).values(company_id=cast.company.id, id=id_, code=code, name=code)
            )
        connection.execute(
            text("update position set division_id = :division where id = :id"),
            {"division": drinks, "id": cast.ana.position_id},
        )
        connection.execute(
            insert(store_division).values(
                company_id=cast.company.id, store_id=cast.ben_stores[0], division_id=snacks
            )
        )
    assert numbers("TC", group_by=("division",)) == {
        ("DRINKS",): [(4, None)],
        ("SNACKS",): [(1, None)],
    }
    assert numbers("TC", "SC", division_id=snacks)[()] == [(1, None), (1, None)]


def test_who_stands_in_has_the_plan_of_the_day(
    owner_engine: Engine, cast: Cast, facts: dict[str, UUID], numbers: Numbers
) -> None:
    with owner_engine.begin() as connection:
        add_occupancy(
            connection,
            cast.company,
            position_id=cast.ana.position_id,
            person_id=cast.ben.id,
            starts_on=TODAY,
            is_acting=True,
        )
    assert numbers("SC", group_by=("person",)) == {("Ben",): [(5, None)]}
    assert numbers("SC", person_id=cast.ana.id)[()] == [(0, None)]


def test_a_visit_counts_for_the_plan_that_it_names(
    owner_engine: Engine, cast: Cast, numbers: Numbers
) -> None:
    with owner_engine.begin() as connection:
        plan = add_frozen_plan(
            connection, cast.company, cast.ben.position_id, TODAY, cast.ben_stores
        )
        store = cast.ben_stores[2]
        add_visit(connection, cast.company, cast.ana, store, day_plan_id=plan)
        add_visit(connection, cast.company, cast.ana, cast.ben_stores[1])
    assert numbers("COVERAGE")[()] == [(1, 3)]


def test_a_plan_that_is_not_frozen_is_not_planned(
    owner_engine: Engine, cast: Cast, numbers: Numbers
) -> None:
    with owner_engine.begin() as connection:
        plan = add_frozen_plan(
            connection, cast.company, cast.ana.position_id, TODAY, cast.ana_stores
        )
        connection.execute(
            text("update day_plan set frozen_at = null where id = :id"), {"id": plan}
        )
    assert numbers("SC")[()] == [(0, None)]


def decide(
    engine: Engine, cast: Cast, visit: UUID, flag: str, *decisions: str, **more: Any
) -> None:
    with engine.begin() as connection:
        for number, decision in enumerate(decisions, start=1):
            values = {"is_derived": False, "reason": "seen", "decided_by": "Sam", **more}
            connection.execute(
                insert(flag_decision).values(
                    company_id=cast.company.id,
                    visit_id=visit,
                    flag=flag,
                    number=number,
                    decision=decision,
                    business_day=TODAY,
                    **values,
                )
            )


@pytest.mark.parametrize(
    ("columns", "decided", "counts"),
    [
        ({}, [], True),
        ({"state": "OPEN", "ended_at": None}, [], True),
        ({"state": "SKIPPED"}, [], False),
        ({"is_by_phone": True, "verdict": None}, [], False),
        ({"verdict": None}, [], True),
        ({"verdict": "TOLERATED"}, [], True),
        ({"verdict": "OFFSITE"}, [], False),
        ({"verdict": "OFFSITE"}, [("offsite", "ACCEPTED")], True),
        ({"verdict": "OFFSITE"}, [("offsite", "ACCEPTED", "REJECTED")], False),
        ({"flags": ["mock_location"]}, [], False),
        ({"flags": ["mock_location"]}, [("mock_location", "ACCEPTED")], True),
        (
            {"flags": ["mock_location"], "verdict": "OFFSITE"},
            [("mock_location", "ACCEPTED")],
            False,
        ),
        ({"flags": ["too_short"]}, [], True),
        ({"flags": ["too_short"]}, [("too_short", "REJECTED")], False),
        ({"flags": ["too_short"]}, [("too_short", "REJECTED", "ACCEPTED")], True),
        # A correction took the flag away: what was decided about it is moot.
        ({"flags": []}, [("too_short", "REJECTED")], True),
    ],
)
def test_which_visits_count(
    owner_engine: Engine,
    cast: Cast,
    numbers: Numbers,
    columns: dict[str, Any],
    decided: list[tuple[str, ...]],
    counts: bool,
) -> None:
    with owner_engine.begin() as connection:
        add_frozen_plan(connection, cast.company, cast.ana.position_id, TODAY, cast.ana_stores[:1])
        visit = add_visit(connection, cast.company, cast.ana, cast.ana_stores[0], **columns)
    for flag, *decisions in decided:
        decide(owner_engine, cast, visit, flag, *decisions)
    assert numbers("TC", "COVERAGE", "ACTIVE_COVERAGE")[()] == [
        (int(counts), None),
        (int(counts), 1),
        (int(counts), 6),
    ]


def test_a_rejected_flag_of_the_whole_day_takes_the_visit_out(
    owner_engine: Engine, cast: Cast, facts: dict[str, UUID], numbers: Numbers
) -> None:
    decide(owner_engine, cast, facts["second"], "implied_speed", "REJECTED", is_derived=True)
    assert numbers("TC", "COVERAGE")[()] == [(3, None), (2, 5)]


def test_the_company_says_what_has_to_be_accepted(
    owner_engine: Engine, cast: Cast, numbers: Numbers
) -> None:
    with owner_engine.begin() as connection:
        add_visit(connection, cast.company, cast.ana, cast.ana_stores[0], verdict="OFFSITE")
        add_visit(connection, cast.company, cast.ana, cast.ana_stores[1], flags=["too_short"])
    assert numbers("VISITED_STORES")[()] == [(1, None)]
    with owner_engine.begin() as connection:
        add_policy(connection, cast.company, version=2, flags_to_accept=[])
    assert numbers("VISITED_STORES")[()] == [(2, None)]
    with owner_engine.begin() as connection:
        add_policy(connection, cast.company, version=3, flags_to_accept=["too_short", "offsite"])
    assert numbers("VISITED_STORES")[()] == [(0, None)]


@pytest.mark.parametrize(
    ("columns", "productive", "net"),
    [
        ({}, 1, 500),
        ({"state": "HELD"}, 1, 500),
        ({"state": "REFUSED"}, 1, 500),
        ({"state": "CANCELLED"}, 0, None),
        ({"state": "REJECTED"}, 0, None),
        ({"order_type": "RETURN"}, 0, -500),
        ({"server_total_minor": 700}, 1, 700),
        ({"server_total_minor": None}, 1, 500),
        ({"server_total_minor": 0}, 0, 0),
    ],
)
def test_which_orders_count(
    owner_engine: Engine,
    cast: Cast,
    numbers: Numbers,
    columns: dict[str, Any],
    productive: int,
    net: int | None,
) -> None:
    with owner_engine.begin() as connection:
        add_visit(connection, cast.company, cast.ana, cast.ana_stores[0])
        add_order(
            connection, cast.company, cast.ana, cast.ana_stores[0], [(uuid4(), 5, 500)], **columns
        )
    assert numbers("PC")[()] == [(productive, None)]
    assert numbers("NET_VALUE")[()] == [(net or 0, None)]


def test_of_an_order_the_lines_of_its_version_in_force_count(
    owner_engine: Engine, cast: Cast, numbers: Numbers
) -> None:
    with owner_engine.begin() as connection:
        add_visit(connection, cast.company, cast.ana, cast.ana_stores[0])
        lines = [(uuid4(), 5, 500), (uuid4(), 1, 100)]
        order = add_order(
            connection, cast.company, cast.ana, cast.ana_stores[0], lines, order_version=2
        )
        connection.execute(
            text(
                "insert into order_line (company_id, order_id, order_version, line, product_id, unit,"
                " quantity, price_minor, discount_minor, total_minor)"
                " select company_id, order_id, 1, line + 10, product_id, unit, 1, 1, 0, 1"
                " from order_line where order_id = :id"
            ),
            {"id": order},
        )
    assert numbers("LINES_PER_CALL", "ORDER_LINES")[()] == [(2, 1), (2, None)]


def test_orders_are_told_by_product(
    owner_engine: Engine, cast: Cast, products: dict[str, UUID], numbers: Numbers
) -> None:
    still, sparkling, crisps = (products[n] for n in ("still", "sparkling", "crisps"))
    with owner_engine.begin() as connection:
        for place in (0, 1):
            add_visit(connection, cast.company, cast.ana, cast.ana_stores[place], hour=9 + place)
        add_order(
            connection,
            cast.company,
            cast.ana,
            cast.ana_stores[0],
            [(still, 2, 4_800), (sparkling, 3, 900), (crisps, 1, 400)],
            units=["CASE", "EA", "EA"],
        )
        add_order(connection, cast.company, cast.ana, cast.ana_stores[1], [(crisps, 5, 2_000)])
        add_order(
            connection,
            cast.company,
            cast.ana,
            cast.ana_stores[2],
            [(still, 6, 1_200)],
            order_type="RETURN",
        )
        # A product that the catalogue does not have.
        add_order(connection, cast.company, cast.ana, cast.ana_stores[1], [(uuid4(), 1, 50)])
    measures = ("PC", "STRIKE_RATE", "LINES_PER_CALL", "DROP_SIZE", "NET_VALUE", "QUANTITY")
    assert numbers(*measures, group_by=("product_group",)) == {
        ("",): [(1, None), (1, 2), (1, 1), (50, 1), (50, None), (0, None)],
        ("Snacks",): [(2, None), (2, 2), (2, 2), (2_400, 2), (2_400, None), (6, None)],
        ("Water",): [(1, None), (1, 2), (2, 1), (5_700, 1), (4_500, None), (21, None)],
    }
    assert numbers("QUANTITY", group_by=("product", "position"))[("STILL", "REP-ANA")] == [
        (18, None)
    ]
    assert numbers("STRIKE_RATE", "NET_VALUE", product_group="Water")[()] == [
        (1, 2),
        (4_500, None),
    ]
    assert numbers("NET_VALUE", product_id=sparkling)[()] == [(900, None)]
    assert numbers("NET_VALUE", "ORDER_LINES")[()] == [(6_950, None), (5, None)]


def test_the_fill_rate_is_in_base_units_of_what_drivers_confirmed(
    owner_engine: Engine, cast: Cast, products: dict[str, UUID], numbers: Numbers
) -> None:
    with owner_engine.begin() as connection:
        order = add_order(
            connection,
            cast.company,
            cast.ana,
            cast.ana_stores[0],
            [(products["still"], 2, 4_800), (products["crisps"], 6, 400)],
            units=["CASE", "EA"],
            state="PARTIAL",
        )
        add_delivery(connection, cast.company, order, [(1, 1, 0), (2, 5, 1)])
        add_order(
            connection, cast.company, cast.ana, cast.ana_stores[1], [(products["crisps"], 9, 9)]
        )
    assert numbers("FILL_RATE")[()] == [(17, 30)]
    assert numbers("FILL_RATE", group_by=("product_group",)) == {
        ("Snacks",): [(5, 6)],
        ("Water",): [(12, 24)],
    }


def test_currencies_are_never_added(read: Any, owner_engine: Engine, cast: Cast) -> None:
    with owner_engine.begin() as connection:
        for place, (currency, total) in enumerate((("CNY", 300), ("USD", 50), ("CNY", 100))):
            store = cast.ana_stores[place]
            add_visit(connection, cast.company, cast.ana, store, hour=9 + place)
            add_order(
                connection, cast.company, cast.ana, store, [(uuid4(), 1, total)], currency=currency
            )
    (group,) = read("DROP_SIZE", "NET_VALUE", "PC")
    assert [(f.measure, f.currency, f.numerator, f.denominator) for f in group.figures] == [
        ("DROP_SIZE", "CNY", 400, 2),
        ("DROP_SIZE", "USD", 50, 1),
        ("NET_VALUE", "CNY", 400, None),
        ("NET_VALUE", "USD", 50, None),
        ("PC", None, 3, None),
    ]


@pytest.mark.parametrize(
    ("events", "minutes"),
    [
        ([("ON", 8, 0), ("OFF", 17, 0)], 540),
        ([("ON", 8, 0), ("BREAK", 12, 0), ("ON", 13, 0), ("OFF", 17, 0)], 480),
        ([("ON", 8, 0), ("ON", 9, 0), ("OFF", 10, 0), ("OFF", 11, 0)], 120),
        ([("BREAK", 7, 0), ("ON", 8, 0), ("OFF", 10, 0)], 120),
        # It goes on: up to now, which is 18:00.
        ([("ON", 8, 0)], 600),
    ],
)
def test_working_time_is_told_like_the_reading_of_a_day(
    owner_engine: Engine,
    cast: Cast,
    numbers: Numbers,
    events: list[tuple[str, int, int]],
    minutes: int,
) -> None:
    with owner_engine.begin() as connection:
        add_duty(connection, cast.company, cast.ana, events)
    assert numbers("WORKING_TIME")[()] == [(minutes, 1)]
    assert numbers("WORKING_TIME", group_by=("person",)) == {("Ana",): [(minutes, 1)]}


def test_a_day_that_was_not_closed_ends_at_its_last_evidence(
    owner_engine: Engine, cast: Cast, numbers: Numbers
) -> None:
    yesterday = TODAY - timedelta(days=1)
    with owner_engine.begin() as connection:
        add_duty(connection, cast.company, cast.ana, [("ON", 8, 0)], day=yesterday)
        add_visit(connection, cast.company, cast.ana, cast.ana_stores[0], day=yesterday, hour=11)
        add_duty(connection, cast.company, cast.ben, [("ON", 8, 0)], day=yesterday)
    assert numbers("WORKING_TIME", group_by=("person",)) == {
        ("Ana",): [(200, 1)],
        ("Ben",): [(0, 1)],
    }


def test_store_checks_are_told_by_product(
    cast: Cast, facts: dict[str, UUID], numbers: Numbers
) -> None:
    assert numbers("OSA", "NUMERIC_DISTRIBUTION", group_by=("product",)) == {
        ("CRISPS",): [(0, 1), (0, 6)],
        ("SPARKLING",): [(1, 1), (1, 6)],
        ("STILL",): [(2, 2), (2, 6)],
    }
    assert numbers("NUMERIC_DISTRIBUTION", product_group="Water", group_by=("region",)) == {
        ("HARBOUR",): [(2, 6)],
        ("NORTH",): [(2, 3)],
        ("SOUTH",): [(0, 3)],
        ("WHARF",): [(2, 6)],
    }


def test_what_was_there_at_the_last_check_is_stocked(
    owner_engine: Engine,
    cast: Cast,
    products: dict[str, UUID],
    facts: dict[str, UUID],
    numbers: Numbers,
) -> None:
    with owner_engine.begin() as connection:
        visit = add_visit(
            connection, cast.company, cast.ana, cast.ana_stores[0], day=TOMORROW, hour=16
        )
        add_check(
            connection,
            cast.company,
            cast.ana,
            cast.ana_stores[0],
            visit,
            {"OSA": (0, 1)},
            by_product={products["sparkling"]: (0, 1)},
            day=TOMORROW,
            hour=16,
        )
    still, sparkling = products["still"], products["sparkling"]
    assert numbers("NUMERIC_DISTRIBUTION", product_id=still)[()] == [(2, 6)]
    assert numbers("NUMERIC_DISTRIBUTION", product_id=sparkling)[()] == [(0, 6)]
    assert numbers("NUMERIC_DISTRIBUTION", product_id=sparkling, last_day=TODAY)[()] == [(1, 6)]


def test_what_a_form_measured_is_the_store_s_of_its_visit_as_it_was_corrected(
    owner_engine: Engine, cast: Cast, products: dict[str, UUID], numbers: Numbers
) -> None:
    told, true, named = cast.ana_stores
    with owner_engine.begin() as connection:
        visit = add_visit(connection, cast.company, cast.ana, true)
        osa, by_product = {"OSA": (1, 2)}, {products["still"]: (1, 1)}
        for store, flags in ((told, []), (named, ["other_store"])):
            answer = add_check(
                connection, cast.company, cast.ana, store, visit, osa, by_product=by_product
            )
            connection.exec_driver_sql(
                "update form_answer set flags = %s where id = %s", (flags, answer)
            )
        for letter, store in (("A", told), ("B", true), ("C", named)):
            connection.exec_driver_sql(
                "update store set store_class = %s where id = %s", (letter, store)
            )
    for letter, over in (("A", 0), ("B", 1), ("C", 1)):
        assert numbers("OSA", store_class=letter).get((), [(0, 0)]) == [(over, 2 * over)]
        stocked = numbers(
            "NUMERIC_DISTRIBUTION",
            product_id=products["still"],
            store_class=letter,
            position_ids=[cast.ana.position_id],
        )
        assert stocked[()] == [(over, 1)]


def test_checks_of_a_visit_that_does_not_count_do_not_count(
    owner_engine: Engine, cast: Cast, facts: dict[str, UUID], numbers: Numbers
) -> None:
    decide(owner_engine, cast, facts["first"], "repeated_fix", "REJECTED", is_derived=True)
    assert numbers("OSA", "STORE_SCORE", "NUMERIC_DISTRIBUTION", "SHARE_OF_SHELF")[()] == [
        (1, 1),
        (37, 70),
        (1, 6),
        (0, 0),
    ]


def test_a_measure_that_a_form_does_not_say_is_nothing(
    owner_engine: Engine, cast: Cast, facts: dict[str, UUID], numbers: Numbers
) -> None:
    with owner_engine.begin() as connection:
        add_check(
            connection,
            cast.company,
            cast.ben,
            cast.ben_stores[0],
            facts["ben"],
            {"OSA": (None, 5), "SHARE_OF_SHELF": (1, 2)},
        )
    assert numbers("OSA", "SHARE_OF_SHELF")[()] == [(3, 4), (13, 42)]


def test_duty_is_not_told_by_store(read: Any) -> None:
    with pytest.raises(QuestionInvalid, match="channel"):
        read("WORKING_TIME", group_by=("channel",))


@pytest.mark.usefixtures("facts")
def test_an_asker_sees_what_they_may_and_their_own(numbers: Numbers, cast: Cast) -> None:
    assert numbers("TC", asker_id=cast.sam.id)[()] == [(4, None)]
    assert numbers("TC", "SC", asker_id=cast.ben.id)[()] == [(1, None), (2, None)]
    assert numbers("TC", asker_id=cast.ben.id, person_id=cast.ana.id)[()] == [(0, None)]
    assert numbers("TC", asker_id=cast.ben.id, region_id=cast.regions.north)[()] == [(0, None)]
    assert numbers("TC", asker_id=cast.ada.id)[()] == [(4, None)]


def test_nothing_of_another_company_is_counted(
    db: Database, owner_engine: Engine, cast: Cast, facts: dict[str, UUID], numbers: Numbers
) -> None:
    other = make_cast(owner_engine, db)
    with db.reading(other.company.id) as uow:
        question = Question(
            first_day=TODAY, last_day=TOMORROW, person_id=cast.ana.id, group_by=("person",)
        )
        assert read_measures(uow, question, list(MEASURES_BY_NAME)) == []


def test_every_measure_can_be_told_by_everything_it_has(read: Any, facts: dict[str, UUID]) -> None:
    for measure in MEASURES_BY_NAME:
        for by in DIMENSIONS:
            is_by_product = by in PRODUCTS
            if is_by_product and not MEASURES_BY_NAME[measure].numerator.has_products:
                with pytest.raises(QuestionInvalid, match="product"):
                    read(measure, group_by=(by,))
            elif measure not in ("WORKING_TIME", "DISTANCE") or by not in PLACES:
                read(measure, group_by=(by,))
        read(measure, group_by=("region", "person", "month"))


@pytest.mark.parametrize(
    "asked",
    [
        {"group_by": ("shoe size",)},
        {"group_by": ("day", "day")},
        {"group_by": ("day", "week", "month", "year")},
        {"first_day": date(2026, 3, 2), "last_day": date(2026, 3, 1)},
        {"first_day": date(1990, 1, 1)},
    ],
)
def test_a_question_out_of_bounds_is_refused(read: Any, asked: dict[str, Any]) -> None:
    with pytest.raises(QuestionInvalid):
        read("TC", **asked)


def test_an_unknown_measure_is_refused(read: Any) -> None:
    with pytest.raises(QuestionInvalid, match="one of SC, TC"):
        read("HAPPINESS")


@pytest.mark.usefixtures("facts")
@pytest.mark.parametrize("by", [(), ("region", "month", "channel")])
def test_a_question_costs_one_statement_for_each_family(
    read: Any, cast: Cast, monkeypatch: pytest.MonkeyPatch, by: tuple[str, ...]
) -> None:
    measures = [name for name in MEASURES_BY_NAME if name not in ("WORKING_TIME", "DISTANCE")]
    terms = [
        term
        for name in measures
        for term in (MEASURES_BY_NAME[name].numerator, MEASURES_BY_NAME[name].denominator)
        if term is not None
    ]
    families = {term.family for term in terms}
    with counted_statements(monkeypatch) as statements:
        read(*measures, group_by=by, region_id=cast.regions.wharf)
    # The company, the settings and the seats, and the names of regions.
    others = 3 + len(set(by) & {"region"})
    assert len([one for one in statements if "roadbook.company" not in one]) <= (
        len(families) + others
    )
