"""Figures read from the days that are kept by month are those of the facts, whatever happened since they were counted."""

from collections.abc import Sequence
from datetime import date, timedelta
from random import Random
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, Engine, insert, text

from server.measures import reading
from server.measures.counting import are_counted, count_all_days, keep_days_counted
from server.measures.question import Question
from server.measures.reading import Group, read_measures
from sync.engine import Engine as SyncEngine
from sync.kinds import ALL_KINDS
from sync.kinds.visit.table import flag_decision
from sync.organisation import division, store_division
from sync.policy import current_policy
from sync.unit_of_work import Database
from tests.factories import TODAY, Cast, add_occupancy, add_policy
from tests.measures_factories import add_frozen_plan, add_visit, moment
from tests.server.measures.test_against_facts import DAYS, make_up
from tests.sync.talking import Phone

FIGURES = (
    "TC",
    "VISITED_STORES",
    "COVERAGE",
    "PC",
    "DROP_SIZE",
    "LINES_PER_CALL",
    "ACTIVE_COVERAGE",
)
BY_PRODUCT = ("PC", "DROP_SIZE", "LINES_PER_CALL")
GROUPINGS: Sequence[tuple[str, ...]] = (
    *((), ("person",), ("position",), ("region",), ("division",), ("channel",)),
    *(
        ("day",),
        ("week",),
        ("month",),
        ("person", "day"),
        ("division", "week"),
        ("day", "week", "month"),
    ),
    ("position", "month"),
)


def both_ways(
    db: Database, cast: Cast, monkeypatch: pytest.MonkeyPatch, measures: Sequence[str], **asked: Any
) -> tuple[list[Group], list[Group]]:
    """The figures as they are read, and from the facts alone."""
    question = Question(**{"first_day": DAYS[0], "last_day": DAYS[-1], **asked})
    now = moment(cast.company, TODAY, 18)
    with db.reading(cast.company.id) as uow:
        assert are_counted(uow, current_policy(uow)[1])
        kept = read_measures(uow, question, measures, now=now)
        with monkeypatch.context() as patch:
            patch.setattr(reading, "are_counted", lambda *_: False)
            return kept, read_measures(uow, question, measures, now=now)


