"""Lists: the same table everywhere, a page at a time, and the whole of it as CSV or XLSX.

A `Listing` says once what its columns are and how a page is read; the page draws it with `parts/table.html`, and
`?format=csv` or `?format=xlsx` at the same address and with the same filters gives all of its rows, as of one moment; of a
long list a worker writes the file (server/exports).
Pages follow a mark in the rows (keyset), never a number: a row that comes meanwhile shifts nothing.
"""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import IO, Any, Generic, TypeVar, cast

from flask import request, send_file
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import NotFound

from server.exchange.cells import Raw
from server.exports.writing import Exported, writer_of
from server.identity.sessions import Visitor
from server.language import tell
from server.web.desk import Desk, draw
from sync.unit_of_work import UnitOfWork

ROWS_A_PAGE = 50
ROWS_AT_ONCE = 1_000
EXPORT_ROWS_MAX = 200_000
# More is written by a worker, where one can.
ROWS_AT_A_CLICK = 10_000
# What is larger is kept on disk until it is sent.
_IN_MEMORY_BYTES = 4 * 1024 * 1024
FORMS = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}

R = TypeVar("R")
# A row as it is told, and where in the list a row stands.
T = TypeVar("T")
M = TypeVar("M")
Read = Callable[[UnitOfWork, str | None, int], tuple[Sequence[R], str | None]]


@dataclass(frozen=True, slots=True)
class Badge:
    """A word with a tone: good, warn, bad, or none."""

    words: str
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """Words that lead to a place of ours; of a tree, with how deep they stand."""

    words: str
    place: str
    depth: int = 0


Shown = str | Badge | Link | Sequence[Badge] | None

_CODE_MAX = 20


@dataclass(frozen=True, slots=True)
class Column(Generic[R]):
    """A column: its title (said when it is drawn), what is shown of a row, and what a file has of it."""

    title: str
    show: Callable[[R], Shown]
    plain: Callable[[R], Raw]
    is_number: bool = False
    # The word of ?sort=, where the list can be sorted by it; with a minus before it, the other way round.
    sort: str | None = None
    # What the numbers of a file are in, after the title.
    unit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing(Generic[R]):
    """What a list is: `read` gets the mark after which to begin (None: at the begin) and how many rows at most, and
    returns rows and the mark of the last one, None where no more follow. A mark that is none raises ValueError.
    """

    name: str
    columns: Sequence[Column[R]]
    read: Read[R]
    # The id of a row that can be chosen, where something can be done with several; None of somebody's own, about which
    # another decides.
    key: Callable[[R], str | None] | None = None
    nothing: str = ""
    # By what it is sorted now.
    sorted_by: str | None = None
    # Under which name a worker can write all of it (exporters.py), where it may be long.
    exporter: str | None = None
    # How many rows it has, where that is told much quicker than by reading them.
    count: Callable[[UnitOfWork], int] | None = None
    # Else how far through the list a mark stands, in thousandths, for a worker that writes all of it.
    part_done: Callable[[str], int] | None = None


def pages_of(
    find: Callable[[UnitOfWork, M | None, int], Sequence[R]],
    mark_of: Callable[[R], str],
    mark: Callable[[str], M],
) -> Read[R]:
    """How a list is read of what `find` finds after a mark: so many rows at most. A row more tells that more follow.

    `mark_of` writes where a row stands into an address, `mark` reads it there (marks.py).
    """

    def read(uow: UnitOfWork, after: str | None, at_most: int) -> tuple[Sequence[R], str | None]:
        rows = find(uow, None if after is None else mark(after), at_most + 1)
        shown = rows[:at_most]
        return shown, mark_of(shown[-1]) if len(rows) > at_most else None

    return read


def told_pages(read: Read[R], told: Callable[[UnitOfWork, Sequence[R]], Sequence[T]]) -> Read[T]:
    """How a list is read whose rows are told with what is known of them only together."""

    def read_told(
        uow: UnitOfWork, after: str | None, at_most: int
    ) -> tuple[Sequence[T], str | None]:
        rows, more = read(uow, after, at_most)
        return told(uow, rows), more

    return read_told


@dataclass(frozen=True, slots=True)
class Sorting:
    """How a column sorts: the word that sorts by it next, and the way it is sorted now (ARIA)."""

    next: str
    now: str = "none"


@dataclass(frozen=True, slots=True)
class Drawn:
    """A page of a list as its template takes it."""

    name: str
    titles: list[tuple[str, bool]]
    # Each row with its cells, and the class of each: numbers, days and codes that stay in one piece, words that want room.
    rows: list[tuple[str | None, list[tuple[Shown, str]]]]
    more: str | None
    nothing: str
    sortings: list[Sorting | None]
    is_chosen_from: bool = False

    @property
    def can_be_chosen(self) -> bool:
        """Whether something can be done with a row."""
        return any(key is not None for key, _ in self.rows)

    @property
    def has_own(self) -> bool:
        """Whether some rows cannot be chosen, and others can or could."""
        return self.is_chosen_from and any(key is None for key, _ in self.rows)


def answer_listing(
    desk: Desk, visitor: Visitor, listing: Listing[R], template: str, **values: Any
) -> ResponseReturnValue:
    """The page with a page of the list as `listing`, or the whole list as a file."""
    form = request.args.get("format")
    if form is not None:
        return send_listing(desk, visitor, listing, form)
    with desk.database.reading(visitor.company_id) as uow:
        drawn = draw_rows(uow, listing)
    return draw(template, listing=drawn, **values)


