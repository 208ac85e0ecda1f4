"""Which record each of a file is about, and what would change: compared field by field with what is there.

A record is named by its id, else by its id in another system, else by its key. What is not in the file
stays as it is; a record that the file does not name is left alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from server.exchange.cells import Value
from server.exchange.reading import held_by_id, held_by_key
from server.exchange.sheet import Change, Column, Held, Record, Sheet
from server.exchange.understanding import AT, ID, Understood
from server.identity.external_ids import external_ids_of, records_called
from server.language import Said
from sync.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class Matched:
    """What a file does: records added or changed, in the order in which they are applied, and how many
    stay as they are.
    """

    changes: tuple[Change, ...]
    left_alone: int


def match(uow: UnitOfWork, sheet: Sheet, found: Understood, records: Sequence[Record]) -> Matched:
    """Compare these records of a file with what is there; what cannot be is noted as faults."""
    systems = sorted({system for record in records for system in record.external_ids})
    called = {system: _called(uow, sheet, system, records) for system in systems}
    named = [_named_id(found, record, called) for record in records]
    by_id = held_by_id(uow, sheet, sorted({id_ for id_ in named if id_ is not None}))
    by_key = held_by_key(uow, sheet, [_key(sheet, record) for record in records])
    held_of = [
        _held(sheet, found, record, id_, by_id, by_key)
        for record, id_ in zip(records, named, strict=True)
    ]
    ids = [held.id for held in held_of if held is not None and held.id is not None]
    names = {system: external_ids_of(uow, system, sheet.name, ids) for system in systems}
    _must_be_told_apart(sheet, found, records, held_of)
    changes = []
    for record, held in zip(records, held_of, strict=True):
        change = _change(sheet, found, record, held, names)
        if change is not None:
            changes.append(change)
    return Matched(tuple(_ordered(sheet, found, changes)), len(records) - len(changes))


def _called(
    uow: UnitOfWork, sheet: Sheet, system: str, records: Sequence[Record]
) -> Mapping[str, UUID]:
    asked = {r.external_ids[system] for r in records if system in r.external_ids}
    return records_called(uow, system, sheet.name, sorted(asked))


def _named_id(
    found: Understood, record: Record, called: Mapping[str, Mapping[str, UUID]]
) -> UUID | None:
    """The record that ids name; where they name two, a fault."""
    ids = {
        called[system][external]
        for system, external in record.external_ids.items()
        if external in called[system]
    }
    if record.id is not None:
        ids.add(record.id)
    if len(ids) > 1:
        found.fault(
            record.row, None, "ambiguous", Said("its ids are those of two different records")
        )
    return record.id or next(iter(sorted(ids)), None)


def _key(sheet: Sheet, record: Record) -> tuple[Value, ...]:
    return tuple(record.values.get(name) for name in _key_names(sheet))


def _key_names(sheet: Sheet) -> list[str]:
    """The key's columns as a file has them: a key that is no column is in the sheet's first column."""
    return [name if sheet.column(name) is not None else sheet.columns[0].name for name in sheet.key]


def _held(
    sheet: Sheet,
    found: Understood,
    record: Record,
    id_: UUID | None,
    by_id: Mapping[UUID, Held],
    by_key: Mapping[tuple[Value, ...], Held],
) -> Held | None:
    key = _key(sheet, record)
    of_key = by_key.get(key)
    if id_ is None:
        if of_key is None and None in key and not record.external_ids:
            missing = next(n for n, v in zip(_key_names(sheet), key, strict=True) if v is None)
            header = found.header_of(missing)
            if not found.has_fault_at(record.row, header):
                says = Said(
                    "nothing says which {sheet_name} it is: give its {missing}",
                    sheet_name=Said(sheet.name),
                    missing=Said(missing),
                )
                found.fault(record.row, header, "unnamed", says)
        return of_key
    held = by_id.get(id_)
    if held is None:
        # An id elsewhere may still be that of a record that is gone; one of ours is a mistake.
        if record.id is not None:
            says = Said("there is no {sheet_name} with this id", sheet_name=Said(sheet.name))
            found.fault(record.row, ID, "unknown", says, record.id)
        return of_key
    if of_key is not None and of_key.id != held.id:
        header = found.header_of(_key_names(sheet)[0])
        says = Said("another {sheet_name} has this already", sheet_name=Said(sheet.name))
        found.fault(record.row, header, "ambiguous", says, key[0])
    return held


def _must_be_told_apart(
    sheet: Sheet, found: Understood, records: Sequence[Record], held_of: Sequence[Held | None]
) -> None:
    """Two rows about one record, or that would make one key or external id twice, are a fault."""
    met: dict[Any, int] = {}
    for record, held in zip(records, held_of, strict=True):
        names: list[Any] = [(f"{ID}{AT}{s}", e) for s, e in record.external_ids.items()]
        key = _key(sheet, record)
        if None not in key:
            names.append(("key", key))
        if held is not None:
            names.append(("record", held.id, held.key))
        for name in names:
            if name in met and met[name] != record.row:
                says = Said(
                    "row {met} is about the same {sheet_name}",
                    met=met[name],
                    sheet_name=Said(sheet.name),
                )
                header = found.header_of(_key_names(sheet)[0])
                if str(name[0]).startswith(f"{ID}{AT}"):
                    header = name[0]
                found.fault(record.row, header, "twice", says)
                break
            met[name] = record.row


def _change(
    sheet: Sheet,
    found: Understood,
    record: Record,
    held: Held | None,
    names: Mapping[str, Mapping[UUID, str]],
) -> Change | None:
    if held is None and sheet.is_nothing(record):
        return None
    values: dict[str, Value] = {
        column.name: None if held is None else held.values[column.name] for column in sheet.columns
    }
    fields: dict[str, tuple[Value, Value]] = {}
    for column in sheet.columns:
        given = record.values.get(column.name)
        if column.name not in record.values or (given is None and column.keeps_when_empty):
            if held is None and column.is_required and column.name not in record.values:
                says = Said(
                    "a new {sheet_name} needs its {column_name}, which is no column of the file",
                    sheet_name=Said(sheet.name),
                    column_name=Said(column.name),
                )
                found.fault(record.row, None, "required", says)
            continue
        before = values[column.name]
        if given == before:
            continue
        if held is not None and column.is_fixed:
            says = Said("cannot be changed; it is {value}", value=_told(column, before))
            found.fault(record.row, found.header_of(column.name), "fixed", says, given)
        fields[column.name] = (before, given)
        values[column.name] = given
    for system, external in record.external_ids.items():
        called = None if held is None or held.id is None else names[system].get(held.id)
        if called != external:
            fields[f"{ID}{AT}{system}"] = (called, external)
    lines = _lines(sheet, found, record, held)
    if held is not None and not fields and lines is None:
        return None
    return Change(record, held, values, fields, lines)


def _lines(
    sheet: Sheet, found: Understood, record: Record, held: Held | None
) -> tuple[Mapping[str, Value], ...] | None:
    """The lines to be, where they differ from those that are there; a column that is not in the file
    stays as it is, by the line's key.
    """
    if not sheet.line_columns or not found.has_lines:
        return () if held is None and sheet.line_columns else None
    before = () if held is None else held.lines
    by_key = {line_name(sheet, line): line for line in before} if sheet.line_key else {}
    lines = []
    for line in record.lines:
        kept = by_key.get(line_name(sheet, line.values))
        whole = {}
        for column in sheet.line_columns:
            given = line.values.get(column.name)
            was = None if kept is None else kept[column.name]
            stays = column.name not in line.values or (given is None and column.keeps_when_empty)
            whole[column.name] = was if stays else given
        lines.append(whole)
    if held is not None and _comparable(sheet, lines) == _comparable(sheet, before):
        return None
    return tuple(lines)


def _comparable(sheet: Sheet, lines: Sequence[Mapping[str, Value]]) -> list[tuple[Value, ...]]:
    cells = [tuple(line[column.name] for column in sheet.line_columns) for line in lines]
    return cells if sheet.has_ordered_lines else sorted(cells, key=repr)


def line_name(sheet: Sheet, line: Mapping[str, Value]) -> tuple[Value, ...]:
    """By what a line is told from the others of its record."""
    return tuple(line.get(name) for name in sheet.line_key)


def _ordered(sheet: Sheet, found: Understood, changes: Sequence[Change]) -> Iterator[Change]:
    """The changes, each after the one that it names as above it. A circle is a fault."""
    if sheet.above is None:
        yield from changes
        return
    by_key = {change.values[sheet.key[0]]: change for change in changes}
    done: set[Value] = set()
    for change in changes:
        path: list[Change] = []
        here: Change | None = change
        while here is not None and here.values[sheet.key[0]] not in done:
            if any(each is here for each in path):
                says = Said("the {sheet_name} would be part of itself", sheet_name=Said(sheet.name))
                found.fault(change.record.row, found.header_of(sheet.above), "circle", says)
                break
            path.append(here)
            here = by_key.get(here.values[sheet.above])
        for each in reversed(path):
            key = each.values[sheet.key[0]]
            if key not in done:
                done.add(key)
                yield each


def _told(column: Column, value: Value) -> str:
    return "empty" if value is None else str(column.cell.write(value))
