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
        ROADBOOK_PROT="1",
    )
    assert set(found) == {
        "ROADBOOK_PORT",
        "WEB_THREADS",
        "LEDGER_DAYS",
        "DATABASE_URL",
        "ROADBOOK_LOG_LEVEL",
        "ROADBOOK_PROT",
        "SECRET_KEY",
    }
    assert found["ROADBOOK_PORT"] == (
        "ROADBOOK_PORT is '99999'; expected: a whole number from 1 to 65535"
    )


def test_a_fault_never_repeats_a_secret() -> None:
    found = faults(SECRET_KEY="short-but-secret", DATABASE_URL="mysql://me:hidden@host/x")
    assert "secret" not in found["SECRET_KEY"].removeprefix("SECRET_KEY")
    assert "hidden" not in found["DATABASE_URL"]
    assert found["DATABASE_URL"] == (
        "DATABASE_URL is something else (not shown, as it may hold a password); "
        "expected: an address like postgresql://user:password@host/database"
    )


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


def test_a_folder_that_cannot_be_written_is_named_beside_other_faults(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for var in ("/proc/nope", str(tmp_path / "file"), str(tmp_path / "file" / "below")):
        assert set(faults(ROADBOOK_VAR=var, WEB_THREADS="0")) == {"ROADBOOK_VAR", "WEB_THREADS"}


def test_a_fault_makes_nothing(tmp_path: Path) -> None:
    faults(ROADBOOK_VAR=str(tmp_path / "var"), WEB_THREADS="0")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("ROADBOOK_PROT", "is no setting; expected: ROADBOOK_PORT, if that is meant"),
        ("ROADBOOK_WEB_WORKERS", "is no setting; expected: WEB_WORKERS, if that is meant"),
        ("ROADBOOK_ZZZZ", "is no setting; expected: no such variable"),
    ],
)
def test_a_variable_of_ours_that_nothing_reads_is_a_fault(
    name: str, said: str, tmp_path: Path
) -> None:
    assert faults(ROADBOOK_VAR=str(tmp_path), **{name: "1"}) == {name: f"{name} {said}"}


def test_a_body_is_answered_before_the_socket_is_given_up(tmp_path: Path) -> None:
    chosen = load_settings({"ROADBOOK_VAR": str(tmp_path), "REQUEST_READ_S": "30"})
    assert chosen.header_read_s + chosen.body_read_s < chosen.request_read_s


def test_a_map_has_one_ground_and_takes_things_from_named_origins_only(tmp_path: Path) -> None:
    found = faults(
        ROADBOOK_VAR=str(tmp_path),
        MAP_TILES_URL="https://tiles.example/{z}/{x}/{y}.png",
        MAP_STYLE_URL="https://tiles.example/style.json",
    )
    assert set(found) == {"MAP_STYLE_URL"}
    for origin in (
        "https://fonts.example/path",
        "fonts.example",
        "https://a.example; script-src *",
    ):
        assert set(faults(ROADBOOK_VAR=str(tmp_path), MAP_OTHER_ORIGINS=origin)) == {
            "MAP_OTHER_ORIGINS"
        }
    taken = load_settings(
        {
            "ROADBOOK_VAR": str(tmp_path),
            "MAP_STYLE_URL": "https://tiles.example/style.json",
            "MAP_OTHER_ORIGINS": "https://a.example https://b.example:8443",
        }
    )
    assert taken.map_other_origins == "https://a.example https://b.example:8443"
