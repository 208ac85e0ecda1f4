"""Cursors across runs of the database server: what a crash may number again is never taken for seen."""

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from threading import Event

import psycopg
import pytest
import sqlalchemy
from sqlalchemy import create_engine, make_url, text

from server.embedded import Embedded
from server.embedded_postgres import APP, OWNER
from server.migrate import migrate
from sync.engine import Engine
from sync.epoch import current_epoch
from sync.kinds import ALL_KINDS
from sync.unit_of_work import RUN, Database
from tests.factories import make_cast
from tests.sync.office import describe
from tests.sync.talking import Phone, rows_of, scope_of


def restarted_at(owner: sqlalchemy.Engine, xid: int) -> None:
    """Let it look as if the server had started anew, its first transaction id being this one."""
    with owner.begin() as connection:
        connection.execute(text("delete from server_start where run = " + RUN))
        connection.execute(
            text("insert into server_start (run, xid) select " + RUN + ", cast(:xid as xid8)"),
            {"xid": str(xid)},
        )


@pytest.fixture
def own(fresh_database: dict[str, str]) -> Iterator[tuple[sqlalchemy.Engine, Database]]:
    """A database whose runs no other test looks at: its owner, and as the application sees it."""
    owner, app = create_engine(fresh_database["owner"]), create_engine(fresh_database["app"])
    yield owner, Database(app)
    app.dispose()
    owner.dispose()


def test_a_connection_that_was_opened_before_the_database_is_not_used_as_it_is(
    fresh_database: dict[str, str],
) -> None:
    engine = create_engine(fresh_database["app"], pool_size=1, max_overflow=0)
    with engine.connect() as early:
        early.execute(text("select 1"))
    db = Database(engine)
    for _ in range(2):  # of these the driver would forget what was prepared, when it rolls back
        with suppress(ZeroDivisionError), db.installation() as uow:
            current_epoch(uow.driver)
            raise ZeroDivisionError
    with db.installation() as uow:
        assert uow.driver.prepare_threshold is None
        assert current_epoch(uow.driver).name
    engine.dispose()


def test_what_was_written_from_the_first_id_of_a_later_run_on_is_not_taken_for_seen(
    own: tuple[sqlalchemy.Engine, Database],
) -> None:
    owner, db = own
    cast = make_cast(owner, db)
    ana = Phone(Engine(db, ALL_KINDS, b"s" * 32), cast.ana.device)
    with db.company(cast.company.id) as uow:
        describe(uow, cast.ana_stores[0], "before")
    with db.company(cast.company.id) as uow:
        describe(uow, cast.ana_stores[1], "numbered again")
        xid = int(uow.rows("select pg_current_xact_id()::text")[0][0])
    ana.pull()
    assert ana.pull() == []
    # The cursor's snapshot says that this id was seen; but it was given anew after a crash.
    restarted_at(owner, xid)
    assert [c["id"] for c in ana.pull()] == [str(cast.ana_stores[1])]
    assert ana.pull() == []


def test_a_pull_that_was_under_way_goes_on_after_a_restart_and_misses_nothing(
    own: tuple[sqlalchemy.Engine, Database],
) -> None:
    owner, db = own
    cast = make_cast(owner, db)
    mia = Phone(Engine(db, ALL_KINDS, b"s" * 32), cast.mia.device)
    mia.page(2)
    with db.company(cast.company.id) as uow:
        describe(uow, cast.ana_stores[1], "numbered again")
        xid = int(uow.rows("select pg_current_xact_id()::text")[0][0])
    restarted_at(owner, xid)
    mia.page(2)
    with db.company(cast.company.id) as uow:
        describe(uow, cast.ben_stores[1], "afterwards")
    mia.pull(2)
    mia.pull(2)
    held = {id_: record["version"] for id_, record in mia.held.items()}
    assert held == {str(k): v for k, v in scope_of(db, cast, cast.mia).items()}


def test_statistics_that_are_reset_by_hand_cost_some_repeats_and_nothing_else(
    own: tuple[sqlalchemy.Engine, Database],
) -> None:
    owner, db = own
    cast = make_cast(owner, db)
    ana = Phone(Engine(db, ALL_KINDS, b"s" * 32), cast.ana.device)
    ana.pull()
    # The connections stay, so nobody notes a run.
    with owner.begin() as connection:
        connection.execute(text("delete from server_start where run = " + RUN))
        connection.execute(text("insert into server_start (run, xid) values ('earlier', '3')"))
    with db.company(cast.company.id) as uow:
        describe(uow, cast.ana_stores[1], "afterwards")
    ana.pull()
    assert ana.fields(cast.ana_stores[1])["address"] == "afterwards"
    assert ana.pull() == []
    db.engine.dispose()
    ana.pull()
    assert ana.pull() == []


@pytest.mark.slow
def test_a_killed_backend_begins_a_new_run_and_no_phone_misses_a_change() -> None:
    var = Path(tempfile.mkdtemp(prefix="roadbook-test-"))
    servers = Embedded.start(var, with_redis=False)
    try:
        with servers.postgres.connect() as connection:
            connection.execute(f"grant usage on schema public to {APP}")
        migrate(servers.url(OWNER), app_role=APP)
        _kill_and_pull(servers)
    finally:
        servers.stop()
        shutil.rmtree(var, ignore_errors=True)


def _kill_and_pull(servers: Embedded) -> None:
    owner = create_engine(make_url(servers.url(OWNER)))
    db = Database(create_engine(make_url(servers.url(APP)), pool_size=8, max_overflow=0))
    cast = make_cast(owner, db)
    ana = Phone(Engine(db, ALL_KINDS, b"s" * 32), cast.ana.device)
    before = rows_of(db, cast, "select id, run from server_start")
    began = rows_of(db, cast, "select pg_postmaster_start_time()")
    for _ in range(20):  # ids that the crash will forget
        with db.rehearsal(cast.company.id) as uow:
            describe(uow, cast.ana_stores[0], "undone")
    ana.pull()
    with ExitStack() as busy:
        for _ in range(8):
            busy.enter_context(db.reading(cast.company.id))
    run = _run(servers)
    with servers.postgres.connect() as victim:
        os.kill(victim.info.backend_pid, signal.SIGKILL)
        _wait_until_back(servers, run)
    owner.dispose()

    # Every connection of the pool is dead by now; a push gets through all the same.
    assert ana.push_one(ana.visit(cast.ana_stores[1]))["status"] == "applied"
    with db.company(cast.company.id) as uow:
        describe(uow, cast.ana_stores[0], "after the crash")
    ana.pull()
    assert ana.fields(cast.ana_stores[0])["address"] == "after the crash"
    assert len(ana.ids("visit")) == 1
    after = rows_of(db, cast, "select id, run from server_start order by id")
    assert rows_of(db, cast, "select pg_postmaster_start_time()") == began
    assert [row.id for row in after][: len(before)] == [row.id for row in before]
    assert len(after) == len(before) + 1
    db.engine.dispose()


def _run(servers: Embedded) -> str:
    with servers.postgres.connect() as connection:
        row = connection.execute("select " + RUN).fetchone()
        assert row is not None
        return str(row[0])


def _wait_until_back(servers: Embedded, earlier: str) -> None:
    """Wait for the next run; for a moment after the kill the old one still answers."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        with suppress(psycopg.OperationalError):
            if _run(servers) != earlier:
                return
        Event().wait(0.05)
    raise AssertionError("the database did not come back")
