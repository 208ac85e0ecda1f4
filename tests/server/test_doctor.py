from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import create_engine

from server.doctor import Finding, Verdict, _packages, examine
from server.fitness import require_fit
from server.processes import CannotStart
from server.settings import load_settings
from sync.unit_of_work import Database
from tests.factories import make_cast


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


def test_packages_that_are_pinned_for_another_python_are_not_missed(tmp_path: Path) -> None:
    pinned = tmp_path / "requirements.txt"
    pinned.write_text(
        '# a comment with a == in it\nno-such-thing==1.0; python_version < "3"  # of another\n'
        "redis[hiredis]==0.0.1  # ours\nnone-of-these==2\n"
    )
    (finding,) = _packages(pinned)
    assert finding.verdict is Verdict.FAIL
    assert finding.found.endswith("not 0.0.1; none-of-these is missing, not 2")
    assert "no-such-thing" not in finding.found


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
    admin.execute("update alembic_version set version_num = '9999'")
    assert "put that version in place" in str(found(environ)["migrations"])


def test_of_an_empty_database_only_the_one_thing_is_said_that_helps(
    environ: dict[str, str], admin: psycopg.Connection
) -> None:
    admin.execute("drop schema public cascade; create schema public")
    admin.execute("grant usage on schema public to roadbook_app")
    findings = found(environ)
    failed = [what for what, finding in findings.items() if finding.verdict is Verdict.FAIL]
    assert failed == ["migrations"]
    assert not {"row-level security", "application's role", "epoch"} & findings.keys()


@pytest.mark.parametrize(
    "steps",
    [
        "grant roadbook_owner to {it}",
        "grant roadbook_owner to {it} with inherit false",
        "create role {it}_between; grant roadbook_owner to {it}_between; grant {it}_between to {it}",
    ],
)
def test_a_role_that_may_act_as_the_owner_passes_row_level_security(
    environ: dict[str, str], admin: psycopg.Connection, steps: str
) -> None:
    # Not the role of the other tests: roles are of the whole cluster.
    it = f"{admin.info.dbname}_app"
    admin.execute(f"create role {it} login; grant select on alembic_version to {it}".encode())
    environ["DATABASE_URL"] = environ["DATABASE_URL"].replace("roadbook_app@", f"{it}@")
    assert found(environ)["application's role"].verdict is Verdict.OK
    admin.execute(steps.format(it=it).encode())
    try:
        finding = found(environ)["application's role"]
        with pytest.raises(CannotStart, match="member of roadbook_owner, which owns the tables"):
            require_fit(load_settings(environ))
    finally:
        admin.execute(
            f"drop owned by {it}; drop role {it}; drop role if exists {it}_between".encode()
        )
    assert finding.verdict is Verdict.FAIL
    assert "is a member of roadbook_owner, which owns the tables" in finding.found


def test_what_waits_for_somebody_is_counted_over_companies_with_the_age_of_the_oldest(
    environ: dict[str, str], fresh_database: dict[str, str], admin: psycopg.Connection
) -> None:
    owner, app = create_engine(fresh_database["owner"]), create_engine(fresh_database["app"])
    for _ in range(2):
        cast = make_cast(owner, Database(app))
        values = {"c": cast.company.id, "p": str(cast.ana.id), "d": str(cast.ana.device.id)}
        admin.execute(
            "insert into kept_item (company_id, op_id, digest, state, person_id, device_id, code,"
            " missing, raw, contract, sent_at, sent_uptime_ms, sent_boot_id, received_at) "
            "select %(c)s, gen_random_uuid(), '\\x00', 'QUARANTINED', %(p)s, %(d)s,"
            " 'invalid_field', '{}', '\\x7b7d', 2, 0, 0, 'x', now() - interval '3 days'",
            values,
        )
        admin.execute(
            "insert into outbox (company_id, topic, payload, attempts, is_set_aside)"
            " values (%(c)s, 'x', '{}', 8, true), (%(c)s, 'x', '{}', 0, false)",
            values,
        )
        admin.execute(
            "insert into file (company_id, id, sha256, size, state, device_id, person_id, stored_at)"
            " values (%(c)s, gen_random_uuid(), 'a', 1, 'STORED', %(d)s, %(p)s, now() - interval '5 hours'),"
            " (%(c)s, gen_random_uuid(), 'b', 1, 'SET_ASIDE', %(d)s, %(p)s, now())",
            values,
        )
    app.dispose()
    owner.dispose()
    findings = found(environ)
    assert str(findings["kept items"]).startswith("WARN kept items: 2 (the oldest 3 d) to be")
    assert findings["work given up"].found == "2"
    assert findings["work given up"].verdict is Verdict.WARN
    assert findings["work for the queue"].verdict is Verdict.OK
    assert str(findings["files to be read"]).startswith(
        "WARN files to be read: 2 (the oldest 5 h), 2 set aside"
    )
    assert findings["waiting for the office"].found == "0 proposals, 0 conflicts, in 2 companies"


def test_epoch_and_watermark_are_shown_and_an_old_watermark_is_a_warning(
    environ: dict[str, str], admin: psycopg.Connection
) -> None:
    findings = found(environ)
    assert "number 1 since" in findings["epoch"].found
    assert "nobody has set it" in findings["watermark"].found
    assert findings["watermark"].verdict is Verdict.WARN
    for age, verdict in (("4 days", Verdict.WARN), ("1 day", Verdict.OK)):
        admin.execute(
            "insert into backup_watermark (covers_until) values (now() - %s::interval)", [age]
        )
        assert found(environ)["watermark"].verdict is verdict


def test_the_connections_own_bound_on_idle_transactions_counts(environ: dict[str, str]) -> None:
    finding = found(environ)["idle_in_transaction_session_timeout"]
    assert (finding.verdict, finding.found) == (Verdict.OK, "30s")


def test_servers_that_are_away_are_told_with_what_to_do(environ: dict[str, str]) -> None:
    environ["DATABASE_URL"] = "postgresql://a@127.0.0.1:1/x"
    environ["REDIS_URL"] = "redis://127.0.0.1:1/0"
    findings = found(environ)
    assert findings["database"].remedy == "check DATABASE_URL"
    assert findings["queue"].remedy == "check REDIS_URL"


def test_it_looks_and_changes_nothing(tmp_path: Path) -> None:
    found({"ROADBOOK_VAR": str(tmp_path / "var")})
    assert list(tmp_path.iterdir()) == []


def test_wrong_settings_are_each_a_failure(environ: dict[str, str]) -> None:
    environ.update(WEB_THREADS="x", ROADBOOK_PORT="0")
    findings = found(environ)
    assert findings["WEB_THREADS"].verdict is Verdict.FAIL
    assert findings["ROADBOOK_PORT"].verdict is Verdict.FAIL
