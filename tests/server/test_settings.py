from pathlib import Path

import pytest

from server.settings import SettingsRefused, load_settings

KEY = "k" * 32


def faults(**environ: str) -> dict[str, str]:
    with pytest.raises(SettingsRefused) as refused:
        load_settings(environ)
    return {fault.variable: str(fault) for fault in refused.value.faults}


def test_every_fault_is_named_at_once(tmp_path: Path) -> None:
    found = faults(
        ROADBOOK_VAR=str(tmp_path),
        ROADBOOK_PORT="99999",
        WEB_THREADS="many",
        LEDGER_DAYS="1",
        DATABASE_URL="mysql://host/x",
        ROADBOOK_LOG_LEVEL="loud",
    )
    assert set(found) == {
        "ROADBOOK_PORT",
        "WEB_THREADS",
        "LEDGER_DAYS",
        "DATABASE_URL",
        "ROADBOOK_LOG_LEVEL",
        "SECRET_KEY",
    }
    assert found["ROADBOOK_PORT"] == (
        "ROADBOOK_PORT is '99999'; expected: a whole number from 1 to 65535"
    )


def test_a_fault_never_repeats_a_secret() -> None:
    found = faults(SECRET_KEY="short-but-secret", DATABASE_URL="mysql://me:hidden@host/x")
    assert "secret" not in found["SECRET_KEY"].removeprefix("SECRET_KEY")
    assert "hidden" not in found["DATABASE_URL"]


def test_a_real_database_needs_a_key_of_its_own() -> None:
    assert "missing" in faults(DATABASE_URL="postgresql://app@host/roadbook")["SECRET_KEY"]


def test_the_owner_may_not_be_the_role_of_the_application() -> None:
    found = faults(
        DATABASE_URL="postgresql://app@host/roadbook",
        DATABASE_OWNER_URL="postgresql://app@host/roadbook",
        SECRET_KEY=KEY,
    )
    assert set(found) == {"DATABASE_OWNER_URL"}


def test_an_empty_environment_means_embedded_servers_and_a_kept_key(tmp_path: Path) -> None:
    first = load_settings({"ROADBOOK_VAR": str(tmp_path)})
    assert first.has_embedded_database
    assert first.has_embedded_redis
    assert (tmp_path / "secret_key").stat().st_mode & 0o777 == 0o600
    assert load_settings({"ROADBOOK_VAR": str(tmp_path)}).secret_key == first.secret_key


def test_an_empty_variable_counts_as_absent(tmp_path: Path) -> None:
    assert load_settings({"ROADBOOK_VAR": str(tmp_path), "DATABASE_URL": ""}).has_embedded_database


def test_a_folder_that_cannot_be_written_is_a_fault() -> None:
    assert set(faults(ROADBOOK_VAR="/proc/roadbook")) == {"ROADBOOK_VAR"}


def test_a_body_is_answered_before_the_socket_is_given_up(tmp_path: Path) -> None:
    chosen = load_settings({"ROADBOOK_VAR": str(tmp_path), "REQUEST_READ_S": "30"})
    assert chosen.header_read_s + chosen.body_read_s < chosen.request_read_s
