from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from server.doctor import Finding, Verdict, examine


@pytest.fixture
def environ(fresh_database: dict[str, str], redis_url: str, tmp_path: Path) -> dict[str, str]:
    return {
        "DATABASE_URL": fresh_database["app"],
        "DATABASE_OWNER_URL": fresh_database["owner"],
        "REDIS_URL": redis_url,
        "SECRET_KEY": "k" * 40,
        "ROADBOOK_VAR": str(tmp_path),
    }


@pytest.fixture
def admin(fresh_database: dict[str, str]) -> Iterator[psycopg.Connection]:
    url = fresh_database["admin"].replace("+psycopg", "")
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


def found(environ: dict[str, str]) -> dict[str, Finding]:
    return {finding.what: finding for finding in examine(environ)}


def test_a_sound_installation_has_no_failure(environ: dict[str, str]) -> None:
    findings = found(environ)
    failed = {what: str(f) for what, f in findings.items() if f.verdict is Verdict.FAIL}
    assert failed == {}
    assert findings["worker"].verdict is Verdict.WARN  # none runs here
    assert "→" not in str(findings["database"])


def test_a_table_without_row_level_security_is_a_failure(
    environ: dict[str, str], admin: psycopg.Connection
) -> None:
    admin.execute("alter table store disable row level security")
    finding = found(environ)["row-level security"]
    assert finding.verdict is Verdict.FAIL
    assert "not on for store →" in str(finding)


def test_a_role_that_owns_something_is_a_failure(
    environ: dict[str, str], admin: psycopg.Connection
) -> None:
    admin.execute("create table mine (); alter table mine owner to roadbook_app")
    finding = found(environ)["application's role"]
    assert finding.verdict is Verdict.FAIL
    assert "owns 1 relations" in finding.found


def test_a_database_that_gives_up_durability_is_a_failure(
    environ: dict[str, str], admin: psycopg.Connection
) -> None:
    name = admin.info.dbname
    admin.execute(f'alter database "{name}" set synchronous_commit = off'.encode())
    assert found(environ)["synchronous_commit"].verdict is Verdict.FAIL


def test_an_unmigrated_database_is_a_failure(
    environ: dict[str, str], admin: psycopg.Connection
) -> None:
    admin.execute("update alembic_version set version_num = '0001'")
    assert "run roadbook migrate" in str(found(environ)["migrations"])


def test_servers_that_are_away_are_told_with_what_to_do(environ: dict[str, str]) -> None:
    environ["DATABASE_URL"] = "postgresql://a@127.0.0.1:1/x"
    environ["REDIS_URL"] = "redis://127.0.0.1:1/0"
    findings = found(environ)
    assert findings["database"].remedy == "check DATABASE_URL"
    assert findings["queue"].remedy == "check REDIS_URL"


def test_wrong_settings_are_each_a_failure(environ: dict[str, str]) -> None:
    environ.update(WEB_THREADS="x", ROADBOOK_PORT="0")
    findings = found(environ)
    assert findings["WEB_THREADS"].verdict is Verdict.FAIL
    assert findings["ROADBOOK_PORT"].verdict is Verdict.FAIL
