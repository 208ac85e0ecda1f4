"""XLSX files, read and written as streams. Formulas are never worked out, and no bomb goes off.

A file is a ZIP of XML: before anything of it is parsed, the sizes that its parts may have and how far
they are packed are looked at (a part never gives more than it says), and then how many cells a row has.
Entities are refused (defusedxml). Source of the form: ECMA-376.
"""

import io
import lzma
import os
import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import IO, Any
from xml.parsers import expat  # what it finds is only counted, and entities are refused

import openpyxl
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.read_only import EMPTY_CELL
from openpyxl.comments import Comment
from openpyxl.styles import Font, PatternFill

from server.exchange.cells import Raw, is_empty
from server.exchange.faults import CannotExport, FileInvalid
from server.exchange.guard import guarded_again, unguarded
from server.exchange.table import BYTES_MAX, COLUMNS_MAX, ROWS_MAX, BadCell, Row, Table
from server.language import Said

PARTS_MAX = 2_000
UNPACKED_MAX = 256 * 1024 * 1024
PACKED_TIMES_MAX = 200  # real sheets pack 10 to 60 times
SMALL = 1024 * 1024  # below this how far it is packed says nothing
CELLS_IN_ROW_MAX = 16_384
ROWS_OF_FORM = 1_048_576
TEXT_MAX = 32_767
NOTES = "columns"

_SHEETS = re.compile(r"xl/worksheets/[^/]+\.xml", re.IGNORECASE)
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\r\ufffe\uffff\ud800-\udfff]")
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
# What libraries raise on bytes that are no XLSX.
_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    ArithmeticError,
    AttributeError,
    LookupError,
    OSError,
    # A way of packing that Python does not know is one.
    RuntimeError,
    TypeError,
    ValueError,
)
_BOLD = Font(bold=True)
_MARKED = PatternFill("solid", fgColor="FFFFC7CE")


def read_xlsx(data: bytes, *, worksheet: str | None = None) -> Table:
    """The rows of a worksheet: the one named, else the first. Raises FileInvalid."""
    if len(data) > BYTES_MAX:
        raise FileInvalid(
            Said("the file has more than {most} MiB: split it", most=BYTES_MAX // 2**20)
        )
    try:
        _look_for_bombs(data)
        with warnings.catch_warnings():
            # What openpyxl does not keep (extensions, pictures) is nothing to us.
            warnings.simplefilter("ignore")
            book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, keep_links=False)
            try:
                chosen = _chosen(book, worksheet)
                rows = _rows(chosen)
                header = next(rows, None)
                if header is None:
                    raise FileInvalid(
                        Said("the worksheet is empty: its first row names the columns")
                    )
                return Table(
                    "XLSX", header, list(rows), Said("XLSX, worksheet {name}", name=chosen.title)
                )
            finally:
                book.close()
    except FileInvalid:
        raise
    except (*_ERRORS, expat.ExpatError, SyntaxError) as error:
        raise FileInvalid(
            Said("the file is no XLSX that can be read: {error}", error=_first_line(error))
        ) from error


