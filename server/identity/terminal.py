"""What an operator's commands share: which company is meant, one transaction, one line where it is refused."""

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click
import psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from server.cli import settings
from server.fitness import require_migrated
from server.identity.change_log import Actor
from server.identity.companies import find_company
from server.identity.errors import IdentityError
from sync.errors import NotThere, ScopeTooLarge
from sync.failures import cause_of
from sync.unit_of_work import Database, UnitOfWork

if TYPE_CHECKING:
    from server.settings import Settings

# Of two transactions that each waited for the other the database ends one, and one whose turn does not
# come in time.
_MET = (
    psycopg.errors.DeadlockDetected,
    psycopg.errors.SerializationFailure,
    psycopg.errors.LockNotAvailable,
)

company_option = click.option(
    "--company",
    "company",
    metavar="CODE",
    help="The company's code; may be left out where there is one.",
)

external_id_option = click.option(
    "--external-id",
    "external_ids",
    multiple=True,
    metavar="SYSTEM=ID",
    help="What it is called in another system, as ERP=4711; may be given again.",
)

at_most_option = click.option(
    "--at-most", default=50, show_default=True, type=click.IntRange(1, 1000)
)


@dataclass(frozen=True, slots=True)
class Opened:
    """The company that a command is about, in the database of its settings."""

    settings: "Settings"
    database: Database
    company_id: int


@contextmanager
def opened(company: str | None, *refusals: type[Exception]) -> Iterator[Opened]:
    """The company for the time of a command; what is refused is one line.

    `refusals` are the errors of an area besides those that every area has.
    """
    from server.wiring import make_engine

    refused_here: tuple[type[Exception], ...] = (
        IdentityError,
        ScopeTooLarge,
        NotThere,
        *refusals,
    )
    chosen = settings()
    engine = make_engine(chosen, application_name="roadbook-command", pool_size=2)
    try:
        database = Database(engine)
        require_migrated(engine)
        yield Opened(chosen, database, find_company(database, company))
    except refused_here as refused:
        raise click.ClickException(str(refused)) from refused
    except (DBAPIError, psycopg.Error, PoolTimeout) as error:
        raise database_refusal(error) from error
    finally:
        engine.dispose()


@contextmanager
def company_of(company: str | None, *refusals: type[Exception]) -> Iterator[UnitOfWork]:
    """One transaction of the company, committed at the end."""
    with (
        opened(company, *refusals) as found,
        found.database.company(found.company_id) as uow,
    ):
        yield uow


def operator() -> Actor:
    """Who runs the command, as the change log names them."""
    return Actor.command(f"operator {getpass.getuser()}")


def database_refusal(error: Exception) -> click.ClickException:
    """What the database says, as one line."""
    cause = cause_of(error)
    first = str(cause).partition("\n")[0]
    if isinstance(cause, _MET):
        return click.ClickException(
            "Somebody changed the same at this moment, so nothing was done: do it again."
        )
    if isinstance(cause, psycopg.OperationalError) and cause.sqlstate is None:
        return click.ClickException(f"The database does not answer; does Roadbook run? ({first})")
    return click.ClickException(f"The database does not do it: {first}")
