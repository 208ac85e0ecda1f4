"""What migrations make of data that is there already."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from psycopg import sql
from sqlalchemy import Connection, create_engine, inspect, make_url, text
from sqlalchemy.pool import NullPool

from server.embedded_postgres import APP, OWNER
from server.migrate import _config
from sync.schema import metadata
from sync.tables import is_partition
from tests.conftest import _admin, _drop

REMARK = text(
    "insert into remark (company_id, op_id, kind, op, entity_id, person_id, reason, media, received_at)"
    " values (1, :op_id, 'visit', 'correct', :op_id, :op_id, :reason, '{}', :at)"
)
LEDGER = text(
    "insert into ledger (company_id, op_id, person_id, device_id, digest, result, received_at)"
    " values (1, :op_id, :op_id, :op_id, :digest, '{}', :at)"
)
KEPT = text(
    "insert into kept_item (company_id, op_id, digest, person_id, device_id, state, missing, raw,"
    " contract, sent_at, sent_uptime_ms, sent_boot_id, received_at)"
    " values (1, :op_id, :digest, :op_id, :op_id, 'RELEASED', '{}', '', 2, 0, 0, '', :at)"
)


@pytest.fixture
def empty_database(servers: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The owner's address of a database without tables."""
    name = f"roadbook_{uuid4().hex[:12]}"
    monkeypatch.setenv("ROADBOOK_APP_ROLE", APP)
    with _admin(servers) as connection:
        connection.execute(
            sql.SQL("create database {} owner {}").format(
                sql.Identifier(name), sql.Identifier(OWNER)
            )
        )
    yield (
        make_url(servers["admin"])
        .set(database=name, username=OWNER)
        .render_as_string(hide_password=False)
    )
    with _admin(servers) as connection:
        _drop(connection, name)


def _connect(url: str) -> Connection:
    return create_engine(make_url(url), poolclass=NullPool).connect()


def test_remarks_that_are_there_are_told_apart_by_whose_they_are(empty_database: str) -> None:
    command.upgrade(_config(empty_database), "0006")
    one, two, three = uuid4(), uuid4(), uuid4()
    with _connect(empty_database) as connection, connection.begin():
        rows = (
            (REMARK, {"op_id": one, "reason": "applied at once", "at": "2026-03-04T01:00Z"}),
            (LEDGER, {"op_id": one, "digest": b"one", "at": "2026-03-04T01:00Z"}),
            (REMARK, {"op_id": two, "reason": "released later", "at": "2026-03-04T03:00Z"}),
            (LEDGER, {"op_id": two, "digest": b"first", "at": "2026-03-04T02:00Z"}),
            (KEPT, {"op_id": two, "digest": b"two", "at": "2026-03-04T03:00Z"}),
            (REMARK, {"op_id": three, "reason": "long ago", "at": "2025-01-01T00:00Z"}),
        )
        for statement, values in rows:
            connection.execute(statement, values)
    command.upgrade(_config(empty_database), "head")
    with _connect(empty_database) as connection:
        found = connection.execute(text("select reason, digest from remark")).all()
    assert {reason: bytes(digest) for reason, digest in found} == {
        "applied at once": b"one",
        "released later": b"two",
        "long ago": b"",
    }


@pytest.mark.filterwarnings("ignore:Did not recognize type 'xid8'")
def test_the_migrated_schema_is_that_of_the_tables(empty_database: str) -> None:
    command.upgrade(_config(empty_database), "head")
    with _connect(empty_database) as connection:
        opts = {
            "compare_type": True,
            "include_name": lambda name, kind, _: kind != "table" or not is_partition(name),
        }
        context = MigrationContext.configure(connection, opts=opts)
        differs = compare_metadata(context, metadata)
        # Which is not compared by that.
        keys = {
            table: inspect(connection).get_pk_constraint(table)["constrained_columns"]
            for table in metadata.tables
        }
    assert differs == []
    assert keys == {
        name: [column.name for column in table.primary_key.columns]
        for name, table in metadata.tables.items()
    }