def compare(db: Database, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every family, told apart and narrowed in many ways."""
    asked: list[tuple[Sequence[str], dict[str, Any]]] = [
        (FIGURES, {"group_by": by}) for by in GROUPINGS
    ]
    asked += [
        (BY_PRODUCT, {"group_by": ("product_group", "week")}),
        (FIGURES, {"person_id": cast.ana.id, "group_by": ("day",)}),
        (FIGURES, {"position_ids": [cast.ben.position_id], "group_by": ("person",)}),
        (FIGURES, {"channel": "kiosk"}),
        (FIGURES, {"asker_id": cast.ana.id}),
        (FIGURES, {"asker_id": cast.sam.id, "group_by": ("region",)}),
        (FIGURES, {"first_day": DAYS[1], "last_day": DAYS[2], "group_by": ("position",)}),
        (FIGURES, {"first_day": DAYS[1], "last_day": DAYS[1]}),
        (
            FIGURES,
            {
                "first_day": DAYS[0] - timedelta(days=40),
                "last_day": DAYS[2],
                "group_by": ("month",),
            },
        ),
        (FIGURES, {"first_day": DAYS[0] - timedelta(days=40), "last_day": DAYS[2]}),
    ]
    for measures, question in asked:
        kept, told = both_ways(db, cast, monkeypatch, measures, **question)
        assert _told(kept) == _told(told), question


def _told(groups: Sequence[Group]) -> dict[tuple[str, ...], Any]:
    """Without the groups in which there is nothing."""
    return {
        group.key: group.figures
        for group in groups
        if any(figure.numerator or figure.denominator for figure in group.figures)
    }


def notes(db: Database, cast: Cast) -> int:
    with db.reading(cast.company.id) as uow:
        return len(uow.rows("select from days_changed"))


@pytest.mark.parametrize("seed", range(2))
def test_figures_of_days_are_those_of_facts_before_and_after_what_changed_is_counted(
    db: Database,
    cast: Cast,
    products: dict[str, UUID],
    owner_engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
    seed: int,
) -> None:
    random = Random(seed)
    keep_days_counted(db, cast.company.id)
    make_up(owner_engine, cast, products, seed)
    # Nothing of it is counted yet: all of it comes late.
    compare(db, cast, monkeypatch)
    assert keep_days_counted(db, cast.company.id) > 0
    assert notes(db, cast) == 0
    compare(db, cast, monkeypatch)
    with owner_engine.begin() as connection:
        change_much(connection, cast, random)
    compare(db, cast, monkeypatch)
    keep_days_counted(db, cast.company.id)
    compare(db, cast, monkeypatch)
    # Counted as a whole it is the same.
    assert count_all_days(db, cast.company.id, ["mock_location", "offsite"])
    compare(db, cast, monkeypatch)


def change_much(connection: Connection, cast: Cast, random: Random) -> None:
    """Corrections, decisions, plans made anew, a stand-in, other divisions, channels and regions, visits of
    another month.
    """
    company, ids = cast.company, {"company": cast.company.id}
    visits = connection.execute(
        text("select id, business_day from visit where company_id = :company order by id"), ids
    ).all()
    some = random.sample(visits, 12)
    corrections = (
        ("store_id", cast.ben_stores[0]),
        ("position_id", None),
        ("position_id", cast.ben.position_id),
        ("verdict", "OFFSITE"),
        ("flags", ["mock_location"]),
        ("state", "SKIPPED"),
    )
    for (column, value), (visit_id, _) in zip(corrections, some, strict=False):
        connection.execute(
            text(f"update visit set {column} = :value where company_id = :company and id = :id"),
            {**ids, "value": value, "id": visit_id},
        )
    for visit_id, day in some[6:]:
        connection.execute(
            insert(flag_decision).values(
                company_id=company.id,
                visit_id=visit_id,
                flag=random.choice(["onsite", "offsite", "mock_location"]),
                number=9,
                decision=random.choice(["ACCEPTED", "REJECTED"]),
                is_derived=random.random() < 0.3,
                business_day=day,
                reason="seen",
                decided_by="Sam",
            )
        )
    connection.execute(
        text(
            "update day_plan set plan_version = plan_version + 1 where company_id = :company"
            " and position_id = :position and day = :day"
        ),
        {**ids, "position": cast.ana.position_id, "day": DAYS[0]},
    )
    connection.execute(
        text(
            "delete from day_plan_stop t using day_plan q where q.company_id = :company and q.id = t.day_plan_id"
            " and t.company_id = q.company_id and q.day = :day and t.sequence = 0"
        ),
        {**ids, "day": DAYS[1]},
    )
    orders = connection.execute(
        text("select id from order_header where company_id = :company order by id"), ids
    ).scalars()
    changes: Sequence[tuple[str, Any]] = (
        ("state", "CANCELLED"),
        ("state", "CLOSED"),
        ("server_total_minor", 12_300),
        ("server_total_minor", 0),
        ("position_id", None),
        ("store_id", cast.ana_stores[0]),
        ("currency", "EUR"),
    )
    for (name, new), order_id in zip(changes, random.sample(list(orders), 7), strict=True):
        connection.execute(
            text(
                f"update order_header set {name} = :value where company_id = :company and id = :id"
            ),
            {**ids, "value": new, "id": order_id},
        )
    before = DAYS[0] - timedelta(days=30)
    plan = add_frozen_plan(connection, company, cast.ana.position_id, before, cast.ana_stores)
    add_visit(connection, company, cast.ben, cast.ana_stores[0], day=before, day_plan_id=plan)
    add_visit(connection, company, cast.ana, cast.ben_stores[1], day=before + timedelta(days=1))
    add_occupancy(
        connection,
        company,
        position_id=cast.ana.position_id,
        person_id=cast.mia.id,
        starts_on=DAYS[1],
        ends_on=DAYS[2],
        is_acting=True,
    )
    drinks, snacks = company.named("drinks"), company.named("snacks")
    for id_, code in ((drinks, "DRINKS"), (snacks, "SNACKS")):
        connection.execute(
            insert(division).values(company_id=company.id, id=id_, code=code, name=code)
        )
    connection.execute(
        insert(store_division),
        [
            {"company_id": company.id, "store_id": store, "division_id": id_}
            for store, id_ in (
                (cast.ben_stores[0], drinks),
                (cast.ben_stores[0], snacks),
                (cast.ana_stores[1], snacks),
            )
        ],
    )
    connection.execute(
        text("update position set division_id = :division where id = :id"),
        {"division": drinks, "id": cast.ana.position_id},
    )
    connection.execute(
        text("update store set channel = 'kiosk' where id = any(:ids)"),
        {"ids": [cast.ana_stores[1], cast.ben_stores[2]]},
    )
    connection.execute(
        text("update position set region_id = :region where id = :id"),
        {"region": cast.regions.south, "id": cast.ana.position_id},
    )


def test_with_other_flags_to_accept_facts_are_read_until_all_is_counted_anew(
    db: Database,
    cast: Cast,
    products: dict[str, UUID],
    owner_engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_up(owner_engine, cast, products, 5)
    keep_days_counted(db, cast.company.id)
    question = Question(first_day=DAYS[0], last_day=DAYS[-1])

    def visited() -> int:
        with db.reading(cast.company.id) as uow:
            (group,) = read_measures(uow, question, ["TC"])
        return group.figures[0].numerator

    before = visited()
    with owner_engine.begin() as connection:
        add_policy(connection, cast.company, version=2, flags_to_accept=["too_short", "offsite"])
    with db.reading(cast.company.id) as uow:
        assert not are_counted(uow, current_policy(uow)[1])
    after = visited()
    assert after != before
    keep_days_counted(db, cast.company.id)
    assert visited() == after
    compare(db, cast, monkeypatch)


def test_a_visit_that_a_phone_sends_is_noted_once_and_its_check_out_is_not(
    db: Database, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_days_counted(db, cast.company.id)
    phone = Phone(SyncEngine(db, ALL_KINDS, b"secret" * 6), cast.ana.device)
    item = phone.visit(cast.ana_stores[0])
    assert phone.statuses(item) == ["applied"]
    assert notes(db, cast) == 1
    assert keep_days_counted(db, cast.company.id) == 1
    assert phone.statuses(phone.finish(item["entity_id"])) == ["applied"]
    assert notes(db, cast) == 0
    compare(db, cast, monkeypatch)


def test_a_month_that_is_counted_has_a_bit_for_each_day(
    db: Database, cast: Cast, owner_engine: Engine
) -> None:
    days = [date(2026, 3, 1), date(2026, 3, 2), date(2026, 3, 31)]
    with owner_engine.begin() as connection:
        for day in days:
            add_visit(connection, cast.company, cast.ana, cast.ana_stores[0], day=day)
    keep_days_counted(db, cast.company.id)
    with db.reading(cast.company.id) as uow:
        rows = uow.rows("select month, days from visited_days")
    assert [(row.month, row.days) for row in rows] == [(date(2026, 3, 1), 1 | 2 | 1 << 30)]
