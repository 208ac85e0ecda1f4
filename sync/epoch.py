"""Which database this is, as phones are told: the epoch, and how far its backups reach.

The epoch is made of the cluster's system identifier, its timeline, and an id that an operator turns
after a restore. A phone that sees another epoch resends what the backups may not have had, and
repairs its scope by digest.
"""

import hashlib
from dataclasses import dataclass
from typing import Any

import psycopg

_SELECT = """
select s.system_identifier::text, c.timeline_id,
       (select id::text from epoch order by number desc limit 1),
       (select (extract(epoch from max(covers_until)) * 1000)::bigint from backup_watermark)
from pg_control_system() s, pg_control_checkpoint() c
"""


@dataclass(frozen=True, slots=True)
class Epoch:
    """The epoch's name, and the watermark: receipts up to it are in a backup; None if unknown."""

    name: str
    watermark: int | None


def current_epoch(driver: psycopg.Connection[Any]) -> Epoch:
    """Read the epoch and the watermark, in one statement."""
    return read_epoch(ask_epoch(driver))


def ask_epoch(driver: psycopg.Connection[Any]) -> psycopg.Cursor[tuple[Any, ...]]:
    """Ask for the epoch; in a pipeline other questions may follow before the answer."""
    return driver.execute(_SELECT, prepare=True)


def read_epoch(cursor: psycopg.Cursor[tuple[Any, ...]]) -> Epoch:
    """Wait for the answer."""
    row = cursor.fetchone()
    assert row is not None
    name = hashlib.sha256(f"{row[0]} {row[1]} {row[2]}".encode()).hexdigest()[:16]
    return Epoch(name, row[3])
