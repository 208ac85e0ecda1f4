"""`roadbook audit`: the auditors' queue. Each command is one transaction; what cannot be done is one line.

What an auditor does is done as that person, `--as E-MAIL`, and logged under their name with the operator's.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID, uuid4

import click

from server.audits.appeals import appeal_for
from server.audits.claims import (
    CLAIMS_AT_ONCE,
    claim_next,
    give_back,
    list_claimed,
    queue_in_numbers,
)
from server.audits.draws import list_draws, redraw_week
from server.audits.errors import AuditError, NoSuchTurn, NoSuchVerdict
from server.audits.keeping_commands import KEEPING, visit_that_begins
from server.audits.shown import look
from server.audits.verdicts import ItemVerdict, NewVerdict, give_verdict, undo_verdict
from server.cli import say
from server.identity.aligned import NOTHING, say_list, told_age, told_moment
from server.identity.change_log import Actor
from server.identity.companies import company_day, company_zone
from server.identity.people import person_by_email
from server.identity.prefixes import id_that_begins
from server.identity.terminal import at_most_option, company_of, company_option, operator
from sync.flag import Flag
from sync.kinds.audit_visit.audit_table import audit_turn, audit_verdict
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


@audit.command("look")
@click.argument("named", metavar="ID")
@_as_option
@company_option
def look_command(named: str, email: str, company: str | None) -> None:
    """Show what an auditor has claimed: the checklist, what was answered, photos with what was found."""
    with company_of(company, AuditError) as uow:
        shown = look(
            uow, person_by_email(uow, email), turn_that_begins(uow, named), now=datetime.now(UTC)
        )
    say(
        f"{shown.store_name} ({shown.store_code or NOTHING}), {shown.business_day}:"
        f" {shown.activity_name} ({shown.activity_code or NOTHING}), version {shown.version}"
    )
    if shown.appeal is not None:
        say(f"Appealed against: {shown.appeal}")
    answers = {each["item"]: each for each in shown.answers}
    for standard in shown.standards:
        item = standard["item"]
        answer = answers.get(item, {"answer": "not answered", "note": None})
        asked = "" if item in shown.asked else "  (not asked)"
        required = "required" if standard["is_required"] else "not required"
        say(f"  {item}: {standard['text']} [{required}, {standard['pass_rule']}]{asked}")
        say(f"    {'; '.join(filter(None, (answer['answer'], answer['note'])))}")
        for photo in shown.photos:
            if item in photo.items:
                found = ", ".join(_flag_words(flag) for flag in photo.flags) or "nothing found"
                state = photo.reason or photo.file_state or "not there"
                say(f"    photo {photo.sha256[:12]}: {state.lower()}; {found}")
    for flag in shown.flags:
        say(f"  {_flag_words(flag)}")
    if shown.note:
        say(f"  Note: {shown.note}")
    say(
        "  Reasons: "
        + "; ".join(f"{code} ({each['words']})" for code, each in shown.reasons.items())
    )


@audit.command("judge")
@click.argument("named", metavar="ID")
@_as_option
@click.option(
    "--fail",
    "failed",
    multiple=True,
    metavar="ITEM=REASON[:WORDS]",
    help="An item that fails, with the code of its reason; may be repeated.",
)
@click.option("--not-applicable", "excused", multiple=True, metavar="ITEM", help="May be repeated.")
@click.option("--note", help="For other auditors.")
@company_option
def judge_command(
    *,
    named: str,
    email: str,
    failed: tuple[str, ...],
    excused: tuple[str, ...],
    note: str | None,
    company: str | None,
) -> None:
    """Judge what an auditor has claimed. What is not named passes."""
    now = datetime.now(UTC)
    said = {**{item: ItemVerdict(item, "NOT_APPLICABLE") for item in excused}}
    for each in failed:
        item, _, reason = each.partition("=")
        code, _, words = reason.partition(":")
        said[item] = ItemVerdict(item, "FAIL", code or None, words or None)
    verdict_id = uuid4()
    with company_of(company, AuditError) as uow:
        auditor_id, turn_id = person_by_email(uow, email), turn_that_begins(uow, named)
        shown = look(uow, auditor_id, turn_id, now=now)
        rest = [ItemVerdict(item, "PASS") for item in shown.asked if item not in said]
        result = give_verdict(
            uow,
            _acting(uow, auditor_id),
            auditor_id,
            turn_id,
            NewVerdict(id=verdict_id, seen=shown.seen, items=[*said.values(), *rest], note=note),
            now=now,
        )
    say(f"{result}: verdict {verdict_id.hex[:8]}. It can be undone for some minutes.")


@audit.command("undo")
@click.argument("named", metavar="VERDICT")
@_as_option
@company_option
def undo_command(named: str, email: str, company: str | None) -> None:
    """Take back a verdict that does not stand yet."""
    with company_of(company, AuditError) as uow:
        auditor_id = person_by_email(uow, email)
        undo_verdict(
            uow,
            _acting(uow, auditor_id),
            auditor_id,
            verdict_that_begins(uow, named),
            now=datetime.now(UTC),
        )
    say("Undone. It is claimed again.")


@audit.command("appeal")
@click.argument("named", metavar="AUDIT-VISIT")
@click.option(
    "--item", "items", multiple=True, required=True, help="One that failed; may be repeated."
)
@click.option("--reason", required=True, help="For the other auditor.")
@company_option
def appeal_command(named: str, items: tuple[str, ...], reason: str, company: str | None) -> None:
    """Appeal for whoever brought it: another auditor looks."""
    with company_of(company, AuditError) as uow:
        found = visit_that_begins(uow, named)
        appeal_for(uow, operator(), found, items, reason, now=datetime.now(UTC))
    say("Appealed.")


def verdict_that_begins(uow: UnitOfWork, typed: str) -> UUID:
    """The verdict whose id begins like this. Raises NoSuchVerdict."""
    return id_that_begins(
        uow, audit_verdict.c.id, typed, what="such verdict", refusal=NoSuchVerdict
    )


def _flag_words(flag: Flag) -> str:
    figures = ", ".join(f"{name} {value}" for name, value in flag.items() if name != "flag")
    return f"{flag['flag']} ({figures})" if figures else str(flag["flag"])


for _command in KEEPING:
    audit.add_command(_command)


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
