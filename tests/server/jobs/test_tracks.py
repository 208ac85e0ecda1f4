"""Points go when they are past their retention; partitions are made ahead and dropped behind."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.pool import NullPool

from server.jobs import tracks
from server.jobs.purge import Purged
from server.jobs.tracks import forget_kept_points, keep_partitions, purge_tracks
from server.jobs.work import Workshop
from sync.unit_of_work import Database
from tests.factories import Company, add_policy, make_cast, make_company
from tests.sync.talking import Phone
from tests.track_factories import track, walk_north

ADD = text(
    "insert into track (company_id, received_at, id, person_id, device_id, business_day, began_at,"
    " ended_at, trust, datum, packed, points, removed, distance_cm, dropped_coarse, dropped_zero,"
    " dropped_fast, dropped_repeated, gaps, stops, flags, policy_version)"
    " select :c, cast(:at as timestamptz), gen_random_uuid(), :p, :p, '2026-01-01', now(), now(),"
    " 'CLOCK', 'WGS84', '', 0, 0, 0, 0, 0, 0, 0, '[]', '[]', '{}', 1"
)


def add_track(connection: Connection, company_id: int, at: datetime | str) -> None:
    connection.execute(ADD, {"c": company_id, "at": at, "p": uuid4()})


def days_ago(engine: Engine, days: int) -> Any:
    with engine.connect() as connection:
        return connection.scalar(text("select now() - make_interval(days => :d)"), {"d": days})


def parts(engine: Engine) -> set[str]:
    with engine.connect() as connection:
        found = connection.scalars(
            text(
                "select inhrelid::regclass::text from pg_inherits where inhparent = 'track'::regclass"
            )
        )
        return {name for name in found if name != "track_default"}


def months_from(first: date, count: int) -> set[str]:
    numbers = [first.year * 12 + first.month - 1 + n for n in range(count)]
    return {f"track_{number // 12:04}_{number % 12 + 1:02}" for number in numbers}


@pytest.fixture
def owner(fresh_database: dict[str, str]) -> Iterator[Engine]:
    made = create_engine(fresh_database["owner"], poolclass=NullPool)
    yield made
    made.dispose()


@pytest.fixture
def app(fresh_database: dict[str, str]) -> Iterator[Database]:
    engine = create_engine(fresh_database["app"], poolclass=NullPool)
    yield Database(engine)
    engine.dispose()


# ---- partitions -------------------------------------------------------------------------------


def this_month(engine: Engine) -> date:
    now: datetime = days_ago(engine, 0)
    return now.astimezone(UTC).date().replace(day=1)


def test_the_months_ahead_are_there_and_made_again_where_they_are_missing(
    app: Database, owner: Engine
) -> None:
    ahead = months_from(this_month(owner), 4)
    assert parts(owner) == ahead
    assert keep_partitions(app) == []
    missing = max(ahead)
    with owner.begin() as connection:
        connection.execute(text(f"drop table {missing}"))
    assert keep_partitions(app) == [f"made {missing}"]
    assert parts(owner) == ahead


def test_what_came_without_a_partition_is_moved_into_it(app: Database, owner: Engine) -> None:
    company = make_company(owner)
    missing = max(parts(owner))
    month = f"{missing[6:10]}-{missing[11:13]}"
    with owner.begin() as connection:
        connection.execute(text(f"drop table {missing}"))
        add_track(connection, company.id, f"{month}-15T12:00Z")
        add_track(connection, company.id, "2020-01-15T12:00Z")
    keep_partitions(app)
    with app.company(company.id) as uow:
        where = uow.rows("select received_at, tableoid::regclass::text from track order by 1")
    assert [row[1] for row in where] == ["track_default", missing]


def test_a_new_partition_has_row_level_security_and_is_granted_to_nobody(
    app: Database, owner: Engine
) -> None:
    name = max(parts(owner))
    with owner.begin() as connection:
        connection.execute(text(f"drop table {name}"))
    keep_partitions(app)
    with app.installation() as uow:
        (row,) = uow.rows(
            "select relrowsecurity, has_table_privilege(oid, 'select, insert, update, delete') as held,"
            " (select count(*) from pg_policy where polrelid = c.oid) as policies"
            " from pg_class c where relname = :name",
            name=name,
        )
    assert tuple(row) == (True, False, 1)


def make_old_partition(engine: Engine, days: int) -> str:
    month = days_ago(engine, days).astimezone(UTC).date().replace(day=1)
    (name,) = months_from(month, 1)
    (after,) = months_from(month, 2) - {name}
    until = f"{after[6:10]}-{after[11:13]}-01T00:00Z"
    with engine.begin() as connection:
        connection.execute(
            text(
                f"create table {name} partition of track"
                f" for values from ('{month}T00:00Z') to ('{until}')"
            )
        )
    return name


def test_a_month_past_every_companys_retention_is_dropped(app: Database, owner: Engine) -> None:
    short, long = make_company(owner), make_company(owner)
    with owner.begin() as connection:
        add_policy(connection, short, version=2, track_days=30)
        add_policy(connection, long, version=2, track_days=100)
        add_policy(connection, long, version=3, track_days=90)
    kept, dropped = make_old_partition(owner, 70), make_old_partition(owner, 130)
    assert keep_partitions(app) == [f"dropped {dropped}"]
    assert kept in parts(owner)


def test_without_a_company_the_default_retention_holds(app: Database, owner: Engine) -> None:
    kept, dropped = make_old_partition(owner, 170), make_old_partition(owner, 220)
    assert keep_partitions(app) == [f"dropped {dropped}"]
    assert kept in parts(owner)


def test_a_table_that_a_session_puts_in_its_place_decides_nothing(
    app: Database, owner: Engine
) -> None:
    kept = make_old_partition(owner, 100)
    with app.installation() as uow:
        uow.run(
            "create temp table policy as"
            """ select 1 as company_id, 1 as version, cast('{"track_days": 30}' as jsonb) as settings"""
        )
        uow.run("grant select on pg_temp.policy to public")
        assert uow.rows("select keep_track_partitions()") == []
        uow.run("drop table pg_temp.policy")
    assert kept in parts(owner)


def test_while_somebody_else_keeps_them_nothing_is_done(app: Database, owner: Engine) -> None:
    name = max(parts(owner))
    with owner.begin() as connection:
        connection.execute(text(f"drop table {name}"))
    with owner.begin() as connection:
        connection.execute(
            text("select pg_advisory_xact_lock(hashtext('roadbook track partitions'))")
        )
        assert keep_partitions(app) == []
    assert keep_partitions(app) == [f"made {name}"]


# ---- retention ----------------------------------------------------------------------------------


def count(database: Database, company: Company) -> int:
    with database.company(company.id) as uow:
        return int(uow.rows("select count(*) from track")[0][0])


def test_tracks_go_after_their_companys_retention_in_batches(
    job_database: Database, company: Company, owner_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracks, "BATCH", 2)
    other = make_company(owner_engine)
    with owner_engine.begin() as connection:
        add_policy(connection, company, version=2, track_days=30)
    with owner_engine.begin() as connection:
        for of in (company, other):
            for days in (1, 29, 31, 100, 150):
                add_track(connection, of.id, days_ago(owner_engine, days))
    assert purge_tracks(job_database, company.id, batches=1) == Purged(2, is_done=False)
    assert purge_tracks(job_database, company.id) == Purged(1, is_done=True)
    assert count(job_database, company) == 2
    assert purge_tracks(job_database, other.id) == Purged(0, is_done=True)
    assert count(job_database, other) == 5


def test_what_was_sent_of_a_decided_track_is_emptied_and_of_an_open_one_stays(
    shop: Workshop, owner_engine: Engine
) -> None:
    cast = make_cast(owner_engine, shop.database)
    ada = Phone(shop.engine, cast.ada.device)
    refused = [track(ada, walk_north(3), began=ada.now - 600_000) for _ in range(2)]
    ada.push(*refused, ada.visit(cast.ana_stores[0]))
    with shop.database.company(cast.company.id) as uow:
        uow.run("update kept_item set received_at = now()")
        rows = uow.rows("select op_id, digest from kept_item where kind = 'track' order by op_id")
        uow.run("update kept_item set state = 'SET_ASIDE' where kind = 'visit'")
    shop.engine.set_aside(
        cast.company.id, rows[0].op_id, bytes(rows[0].digest), decided_by="Ada", reason="no"
    )
    assert forget_kept_points(shop.database, shop.engine, cast.company.id) == Purged(1, True)
    assert forget_kept_points(shop.database, shop.engine, cast.company.id) == Purged(0, True)
    with shop.database.company(cast.company.id) as uow:
        found = uow.rows(
            "select op_id, state, raw from kept_item where kind = 'track' order by op_id"
        )
        (visit,) = uow.rows("select raw from kept_item where kind = 'visit'")
    assert [(row.state, bool(row.raw)) for row in found] == [
        ("SET_ASIDE", False),
        ("QUARANTINED", True),
    ]
    assert visit.raw
    # Its sender is still told what became of it, by digest and result.
    (again,) = ada.push(refused[0])
    assert again["status"] == "duplicate"


def test_a_track_that_nobody_decided_in_time_is_set_aside_with_the_reason(
    shop: Workshop, owner_engine: Engine
) -> None:
    cast = make_cast(owner_engine, shop.database)
    ada = Phone(shop.engine, cast.ada.device)
    ada.push(track(ada, walk_north(3), began=ada.now - 600_000))
    with shop.database.company(cast.company.id) as uow:
        uow.run("update kept_item set received_at = now() - interval '181 days'")
    forget_kept_points(shop.database, shop.engine, cast.company.id)
    with shop.database.company(cast.company.id) as uow:
        (row,) = uow.rows("select state, raw, decided_by, reason from kept_item")
    assert (row.state, bytes(row.raw), row.decided_by) == ("SET_ASIDE", b"", tracks.DECIDED_BY)
    assert "180 days" in row.reason
