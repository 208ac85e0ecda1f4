"""`roadbook locate`: ask where somebody is now, and see what came of it. Each command is one transaction,
logged under the operator's name.
"""

from datetime import datetime

import click

from server.cli import say
from server.identity.aligned import NOTHING, say_list, told_moment
from server.identity.companies import company_day, company_zone
from server.identity.people import person_by_email
from server.identity.prefixes import id_that_begins
from server.identity.terminal import at_most_option, company_of, company_option, operator
from server.tasks.errors import NoSuchCheck, TaskError
from server.tasks.location_checks import CheckListed, ask_location, list_checks, withdraw_check
from sync.kinds.location_check.table import location_check

_M = 100


@click.group()
def locate() -> None:
    """Ask where somebody is now. Nobody is asked outside of working hours."""


@locate.command("ask")
@click.argument("email", metavar="E-MAIL")
@click.option("--note", help="Why, for the person.")
@company_option
def ask_command(email: str, note: str | None, company: str | None) -> None:
    """Ask a person; their phone hears of it with its next pull."""
    with company_of(company, TaskError) as uow:
        check_id = ask_location(uow, operator(), person_by_email(uow, email), note=note)
    say(f"Asked: check {check_id.hex[:8]}.")


@locate.command("withdraw")
@click.argument("check_id", metavar="ID")
@company_option
def withdraw_command(check_id: str, company: str | None) -> None:
    """Ask no more."""
    with company_of(company, TaskError) as uow:
        found = id_that_begins(
            uow, location_check.c.id, check_id, what="such location check", refusal=NoSuchCheck
        )
        withdraw_check(uow, operator(), found, today=company_day(uow))
    say("Withdrawn.")


@locate.command("list")
@click.option("--person", "email", metavar="E-MAIL")
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), help="Asked on this day.")
@click.option(
    "--seen-by", metavar="E-MAIL", help="As this person sees it, by the positions they may see."
)
@at_most_option
@company_option
def list_command(
    email: str | None,
    day: datetime | None,
    seen_by: str | None,
    at_most: int,
    company: str | None,
) -> None:
    """List location checks, the latest first, with what was answered."""
    with company_of(company, TaskError) as uow:
        found = list_checks(
            uow,
            today=company_day(uow),
            person_id=None if email is None else person_by_email(uow, email),
            day=None if day is None else day.date(),
            asker_id=None if seen_by is None else person_by_email(uow, seen_by),
            at_most=at_most + 1,
        )
        zone = company_zone(uow)
    say_list(
        ("ID", "ASKED", "WHO", "BY", "STATE", "ANSWERED", "WHERE", "FLAGS"),
        [
            (
                one.id.hex[:8],
                told_moment(one.asked_at, zone),
                one.person,
                one.asked_by,
                one.state,
                NOTHING if one.answered_at is None else told_moment(one.answered_at, zone),
                where_line(one),
                ", ".join(one.flags) or NOTHING,
            )
            for one in found
        ],
        "Nobody was asked.",
        at_most=at_most,
    )


def where_line(one: CheckListed) -> str:
    """Where an answer lies, in words: metres are rounded up."""
    if one.region is None:
        return NOTHING
    region = {
        "NO_BOUNDARY": "no boundary to tell by",
        "UNCERTAIN": "too uncertain to tell",
        "INSIDE": "inside the region",
        "TOLERATED": "at the edge of the region",
        "OUTSIDE": f"{-(-(one.outside_cm or 0) // _M)} m outside of the region",
    }[one.region]
    if one.nearest_cm is None:
        return region
    store = one.nearest_store_code or one.nearest_store
    return f"{region}; {-(-one.nearest_cm // _M)} m from {store}, the nearest of {one.stores}"