def draw_rows(uow: UnitOfWork, listing: Listing[R]) -> Drawn:
    """The rows of the page that is asked for."""
    return drawn_page(listing, *read_page(uow, listing, request.args.get("after")))


def read_page(
    uow: UnitOfWork, listing: Listing[R], after: str | None
) -> tuple[Sequence[R], str | None]:
    """The rows of the page after a mark, and the mark of the next. Raises NotFound where it is no mark."""
    try:
        return listing.read(uow, after, ROWS_A_PAGE)
    except ValueError:
        raise NotFound from None


def drawn_page(listing: Listing[R], rows: Sequence[R], more: str | None) -> Drawn:
    """A page of the list as its template takes it."""
    return Drawn(
        listing.name,
        [(tell(column.title), column.is_number) for column in listing.columns],
        [
            (
                None if listing.key is None else listing.key(row),
                [(column.show(row), _class_of(column, row)) for column in listing.columns],
            )
            for row in rows
        ],
        more,
        tell(listing.nothing) if listing.nothing else "",
        [_sorting(column, listing.sorted_by) for column in listing.columns],
        listing.key is not None,
    )


def _class_of(column: Column[R], row: R) -> str:
    if column.is_number:
        return "num"
    if isinstance(column.plain(row), date):
        return "whole"
    shown = column.show(row)
    words = shown.words if isinstance(shown, Link) else shown
    if not isinstance(words, str):
        return ""
    if len(words) > _CODE_MAX:
        return "words" if " " in words else ""
    # A code would break at its hyphens.
    return "whole" if words.isascii() and " " not in words else ""


def _sorting(column: Column[R], by: str | None) -> Sorting | None:
    if column.sort is None:
        return None
    if by == column.sort:
        return Sorting(f"-{column.sort}", "ascending")
    if by == f"-{column.sort}":
        return Sorting(column.sort, "descending")
    # The largest of numbers are looked for first.
    return Sorting(f"-{column.sort}" if column.is_number else column.sort)


def send_listing(
    desk: Desk, visitor: Visitor, listing: Listing[R], form: str
) -> ResponseReturnValue:
    """All rows of a list as a file."""
    question = request.query_string.decode("ascii", "replace")
    return send_exported(desk, visitor, exported_of(listing), form, listing.exporter, question)


def send_exported(
    desk: Desk, visitor: Visitor, exported: Exported, form: str, exporter: str | None, question: str
) -> ResponseReturnValue:
    """All rows as a file. It is written whole before it is sent: whoever reads slowly holds no transaction.

    What a worker can write, and that has more than `ROWS_AT_A_CLICK`, is offered as such an export of this question.
    """
    if form not in FORMS:
        raise NotFound
    file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES)  # noqa: SIM115 - closed with the response
    with desk.database.reading(visitor.company_id) as uow:
        is_all = exporter is None or not _is_long(uow, exported)
        if is_all:
            is_all = _write_rows(uow, exported, form, cast("IO[bytes]", file), exporter)
    if not is_all:
        file.close()
        return draw(
            "exports/ask.html", name=exporter, form=form, rows=ROWS_AT_A_CLICK, question=question
        )
    file.seek(0)
    response = send_file(
        file,
        mimetype=FORMS[form],
        as_attachment=True,
        download_name=f"{exported.name}.{form}",
        max_age=0,
    )
    response.call_on_close(file.close)
    return response


def _is_long(uow: UnitOfWork, exported: Exported) -> bool:
    return exported.count is not None and exported.count(uow) > ROWS_AT_A_CLICK


def _write_rows(
    uow: UnitOfWork, exported: Exported, form: str, file: IO[bytes], exporter: str | None
) -> bool:
    """Whether these are all rows."""
    with writer_of(form, file, exported) as writer:
        writer.write(exported.titles)
        at_most = EXPORT_ROWS_MAX if exporter is None else ROWS_AT_A_CLICK
        done, after = 0, None
        while done < at_most:
            rows, after = exported.read(uow, after, min(ROWS_AT_ONCE, at_most - done))
            for row in rows:
                writer.write(row)
            done += len(rows)
            if after is None:
                break
    return after is None or exporter is None


def exported_of(listing: Listing[R]) -> Exported:
    """What a file of a list has."""

    def read(
        uow: UnitOfWork, after: str | None, at_most: int
    ) -> tuple[list[list[Raw]], str | None]:
        rows, mark = listing.read(uow, after, at_most)
        return [[column.plain(row) for column in listing.columns] for row in rows], mark

    titles = [_title_in_file(column) for column in listing.columns]
    return Exported(listing.name, titles, read, listing.count, listing.part_done)


def part_by_day(first: date, last: date, *, is_latest_first: bool = False) -> Callable[[str], int]:
    """How far through the days a mark stands that begins with one, in thousandths."""

    def part_done(mark: str) -> int:
        passed = (date.fromisoformat(mark[:10]) - first).days
        days = (last - first).days + 1
        return max(0, min(1_000, 1_000 * (days - passed if is_latest_first else passed) // days))

    return part_done


def _title_in_file(column: Column[R]) -> str:
    return f"{tell(column.title)} ({column.unit})" if column.unit else tell(column.title)
