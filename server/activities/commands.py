"""`roadbook activity`: activities and the stores in them. Each command is one transaction, logged under the
operator's name; what cannot be done is one line.
"""

import json
from collections.abc import Callable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import click
from sqlalchemy import select

from server.activities.activities import (
    approve_activity,
    edit_activity,
    end_activity,
    make_activity,
    open_activity,
    reopen_activity,
    settle_activity,
    suspend_activity,
)
from server.activities.activity_list import find_activity, list_activities, list_brought
from server.activities.errors import ActivityError, FieldInvalid, NoSuchActivityStore
from server.activities.stores import (
    approve_requests,
    enter_stores,
    list_activity_stores,
    refuse_stores,
)
from server.activities.terms import NewActivity, StandardItem
from server.cli import say
from server.identity.aligned import NOTHING, say_list
from server.identity.companies import company_day, company_zone
from server.identity.people import person_by_email
from server.identity.prefixes import id_that_begins
from server.identity.terminal import at_most_option, company_of, company_option, operator
from server.language import Said
from server.planning.errors import PlanningError
from server.planning.named_stores import stores_by_code
from server.planning.organisation import region_by_code
from sync.kinds.activity.states import RUNNING_ACTIVITY
from sync.kinds.activity_store.states import PARTICIPATING
from sync.kinds.activity_store.table import activity_store
from sync.organisation import division
from sync.unit_of_work import UnitOfWork

_day = click.DateTime(["%Y-%m-%d"])
_seen_by = click.option(
    "--seen-by", metavar="E-MAIL", help="As this person sees it, by the positions they may see."
)
_TERMS = (
    click.option("--about", help="What it is, for people."),
    click.option("--channel", "channels", multiple=True, help="Of the stores; may be repeated."),
    click.option("--region", "regions", multiple=True, metavar="CODE", help="May be repeated."),
    click.option("--budget", "budget_minor", type=int, metavar="MINOR", help="In minor units."),
    click.option("--pay", "pay_minor", type=int, metavar="MINOR", help="For one store in full."),
    click.option("--currency", metavar="ISO", help="As in CNY."),
    click.option(
        "--standards",
        "standards_file",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="A JSON file: a list of {item, text, photos, pass_rule, is_required}.",
    ),
)


