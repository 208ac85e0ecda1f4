"""The wire's schemas as JSON Schema 2020-12, exact: what a schema refuses here, the server refuses.

Rules across fields (two times in order, at least one change) are functions and cannot be said in
JSON Schema; the descriptions and PROTOCOL.md say them.
"""

from collections.abc import Mapping
from typing import Any

import marshmallow as ma

from mobile_contract import envelope
from mobile_contract.envelope import Anything
from mobile_contract.fields import (
    DAY_PATTERN,
    Bool,
    Choice,
    Day,
    FreeObject,
    Int,
    ListOf,
    MapOf,
    OneOf,
    PairOf,
    Part,
    Pattern,
    Text,
    WireField,
)
from mobile_contract.records import RECORDS
from mobile_contract.schema import wire_fields
from mobile_contract.version import CONTRACTS

Json = dict[str, Any]
_COMPONENTS = "#/components/schemas/"
_NO_NUL = "^[^\\u0000]*$"
_LARGEST_SAID = 2**31


def ref(name: str) -> Json:
    """A reference to a component."""
    return {"$ref": _COMPONENTS + name}


def component_schemas() -> dict[str, Json]:
    """Every schema of the wire by name, in both contracts."""
    built: dict[str, Json] = {}
    for schema in (
        envelope.EnrolRequest,
        envelope.EnrolAnswer,
        envelope.TokenRequest,
        envelope.TokenAnswer,
        envelope.PushAnswer,
        envelope.PullRequest,
        envelope.DigestRequest,
        envelope.DigestStepOneAnswer,
        envelope.Problem,
    ):
        add_schema(built, schema)
    for contract in CONTRACTS:
        _add_contract(built, contract)
    for whole in ("PushRequest", "PullAnswer", "DigestStepTwoAnswer"):
        built[whole] = {
            "description": f"By contract: {', '.join(map(str, CONTRACTS))}.",
            "oneOf": [ref(f"{whole}{contract}") for contract in CONTRACTS],
        }
    return dict(sorted(built.items()))


def add_schema(built: dict[str, Json], schema: type[ma.Schema]) -> Json:
    """A reference to the schema, which is added with all it needs."""
    name = schema.__name__
    if name not in built:
        built[name] = {}  # a schema may hold itself
        built[name] = _object_of(built, schema)
    return ref(name)


def _object_of(built: dict[str, Json], schema: type[ma.Schema]) -> Json:
    fields = wire_fields(schema)
    said = _first_line(schema)
    return {
        "type": "object",
        **({"description": said} if said else {}),
        "properties": {
            (field.data_key or name): _field_of(built, field) for name, field in fields.items()
        },
        "required": [
            field.data_key or name for name, field in fields.items() if field.presence.is_required
        ],
        "additionalProperties": False,
    }


def _field_of(built: dict[str, Json], field: WireField) -> Json:
    said = _value_of(built, field)
    if field.presence.may_be_null:
        said = _or_null(said)
    about = field.metadata.get("description")
    return {**said, "description": about} if about else said


def _or_null(said: Json) -> Json:
    if not said:
        return said
    if "enum" in said:
        return {**said, "type": ["string", "null"], "enum": [*said["enum"], None]}
    if isinstance(said.get("type"), str):
        return {**said, "type": [said["type"], "null"]}
    return {"anyOf": [said, {"type": "null"}]}


