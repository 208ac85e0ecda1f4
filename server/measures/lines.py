"""Figures as lines for a terminal and as CSV. What is shown is rounded; what is computed never is."""

import csv
import io
from collections.abc import Iterator, Sequence
from fractions import Fraction
from zoneinfo import ZoneInfo

from server.days.lines import printable
from server.identity.aligned import NOTHING, told_moment
from server.measures.behind import NUMBERS, Behind
from server.measures.figures import Figure
from server.measures.question import Question
from server.measures.reading import Group

_SHOWN_AT_ZERO = 2
# What a spreadsheet would take for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def told_decimal(number: Fraction, digits: int) -> str:
    """A number with so many digits after the point, halves away from zero."""
    scale = 10**digits
    whole = (abs(number) * scale + Fraction(1, 2)).__floor__()
    sign = "-" if number < 0 and whole else ""
    before, after = divmod(whole, scale)
    return f"{sign}{before}.{after:0{digits}}" if digits else f"{sign}{before}"


def told_figure(figure: Figure) -> str:
    """A figure in its unit; of a quotient both numbers as well."""
    currency = f" {figure.currency}" if figure.currency else ""
    if figure.denominator is None:
        return f"{figure.numerator}{currency}"
    both = f"{figure.numerator}/{figure.denominator}"
    if figure.quotient is None:
        return f"{both} {NOTHING}"
    if figure.unit == "ratio":
        return f"{both} {told_decimal(figure.quotient * 100, 1)} %"
    return f"{both} {told_decimal(figure.quotient, 2)}{currency}"


def group_rows(
    question: Question, measures: Sequence[str], groups: Sequence[Group]
) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """The header and the rows of a table: what tells apart, then a column for each measure."""
    header = (*(name.upper() for name in question.group_by), *measures)
    rows = []
    for group in groups:
        told = [
            "; ".join(told_figure(each) for each in group.figures if each.measure == measure)
            for measure in measures
        ]
        rows.append((*(printable(name) or NOTHING for name in group.names), *told))
    return header, rows


def group_csv(question: Question, groups: Sequence[Group]) -> Iterator[str]:
    """Lines of CSV (RFC 4180): a row for each figure, with its two numbers as they are."""
    yield _csv_line(*question.group_by, "measure", "numerator", "denominator", "unit", "currency")
    for group in groups:
        for figure in group.figures:
            yield _csv_line(
                *group.names,
                figure.measure,
                figure.numerator,
                "" if figure.denominator is None else figure.denominator,
                figure.unit,
                figure.currency or "",
            )


BEHIND_HEADER = ("AT", "PERSON", "POSITION", "STORE", "NAME", "BRINGS", "ID")


def behind_row(fact: Behind, zone: ZoneInfo) -> tuple[str, ...]:
    """A fact behind a figure, in the columns of BEHIND_HEADER."""
    brings = ", ".join(
        f"{name} {value}{f' {fact.currency}' if fact.currency and name == 'value' else ''}"
        for name, value in fact.numbers.items()
        # Of a form that measures much, what it measured.
        if value or len(fact.numbers) <= _SHOWN_AT_ZERO
    )
    left_out = ", ".join(fact.left_out)
    return (
        told_moment(fact.at, zone),
        *(
            printable(each or "") or NOTHING
            for each in (fact.person_name, fact.position_code, fact.store_code, fact.store_name)
        ),
        f"left out: {left_out}" if left_out else brings or "counts",
        str(fact.id),
    )


def behind_csv(kind: str, facts: Sequence[Behind], *, with_header: bool) -> Iterator[str]:
    """Lines of CSV: a row for each fact. All facts of one kind bring the same numbers."""
    names = NUMBERS[kind]
    if with_header:
        yield _csv_line(
            *("id", "at", "day", "person", "position", "store", "store name"),
            *names,
            *("currency", "left out"),
        )
    for fact in facts:
        yield _csv_line(
            fact.id,
            fact.at.isoformat(),
            fact.day.isoformat(),
            fact.person_name or "",
            fact.position_code or "",
            fact.store_code or "",
            fact.store_name or "",
            *(fact.numbers[name] for name in names),
            fact.currency or "",
            "; ".join(fact.left_out),
        )


def _csv_line(*cells: object) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow([_cell(each) for each in cells])
    return line.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value
