"""Sets of rows as PostgreSQL's binary arrays, one parameter a column.

A push writes its rows with `insert … select * from unnest($1, $2, …)`: one statement a table,
whatever the number of items. Packing the arrays here costs a fraction of letting the driver adapt
each value (`make bench` shows the whole); the format is that of PostgreSQL's `array_send`.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from struct import Struct, pack
from typing import Any
from uuid import UUID

import psycopg
from psycopg.adapt import Buffer, Dumper
from psycopg.pq import Format

_HEADER = Struct(">iiiii")
_LENGTH = Struct(">i")
_NULL = b"\xff\xff\xff\xff"
_EPOCH_MS = 946_684_800_000  # 2000-01-01, PostgreSQL's zero, in Unix milliseconds
_EPOCH_DAY = 730_120  # its ordinal


@dataclass(frozen=True, slots=True)
class Packed:
    """An array, ready to send: the type of the array and its bytes."""

    oid: int
    data: bytes


class _PackedDumper(Dumper):
    format = Format.BINARY

    def get_key(self, obj: Any, format: Any) -> Any:  # noqa: A002  the driver's own name
        return (self.cls, obj.oid)

    def upgrade(self, obj: Any, format: Any) -> "Dumper":  # noqa: A002
        dumper = type(self)(self.cls)
        dumper.oid = obj.oid
        return dumper

    def dump(self, obj: Any) -> Buffer | None:
        data: bytes = obj.data
        return data


psycopg.adapters.register_dumper(Packed, _PackedDumper)


def _fixed(code: str, size: int) -> Callable[[Any], bytes]:
    one = Struct(f">i{code}")
    return lambda value: one.pack(size, value)


def _bytes(value: bytes) -> bytes:
    return _LENGTH.pack(len(value)) + value


_INT2, _INT4, _INT8, _BOOL = _fixed("h", 2), _fixed("i", 4), _fixed("q", 8), _fixed("?", 1)
_UUID_LENGTH = _LENGTH.pack(16)


def _uuid(value: UUID | str | bytes) -> bytes:
    if type(value) is str:
        return _UUID_LENGTH + bytes.fromhex(value.replace("-", ""))
    if type(value) is bytes:
        return _UUID_LENGTH + value
    return _UUID_LENGTH + value.bytes  # type: ignore[union-attr]


def _text(value: str) -> bytes:
    data = value.encode()
    return _LENGTH.pack(len(data)) + data


def _moment(value: int) -> bytes:
    """Unix milliseconds."""
    return _INT8((value - _EPOCH_MS) * 1000)


def _day(value: Any) -> bytes:
    return _INT4(value.toordinal() - _EPOCH_DAY)


def _jsonb(value: bytes) -> bytes:
    return _LENGTH.pack(len(value) + 1) + b"\x01" + value


# element type → (its oid, the oid of its array, the packer of one value)
_TYPES: dict[str, tuple[int, int, Callable[[Any], bytes]]] = {
    "int2": (21, 1005, _INT2),
    "int4": (23, 1007, _INT4),
    "int8": (20, 1016, _INT8),
    "bool": (16, 1000, _BOOL),
    "uuid": (2950, 2951, _uuid),
    "text": (25, 1009, _text),
    "bytea": (17, 1001, _bytes),
    "date": (1082, 1182, _day),
    "timestamptz": (1184, 1185, _moment),
    "jsonb": (3802, 3807, _jsonb),
}


# Lists in a column: their texts hold no comma (names of flags, ids).
_LISTS = ("text[]", "uuid[]")


def array(kind: str, values: Sequence[Any]) -> Packed:
    """The values as an array of `kind`; None is null.

    uuid takes UUID, text or 16 bytes; timestamptz Unix milliseconds; date a `datetime.date`;
    jsonb the bytes of a document.
    """
    oid, array_oid, one = _TYPES[kind]
    if not values:
        return Packed(array_oid, pack(">iii", 0, 0, oid))
    if None in values:
        body = b"".join([_NULL if value is None else one(value) for value in values])
        return Packed(array_oid, _HEADER.pack(1, 1, oid, len(values), 1) + body)
    return Packed(
        array_oid, _HEADER.pack(1, 0, oid, len(values), 1) + b"".join([one(v) for v in values])
    )


@dataclass(frozen=True)
class RowSet:
    """How rows of a table are written as one set: its columns with their types, and the end of
    the statement (`on conflict …`). The company is the first parameter."""

    table: str
    columns: tuple[tuple[str, str], ...]
    ending: str = ""

    @cached_property
    def statement(self) -> str:
        names = ", ".join(f'"{name}"' for name, _ in self.columns)
        # A list travels as one text and is split again: unnest would flatten it.
        picked = ", ".join(
            f'string_to_array(r."{name}", \',\')::{kind}' if kind in _LISTS else f'r."{name}"'
            for name, kind in self.columns
        )
        arrays = ", ".join(f"%s::{'text' if kind in _LISTS else kind}[]" for _, kind in self.columns)
        return (
            f"insert into {self.table} (company_id, {names}) select %s, {picked}"
            f" from unnest({arrays}) as r({names}) {self.ending}"
        )

    def parameters(self, company_id: int, rows: Iterable[tuple[Any, ...]]) -> list[Any]:
        """The parameters of `statement` for these rows, each in the order of `columns`."""
        columns = list(zip(*rows, strict=True))
        return [
            company_id,
            *(
                array("text", [",".join(v) for v in values])
                if kind in _LISTS
                else array(kind, values)
                for (_, kind), values in zip(self.columns, columns, strict=True)
            ),
        ]

    def write(
        self, driver: psycopg.Connection[Any], company_id: int, rows: Sequence[tuple[Any, ...]]
    ) -> None:
        """Write the rows, if there are any."""
        if rows:
            driver.execute(
                self.statement,  # type: ignore[arg-type]
                self.parameters(company_id, rows),
                prepare=True,
            )
