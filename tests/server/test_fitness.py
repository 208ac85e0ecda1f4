"""Nothing that keeps phones' work starts on a database that might not keep it."""

import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import psycopg
import pytest
from click.testing import CliRunner
from sqlalchemy import Connection

from server import fitness
from server.cli import roadbook
from server.fitness import needs, require_fit
from server.processes import CannotStart
from server.settings import Settings, load_settings


@pytest.fixture
def environ(fresh_database: dict[str, str], tmp_path: Path) -> dict[str, str]:
    return {
        "DATABASE_URL": fresh_database["app"],
        "SECRET_KEY": "k" * 40,
        "ROADBOOK_VAR": str(tmp_path),
        "REDIS_URL": "redis://127.0.0.1:1/0",
    }


@pytest.fixture
def settings(environ: dict[str, str]) -> Settings:
    return load_settings(environ)


@pytest.fixture
def admin(fresh_database: dict[str, str]) -> Iterator[psycopg.Connection]:
    url = fresh_database["admin"].replace("+psycopg", "")
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


OF_THE_DATABASE = (
    "serve",
    "web",
    "worker",
    "company add --code A --name A --time-zone UTC",
    "company list",
    "day",
    "device list",
    "demo make",
    "epoch show",
    "play --reps 1",
)


class Facts:
    """A connection to a server that says this of itself."""

    def __init__(self, **changed: Any) -> None:
        sound: dict[str, Any] = {
            "version": 18,
            "is_standby": False,
            "fsync": "on",
            "full_page_writes": "on",
            "synchronous_commit": "on",
        }
        self._facts = SimpleNamespace(**{**sound, **changed})

    def execute(self, _statement: object) -> "Facts":
        return self

    def one(self) -> SimpleNamespace:
        return self._facts


def unmet(**changed: Any) -> list[str]:
    return [n.what for n in needs(cast("Connection", Facts(**changed))) if not n.is_met]


def test_a_sound_database_is_taken(settings: Settings) -> None:
    require_fit(settings)


@pytest.mark.parametrize(
    ("said", "what"),
    [
        ({"version": 14}, "PostgreSQL"),
        ({"is_standby": True}, "server"),
        ({"fsync": "off"}, "fsync"),
        ({"full_page_writes": "off"}, "full_page_writes"),
        ({"synchronous_commit": "off"}, "synchronous_commit"),
        ({"synchronous_commit": "local"}, "synchronous_commit"),
    ],
)
def test_each_need_is_seen_by_itself(said: dict[str, Any], what: str) -> None:
    assert unmet(**said) == [what]


@pytest.mark.parametrize("stricter", ["remote_write", "remote_apply"])
def test_a_commit_that_waits_for_more_is_taken(stricter: str) -> None:
    assert unmet(synchronous_commit=stricter) == []


def test_each_need_that_is_not_met_is_a_line_with_what_to_do(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fitness, "POSTGRES_MIN", 99)
    monkeypatch.setattr(fitness, "_WAITS_FOR_DISK", ())
    with pytest.raises(CannotStart) as refused:
        require_fit(settings)
    first, second = str(refused.value).splitlines()
    assert "use 99 or newer" in first
    assert "synchronous_commit is on; set synchronous_commit = on" in second


@pytest.mark.parametrize("command", ["web", "worker", "serve"])
def test_what_keeps_work_does_not_start_where_a_commit_does_not_wait(
    command: str,
    environ: dict[str, str],
    admin: psycopg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name = admin.info.dbname
    admin.execute(f'alter database "{name}" set synchronous_commit = off'.encode())
    for variable, value in {**environ, "ROADBOOK_PORT": "18479"}.items():
        monkeypatch.setenv(variable, value)
    done = CliRunner().invoke(roadbook, [command])
    assert isinstance(done.exception, CannotStart)
    assert "synchronous_commit is off" in str(done.exception)


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("drop schema public cascade; create schema public", "none, not .*; run roadbook migrate$"),
        ("update alembic_version set version_num = '0001'", "0001, not .*; run roadbook migrate$"),
        (
            "update alembic_version set version_num = '9999'",
            "9999, not .*; it is of a newer Roadbook",
        ),
    ],
)
def test_other_tables_than_this_programs_are_one_line_from_every_command(
    state: str,
    said: str,
    environ: dict[str, str],
    fresh_database: dict[str, str],
    admin: psycopg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    admin.execute(state.encode())
    admin.execute("grant usage on schema public to roadbook_app, roadbook_owner")
    for variable, value in {**environ, "ROADBOOK_PORT": "18479"}.items():
        monkeypatch.setenv(variable, value)
    line = re.compile(f"The database cannot be used: migration is {said}")
    for words in OF_THE_DATABASE:
        if words != "serve":  # which migrates by itself, where it knows the owner
            monkeypatch.setenv("DATABASE_OWNER_URL", fresh_database["owner"])
        done = CliRunner().invoke(roadbook, words.split())
        assert isinstance(done.exception, CannotStart), (words, done.output)
        assert line.match(str(done.exception)), words


@pytest.mark.parametrize("command", ["migrate", "serve"])
def test_what_a_newer_roadbook_migrated_is_left_as_it_is(
    command: str,
    environ: dict[str, str],
    fresh_database: dict[str, str],
    admin: psycopg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    admin.execute("update alembic_version set version_num = '9999'")
    owner = {"DATABASE_OWNER_URL": fresh_database["owner"], "ROADBOOK_PORT": "18479"}
    for variable, value in {**environ, **owner}.items():
        monkeypatch.setenv(variable, value)
    done = CliRunner().invoke(roadbook, [command])
    assert isinstance(done.exception, CannotStart)
    assert "9999: it is of a newer Roadbook" in str(done.exception)


def test_a_database_that_does_not_come_up_is_one_line(environ: dict[str, str]) -> None:
    away = load_settings({**environ, "DATABASE_URL": "postgresql://a@127.0.0.1:1/x"})
    with pytest.raises(CannotStart, match="refused") as refused:
        require_fit(away, patience_s=0)
    assert "\n" not in str(refused.value)


def test_one_that_turns_the_service_away_is_not_waited_for(environ: dict[str, str]) -> None:
    url = environ["DATABASE_URL"].replace("/roadbook_", "/no_such_")
    with pytest.raises(CannotStart, match="does not exist"):
        require_fit(load_settings({**environ, "DATABASE_URL": url}))
