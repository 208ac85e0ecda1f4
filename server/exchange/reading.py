"""Records of a sheet as they stand: by their keys, by their ids, or page after page in their order."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from server.exchange.sheet import Column, Held, Key, Sheet
from sync.unit_of_work import UnitOfWork

PAGE = 1_000


def held_by_key(uow: UnitOfWork, sheet: Sheet, keys: Sequence[Key]) -> dict[Key, Held]:
    """The records with these keys, by key. Two queries at most."""
    wanted = [key for key in dict.fromkeys(keys) if None not in key]
    if not wanted:
        return {}
    arrays = {f"k{n}": list(column) for n, column in enumerate(zip(*wanted, strict=True))}
    casts = ", ".join(f"cast(:k{n} as {kind}[])" for n, kind in enumerate(_key_types(sheet)))
    names = _key_names(sheet)
    # One column by any(), so that an index is used whatever the number of keys.
    where = f"where q.{sheet.key[0]} = any({casts})"
    if len(sheet.key) > 1:
        where = f"where ({names}) in (select * from unnest({casts}))"  # noqa: S608
    found = _held(uow, sheet, where, arrays)
    return {one.key: one for one in found}


def held_by_id(uow: UnitOfWork, sheet: Sheet, ids: Sequence[UUID]) -> dict[UUID, Held]:
    """The records with these ids, by id. Two queries at most."""
    if not ids:
        return {}
    found = _held(uow, sheet, "where q.id = any(cast(:ids as uuid[]))", {"ids": list(ids)})
    return {one.id: one for one in found if one.id is not None}


def held_pages(uow: UnitOfWork, sheet: Sheet, *, size: int = PAGE) -> Iterator[list[Held]]:
    """Every record in the order of its key, a page at a time. Two queries a page."""
    names = _key_names(sheet)
    casts = ", ".join(f"cast(:k{n} as {kind})" for n, kind in enumerate(_key_types(sheet)))
    after: Mapping[str, Any] = {}
    while True:
        where = f"where ({names}) > ({casts})" if after else ""
        page = _held(uow, sheet, f"{where} order by {names} limit :size", {**after, "size": size})
        if page:
            yield page
        if len(page) < size:
            return
        after = {f"k{n}": value for n, value in enumerate(page[-1].key)}


def ids_by_key(uow: UnitOfWork, sheet: Sheet, keys: Sequence[str]) -> dict[str, UUID]:
    """The ids of the records that these single keys name. One query."""
    if not keys:
        return {}
    (name,) = sheet.key
    rows = uow.rows(
        f"select q.{name} as key, q.id from ({sheet.select}) q where q.{name} = any(:keys)",  # noqa: S608
        company=uow.company_id,
        keys=sorted(set(keys)),
    )
    return {row.key: row.id for row in rows}


def keys_by_id(uow: UnitOfWork, sheet: Sheet, ids: Sequence[UUID]) -> dict[UUID, str]:
    """The single keys of the records with these ids. One query."""
    if not ids:
        return {}
    (name,) = sheet.key
    rows = uow.rows(
        f"select q.{name} as key, q.id from ({sheet.select}) q where q.id = any(:ids)",  # noqa: S608
        company=uow.company_id,
        ids=sorted(set(ids)),
    )
    return {row.id: row.key for row in rows}


def _held(uow: UnitOfWork, sheet: Sheet, ending: str, values: Mapping[str, Any]) -> list[Held]:
    statement = f"select * from ({sheet.select}) q {ending}"  # noqa: S608  the sheet's own words
    rows = [
        row._mapping  # noqa: SLF001 - SQLAlchemy's public name
        for row in uow.rows(statement, company=uow.company_id, **values)
    ]
    lines: dict[UUID, list[Mapping[str, Any]]] = {}
    if sheet.read_lines is not None and rows:
        for id_, read in sheet.read_lines(uow, rows).items():
            lines[id_] = [_settled(sheet.line_columns, line) for line in read]
    elif sheet.line_select is not None and rows:
        asked = (
            f"select * from ({sheet.line_select}) q where q.of = any(:ids) order by q.of, q.place"  # noqa: S608
        )
        for row in uow.rows(asked, company=uow.company_id, ids=[row["id"] for row in rows]):
            line = sheet.from_line(row._mapping)  # noqa: SLF001
            lines.setdefault(row.of, []).append(_settled(sheet.line_columns, line))
    return [
        Held(
            id=row["id"],
            key=tuple(row[name] for name in sheet.key),
            values=_settled(sheet.columns, sheet.from_row(row)),
            lines=tuple(lines.get(row["id"], ())),
        )
        for row in rows
    ]


def _settled(columns: Sequence[Column], row: Mapping[str, Any]) -> dict[str, Any]:
    return {column.name: column.cell.settled(row[column.name]) for column in columns}


def _key_names(sheet: Sheet) -> str:
    return ", ".join(f"q.{name}" for name in sheet.key)


def _key_types(sheet: Sheet) -> list[str]:
    types = []
    for name in sheet.key:
        column = sheet.column(name)
        types.append("text" if column is None else column.cell.sql)
    return types
