from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine

from server.identity.change_log import Actor
from server.targets.basis import SplitBy
from server.targets.plans import SplitDone, make_plan, split_plan
from server.targets.splitting import Weights
from sync.engine import Engine as SyncEngine
from sync.kinds import ALL_KINDS
from sync.unit_of_work import Database
from tests.factories import TODAY, Cast, Person, make_cast
from tests.sync.talking import Phone

EQUAL = SplitBy(weights=Weights(last_year=0, potential=0, equal=1000))
NOW = datetime(2026, 3, 4, 4, tzinfo=UTC)
MARCH = date(2026, 3, 1)

Make = Callable[..., SplitDone]
Split = Callable[..., SplitDone]


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
    return lambda person: Phone(roadbook, person.device)


@pytest.fixture
def office(cast: Cast) -> Actor:
    return Actor("Ada", cast.ada.id)


@pytest.fixture
def make(db: Database, cast: Cast, office: Actor) -> Make:
    """Set a target for 2026, split equally unless said otherwise; committed."""

    def act(total: int = 2_400, measure: str = "TC", **other: Any) -> SplitDone:
        asked: dict[str, Any] = {
            "year": 2026,
            "region_id": cast.regions.wharf,
            "by": EQUAL,
            "today": TODAY,
        }
        with db.company(cast.company.id) as uow:
            return make_plan(uow, office, measure=measure, total=total, now=NOW, **(asked | other))

    return act


@pytest.fixture
def split(db: Database, cast: Cast, office: Actor) -> Split:
    """Split a plan again; committed."""

    def act(plan_id: UUID, *, today: date = TODAY, **asked: Any) -> SplitDone:
        with db.company(cast.company.id) as uow:
            return split_plan(uow, office, plan_id, today=today, now=NOW, **asked)

    return act
