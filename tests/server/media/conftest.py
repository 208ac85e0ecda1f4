"""A storage in a folder of its own, a company's database, and phones that send files."""

from pathlib import Path

import pytest
from sqlalchemy import Engine

from server.media.storage import LocalStorage
from sync.unit_of_work import Database
from tests.factories import Cast, make_cast


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    return LocalStorage(tmp_path / "files")


@pytest.fixture(scope="session")
def media_database(engine: Engine) -> Database:
    return Database(engine)


@pytest.fixture
def cast(owner_engine: Engine, media_database: Database) -> Cast:
    return make_cast(owner_engine, media_database)
