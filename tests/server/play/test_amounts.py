"""What work amounts to is the same from what phones sent and from what the database holds."""

from collections import Counter
from random import Random

import pytest
from sqlalchemy import Engine as DatabaseEngine

from server.play.amounts import amounts_in_database, amounts_of
from server.play.filling import FillForms, plan_forms
from server.play.ordering import TakeOrder, plan_orders
from server.play.teams import TEAMS
from server.play.workday import Visit, make_workday
from sync.engine import Engine
from sync.kinds import ALL_KINDS
from sync.kinds.store_terms.publish import publish_store_terms
from sync.unit_of_work import Database
from tests.catalogue_factories import Goods, add_goods
from tests.factories import Cast, make_cast
from tests.form_factories import ANSWERS, answer, published
from tests.order_factories import amend, give_back, oats, submit
from tests.server.play.test_workday import sheet
from tests.sync.talking import HOUR, Json, Phone
from tests.track_factories import track, walk_north


@pytest.fixture(scope="session")
def db(engine: DatabaseEngine) -> Database:
    return Database(engine)


@pytest.fixture
def cast(owner_engine: DatabaseEngine, db: Database) -> Cast:
    return make_cast(owner_engine, db)


@pytest.fixture
def ana(cast: Cast, db: Database) -> Phone:
    return Phone(Engine(db, ALL_KINDS, b"s" * 32), cast.ana.device)


@pytest.fixture
def goods(cast: Cast, db: Database) -> Goods:
    with db.company(cast.company.id) as uow:
        made = add_goods(uow, cast)
        publish_store_terms(uow, cast.ana_stores)
    return made


def sent(*items: Json) -> Counter[str]:
    """What items of one record after the other amount to."""
    last: dict[str, Counter[str]] = {}
    for item in items:
        id_ = item["entity_id"]
        last[id_] = amounts_of(item["kind"], item["op"], item["payload"], last.get(id_))
    return sum(last.values(), Counter())


def held(db: Database, cast: Cast, *items: Json) -> tuple[Counter[str], Counter[str]]:
    with db.reading(cast.company.id) as uow:
        return amounts_in_database(uow, {item["entity_id"] for item in items})


def test_points_answers_lines_and_money_are_counted_the_same(
    cast: Cast, ana: Phone, goods: Goods, db: Database
) -> None:
    form = published(db, cast.company)
    visit = ana.visit(cast.ana_stores[0], ago=2 * HOUR)
    order = submit(ana, cast.ana_stores[0], oats(goods, 3), oats(goods, 5))
    work = [
        visit,
        track(ana, walk_north(7), began=ana.now - HOUR),
        answer(ana, form, visit),
        order,
        amend(ana, order["entity_id"], 1, oats(goods, 9)),
        give_back(ana, cast.ana_stores[0], oats(goods, 1)),
    ]
    assert ana.statuses(*work) == ["applied"] * 6
    told, by_server = held(db, cast, *work)
    assert told == sent(*work)
    assert told == {
        "GPS points": 7,
        "questions answered": 3 + len(ANSWERS) - 1,
        "order lines": 1,
        "ordered, USD minor units": 4_500,
        "returned lines": 1,
        "returned, USD minor units": 500,
    }
    assert by_server["ordered, USD minor units, by the server's prices"] == 4_500


def test_an_answer_that_the_database_lost_is_a_difference(
    cast: Cast, ana: Phone, db: Database, owner_engine: DatabaseEngine
) -> None:
    form = published(db, cast.company)
    visit = ana.visit(cast.ana_stores[0], ago=2 * HOUR)
    filled = answer(ana, form, visit)
    assert ana.statuses(visit, filled) == ["applied", "applied"]
    with owner_engine.begin() as connection:
        connection.exec_driver_sql(
            "update form_answer_version set answers = answers - 'has_display' where id = %(id)s",
            {"id": filled["entity_id"]},
        )
    told, _ = held(db, cast, filled)
    assert told["questions answered"] == sent(filled)["questions answered"] - 1


@pytest.mark.parametrize("team", sorted(TEAMS))
def test_a_team_has_its_answers_and_its_orders_a_day(team: str) -> None:
    acts = make_workday(Random("a"), sheet(), TEAMS[team])
    visits = [act for act in acts if isinstance(act, Visit)]
    forms = [act for acts in plan_forms(Random("a"), TEAMS[team], visits).values() for act in acts]
    assert all(isinstance(act, FillForms) for act in forms)
    asked = sum(act.answers for act in forms if isinstance(act, FillForms))
    assert asked == TEAMS[team].answers_a_day
    orders = plan_orders(Random("a"), TEAMS[team], visits)
    assert len(orders) == min(TEAMS[team].orders_a_day, len(visits))
    for place, taken in orders.items():
        (order,) = taken
        assert isinstance(order, TakeOrder)
        assert order.lines == TEAMS[team].lines_an_order
        assert visits[place].at_ms <= order.at_ms <= visits[place].until_ms
