"""The tables of PROTOCOL.md, made from the schemas, so that the two cannot drift apart.

``filled(text)`` fills what stands between ``<!-- table: NAME -->`` and ``<!-- end -->``. A test fails
when PROTOCOL.md is stale; ``python -m mobile_contract.field_tables`` writes it anew. That command is
the one place here that touches a file.
"""

import argparse
import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

from mobile_contract import envelope
from mobile_contract.canonical import (
    bucket_of,
    canonical_json,
    digest_of,
    hash_text,
    record_hash,
)
from mobile_contract.envelope import Anything
from mobile_contract.fields import (
    REQUIRED,
    Bool,
    Choice,
    Day,
    FreeObject,
    Id,
    Int,
    ListOf,
    MapOf,
    OneOf,
    PairOf,
    Part,
    Pattern,
    Sha256,
    Text,
)
from mobile_contract.problems import ITEM_CODES, ITEM_STATUSES, REQUEST_CODES
from mobile_contract.records import KINDS, RECORDS
from mobile_contract.records.evidence import Flag
from mobile_contract.schema import WireSchema, wire_fields
from mobile_contract.version import BOUNDS

PROTOCOL: Final = Path(__file__).with_name("PROTOCOL.md")
_BLOCK: Final = re.compile(r"<!-- table: (\S+) -->\n.*?<!-- end -->", re.DOTALL)


def all_schemas() -> dict[str, type[WireSchema]]:
    """Every schema of the wire by name: of requests, answers and records, and their parts."""
    roots = [
        value
        for value in vars(envelope).values()
        if isinstance(value, type) and issubclass(value, WireSchema) and value is not WireSchema
    ]
    for record in RECORDS:
        roots += [schema for ops in record.ops.values() for schema in ops.values()]
        roots += [schema for schema in record.down.values() if schema is not None]
    found: dict[str, type[WireSchema]] = {}
    while roots:
        schema = roots.pop(0)
        if found.get(schema.__name__, schema) is not schema:
            raise ValueError(f"two schemas are called {schema.__name__}")
        if schema.__name__ not in found:
            found[schema.__name__] = schema
            roots += [part for field in wire_fields(schema).values() for part in _parts(field)]
    return found


def _parts(field: Any) -> Iterable[type[WireSchema]]:
    if isinstance(field, Part):
        yield field.part  # type: ignore[misc] # every part of the wire is a WireSchema
    if isinstance(field, ListOf):
        yield from _parts(field.inner)
    if isinstance(field, MapOf):
        yield from _parts(field.inner_values)


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    return "\n".join([_row(*heads), _row(*["---"] * len(heads)), *(_row(*row) for row in rows)])


def field_table(schema: type[WireSchema]) -> str:
    """Every field of a schema: name, type and range, whether it must be there, what it is."""
    fields = wire_fields(schema)
    if not fields:
        return "No fields: the empty object `{}`."
    rows = [
        (
            f"`{field.data_key or name}`",
            type_in_words(field),
            REQUIRED.value if isinstance(field, Anything) else field.presence.value,
            f"{field.about} [{field.unit}]" if field.unit else field.about,
        )
        for name, field in fields.items()
    ]
    return _table(("field", "type and range", "presence", "meaning [unit]"), rows)


def type_in_words(field: Any) -> str:  # noqa: C901, PLR0911, PLR0912 - a line for each word of the vocabulary
    """The type of a field and its range, as a person reads it."""
    match field:
        case Int():
            return f"integer {field.minimum} … {field.maximum}"
        case Bool():
            return "true or false"
        case Text():
            return f"text, {field.minimum} … {field.maximum} characters"
        case Id():
            return "id"
        case Sha256():
            return "sha256"
        case Pattern():
            return field.said
        case Day():
            return "day"
        case Choice() if field.choices == KINDS:
            return "[kind](#records)"
        case Choice():
            return " / ".join(f"`{choice}`" for choice in field.choices)
        case ListOf() if isinstance(field.inner, Anything):
            return f"list of [ItemRequest](#itemrequest), {field.minimum} … {field.maximum} values"
        case ListOf():
            unbounded = field.maximum > 2**50
            bounds = "any number" if unbounded else f"{field.minimum} … {field.maximum} values"
            return f"list of {type_in_words(field.inner)}, {bounds}"
        case PairOf():
            first, second = map(type_in_words, field.tuple_fields)
            return f"[{first}, {second}]"
        case MapOf():
            keys, values = type_in_words(field.inner_keys), type_in_words(field.inner_values)
            return f"object, at most {field.maximum} names: {keys} → {values}"
        case OneOf():
            return " or ".join(map(type_in_words, field.choices))
        case Part():
            name = field.part.__name__
            return f"[{name}](#{name.lower()})"
        case Flag():
            return "[flag](#flags)"
        case FreeObject() | Anything():
            return "object"
        case _:
            raise TypeError(type(field).__name__)


