"""The epoch is turned after a restore; the watermark says what backups cover. Both as the owner.

Phones keep what they sent until the watermark has passed it, and send it again when they meet
another epoch: a restore loses nothing. See "Restoring" in docs/operating.md.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, text

from server.settings import Settings
from sync.epoch import current_epoch
from sync.push import ATTEMPTS

LEAST_MARGIN = timedelta(minutes=10)
"""More than the defaults of the settings ask for: the commit itself, and clocks that differ, take time too."""


class WatermarkRefused(Exception):
    """A watermark that would let phones forget what no backup has; the text says why."""


@dataclass(frozen=True, slots=True)
class EpochShown:
    """The epoch as phones are told it, and how it came about."""

    name: str
    number: int
    turned_at: datetime
    reason: str


def show_epoch(connection: Connection) -> EpochShown:
    """The epoch of this database."""
    row = connection.execute(
        # Counted: a crash of the database leaves gaps in what it numbers by itself.
        text(
            "select (select count(*) from epoch) as number, turned_at, reason"
            " from epoch order by epoch.number desc limit 1"
        )
    ).one()
    return EpochShown(_name(connection), row.number, row.turned_at, row.reason)


def turn_epoch(connection: Connection, reason: str) -> EpochShown:
    """Begin another epoch: every cursor ends, every phone resends and repairs by digest.

    A backup can be restored into a cluster whose transaction ids are lower, or be a copy of this one
    from before ids were given out that will be given out again. What speaks of ids that are not
    below this transaction's is then of another numbering, and goes:

    - Rows of the feed (`change`, `holder_change`). No cursor of the new epoch can have been given
      out before this transaction, so each takes the rows below it for seen, and the rows above it
      would wait for ids that mean something else. What they told is in the records that the digest
      compares.
    - Marks and horizons of purging, which would purge, or refuse, for ever.

    `server_start` may stay as it is, with the runs of the other cluster: a cursor of the new epoch names
    a run that was noted in this cluster, or, where none is noted yet, the last one that came with the
    backup; and it is clamped by the first id of *later* runs only, which are all noted here. The
    ids that the restored runs name are therefore never compared with anything.

    Raises nothing for a database that is already right: turning twice costs phones a second repair.
    """
    connection.execute(text("insert into epoch (reason) values (:reason)"), {"reason": reason})
    connection.execute(text("delete from change where xid >= pg_current_xact_id()"))
    connection.execute(text("delete from holder_change where xid >= pg_current_xact_id()"))
    connection.execute(text("delete from xid_mark where xid > pg_current_xact_id()"))
    connection.execute(
        text(
            "update feed_horizon set purged_below = pg_current_xact_id()"
            " where purged_below > pg_current_xact_id()"
        )
    )
    return show_epoch(connection)


def show_watermark(connection: Connection) -> datetime | None:
    """Up to when everything received is in a backup that was checked; None where nobody said so."""
    covers: datetime | None = connection.execute(
        text("select max(covers_until) from backup_watermark")
    ).scalar_one()
    return covers


def longest_push(settings: Settings) -> timedelta:
    """How long after its receipt a push may be committed; one that takes longer is answered `retry`.

    A receipt is the moment at which a request came. Its body is read after that, and what it brings is
    tried several times, each time within the bounds of the settings.
    """
    one_try_s = settings.pool_wait_s + settings.lock_timeout_s + settings.statement_timeout_s
    return timedelta(seconds=settings.request_read_s + ATTEMPTS * one_try_s)


def in_flight(settings: Settings) -> timedelta:
    """How long before a backup something may have been received that the backup does not have.

    After the last look at the clock a process may stand still before it asks for the commit: no longer
    than PostgreSQL lets a transaction be idle.
    """
    idle = timedelta(seconds=settings.idle_in_transaction_s)
    return max(LEAST_MARGIN, longest_push(settings) + idle)


def set_watermark(
    connection: Connection,
    backup_began: datetime,
    *,
    margin: timedelta = LEAST_MARGIN,
    now: datetime | None = None,
) -> datetime:
    """Say that a checked backup was begun at `backup_began` (aware); the watermark that follows.

    That is `margin` earlier: what was received just before the backup may have been committed after
    it. Raises WatermarkRefused for a moment that is still to come, or where the watermark would
    fall: phones may have forgotten what was before it, and cannot remember it again.
    """
    present = show_watermark(connection)
    covers = backup_began - margin
    if backup_began > (now or datetime.now(UTC)):
        raise WatermarkRefused("no backup covers what is still to come")
    if present is not None and covers < present:
        raise WatermarkRefused(
            f"the watermark is at {present.astimezone(UTC).isoformat()} already and only rises"
        )
    connection.execute(
        text("insert into backup_watermark (covers_until) values (:until)"), {"until": covers}
    )
    return covers


def _name(connection: Connection) -> str:
    driver: Any = connection.connection.driver_connection
    return current_epoch(driver).name
