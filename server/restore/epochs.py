"""The epoch is turned after a restore; the watermark says what backups cover. Both as the owner.

Phones keep what they sent until the watermark has passed it, and send it again when they meet
another epoch: a restore loses nothing. See "Restoring" in docs/operating.md.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, text

from sync.epoch import current_epoch


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
        text("select number, turned_at, reason from epoch order by number desc limit 1")
    ).one()
    return EpochShown(_name(connection), row.number, row.turned_at, row.reason)


def turn_epoch(connection: Connection, reason: str) -> EpochShown:
    """Begin another epoch: every cursor ends, every phone resends and repairs by digest.

    What speaks of transaction ids that this database has not given out yet came with the backup
    from another one, and is corrected: it would purge, or refuse, for ever.
    """
    connection.execute(text("insert into epoch (reason) values (:reason)"), {"reason": reason})
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


def set_watermark(connection: Connection, until: datetime, *, now: datetime | None = None) -> None:
    """Say that backups cover what was received up to `until` (aware).

    Raises WatermarkRefused for a moment that is still to come, or before the present watermark:
    phones may have forgotten what was before it, and cannot remember it again.
    """
    present = show_watermark(connection)
    if until > (now or datetime.now(UTC)):
        raise WatermarkRefused("no backup covers what is still to come")
    if present is not None and until < present:
        raise WatermarkRefused(
            f"the watermark is at {present.astimezone(UTC).isoformat()} already and only rises"
        )
    connection.execute(
        text("insert into backup_watermark (covers_until) values (:until)"), {"until": until}
    )


def _name(connection: Connection) -> str:
    driver: Any = connection.connection.driver_connection
    return current_epoch(driver).name
