from collections.abc import Callable

import pytest
from sqlalchemy import Engine

from sync.engine import Engine as SyncEngine
from sync.kinds import ALL_KINDS
from sync.unit_of_work import Database
from tests.factories import Cast, Person, make_cast
from tests.sync.talking import Phone


@pytest.fixture
def db(engine: Engine) -> Database:
    return Database(engine)


@pytest.fixture
def cast(owner_engine: Engine, db: Database) -> Cast:
    return make_cast(owner_engine, db)


@pytest.fixture
def phone(db: Database) -> Callable[[Person], Phone]:
    """The phone of somebody."""
    roadbook = SyncEngine(db, ALL_KINDS, b"a key of the tests" * 2)
    return lambda person: Phone(roadbook, person.device)
