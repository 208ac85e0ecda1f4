"""Epochs are turned and watermarks set by the owner, and only ever forward."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.pool import NullPool

from server.app import create_app
from server.cli import roadbook
from server.http.service import Service
from server.restore.epochs import (
    LEAST_MARGIN,
    WatermarkRefused,
    in_flight,
    longest_push,
    set_watermark,
    show_epoch,
    show_watermark,
    turn_epoch,
)
from server.settings import load_settings
from sync.epoch import current_epoch
from tests.factories import make_company

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)

Run = Callable[..., Result]


@pytest.fixture
def owner(fresh_database: dict[str, str]) -> Iterator[Engine]:
    made = create_engine(fresh_database["owner"], poolclass=NullPool)
    yield made
    made.dispose()


@pytest.fixture
def connection(owner: Engine) -> Iterator[Connection]:
    with owner.begin() as made:
        yield made


@pytest.fixture
def run(fresh_database: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("DATABASE_URL", fresh_database["app"])
    monkeypatch.setenv("DATABASE_OWNER_URL", fresh_database["owner"])
    monkeypatch.setenv("SECRET_KEY", "a secret of thirty-two characters and more")
    monkeypatch.setenv("ROADBOOK_VAR", str(tmp_path))
    return lambda *words: CliRunner().invoke(roadbook, list(words))


def test_a_turned_epoch_has_another_name_for_phones_too(connection: Connection) -> None:
    before = show_epoch(connection)
    after = turn_epoch(connection, "restored the backup of Tuesday")
    assert after.name != before.name
    assert after.number == before.number + 1
    assert after.reason == "restored the backup of Tuesday"
    driver = connection.connection.driver_connection
    assert current_epoch(driver).name == after.name  # type: ignore[arg-type]


def test_epochs_are_counted_though_a_crash_leaves_gaps_in_their_numbers(
    connection: Connection,
) -> None:
    connection.execute(text("select setval(pg_get_serial_sequence('epoch', 'number'), 33)"))
    assert turn_epoch(connection, "after a crash").number == 2


def test_turning_corrects_what_speaks_of_transactions_that_are_yet_to_come(
    owner: Engine,
) -> None:
    company = make_company(owner)
    with owner.begin() as connection:
        connection.execute(text("insert into xid_mark (xid) values ('999999999999')"))
        connection.execute(
            text("insert into feed_horizon (company_id, purged_below) values (:c, '999999999999')"),
            {"c": company.id},
        )
    with owner.begin() as connection:
        turn_epoch(connection, "restored from another server")
    with owner.begin() as connection:
        assert connection.execute(text("select count(*) from xid_mark")).scalar_one() == 0
        assert connection.execute(
            text("select purged_below < pg_current_xact_id() from feed_horizon")
        ).scalar_one()


def test_turning_takes_changes_of_another_numbering_out_of_the_feed_and_leaves_the_others(
    owner: Engine,
) -> None:
    company = make_company(owner)
    values = {"c": company.id, "key": company.key}
    with owner.begin() as connection:
        for number, xid in enumerate(("3", "999999999999"), 1):
            row = {**values, "xid": xid, "seq": number}
            connection.execute(
                text(
                    "insert into change (company_id, key, xid, seq, kind, id) overriding system value"
                    " values (:c, :key, cast(:xid as xid8), :seq, 1, :key)"
                ),
                row,
            )
            connection.execute(
                text(
                    "insert into holder_change (company_id, person_id, xid, seq, key)"
                    " overriding system value values (:c, :key, cast(:xid as xid8), :seq, :key)"
                ),
                row,
            )
    with owner.begin() as connection:
        turn_epoch(connection, "restored into a younger server")
    with owner.begin() as connection:
        for table in ("change", "holder_change"):
            asked = text(f"select xid::text from {table} where company_id = :c")
            assert connection.execute(asked, values).scalars().all() == ["3"]


def test_a_watermark_is_what_was_committed_before_the_backup_whatever_came_just_before_it(
    connection: Connection,
) -> None:
    covers = set_watermark(connection, NOON, now=NOON)
    assert covers == NOON - LEAST_MARGIN == NOON - timedelta(minutes=10)
    assert show_watermark(connection) == covers


def test_the_margin_covers_the_longest_push_that_the_settings_allow(tmp_path: Path) -> None:
    place = {"ROADBOOK_VAR": str(tmp_path)}
    assert in_flight(load_settings(place)) == LEAST_MARGIN
    slow = load_settings(place | {"REQUEST_READ_S": "600", "STATEMENT_TIMEOUT_S": "600"})
    assert longest_push(slow) == timedelta(seconds=600 + 4 * (5 + 10 + 600))
    # A process that stands still before its commit loses its transaction after so long.
    assert in_flight(slow) == longest_push(slow) + timedelta(seconds=30)


def test_the_web_server_lets_no_push_commit_after_what_the_margin_allows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = load_settings({"ROADBOOK_VAR": str(tmp_path), "REQUEST_READ_S": "500"})
    made: list[Service] = []
    monkeypatch.setattr("server.app.build_app", lambda service, *_, **__: made.append(service))
    monkeypatch.setattr("server.app.write_logs", lambda _level: None)
    create_app(chosen)
    longest_s = made[0].longest_push_s
    assert longest_s is not None
    assert longest_s == longest_push(chosen).total_seconds()
    assert timedelta(seconds=longest_s + chosen.idle_in_transaction_s) <= in_flight(chosen)


def test_a_watermark_rises_and_never_falls(connection: Connection) -> None:
    assert show_watermark(connection) is None
    set_watermark(connection, NOON, now=NOON)
    covers = set_watermark(connection, NOON + timedelta(hours=1), now=NOON + timedelta(hours=1))
    with pytest.raises(WatermarkRefused, match="only rises"):
        set_watermark(connection, NOON, now=NOON + timedelta(days=1))
    assert show_watermark(connection) == covers


def test_a_watermark_does_not_cover_what_is_still_to_come(connection: Connection) -> None:
    with pytest.raises(WatermarkRefused, match="still to come"):
        set_watermark(connection, NOON + timedelta(seconds=1), now=NOON)


def test_an_operator_turns_and_sets_at_the_terminal(run: Run) -> None:
    before = run("epoch", "show").output.split()[0]
    turned = run("epoch", "turn", "--reason", "a drill")
    assert turned.exit_code == 0
    shown = run("epoch", "show").output
    assert shown.split()[0] != before
    assert "a drill" in shown
    assert "phones keep what they sent for 30 days" in run("watermark", "show").output
    told = run("watermark", "set", "--until", "2026-03-04T02:00:00+00:00").output
    assert "up to 2026-03-04T01:50:00+00:00, 10 min before the backup was begun" in told
    assert run("watermark", "show").output.strip() == "2026-03-04T01:50:00+00:00"


@pytest.mark.parametrize("until", ["yesterday", "2026-03-04T02:00:00", "2999-01-01T00:00:00+00:00"])
def test_a_moment_that_cannot_be_one_is_refused_in_words(run: Run, until: str) -> None:
    done = run("watermark", "set", "--until", until)
    assert done.exit_code != 0
    assert "Traceback" not in done.output


def test_without_the_owners_address_it_says_which_setting_is_missing(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_OWNER_URL")
    done = run("epoch", "show")
    assert done.exit_code == 1
    assert "DATABASE_OWNER_URL" in done.output
