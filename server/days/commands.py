"""`roadbook day`: what people did on a day, and what is odd about it."""

import time
from datetime import datetime

import click

from server.cli import say
from server.days.lines import day_lines, summary_lines, summary_row
from server.days.reading import AT_MOST_PEOPLE, FIRST, read_day, read_days
from server.days.tracks import read_day_track
from server.identity.companies import company_day
from server.identity.people import person_by_email
from server.identity.terminal import Opened, company_option, opened
from sync.organisation import company as company_table


@click.command()
@click.option(
    "--date",
    "day",
    type=click.DateTime(("%Y-%m-%d",)),
    metavar="YYYY-MM-DD",
    help="The business day; today in the company's time zone unless given.",
)
@click.option("--person", "email", metavar="EMAIL", help="Only this person's day, in its order.")
@click.option("--seen-by", metavar="EMAIL", help="Only the days that this person may see.")
@company_option
def day(day: datetime | None, email: str | None, seen_by: str | None, company: str | None) -> None:
    """Read a day: a line for each person, or all of one person's.

    Of one person also where they were: how far, where they stopped, and when there were no positions and why.

    What follows from others (closed by the next check-in, overlapping, missed …) is worked out now,
    from what has come in so far.
    """
    with opened(company) as found:
        if email is None:
            _say_everybody(found, day, seen_by)
        else:
            _say_one(found, day, email, seen_by)


def _say_everybody(found: Opened, asked: datetime | None, seen_by: str | None) -> None:
    now = _now_ms()
    with found.database.reading(found.company_id) as uow:
        held = uow.connection.execute(company_table.select()).one()
        business_day = company_day(uow) if asked is None else asked.date()
        asker_id = None if seen_by is None else person_by_email(uow, seen_by)
    rows: list[tuple[str, ...]] = []
    after = FIRST
    while True:
        # A transaction for each page: reading a large company must not hold up the purging.
        with found.database.reading(found.company_id) as uow:
            page = read_days(uow, business_day, now, asker_id=asker_id, after=after)
        rows += [summary_row(each) for each in page]
        if len(page) < AT_MOST_PEOPLE:
            break
        after = (page[-1].name, page[-1].person_id)
    if not rows:
        say(f"Nobody has a day on {business_day}.")
        return
    say(f"{held.name}, {business_day:%A} {business_day}, times of {held.time_zone}")
    say("")
    for line in summary_lines(rows):
        say(line)


def _say_one(found: Opened, asked: datetime | None, email: str, seen_by: str | None) -> None:
    with found.database.reading(found.company_id) as uow:
        business_day = company_day(uow) if asked is None else asked.date()
        asker_id = None if seen_by is None else person_by_email(uow, seen_by)
        person_id = person_by_email(uow, email)
        now = _now_ms()
        one = read_day(uow, person_id, business_day, now, asker_id=asker_id)
        track = read_day_track(uow, person_id, business_day, now, asker_id=asker_id)
    for line in day_lines(one, track):
        say(line)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
