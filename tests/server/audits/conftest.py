"""An activity that the cast's stores run, and auditors of the north and of the south beside the one of it all."""

import pytest
from sqlalchemy import Engine

from sync.unit_of_work import Database
from tests.audit_factories import Running, add_auditor, add_running
from tests.factories import Cast, Person


@pytest.fixture
def running(cast: Cast, db: Database) -> Running:
    return add_running(cast, db)


@pytest.fixture
def nora(owner_engine: Engine, cast: Cast) -> Person:
    """The auditor of the north, where Ana's stores are."""
    return add_auditor(owner_engine, cast, "Nora", cast.regions.north)


@pytest.fixture
def sol(owner_engine: Engine, cast: Cast) -> Person:
    """The auditor of the south, where Ben's stores are."""
    return add_auditor(owner_engine, cast, "Sol", cast.regions.south)
