from collections.abc import Callable
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine

from server.measures.question import Question
from server.measures.reading import Group, read_measures
from sync.unit_of_work import Database
from tests.factories import TODAY, Cast, make_cast
from tests.measures_factories import (
    add_check,
    add_delivery,
    add_duty,
    add_frozen_plan,
    add_order,
    add_product,
    add_track,
    add_visit,
    moment,
)

Read = Callable[..., list[Group]]


@pytest.fixture(scope="session")
def db(engine: Engine) -> Database:
    return Database(engine)


@pytest.fixture
def cast(owner_engine: Engine, db: Database) -> Cast:
    return make_cast(owner_engine, db)


@pytest.fixture
def read(db: Database, cast: Cast) -> Read:
    """The figures of measures over the first two weeks of March; the question as keywords."""

    def ask(*measures: str, **asked: Any) -> list[Group]:
        asked = {"first_day": date(2026, 3, 1), "last_day": date(2026, 3, 14), **asked}
        with db.reading(cast.company.id) as uow:
            return read_measures(
                uow, Question(**asked), measures, now=moment(cast.company, TODAY, 18)
            )

    return ask


@pytest.fixture
def numbers(read: Read) -> Callable[..., dict[tuple[str, ...], list[tuple[int, int | None]]]]:
    """The same as names → (numerator, denominator) of each measure."""

    def ask(*measures: str, **asked: Any) -> dict[tuple[str, ...], list[tuple[int, int | None]]]:
        return {
            group.names: [(figure.numerator, figure.denominator) for figure in group.figures]
            for group in read(*measures, **asked)
        }

    return ask


@pytest.fixture
def products(owner_engine: Engine, cast: Cast) -> dict[str, UUID]:
    """Water in bottles and cases of 12, crisps in bags."""
    named = {}
    with owner_engine.begin() as connection:
        for number, (name, category, units) in enumerate(
            (
                ("still", "Water", {"EA": 1, "CASE": 12}),
                ("sparkling", "Water", {"EA": 1}),
                ("crisps", "Snacks", {"EA": 1}),
            ),
            start=1,
        ):
            named[name] = add_product(
                connection, cast.company, name, number=number, category=category, units=units
            )
    return named


@pytest.fixture
def facts(owner_engine: Engine, cast: Cast, products: dict[str, UUID]) -> dict[str, UUID]:
    """The two days of the small company on which docs/FORMULAS.md computes; some ids by name."""
    company, ana, ben = cast.company, cast.ana, cast.ben
    tomorrow = TODAY + timedelta(days=1)
    named: dict[str, UUID] = {}
    with owner_engine.begin() as connection:
        add_frozen_plan(connection, company, ana.position_id, TODAY, cast.ana_stores)
        add_frozen_plan(connection, company, ben.position_id, TODAY, cast.ben_stores[:2])
        add_duty(
            connection,
            company,
            ana,
            [("ON", 8, 0), ("BREAK", 12, 0), ("ON", 13, 0), ("OFF", 17, 0)],
        )
        add_duty(connection, company, ben, [("ON", 8, 30), ("OFF", 15, 0)])
        named["first"] = add_visit(connection, company, ana, cast.ana_stores[0], hour=9)
        named["second"] = add_visit(connection, company, ana, cast.ana_stores[1], hour=10)
        add_visit(connection, company, ana, cast.ben_stores[0], hour=11)
        add_visit(connection, company, ana, cast.ana_stores[0], day=tomorrow, hour=9)
        add_visit(connection, company, ana, cast.ana_stores[0], day=tomorrow, hour=15)
        named["ben"] = add_visit(connection, company, ben, cast.ben_stores[0], hour=9)
        add_visit(connection, company, ben, cast.ben_stores[1], hour=12, is_by_phone=True)
        named["order"] = add_order(
            connection,
            company,
            ana,
            cast.ana_stores[0],
            [(products["still"], 2, 4_000), (products["crisps"], 1, 1_500)],
            units=["CASE", "EA"],
            state="PARTIAL",
        )
        add_delivery(connection, company, named["order"], [(1, 1, 1), (2, 1, 0)])
        add_check(
            connection,
            company,
            ana,
            cast.ana_stores[0],
            named["first"],
            {
                "OSA": (2, 3),
                "SHARE_OF_SHELF": (12, 40),
                "STOCK_AGE": (34, 2),
                "FRESHNESS": (113, 240),
                "STORE_SCORE": (55, 100),
            },
            by_product={
                products["still"]: (1, 1),
                products["sparkling"]: (1, 1),
                products["crisps"]: (0, 1),
            },
        )
        add_check(
            connection,
            company,
            ana,
            cast.ana_stores[1],
            named["second"],
            {"OSA": (1, 1), "STORE_SCORE": (37, 70)},
            by_product={products["still"]: (1, 1)},
        )
        add_track(connection, company, ana, from_hour=8, until_hour=12, distance_cm=1_250_000)
        add_track(connection, company, ana, from_hour=13, until_hour=17, distance_cm=850_000)
        add_order(connection, company, ben, cast.ben_stores[1], [(products["still"], 3, 900)])
    return named