def _look_for_bombs(data: bytes) -> None:
    """Raises FileInvalid where a part is larger than one may be, or a row wider."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = archive.infolist()
        if len(parts) > PARTS_MAX or sum(part.file_size for part in parts) > UNPACKED_MAX:
            raise FileInvalid(
                Said(
                    "unpacked the file has more than {most} MiB or {most_2} parts",
                    most=UNPACKED_MAX // 2**20,
                    most_2=PARTS_MAX,
                )
            )
        for part in parts:
            if part.file_size > max(SMALL, part.compress_size * PACKED_TIMES_MAX):
                raise FileInvalid(
                    Said("{filename} is packed further than any sheet is", filename=part.filename)
                )
            if part.flag_bits & 1:
                raise FileInvalid(Said("the file is encrypted: save it without a password"))
        for part in parts:
            if _SHEETS.fullmatch(part.filename):
                with archive.open(part) as stream:
                    _count_cells(stream)


def _count_cells(stream: IO[bytes]) -> None:
    """A row is parsed as one thing, so it has to be known first that it is not endless."""
    cells = 0

    def start(name: str, _attributes: object) -> None:
        nonlocal cells
        name = name.rpartition(":")[2]
        cells = 0 if name == "row" else cells + 1
        # A cell has at most some elements inside of it.
        if cells > CELLS_IN_ROW_MAX * 4:
            raise FileInvalid(Said("a row has more cells than a row may have"))

    def refuse(*_: object) -> None:
        raise FileInvalid(Said("the file declares entities, which no spreadsheet does"))

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    parser.EntityDeclHandler = refuse
    parser.ParseFile(stream)


def _chosen(book: Any, worksheet: str | None) -> Any:
    sheets = [one for one in book.worksheets if one.sheet_state == "visible"]
    if worksheet is None:
        if not sheets:
            raise FileInvalid(Said("the file has no worksheet that can be seen"))
        return sheets[0]
    for one in book.worksheets:
        if one.title.casefold() == worksheet.casefold():
            return one
    raise FileInvalid(
        Said(
            "the file has no worksheet {worksheet!r}; it has {sheetnames}",
            worksheet=worksheet,
            sheetnames=", ".join(book.sheetnames),
        )
    )


def _rows(sheet: Any) -> Iterator[Row]:
    """Rows that are not empty."""
    sheet.reset_dimensions()
    found = 0
    # Rows that are not in the file come all the same, each as this: a single cell at the foot of a sheet
    # makes a million of them.
    missing: Sequence[Any] | None = None
    for number, cells in enumerate(
        sheet.iter_rows(max_col=COLUMNS_MAX, max_row=ROWS_OF_FORM), start=1
    ):
        if cells is missing:
            continue
        filled = len(cells)
        while filled and cells[filled - 1] is EMPTY_CELL:
            filled -= 1
        if not filled:
            missing = cells
            continue
        values = [_value(cell) for cell in cells[:filled]]
        while values and not isinstance(values[-1], BadCell) and is_empty(values[-1]):
            values.pop()
        if not values:
            continue
        found += 1
        # The header is one row more.
        if found > ROWS_MAX + 1:
            raise FileInvalid(
                Said("the worksheet has more than {most:,} rows: split it", most=ROWS_MAX)
            )
        yield Row(number, values)


def _value(cell: Any) -> Raw | BadCell:
    value = cell.value
    match cell.data_type:
        case "f":
            text = value if isinstance(value, str) else getattr(value, "text", None)
            return BadCell("formula", "a formula is never worked out: paste its value", str(text))
        case "e":
            return BadCell("error_value", "an error of the spreadsheet", str(value))
    if isinstance(value, str):
        return unguarded(_ESCAPED.sub(lambda found: chr(int(found.group(1), 16)), value))
    if isinstance(value, timedelta | time):
        return str(value)
    if value is None or isinstance(value, (bool, int, float, date)):
        return value
    return str(value)


class XlsxWriter:
    """Writes rows of one sheet into an XLSX file, holding none of them."""

    def __init__(self, file: IO[bytes], title: str) -> None:
        self._file = file
        self._book = openpyxl.Workbook(write_only=True)
        self._sheet = self._book.create_sheet(title)
        self._sheet.freeze_panes = "A2"
        self._rows = 0

    def write(self, cells: Sequence[Raw], marks: dict[int, str] | None = None) -> None:
        """Write a row; cells named in `marks`, the first being 0, are marked and say why."""
        self._rows += 1
        if self._rows > ROWS_OF_FORM:
            raise CannotExport(Said("XLSX has at most {most:,} rows: take CSV", most=ROWS_OF_FORM))
        row = [self._cell(cell, is_header=self._rows == 1) for cell in cells]
        for place, says in (marks or {}).items():
            while len(row) <= place:
                row.append(WriteOnlyCell(self._sheet))
            row[place].fill = _MARKED
            row[place].comment = Comment(_writable(says), "Roadbook")
        self._sheet.append(row)

    def close(self, notes: Sequence[tuple[str, str]] = ()) -> None:
        """Write the file, with a second worksheet that says what each column is."""
        if notes:
            sheet = self._book.create_sheet(NOTES)
            for pair in notes:
                sheet.append([self._cell(text, is_header=False) for text in pair])
        self._book.save(self._file)

    def abandon(self) -> None:
        """Let go of what was written so far, which lies in files of its own until the book is saved."""
        with Path(os.devnull).open("wb") as nowhere:
            self._book.save(nowhere)

    def _cell(self, value: Raw, *, is_header: bool) -> Any:
        cell = WriteOnlyCell(self._sheet)
        if isinstance(value, str):
            if len(value) > TEXT_MAX:
                raise CannotExport(
                    Said(
                        "row {row} has a text of {value:,} characters, and a cell of XLSX holds {most:,}: "
                        "take CSV",
                        row=self._rows,
                        value=len(value),
                        most=TEXT_MAX,
                    )
                )
            cell.value = _writable(guarded_again(value))
            # Else what begins with = would be a formula.
            cell.data_type = "s"
        else:
            cell.value = value
            if isinstance(value, date) and not isinstance(value, datetime):
                cell.number_format = "yyyy-mm-dd"
        if is_header:
            cell.font = _BOLD
        return cell


@contextmanager
def xlsx_writer(
    file: IO[bytes], title: str, notes: Sequence[tuple[str, str]] = ()
) -> Iterator[XlsxWriter]:
    """A writer that writes the file at the end, unless something was raised."""
    writer = XlsxWriter(file, title)
    try:
        yield writer
    except BaseException:
        writer.abandon()
        raise
    writer.close(notes)


def _writable(text: str) -> str:
    """Text as XLSX has it: what XML cannot hold, and what looks like that, as _xHHHH_ (ECMA-376, ST_Xstring)."""
    text = _ESCAPED.sub(lambda found: f"_x005F_x{found.group(1)}_", text)
    return _UNWRITABLE.sub(lambda found: f"_x{ord(found.group(0)):04X}_", text)


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).partition("\n")[0][:200]
