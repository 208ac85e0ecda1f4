"""Behind each figure are the facts that it was made from, and none besides."""

from collections.abc import Callable
from datetime import date
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Engine

from server.measures.behind import Behind, facts_behind, read_behind
from server.measures.errors import QuestionInvalid
from server.measures.figures import MEASURES_BY_NAME
from server.measures.question import Question
from sync.unit_of_work import Database
from tests.factories import TODAY, Cast
from tests.measures_factories import add_duty, add_frozen_plan, add_order, add_visit, moment

ReadBehind = Callable[..., list[Behind]]


@pytest.fixture
def behind(db: Database, cast: Cast) -> ReadBehind:
    def ask(facts: str, *, page: dict[str, Any] | None = None, **asked: Any) -> list[Behind]:
        asked = {"first_day": date(2026, 3, 1), "last_day": date(2026, 3, 14), **asked}
        with db.reading(cast.company.id) as uow:
            return read_behind(uow, Question(**asked), facts, **(page or {}))

    return ask


@pytest.fixture
def day(owner_engine: Engine, cast: Cast) -> Cast:
    """Ana's day: two of three planned stores visited, one of them by an order; a call by phone with one."""
    company, ana = cast.company, cast.ana
    with owner_engine.begin() as connection:
        add_frozen_plan(connection, company, ana.position_id, TODAY, cast.ana_stores)
        add_visit(connection, company, ana, cast.ana_stores[0], hour=9)
        add_visit(connection, company, ana, cast.ana_stores[1], hour=10, verdict="OFFSITE")
        add_visit(connection, company, ana, cast.ana_stores[2], hour=11, is_by_phone=True)
        add_order(connection, company, ana, cast.ana_stores[0], [(uuid4(), 1, 700)])
        add_order(connection, company, ana, cast.ana_stores[2], [(uuid4(), 1, 300)])
        add_order(
            connection, company, ana, cast.ana_stores[0], [(uuid4(), 1, 50)], order_type="RETURN"
        )
        add_duty(connection, company, ana, [("ON", 8, 0), ("OFF", 12, 0)])
    return cast


@pytest.mark.usefixtures("day")
def test_visits_are_those_that_count(behind: ReadBehind) -> None:
    (visit,) = behind("visits")
    assert (visit.store_code, visit.person_name, visit.position_code) == (
        "ANCHOR",
        "Ana",
        "REP-ANA",
    )
    assert (visit.day, visit.at, visit.left_out) == (TODAY, visit.at, ())


@pytest.mark.usefixtures("day")
def test_what_was_left_out_says_why(behind: ReadBehind) -> None:
    found = behind("visits", page={"with_left_out": True})
    assert [(each.store_code, each.left_out) for each in found] == [
        ("ANCHOR", ()),
        ("BEACON", ("waits offsite",)),
        ("COMPASS", ("by_phone",)),
    ]


@pytest.mark.usefixtures("day")
def test_stops_say_whether_they_were_visited(behind: ReadBehind) -> None:
    assert {(each.store_code, each.numbers["visited"]) for each in behind("stops")} == {
        ("ANCHOR", 1),
        ("BEACON", 0),
        ("COMPASS", 0),
    }


def test_stops_say_who_was_to_visit_them_whoever_is_asked_about(
    behind: ReadBehind, day: Cast
) -> None:
    for asked in ({}, {"person_id": day.ana.id}):
        assert {each.person_id for each in behind("stops", **asked)} == {day.ana.id}


@pytest.mark.usefixtures("day")
def test_sales_are_those_at_stores_visited_and_orders_are_all(behind: ReadBehind) -> None:
    (sale,) = behind("sales")
    assert (sale.numbers, sale.currency) == ({"value": 700}, "CNY")
    assert sorted(each.numbers["value"] for each in behind("orders")) == [-50, 300, 700]


@pytest.mark.usefixtures("day")
def test_stores_and_duty(behind: ReadBehind) -> None:
    assert len(behind("stores")) == 6
    (on,) = behind("duty")
    assert on.numbers == {"worked_ms": 4 * 3_600_000}


@pytest.mark.usefixtures("day")
def test_a_group_has_its_own_facts(behind: ReadBehind, day: Cast) -> None:
    asked = {"group_by": ("region", "month")}
    north, south = str(day.regions.north), str(day.regions.south)
    assert len(behind("visits", page={"key": (north, "2026-03")}, **asked)) == 1
    assert behind("visits", page={"key": (south, "2026-03")}, **asked) == []
    assert len(behind("stores", page={"key": (south, "2026-03")}, **asked)) == 3
    harbour = str(day.regions.harbour)
    assert len(behind("orders", page={"key": (harbour, "2026-03")}, **asked)) == 3


@pytest.mark.usefixtures("day")
def test_pages_follow_one_another(behind: ReadBehind) -> None:
    found: list[Behind] = []
    while page := behind("stops", page={"after": found[-1] if found else None, "at_most": 2}):
        found += page
    assert len({each.store_id for each in found}) == len(found) == 3


@pytest.mark.usefixtures("day")
def test_an_asker_sees_only_what_is_behind_their_own_figures(behind: ReadBehind, day: Cast) -> None:
    for facts in ("visits", "stops", "sales", "orders", "duty"):
        assert behind(facts, asker_id=day.ben.id) == []
        seen = [each.id for each in behind(facts, asker_id=day.sam.id)]
        assert seen == [each.id for each in behind(facts)]
    assert len(behind("stores", asker_id=day.ben.id)) == 3


def test_the_facts_behind_a_figure_add_up_to_it(
    owner_engine: Engine, day: Cast, behind: ReadBehind, numbers: Any
) -> None:
    with owner_engine.begin() as connection:
        for place in (0, 1):
            add_visit(connection, day.company, day.ben, day.ben_stores[place], hour=14)
            add_order(connection, day.company, day.ben, day.ben_stores[place], [(uuid4(), 2, 40)])
    figures = numbers("DROP_SIZE", "NET_VALUE", "TC", "COVERAGE")[()]
    sales = behind("sales")
    assert (sum(each.numbers["value"] for each in sales), len(sales)) == figures[0]
    assert sum(each.numbers["value"] for each in behind("orders")) == figures[1][0]
    assert len({(each.store_id, each.day) for each in behind("visits")}) == figures[2][0]
    stops = behind("stops")
    assert (sum(each.numbers["visited"] for each in stops), len(stops)) == figures[3]


def test_every_measure_says_what_is_behind_it(behind: ReadBehind) -> None:
    for measure in MEASURES_BY_NAME:
        for facts in facts_behind(measure):
            assert isinstance(behind(facts), list)
    assert facts_behind("STRIKE_RATE_PLANNED") == ("sales", "stops")


def test_a_page_of_what_there_is_not_is_refused(behind: ReadBehind) -> None:
    with pytest.raises(QuestionInvalid):
        behind("dreams")
    with pytest.raises(QuestionInvalid):
        behind("visits", group_by=("day",), page={"key": ()})
    with pytest.raises(QuestionInvalid):
        facts_behind("HAPPINESS")


def test_the_moment_of_a_stop_is_the_begin_of_its_day(behind: ReadBehind, day: Cast) -> None:
    assert {each.at for each in behind("stops")} == {moment(day.company, TODAY, 0)}
