"""What is read from a file before anybody knows what it means: a header, and rows with their numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from server.exchange.cells import Raw
from server.language import Said

BYTES_MAX = 64 * 1024 * 1024
ROWS_MAX = 200_000
COLUMNS_MAX = 200
CELL_MAX = 200_000  # characters; a boundary may be long, and XLSX has at most 32,767

LETTERS = 26


@dataclass(frozen=True, slots=True)
class BadCell:
    """A cell of which only the file's own form can say that it is no value: a formula, an error."""

    code: str
    says: str | Said
    text: str


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a file that is not empty; its number is that of a spreadsheet, the header's being 1 or more."""

    number: int
    cells: Sequence[Raw | BadCell]


@dataclass(frozen=True, slots=True)
class Table:
    """A file as it was read. `told` says how, in words: its form, and what of it was guessed."""

    form: Literal["CSV", "XLSX"]
    header: Row
    rows: Sequence[Row]
    told: str | Said


def letter_of(place: int) -> str:
    """The letters of a spreadsheet's column, the first being 0."""
    letters = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, LETTERS)
        letters = chr(ord("A") + rest) + letters
    return letters
