"""`roadbook holiday`: the company's calendar. Each command is one transaction, logged under the operator's name."""

from collections.abc import Iterator
from datetime import date, datetime

import click

from server.cli import say
from server.identity.aligned import NOTHING, say_list
from server.identity.companies import company_day
from server.identity.terminal import at_most_option, company_of, company_option, operator
from server.planning.errors import PlanningError
from server.planning.holidays import (
    CalendarChanges,
    CalendarDay,
    add_holiday,
    calendar_of,
    country_days,
    load_country,
    preview_country,
    remove_holiday,
)

_DAY = click.DateTime(["%Y-%m-%d"])
_LIST = """
select day, name, is_worked, calendar from holiday
where company_id = :company
  and (cast(:year as integer) is null or extract(year from day) = :year)
order by day desc limit :at_most
"""


@click.group()
def holiday() -> None:
    """Days on which the company does not work, and weekends that it works for them.

    What a holiday does to a stop is in the stop's rule.
    """


@holiday.command("add")
@click.argument("day", type=_DAY, metavar="DAY")
@click.argument("name")
@click.option(
    "--worked", "is_worked", is_flag=True, help="A working day whatever its weekday, no holiday."
)
@company_option
def add_holiday_command(day: datetime, name: str, company: str | None, *, is_worked: bool) -> None:
    """Add a holiday, or with --worked a day that is worked all the same; plans from today on follow."""
    with company_of(company, PlanningError) as uow:
        add_holiday(uow, operator(), day.date(), name, is_worked=is_worked, today=company_day(uow))
    say(f"Added: {day.date()}.")


@holiday.command("remove")
@click.argument("day", type=_DAY, metavar="DAY")
@company_option
def remove_holiday_command(day: datetime, company: str | None) -> None:
    """Let a day be like its weekday again; plans from today on follow."""
    with company_of(company, PlanningError) as uow:
        remove_holiday(uow, operator(), day.date(), today=company_day(uow))
    say(f"Removed: {day.date()}.")


@holiday.command("list")
@click.option("--year", type=int, help="Only those of this year.")
@at_most_option
@company_option
def list_holidays_command(year: int | None, at_most: int, company: str | None) -> None:
    """List the calendar, the latest day first."""
    with company_of(company) as uow:
        rows = uow.rows(_LIST, company=uow.company_id, year=year, at_most=at_most + 1)
    found = [CalendarDay(*row) for row in rows]
    say_list(
        ("DAY", "NAME", "WORKED", "FROM"),
        [
            (d.day.isoformat(), d.name, "yes" if d.is_worked else "no", d.calendar or NOTHING)
            for d in found
        ],
        "There is none yet.",
        at_most=at_most,
    )


@holiday.command("load")
@click.option("--country", required=True, metavar="CODE", help="ISO 3166: CN, DE, US …")
@click.option("--subdivision", metavar="CODE", help="A part with days of its own, as BY of DE.")
@click.option("--year", required=True, type=int)
@click.option("--language", help="Of the names, as en_US. Default: the country's own.")
@click.option("--dry-run", "is_dry", is_flag=True, help="Only show what it would do.")
@company_option
def load_command(
    *,
    country: str,
    subdivision: str | None,
    year: int,
    language: str | None,
    is_dry: bool,
    company: str | None,
) -> None:
    """Load a year's public holidays of a country, and the weekends that it works for them.

    Days that the company set itself stay as they are. Loaded again, days come, change and go as the
    country's calendar has changed since. Plans from today on follow.
    """
    with company_of(company, PlanningError) as uow:
        wanted = country_days(country, year, subdivision=subdivision, language=language)
        calendar = calendar_of(country, subdivision)
        if is_dry:
            changes = preview_country(uow, wanted, calendar, year)
        else:
            today: date = company_day(uow)
            changes = load_country(uow, operator(), wanted, calendar, year, today=today)
    for line in _lines(changes):
        say(line)
    if is_dry:
        say("Nothing was changed: without --dry-run it is.")


def _lines(changes: CalendarChanges) -> Iterator[str]:
    for each in changes.added:
        yield f"+ {_told(each)}"
    for before, after in changes.changed:
        yield f"~ {_told(before)} → {_told(after)}"
    for each in changes.removed:
        yield f"- {_told(each)}"
    for each in changes.own:
        yield f"= {_told(each)}, set by the company: stays"
    yield (
        f"{len(changes.added)} added, {len(changes.changed)} changed, {len(changes.removed)} removed, "
        f"{changes.unchanged} as they were, {len(changes.own)} of the company's own."
    )


def _told(each: CalendarDay) -> str:
    return f"{each.day} {each.name}{' (worked)' if each.is_worked else ''}"
