"""Exporting a master: page by page into a file, with the columns of import, so that importing what was
exported changes nothing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Literal, Protocol
from uuid import UUID

from server.exchange.cells import Raw
from server.exchange.csv_file import csv_writer
from server.exchange.reading import held_pages
from server.exchange.sheet import Column, Held, Sheet
from server.exchange.understanding import AT, ID
from server.exchange.xlsx_file import xlsx_writer
from server.identity.external_ids import external_ids_of
from sync.unit_of_work import Database, UnitOfWork

Form = Literal["csv", "xlsx"]
FORMS: tuple[Form, ...] = ("csv", "xlsx")


@dataclass(frozen=True, slots=True)
class Exported:
    """How many records and rows were written."""

    records: int
    rows: int


def export_sheet(
    database: Database,
    company_id: int,
    sheet: Sheet,
    file: IO[bytes],
    form: Form,
    *,
    system: str | None = None,
) -> Exported:
    """Write every record of a master into a file, as of one moment; what a page has is all that it holds.

    With a system the ids there stand in one more column. Raises CannotExport.
    """
    with database.reading(company_id) as uow:
        rows = sheet_rows(uow, sheet, system)
        if form == "csv":
            with csv_writer(file) as writer:
                return _written(writer, rows)
        with xlsx_writer(file, sheet.name, notes(sheet)) as writer:
            return _written(writer, rows)


def header(sheet: Sheet, system: str | None = None) -> list[str]:
    """The first row of an export."""
    names = [column.name for column in (*sheet.columns, *sheet.line_columns)]
    if sheet.has_id:
        names += [ID, *([] if system is None else [f"{ID}{AT}{system}"])]
    return names


def notes(sheet: Sheet) -> list[tuple[str, str]]:
    """What each column is, in words."""
    said = [(column.name, column.said) for column in (*sheet.columns, *sheet.line_columns)]
    if sheet.has_id:
        said.append((ID, f"which {sheet.name} it is, where its other cells are to be changed"))
    return said


def count_rows(uow: UnitOfWork, sheet: Sheet) -> int:
    """How many rows an export has, but for the header: those of records, or of their lines where these are more."""
    counted: list[int] = [
        uow.rows(f"select count(*) as rows from ({select}) q", company=uow.company_id)[0].rows  # noqa: S608
        for select in (sheet.select, sheet.line_select)
        if select is not None
    ]
    return max(counted)


def _written(writer: "_Writer", rows: Iterator[tuple[int, list[Raw]]]) -> Exported:
    records = count = 0
    for of_records, cells in rows:
        writer.write(cells)
        records += of_records
        count += 1
    return Exported(records, count - 1)


class _Writer(Protocol):
    """What takes rows, in whatever form."""

    def write(self, cells: Sequence[Raw]) -> None:
        """Write one row."""


def sheet_rows(
    uow: UnitOfWork,
    sheet: Sheet,
    system: str | None = None,
    only: frozenset[str] | None = None,
) -> Iterator[tuple[int, list[Raw]]]:
    """The header, then the rows of each record; the first of them counts for it.

    Of a sheet that is bound by positions, only those of these positions.
    """
    yield 0, list(header(sheet, system))
    for page in held_pages(uow, sheet):
        ids = [held.id for held in page if held.id is not None]
        called = {} if system is None else external_ids_of(uow, system, sheet.name, ids)
        for held in page:
            if only is not None and held.values[sheet.bound_by or ""] not in only:
                continue
            for place, cells in enumerate(_cells(sheet, held, system, called)):
                yield int(place == 0), cells


def _cells(
    sheet: Sheet, held: Held, system: str | None, called: dict[UUID, str]
) -> Iterator[list[Raw]]:
    own = [_cell(column, held.values[column.name]) for column in sheet.columns]
    ids: list[Raw] = []
    if sheet.has_id and held.id is not None:
        ids = [str(held.id), *([] if system is None else [called.get(held.id)])]
    if not sheet.line_columns:
        yield [*own, *ids]
        return
    for line in held.lines:
        yield [*own, *(_cell(column, line[column.name]) for column in sheet.line_columns), *ids]
    if not held.lines:
        yield [*own, *(None for _ in sheet.line_columns), *ids]


def _cell(column: Column, value: object) -> Raw:
    return None if value is None else column.cell.write(value)
