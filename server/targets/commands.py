"""`roadbook target`: set a year, split it down the tree, see why and how far it is."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from uuid import UUID

import click

from server.cli import say
from server.identity.aligned import say_if_cut, say_list
from server.identity.companies import company_day
from server.identity.errors import NoSuchPosition
from server.identity.occupancies import position_by_code
from server.identity.people import person_by_email
from server.identity.prefixes import id_that_begins
from server.identity.terminal import at_most_option, company_option, opened, operator
from server.language import Said
from server.measures.errors import MeasuresError
from server.planning.errors import PlanningError
from server.planning.organisation import region_by_code
from server.targets.basis import SplitBy
from server.targets.errors import NoSuchPlan, TargetInvalid, TargetsError
from server.targets.lines import (
    PLAN_HEADER,
    PROGRESS_HEADER,
    explanation_lines,
    person_rows,
    plan_row,
    progress_row,
)
from server.targets.months import read_month
from server.targets.plan_list import explain_node, list_plans, place_of, plan_versions
from server.targets.plans import SplitDone, make_plan, split_plan
from server.targets.progress_list import list_progress, share_by_person
from server.targets.splitting import Weights
from server.targets.tree import Place
from sync.kinds.target.table import target_plan
from sync.unit_of_work import UnitOfWork

_ROOTS = "select id from region where company_id = :company and parent_id is null limit 2"
_DIVISION = "select id from division where company_id = :company and code = :code"

_weights = click.option(
    "--weights",
    metavar="LAST-YEAR,POTENTIAL,EQUAL",
    help="Thousandths, together 1000.  [default: 600,300,100]",
)
_groups = click.option(
    "--group",
    "groups",
    multiple=True,
    help="A product group that positions are split over; may be given again.",
)
_roles = click.option("--role", "roles", multiple=True, help="Whose positions.  [default: rep]")
_potential = click.option(
    "--potential",
    metavar="A=4,B=2,*=1",
    help="What a store of each class counts in the potential of a position.",
)
_reason = click.option("--reason", help="Why, for whoever asks later.")
_dry_run = click.option(
    "--dry-run", is_flag=True, help="Say what would come of it; change nothing."
)


@click.group()
def target() -> None:
    """Numbers to reach: for a year, split over months, regions, positions and product groups."""


@target.command("list")
@click.option("--year", type=int)
@at_most_option
@company_option
def list_plans_command(*, year: int | None, at_most: int, company: str | None) -> None:
    """List what is set, the latest year first."""
    with _reading(company) as uow:
        found = list_plans(uow, year=year, at_most=at_most + 1)
    say_list(PLAN_HEADER, [plan_row(each) for each in found], "Nothing is set.", at_most=at_most)


@target.command("set")
@click.argument("year", type=int)
@click.argument("measure")
@click.argument("total", type=int)
@click.option("--region", help="Its code: for the positions in it and below.  [default: the top]")
@click.option("--division", help="Its code: only for positions of it.")
@click.option(
    "--currency", help="Of money, whose total is in minor units.  [default: the company's]"
)
@_weights
@_groups
@_roles
@_potential
@_reason
@_dry_run
@company_option
def set_command(
    *,
    year: int,
    measure: str,
    total: int,
    region: str | None,
    division: str | None,
    currency: str | None,
    weights: str | None,
    groups: tuple[str, ...],
    roles: tuple[str, ...],
    potential: str | None,
    reason: str | None,
    dry_run: bool,
    company: str | None,
) -> None:
    """Set a total for a year and split it down to the positions."""
    with _writing(company, dry_run=dry_run) as uow:
        done = make_plan(
            uow,
            operator(),
            year=year,
            measure=measure.upper(),
            total=total,
            region_id=_top(uow) if region is None else region_by_code(uow, region),
            division_id=None if division is None else _division(uow, division),
            currency=currency,
            by=_split_by(SplitBy(), weights, groups, roles, potential),
            reason=reason,
            today=company_day(uow),
            now=datetime.now(UTC),
        )
        _say_split(uow, done, dry_run=dry_run)


@target.command("split")
@click.argument("plan")
@click.option("--total", type=int, help="Another total for the year.")
@_weights
@_groups
@click.option("--no-groups", is_flag=True, help="Not over product groups any more.")
@_roles
@_potential
@click.option(
    "--from",
    "from_month",
    metavar="YYYY-MM",
    help="Months before keep what they have.  [default: this month]",
)
@click.option(
    "--pin",
    "pins",
    multiple=True,
    metavar="PART=AMOUNT",
    help="Fix a part: 2026-03=900, 2026-03/REP-1=70, 2026-03/REP-1/Water=20; may be given again.",
)
@click.option("--unpin", "unpinned", multiple=True, metavar="PART", help="Let a fixed part go.")
@_reason
@_dry_run
@company_option
def split_command(
    *,
    plan: str,
    total: int | None,
    weights: str | None,
    groups: tuple[str, ...],
    no_groups: bool,
    roles: tuple[str, ...],
    potential: str | None,
    from_month: str | None,
    pins: tuple[str, ...],
    unpinned: tuple[str, ...],
    reason: str | None,
    dry_run: bool,
    company: str | None,
) -> None:
    """Split what is set again: another total, other weights, parts fixed or let go. A new version."""
    with _writing(company, dry_run=dry_run) as uow:
        plan_id = _plan(uow, plan)
        options = plan_versions(uow, plan_id, at_most=1)[0]
        held = SplitBy.of_version(options)
        if no_groups:
            held = SplitBy(
                weights=held.weights, roles=held.roles, potential_by_class=held.potential_by_class
            )
        done = split_plan(
            uow,
            operator(),
            plan_id,
            total=total,
            by=_split_by(held, weights, groups, roles, potential),
            pins=dict(_pin(uow, plan_id, typed) for typed in pins),
            unpinned=[_part(uow, typed).node_id(plan_id) for typed in unpinned],
            from_month=None if from_month is None else read_month(from_month),
            reason=reason,
            today=company_day(uow),
            now=datetime.now(UTC),
        )
        _say_split(uow, done, dry_run=dry_run)


@target.command("show")
@click.argument("plan")
@click.argument("part", required=False)
@click.option("--version", type=int, help="Another than the one in force.")
@click.option("--versions", "is_versions", is_flag=True, help="All versions instead.")
@at_most_option
@company_option
def show_command(
    *,
    plan: str,
    part: str | None,
    version: int | None,
    is_versions: bool,
    at_most: int,
    company: str | None,
) -> None:
    """Say why a part has what it has: PART is 2026-03, 2026-03/NORTH or 2026-03/REP-1; the year unless given."""
    with _reading(company) as uow:
        plan_id = _plan(uow, plan)
        versions = plan_versions(uow, plan_id, at_most=1_000)
        if is_versions:
            rows = [(*plan_row(each), each.reason or "") for each in versions]
            say_list((*PLAN_HEADER, "WHY"), rows, "", at_most=at_most)
            return
        place = place_of() if part is None else _part(uow, part)
        told = explain_node(uow, plan_id, place, version=version)
        of_version = next(each for each in versions if each.version == told.version)
    for line in explanation_lines(of_version, told):
        say(line)


@target.command("progress")
@click.option("--month", metavar="YYYY-MM", help="This month unless given.")
@click.option("--region", help="Its code: it and all below it.")
@click.option("--position", help="Its code.")
@click.option("--measure")
@click.option(
    "--people",
    is_flag=True,
    help="Also of each person, by the working days they held the position.",
)
@click.option("--seen-by", metavar="EMAIL", help="Only what this person may see.")
@at_most_option
@company_option
def progress_command(
    *,
    month: str | None,
    region: str | None,
    position: str | None,
    measure: str | None,
    people: bool,
    seen_by: str | None,
    at_most: int,
    company: str | None,
) -> None:
    """How far the targets of a month are, from the facts at this moment."""
    with _reading(company) as uow:
        first = company_day(uow).replace(day=1) if month is None else read_month(month)
        found = list_progress(
            uow,
            first,
            region_id=None if region is None else region_by_code(uow, region),
            position_id=None if position is None else position_by_code(uow, position),
            measure=None if measure is None else measure.upper(),
            asker_id=None if seen_by is None else person_by_email(uow, seen_by),
            at_most=at_most + 1,
        )
        shares = share_by_person(uow, found[:at_most]) if people else []
    rows = []
    for each in found[:at_most]:
        rows.append(progress_row(each))
        rows += person_rows(each, shares)
    say_list(PROGRESS_HEADER, rows, f"Nothing is set for {first:%Y-%m}.", at_most=len(rows))
    say_if_cut(len(found), at_most)


@contextmanager
def _reading(company: str | None) -> Iterator[UnitOfWork]:
    with (
        opened(company, TargetsError, MeasuresError, PlanningError) as found,
        found.database.reading(found.company_id) as uow,
    ):
        yield uow


@contextmanager
def _writing(company: str | None, *, dry_run: bool) -> Iterator[UnitOfWork]:
    with opened(company, TargetsError, MeasuresError, PlanningError) as found:
        begin = found.database.rehearsal if dry_run else found.database.company
        with begin(found.company_id) as uow:
            yield uow


def _say_split(uow: UnitOfWork, done: SplitDone, *, dry_run: bool) -> None:
    plan = plan_versions(uow, done.plan_id, at_most=1)[0]
    for line in explanation_lines(plan, explain_node(uow, done.plan_id, place_of())):
        say(line)
    gone = f", {done.targets_gone} fewer" if done.targets_gone else ""
    say(f"Version {done.version} of {str(done.plan_id)[:8]}: {done.targets} targets{gone}.")
    if dry_run:
        say("Nothing was changed: this was --dry-run.")


def _split_by(
    held: SplitBy,
    weights: str | None,
    groups: tuple[str, ...],
    roles: tuple[str, ...],
    potential: str | None,
) -> SplitBy:
    return SplitBy(
        weights=held.weights if weights is None else _read_weights(weights),
        product_groups=groups or held.product_groups,
        roles=roles or held.roles,
        potential_by_class=held.potential_by_class
        if potential is None
        else dict(_pair(each) for each in potential.split(",")),
    )


def _read_weights(text: str) -> Weights:
    parts = [_whole(each, "weights") for each in text.split(",")]
    if len(parts) != len(("last year", "potential", "equal")):
        raise TargetInvalid(
            Said("weights: three numbers with commas, of last year, potential and equal")
        )
    return Weights(last_year=parts[0], potential=parts[1], equal=parts[2])


def _pair(text: str) -> tuple[str, int]:
    name, _, number = text.rpartition("=")
    return name.strip(), _whole(number, text)


def _pin(uow: UnitOfWork, plan_id: UUID, text: str) -> tuple[UUID, int]:
    part, amount = _pair(text)
    return _part(uow, part).node_id(plan_id), amount


def _part(uow: UnitOfWork, text: str) -> Place:
    """The place named by MONTH, MONTH/CODE or MONTH/CODE/GROUP: a position's code, else a region's."""
    month, _, rest = text.strip().partition("/")
    code, _, group = rest.partition("/")
    first: date = read_month(month)
    if not code:
        return place_of(month=first)
    try:
        position_id = position_by_code(uow, code)
    except NoSuchPosition:
        return place_of(
            month=first, region_id=region_by_code(uow, code), product_group=group or None
        )
    return place_of(month=first, position_id=position_id, product_group=group or None)


def _whole(text: str, where: str) -> int:
    try:
        return int(text.strip())
    except ValueError as error:
        raise TargetInvalid(
            Said("{where}: {text!r} is no whole number", where=where, text=text.strip())
        ) from error


def _plan(uow: UnitOfWork, typed: str) -> UUID:
    return id_that_begins(uow, target_plan.c.id, typed, what="plan of targets", refusal=NoSuchPlan)


def _top(uow: UnitOfWork) -> UUID:
    found = uow.rows(_ROOTS, company=uow.company_id)
    if len(found) != 1:
        raise TargetInvalid(Said("region: name one, there is not exactly one at the top"))
    top: UUID = found[0].id
    return top


def _division(uow: UnitOfWork, code: str) -> UUID:
    found = uow.rows(_DIVISION, company=uow.company_id, code=code.strip())
    if not found:
        raise TargetInvalid(Said("division: there is no {code!r} in this company", code=code))
    division_id: UUID = found[0].id
    return division_id
