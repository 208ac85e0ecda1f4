"""The table of the overview: a row for each person, region, product …, a column for each measure, sorted by any.

All groups of a question are read at once; a page follows a mark that has the figure and the key of its last row.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from flask import url_for
from werkzeug.exceptions import NotFound

from server.language import tell
from server.measures.figures import Figure
from server.measures.names import name_things
from server.measures.question import TIMES
from server.measures.reading import Group, read_measures
from server.web.figure_words import (
    MEASURE_WORDS,
    NOTHING,
    plain_figure,
    told_figure,
    told_unit,
)
from server.web.listing import Column, Link, Listing, Shown
from server.web.overview_asked import DIMENSIONS, Asked
from server.web.overview_charts import told_key
from sync.unit_of_work import UnitOfWork

_SORT_MAX = 60
_MARK_MAX = 1_000
_NUMBER = re.compile(r"(-?[0-9]{1,30})(?:/([1-9][0-9]{0,29}))?")


@dataclass(frozen=True, slots=True)
class Groups:
    """All groups of the table, and what each is called that has a name."""

    groups: Sequence[Group]
    names: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class NamedGroup:
    """A row: the group's key, what it is called, and its figures by measure and currency."""

    key: str
    name: str
    figures: dict[tuple[str, str | None], Figure]


def read_groups(uow: UnitOfWork, asked: Asked, *, now: datetime) -> Groups:
    """The groups of the table. The statements are those of one question, and one."""
    groups = read_measures(uow, asked.question(asked.by), asked.group_measures, now=now)
    return Groups(groups, name_things(uow, asked.by, [group.key[0] for group in groups]))


def named_groups(found: Groups) -> list[NamedGroup]:
    """The rows of the table by their names, in the visitor's language."""
    return sorted(
        (_named(group, found.names) for group in found.groups), key=lambda row: (row.name, row.key)
    )


def _named(group: Group, names: Mapping[str, str]) -> NamedGroup:
    key = group.key[0]
    return NamedGroup(
        key,
        names.get(key) or tell("none"),
        {(figure.measure, figure.currency): figure for figure in group.figures},
    )


def listing_of(asked: Asked, groups: Sequence[NamedGroup], sort: str) -> Listing[NamedGroup]:
    """The table of these groups, sorted by a column; by name where none is named. Raises NotFound."""
    columns = _columns(asked, groups)
    by, is_down = sort.removeprefix("-"), sort.startswith("-")
    if len(sort) > _SORT_MAX or by not in {column.sort for column in columns}:
        raise NotFound
    ranked = sorted(((_rank(row, by), row) for row in groups), key=lambda each: each[0])
    if is_down:
        # What has no figure stays last either way.
        known = [each for each in ranked if each[0][0] == 0]
        ranked = known[::-1] + ranked[len(known) :]

    def read(
        _uow: UnitOfWork, after: str | None, at_most: int
    ) -> tuple[list[NamedGroup], str | None]:
        begin = 0 if after is None else _place_after(ranked, _mark_read(after), is_down=is_down)
        shown = ranked[begin : begin + at_most]
        is_last = begin + at_most >= len(ranked)
        return [row for _, row in shown], None if is_last else _mark(shown[-1][0])

    return Listing(
        name=f"overview-{asked.by.replace('_', '-')}",
        columns=columns,
        read=read,
        nothing="",
        sorted_by=sort,
    )


# Without a figure or with one; the figure; the name and the key, which tell equals apart.
_Rank = tuple[int, Fraction, str, str]


def _rank(row: NamedGroup, by: str) -> _Rank:
    if by == "name":
        return (0, Fraction(0), row.name, row.key)
    measure, _, currency = by.partition(".")
    figure = row.figures.get((measure, currency or None))
    if figure is None:
        return (1, Fraction(0), row.name, row.key)
    number = Fraction(figure.numerator) if figure.denominator is None else figure.quotient
    return (1 if number is None else 0, number or Fraction(0), row.name, row.key)


def _place_after(ranked: Sequence[tuple[_Rank, NamedGroup]], mark: _Rank, *, is_down: bool) -> int:
    """Where the page after a mark begins, also where its row is gone or has another figure now."""
    for place, (rank, _) in enumerate(ranked):
        if rank[0] != mark[0]:
            if rank[0] > mark[0]:
                return place
        elif (rank < mark) if is_down and mark[0] == 0 else (rank > mark):
            return place
    return len(ranked)


def _mark(rank: _Rank) -> str:
    return json.dumps([rank[0], str(rank[1]), *rank[2:]], separators=(",", ":"))


def _mark_read(typed: str) -> _Rank:
    read = json.loads(typed) if len(typed) <= _MARK_MAX else None
    if not isinstance(read, list) or len(read) != 4 or read[0] not in {0, 1}:
        raise ValueError
    number = _NUMBER.fullmatch(str(read[1]))
    if number is None:
        raise ValueError
    return (read[0], Fraction(int(number[1]), int(number[2] or 1)), str(read[2]), str(read[3]))


def _columns(asked: Asked, groups: Sequence[NamedGroup]) -> list[Column[NamedGroup]]:
    columns: list[Column[NamedGroup]] = [
        Column(
            DIMENSIONS[asked.by], lambda row: _name(asked, row), lambda row: row.name, sort="name"
        )
    ]
    held = {place for row in groups for place in row.figures}
    for measure in asked.group_measures:
        currencies = sorted(
            (currency for name, currency in held if name == measure), key=lambda each: each or ""
        )
        known: list[str | None] = [each for each in currencies if each is not None] or [None]
        columns += [_column(asked, measure, currency, len(known) > 1) for currency in known]
    return columns


def _column(asked: Asked, measure: str, currency: str | None, is_named: bool) -> Column[NamedGroup]:
    title = tell(MEASURE_WORDS[measure]) + (f" {currency}" if is_named else "")
    sort = measure if currency is None else f"{measure}.{currency}"

    def show(row: NamedGroup) -> Shown:
        figure = row.figures.get((measure, currency))
        if figure is None or (told := told_figure(figure)) == NOTHING:
            return None
        return Link(told, url_for("facts.facts_page", measure=measure, key=row.key, **asked.kept))

    def plain(row: NamedGroup) -> int | float | None:
        figure = row.figures.get((measure, currency))
        return None if figure is None else plain_figure(figure)

    unit = " ".join(part for part in (currency, told_unit(measure)) if part)
    return Column(title, show, plain, is_number=True, sort=sort, unit=unit)


def _name(asked: Asked, row: NamedGroup) -> Shown:
    if not row.key:
        return row.name
    words = told_key(row.key, asked.by) if asked.by in TIMES else row.name
    return Link(words, url_for("overview.page", **asked.narrowed_to(asked.by, row.key)))
