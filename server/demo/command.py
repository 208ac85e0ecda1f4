"""`roadbook demo`: make the demo company on any database, and say what was made."""

from datetime import datetime
from time import perf_counter
from zoneinfo import ZoneInfo

import click
from sqlalchemy import create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from server.cli import say, settings


@click.group()
def demo() -> None:
    """The made-up company: the same one every time, with two weeks of work in it."""


@demo.command()
@click.option(
    "--today",
    type=click.DateTime(["%Y-%m-%d"]),
    help="The day on which the demo plays, as it begins. Default: today, as far as it has come.",
)
@click.option("--seed", default=1, show_default=True, type=click.IntRange(0, 2**31 - 1))
@click.option(
    "--size",
    type=click.Choice(["usual", "large"]),
    default="usual",
    show_default=True,
    help="large: 200 reps, 10,000 stores and a million visits, to see how fast pages are.",
)
def make(today: datetime | None, seed: int, size: str) -> None:
    """Make the demo company; an existing one is left as it is."""
    from server.demo.company import DemoExists, make_demo_company
    from server.demo.known import TIME_ZONE
    from server.fitness import require_migrated
    from server.media.storage import StorageAway
    from server.migrate import driver_url
    from server.photos.installed import room_of
    from server.wiring import make_engine
    from sync.unit_of_work import Database

    loaded = settings()
    if loaded.database_owner_url is None:
        raise click.ClickException("Only the owner makes a company: set DATABASE_OWNER_URL")
    owner = create_engine(driver_url(loaded.database_owner_url), poolclass=NullPool)
    engine = make_engine(loaded, application_name="roadbook-demo", pool_size=4)
    now = None if today else datetime.now(ZoneInfo(TIME_ZONE))
    day = (today or datetime.now(ZoneInfo(TIME_ZONE))).date()
    began = perf_counter()
    try:
        require_migrated(owner)
        made = make_demo_company(
            Database(engine),
            owner,
            today=day,
            now=now,
            seed=seed,
            is_large=size == "large",
            room=room_of(loaded),
        )
    except DemoExists as refused:
        raise click.ClickException(str(refused)) from refused
    except StorageAway as error:
        raise click.ClickException(f"The storage of files does not do it: {error}") from error
    except DBAPIError as error:
        first = str(error.orig).partition("\n")[0]
        raise click.ClickException(f"The database does not do it: {first}") from error
    finally:
        engine.dispose()
        owner.dispose()
    say(f"Company {made.code} as of {day}, in {perf_counter() - began:.0f} s:")
    for name, count in made.counts.items():
        say(f"  {count:>6,} {name}")
    say(f"Accounts to sign in with; the password of each is {made.password}:")
    for account in made.accounts:
        say(f"  {account.role.replace('_', ' '):<17} {account.email}")
