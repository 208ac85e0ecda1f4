"""Rows of a form: what was answered in each, and the whole numbers that are tallied from them."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Any, Final, NoReturn

from mobile_contract.fields import ID_PATTERN, JSON_INT_MAX
from mobile_contract.forms.template import Column, Condition, Question, Tally

UNIX_DAY_ZERO: Final = date(1970, 1, 1).toordinal()
_matches_id: Final = re.compile(ID_PATTERN).fullmatch
_DAY_LENGTH: Final = 10

Row = tuple[str | None, dict[str, Any]]
"""The product that a row stands for, and what its shown columns say; days as whole numbers."""
Refuse = Callable[[str, str, str], NoReturn]
"""Takes a place under the answers, words and a code, and raises."""


@dataclass(slots=True)
class Rows:
    """The rows of one question, and how many cells are missing, past a limit, or were hidden."""

    rows: list[Row] = field(default_factory=list)
    missing: int = 0
    past_limit: int = 0
    hidden: int = 0


def day_number(day: date) -> int:
    """A day as expressions see it: whole days since 1970-01-01."""
    return day.toordinal() - UNIX_DAY_ZERO


def day_answered(answer: Any) -> int | None:
    """The number of a day as it was answered; None where it is no day."""
    return _day_of(answer) if type(answer) is str else None


@lru_cache(maxsize=4096)
def _day_of(answer: str) -> int | None:
    # fromisoformat takes other spellings too; none of them has hyphens at these two places.
    if len(answer) != _DAY_LENGTH or answer[4::3] != "--":
        return None
    try:
        return date.fromisoformat(answer).toordinal() - UNIX_DAY_ZERO
    except ValueError:
        return None


def take_rows(question: Question, answer: Any, refuse: Refuse) -> Rows:
    """The rows as they were answered."""
    if type(answer) is not dict:
        refuse(question.code, "must be an object of rows", "wrong_answer_type")
    found = Rows()
    for name, row in answer.items():
        place = f"{question.code}.{name}"
        product = _product_of(question, name, place, refuse)
        found.rows.append((product, _take_row(question, row, place, found, refuse)))
    return found


def _product_of(question: Question, name: str, place: str, refuse: Refuse) -> str | None:
    if question.rows is None:
        if _matches_id(name) is None:
            refuse(place, "must be named by the id of a product", "wrong_answer_type")
        return name
    if name not in question.rows:
        refuse(place, "is none of the rows", "not_in_template")
    return question.rows[name]


def _take_row(
    question: Question, row: Mapping[str, Any], place: str, found: Rows, refuse: Refuse
) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    answered = 0
    for column in question.columns:
        code, conditions = column.code, column.shown_when
        cell = row.get(code)
        is_shown = not conditions or hold(conditions, seen)
        if cell is None:
            if column.is_required and is_shown:
                found.missing += 1
            continue
        answered += 1
        value, is_past = _take_cell(column, cell, place, refuse)
        if is_shown:
            found.past_limit += is_past
            seen[code] = value
        else:
            found.hidden += 1
    if answered != len(row):
        known = {column.code for column in question.columns}
        unknown = next(each for each in row if each not in known)
        refuse(f"{place}.{unknown}", "is not asked here", "not_in_template")
    return seen


def shown_cells(question: Question, row: Mapping[str, Any]) -> dict[str, Any]:
    """The cells of a row as it was answered, without those that are hidden."""
    shown: dict[str, Any] = {}
    for column in question.columns:
        if column.code in row and hold(column.shown_when, shown):
            shown[column.code] = row[column.code]
    return shown


def _take_cell(column: Column, cell: Any, place: str, refuse: Refuse) -> tuple[Any, bool]:
    """What a cell says, and whether it is past a limit."""
    kind = column.type
    if type(cell) is not _JSON_TYPES[kind]:
        refuse(f"{place}.{column.code}", _WORDS[kind], "wrong_answer_type")
    if kind == "CHOICE":
        if cell not in column.options:
            refuse(f"{place}.{column.code}", "is none of the options", "not_in_template")
        return cell, False
    if kind == "DAY":
        day = day_answered(cell)
        if day is None:
            refuse(f"{place}.{column.code}", _WORDS[kind], "wrong_answer_type")
        return day, False
    least, most = column.minimum, column.maximum
    if least is None and most is None:
        return cell, False
    size = len(cell) if kind == "TEXT" else cell
    return cell, (least is not None and size < least) or (most is not None and size > most)


_JSON_TYPES: Final[Mapping[str, Any]] = {
    "BOOL": bool,
    "INT": int,
    "MONEY": int,
    "TEXT": str,
    "CHOICE": str,
    "DAY": str,
}
_WORDS: Final[Mapping[str, str]] = {
    "BOOL": "must be true or false",
    "INT": "must be a whole number",
    "MONEY": "must be a whole number",
    "TEXT": "must be text",
    "CHOICE": "must be text",
    "DAY": "must be a day as YYYY-MM-DD",
}


def hold(conditions: tuple[Condition, ...], row: Mapping[str, Any]) -> bool:
    """Whether all conditions hold of a row."""
    for condition in conditions:
        found = row.get(condition.column)
        if found is None or (condition.values is not None and found not in condition.values):
            return False
    return True


def shares(tally: Tally, rows: list[Row], visit_day: int) -> list[int | None]:
    """What each row gives to a tally, in the order of the rows; None where it does not fit."""
    column, where, read_as = tally.column, tally.where, tally.read_as
    counts = column is None or tally.take == "COUNT"
    found: list[int | None] = []
    for _, row in rows:
        cell = 1 if column is None else row.get(column)
        if cell is None or (where and not hold(where, row)):
            found.append(None)
        elif counts:
            found.append(1)
        elif read_as is None:
            found.append(cell)
        else:
            found.append(visit_day - cell if read_as == "DAYS_SINCE" else cell - visit_day)
    return found


def tallied(tally: Tally, found: list[int | None]) -> int | None:
    """The figure of these shares; None where it is past what JSON keeps exact, or MIN and MAX have
    no row that fits.
    """
    fitting = [each for each in found if each is not None]
    if tally.take in {"COUNT", "SUM"}:
        total = sum(fitting)
        return total if -JSON_INT_MAX <= total <= JSON_INT_MAX else None
    if not fitting:
        return None
    return min(fitting) if tally.take == "MIN" else max(fitting)