def _statuses() -> str:
    rows = [(f"`{each.status}`", each.meaning, each.phone_must) for each in ITEM_STATUSES]
    return _table(("status", "what it means", "what the phone does"), rows)


def _item_codes() -> str:
    rows = [(f"`{each.code}`", each.meaning, each.phone_must) for each in ITEM_CODES]
    return _table(("code", "what it means", "what the phone does"), rows)


def _request_codes() -> str:
    rows = [
        (str(each.status), f"`{each.code}`", each.meaning, each.phone_must)
        for each in REQUEST_CODES
    ]
    return _table(("HTTP", "code", "what it means", "what the phone does"), rows)


def _bounds() -> str:
    limits = wire_fields(envelope.Limits)
    rows = [(f"`{name}`", f"{bound:,}", limits[name].about) for name, bound in BOUNDS.items()]
    return _table(("name in `limits`", "value", "what it bounds"), rows)


def _kinds() -> str:
    rows = []
    for record in RECORDS:
        up = [
            f"`{op}`" + ("*" if op in record.needs_base_version else "")
            for op in record.ops.get(2, {})
        ]
        down = [str(contract) for contract, schema in record.down.items() if schema is not None]
        rows.append((f"`{record.kind}`", ", ".join(up) or "—", ", ".join(down) or "—"))
    return _table(("kind", "ops that go up", "comes down in contracts"), rows)


EXAMPLE_RECORDS: Final = (
    (
        "a3f1c2d4-0000-4000-8000-000000000001",
        {"chosen": None, "held_by": 'Ann "A" Lee', "note": "café\n東京/1"},
    ),
    ("a3f1c2d4-0000-4000-8000-000000000002", {"is_frozen": True, "stops": [3, -1]}),
)


def _digest_example() -> str:
    lines: list[str] = []
    hashes = []
    for record_id, fields in EXAMPLE_RECORDS:
        record = {"kind": "store", "id": record_id, "version": 7, "fields": fields}
        hashes.append(record_hash("store", record_id, 7, fields))
        lines += [
            f"record         {json.dumps(record, ensure_ascii=False)}",
            f"canonical JSON {canonical_json(record).decode()}",
            f"record hash    {hash_text(hashes[-1])}",
            "",
        ]
    bucket = bucket_of(EXAMPLE_RECORDS[0][0])
    lines.append(f"bucket {bucket} of store: {hash_text(digest_of(hashes))}")
    return "```text\n" + "\n".join(lines) + "\n```"


_OTHER_TABLES: Final[dict[str, Callable[[], str]]] = {
    "item-statuses": _statuses,
    "item-codes": _item_codes,
    "request-codes": _request_codes,
    "bounds": _bounds,
    "kinds": _kinds,
    "digest-example": _digest_example,
}


def filled(text: str) -> str:
    """A document with its tables made anew. Raises KeyError for a table that is not known."""
    schemas = all_schemas()

    def fill(block: re.Match[str]) -> str:
        name = block.group(1)
        other = _OTHER_TABLES.get(name)
        table = field_table(schemas[name]) if other is None else other()
        return f"<!-- table: {name} -->\n{table}\n<!-- end -->"

    return _BLOCK.sub(fill, text)


if __name__ == "__main__":
    argparse.ArgumentParser(
        prog="python -m mobile_contract.field_tables",
        description="Write the tables of PROTOCOL.md anew, from the schemas.",
    ).parse_args()
    PROTOCOL.write_text(filled(PROTOCOL.read_text(encoding="utf-8")), encoding="utf-8")
