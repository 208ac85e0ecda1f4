"""The six weeks of positions are what their plans will be, however many are looked at."""

from uuid import UUID

from sqlalchemy import Engine

from server.planning.day_plans import make_day_plans
from server.planning.workload import read_calendar, read_workloads, six_weeks
from sync.policy import Policy
from sync.unit_of_work import Database
from tests import factories
from tests.factories import TODAY, Cast, rule

POLICY = Policy(call_min=12, call_min_by_channel={"kiosk": 5}, travel_speed_kmh=20)


def test_a_workload_is_what_the_plans_will_be(
    cast: Cast, db: Database, owner_engine: Engine
) -> None:
    """Also for a store that two routes bring on one day, and with a holiday."""
    with owner_engine.begin() as connection:
        factories.add_holiday(connection, cast.company, TODAY)
        kiosk = factories.add_store(connection, cast.company, "Kiosk", channel="kiosk")
        factories.add_route(
            connection,
            cast.company,
            "Another round",
            position_id=cast.ana.position_id,
            store_ids=[cast.ana_stores[1], kiosk],
            stop_rule=rule(weekdays=[2, 3], cycle_weeks=2, on_holiday="NEXT"),
        )
    first, last = six_weeks(TODAY)
    positions = [cast.ben.position_id, cast.mia.position_id, cast.ana.position_id]
    with db.company(cast.company.id) as uow:
        make_day_plans(uow, positions, first, last, today=TODAY)
        calendar = read_calendar(uow, POLICY)
        loads = read_workloads(
            uow, positions, first, last, policy=POLICY, calendar=calendar, with_stores=True
        )
        rows = uow.rows(
            "select p.position_id, p.day, array_agg(s.store_id order by s.sequence) as stores"
            " from day_plan p join day_plan_stop s on s.day_plan_id = p.id"
            " and s.plan_version = p.plan_version group by 1, 2"
        )
    planned: dict[UUID, dict[object, tuple[UUID, ...]]] = {id_: {} for id_ in positions}
    for row in rows:
        planned[row.position_id][row.day] = tuple(row.stores)
    for position_id in positions:
        assert {day.day: day.stores for day in loads[position_id].days} == planned[position_id]
    assert loads[cast.mia.position_id].visits == 0


def test_a_day_has_the_minutes_of_its_calls_and_of_its_way(cast: Cast, db: Database) -> None:
    first, last = six_weeks(TODAY)
    with db.reading(cast.company.id) as uow:
        loads = read_workloads(
            uow,
            [cast.ana.position_id, cast.ben.position_id],
            first,
            last,
            policy=POLICY,
            calendar=read_calendar(uow, POLICY),
        )
    day = loads[cast.ana.position_id].days[0]
    # Three stores in a row, 221.8 m from one to the next.
    assert (day.visits, day.call_min, day.travel_m, day.travel_min) == (3, 36, 444, 2)
    # The last of Ben's has no pin.
    assert loads[cast.ben.position_id].days[0].travel_m == 222
    assert loads[cast.ana.position_id].visits_a_day_tenths == 30


def test_positions_without_a_stop_have_days_without_anything(cast: Cast, db: Database) -> None:
    first, last = six_weeks(TODAY)
    with db.reading(cast.company.id) as uow:
        calendar = read_calendar(uow, POLICY)
        for positions in ([], [cast.mia.position_id]):
            loads = read_workloads(uow, positions, first, last, policy=POLICY, calendar=calendar)
            assert [load.days for load in loads.values()] == [()] * len(positions)
