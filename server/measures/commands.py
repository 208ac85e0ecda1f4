"""`roadbook measures`: figures from the facts, and what is behind them. `roadbook flag`: deciding flags."""

from datetime import UTC, datetime, timedelta
from typing import Any

import click

from server.cli import say
from server.days.lines import printable
from server.identity.aligned import NOTHING, say_list, told_moment
from server.identity.companies import company_day, company_zone
from server.identity.occupancies import position_by_code
from server.identity.people import person_by_email
from server.identity.prefixes import id_that_begins
from server.identity.terminal import at_most_option, company_of, company_option, opened, operator
from server.language import Said
from server.measures.behind import AT_MOST, FACTS, Behind, facts_behind, read_behind
from server.measures.errors import MeasuresError, NoSuchVisit, QuestionInvalid
from server.measures.figures import MEASURES, MEASURES_BY_NAME
from server.measures.flag_decisions import FlagListed, decide_flag, list_flags
from server.measures.lines import (
    BEHIND_HEADER,
    behind_csv,
    behind_row,
    group_csv,
    group_rows,
)
from server.measures.period import read_period
from server.measures.question import DIMENSIONS, Question
from server.measures.reading import read_measures
from server.planning.errors import PlanningError
from server.planning.organisation import region_by_code
from sync.kinds.visit.table import DECISIONS, visit
from sync.unit_of_work import UnitOfWork

USUAL = ("SC", "TC", "PC", "COVERAGE", "STRIKE_RATE")
_OF_A_CODE = "select id from {table} where company_id = :company and code = :code"

_period = click.option(
    "--period",
    metavar="PERIOD",
    help="2026-03-04, 2026-W10, 2026-03, 2026-Q1, 2026 or two as FROM..UNTIL; this month unless given.",
)
_seen_by = click.option("--seen-by", metavar="EMAIL", help="Only what this person may see.")


@click.command()
@click.argument("names", nargs=-1, metavar="[MEASURE]…")
@_period
@click.option(
    "--by",
    metavar="NAMES",
    default="",
    help=f"What to tell apart by, with commas: {', '.join(DIMENSIONS)}.",
)
@click.option("--person", metavar="EMAIL", help="Only what this person did.")
@click.option("--position", "positions", multiple=True, help="Its code; may be given again.")
@click.option("--region", help="Its code: it and all below it.")
@click.option("--division", help="Its code.")
@click.option("--channel", help="Of the stores.")
@click.option("--class", "store_class", help="Of the stores.")
@click.option("--product-group", help="The category of the products.")
@click.option("--product", help="Its code.")
@_seen_by
@click.option(
    "--behind",
    "behind",
    is_flag=True,
    help="The facts behind the figures instead of the figures.",
)
@click.option(
    "--left-out",
    is_flag=True,
    help="With --behind: visits that do not count as well, and why.",
)
@click.option(
    "--csv", "as_csv", is_flag=True, help="Comma-separated, with both numbers of each figure."
)
@click.option("--list", "is_list", is_flag=True, help="Say which measures there are.")
@at_most_option
@company_option
def measures(
    *,
    names: tuple[str, ...],
    behind: bool,
    left_out: bool,
    as_csv: bool,
    is_list: bool,
    at_most: int,
    company: str | None,
    **asked: Any,
) -> None:
    """Measures of a period, computed from the facts at this moment.

    Each figure has two whole numbers: what is counted, and what it is a part of.
    """
    if is_list:
        _say_measures()
        return
    named = tuple(name.upper() for name in names) or USUAL
    with (
        opened(company, MeasuresError, PlanningError) as found,
        found.database.reading(found.company_id) as uow,
    ):
        question = _question(uow, **asked)
        if behind:
            _say_behind(uow, question, named, at_most, left_out=left_out, as_csv=as_csv)
            return
        groups = read_measures(uow, question, named)
    if as_csv:
        for line in group_csv(question, groups):
            say(line)
        return
    header, rows = group_rows(question, named, groups)
    say(f"{question.first_day} to {question.last_day}")
    say_list(header, rows, "There are no facts of it.", at_most=at_most)


@click.group()
def flag() -> None:
    """What is odd about visits: see it, accept it or reject it. Measures follow."""


@flag.command("list")
@_period
@click.option("--flag", "name", help="Only this flag, or verdict in small letters.")
@click.option("--open", "is_open", is_flag=True, help="Only those nobody decided about.")
@_seen_by
@at_most_option
@company_option
def list_flags_command(
    *,
    period: str | None,
    name: str | None,
    is_open: bool,
    seen_by: str | None,
    at_most: int,
    company: str | None,
) -> None:
    """List flags of visits, and verdicts that count only once they are accepted, by time."""
    with company_of(company, MeasuresError) as uow:
        first, last = _days(uow, period)
        found = list_flags(
            uow,
            first,
            last,
            flag=name,
            is_open=is_open,
            asker_id=None if seen_by is None else person_by_email(uow, seen_by),
            at_most=at_most + 1,
        )
        zone = company_zone(uow)
    say_list(
        ("BEGAN", "PERSON", "POSITION", "STORE", "FLAG", "DECIDED", "BY", "WHY", "VISIT"),
        [
            (
                told_moment(each.began_at, zone),
                printable(each.person_name or "") or NOTHING,
                each.position_code or NOTHING,
                printable(each.store_name or "") or NOTHING,
                each.flag,
                *_told_decision(each),
                str(each.visit_id),
            )
            for each in found
        ],
        "No flags.",
        at_most=at_most,
    )


