"""What is wrong with a file, and where: a stable code, the row and the column, plain words."""

from dataclasses import dataclass
from typing import ClassVar

from server.language import Said

FAULTS_MAX = 10_000
MIB = 1024 * 1024

# code → what it means; docs/operating.md lists them, and a test compares.
FAULT_CODES = {
    "not_text": "the cell is no text, or has control characters in it",
    "not_a_number": "the cell is no number of this form",
    "not_a_day": "the cell is no day; write YYYY-MM-DD",
    "not_a_moment": "the cell is no moment with its offset; write 2027-01-31T08:00:00Z",
    "not_pairs": "the cell is no list of pairs of this form",
    "not_yes_or_no": "the cell is neither yes nor no",
    "not_a_choice": "the cell is none of the words that there are",
    "not_json": "the cell is no JSON of this form",
    "not_a_rule": "the cell is no visiting rule",
    "too_long": "the text or list is longer than it may be",
    "out_of_range": "the number or day is less or more than it may be",
    "formula": "the cell is a formula, which is never worked out; paste its value",
    "error_value": "the cell is an error of the spreadsheet, as #N/A",
    "no_column": "the cell stands under no header",
    "required": "the cell must not be empty",
    "fixed": "what is there cannot be changed to this",
    "unknown": "there is nothing of this code, e-mail or id",
    "unnamed": "nothing in the row says which record it is about",
    "ambiguous": "the row names two different records",
    "twice": "another row says the same already",
    "differs_within": "the rows of one record do not agree",
    "circle": "it would be part of itself",
    "conflicts": "it does not go together with another cell of the row, or with what is there",
    "refused": "the office refuses it; the words say why",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong in a file. `row` counts as a spreadsheet does, the header being 1.

    `column` is the header's text; None where it concerns the whole row. `letter` is the column's place in
    a spreadsheet, as C.
    """

    row: int
    column: str | None
    code: str
    says: str | Said
    letter: str | None = None
    value: str | None = None

    @property
    def cell(self) -> str:
        """As C12, or "row 12"."""
        return (
            str(Said("row {row}", row=self.row))
            if self.letter is None
            else f"{self.letter}{self.row}"
        )

    def __str__(self) -> str:
        where = self.cell if self.column is None else f"{self.cell} {self.column}"
        value = "" if self.value is None else f" ({self.value!r})"
        return f"{where}: {self.says}{value}"


class CellInvalid(Exception):
    """A cell cannot be read; the fault's code and words."""

    def __init__(self, code: str, says: str | Said) -> None:
        super().__init__(says)
        self.code = code
        self.says = says


class ExchangeError(Exception):
    """A file is not taken, or not made. `code` is stable; the text says what to do, on one line."""

    code: ClassVar[str] = "exchange"


class FileInvalid(ExchangeError):
    """The file is no CSV or XLSX that can be read, or is larger than one may be."""

    code = "file_invalid"


class HeaderInvalid(ExchangeError):
    """The first row does not name the sheet's columns; the text says which name is at fault."""

    code = "header_invalid"


class NoSuchSheet(ExchangeError):
    code = "no_such_sheet"


class NoSuchRun(ExchangeError):
    code = "no_such_run"


class NoSuchImport(ExchangeError):
    """It is not there, or not the asker's: which of the two is not told."""

    code = "no_such_import"


class NotForThem(ExchangeError):
    """Who asks may not import this sheet."""

    code = "not_for_them"


class NotNow(ExchangeError):
    """What the import is by now does not let this happen."""

    code = "not_now"


class TooManyImports(ExchangeError):
    """Somebody has as many imports on the way as anybody may."""

    code = "too_many_imports"


class TooMuchWaits(ExchangeError):
    """The files of somebody, or of a company, that wait have as many bytes as they may have."""

    code = "too_much_waits"

    def __init__(self, held: int, most: int, *, is_own: bool) -> None:
        numbers = {"held": held // MIB, "most": most // MIB}
        super().__init__(
            Said("your files that wait have {held} MiB, of {most} at most", **numbers)
            if is_own
            else Said("the company's files that wait have {held} MiB, of {most} at most", **numbers)
        )
        self.held, self.most, self.is_own = held, most, is_own


class StillImported(ExchangeError):
    """Another worker is at it; it is looked at again later."""

    code = "still_imported"


class TurnLeft(Exception):
    """An import is left to the next worker, because this one is to stop."""


class Cancelled(ExchangeError):
    """Whoever asked for it wants no more of it."""

    code = "cancelled"


class CannotExport(ExchangeError):
    """What is to be exported has no place in this form of file."""

    code = "cannot_export"
