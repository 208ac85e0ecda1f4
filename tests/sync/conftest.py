"""The engine over the test database, a cast of its own for each test, and a phone for anybody."""

from collections.abc import Callable

import pytest
import sqlalchemy

from sync.engine import Engine
from sync.kinds import ALL_KINDS
from sync.unit_of_work import Database
from tests.factories import Cast, Person, make_cast
from tests.sync.talking import Phone

SECRET = b"a secret of the tests" * 2


@pytest.fixture(scope="session")
def db(engine: sqlalchemy.Engine) -> Database:
    return Database(engine)


@pytest.fixture(scope="session")
def roadbook(db: Database) -> Engine:
    return Engine(db, ALL_KINDS, SECRET)


@pytest.fixture
def cast(owner_engine: sqlalchemy.Engine, db: Database) -> Cast:
    """Published, with everybody's scope, in a company of its own."""
    return make_cast(owner_engine, db)


@pytest.fixture
def phone(roadbook: Engine) -> Callable[[Person], Phone]:
    """The phone of somebody; each call makes another one of the same device."""

    def make(person: Person) -> Phone:
        return Phone(roadbook, person.device)

    return make
