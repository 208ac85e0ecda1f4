"""One embedded PostgreSQL and Redis for the whole run, and a migrated database per process.

The servers are durable, as in production, but their folder is in memory where there is room, so that nobody waits for a
disk. A process that is killed loses nothing by that, since the kernel has what it wrote. With several test processes (make test) the first one starts the servers and the others are told where
they are; each has a database of its own, copied from one that was migrated once.
"""

import gc
import os
import shutil
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
import redis
from psycopg import sql
from sqlalchemy import Engine, create_engine, make_url

from server.embedded import Embedded
from server.embedded_postgres import APP, OWNER
from server.migrate import migrate

TEMPLATE = "roadbook_template"
IN_MEMORY = Path("/dev/shm")
ROOM = 3 * 1024**3
_servers: list[Embedded] = []


def pytest_configure_node(node: Any) -> None:
    """Tell a test process of pytest-xdist where the servers are."""
    node.workerinput["servers"] = _start(node.config)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Tests are loaded without a look for garbage, of which there is none; what is loaded stays."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_unconfigure(config: pytest.Config) -> None:
    while _servers:
        servers = _servers.pop()
        servers.stop()
        shutil.rmtree(servers.var, ignore_errors=True)


@pytest.fixture(scope="session")
def servers(request: pytest.FixtureRequest) -> dict[str, str]:
    """The addresses `admin` (a superuser, database postgres) and `redis`."""
    told: dict[str, str] | None = getattr(request.config, "workerinput", {}).get("servers")
    return told or _start(request.config)


@pytest.fixture(scope="session")
def database(servers: dict[str, str], worker_id: str) -> Iterator[dict[str, str]]:
    """A migrated database of this test process: its addresses as `app`, `owner` and `admin`."""
    with copied_database(servers, f"roadbook_{worker_id}") as urls:
        yield urls


@pytest.fixture
def fresh_database(servers: dict[str, str]) -> Iterator[dict[str, str]]:
    """A migrated database for one test alone."""
    with copied_database(servers, f"roadbook_{uuid4().hex[:12]}") as urls:
        yield urls


@pytest.fixture
def fresh_engine(fresh_database: dict[str, str]) -> Iterator[Engine]:
    """As `engine`, in the database of this test alone."""
    made = create_engine(fresh_database["app"], max_overflow=0)
    yield made
    made.dispose()


@pytest.fixture
def fresh_owner_engine(fresh_database: dict[str, str]) -> Iterator[Engine]:
    """As `owner_engine`, in the database of this test alone."""
    made = create_engine(fresh_database["owner"], max_overflow=0)
    yield made
    made.dispose()


@pytest.fixture(scope="session")
def engine(database: dict[str, str]) -> Iterator[Engine]:
    """Connections as the application's role: it owns nothing and row-level security binds it."""
    made = create_engine(database["app"], pool_size=10, max_overflow=0, pool_timeout=30)
    yield made
    made.dispose()


@pytest.fixture(scope="session")
def owner_engine(database: dict[str, str]) -> Iterator[Engine]:
    """Connections as the owner of the tables."""
    made = create_engine(database["owner"], pool_size=5, max_overflow=0, pool_timeout=30)
    yield made
    made.dispose()


@pytest.fixture(scope="session")
def redis_url(servers: dict[str, str], worker_id: str) -> str:
    """A numbered database of Redis that belongs to this test process."""
    number = 1 + int(worker_id.removeprefix("gw")) if worker_id.startswith("gw") else 0
    url = servers["redis"].replace("db=0", f"db={number}")
    with redis.Redis.from_url(url) as client:
        client.flushdb()
    return url


@contextmanager
def copied_database(servers: dict[str, str], name: str) -> Iterator[dict[str, str]]:
    """A copy of the migrated database under another name, dropped at the end."""
    with _admin(servers) as connection:
        _drop(connection, name)
        connection.execute(
            sql.SQL("create database {} template {} owner {} strategy file_copy").format(
                sql.Identifier(name), sql.Identifier(TEMPLATE), sql.Identifier(OWNER)
            )
        )
    yield {
        role: str(
            make_url(servers["admin"])
            .set(database=name, username=user)
            .render_as_string(hide_password=False)
        )
        for role, user in (("app", APP), ("owner", OWNER), ("admin", "postgres"))
    }
    with _admin(servers) as connection:
        _drop(connection, name)


def _drop(connection: psycopg.Connection, name: str) -> None:
    connection.execute(
        sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name))
    )


def _admin(servers: dict[str, str]) -> psycopg.Connection:
    url = make_url(servers["admin"])
    return psycopg.connect(
        host=str(url.query["host"]), user=url.username, dbname=url.database, autocommit=True
    )


def _start(config: pytest.Config) -> dict[str, str]:
    if not _servers:
        _servers.append(
            Embedded.start(Path(tempfile.mkdtemp(prefix="roadbook-test-", dir=_room())))
        )
        _make_template(_servers[0])
    return {
        "admin": _servers[0].url(database="postgres"),
        "redis": _servers[0].addresses.redis_url,
    }


def _room() -> Path | None:
    """A folder in memory with room for all tests; None where there is none."""
    is_there = IN_MEMORY.is_dir() and os.access(IN_MEMORY, os.W_OK)
    return IN_MEMORY if is_there and shutil.disk_usage(IN_MEMORY).free > ROOM else None


def _make_template(servers: Embedded) -> None:
    with servers.postgres.connect("postgres") as connection:
        # What is in memory is not to grow to the gigabytes that a service may keep.
        connection.execute("alter system set max_wal_size = '256MB'")
        connection.execute("select pg_reload_conf()")
        connection.execute(
            sql.SQL("create database {} owner {}").format(
                sql.Identifier(TEMPLATE), sql.Identifier(OWNER)
            )
        )
    with servers.postgres.connect(TEMPLATE) as connection:
        connection.execute(
            sql.SQL("grant usage on schema public to {}").format(sql.Identifier(APP))
        )
    migrate(servers.url(OWNER, TEMPLATE), app_role=APP)


if "PYTEST_XDIST_WORKER" not in os.environ:

    @pytest.fixture(scope="session")
    def worker_id() -> str:
        """The name of this test process where pytest-xdist gives none."""
        return "alone"