def _terms(command: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(_TERMS):
        command = option(command)
    return command


@click.group()
def activity() -> None:
    """What stores take part in for a time, with the standards that each visit shows evidence of."""


@activity.command("list")
@click.option(
    "--state",
    "states",
    multiple=True,
    type=click.Choice(RUNNING_ACTIVITY.stored_states, case_sensitive=False),
    help="May be repeated; all unless given.",
)
@_seen_by
@at_most_option
@company_option
def list_command(
    states: tuple[str, ...], seen_by: str | None, at_most: int, company: str | None
) -> None:
    """List activities, those that begin last first."""
    with company_of(company, ActivityError) as uow:
        found = list_activities(
            uow,
            today=company_day(uow),
            states=states or RUNNING_ACTIVITY.stored_states,
            asker_id=None if seen_by is None else person_by_email(uow, seen_by),
            at_most=at_most + 1,
        )
    say_list(
        ("CODE", "ID", "NAME", "STATE", "DIVISION", "FROM", "TO", "ITEMS", "STORES", "PAY"),
        [
            (
                one.code or NOTHING,
                one.id.hex[:8],
                one.name,
                one.state,
                one.division_code or NOTHING,
                one.starts_on.isoformat(),
                one.ends_on.isoformat(),
                str(one.items),
                str(one.stores),
                NOTHING if one.pay_minor is None else f"{one.pay_minor} {one.currency}",
            )
            for one in found
        ],
        "No activity is like this.",
        at_most=at_most,
    )


@activity.command("add")
@click.argument("name")
@click.option("--from", "starts_on", type=_day, required=True, help="Its first day.")
@click.option("--to", "ends_on", type=_day, required=True, help="Its last day.")
@click.option("--division", "division_code", metavar="CODE", help="Whose it is, if not all.")
@_terms
@company_option
def add_command(
    *,
    name: str,
    starts_on: datetime,
    ends_on: datetime,
    division_code: str | None,
    company: str | None,
    **typed: Any,
) -> None:
    """Add a draft. `roadbook activity approve` gives it its code."""
    with company_of(company, ActivityError, PlanningError) as uow:
        made = make_activity(
            uow,
            operator(),
            NewActivity(
                name=name,
                starts_on=starts_on.date(),
                ends_on=ends_on.date(),
                division_id=None if division_code is None else _division(uow, division_code),
                **_typed_terms(uow, typed),
            ),
        )
    say(f"Added: activity {made.hex[:8]}, a draft.")


@activity.command("edit")
@click.argument("named", metavar="ACTIVITY")
@click.option("--name")
@click.option("--from", "starts_on", type=_day, help="Its first day.")
@click.option("--to", "ends_on", type=_day, help="Its last day.")
@_terms
@company_option
def edit_command(
    *,
    named: str,
    name: str | None,
    starts_on: datetime | None,
    ends_on: datetime | None,
    company: str | None,
    **typed: Any,
) -> None:
    """Change an activity; what is not given stays. Other standards are a new version of them."""
    with company_of(company, ActivityError, PlanningError) as uow:
        changes = _typed_terms(uow, typed)
        if name is not None:
            changes["name"] = name
        for field, given in (("starts_on", starts_on), ("ends_on", ends_on)):
            if given is not None:
                changes[field] = given.date()
        is_changed = edit_activity(
            uow, operator(), find_activity(uow, named), changes, today=company_day(uow)
        )
    say("Changed." if is_changed else "It is like this already.")


@activity.command("approve")
@click.argument("named", metavar="ACTIVITY")
@click.option("--code", help="Its code, if not the next of the year.")
@company_option
def approve_command(named: str, code: str | None, company: str | None) -> None:
    """Give a draft its code: phones see it, and it opens on its first day."""
    with company_of(company, ActivityError) as uow:
        given = approve_activity(
            uow, operator(), find_activity(uow, named), today=company_day(uow), code=code
        )
    say(f"Approved: activity {given}.")


@activity.command("open")
@click.argument("named", metavar="ACTIVITY")
@company_option
def open_command(named: str, company: str | None) -> None:
    """Open an approved activity now."""
    _step(company, named, open_activity, "Open.")


@activity.command("suspend")
@click.argument("named", metavar="ACTIVITY")
@click.option("--reason", required=True, help="For the change log.")
@company_option
def suspend_command(named: str, reason: str, company: str | None) -> None:
    """Stop an open activity for a while."""
    with company_of(company, ActivityError) as uow:
        suspend_activity(uow, operator(), find_activity(uow, named), reason, today=company_day(uow))
    say("Suspended.")


@activity.command("reopen")
@click.argument("named", metavar="ACTIVITY")
@company_option
def reopen_command(named: str, company: str | None) -> None:
    """Let a suspended activity go on."""
    _step(company, named, reopen_activity, "Open again.")


@activity.command("end")
@click.argument("named", metavar="ACTIVITY")
@company_option
def end_command(named: str, company: str | None) -> None:
    """End an activity before its time, or call off one that has not begun."""
    _step(company, named, end_activity, "Ended.")


@activity.command("settle")
@click.argument("named", metavar="ACTIVITY")
@company_option
def settle_command(named: str, company: str | None) -> None:
    """Close an activity that has ended, when no store of it is open any more."""
    _step(company, named, settle_activity, "Settled.")


@activity.command("stores")
@click.argument("named", metavar="ACTIVITY", required=False)
@click.option(
    "--state",
    "states",
    multiple=True,
    type=click.Choice(PARTICIPATING.stored_states, case_sensitive=False),
    help="May be repeated; all unless given.",
)
@_seen_by
@at_most_option
@company_option
def stores_command(
    named: str | None,
    states: tuple[str, ...],
    seen_by: str | None,
    at_most: int,
    company: str | None,
) -> None:
    """List the stores of an activity, or of all, by where they stand."""
    with company_of(company, ActivityError) as uow:
        found = list_activity_stores(
            uow,
            today=company_day(uow),
            states=states or PARTICIPATING.stored_states,
            activity_id=None if named is None else find_activity(uow, named),
            asker_id=None if seen_by is None else person_by_email(uow, seen_by),
            at_most=at_most + 1,
        )
    say_list(
        ("ID", "ACTIVITY", "STORE", "NAME", "STATE", "SINCE", "BY", "BROUGHT", "PHOTOS", "SAID"),
        [
            (
                one.id.hex[:8],
                one.activity_code or NOTHING,
                one.store_code or NOTHING,
                one.store_name,
                one.state,
                one.business_day.isoformat(),
                one.person or "the office",
                str(one.audit_visits),
                str(one.photos),
                "; ".join(filter(None, (*one.flags, one.note, one.answer))) or NOTHING,
            )
            for one in found
        ],
        "No store is like this.",
        at_most=at_most,
    )


@activity.command("take")
@click.argument("ids", metavar="ID…", nargs=-1, required=True)
@click.option("--answer", help="What phones show.")
@company_option
def take_command(ids: tuple[str, ...], answer: str | None, company: str | None) -> None:
    """Take stores in that reps asked for; ids as in `roadbook activity stores`."""
    with company_of(company, ActivityError) as uow:
        states = approve_requests(
            uow, operator(), _stores(uow, ids), today=company_day(uow), answer=answer
        )
    say(f"Taken in: {len(states)}, {sum(s == 'RUNNING' for s in states.values())} of them running.")


@activity.command("refuse")
@click.argument("ids", metavar="ID…", nargs=-1, required=True)
@click.option("--reason", required=True, help="What phones show.")
@company_option
def refuse_command(ids: tuple[str, ...], reason: str, company: str | None) -> None:
    """Refuse what reps asked for, or take stores out that were in."""
    with company_of(company, ActivityError) as uow:
        refuse_stores(uow, operator(), _stores(uow, ids), reason, today=company_day(uow))
    say(f"Refused: {len(ids)}.")


@activity.command("enter")
@click.argument("named", metavar="ACTIVITY")
@click.argument("codes", metavar="STORE…", nargs=-1, required=True)
@company_option
def enter_command(named: str, codes: Sequence[str], company: str | None) -> None:
    """Put stores into an activity that nobody asked for."""
    with company_of(company, ActivityError, PlanningError) as uow:
        ids = enter_stores(
            uow,
            operator(),
            find_activity(uow, named),
            stores_by_code(uow, codes),
            today=company_day(uow),
        )
    say(f"Entered: {len(ids)}.")


@activity.command("brought")
@click.argument("named", metavar="ACTIVITY")
@click.option("--store", "store_code", metavar="CODE", help="At this store alone.")
@_seen_by
@at_most_option
@company_option
def brought_command(
    named: str, store_code: str | None, seen_by: str | None, at_most: int, company: str | None
) -> None:
    """List what was brought for an activity at visits, the latest first."""
    with company_of(company, ActivityError, PlanningError) as uow:
        found = list_brought(
            uow,
            find_activity(uow, named),
            today=company_day(uow),
            store_id=None if store_code is None else stores_by_code(uow, [store_code])[0],
            asker_id=None if seen_by is None else person_by_email(uow, seen_by),
            at_most=at_most + 1,
        )
        zone = company_zone(uow)
    say_list(
        ("AT", "STORE", "NAME", "BY", "ANSWERS", "PHOTOS", "FLAGS"),
        [
            (
                f"{one.occurred_at.astimezone(zone):%Y-%m-%d %H:%M}",
                one.store_code or NOTHING,
                one.store_name,
                one.person,
                str(one.answers),
                str(one.photos),
                ", ".join(one.flags) or NOTHING,
            )
            for one in found
        ],
        "Nothing was brought.",
        at_most=at_most,
    )


def _step(company: str | None, named: str, act: Callable[..., None], done: str) -> None:
    with company_of(company, ActivityError) as uow:
        today: date = company_day(uow)
        act(uow, operator(), find_activity(uow, named), today=today)
    say(done)


def _typed_terms(uow: UnitOfWork, typed: dict[str, Any]) -> dict[str, Any]:
    """The terms that were given."""
    names = ("about", "budget_minor", "pay_minor", "currency")
    terms: dict[str, Any] = {name: typed[name] for name in names if typed[name] is not None}
    if typed["channels"]:
        terms["channels"] = list(typed["channels"])
    if typed["regions"]:
        terms["region_ids"] = [region_by_code(uow, code) for code in typed["regions"]]
    if typed["standards_file"] is not None:
        terms["standards"] = read_standards(typed["standards_file"])
    return terms


def read_standards(path: Path) -> list[StandardItem]:
    """The checklist of a JSON file. Raises FieldInvalid."""
    try:
        listed = json.loads(path.read_text(encoding="utf-8"))
        return [StandardItem(**item) for item in listed]
    except (ValueError, TypeError) as error:
        raise FieldInvalid(
            Said(
                "standards: a JSON list of objects with item, text, photos, pass_rule, is_required"
            )
        ) from error


def _division(uow: UnitOfWork, code: str) -> UUID:
    found: UUID | None = uow.connection.scalar(
        select(division.c.id).where(
            division.c.company_id == uow.company_id, division.c.code == code.strip()
        )
    )
    if found is None:
        raise FieldInvalid(Said("there is no division {code!r} in this company", code=code))
    return found


def _stores(uow: UnitOfWork, ids: Sequence[str]) -> list[UUID]:
    return [
        id_that_begins(
            uow,
            activity_store.c.id,
            typed,
            what="such store in an activity",
            refusal=NoSuchActivityStore,
        )
        for typed in ids
    ]
