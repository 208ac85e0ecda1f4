"""A company with a catalogue, a driver, and a phone for anybody."""

import pytest
from sqlalchemy import Engine

from server.identity.change_log import Actor
from sync.unit_of_work import Database
from tests.market import Market, make_market


@pytest.fixture
def db(engine: Engine) -> Database:
    return Database(engine)


@pytest.fixture
def office() -> Actor:
    return Actor.command("the office")


@pytest.fixture
def market(owner_engine: Engine, db: Database, office: Actor) -> Market:
    return make_market(owner_engine, db, office)
