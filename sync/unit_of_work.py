"""One transaction of one company: the only place that commits.

A `Database` hands out units of work. Each is bound to a company by `roadbook.company`, which
row-level security reads; it is set for the transaction, so a pooled connection carries nothing
over to the next company.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

import psycopg
from psycopg.pq import TransactionStatus
from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry

from sync.direct import begin, take_over
from sync.failures import cause_of, is_collision, is_lost

T = TypeVar("T")

log = logging.getLogger("roadbook.sync")

# What waits too long or deadlocks each time waits for more than a moment.
REHEARSED_AT_MOST = 3

# The run of the server: a restart changes the first part. A recovery after one killed backend
# keeps the start and may hand out transaction ids again; it resets the statistics, the second part.
# As numbers, because the text of a moment follows the settings of the session.
RUN = (
    "extract(epoch from pg_postmaster_start_time())::text || ' ' ||"
    " (select extract(epoch from stats_reset) from pg_stat_bgwriter)::text"
)

# Of this transaction, whose next statement has so many milliseconds.
_BOUND = "select set_config('statement_timeout', cast(:left as text), true)"

_READING = "isolation level repeatable read, read only"
_NOTE_RUN = f"insert into server_start (run) select {RUN} on conflict (run) do nothing"
_IS_NOTED = f"select exists (select from server_start where run = {RUN})"


@dataclass(slots=True)
class UnitOfWork:
    """A transaction. `connection` takes SQLAlchemy statements, `driver` the hot path's own SQL."""

    company_id: int
    connection: Connection
    driver: psycopg.Connection[Any]
    afterwards: list[Callable[[], None]] = field(default_factory=list)
    # By the steady clock: when its time is over, where it has an end.
    ends_at: float | None = None
    # What is looked at when it is about to end, by its name.
    checks: dict[str, Callable[[], None]] = field(default_factory=dict)

    def check_at_end(self, name: str, prepare: Callable[[], Callable[[], None]]) -> None:
        """Look at the whole when it is about to end, and end in what the check raises, which undoes it.

        `prepare` reads now what the check needs of before, and makes it; once for each name. A rehearsal is looked at, too.
        """
        if name not in self.checks:
            self.checks[name] = prepare()

    def look_at_the_whole(self) -> None:
        """Do what `check_at_end` was asked. Raises what the checks raise."""
        for check in self.checks.values():
            check()

    def after_commit(self, act: Callable[[], None]) -> None:
        """Do this once the transaction is durable, and only then."""
        self.afterwards.append(act)

    def end_within(self, milliseconds: int) -> None:
        """Let the transaction take no longer than this from now on: it ends with OutOfTime then. Every statement is bound, the
        time between them where `rows` is asked.
        """
        self.ends_at = time.monotonic() + milliseconds / 1000
        self._bound(self.ends_at)

    def rows(self, statement: str, **values: Any) -> list[Any]:
        """The rows of a statement with `:name` parameters. Raises OutOfTime where its time is over."""
        if self.ends_at is not None:
            self._bound(self.ends_at)
        # All at once: one by one each row costs a call of the driver.
        return list(self.connection.execute(text(statement), values).all())

    def _bound(self, ends_at: float) -> None:
        """Give the statements that follow no more than what is left. Raises OutOfTime."""
        left_ms = int((ends_at - time.monotonic()) * 1000)
        if left_ms < 1:
            raise OutOfTime
        self.connection.execute(text(_BOUND), {"left": left_ms})

    def run(self, statement: str, **values: Any) -> int:
        """Execute a statement with `:name` parameters; the number of rows it touched."""
        return self.connection.execute(text(statement), values).rowcount


class OutOfTime(Exception):
    """The transaction did not come to its end in the time that it was given."""


class _RolledBack(Exception):
    """Ends a rehearsal."""


class Database:
    """The database as the application's role sees it."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        if not event.contains(engine, "connect", note_run):
            event.listen(engine, "connect", note_run)
            # What the engine has opened before is not ready: the pool opens others.
            engine.dispose()

    @contextmanager
    def company(self, company_id: int) -> Iterator[UnitOfWork]:
        """A writing transaction of a company: committed at the end, rolled back by an exception."""
        with self._begin(company_id) as uow:
            yield uow

    @contextmanager
    def reading(self, company_id: int) -> Iterator[UnitOfWork]:
        """A read-only transaction that sees one snapshot from its first statement to its last."""
        with self._begin(company_id, _READING) as uow:
            yield uow

    @contextmanager
    def rehearsal(self, company_id: int) -> Iterator[UnitOfWork]:
        """A writing transaction that is always rolled back."""
        with suppress(_RolledBack), self._begin(company_id) as uow:
            yield uow
            uow.look_at_the_whole()
            raise _RolledBack

    def rehearse(self, company_id: int, act: Callable[[UnitOfWork], T]) -> T:
        """What `act` makes in a rehearsal. Where it meets somebody else at work it is tried again: nothing of it stays."""
        for attempt in range(1, REHEARSED_AT_MOST + 1):
            found: list[T] = []
            try:
                with self.rehearsal(company_id) as uow:
                    found.append(act(uow))
                return found[0]
            except (DBAPIError, psycopg.Error) as error:
                if not is_collision(error) or attempt == REHEARSED_AT_MOST:
                    raise
                log.info("rehearsal of company %d: attempt %d: %s", company_id, attempt, error)
        raise AssertionError

    @contextmanager
    def installation(self) -> Iterator[UnitOfWork]:
        """A transaction of no company: it sees no company's rows at all."""
        with self._begin(0) as uow:
            yield uow

    @contextmanager
    def _begin(self, company_id: int, mode: str = "") -> Iterator[UnitOfWork]:
        with self.engine.connect() as connection:
            driver = connection.connection.driver_connection
            assert isinstance(driver, psycopg.Connection)
            uow = UnitOfWork(company_id, connection, driver)
            try:
                with connection.begin():
                    begin(driver, company_id, mode)
                    yield uow
                    uow.look_at_the_whole()
                    _may_commit(driver)
            except BaseException as error:
                if driver.closed or is_lost(error):
                    # Where the server was restarted, the others in the pool are as dead: the next
                    # request would find one after the other.
                    connection.invalidate()
                    self.engine.dispose()
                if uow.ends_at is not None and isinstance(
                    cause_of(error), psycopg.errors.QueryCanceled
                ):
                    raise OutOfTime from error
                raise
        # With the connection given back: whatever is done now holds none.
        for act in uow.afterwards:
            act()


def _may_commit(driver: psycopg.Connection[Any]) -> None:
    """Raise where somebody caught an error of the database and went on: PostgreSQL would answer the
    commit with a rollback, and nobody would look.
    """
    if driver.pgconn.transaction_status != TransactionStatus.INTRANS:
        message = "the transaction was aborted by an error that nobody raised"
        raise psycopg.errors.InFailedSqlTransaction(message)


def note_run(connection: Any, _entry: ConnectionPoolEntry) -> None:
    """Make a connection ready, and record the first transaction id of this run of the server before
    anything is written in it.

    A cursor older than the run is clamped to that id (see change_feed.py). Called for every new
    connection; where the database is not migrated yet there is nothing to note.
    """
    driver: psycopg.Connection[Any] = getattr(connection, "driver_connection", connection)
    take_over(driver)
    try:
        row = driver.execute(_IS_NOTED).fetchone()
        if row is not None and not row[0]:
            driver.execute(_NOTE_RUN)
        driver.commit()
    except psycopg.errors.UndefinedTable:
        driver.rollback()
