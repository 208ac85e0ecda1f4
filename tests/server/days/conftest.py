"""A cast, an engine to push through, and the phones of the cast on the day that tests happen on."""

from collections.abc import Callable
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine

from server.days.person_day import PersonDay
from server.days.reading import read_day
from sync.engine import Engine as SyncEngine
from sync.kinds import ALL_KINDS
from sync.unit_of_work import Database
from tests.factories import TODAY, Cast, Person, make_cast
from tests.sync.talking import HOUR, NOON, Phone

Reader = Callable[..., PersonDay]

MIDNIGHT = NOON + 12 * HOUR
"""The end of TODAY in the cast's time zone."""


@pytest.fixture(scope="session")
def db(engine: Engine) -> Database:
    return Database(engine)


@pytest.fixture(scope="session")
def roadbook(db: Database) -> SyncEngine:
    return SyncEngine(db, ALL_KINDS, b"a key of the tests" * 2)


@pytest.fixture
def cast(owner_engine: Engine, db: Database) -> Cast:
    return make_cast(owner_engine, db)


@pytest.fixture
def phone(roadbook: SyncEngine) -> Callable[[Person], Phone]:
    """The phone of somebody, in the evening: the whole day can be captured before it sends."""

    def make(person: Person) -> Phone:
        return Phone(roadbook, person.device, now=MIDNIGHT - HOUR)

    return make


@pytest.fixture
def read(db: Database, cast: Cast) -> Reader:
    """The day of somebody of the cast; over, unless `now` says otherwise."""

    def ask(
        person: Person | UUID, *, day: date = TODAY, now: int = MIDNIGHT, **asked: Any
    ) -> PersonDay:
        person_id = person if isinstance(person, UUID) else person.id
        with db.reading(cast.company.id) as uow:
            return read_day(uow, person_id, day, now, **asked)

    return ask
