"""`roadbook route`: routes set from above. Each command is one transaction, logged under the operator's name."""

import textwrap
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any
from uuid import UUID

import click

from server.cli import say
from server.identity.aligned import say_if_cut
from server.identity.companies import company_day
from server.identity.occupancies import position_by_code
from server.identity.terminal import at_most_option, company_of, company_option, operator
from server.planning.errors import PlanningError
from server.planning.named_stores import stores_by_code
from server.planning.phones import PhoneEffect
from server.planning.route_list import RouteListed, find_route, list_routes, ruled_stops
from server.planning.routes import close_route, make_route, move_route, set_stops
from server.planning.rule_words import WEEKDAYS, told_rule
from server.planning.rules import Stop
from sync.unit_of_work import UnitOfWork

_DAY = click.DateTime(["%Y-%m-%d"])
_WIDTH = 110
_position = click.option("--position", "position_code", help="Where several have a route so named.")
_every = click.option(
    "--every", "cycle_weeks", default=1, show_default=True, type=click.IntRange(1, 8)
)
_from = click.option(
    "--from", "starts_on", type=_DAY, metavar="DAY", help="Its first day. Default: today."
)


@click.group()
def route() -> None:
    """Routes set from above; what phones propose is `roadbook proposal`."""


@route.command("list")
@click.option("--position", "position_code", help="Only those of this position.")
@click.option("--all", "is_with_ended", is_flag=True, help="Those that have ended, too.")
@at_most_option
@company_option
def list_routes_command(
    position_code: str | None, at_most: int, company: str | None, *, is_with_ended: bool
) -> None:
    """List routes by position: the stops in their order, under the rule by which they are due."""
    with company_of(company, PlanningError) as uow:
        found = list_routes(
            uow,
            position_id=None if position_code is None else position_by_code(uow, position_code),
            is_with_ended=is_with_ended,
            at_most=at_most + 1,
        )
    for one in found[:at_most]:
        for line in _route_lines(one):
            say(line)
    if not found:
        say("There is none yet.")
    say_if_cut(len(found), at_most)


@route.command("add")
@click.argument("name")
@click.argument("stores", nargs=-1, required=True, metavar="STORE-CODE…")
@click.option("--position", "position_code", required=True, help="The code of its position.")
@click.option("--on", "weekdays", required=True, help="Weekdays, as in mon,wed,fri.")
@_every
@_from
@company_option
def add_route_command(
    *,
    name: str,
    stores: tuple[str, ...],
    position_code: str,
    weekdays: str,
    cycle_weeks: int,
    starts_on: datetime | None,
    company: str | None,
) -> None:
    """Add a route: these stores in this order, every so many weeks counted from its first."""
    days = _weekdays(weekdays)
    with company_of(company, PlanningError) as uow:
        today = company_day(uow)
        rule = _rule(days, cycle_weeks, today if starts_on is None else starts_on.date())
        made = make_route(
            uow,
            operator(),
            position_id=position_by_code(uow, position_code),
            name=name,
            stops=[Stop(store_id, rule) for store_id in stores_by_code(uow, stores)],
            today=today,
        )
    say(f"Added: route {name} with {len(stores)} stores.")
    _say_effects(made.effects)


@route.command("set-stops")
@click.argument("named", metavar="ROUTE")
@click.argument("stores", nargs=-1, required=True, metavar="STORE-CODE…")
@_position
@click.option("--on", "weekdays", help="Weekdays of all its stops. Default: as they are.")
@_every
@_from
@company_option
def set_stops_command(
    *,
    named: str,
    stores: tuple[str, ...],
    position_code: str | None,
    weekdays: str | None,
    cycle_weeks: int,
    starts_on: datetime | None,
    company: str | None,
) -> None:
    """Give a route these stores in this order, and no others.

    Without --on each keeps its rule, and a new one goes by the rule that all others share.
    """
    if weekdays is None and (cycle_weeks != 1 or starts_on is not None):
        raise click.BadParameter("--every and --from go with --on")
    days = None if weekdays is None else _weekdays(weekdays)
    with company_of(company, PlanningError) as uow:
        today = company_day(uow)
        found = _route(uow, named, position_code)
        first = today if starts_on is None else starts_on.date()
        stops = ruled_stops(
            uow,
            stores_by_code(uow, stores),
            {stop.store_id: stop.rule for stop in found.stops},
            None if days is None else _rule(days, cycle_weeks, first),
        )
        effects = set_stops(uow, operator(), found.id, stops, today=today)
    say(f"Changed: route {found.name} has {len(stores)} stores.")
    _say_effects(effects)


@route.command("move")
@click.argument("named", metavar="ROUTE")
@click.argument("to_code", metavar="POSITION-CODE")
@_position
@company_option
def move_route_command(
    named: str, to_code: str, position_code: str | None, company: str | None
) -> None:
    """Give a route, with its stores, to another position."""
    with company_of(company, PlanningError) as uow:
        found = _route(uow, named, position_code)
        to_id: UUID = position_by_code(uow, to_code)
        effects = move_route(uow, operator(), found.id, to_id, today=company_day(uow))
    say(f"Moved: route {found.name} to {to_code}.")
    _say_effects(effects)


@route.command("end")
@click.argument("named", metavar="ROUTE")
@_position
@company_option
def end_route_command(named: str, position_code: str | None, company: str | None) -> None:
    """Travel a route no more: it leaves phones and the plans from today on; its past stays."""
    with company_of(company, PlanningError) as uow:
        found = _route(uow, named, position_code)
        effects = close_route(uow, operator(), found.id, today=company_day(uow))
    say(f"Ended: route {found.name} of {found.position_code}.")
    _say_effects(effects)


def _route(uow: UnitOfWork, named: str, position_code: str | None) -> RouteListed:
    return find_route(
        uow, named, None if position_code is None else position_by_code(uow, position_code)
    )


def _route_lines(one: RouteListed) -> Iterator[str]:
    ended = "" if one.is_active else ", ended"
    yield f"{one.position_code}  {one.name}  {str(one.id)[:8]}, {len(one.stops)} stops{ended}"
    for told, stops in groupby(one.stops, key=lambda stop: told_rule(stop.rule)):
        codes = " ".join(stop.store.short for stop in stops)
        yield from textwrap.wrap(
            f"{codes}: {told}",
            _WIDTH,
            initial_indent=" " * 4,
            subsequent_indent=" " * 6,
            break_on_hyphens=False,
        )


def _say_effects(effects: Iterable[PhoneEffect]) -> None:
    for effect in effects:
        say(f"The phone of {effect.name} now holds {effect.records} records.")


def _rule(weekdays: list[int], cycle_weeks: int, first: date) -> dict[str, Any]:
    return {
        "weekdays": weekdays,
        "cycle_weeks": cycle_weeks,
        "week_groups": [0],
        "anchor": (first - timedelta(days=first.weekday())).isoformat(),
        "starts_on": first.isoformat(),
        "ends_on": None,
        "on_holiday": "SKIP",
    }


def _weekdays(typed: str) -> list[int]:
    days = [day.strip().lower()[:3] for day in typed.split(",")]
    if not all(day in WEEKDAYS for day in days) or len(set(days)) != len(days):
        raise click.BadParameter(f"{typed}: weekdays are {','.join(WEEKDAYS)}, each once")
    return sorted(WEEKDAYS.index(day) + 1 for day in days)
