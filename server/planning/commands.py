"""`roadbook proposal` and `roadbook conflict`: what waits for somebody's decision.

Each command is one transaction, logged under the operator's name. What cannot be done is one line.
"""

import json
from typing import Any
from uuid import UUID

import click

from server.cli import say
from server.identity.aligned import say_if_cut
from server.identity.companies import company_day, company_zone
from server.identity.occupancies import position_by_code
from server.identity.prefixes import id_that_begins
from server.identity.terminal import at_most_option, company_of, company_option, operator
from server.planning.amendments import read_amendment
from server.planning.conflicts import Choice, Other, choose, list_conflicts
from server.planning.decision_lines import conflict_lines, proposal_lines, stores_in
from server.planning.errors import NoSuchConflict, NoSuchProposal, PlanningError
from server.planning.named_stores import named_stores
from server.planning.organisation import region_by_code
from server.planning.proposals import (
    NewStorePlace,
    amend,
    approve,
    find_proposal,
    list_proposals,
    refuse,
)
from sync.kinds.proposal.table import proposal as proposal_table
from sync.tables import conflict as conflict_table
from sync.unit_of_work import UnitOfWork

_answer = click.option("--answer", help="What the proposer's phone shows.")
_knowing = click.option(
    "--knowing", is_flag=True, help="Also where what it is about has changed since."
)
_store_code = click.option("--code", help="A new store's code.")
_region = click.option(
    "--region", metavar="CODE", help="The code of a new store's region, if not its pin's."
)
_position = click.option(
    "--position", metavar="CODE", help="The code of whose a new store is, if not its proposer's."
)


@click.group()
def proposal() -> None:
    """What phones have proposed: see it, approve it, refuse it, amend it."""


@proposal.command("list")
@click.option(
    "--state",
    default="WAITING",
    show_default=True,
    type=click.Choice(("WAITING", "APPROVED", "REFUSED", "AMENDED")),
)
@at_most_option
@company_option
def list_proposals_command(state: Any, at_most: int, company: str | None) -> None:
    """List proposals, the longest waiting first: what was asked, and what was decided."""
    with company_of(company, PlanningError) as uow:
        found = list_proposals(uow, state=state, at_most=at_most + 1)
        names = named_stores(uow, stores_in(found))
        zone = company_zone(uow)
    for one in found[:at_most]:
        for line in proposal_lines(one, names, zone):
            say(line)
    say_if_cut(len(found), at_most)
    say(f"Times of {zone}." if found else f"No proposal is {state.lower()}.")


@proposal.command("approve")
@click.argument("proposal_id", metavar="PROPOSAL")
@_answer
@_knowing
@_store_code
@_region
@_position
@company_option
def approve_command(
    proposal_id: str,
    answer: str | None,
    knowing: bool,
    code: str | None,
    region: str | None,
    position: str | None,
    company: str | None,
) -> None:
    """Do what was proposed."""
    with company_of(company, PlanningError) as uow:
        done = approve(
            uow,
            operator(),
            _proposal(uow, proposal_id),
            today=company_day(uow),
            answer=answer,
            place=_place(uow, code, region, position),
            knows_it_is_outdated=knowing,
        )
    say(f"Approved: {done.subject}.")


@proposal.command("amend")
@click.argument("proposal_id", metavar="PROPOSAL")
@click.argument("changes", required=False)
@click.option(
    "--stops", metavar="CODE,CODE…", help="The stores in their order, each by the rule it has."
)
@click.option("--empty", "may_be_empty", is_flag=True, help="No stop at all is meant.")
@_answer
@_knowing
@_store_code
@_region
@_position
@company_option
def amend_command(
    *,
    proposal_id: str,
    changes: str | None,
    stops: str | None,
    may_be_empty: bool,
    answer: str | None,
    knowing: bool,
    code: str | None,
    region: str | None,
    position: str | None,
    company: str | None,
) -> None:
    """Do something else instead of what was proposed.

    CHANGES is a JSON object of the proposal's form, as {"name": "Corner Shop"}, or, for rules of their own,
    {"stops": ["S001", {"store": "S002", "rule": {…}}]}. For stops alone --stops will do.
    """
    if (changes is None) == (stops is None):
        raise click.UsageError("give CHANGES, or --stops")
    typed = _json_object(changes) if changes is not None else {"stops": _codes(stops or "")}
    with company_of(company, PlanningError) as uow:
        found = find_proposal(uow, _proposal(uow, proposal_id))
        done = amend(
            uow,
            operator(),
            found.id,
            read_amendment(uow, found, typed),
            may_be_empty=may_be_empty,
            today=company_day(uow),
            answer=answer,
            place=_place(uow, code, region, position),
            knows_it_is_outdated=knowing,
        )
    say(f"Amended: {done.subject}.")


