"""`roadbook audit`: the auditors' queue. Each command is one transaction; what cannot be done is one line.

What an auditor does is done as that person, `--as E-MAIL`, and logged under their name with the operator's.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

import click

from server.audits.claims import (
    CLAIMS_AT_ONCE,
    claim_next,
    give_back,
    list_claimed,
    queue_in_numbers,
)
from server.audits.draws import list_draws, redraw_week
from server.audits.errors import AuditError, NoSuchTurn
from server.cli import say
from server.identity.aligned import NOTHING, say_list, told_age, told_moment
from server.identity.change_log import Actor
from server.identity.companies import company_day, company_zone
from server.identity.people import person_by_email
from server.identity.prefixes import id_that_begins
from server.identity.terminal import at_most_option, company_of, company_option, operator
from sync.kinds.audit_visit.audit_table import audit_turn
from sync.unit_of_work import UnitOfWork

_as_option: Callable[..., Callable[..., None]] = click.option(
    "--as", "email", metavar="E-MAIL", required=True, help="The auditor."
)


@click.group()
def audit() -> None:
    """What auditors look at: drawn, claimed, judged, appealed against, settled."""


@audit.command("queue")
@company_option
def queue_command(company: str | None) -> None:
    """Say how much waits where."""
    now = datetime.now(UTC)
    with company_of(company, AuditError) as uow:
        queue = queue_in_numbers(uow, today=company_day(uow), now=now)
    say(f"Brought, and waiting for the draw of its week: {queue.candidates}")
    say(f"In the queue, and waiting for photos: {queue.waiting}")
    say(
        f"Ready for auditors: {queue.ready}, the oldest {told_age(queue.oldest, now)} ago"
        if queue.ready
        else "Ready for auditors: 0"
    )
    say(f"Claimed: {queue.claimed}")
    say(f"Failed, and open to an appeal: {queue.judged}")
    say(f"Appealed against: {queue.appealed}")


@audit.command("draws")
@at_most_option
@company_option
def draws_command(at_most: int, company: str | None) -> None:
    """List what was drawn, the latest week first."""
    with company_of(company, AuditError) as uow:
        found = list_draws(uow, today=company_day(uow), at_most=at_most + 1)
        zone = company_zone(uow)
    say_list(
        ("WEEK", "DRAW", "DRAWN", "PEOPLE", "BROUGHT", "FLAGGED", "DRAWN OF IT"),
        [
            (
                one.week_starts_on.isoformat(),
                str(one.draw),
                told_moment(one.drawn_at, zone),
                str(one.people),
                str(one.candidates),
                str(one.entered),
                str(one.chosen),
            )
            for one in found
        ],
        "Nothing was drawn yet.",
        at_most=at_most,
    )


@audit.command("redraw")
@click.argument("week", type=click.DateTime(["%Y-%m-%d"]))
@company_option
def redraw_command(week: datetime, company: str | None) -> None:
    """Make the draws of a week again, from their seeds and candidates, and compare. WEEK is any day of it.

    A line for each candidate: the place in its stratum, its id, and whether it was in the queue or is drawn.
    """
    with company_of(company, AuditError) as uow:
        draws = redraw_week(uow, week.date(), today=company_day(uow))
    for draw in draws:
        say(
            f"Week from {draw.week_starts_on}, draw {draw.draw}: seed {draw.seed},"
            f" {draw.sample_percent} %"
        )
        for person_id, one in draw.drawn:
            what = "drawn" if one.is_chosen else "in the queue" if one.is_entered else ""
            say(f"  {person_id}  {one.place:>4}  {one.id}  {what}".rstrip())
        say("same" if draw.is_same else f"DIFFERENT: {', '.join(map(str, draw.differing))}")
    if not all(draw.is_same for draw in draws):
        raise click.ClickException("A draw does not come out as it is stored.")


@audit.command("claim")
@_as_option
@click.option("--number", default=5, show_default=True, type=click.IntRange(1, CLAIMS_AT_ONCE))
@company_option
def claim_command(email: str, number: int, company: str | None) -> None:
    """Give an auditor the next of the queue, for a time."""
    with company_of(company, AuditError) as uow:
        auditor_id = person_by_email(uow, email)
        got = claim_next(uow, _acting(uow, auditor_id), auditor_id, number, now=datetime.now(UTC))
    say(f"Claimed: {len(got)}. `roadbook audit claims --as {email}` lists them.")


@audit.command("claims")
@_as_option
@company_option
def claims_command(email: str, company: str | None) -> None:
    """List what an auditor has at hand."""
    with company_of(company, AuditError) as uow:
        found = list_claimed(uow, person_by_email(uow, email), now=datetime.now(UTC))
        zone = company_zone(uow)
    say_list(
        ("ID", "ACTIVITY", "STORE", "NAME", "DAY", "PHOTOS", "UNTIL", "STATE"),
        [
            (
                one.id.hex[:8],
                one.activity_code or NOTHING,
                one.store_code or NOTHING,
                one.store_name,
                one.business_day.isoformat(),
                str(one.photos),
                told_moment(one.undo_until or one.expires_at, zone),
                "appeal" if one.is_appeal and one.state == "CLAIMED" else one.state.lower(),
            )
            for one in found
        ],
        "Nothing is claimed.",
        at_most=len(found) or 1,
    )


@audit.command("give-back")
@click.argument("ids", metavar="ID…", nargs=-1, required=True)
@_as_option
@company_option
def give_back_command(ids: tuple[str, ...], email: str, company: str | None) -> None:
    """Put what an auditor has claimed back into the queue."""
    with company_of(company, AuditError) as uow:
        auditor_id = person_by_email(uow, email)
        turns = [turn_that_begins(uow, typed) for typed in ids]
        give_back(uow, _acting(uow, auditor_id), auditor_id, turns)
    say(f"Given back: {len(turns)}.")


def turn_that_begins(uow: UnitOfWork, typed: str) -> UUID:
    """The turn whose id begins like this. Raises NoSuchTurn."""
    return id_that_begins(uow, audit_turn.c.id, typed, what="such turn", refusal=NoSuchTurn)


def _acting(uow: UnitOfWork, person_id: UUID) -> Actor:
    """The auditor, by the hand of the operator."""
    name = uow.rows(
        "select name from person where company_id = :company and id = :person",
        company=uow.company_id,
        person=person_id,
    )[0].name
    return Actor(f"{name}, by {operator().name}", person_id)
