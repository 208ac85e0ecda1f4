"""`roadbook epoch` and `roadbook watermark`, for operators; they connect as the owner."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import click
from sqlalchemy import Connection, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from server.cli import say, settings
from server.migrate import driver_url
from server.restore.epochs import (
    WatermarkRefused,
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
        "not known: phones keep everything"
        if covers is None
        else f"{covers.astimezone(UTC).isoformat()}"
    )


@watermark.command("set")
@click.option(
    "--until",
    required=True,
    help="A moment with its zone, as 2026-03-04T02:00:00+00:00: the start of the backup.",
)
def set_watermark_command(until: str) -> None:
    """Say that a checked backup covers what was received up to a moment."""
    try:
        moment = datetime.fromisoformat(until)
    except ValueError as error:
        raise click.BadParameter("not a moment like 2026-03-04T02:00:00+00:00") from error
    if moment.tzinfo is None:
        raise click.BadParameter("the moment needs its zone, as +00:00")
    with as_owner() as connection:
        try:
            set_watermark(connection, moment)
        except WatermarkRefused as refused:
            raise click.ClickException(str(refused)) from refused
    say(f"Phones may forget what was received up to {moment.astimezone(UTC).isoformat()}.")


@contextmanager
def as_owner() -> Iterator[Connection]:
    """A transaction as the owner of the tables; committed at the end."""
    address = settings().database_owner_url
    if address is None:
        raise click.ClickException(
            "This is done as the owner of the tables: set DATABASE_OWNER_URL."
        )
    engine = create_engine(driver_url(address), poolclass=NullPool)
    try:
        with engine.begin() as connection:
            yield connection
    except DBAPIError as error:
        raise click.ClickException(
            f"The database refused: {str(error.orig).partition(chr(10))[0]}"
        ) from error
    finally:
        engine.dispose()
