"""What is too old goes, in batches; what a pull may still need stays, and horizons say how far."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine

from server.jobs import purge
from server.jobs.purge import mark_xid, purge_changes, purge_ledger
from sync.unit_of_work import Database
from tests.factories import Company
from tests.server.jobs.conftest import run, until

KEY = UUID("5b0c7f5e-54a1-4a0c-9a54-5f2c2f6f3a01")


@pytest.fixture(autouse=True)
def no_marks(owner_engine: Engine) -> None:
    with owner_engine.begin() as connection:
        connection.exec_driver_sql("delete from xid_mark")


def add_receipt(database: Database, company: Company, days_old: int) -> None:
    run(
        database,
        company,
        "insert into ledger (company_id, op_id, person_id, device_id, digest, result, received_at)"
        " values (:c, :id, :id, :id, 'x', '{}', now() - make_interval(days => :days))",
        id=uuid4(),
        days=days_old,
    )


def add_change(database: Database, company: Company) -> None:
    run(
        database,
        company,
        "insert into change (company_id, key, kind, id) values (:c, :key, 1, :key)",
        key=KEY,
    )


def age_marks(owner_engine: Engine, days: int) -> None:
    with owner_engine.begin() as connection:
        connection.exec_driver_sql(f"update xid_mark set at = at - interval '{days} days'")


def wait_for_older_transactions(owner_engine: Engine) -> None:
    """Ids are given to the whole server: a test beside this one may hold a transaction that is older
    than the mark, and until it ends nothing below the mark may go.
    """

    def is_settled() -> bool:
        with owner_engine.connect() as connection:
            settled: bool = connection.exec_driver_sql(
                "select bool_and(xid < pg_snapshot_xmin(pg_current_snapshot())) from xid_mark"
            ).scalar_one()
        return settled

    until(is_settled, "a transaction beside this test does not end")


def read(database: Database, company: Company, statement: str) -> Any:
    with database.company(company.id) as uow:
        return uow.rows(statement)


def test_old_receipts_go_and_young_ones_stay(
    job_database: Database, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(purge, "BATCH", 2)
    for days in (1, 399, 401, 500, 600, 700, 800):
        add_receipt(job_database, company, days)
    assert purge_ledger(job_database, company.id, days=400, batches=1) == purge.Purged(2, False)
    assert purge_ledger(job_database, company.id, days=400) == purge.Purged(3, True)
    assert read(job_database, company, "select count(*) from ledger")[0][0] == 2


def test_changes_older_than_the_mark_go_and_the_horizon_says_so(
    job_database: Database, company: Company, owner_engine: Engine
) -> None:
    add_change(job_database, company)
    add_change(job_database, company)
    mark_xid(job_database, days=90)
    age_marks(owner_engine, 91)
    add_change(job_database, company)
    wait_for_older_transactions(owner_engine)
    assert purge_changes(job_database, company.id, days=90) == purge.Purged(2, True)
    assert read(job_database, company, "select count(*) from change")[0][0] == 1
    (horizon,) = read(job_database, company, "select purged_below::text from feed_horizon")
    (mark,) = read(job_database, company, "select xid::text from xid_mark")
    assert horizon[0] == mark[0]


def test_without_an_old_mark_nothing_goes(
    job_database: Database, company: Company, owner_engine: Engine
) -> None:
    add_change(job_database, company)
    assert purge_changes(job_database, company.id, days=90) == purge.Purged(0, True)
    mark_xid(job_database, days=90)
    assert purge_changes(job_database, company.id, days=90) == purge.Purged(0, True)
    assert read(job_database, company, "select count(*) from change")[0][0] == 1
    assert read(job_database, company, "select * from feed_horizon") == []


def test_a_mark_from_the_future_of_this_database_purges_nothing(
    job_database: Database, company: Company, owner_engine: Engine
) -> None:
    add_change(job_database, company)
    with owner_engine.begin() as connection:
        connection.exec_driver_sql(
            "insert into xid_mark (at, xid) values (now() - interval '100 days', '999999999999')"
        )
    assert purge_changes(job_database, company.id, days=90) == purge.Purged(0, True)


def test_the_horizon_never_falls(
    job_database: Database, company: Company, owner_engine: Engine
) -> None:
    run(
        job_database,
        company,
        "insert into feed_horizon (company_id, purged_below) values (:c, pg_current_xact_id())",
    )
    (before,) = read(job_database, company, "select purged_below::text from feed_horizon")
    with owner_engine.begin() as connection:
        connection.exec_driver_sql(
            "insert into xid_mark (at, xid) values (now() - interval '100 days', '3')"
        )
    purge_changes(job_database, company.id, days=90)
    assert read(job_database, company, "select purged_below::text from feed_horizon") == [before]


def test_marks_are_made_about_once_an_hour_and_the_last_old_one_stays(
    job_database: Database, company: Company, owner_engine: Engine
) -> None:
    for _ in range(3):
        mark_xid(job_database, days=90)
        mark_xid(job_database, days=90)
        age_marks(owner_engine, 50)
    assert len(read(job_database, company, "select * from xid_mark")) == 3
    mark_xid(job_database, days=90)
    # 50, 100 and 150 days old, and a new one: of those past 90 days the youngest is needed.
    assert len(read(job_database, company, "select * from xid_mark")) == 3


def test_a_purge_does_not_touch_another_company(
    job_database: Database, company: Company, owner_engine: Engine
) -> None:
    from tests.factories import make_company

    other = make_company(owner_engine)
    add_receipt(job_database, other, 900)
    add_change(job_database, other)
    mark_xid(job_database, days=90)
    age_marks(owner_engine, 91)
    wait_for_older_transactions(owner_engine)
    purge_ledger(job_database, company.id, days=400)
    purge_changes(job_database, company.id, days=90)
    assert read(job_database, other, "select count(*) from ledger")[0][0] == 1
    assert read(job_database, other, "select count(*) from change")[0][0] == 1
