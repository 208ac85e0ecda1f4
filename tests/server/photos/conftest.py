"""Another company beside the cast's."""

import pytest
from sqlalchemy import Engine

from sync.unit_of_work import Database
from tests.factories import Cast, make_cast


@pytest.fixture
def other(owner_engine: Engine, db: Database) -> Cast:
    return make_cast(owner_engine, db)
