"""A master as it stands, as a file with the columns of its import."""

from collections.abc import Iterator, Sequence

from server.exchange.cells import Raw
from server.exchange.exporting import count_rows, header, notes, sheet_rows
from server.exchange.sheet import Sheet
from server.exports.writing import Exported
from sync.unit_of_work import UnitOfWork


def exported_sheet(sheet: Sheet, only: frozenset[str] | None = None) -> Exported:
    """What its file has, of these positions alone where they are named. The rows of one transaction are read in their
    order, once.
    """
    reading: list[Iterator[list[Raw]]] = []

    def read(
        uow: UnitOfWork, after: str | None, at_most: int
    ) -> tuple[Sequence[Sequence[Raw]], str | None]:
        if after is None:
            reading[:] = [_rows(uow, sheet, only)]
        page: list[list[Raw]] = []
        for cells in reading[0]:
            page.append(cells)
            if len(page) == at_most:
                return page, str(int(after or 0) + at_most)
        return page, None

    # How many are those of some positions nobody has counted.
    count = None if only is not None else lambda uow: count_rows(uow, sheet)
    return Exported(sheet.name, header(sheet), read, count, None, notes(sheet))


def empty_sheet(sheet: Sheet) -> Exported:
    """A file to fill in: its header, and as XLSX what each column may hold."""
    return Exported(
        sheet.name, header(sheet), lambda _uow, _after, _most: ([], None), None, None, notes(sheet)
    )


def _rows(uow: UnitOfWork, sheet: Sheet, only: frozenset[str] | None) -> Iterator[list[Raw]]:
    rows = sheet_rows(uow, sheet, only=only)
    next(rows)  # the header
    for _, cells in rows:
        yield cells
