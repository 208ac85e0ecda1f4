from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import Engine

from server.identity.change_log import Actor
from server.planning.day_plans import freeze_day_plans, make_day_plans
from sync.engine import Engine as SyncEngine
from sync.kinds import ALL_KINDS
from sync.unit_of_work import Database
from tests import factories
from tests.factories import TODAY, Cast

_VISIBLE = """
select distinct k.id from holder_key h
join record_key k on k.company_id = h.company_id and k.key = h.key
where h.person_id = :person
"""


@pytest.fixture
def db(engine: Engine) -> Database:
    return Database(engine)


@pytest.fixture
def sync_engine(db: Database) -> SyncEngine:
    return SyncEngine(db, ALL_KINDS, b"a key of the tests" * 2)


@pytest.fixture
def cast(owner_engine: Engine, db: Database) -> Cast:
    return factories.make_cast(owner_engine, db)


@pytest.fixture
def planned(cast: Cast, db: Database) -> Cast:
    """The cast with plans for a week before and two weeks after today; today has begun."""
    with db.company(cast.company.id) as uow:
        positions = [cast.ana.position_id, cast.ben.position_id]
        make_day_plans(
            uow, positions, TODAY - timedelta(days=7), TODAY + timedelta(days=14), today=TODAY
        )
        freeze_day_plans(uow, TODAY)
    return cast


@pytest.fixture
def office() -> Actor:
    return Actor.command("the office")


@pytest.fixture
def count_queries(monkeypatch: pytest.MonkeyPatch) -> Callable[[], Any]:
    """A context manager whose value holds the statements that connections execute."""

    @contextmanager
    def counting() -> Iterator[list[str]]:
        statements: list[str] = []

        def counted(method: Callable[..., Any]) -> Callable[..., Any]:
            def call(self: Any, query: Any, *args: Any, **kwargs: Any) -> Any:
                statements.append(str(query))
                return method(self, query, *args, **kwargs)

            return call

        with monkeypatch.context() as patch:
            for name in ("execute", "executemany"):
                patch.setattr(psycopg.Cursor, name, counted(getattr(psycopg.Cursor, name)))
            yield statements

    return counting


@pytest.fixture
def visible_to(db: Database, cast: Cast) -> Callable[[factories.Person], set[UUID]]:
    """Every record that somebody may see, as committed."""

    def look(person: factories.Person) -> set[UUID]:
        with db.reading(cast.company.id) as uow:
            return {row.id for row in uow.rows(_VISIBLE, person=person.id)}

    return look