@proposal.command("refuse")
@click.argument("proposal_id", metavar="PROPOSAL")
@click.argument("reason")
@company_option
def refuse_command(proposal_id: str, reason: str, company: str | None) -> None:
    """Do not do what was proposed; REASON is what its proposer's phone shows."""
    with company_of(company, PlanningError) as uow:
        done = refuse(uow, operator(), _proposal(uow, proposal_id), reason)
    say(f"Refused: {done.subject}.")


@click.group()
def conflict() -> None:
    """Fields on which two edits met: see both values and choose."""


@conflict.command("list")
@click.option("--state", default="OPEN", show_default=True, type=click.Choice(("OPEN", "DECIDED")))
@at_most_option
@company_option
def list_conflicts_command(state: Any, at_most: int, company: str | None) -> None:
    """List conflicts, the oldest first: both values, and what was decided."""
    with company_of(company, PlanningError) as uow:
        found = list_conflicts(uow, state=state, at_most=at_most + 1)
        zone = company_zone(uow)
    for one in found[:at_most]:
        for line in conflict_lines(one, zone):
            say(line)
    say_if_cut(len(found), at_most)
    say(f"Times of {zone}." if found else f"No conflict is {state.lower()}.")


@conflict.command("choose")
@click.argument("conflict_id", metavar="CONFLICT")
@click.argument("choices", nargs=-1, required=True, metavar="FIELD=held|sent|JSON…")
@company_option
def choose_command(conflict_id: str, choices: tuple[str, ...], company: str | None) -> None:
    """Decide every field: keep what is held, take what was sent, or give a value as JSON."""
    with company_of(company, PlanningError) as uow:
        chosen = dict(map(_choice, choices))
        named = id_that_begins(
            uow, conflict_table.c.id, conflict_id, what="such conflict", refusal=NoSuchConflict
        )
        done = choose(uow, operator(), named, chosen)
    say(f"Decided: {done.subject}.")


def _proposal(uow: UnitOfWork, typed: str) -> UUID:
    """The one proposal whose id begins like this."""
    return id_that_begins(
        uow, proposal_table.c.id, typed, what="such proposal", refusal=NoSuchProposal
    )


def _place(
    uow: UnitOfWork, code: str | None, region: str | None, position: str | None
) -> NewStorePlace | None:
    if code is None:
        return None
    return NewStorePlace(
        code=code,
        region_id=None if region is None else region_by_code(uow, region),
        position_id=None if position is None else position_by_code(uow, position),
    )


def _codes(typed: str) -> list[str]:
    return [code.strip() for code in typed.split(",") if code.strip()]


def _choice(typed: str) -> tuple[str, Choice]:
    name, equals, value = typed.partition("=")
    if not equals:
        raise click.BadParameter(f"{typed}: write it as field=held, field=sent or field=JSON")
    if value == "held":
        return name, "held"
    if value == "sent":
        return name, "sent"
    try:
        return name, Other(json.loads(value))
    except ValueError:
        raise click.BadParameter(f"{typed}: a value is JSON, a text in double quotes") from None


def _json_object(typed: str) -> dict[str, Any]:
    try:
        value = json.loads(typed)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise click.BadParameter("CHANGES is a JSON object")
    return value
