"""`roadbook proposal` and `roadbook conflict`: what waits for somebody's decision.

Each command is one transaction, logged under the operator's name. What cannot be done is one line.
"""

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import click

from server.cli import say
from server.identity.companies import company_day
from server.identity.terminal import company_of, company_option, operator
from server.planning.conflicts import Choice, Other, choose, list_conflicts
from server.planning.errors import PlanningError
from server.planning.proposals import (
    NewStorePlace,
    Proposal,
    amend,
    approve,
    list_proposals,
    refuse,
)

_answer = click.option("--answer", help="What the proposer's phone shows.")
_knowing = click.option(
    "--knowing", is_flag=True, help="Also where what it is about has changed since."
)
_store_code = click.option("--code", help="A new store's code.")
_region = click.option("--region", type=click.UUID, help="A new store's region, if not its pin's.")
_position = click.option(
    "--position", type=click.UUID, help="Whose a new store is, if not its proposer's."
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
@click.option("--most", default=50, show_default=True, type=click.IntRange(1, 1000))
@company_option
def list_proposals_command(state: Any, most: int, company: str | None) -> None:
    """List proposals, the longest waiting first."""
    with company_of(company, PlanningError) as uow:
        found = list_proposals(uow, state=state, at_most=most)
    for one in found:
        for line in _proposal_lines(one):
            say(line)
    if not found:
        say(f"No proposal is {state.lower()}.")


@proposal.command("approve")
@click.argument("proposal_id", type=click.UUID)
@_answer
@_knowing
@_store_code
@_region
@_position
@company_option
def approve_command(
    proposal_id: UUID,
    answer: str | None,
    knowing: bool,
    code: str | None,
    region: UUID | None,
    position: UUID | None,
    company: str | None,
) -> None:
    """Do what was proposed."""
    with company_of(company, PlanningError) as uow:
        done = approve(
            uow,
            operator(),
            proposal_id,
            today=company_day(uow),
            answer=answer,
            place=_place(code, region, position),
            knows_it_is_outdated=knowing,
        )
    say(f"Approved: {done.subject}.")


@proposal.command("amend")
@click.argument("proposal_id", type=click.UUID)
@click.argument("changes")
@_answer
@_knowing
@_store_code
@_region
@_position
@company_option
def amend_command(
    proposal_id: UUID,
    changes: str,
    answer: str | None,
    knowing: bool,
    code: str | None,
    region: UUID | None,
    position: UUID | None,
    company: str | None,
) -> None:
    """Do CHANGES, a JSON object of the proposal's form, instead of what was proposed."""
    with company_of(company, PlanningError) as uow:
        done = amend(
            uow,
            operator(),
            proposal_id,
            _json_object(changes),
            today=company_day(uow),
            answer=answer,
            place=_place(code, region, position),
            knows_it_is_outdated=knowing,
        )
    say(f"Amended: {done.subject}.")


@proposal.command("refuse")
@click.argument("proposal_id", type=click.UUID)
@click.argument("reason")
@company_option
def refuse_command(proposal_id: UUID, reason: str, company: str | None) -> None:
    """Do not do what was proposed; REASON is what its proposer's phone shows."""
    with company_of(company, PlanningError) as uow:
        done = refuse(uow, operator(), proposal_id, reason)
    say(f"Refused: {done.subject}.")


@click.group()
def conflict() -> None:
    """Fields on which two edits met: see both values and choose."""


@conflict.command("list")
@click.option("--state", default="OPEN", show_default=True, type=click.Choice(("OPEN", "DECIDED")))
@click.option("--most", default=50, show_default=True, type=click.IntRange(1, 1000))
@company_option
def list_conflicts_command(state: Any, most: int, company: str | None) -> None:
    """List conflicts, the oldest first."""
    with company_of(company, PlanningError) as uow:
        found = list_conflicts(uow, state=state, at_most=most)
    for one in found:
        say(f"{one.id}  {one.kind} {one.subject}, {one.opened_at:%Y-%m-%d %H:%M}Z")
        for name, sides in sorted(one.fields.items()):
            say(f"    {name}: held {_told(sides['held'])} ({one.held_by})")
            say(f"    {'':<{len(name)}}  sent {_told(sides['sent'])} ({one.sent_by})")
            if one.chosen is not None:
                say(f"    {'':<{len(name)}}  chosen: {one.chosen.get(name)}")
    if not found:
        say(f"No conflict is {state.lower()}.")


@conflict.command("choose")
@click.argument("conflict_id", type=click.UUID)
@click.argument("choices", nargs=-1, required=True, metavar="FIELD=held|sent|JSON…")
@company_option
def choose_command(conflict_id: UUID, choices: tuple[str, ...], company: str | None) -> None:
    """Decide every field: keep what is held, take what was sent, or give a value as JSON."""
    with company_of(company, PlanningError) as uow:
        chosen = dict(map(_choice, choices))
        done = choose(uow, operator(), conflict_id, chosen)
    say(f"Decided: {done.subject}.")


def _proposal_lines(one: Proposal) -> Iterator[str]:
    outdated = " (has changed since)" if one.is_outdated else ""
    yield f"{one.id}  {one.kind} {one.subject}{outdated}"
    yield f"    by {one.proposer}, {one.proposed_at:%Y-%m-%d %H:%M}Z" + (
        f": {one.reason}" if one.reason else ""
    )
    for name, value in sorted(one.changes.items()):
        if name == "stops":
            yield f"    stops: {len(value)} instead of {len(one.held.get(name) or ())}"
        elif one.is_new_store:
            yield f"    {name}: {_told(value)}"
        else:
            yield f"    {name}: {_told(one.held.get(name))} → {_told(value)}"
    if one.decided_by is not None:
        yield f"    {one.state.lower()} by {one.decided_by}" + (
            f": {one.answer}" if one.answer else ""
        )


def _told(value: Any) -> str:
    """A value on one line: text as it is, anything else as JSON."""
    if isinstance(value, str):
        return " ".join(value.split()) or '""'
    return json.dumps(value, ensure_ascii=False)


def _place(code: str | None, region: UUID | None, position: UUID | None) -> NewStorePlace | None:
    if code is None:
        return None
    return NewStorePlace(code=code, region_id=region, position_id=position)


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
