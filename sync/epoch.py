"""Which database this is, as phones are told: the epoch, and how far its backups reach.

The epoch is made of the cluster's system identifier, its timeline, and an id that an operator turns
after a restore. A phone that sees another epoch resends what the backups may not have had, and
repairs its scope by digest.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from sync.direct import fetch

EPOCH = """
select s.system_identifier, c.timeline_id,
       (select id from epoch order by number desc limit 1),
       (select (extract(epoch from max(covers_until)) * 1000)::bigint from backup_watermark)
from pg_control_system() s, pg_control_checkpoint() c
"""
_SELECT = EPOCH.encode()


@dataclass(frozen=True, slots=True)
class Epoch:
    """The epoch's name, and the watermark: receipts up to it are in a backup; None if unknown."""

    name: str
    watermark: int | None


def current_epoch(driver: psycopg.Connection[Any]) -> Epoch:
    """Read the epoch and the watermark, in one statement."""
    return read_epoch(fetch(driver, _SELECT, [])[0])


def read_epoch(row: Sequence[str | None]) -> Epoch:
    """The epoch of a row of EPOCH."""
    system, timeline, turned, watermark = row
    name = hashlib.sha256(f"{system} {timeline} {turned}".encode()).hexdigest()[:16]
    return Epoch(name, None if watermark is None else int(watermark))