def _value_of(built: dict[str, Json], field: ma.fields.Field[Any]) -> Json:  # noqa: C901, PLR0911, PLR0912 - a closed vocabulary, one line each
    match field:
        case Int():
            return {"type": "integer", "minimum": field.minimum, "maximum": field.maximum}
        case Bool():
            return {"type": "boolean"}
        case Text():
            return {
                "type": "string",
                "minLength": field.minimum,
                "maxLength": field.maximum,
                "pattern": _NO_NUL,
            }
        case Pattern():
            return {"type": "string", "pattern": field.metadata["pattern"]}
        case Day():
            return {"type": "string", "format": "date", "pattern": f"^{DAY_PATTERN}$"}
        case Choice():
            return {"type": "string", "enum": list(field.choices)}
        case ListOf():
            return {
                "type": "array",
                "items": _value_of(built, field.inner),
                **({"minItems": field.minimum} if field.minimum else {}),
                **({"maxItems": field.maximum} if field.maximum < _LARGEST_SAID else {}),
            }
        case PairOf():
            pair = [_value_of(built, each) for each in field.tuple_fields]
            return {
                "type": "array",
                "prefixItems": pair,
                "items": False,
                "minItems": len(pair),
                "maxItems": len(pair),
            }
        case MapOf():
            return {
                "type": "object",
                "propertyNames": _value_of(built, field.inner_keys),
                "additionalProperties": _value_of(built, field.inner_values),
                "maxProperties": field.maximum,
            }
        case OneOf():
            return {"anyOf": [_value_of(built, choice) for choice in field.choices]}
        case FreeObject():
            return {"type": "object"}
        case Part():
            return add_schema(built, field.part)
        case Anything():
            return {}
    message = f"{type(field).__name__} has no JSON Schema"
    raise TypeError(message)


def _first_line(schema: type[ma.Schema]) -> str:
    return (schema.__doc__ or "").strip().partition("\n")[0]


# --- what depends on the contract ------------------------------------------------------------------


def _add_contract(built: dict[str, Json], contract: int) -> None:
    built[f"Item{contract}"] = _item(built, contract)
    built[f"Change{contract}"] = _change(built, contract)
    push = _of_contract(_object_of(built, envelope.PushRequest), contract)
    push["properties"]["items"]["items"] = ref(f"Item{contract}")
    built[f"PushRequest{contract}"] = push
    for schema in (envelope.PullAnswer, envelope.DigestStepTwoAnswer):
        # The general change is not a component: each contract has its own.
        answer = _of_contract(_object_of({"Change": {}, **built}, schema), contract)
        answer["properties"]["changes"]["items"] = ref(f"Change{contract}")
        built[f"{schema.__name__}{contract}"] = answer


def _of_contract(whole: Json, contract: int) -> Json:
    return {
        **whole,
        "properties": {
            **whole["properties"],
            "contract": {**whole["properties"]["contract"], "const": contract},
        },
    }


def _item(built: dict[str, Json], contract: int) -> Json:
    branches = []
    for record in RECORDS:
        for op, schema in record.ops.get(contract, {}).items():
            branch: Mapping[str, Any] = {
                "title": f"{record.kind} {op}",
                "properties": {
                    "kind": {"const": record.kind},
                    "op": {"const": op},
                    "payload": add_schema(built, schema),
                },
            }
            if op in record.needs_base_version:
                branch = {
                    **branch,
                    "properties": {**branch["properties"], "base_version": {"type": "integer"}},
                    "required": ["base_version"],
                }
            branches.append(branch)
    return {**_object_of(built, envelope.ItemRequest), "oneOf": branches}


def _change(built: dict[str, Json], contract: int) -> Json:
    whole = _object_of(built, envelope.Change)
    branches: list[Json] = [
        {
            "title": f"put {record.kind}",
            "properties": {
                "kind": {"const": record.kind},
                "op": {"const": "put"},
                "fields": add_schema(built, schema),
            },
            "required": ["fields"],
        }
        for record in RECORDS
        if (schema := record.down[contract]) is not None
    ]
    branches.append(
        {
            "title": "evict or delete",
            "properties": {"op": {"enum": ["evict", "delete"]}, "fields": {"type": "null"}},
        }
    )
    kinds = [record.kind for record in RECORDS if record.down[contract] is not None]
    whole["properties"]["kind"] = {**whole["properties"]["kind"], "enum": kinds}
    return {**whole, "oneOf": branches}
