"""`roadbook plan`: what is planned for a day, in every version that there was."""

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

import click

from server.cli import say
from server.identity.aligned import told_moment
from server.identity.companies import company_day, company_zone
from server.identity.occupancies import position_by_code
from server.identity.terminal import company_of, company_option
from server.language import Said
from server.planning.errors import NoSuchPlan, PlanningError
from server.planning.plan_list import PlanShown, PlanVersion, show_plan

_DAY = click.DateTime(["%Y-%m-%d"])


@click.group()
def plan() -> None:
    """Day plans: what is due on a day, and what was planned before."""


@plan.command("show")
@click.argument("position_code", metavar="POSITION-CODE")
@click.option("--on", "day", type=_DAY, metavar="DAY", help="Default: today.")
@click.option("--version", "number", type=int, help="Only this one. Default: the latest.")
@click.option("--all", "is_whole", is_flag=True, help="Every version, the first one first.")
@company_option
def show_command(
    *,
    position_code: str,
    day: datetime | None,
    number: int | None,
    is_whole: bool,
    company: str | None,
) -> None:
    """Show the stops of a position's day in their order."""
    with company_of(company, PlanningError) as uow:
        asked = company_day(uow) if day is None else day.date()
        shown = show_plan(uow, position_by_code(uow, position_code), asked)
        chosen = _chosen(shown, number, is_whole=is_whole)
        zone = company_zone(uow)
    for line in _lines(shown, chosen, zone):
        say(line)


def _chosen(shown: PlanShown, number: int | None, *, is_whole: bool) -> tuple[PlanVersion, ...]:
    if is_whole:
        return shown.versions
    if number is None:
        return shown.versions[-1:]
    if not 1 <= number <= len(shown.versions):
        raise NoSuchPlan(
            Said(
                "the plan of {day} has versions 1 to {versions}",
                day=shown.day,
                versions=len(shown.versions),
            )
        )
    return (shown.versions[number - 1],)


def _lines(shown: PlanShown, chosen: tuple[PlanVersion, ...], zone: ZoneInfo) -> Iterator[str]:
    frozen = "not frozen yet"
    if shown.frozen_at is not None:
        frozen = f"frozen {told_moment(shown.frozen_at, zone)}"
    yield f"{shown.day}, {len(shown.versions)} version(s), {frozen}"
    for one in chosen:
        made = "" if one.made_at is None else f", made {told_moment(one.made_at, zone)}"
        by = "from routes" if one.made_by is None else f"by {one.made_by}"
        yield f"Version {one.number}{made} {by}: {len(one.stops)} stop(s)"
        for place, stop in enumerate(one.stops, start=1):
            yield f"  {place:3}. {stop.store}  {stop.route or 'added for the day'}"
    yield f"Times of {zone}."
