"""Why a change of the catalogue is refused: one class per cause, each with a code."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from server.language import Said, tell


class CatalogueError(Exception):
    """A change that is not made. `code` is stable; the text says what to do, on one line."""

    code: ClassVar[str] = "catalogue"


class NoSuchProduct(CatalogueError):
    code = "no_such_product"


class NoSuchPriceList(CatalogueError):
    code = "no_such_price_list"


class NoSuchPromotion(CatalogueError):
    code = "no_such_promotion"


class NoSuchAccount(CatalogueError):
    code = "no_such_account"


class CodeTaken(CatalogueError):
    code = "code_taken"


class FieldInvalid(CatalogueError):
    """A field cannot be what was given; the text names it."""

    code = "field_invalid"


class StateWrong(CatalogueError):
    """What is ended cannot be published, what was never published has no version."""

    code = "state_wrong"


class PeriodInvalid(CatalogueError):
    code = "period_invalid"


@dataclass(frozen=True, slots=True)
class RowFault:
    """What is wrong at one place of rows that were given, the first row being 1."""

    row: int
    column: str
    words: str | Said

    def __str__(self) -> str:
        return tell(
            "row {row}, {column}: {words}",
            row=self.row,
            column=Said(self.column),
            words=self.words,
        )


class RowsInvalid(CatalogueError):
    """Rows that were given as a whole are not taken; `faults` has each place."""

    code = "rows_invalid"

    def __init__(self, faults: Sequence[RowFault]) -> None:
        first = faults[0]
        figures = {"row": first.row, "column": Said(first.column), "words": first.words}
        if len(faults) == 1:
            super().__init__(Said("row {row}, {column}: {words}", **figures))
        else:
            more = len(faults) - 1
            super().__init__(
                Said("row {row}, {column}: {words} (and {more} more)", more=more, **figures)
            )
        self.faults = tuple(faults)
