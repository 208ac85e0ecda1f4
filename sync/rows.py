"""Sets of rows as PostgreSQL arrays, one parameter a column, and several sets in one statement.

A push writes its rows with `insert … select … from unnest($1, $2, …)`, whatever their number, and
all tables of a push as the parts of one `with` statement, so that one message carries them all.
Building the arrays here costs a fraction of letting the driver adapt each value (`make bench`
shows the whole). Numbers travel in the binary form of `array_send`, ids as text: PostgreSQL reads
them faster than Python packs them.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import chain, repeat
from struct import Struct, pack
from typing import Any

import psycopg
from psycopg.adapt import Buffer, Dumper
from psycopg.pq import Format

_LENGTH = Struct(">i")
_NULL = b"\xff\xff\xff\xff"
_EPOCH_MS = 946_684_800_000  # 2000-01-01, PostgreSQL's zero, in Unix milliseconds
_EPOCH_DAY = 730_120  # its ordinal


@dataclass(frozen=True, slots=True)
class Packed:
    """An array, ready to send: its type, its bytes, and whether these are text."""

    oid: int
    data: bytes
    is_text: bool = False


class _PackedDumper(Dumper):
    """Hands the driver what is packed already."""

    format = Format.BINARY

    def __init__(self, cls: type, context: Any = None, *, like: Packed | None = None) -> None:
        super().__init__(cls, context)
        if like is not None:
            self.oid = like.oid
            self.format = Format.TEXT if like.is_text else Format.BINARY

    def get_key(self, obj: Any, format: Any) -> Any:  # noqa: A002, ARG002 - the driver's names
        return (self.cls, obj.oid, obj.is_text)

    def upgrade(self, obj: Any, format: Any) -> Dumper:  # noqa: A002, ARG002 - the driver's names
        return _PackedDumper(self.cls, like=obj)

    def dump(self, obj: Any) -> Buffer | None:
        data: bytes = obj.data
        return data


psycopg.adapters.register_dumper(Packed, _PackedDumper)


@lru_cache(maxsize=2048)
def _run(code: str, size: int) -> Struct:
    """`size` elements, each its length and its value."""
    return Struct(">" + f"i{code}" * size)


def _moments(values: Sequence[Any]) -> list[Any]:
    return [None if v is None else (v - _EPOCH_MS) * 1000 for v in values]


def _days(values: Sequence[Any]) -> list[Any]:
    return [None if v is None else v.toordinal() - _EPOCH_DAY for v in values]


def _as_they_are(values: Sequence[Any]) -> Sequence[Any]:
    return values


# kind → (oid of the element, oid of the array, struct code, bytes, what values become first)
_FIXED: dict[str, tuple[int, int, str, int, Callable[[Sequence[Any]], Sequence[Any]]]] = {
    "int2": (21, 1005, "h", 2, _as_they_are),
    "int4": (23, 1007, "i", 4, _as_they_are),
    "int8": (20, 1016, "q", 8, _as_they_are),
    "bool": (16, 1000, "?", 1, _as_they_are),
    "date": (1082, 1182, "i", 4, _days),
    "timestamptz": (1184, 1185, "q", 8, _moments),
}


def _bytes(value: bytes) -> bytes:
    return _LENGTH.pack(len(value)) + value


def _text(value: str | bytes) -> bytes:
    data = value.encode() if isinstance(value, str) else value
    return _LENGTH.pack(len(data)) + data


def _jsonb(value: bytes) -> bytes:
    return _LENGTH.pack(len(value) + 1) + b"\x01" + value


_VARYING: dict[str, tuple[int, int, Callable[[Any], bytes]]] = {
    "text": (25, 1009, _text),
    "bytea": (17, 1001, _bytes),
    "jsonb": (3802, 3807, _jsonb),
}
_UUIDS = 2951

# Lists in a column: their texts hold no comma (names of flags, ids, numbers as text).
_LISTS = ("text[]", "uuid[]", "int8[]")


def array(kind: str, values: Sequence[Any]) -> Packed:
    """The values as an array of `kind`; None is null.

    uuid takes texts or UUIDs; timestamptz Unix milliseconds; date a `datetime.date`; jsonb the
    bytes of a document.
    """
    if kind == "uuid":
        try:
            joined = ",".join(values)
        except TypeError:
            joined = ",".join("null" if v is None else str(v) for v in values)
        return Packed(_UUIDS, b"{" + joined.encode() + b"}", is_text=True)
    if kind in _FIXED:
        oid, array_oid, code, width, convert = _FIXED[kind]
        values = convert(values)
        if not values:
            return Packed(array_oid, pack(">iii", 0, 0, oid))
        if None in values:
            one = _run(code, 1)
            body = b"".join([_NULL if v is None else one.pack(width, v) for v in values])
            return Packed(array_oid, pack(">iiiii", 1, 1, oid, len(values), 1) + body)
        flat = chain.from_iterable(zip(repeat(width), values, strict=False))
        body = _run(code, len(values)).pack(*flat)
        return Packed(array_oid, pack(">iiiii", 1, 0, oid, len(values), 1) + body)
    oid, array_oid, element = _VARYING[kind]
    if not values:
        return Packed(array_oid, pack(">iii", 0, 0, oid))
    has_null = None in values
    body = b"".join([_NULL if v is None else element(v) for v in values])
    return Packed(array_oid, pack(">iiiii", 1, int(has_null), oid, len(values), 1) + body)


@dataclass(frozen=True, eq=False)
class RowSet:
    """How rows of a table are written as one set: its columns with their types, and the end of
    the statement (`on conflict …`). Each is one constant, told apart by being itself.
    """

    table: str
    columns: tuple[tuple[str, str], ...]
    ending: str = ""

    @cached_property
    def statement(self) -> str:
        """The statement; its parameters are those of `parameters`."""
        names = ", ".join(f'"{name}"' for name, _ in self.columns)
        # A list travels as one text and is split again: unnest would flatten it.
        picked = ", ".join(
            f"string_to_array(r.\"{name}\", ',')::{kind}" if kind in _LISTS else f'r."{name}"'
            for name, kind in self.columns
        )
        arrays = ", ".join(
            f"%s::{'text' if kind in _LISTS else kind}[]" for _, kind in self.columns
        )
        return (
            f"insert into {self.table} (company_id, {names}) select %s::integer, {picked}"
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


class Statements:
    """Statements that write, sent together as the parts of one.

    All parts see the database as it was before; none reads what another wrote, except what a named
    part returns. What has to see it goes into the next one.
    """

    def __init__(self) -> None:
        self._parts: list[tuple[str, str]] = []
        self._values: list[Any] = []

    def add(self, statement: str, values: Sequence[Any], *, name: str | None = None) -> None:
        """Add a statement with `%s` parameters that inserts, updates or deletes."""
        self._parts.append((name or f"part{len(self._parts)}", statement))
        self._values += values

    def add_rows(self, rows: RowSet, company_id: int, values: Sequence[tuple[Any, ...]]) -> None:
        """Add rows of a set, if there are any."""
        if values:
            self.add(rows.statement, rows.parameters(company_id, values))

    def joined(self) -> tuple[bytes, list[Any]] | None:
        """The one statement with `$1` parameters, and its values; None where there is nothing."""
        return (_joined(tuple(self._parts)), self._values) if self._parts else None


@lru_cache(maxsize=1024)
def _joined(parts: tuple[tuple[str, str], ...]) -> bytes:
    """One statement of the parts, its parameters numbered as PostgreSQL does."""
    joined = ", ".join(f"{name} as ({statement})" for name, statement in parts)
    pieces = f"with {joined} select 1".split("%s")
    numbered = [pieces[0], *(f"${n}{piece}" for n, piece in enumerate(pieces[1:], start=1))]
    return "".join(numbered).encode()
