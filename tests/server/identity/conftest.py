"""A cast of its own for each test that commits, with the database as the application sees it."""

import pytest
from sqlalchemy import Engine

from sync.unit_of_work import Database
from tests.factories import Cast, make_cast, make_cast_rows


@pytest.fixture(scope="session")
def db(engine: Engine) -> Database:
    return Database(engine)


@pytest.fixture
def cast(owner_engine: Engine, db: Database) -> Cast:
    """Published, with everybody's scope."""
    return make_cast(owner_engine, db)


@pytest.fixture
def rows(owner_engine: Engine) -> Cast:
    """As rows only."""
    return make_cast_rows(owner_engine)


@pytest.fixture
def other(owner_engine: Engine) -> Cast:
    """Another company with a cast of its own, as rows only."""
    return make_cast_rows(owner_engine)