@flag.command("accept")
@click.argument("visit_id", metavar="VISIT")
@click.argument("name", metavar="FLAG")
@click.option("--reason", required=True, help="Why, for whoever asks later.")
@company_option
def accept_flag_command(visit_id: str, name: str, reason: str, company: str | None) -> None:
    """Accept a flag: because of it the visit is not left out."""
    _decide(visit_id, name, reason, DECISIONS[0], company)


@flag.command("reject")
@click.argument("visit_id", metavar="VISIT")
@click.argument("name", metavar="FLAG")
@click.option("--reason", required=True, help="Why, for whoever asks later.")
@company_option
def reject_flag_command(visit_id: str, name: str, reason: str, company: str | None) -> None:
    """Reject what a flag shows: the visit counts in no measure."""
    _decide(visit_id, name, reason, DECISIONS[1], company)


def _decide(typed: str, name: str, reason: str, decision: str, company: str | None) -> None:
    with company_of(company, MeasuresError) as uow:
        visit_id = id_that_begins(uow, visit.c.id, typed, what="visit", refusal=NoSuchVisit)
        number = decide_flag(
            uow, operator(), visit_id, name, decision, reason, now=datetime.now(UTC)
        )
    say(f"{decision.capitalize()}: {name} of visit {visit_id} (decision {number} about it).")


def _told_decision(each: FlagListed) -> tuple[str, str, str]:
    if each.decision is None:
        return NOTHING, NOTHING, NOTHING
    return each.decision.lower(), each.decided_by or NOTHING, each.reason or NOTHING


def _question(uow: UnitOfWork, **asked: Any) -> Question:
    first, last = _days(uow, asked["period"])
    by = tuple(name.strip() for name in asked["by"].split(",") if name.strip())
    return Question(
        first_day=first,
        last_day=last,
        group_by=tuple("store_class" if name == "class" else name for name in by),
        person_id=None if asked["person"] is None else person_by_email(uow, asked["person"]),
        position_ids=[position_by_code(uow, code) for code in asked["positions"]] or None,
        region_id=None if asked["region"] is None else region_by_code(uow, asked["region"]),
        division_id=_by_code(uow, "division", asked["division"]),
        channel=asked["channel"],
        store_class=asked["store_class"],
        product_group=asked["product_group"],
        product_id=_by_code(uow, "product", asked["product"]),
        asker_id=None if asked["seen_by"] is None else person_by_email(uow, asked["seen_by"]),
    )


def _days(uow: UnitOfWork, period: str | None) -> Any:
    if period is not None:
        return read_period(period)
    first = company_day(uow).replace(day=1)
    return first, (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)


def _by_code(uow: UnitOfWork, table: str, code: str | None) -> Any:
    if code is None:
        return None
    found = uow.rows(_OF_A_CODE.format(table=table), company=uow.company_id, code=code.strip())
    if not found:
        raise QuestionInvalid(
            Said("there is no {table} {code!r} in this company", table=table, code=code)
        )
    return found[0].id


def _say_behind(
    uow: UnitOfWork,
    question: Question,
    named: tuple[str, ...],
    at_most: int,
    *,
    left_out: bool,
    as_csv: bool,
) -> None:
    zone = company_zone(uow)
    facts = {each for name in named for each in facts_behind(name)}
    for each in (name for name in FACTS if name in facts):
        if as_csv:
            _say_all_behind(uow, question, each, left_out=left_out)
            continue
        found = read_behind(uow, question, each, with_left_out=left_out, at_most=at_most + 1)
        say(f"{each}:")
        say_list(
            BEHIND_HEADER, [behind_row(fact, zone) for fact in found], "  none", at_most=at_most
        )


def _say_all_behind(uow: UnitOfWork, question: Question, facts: str, *, left_out: bool) -> None:
    """Every fact, page after page: what is read by a program is never cut."""
    after: Behind | None = None
    while True:
        page = read_behind(
            uow, question, facts, with_left_out=left_out, after=after, at_most=AT_MOST
        )
        for line in behind_csv(facts, page, with_header=after is None):
            say(line)
        if len(page) < AT_MOST:
            return
        after = page[-1]


def _say_measures() -> None:
    rows = [
        (each.name, each.about, each.unit, "yes" if each.numerator.has_products else NOTHING)
        for each in MEASURES
    ]
    say_list(("MEASURE", "WHAT", "UNIT", "BY PRODUCT"), rows, "", at_most=len(MEASURES_BY_NAME))
