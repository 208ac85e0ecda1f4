"""Months of the company's calendar: their days and their working days."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from server.language import Said
from server.targets.errors import TargetInvalid
from sync.calendar import is_working_day
from sync.policy import current_policy
from sync.unit_of_work import UnitOfWork

_SPECIAL_DAYS = """
select day, is_worked from holiday
where company_id = :company and day between :first_day and :last_day
"""


@dataclass(frozen=True, slots=True)
class Calendar:
    """The working days of a period, in order."""

    working_days: tuple[date, ...]

    def between(self, first: date, last: date) -> int:
        """How many there are from the first day to the last, both included."""
        return sum(1 for day in self.working_days if first <= day <= last)

    def in_month(self, month: date) -> int:
        """How many there are in a month, which is named by its first day."""
        return self.between(month, last_day(month))

    def gone(self, month: date, today: date) -> int:
        """How many of a month there were before today."""
        return self.between(month, min(last_day(month), today - timedelta(days=1)))


def read_calendar(uow: UnitOfWork, first_day: date, last_day: date) -> Calendar:
    """The company's working days of a period: its weekdays, holidays and days worked all the same."""
    rows = uow.rows(_SPECIAL_DAYS, company=uow.company_id, first_day=first_day, last_day=last_day)
    holidays = {row.day for row in rows if not row.is_worked}
    worked = {row.day for row in rows if row.is_worked}
    weekdays = frozenset(current_policy(uow)[1].working_weekdays)
    return Calendar(
        tuple(
            day
            for day in days_of(first_day, last_day)
            if is_working_day(day, holidays=holidays, worked_days=worked, working_weekdays=weekdays)
        )
    )


def days_of(first: date, last: date) -> Iterable[date]:
    """The days from the first to the last, both included."""
    return (first + timedelta(days=number) for number in range((last - first).days + 1))


def last_day(month: date) -> date:
    """The last day of a month."""
    return next_month(month) - timedelta(days=1)


def next_month(month: date) -> date:
    """The first day of the month after."""
    return (month.replace(day=1) + timedelta(days=31)).replace(day=1)


def read_month(text: str) -> date:
    """The first day of a month given as YYYY-MM. Raises TargetInvalid."""
    try:
        return date.fromisoformat(f"{text.strip()}-01")
    except ValueError as error:
        raise TargetInvalid(Said("month {text}: YYYY-MM", text=text)) from error
