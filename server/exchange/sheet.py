"""A sheet is a master as a spreadsheet has it: its columns, how it is read, how rows of it are applied.

A master is one more `Sheet` in `sheets/__init__.py`; nothing else of the machine names it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any
from uuid import UUID

from server.activities.errors import ActivityError
from server.catalogue.errors import CatalogueError
from server.exchange.cells import Cell, Value
from server.identity.change_log import Actor
from server.identity.errors import IdentityError
from server.language import Said, tell
from server.planning.errors import PlanningError
from sync.errors import ScopeTooLarge
from sync.unit_of_work import UnitOfWork

if TYPE_CHECKING:
    from server.exchange.references import References

Key = tuple[Value, ...]
"""The values of a record's key columns, in their order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a sheet. Its cells may be empty unless it is required.

    A column that is not in a file leaves what is there as it is. An empty cell takes the value away, or
    with `keeps_when_empty` leaves it too.
    """

    name: str
    cell: Cell
    about: str
    is_required: bool = False
    keeps_when_empty: bool = False
    # What is there once cannot be changed.
    is_fixed: bool = False
    # The sheet whose records its cells name.
    refers_to: str | None = None

    @property
    def said(self) -> str:
        """What may stand in it and whether it must, in words."""
        may = self.cell.about
        if self.refers_to:
            may = tell("{cell} of a {what}", cell=may, what=tell(self.refers_to))
        told = tell("{first}: {rest}", first=tell(self.about), rest=may)
        if self.is_required:
            told = tell("{told}, must be there", told=told)
        return tell("{told}, stays as it was first set", told=told) if self.is_fixed else told


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a record: its cells, and the row of the file that it stands in."""

    row: int
    values: Mapping[str, Value]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A record as a file has it: the cells of the columns that are in the file, and its lines."""

    rows: tuple[int, ...]
    values: Mapping[str, Value]
    lines: tuple[Line, ...] = ()
    id: UUID | None = None
    # system → id there
    external_ids: Mapping[str, str] = field(default_factory=dict)

    @property
    def row(self) -> int:
        return self.rows[0]


@dataclass(frozen=True, slots=True)
class Held:
    """A record as it stands: its key, every column's value, and its lines in their order."""

    id: UUID | None
    key: Key
    values: Mapping[str, Value]
    lines: tuple[Mapping[str, Value], ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """What a record of a file does: adds one, or changes fields of the one that is `held`.

    `values` are all columns as they are to be; `fields` are those that differ, with before and after.
    Where the lines differ, `lines` are those to be, else None. References are codes, as in the file.
    """

    record: Record
    held: Held | None
    values: Mapping[str, Value]
    fields: Mapping[str, tuple[Value, Value]]
    lines: tuple[Mapping[str, Value], ...] | None

    @property
    def is_new(self) -> bool:
        return self.held is None

    @property
    def id(self) -> UUID:
        """The id of the record that is changed."""
        assert self.held is not None
        assert self.held.id is not None
        return self.held.id

    def after(self, *names: str) -> dict[str, Value]:
        """Those of these fields that differ, as they are to be."""
        return {name: self.fields[name][1] for name in names if name in self.fields}


@dataclass(frozen=True, slots=True)
class Told:
    """Something wrong with a change that only the database or another row can tell."""

    change: Change
    column: str | None
    code: str
    says: str | Said
    row: int | None = None


LinesRead = Callable[
    [UnitOfWork, Sequence[Mapping[str, Any]]], Mapping[UUID, Sequence[Mapping[str, Value]]]
]
Applied = Callable[[UnitOfWork, Actor, Sequence[Change], "References", date], None]
Checked = Callable[[UnitOfWork, Sequence[Change], date], Iterable[Told]]


def _nothing(_uow: UnitOfWork, _changes: Sequence[Change], _today: date) -> Iterable[Told]:
    return ()


def _same(row: Mapping[str, Any]) -> Mapping[str, Any]:
    return row


def _never(_change: Change) -> bool:
    return False


def _wants_something(_record: Record) -> bool:
    return False


def _always(_records: Sequence[Record]) -> bool:
    return True


def without_turn(_records: Sequence[Record]) -> bool:
    """For masters that no scope follows from."""
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A master: what it is called, its columns, and what is done with rows of it.

    `select` is a query of the company's records (`:company`): a column `id`, null where there is none, one
    for each of `columns`, and for each of `key` that is not among them. `line_select` is one of their
    lines: `of` (a record's id), `place`, and one for each of `line_columns`. What comes out may be put
    into the sheet's form by `from_row` and `from_line`.

    `apply` does what changes say by the functions that the office uses, which log and publish; what these
    refuse is among `refusals`. `check` says what would be refused, for all changes at once, before anything
    is written.
    """

    name: str
    about: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    select: str
    apply: Applied
    line_columns: tuple[Column, ...] = ()
    # Within a record no two lines may have the same of these.
    line_key: tuple[str, ...] = ()
    # Whether the order of its lines says something.
    has_ordered_lines: bool = True
    line_select: str | None = None
    # Where the lines are not rows of a table: those of these records, in their order.
    read_lines: LinesRead | None = None
    from_row: Callable[[Mapping[str, Any]], Mapping[str, Any]] = _same
    from_line: Callable[[Mapping[str, Any]], Mapping[str, Any]] = _same
    check: Checked = _nothing
    closes: Callable[[Change], bool] = _never
    # Whether a row about what is not there wants nothing to be there.
    is_nothing: Callable[[Record], bool] = _wants_something
    # The column by which a record names another of the same sheet, which is applied first.
    above: str | None = None
    # Whether applying these records may change who holds what: the company's turn is then taken before
    # anything is read.
    takes_turn: Callable[[Sequence[Record]], bool] = _always
    # The column that names the position whose a record is, where whoever plans for that position may import it too.
    bound_by: str | None = None
    # Whether its records have ids of their own.
    has_id: bool = True
    # How many records one transaction takes.
    records_at_once: int = 200
    refusals: tuple[type[Exception], ...] = (
        PlanningError,
        IdentityError,
        CatalogueError,
        ActivityError,
        ScopeTooLarge,
    )

    def column(self, name: str) -> Column | None:
        """The column of this name, of a record or of its lines."""
        for column in self.all_columns:
            if column.name == name:
                return column
        return None

    @property
    def all_columns(self) -> tuple[Column, ...]:
        """Its columns, then those of its lines."""
        return (*self.columns, *self.line_columns)

    @property
    def key_columns(self) -> tuple[Column, ...]:
        """The columns that together say which record a row is about."""
        return tuple(one for one in self.columns if one.name in self.key)
