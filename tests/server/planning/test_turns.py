"""Two office changes at once: one after the other, neither dies, and neither leaves half of itself."""

from collections.abc import Callable
from threading import Thread

from server.identity.change_log import Actor
from server.identity.occupancies import give_occupancy
from server.planning.day_plans import (
    freeze_day_plans,
    make_day_plans,
    plan_id,
    set_plan_stops,
)
from server.planning.organisation import edit_position
from server.planning.routes import set_stops
from server.planning.rules import Stop
from server.planning.stores import close_stores
from sync.scope import take_turn
from sync.unit_of_work import Database, UnitOfWork
from tests.factories import TODAY, Cast, rule


class Beside:
    """Another transaction that begins at once. It waits for what is held, or runs beside it: either
    way it is to come to an end."""

    def __init__(self, db: Database, company_id: int, act: Callable[[UnitOfWork], object]) -> None:
        self._thread = Thread(target=self._run, args=(db, company_id, act))
        self._came_to = "nothing"
        self._thread.start()
        self._thread.join(0.3)

    def _run(self, db: Database, company_id: int, act: Callable[[UnitOfWork], object]) -> None:
        try:
            with db.company(company_id) as uow:
                act(uow)
            self._came_to = "done"
        except Exception as error:  # noqa: BLE001 - its name is what is asked for
            self._came_to = type(error).__name__

    def came_to(self) -> str:
        self._thread.join(20)
        return self._came_to


def test_a_store_that_closes_while_it_is_put_on_a_route_is_on_none(
    cast: Cast, db: Database, office: Actor
) -> None:
    company_id, shop = cast.company.id, cast.ben_stores[0]
    stops = [Stop(store, rule()) for store in (*cast.ana_stores, shop)]

    def put(uow: UnitOfWork) -> None:
        set_stops(uow, office, cast.ana_route, stops, today=TODAY)

    with db.company(company_id) as uow:
        close_stores(uow, office, [shop], today=TODAY)
        putting = Beside(db, company_id, put)
    assert putting.came_to() == "StopsInvalid"
    with db.reading(company_id) as uow:
        assert uow.rows("select 1 from route_stop where store_id = :shop", shop=shop) == []


def test_closing_a_store_waits_for_a_change_of_its_route(
    cast: Cast, db: Database, office: Actor
) -> None:
    company_id, shop = cast.company.id, cast.ana_stores[0]
    stops = [Stop(store, rule()) for store in reversed(cast.ana_stores)]

    def close(uow: UnitOfWork) -> None:
        close_stores(uow, office, [shop], today=TODAY)

    with db.company(company_id) as uow:
        take_turn(uow)
        closing = Beside(db, company_id, close)
        set_stops(uow, office, cast.ana_route, stops, today=TODAY)
    assert closing.came_to() == "done"
    with db.reading(company_id) as uow:
        assert uow.rows("select 1 from route_stop where store_id = :shop", shop=shop) == []


def test_moving_a_position_waits_for_a_change_of_who_holds_it(
    cast: Cast, db: Database, office: Actor
) -> None:
    company_id, position = cast.company.id, cast.ana.position_id

    def move(uow: UnitOfWork) -> None:
        edit_position(uow, office, position, region_id=cast.regions.wharf, today=TODAY)

    with db.company(company_id) as uow:
        take_turn(uow)
        moving = Beside(db, company_id, move)
        give_occupancy(
            uow,
            office,
            person_id=cast.ben.id,
            position_id=position,
            starts_on=TODAY,
            today=TODAY,
            is_acting=True,
        )
    assert moving.came_to() == "done"


def _plan_again_beside(
    cast: Cast, db: Database, act: Callable[[UnitOfWork], object]
) -> tuple[int, dict[int, int]]:
    """The version of Ana's plan and the stops of each, after `act` while her plans are made again
    without their first stop.
    """
    company_id, position = cast.company.id, cast.ana.position_id
    with db.company(company_id) as uow:
        make_day_plans(uow, [position], TODAY, TODAY, today=TODAY)
    with db.company(company_id) as uow:
        uow.run(
            "delete from route_stop where company_id = :company and store_id = :store",
            company=company_id,
            store=cast.ana_stores[0],
        )

    def again(uow: UnitOfWork) -> None:
        make_day_plans(uow, [position], TODAY, TODAY, today=TODAY)

    with db.company(company_id) as uow:
        act(uow)
        making = Beside(db, company_id, again)
    assert making.came_to() == "done"
    with db.reading(company_id) as uow:
        (plan,) = uow.rows("select plan_version from day_plan")
        stops = uow.rows("select plan_version, count(*) from day_plan_stop group by 1")
    return plan.plan_version, {row[0]: row[1] for row in stops}


def test_a_plan_that_is_frozen_while_it_is_made_again_keeps_its_version(
    cast: Cast, db: Database
) -> None:
    version, stops = _plan_again_beside(cast, db, lambda uow: freeze_day_plans(uow, TODAY))
    assert (version, stops) == (2, {1: 3, 2: 2})


def test_a_plan_that_gets_other_stops_while_it_is_made_again_keeps_each_version(
    cast: Cast, db: Database, office: Actor
) -> None:
    plan = plan_id(cast.ana.position_id, TODAY)

    def set_stops_of_plan(uow: UnitOfWork) -> None:
        set_plan_stops(uow, office, plan, cast.ana_stores[:1], today=TODAY)

    version, stops = _plan_again_beside(cast, db, set_stops_of_plan)
    assert (version, stops[1]) == (2, 3)
