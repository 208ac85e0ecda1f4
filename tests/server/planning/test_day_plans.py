from collections.abc import Callable
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine

from server.identity.change_log import Actor
from server.planning.day_plans import (
    freeze_day_plans,
    make_day_plans,
    plan_id,
    set_plan_stops,
)
from server.planning.errors import NoSuchPlan, StopsInvalid
from server.planning.routes import set_stops
from server.planning.rules import Stop
from server.planning.stores import close_stores
from sync.unit_of_work import Database, UnitOfWork
from tests import factories
from tests.factories import TODAY, Cast, Person, rule

MONDAY, FRIDAY = date(2026, 3, 9), date(2026, 3, 13)


def planned_days(uow: UnitOfWork, position_id: UUID) -> dict[date, list[UUID]]:
    """The stores of each plan as it stands, by day."""
    rows = uow.rows(
        "select p.day, array(select s.store_id from day_plan_stop s"
        " where s.company_id = p.company_id and s.day_plan_id = p.id"
        " and s.plan_version = p.plan_version order by s.sequence) as stores"
        " from day_plan p where p.position_id = :position order by p.day",
        position=position_id,
    )
    return {row.day: row.stores for row in rows}


def weekly(cast: Cast, weekday: int, **changed: Any) -> list[Stop]:
    return [Stop(cast.ana_stores[0], rule(weekdays=[weekday], **changed))]


@pytest.mark.parametrize(
    ("on_holiday", "days"),
    [
        ("SKIP", [date(2026, 3, 16)]),
        ("NEXT", [date(2026, 3, 10), date(2026, 3, 16)]),
        ("PREVIOUS", [date(2026, 3, 7), date(2026, 3, 16)]),
    ],
)
def test_a_stop_due_on_a_holiday_does_what_its_rule_says(
    cast: Cast, db: Database, owner_engine: Engine, office: Actor, on_holiday: str, days: list[date]
) -> None:
    with owner_engine.begin() as connection:
        factories.add_holiday(connection, cast.company, MONDAY)
    with db.company(cast.company.id) as uow:
        set_stops(uow, office, cast.ana_route, weekly(cast, 1, on_holiday=on_holiday), today=TODAY)
        made = planned_days(uow, cast.ana.position_id)
    assert list(made) == days


def test_a_moved_stop_passes_over_holidays_and_days_off(
    cast: Cast, db: Database, owner_engine: Engine, office: Actor
) -> None:
    saturday = FRIDAY + timedelta(days=1)
    with owner_engine.begin() as connection:
        factories.add_holiday(connection, cast.company, FRIDAY)
        factories.add_holiday(connection, cast.company, saturday)
    with db.company(cast.company.id) as uow:
        set_stops(uow, office, cast.ana_route, weekly(cast, 5, on_holiday="NEXT"), today=TODAY)
        made = planned_days(uow, cast.ana.position_id)
    assert list(made) == [date(2026, 3, 6), date(2026, 3, 16)]


def test_a_cycle_of_weeks_is_counted_from_its_anchor(
    cast: Cast, db: Database, office: Actor
) -> None:
    every_other = weekly(cast, 3, cycle_weeks=2, week_groups=[1], anchor="2026-03-02")
    with db.company(cast.company.id) as uow:
        set_stops(uow, office, cast.ana_route, every_other, today=TODAY)
        made = planned_days(uow, cast.ana.position_id)
    assert list(made) == [date(2026, 3, 11)]


def test_stops_stand_in_the_order_of_the_route_and_a_store_of_two_routes_once(
    cast: Cast, db: Database, owner_engine: Engine
) -> None:
    a, b, c = cast.ana_stores
    with owner_engine.begin() as connection:
        factories.add_route(
            connection,
            cast.company,
            "Alley round",
            position_id=cast.ana.position_id,
            store_ids=[c, a],
        )
    with db.company(cast.company.id) as uow:
        make_day_plans(uow, [cast.ana.position_id], TODAY, TODAY, today=TODAY)
        assert planned_days(uow, cast.ana.position_id) == {TODAY: [c, a, b]}


def test_making_plans_again_changes_nothing(planned: Cast, db: Database) -> None:
    with db.company(planned.company.id) as uow:
        positions = [planned.ana.position_id, planned.ben.position_id]
        before = uow.rows("select id, version from record order by id")
        done = make_day_plans(uow, positions, TODAY, TODAY + timedelta(days=14), today=TODAY)
        assert (done.made, done.remade, done.versioned) == (0, 0, 0)
        assert uow.rows("select id, version from record order by id") == before


def test_a_frozen_plan_gets_a_new_version_and_both_stay(
    planned: Cast, db: Database, office: Actor
) -> None:
    cast = planned
    one, two, _ = cast.ana_stores
    with db.company(cast.company.id) as uow:
        set_stops(uow, office, cast.ana_route, [Stop(two, rule()), Stop(one, rule())], today=TODAY)
        rows = uow.rows(
            "select plan_version, array_agg(store_id order by sequence) as stores"
            " from day_plan_stop where day_plan_id = :plan group by 1 order by 1",
            plan=plan_id(cast.ana.position_id, TODAY),
        )
    assert [(row.plan_version, row.stores) for row in rows] == [
        (1, list(cast.ana_stores)),
        (2, [two, one]),
    ]


