"""The embedded servers, killed and started again; each test has a cluster of its own."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import psycopg
import pytest
import redis

from server import processes
from server.embedded import Embedded, addresses
from server.embedded_postgres import APP, OWNER
from server.processes import CannotStart


@pytest.fixture
def var() -> Iterator[Path]:
    # Not pytest's folder: only its owner may pass through that, and PostgreSQL is not root.
    folder = Path(tempfile.mkdtemp(prefix="roadbook-var-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def running(var: Path) -> Iterator[Embedded]:
    servers = Embedded.start(var)
    yield servers
    servers.stop()


def test_the_roles_are_as_promised(running: Embedded) -> None:
    with running.postgres.connect() as connection:
        roles: dict[str, bool] = dict(
            connection.execute(
                "select rolname, rolsuper or rolbypassrls or rolcreatedb or rolcreaterole "
                "from pg_roles where rolname in (%s, %s)",
                [APP, OWNER],
            ).fetchall()
        )
        owner = connection.execute(
            "select pg_get_userbyid(datdba) from pg_database where datname = 'roadbook'"
        ).fetchone()
    assert roles == {APP: False, OWNER: False}
    assert owner == (OWNER,)


def test_what_was_acknowledged_is_durable_and_only_a_socket_listens(running: Embedded) -> None:
    with running.postgres.connect(user=APP) as connection:
        shown = {
            name: connection.execute("select current_setting(%s)", [name]).fetchone()
            for name in ("fsync", "full_page_writes", "synchronous_commit", "listen_addresses")
        }
    assert shown == {
        "fsync": ("on",),
        "full_page_writes": ("on",),
        "synchronous_commit": ("on",),
        "listen_addresses": ("",),
    }
    with redis.Redis.from_url(running.addresses.redis_url) as client:
        assert client.config_get("port") == {"port": "0"}
        assert client.config_get("appendonly") == {"appendonly": "yes"}


def test_nothing_committed_is_lost_when_the_postmaster_is_killed(running: Embedded) -> None:
    with running.postgres.connect() as connection:
        connection.execute("create table kept as select 1 as one")
        assert running.postgres.child is not None
        running.postgres.child.kill()
        running.postgres.child.wait()
        running.postgres.start()
    with running.postgres.connect() as connection:
        assert connection.execute("select one from kept").fetchone() == (1,)


def test_a_pid_file_that_names_a_stranger_does_not_block_the_start(running: Embedded) -> None:
    running.stop()
    (running.postgres.data / "postmaster.pid").write_text(
        f"{os.getppid()}\n{running.postgres.data}\n1\n5432\n\n\n\nready\n"
    )
    processes.remember(running.postgres.pid_file, os.getppid())
    running.postgres.pid_file.write_text(
        running.postgres.pid_file.read_text().replace('"started": ', '"started": 1')
    )
    running.postgres.start()
    with running.postgres.connect() as connection:
        assert connection.execute("select 1").fetchone() == (1,)


def test_the_lock_of_a_socket_that_names_a_stranger_does_not_block_the_start(
    running: Embedded,
) -> None:
    running.postgres.stop()
    assert running.redis.child is not None
    # Of the same account, which PostgreSQL takes for a postmaster.
    lock = running.postgres.sockets / ".s.PGSQL.5432.lock"
    lock.write_text(f"{running.redis.child.pid}\n{running.postgres.data}\n1\n5432\n\n")
    running.postgres.start()
    with running.postgres.connect() as connection:
        assert connection.execute("select 1").fetchone() == (1,)


def test_a_broken_off_first_start_is_begun_again(var: Path) -> None:
    (var / "postgres").mkdir()
    (var / "postgres" / "half").write_text("what a killed start left")
    servers = Embedded.start(var)
    try:
        with servers.postgres.connect() as connection:
            assert connection.execute("select 1").fetchone() == (1,)
    finally:
        servers.stop()


def test_servers_die_with_whoever_started_them(var: Path) -> None:
    starter = _start_elsewhere(var)
    pids = _pids(var)
    starter.kill()
    starter.communicate()
    assert all(processes.wait_gone(pid, 20) for pid in pids)


def test_servers_left_over_are_replaced_and_their_data_kept(var: Path) -> None:
    starter = _start_elsewhere(var)
    before = _pids(var)
    servers = Embedded.start(var)
    try:
        assert not set(before) & set(_pids(var))
        with servers.postgres.connect() as connection:
            assert connection.execute("select 1").fetchone() == (1,)
    finally:
        servers.stop()
        starter.kill()
        starter.communicate()


def test_a_queue_that_cannot_be_read_is_put_aside(running: Embedded) -> None:
    running.redis.stop()
    (running.redis.data / "appendonly.aof").write_bytes(b"not what Redis wrote\r\n" * 5)
    running.redis.start()
    with redis.Redis.from_url(running.addresses.redis_url) as client:
        assert client.ping()
    assert list(running.redis.data.glob("appendonly.broken-*"))


def test_a_long_path_gets_a_short_place_for_its_sockets(var: Path) -> None:
    deep = var / ("d" * 60) / ("e" * 60)
    servers = Embedded.start(deep)
    try:
        with psycopg.connect(addresses(deep).database_url.replace("+psycopg", "")) as connection:
            assert connection.execute("select current_user").fetchone() == (APP,)
    finally:
        servers.stop()
        shutil.rmtree(servers.postgres.sockets)


def test_a_folder_may_have_spaces_quotes_and_letters_of_any_alphabet(var: Path) -> None:
    odd = var / "Лен's “My” Projects, 100 % [it]"
    servers = Embedded.start(odd)
    try:
        at = addresses(odd)
        with psycopg.connect(at.database_url.replace("+psycopg", "")) as connection:
            assert connection.execute("select current_user").fetchone() == (APP,)
        with redis.Redis.from_url(at.redis_url) as client:
            assert [one["db"] for one in client.client_list()] == ["0"]
        # Killed, it is known again by its folder.
        assert servers.postgres.child is not None
        servers.postgres.child.kill()
        servers.postgres.child.wait()
        servers.postgres.start()
        assert (odd / "postgres" / "PG_VERSION").exists()
    finally:
        servers.stop()
        shutil.rmtree(servers.postgres.sockets)


def test_a_folder_that_cannot_be_made_is_one_line() -> None:
    with pytest.raises(CannotStart, match=r"^/proc/nowhere.* cannot be written .*ROADBOOK_VAR$"):
        Embedded.start(Path("/proc/nowhere"))


def test_a_full_disk_is_one_line(var: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(NamedTuple):
        total: int = 10**9
        used: int = 10**9
        free: int = 5 * 1024**2

    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: Full())
    with pytest.raises(CannotStart, match="is full: 5 MB are free"):
        Embedded.start(var)


def _start_elsewhere(var: Path) -> subprocess.Popen[str]:
    """Both servers as children of another process, which then waits."""
    program = (
        "import sys, signal; from pathlib import Path; from server.embedded import Embedded\n"
        "Embedded.start(Path(sys.argv[1])); print('started', flush=True); signal.pause()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(var)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "started\n"
    return process


def _pids(var: Path) -> list[int]:
    found = [processes.recall(var / "run" / f"{name}.pid") for name in ("postgres", "redis")]
    return [identity.pid for identity in found if identity is not None]
