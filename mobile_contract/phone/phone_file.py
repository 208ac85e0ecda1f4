"""One SQLite file per phone; whatever happens together is committed together.

The outbox, the scope and the phone's own settings lie in one file, so that a page of changes and
its cursor, or a batch of results and the epoch they came with, are one transaction. SQLite is set
to reach the disk at each commit (`synchronous=FULL`): an event that the app said it had taken
survives a battery that falls out. Simulations may switch that off, phones never.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_SCHEMA = """
CREATE TABLE IF NOT EXISTS setting (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS outbox (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    op_id TEXT NOT NULL UNIQUE,
    contract INTEGER NOT NULL,
    kind TEXT NOT NULL,
    entity_id TEXT NOT NULL,
    op TEXT NOT NULL,
    body BLOB NOT NULL,
    captured_at INTEGER NOT NULL,
    state TEXT NOT NULL,
    sendings INTEGER NOT NULL DEFAULT 0,
    refusals INTEGER NOT NULL DEFAULT 0,
    result TEXT,
    status TEXT,
    version INTEGER,
    receipt INTEGER,
    epoch TEXT
);
CREATE INDEX IF NOT EXISTS outbox_unsent ON outbox (position) WHERE state IN ('waiting', 'unanswered');
CREATE INDEX IF NOT EXISTS outbox_entity ON outbox (entity_id);

CREATE TABLE IF NOT EXISTS track_point (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    wall_ms INTEGER NOT NULL,
    uptime_ms INTEGER NOT NULL,
    boot_id TEXT NOT NULL,
    lat_e6 INTEGER NOT NULL,
    lon_e6 INTEGER NOT NULL,
    accuracy_m INTEGER NOT NULL,
    is_mock INTEGER NOT NULL,
    datum TEXT NOT NULL,
    gps_time INTEGER
);

CREATE TABLE IF NOT EXISTS track_gap (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    from_at INTEGER NOT NULL,
    until_at INTEGER NOT NULL,
    cause TEXT NOT NULL
);

CREATE TABLE IF NOT EXISTS record (
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    fields BLOB,
    PRIMARY KEY (kind, id)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS picture (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    sha256 TEXT NOT NULL UNIQUE,
    role TEXT NOT NULL,
    size INTEGER NOT NULL,
    state TEXT NOT NULL,
    location TEXT,
    refusals INTEGER NOT NULL DEFAULT 0,
    code TEXT,
    pulled_before INTEGER,
    bytes BLOB NOT NULL
);

CREATE TABLE IF NOT EXISTS body (
    sha256 TEXT PRIMARY KEY,
    bytes BLOB NOT NULL
);
"""


class PhoneFile:
    """The phone's SQLite file, for one thread at a time; a second thread waits its turn."""

    def __init__(self, path: Path | str, *, is_durable: bool = True) -> None:
        self._lock = threading.RLock()
        self._depth = 0
        self._connection = sqlite3.connect(str(path), isolation_level=None, check_same_thread=False)
        if str(path) != ":memory:":
            self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute(f"PRAGMA synchronous={'FULL' if is_durable else 'OFF'}")
        self._connection.executescript(_SCHEMA)

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All of the block or none of it is kept; a block inside a block belongs to the outer one."""
        with self._lock:
            if self._depth:
                yield self._connection
                return
            self._connection.execute("BEGIN IMMEDIATE")
            self._depth = 1
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                # A full disk ends the transaction by itself, here or at the COMMIT.
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
            finally:
                self._depth = 0

    def rows(self, statement: str, values: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
        """What a question to the file answers, read whole."""
        with self._lock:
            return self._connection.execute(statement, values).fetchall()

    def setting(self, name: str) -> str | None:
        found = self.rows("SELECT value FROM setting WHERE name = ?", (name,))
        return str(found[0][0]) if found else None

    def set_setting(self, name: str, value: str | None) -> None:
        """Keep one of the phone's own settings; None forgets it."""
        with self.transaction() as connection:
            if value is None:
                connection.execute("DELETE FROM setting WHERE name = ?", (name,))
            else:
                connection.execute(
                    "INSERT INTO setting (name, value) VALUES (?, ?)"
                    " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                    (name, value),
                )
