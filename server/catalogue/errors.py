"""Why a change of the catalogue is refused: one class per cause, each with a code."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


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
    words: str

    def __str__(self) -> str:
        return f"row {self.row}, {self.column}: {self.words}"


class RowsInvalid(CatalogueError):
    """Rows that were given as a whole are not taken; `faults` has each place."""

    code = "rows_invalid"

    def __init__(self, faults: Sequence[RowFault]) -> None:
        more = "" if len(faults) == 1 else f" (and {len(faults) - 1} more)"
        super().__init__(f"{faults[0]}{more}")
        self.faults = tuple(faults)
