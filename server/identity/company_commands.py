"""`roadbook company`: found one, list them, see and change what one has decided."""

import json
from dataclasses import asdict
from typing import Any

import click
from sqlalchemy import create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from server.cli import say, settings
from server.fitness import require_migrated
from server.identity.aligned import say_list
from server.identity.errors import IdentityError
from server.identity.founding import found_company, list_companies
from server.identity.policy import change_policy
from server.identity.terminal import (
    at_most_option,
    company_of,
    company_option,
    database_refusal,
    operator,
)
from sync.policy import current_policy
from sync.unit_of_work import Database


@click.group()
def company() -> None:
    """Companies: found one, see them, change what one has decided."""


@company.command("add")
@click.option("--code", required=True, help="Short, as in ACME: it begins every enrolment code.")
@click.option("--name", required=True)
@click.option("--time-zone", required=True, help="Of the IANA database, such as Asia/Shanghai.")
def add_command(code: str, name: str, time_zone: str) -> None:
    """Found a company, as the owner of the tables (DATABASE_OWNER_URL)."""
    from server.migrate import driver_url
    from server.wiring import make_engine

    chosen = settings()
    if chosen.database_owner_url is None:
        raise click.ClickException("Only the owner makes a company: set DATABASE_OWNER_URL")
    owner = create_engine(driver_url(chosen.database_owner_url), poolclass=NullPool)
    engine = make_engine(chosen, application_name="roadbook-command", pool_size=1)
    try:
        require_migrated(owner)
        found_company(
            owner, Database(engine), operator(), code=code, name=name, time_zone=time_zone
        )
    except IdentityError as refused:
        raise click.ClickException(str(refused)) from refused
    except DBAPIError as error:
        raise database_refusal(error) from error
    finally:
        engine.dispose()
        owner.dispose()
    say(f"Founded: {code.strip().upper()}. Next: its regions, positions and people.")


@company.command("list")
@at_most_option
def list_command(at_most: int) -> None:
    """List companies in the order in which they were founded: people and active phones of each."""
    from server.wiring import make_engine

    engine = make_engine(settings(), application_name="roadbook-command", pool_size=1)
    try:
        require_migrated(engine)
        found = list_companies(Database(engine), at_most=at_most + 1)
    except DBAPIError as error:
        raise database_refusal(error) from error
    finally:
        engine.dispose()
    rows = [
        (
            one.code,
            one.name,
            one.time_zone,
            str(one.people),
            str(one.phones),
            f"{one.created_at:%Y-%m-%d}",
        )
        for one in found
    ]
    say_list(
        ("CODE", "NAME", "TIME ZONE", "PEOPLE", "PHONES", "SINCE"),
        rows,
        "There is no company yet.",
        at_most=at_most,
    )


@company.command("policy")
@click.argument("changes", nargs=-1, metavar="[NAME=VALUE]…")
@company_option
def policy_command(changes: tuple[str, ...], company: str | None) -> None:
    """Show what the company has decided, or set it: a new version, which phones hear of.

    A VALUE is JSON, as in is_fence_hard=true or fence_by_class='{"A": 150}', or a plain text.
    """
    unreadable = [typed for typed in changes if "=" not in typed]
    if unreadable:
        raise click.BadParameter(f"{', '.join(unreadable)}: write it as NAME=VALUE")
    asked = dict(map(_change, changes))
    with company_of(company) as uow:
        if asked:
            change_policy(uow, operator(), asked)
        version, held = current_policy(uow)
    say(f"version {version}")
    for name, value in asdict(held).items():
        say(f"{name}={value if isinstance(value, str) else json.dumps(value)}")


def _change(typed: str) -> tuple[str, Any]:
    name, _, value = typed.partition("=")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value
