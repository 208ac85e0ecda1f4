"""Periods by the names that people give them: a day, a week, a month, a quarter, a year, a range."""

import re
from datetime import date, timedelta

from server.language import Said
from server.measures.errors import QuestionInvalid

_MONTHS_A_QUARTER = 3
_FORMS = Said("YYYY-MM-DD, YYYY-Www, YYYY-MM, YYYY-Qn, YYYY, or two of them as FROM..UNTIL")


def read_period(text: str) -> tuple[date, date]:
    """The first and the last day of a period, both included. Raises QuestionInvalid.

    A week is that of ISO 8601 here: it only names seven days from a Monday on.
    """
    begin, dots, end = text.strip().partition("..")
    first, last = _named(begin)
    if dots:
        last = _named(end)[1]
    if last < first:
        raise QuestionInvalid(Said("period {text}: it ends before it begins", text=text))
    return first, last


def period_before(first: date, last: date, today: date) -> tuple[date, date]:
    """The period to compare with: as many months before whole months, else as many days before.

    Of a period that is not over yet, as far into the one before as today is into it.
    """
    if first.day == 1 and (last + timedelta(days=1)).day == 1:
        months = (last.year - first.year) * 12 + last.month - first.month + 1
        before = _months_back(first, months)
    else:
        before = first - (last - first) - timedelta(days=1)
    until = first - timedelta(days=1)
    if first <= today < last:
        until = min(until, before + (today - first))
    return before, until


def _months_back(first: date, months: int) -> date:
    place = first.year * 12 + first.month - 1 - months
    return date(place // 12, place % 12 + 1, 1)


def _named(text: str) -> tuple[date, date]:
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
            day = date.fromisoformat(text)
            return day, day
        if found := re.fullmatch(r"(\d{4})-W(\d{2})", text):
            monday = date.fromisocalendar(int(found[1]), int(found[2]), 1)
            return monday, monday + timedelta(days=6)
        if found := re.fullmatch(r"(\d{4})-(\d{2})", text):
            return _months(int(found[1]), int(found[2]), 1)
        if found := re.fullmatch(r"(\d{4})-Q([1-4])", text):
            first_month = (int(found[2]) - 1) * _MONTHS_A_QUARTER + 1
            return _months(int(found[1]), first_month, _MONTHS_A_QUARTER)
        if re.fullmatch(r"\d{4}", text):
            return date(int(text), 1, 1), date(int(text), 12, 31)
    except (ValueError, OverflowError):
        pass
    raise QuestionInvalid(Said("period {text}: {forms}", text=text, forms=_FORMS))


def _months(year: int, first_month: int, number: int) -> tuple[date, date]:
    first = date(year, first_month, 1)
    after = first
    for _ in range(number):
        after = (after + timedelta(days=31)).replace(day=1)
    return first, after - timedelta(days=1)
