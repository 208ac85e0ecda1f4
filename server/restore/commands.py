"""`roadbook epoch` and `roadbook watermark`, for operators; they connect as the owner."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime

import click
from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.pool import NullPool

from server.cli import say, settings
from server.fitness import require_migrated
from server.installation import running_database
from server.migrate import driver_url
from server.restore.epochs import (
    WatermarkRefused,
    in_flight,
    set_watermark,
    show_epoch,
    show_watermark,
    turn_epoch,
)


@click.group()
def epoch() -> None:
    """Show or turn the epoch. Turn it after a backup was restored, before phones come."""


@epoch.command("show")
def show_epoch_command() -> None:
    """Show the epoch as phones are told it."""
    with as_owner() as connection:
        shown = show_epoch(connection)
    say(
        f"{shown.name}  number {shown.number}, since {shown.turned_at:%Y-%m-%d %H:%M %Z}: {shown.reason}"
    )


@epoch.command("turn")
@click.option("--reason", required=True, help="Why, for those who look later.")
def turn_epoch_command(reason: str) -> None:
    """Begin another epoch: every phone resends what the watermark does not cover."""
    with as_owner() as connection:
        shown = turn_epoch(connection, reason)
    say(f"The epoch is now {shown.name}, number {shown.number}.")


@click.group()
def watermark() -> None:
    """Show or set up to when received items are in a checked backup; phones then forget them."""


@watermark.command("show")
def show_watermark_command() -> None:
    """Show the watermark."""
    with as_owner() as connection:
        covers = show_watermark(connection)
    say(
        "not known: phones keep what they sent for 30 days"
        if covers is None
        else f"{covers.astimezone(UTC).isoformat()}"
    )


@watermark.command("set")
@click.option(
    "--until",
    required=True,
    help="A moment with its zone, as 2026-03-04T02:00:00+00:00: when the backup was begun.",
)
def set_watermark_command(until: str) -> None:
    """Say that a checked backup has what was committed until it was begun.

    The watermark that phones are told is 10 minutes earlier, and earlier still where the limits of
    the settings are longer: a receipt is the moment at which a push came, which is before its commit.
    """
    try:
        moment = datetime.fromisoformat(until)
    except ValueError as error:
        raise click.BadParameter("not a moment like 2026-03-04T02:00:00+00:00") from error
    if moment.tzinfo is None:
        raise click.BadParameter("the moment needs its zone, as +00:00")
    margin = in_flight(settings())
    with as_owner() as connection:
        try:
            covers = set_watermark(connection, moment, margin=margin)
        except WatermarkRefused as refused:
            raise click.ClickException(str(refused)) from refused
    say(
        f"Phones may forget what was received up to {covers.astimezone(UTC).isoformat()},"
        f" {margin.total_seconds() / 60:.0f} min before the backup was begun."
    )


@contextmanager
def as_owner() -> Iterator[Connection]:
    """A transaction as the owner of the tables; committed at the end.

    An embedded database that does not run is started for the time of it, with no phone near.
    """
    chosen = settings()
    if chosen.database_owner_url is None:
        raise click.ClickException(
            "This is done as the owner of the tables: set DATABASE_OWNER_URL."
        )
    engine = create_engine(driver_url(chosen.database_owner_url), poolclass=NullPool)
    try:
        with ExitStack() as stack:
            if chosen.has_embedded_database and not _answers(engine):
                stack.enter_context(running_database(chosen))
            require_migrated(engine)
            yield stack.enter_context(engine.begin())
    except DBAPIError as error:
        raise click.ClickException(
            f"The database refused: {str(error.orig).partition(chr(10))[0]}"
        ) from error
    finally:
        engine.dispose()


def _answers(engine: Engine) -> bool:
    try:
        engine.connect().close()
    except OperationalError:
        return False
    return True
