"""CSV files: their encoding and separator found out, their rows read and written one by one.

UTF-8, with or without a mark; UTF-16 with one; else GB18030, which Chinese spreadsheets write. Commas,
semicolons or tabs. Written as UTF-8 with a mark and commas, which every spreadsheet opens. Source of the
form: RFC 4180.
"""

import codecs
import csv
import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from typing import IO, Any

from server.exchange.cells import Raw, is_empty
from server.exchange.faults import FileInvalid
from server.exchange.guard import guarded, unguarded
from server.exchange.table import BYTES_MAX, CELL_MAX, COLUMNS_MAX, ROWS_MAX, Row, Table
from server.language import Said, sentence

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_GUESSES = ("utf-8", "gb18030")
_SEPARATORS = {
    ",": sentence("CSV, {encoding}, commas"),
    ";": sentence("CSV, {encoding}, semicolons"),
    "\t": sentence("CSV, {encoding}, tabs"),
}
_SAID = re.compile(r"sep=([,;\t])\r?\n")
csv.field_size_limit(CELL_MAX)


def read_csv(data: bytes, known: Sequence[str], *, encoding: str | None = None) -> Table:
    """The rows of a CSV file. Raises FileInvalid.

    `known` are names that the header may have: they decide which separator is meant. An encoding that is
    named is not guessed.
    """
    if len(data) > BYTES_MAX:
        raise FileInvalid(
            Said("the file has more than {most} MiB: split it", most=BYTES_MAX // 2**20)
        )
    text, chosen = _decoded(data, encoding)
    said = _SAID.match(text)
    if said is not None:
        separator = said.group(1)
    else:
        separator = max(_SEPARATORS, key=lambda each: _fit(text, each, known))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    rows = _rows(reader, skips=0 if said is None else 1)
    header = next(rows, None)
    if header is None:
        raise FileInvalid(Said("the file is empty: its first row names the columns"))
    return Table("CSV", header, list(rows), Said(_SEPARATORS[separator], encoding=chosen))


class CsvWriter:
    """Writes rows of one sheet into a CSV file, holding none of them."""

    def __init__(self, file: IO[bytes]) -> None:
        self._text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="", write_through=True)
        self._rows = csv.writer(self._text, lineterminator="\r\n")

    def write(self, cells: Sequence[Raw]) -> None:
        self._rows.writerow([_written(cell) for cell in cells])

    def close(self) -> None:
        """Finish the file, which stays open."""
        self._text.detach()


@contextmanager
def csv_writer(file: IO[bytes]) -> Iterator[CsvWriter]:
    """A writer that finishes the file at the end."""
    writer = CsvWriter(file)
    try:
        yield writer
    finally:
        writer.close()


def _decoded(data: bytes, encoding: str | None) -> tuple[str, str]:
    for mark, marked in _MARKS:
        if data.startswith(mark) and (encoding is None or _is_same(encoding, marked)):
            return _text(data[len(mark) :], marked), marked.upper()
    if encoding is not None:
        return _text(data, encoding), encoding.upper()
    for guess in _GUESSES:
        try:
            return data.decode(guess), guess.upper()
        except UnicodeDecodeError:
            continue
    raise FileInvalid(
        Said("the text is neither UTF-8 nor GB18030: save it as UTF-8, or say the encoding")
    )


def _is_same(encoding: str, other: str) -> bool:
    named = encoding.casefold().replace("_", "-")
    return named in {other, "utf-8-sig" if other == "utf-8" else "utf-16"}


def _text(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except LookupError:
        raise FileInvalid(Said("no encoding is called {encoding!r}", encoding=encoding)) from None
    except (UnicodeDecodeError, TypeError, ValueError):
        raise FileInvalid(Said("the text is not {encoding}", encoding=encoding)) from None


def _fit(text: str, separator: str, known: Sequence[str]) -> tuple[int, int]:
    """How many names of the first row are known ones when split like this, and how many there are."""
    try:
        names = next(csv.reader(io.StringIO(text, newline=""), delimiter=separator), [])
    except csv.Error:
        return (0, 0)
    return sum(name.strip().casefold() in known for name in names), len(names)


def _rows(reader: Any, *, skips: int) -> Iterator[Row]:
    """Rows that are not empty. Their numbers count rows as a spreadsheet shows them, not lines."""
    found = 0
    number = 0
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise FileInvalid(
                Said("line {line_num} is no CSV: {error}", line_num=reader.line_num, error=error)
            ) from None
        number += 1
        if number <= skips or all(is_empty(cell) for cell in cells):
            continue
        if len(cells) > COLUMNS_MAX:
            raise FileInvalid(
                Said("row {number} has more than {most} columns", number=number, most=COLUMNS_MAX)
            )
        found += 1
        # The header is one row more.
        if found > ROWS_MAX + 1:
            raise FileInvalid(Said("the file has more than {most:,} rows: split it", most=ROWS_MAX))
        yield Row(number, [unguarded(cell) for cell in cells])


def _written(cell: Raw) -> str:
    match cell:
        case None:
            return ""
        case bool():
            return "yes" if cell else "no"
        case str():
            return guarded(cell)
        case float():
            return f"{Decimal(repr(cell)):f}"
        case datetime() | date():
            return cell.isoformat()
    return str(cell)