def test_a_plan_that_has_not_begun_is_made_again_in_place(
    planned: Cast, db: Database, office: Actor
) -> None:
    cast = planned
    with db.company(cast.company.id) as uow:
        set_stops(uow, office, cast.ana_route, [Stop(cast.ana_stores[0], rule())], today=TODAY)
        rows = uow.rows(
            "select plan_version, count(*) as stops from day_plan_stop"
            " where day_plan_id = :plan group by 1",
            plan=plan_id(cast.ana.position_id, TODAY + timedelta(days=1)),
        )
    assert [(row.plan_version, row.stops) for row in rows] == [(1, 1)]


def test_days_that_are_past_are_never_planned_again(
    planned: Cast, db: Database, office: Actor
) -> None:
    cast = planned
    with db.company(cast.company.id) as uow:
        before = planned_days(uow, cast.ana.position_id)
        set_stops(uow, office, cast.ana_route, [], today=TODAY)
        after = planned_days(uow, cast.ana.position_id)
    past = [day for day in before if day < TODAY]
    assert past
    assert all(after[day] == before[day] for day in past)
    assert all(after[day] == [] for day in after if day >= TODAY)


def test_a_plan_set_by_hand_is_a_new_version_that_keeps_the_routes_of_its_stops(
    planned: Cast, db: Database, office: Actor
) -> None:
    cast = planned
    plan = plan_id(cast.ana.position_id, TODAY)
    chosen = [cast.ana_stores[1], cast.ben_stores[0]]
    with db.company(cast.company.id) as uow:
        version = set_plan_stops(uow, office, plan, chosen, today=TODAY)
        rows = uow.rows(
            "select store_id, route_id from day_plan_stop where day_plan_id = :plan"
            " and plan_version = :version order by sequence",
            plan=plan,
            version=version,
        )
    assert version == 2
    assert [tuple(row) for row in rows] == [
        (cast.ana_stores[1], cast.ana_route),
        (cast.ben_stores[0], None),
    ]


def test_a_plan_by_hand_takes_stores_that_exist_once_each(
    planned: Cast, db: Database, office: Actor
) -> None:
    plan = plan_id(planned.ana.position_id, TODAY)
    store_id = planned.ana_stores[0]
    for wrong in ([store_id, store_id], [planned.company.named("nothing")]):
        with pytest.raises(StopsInvalid), db.company(planned.company.id) as uow:
            set_plan_stops(uow, office, plan, wrong, today=TODAY)
    with pytest.raises(NoSuchPlan), db.company(planned.company.id) as uow:
        set_plan_stops(uow, office, planned.company.named("nothing"), [], today=TODAY)


def test_freezing_marks_the_plans_up_to_today_in_bounded_batches(cast: Cast, db: Database) -> None:
    with db.company(cast.company.id) as uow:
        make_day_plans(
            uow,
            [cast.ana.position_id],
            TODAY - timedelta(days=2),
            TODAY + timedelta(days=2),
            today=TODAY,
        )
        assert freeze_day_plans(uow, TODAY, at_most=2) == 2
        assert freeze_day_plans(uow, TODAY, at_most=2) == 1
        frozen = uow.rows("select day from day_plan where frozen_at is not null order by day")
    assert [row.day for row in frozen] == [TODAY - timedelta(days=n) for n in (2, 1, 0)]


def test_only_plans_within_the_phones_window_are_on_phones(
    cast: Cast, db: Database, visible_to: Callable[[Person], set[UUID]]
) -> None:
    with db.company(cast.company.id) as uow:
        make_day_plans(
            uow,
            [cast.ana.position_id],
            TODAY - timedelta(days=20),
            TODAY + timedelta(days=30),
            today=TODAY,
        )
        days = planned_days(uow, cast.ana.position_id)
    on_phone = visible_to(cast.ana)
    for day in days:
        is_within = TODAY - timedelta(days=7) <= day <= TODAY + timedelta(days=14)
        assert (plan_id(cast.ana.position_id, day) in on_phone) is is_within


def test_a_closed_store_leaves_its_routes_and_the_plans_from_today_on(
    planned: Cast, db: Database, office: Actor
) -> None:
    cast = planned
    closed = cast.ana_stores[1]
    with db.company(cast.company.id) as uow:
        close_stores(uow, office, [closed], today=TODAY)
        days = planned_days(uow, cast.ana.position_id)
        left = uow.rows("select store_id from route_stop where store_id = :store", store=closed)
    assert left == []
    assert closed in days[TODAY - timedelta(days=1)]
    assert all(closed not in stores for day, stores in days.items() if day >= TODAY)


def test_the_queries_of_making_plans_do_not_grow_with_days(
    cast: Cast, db: Database, count_queries: Callable[[], Any]
) -> None:
    counts = []
    for first, last in ((0, 3), (10, 40)):
        with db.company(cast.company.id) as uow, count_queries() as statements:
            make_day_plans(
                uow,
                [cast.ana.position_id, cast.ben.position_id],
                TODAY + timedelta(days=first),
                TODAY + timedelta(days=last),
                today=TODAY,
            )
        counts.append(len(statements))
    assert counts[0] == counts[1]
