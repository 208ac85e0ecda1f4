"""Which records the cells of a file name: by code, or by their id in another system."""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from server.exchange.cells import Codes, Value
from server.exchange.reach import Reach
from server.exchange.reading import ids_by_key, keys_by_id
from server.exchange.sheet import Change, Column, Sheet
from server.exchange.understanding import ExternalReference, Understood
from server.identity.external_ids import records_called
from server.language import Said
from sync.unit_of_work import UnitOfWork


class References:
    """The ids of records by the sheet and the key that names them, looked up as sets.

    Made for one transaction: what is added in it is found when it is asked for.
    """

    def __init__(self, uow: UnitOfWork, sheets: Mapping[str, Sheet]) -> None:
        self._uow = uow
        self._sheets = sheets
        self._ids: dict[tuple[str, str], UUID] = {}

    def look_up(self, sheet_name: str, keys: Iterable[str]) -> set[str]:
        """Note the ids of these keys; those that are not there."""
        missing = {key for key in keys if (sheet_name, key) not in self._ids}
        found = ids_by_key(self._uow, self._sheets[sheet_name], sorted(missing))
        self._ids.update({(sheet_name, key): id_ for key, id_ in found.items()})
        return missing - found.keys()

    def look_up_changes(self, sheet: Sheet, changes: Sequence[Change]) -> None:
        """Note the ids that these changes name, one query for each sheet that they refer to."""
        wanted: dict[str, set[str]] = {}
        for column in (*sheet.columns, *sheet.line_columns):
            if column.refers_to is None:
                continue
            named = wanted.setdefault(column.refers_to, set())
            for change in changes:
                named.update(_keys(change.values.get(column.name)))
                for line in change.lines or ():
                    named.update(_keys(line.get(column.name)))
        for sheet_name, keys in wanted.items():
            self.look_up(sheet_name, keys)

    def id(self, sheet_name: str, key: str) -> UUID:
        """The id of the record with this key, which is there. Raises KeyError."""
        if (sheet_name, key) not in self._ids:
            self.look_up(sheet_name, [key])
        return self._ids[sheet_name, key]

    def id_or_none(self, sheet_name: str, key: str | None) -> UUID | None:
        """The same of an empty cell is None."""
        return None if key is None else self.id(sheet_name, key)

    def replaced(self, sheet: Sheet, change: Change, *names: str) -> dict[str, Value]:
        """Fields that differ, as they are to be, with ids in the place of keys."""
        fields = change.after(*names)
        for name in fields:
            column = sheet.column(name)
            if column is not None and column.refers_to is not None:
                fields[name] = self.id_or_none(column.refers_to, fields[name])
        return fields


def resolve(
    uow: UnitOfWork,
    sheets: Mapping[str, Sheet],
    sheet: Sheet,
    found: Understood,
    reach: Reach | None = None,
) -> None:
    """Put keys in the place of ids of other systems, and note as faults what is not there, or beyond reach.

    A record may name another of its own sheet that the same file brings.
    """
    for column in (*sheet.columns, *sheet.line_columns):
        if column.refers_to is None or column.name not in found.names:
            continue
        cells = list(_cells(found, column))
        _replace(uow, sheets[column.refers_to], found, column, cells)
        brought = (
            {record.values.get(sheet.key[0]) for record in found.records}
            if column.refers_to == sheet.name
            else set()
        )
        asked = {key for _, values in cells for key in _keys(values.get(column.name))}
        missing = References(uow, sheets).look_up(column.refers_to, asked - brought)
        if reach is not None:
            missing |= reach.beyond(column.refers_to, asked)
        if not missing:
            continue
        for row, values in cells:
            for key in _keys(values.get(column.name)):
                if key in missing:
                    says = Said(
                        "there is no {refers_to} {key!r}", refers_to=Said(column.refers_to), key=key
                    )
                    found.fault(row, found.header_of(column.name), "unknown", says, key)


def _cells(found: Understood, column: Column) -> Iterable[tuple[int, dict[str, Value]]]:
    """The cells of a column as (row, the values that it is among), which may be changed."""
    for record in found.records:
        if column.name in record.values:
            assert isinstance(record.values, dict)
            yield record.row, record.values
        for line in record.lines:
            if column.name in line.values:
                assert isinstance(line.values, dict)
                yield line.row, line.values


def _replace(
    uow: UnitOfWork,
    named: Sheet,
    found: Understood,
    column: Column,
    cells: Sequence[tuple[int, dict[str, Value]]],
) -> None:
    asked: dict[str, set[str]] = {}
    for _, values in cells:
        value = values[column.name]
        if isinstance(value, ExternalReference):
            asked.setdefault(value.system, set()).add(value.id)
    for system, external in asked.items():
        records = records_called(uow, system, named.name, sorted(external))
        keys = keys_by_id(uow, named, sorted(set(records.values())))
        for row, values in cells:
            value = values[column.name]
            if not isinstance(value, ExternalReference) or value.system != system:
                continue
            record = records.get(value.id)
            key = None if record is None else keys.get(record)
            values[column.name] = (key,) if key and isinstance(column.cell, Codes) else key
            if key is None:
                says = Said(
                    "no {named_name} is called {value_id!r} in {system}",
                    named_name=Said(named.name),
                    value_id=value.id,
                    system=system,
                )
                found.fault(row, found.header_of(column.name), "unknown", says, value.id)


def _keys(value: Value) -> tuple[str, ...]:
    """The keys that a cell names."""
    if value is None or isinstance(value, ExternalReference):
        return ()
    return value if isinstance(value, tuple) else (value,)
