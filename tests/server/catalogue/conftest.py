"""A company with its cast and the three products of `catalogue_factories`."""

import pytest
from sqlalchemy import Engine

from sync.engine import Engine as SyncEngine
from sync.kinds import ALL_KINDS
from sync.unit_of_work import Database
from tests.catalogue_factories import Goods, add_goods
from tests.factories import Cast, make_cast


@pytest.fixture(scope="session")
def db(engine: Engine) -> Database:
    return Database(engine)


@pytest.fixture(scope="session")
def sync_engine(db: Database) -> SyncEngine:
    return SyncEngine(db, ALL_KINDS, b"a secret of at least thirty-two bytes, for tests")


@pytest.fixture
def cast(owner_engine: Engine, db: Database) -> Cast:
    return make_cast(owner_engine, db)


@pytest.fixture
def goods(cast: Cast, db: Database) -> Goods:
    with db.company(cast.company.id) as uow:
        return add_goods(uow, cast)
