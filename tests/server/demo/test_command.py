import pytest
from click.testing import CliRunner

from server.demo import audits, company
from server.demo.command import demo


def test_the_demo_is_made_once_and_says_what_there_is(
    fresh_database: dict[str, str], redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", fresh_database["app"])
    monkeypatch.setenv("DATABASE_OWNER_URL", fresh_database["owner"])
    monkeypatch.setenv("REDIS_URL", redis_url)
    monkeypatch.setenv("SECRET_KEY", "x" * 48)
    monkeypatch.setattr(company, "HISTORY_DAYS", 1)
    # Photos take their time: one at most.
    monkeypatch.setattr(audits, "STORES_OF", (0,) * 11 + (1,))
    monkeypatch.setattr(audits, "PHOTOS_OF_LAST_DAY", 1)

    made = CliRunner().invoke(demo, ["make", "--today", "2026-03-04"])

    assert made.exit_code == 0, made.output
    assert made.output.startswith("Company DEMO as of 2026-03-04")
    assert "600 stores" in made.output
    assert "mei.chen@demo.example" in made.output

    again = CliRunner().invoke(demo, ["make"])
    assert again.exit_code == 1
    assert "already" in again.output


def test_only_the_owner_makes_it(
    fresh_database: dict[str, str], redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", fresh_database["app"])
    monkeypatch.delenv("DATABASE_OWNER_URL", raising=False)
    monkeypatch.setenv("REDIS_URL", redis_url)
    monkeypatch.setenv("SECRET_KEY", "x" * 48)
    refused = CliRunner().invoke(demo, ["make"])
    assert refused.exit_code == 1
    assert "DATABASE_OWNER_URL" in refused.output
