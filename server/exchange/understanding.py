"""What the rows of a file mean on a sheet: pure; every cell that cannot be read is a fault of its own."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from mobile_contract.schema import plain
from server.exchange.cells import Code, Raw, Value, is_empty, text_of
from server.exchange.faults import FAULTS_MAX, CellInvalid, Fault, HeaderInvalid
from server.exchange.sheet import Column, Line, Record, Sheet
from server.exchange.table import BadCell, Row, Table, letter_of
from server.identity.external_ids import EXTERNAL_ID_MAX, SYSTEM_MAX
from server.language import Said

ID = "id"
AT = "@"
SHOWN_MAX = 80


@dataclass(frozen=True, slots=True)
class Place:
    """Where a header stands and what it means: a column, one of its lines, an id, an id in a system.

    With a `system` the cells are ids there: the record's own where there is no column, else those of the
    records that the column names.
    """

    number: int
    letter: str
    header: str
    column: Column | None = None
    is_line: bool = False
    system: str | None = None


@dataclass(frozen=True, slots=True)
class ExternalReference:
    """A reference by an id in another system, until it is known which record that is."""

    system: str
    id: str

    def __str__(self) -> str:
        return self.id


@dataclass(slots=True)
class Understood:
    """The records of a file in its order, the places of their cells, and what could not be read."""

    places: dict[str, Place]
    records: list[Record] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    rows: int = 0
    _wrong: set[tuple[int, str | None]] = field(default_factory=set)

    def fault(
        self, row: int, header: str | None, code: str, says: str | Said, value: object = None
    ) -> None:
        """Note a fault; of very many the first."""
        self._wrong.add((row, header))
        if len(self.faults) < FAULTS_MAX:
            place = None if header is None else self.places.get(header)
            shown = None if value is None or value == "" else plain(str(value)[:SHOWN_MAX])
            letter = None if place is None else place.letter
            self.faults.append(Fault(row, header, code, says, letter, shown))

    @property
    def names(self) -> frozenset[str]:
        """The columns that are in the file."""
        return frozenset(p.column.name for p in self.places.values() if p.column is not None)

    @property
    def has_lines(self) -> bool:
        """Whether the file speaks of the lines of its records."""
        return any(place.is_line for place in self.places.values())

    def has_fault_at(self, row: int, header: str | None) -> bool:
        """Whether something is wrong with a cell already."""
        return (row, header) in self._wrong

    def header_of(self, column: str | None) -> str | None:
        """The header under which a column stands in this file."""
        if column is None:
            return None
        for header, place in self.places.items():
            if place.column is not None and place.column.name == column:
                return header
        return None


def understand(sheet: Sheet, table: Table, system: str | None = None) -> Understood:
    """Read a file as rows of a sheet. Raises HeaderInvalid where its first row does not name columns.

    `system` is what the header `external_id` means.
    """
    found = Understood(
        {place.header: place for place in understand_header(sheet, table.header, system)}
    )
    places = list(found.places.values())
    groups: dict[object, list[tuple[Row, dict[str, Value], dict[str, Value], _Ids]]] = {}
    for row in table.rows:
        found.rows += 1
        values, line, ids = _read_row(found, places, row)
        # Rows of one record stand under the same key; without lines each row is one.
        group: object = row.number
        if sheet.line_columns:
            group = (ids.id, *(values.get(name) for name in sheet.key), *ids.external.items())
        groups.setdefault(group, []).append((row, values, line, ids))
    for rows in groups.values():
        found.records.append(_record(sheet, found, rows))
    return found


@dataclass(frozen=True, slots=True)
class _Ids:
    id: UUID | None
    external: Mapping[str, str]


def understand_header(sheet: Sheet, header: Row, system: str | None = None) -> tuple[Place, ...]:
    """Where the columns of a sheet stand. Raises HeaderInvalid where the first row does not name them."""
    return tuple(_places(sheet, header, system))


def _places(sheet: Sheet, header: Row, system: str | None) -> Iterator[Place]:
    seen: set[str] = set()
    for place, cell in enumerate(header.cells):
        if isinstance(cell, BadCell):
            raise HeaderInvalid(
                Said(
                    "{place}{number} is no name of a column: {says}",
                    place=letter_of(place),
                    number=header.number,
                    says=cell.says,
                )
            )
        if is_empty(cell):
            continue
        written = " ".join(str(cell).split())
        if not written.isprintable():
            raise HeaderInvalid(
                Said(
                    "{place}{number} has control characters in it",
                    place=letter_of(place),
                    number=header.number,
                )
            )
        name, at, of_system = written.partition(AT)
        name = name.strip().casefold().replace(" ", "_")
        of_system = of_system.strip()
        if name == "external_id" and not at:
            if system is None:
                raise HeaderInvalid(Said("external_id: say whose ids these are with --system"))
            name, at, of_system = ID, AT, system
        if at and not 1 <= len(of_system) <= SYSTEM_MAX:
            raise HeaderInvalid(
                Said("{written}: after {at} comes the name of a system", written=written, at=AT)
            )
        column = sheet.column(name)
        meant = f"{name}{AT}{of_system}" if at else name
        if not _is_known(sheet, name, column, has_system=bool(at)):
            raise HeaderInvalid(
                Said(
                    "{written}: no column of {sheet_name}; these are {sheet}",
                    written=written,
                    sheet_name=Said(sheet.name),
                    sheet=_names(sheet),
                )
            )
        named = column.name if column is not None else meant
        if named in seen:
            raise HeaderInvalid(Said("{written}: stands twice in the first row", written=written))
        seen.add(named)
        yield Place(
            number=place,
            letter=letter_of(place),
            header=meant,
            column=column,
            is_line=column in sheet.line_columns,
            system=of_system or None,
        )
    _must_name_records(sheet, seen)


def _is_known(sheet: Sheet, name: str, column: Column | None, *, has_system: bool) -> bool:
    if column is None:
        return name == ID and sheet.has_id
    return not has_system or column.refers_to is not None


def _names(sheet: Sheet) -> str:
    names = [column.name for column in (*sheet.columns, *sheet.line_columns)]
    return ", ".join([*names, ID] if sheet.has_id else names)


def _must_name_records(sheet: Sheet, seen: set[str]) -> None:
    has_key = all(column.name in seen for column in sheet.key_columns)
    has_id = any(name == ID or name.startswith(f"{ID}{AT}") for name in seen)
    if not has_key and not has_id:
        key = " and ".join(column.name for column in sheet.key_columns)
        raise HeaderInvalid(
            Said("the first row names no column {key}, which say what a row is about", key=key)
        )
    if sheet.line_columns and seen & {column.name for column in sheet.line_columns}:
        for column in sheet.line_columns:
            if column.is_required and column.name not in seen:
                raise HeaderInvalid(
                    Said(
                        "the first row names no column {column_name}", column_name=Said(column.name)
                    )
                )


def _read_row(
    found: Understood, places: Sequence[Place], row: Row
) -> tuple[dict[str, Value], dict[str, Value], _Ids]:
    values: dict[str, Value] = {}
    line: dict[str, Value] = {}
    own_id: UUID | None = None
    external: dict[str, str] = {}
    _must_be_headed(found, places, row)
    for place in places:
        cell = _cell_at(row, place)
        try:
            value = _value(place, cell)
        except CellInvalid as invalid:
            shown = cell.text if isinstance(cell, BadCell) else cell
            found.fault(row.number, place.header, invalid.code, invalid.says, shown)
            value = None
        if place.column is not None:
            (line if place.is_line else values)[place.column.name] = value
        elif place.system is None:
            own_id = value
        elif value is not None:
            external[place.system] = value
    if any(value is not None for value in line.values()):
        _must_be_whole(found, places, row)
    return values, line, _Ids(own_id, external)


def _must_be_headed(found: Understood, places: Sequence[Place], row: Row) -> None:
    """Nothing that was written is passed over."""
    if len(row.cells) > len(places):
        headed = {place.number for place in places}
        for number, cell in enumerate(row.cells):
            if number not in headed and not is_empty(_seen(cell)):
                letter = letter_of(number)
                says = Said(
                    "{letter}{row} stands under no header",
                    letter=letter,
                    row=row.number,
                )
                found.fault(row.number, None, "no_column", says, _seen(cell))


def _must_be_whole(found: Understood, places: Sequence[Place], row: Row) -> None:
    """A line that has anything has what every line must have."""
    for place in places:
        is_needed = place.is_line and place.column is not None and place.column.is_required
        if is_needed and is_empty(_seen(_cell_at(row, place))):
            found.fault(row.number, place.header, "required", Said("must not be empty"))


def _cell_at(row: Row, place: Place) -> Raw | BadCell:
    return row.cells[place.number] if place.number < len(row.cells) else None


def _seen(cell: Raw | BadCell) -> Raw:
    return cell.text if isinstance(cell, BadCell) else cell


def _value(place: Place, cell: Raw | BadCell) -> Value:
    if isinstance(cell, BadCell):
        raise CellInvalid(cell.code, cell.says)
    if is_empty(cell):
        # A row without any cell of a line is a record without lines.
        if place.column is not None and place.column.is_required and not place.is_line:
            raise CellInvalid("required", Said("must not be empty"))
        return None
    if place.system is not None:
        return ExternalReference(place.system, _external(cell)) if place.column else _external(cell)
    if place.column is None:
        return _own_id(cell)
    return place.column.cell.read(cell)


def _external(cell: Raw) -> str:
    read: str = Code(EXTERNAL_ID_MAX, has_spaces=True).read(cell)
    return read


def _own_id(cell: Raw) -> UUID:
    try:
        return UUID(text_of(cell))
    except ValueError:
        raise CellInvalid("unknown", Said("an id is that of an export, or empty")) from None


def _record(
    sheet: Sheet,
    found: Understood,
    rows: Sequence[tuple[Row, dict[str, Value], dict[str, Value], _Ids]],
) -> Record:
    first_row, values, _, ids = rows[0]
    for row, others, _, _ in rows[1:]:
        for name, value in others.items():
            if value != values[name]:
                says = Said(
                    "row {number} says otherwise of the same {sheet_name}",
                    number=first_row.number,
                    sheet_name=Said(sheet.name),
                )
                found.fault(row.number, found.header_of(name), "differs_within", says, value)
    lines: list[Line] = []
    met: dict[Value, int] = {}
    for row, _, line, _ in rows:
        if not line or all(value is None for value in line.values()):
            continue
        if sheet.line_key:
            named = tuple(line.get(name) for name in sheet.line_key)
            if None not in named and named in met:
                says = Said("row {met} has it already", met=met[named])
                header = found.header_of(sheet.line_key[0])
                found.fault(row.number, header, "twice", says, named[0])
            met.setdefault(named, row.number)
        lines.append(Line(row.number, line))
    return Record(
        rows=tuple(row.number for row, *_ in rows),
        values=values,
        lines=tuple(lines),
        id=ids.id,
        external_ids=ids.external,
    )
