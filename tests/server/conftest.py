"""A cast of its own for each test, a phone for anybody, and commands as an operator types them."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from sqlalchemy import Engine

from server.cli import COMMANDS, load_command
from server.identity.change_log import Actor
from server.media.installed import Media
from sync.engine import Engine as SyncEngine
from sync.kinds import ALL_KINDS
from sync.unit_of_work import Database
from tests.factories import Cast, Person, make_cast
from tests.standing import Standing, media_in
from tests.sync.talking import Phone


@pytest.fixture
def db(engine: Engine) -> Database:
    return Database(engine)


@pytest.fixture
def sync_engine(db: Database) -> SyncEngine:
    return SyncEngine(db, ALL_KINDS, b"a key of the tests" * 2)


@pytest.fixture(scope="session")
def standing_without_files(engine: Engine) -> Standing:
    return Standing.over(Database(engine), files=False)


@pytest.fixture(scope="session")
def standing_with_files(engine: Engine) -> Standing:
    return Standing.over(Database(engine), files=True)


@pytest.fixture
def app(standing_without_files: Standing) -> Flask:
    """An application that takes no files; it has served other tests before."""
    standing_without_files.renew()
    return standing_without_files.app


@pytest.fixture
def app_with_files(standing_with_files: Standing, tmp_path: Path) -> Flask:
    """An application whose files are `media`; it has served other tests before."""
    standing_with_files.renew(tmp_path)
    return standing_with_files.app


@pytest.fixture
def media(tmp_path: Path) -> Media:
    """Where the files of a test are."""
    return media_in(tmp_path)


@pytest.fixture
def cast(owner_engine: Engine, db: Database) -> Cast:
    return make_cast(owner_engine, db)


@pytest.fixture
def office() -> Actor:
    return Actor.command("the office")


@pytest.fixture
def phone(sync_engine: SyncEngine) -> Callable[[Person], Phone]:
    return lambda person: Phone(sync_engine, person.device)


@pytest.fixture
def run(
    database: dict[str, str], redis_url: str, monkeypatch: pytest.MonkeyPatch, cast: Cast
) -> Callable[..., Result]:
    """A command of `roadbook`, about the cast's company."""
    monkeypatch.setenv("DATABASE_URL", database["app"])
    monkeypatch.setenv("REDIS_URL", redis_url)
    monkeypatch.setenv("SECRET_KEY", "x" * 48)
    places = {name: place for name, place, _ in COMMANDS}

    def invoke(group: str, *words: str) -> Result:
        command = load_command(places[group])
        return CliRunner().invoke(command, [*words, "--company", cast.company.code])

    return invoke
