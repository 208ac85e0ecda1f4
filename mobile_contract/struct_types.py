"""Compiled checks, derived from the marshmallow schemas: the schema stays the one source of truth.

``struct_of(schema)`` makes a msgspec Struct type that accepts what the schema accepts and refuses
what it refuses, in compiled code and some hundred times faster. Field names are attribute names. An
optional field that is absent is None; a field of ``changes`` that is absent is UNSET, because there
null means something else. NUL inside texts is the one thing that the types do not see: whoever
decodes bytes with them looks for its escape first (``compiled.py`` does).
"""

import datetime as dt
from functools import cache
from typing import Annotated, Any, Literal, Union

import marshmallow as ma
import msgspec
from msgspec import UNSET, Meta, UnsetType

from mobile_contract.envelope import Anything
from mobile_contract.fields import (
    Bool,
    Choice,
    Day,
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
from mobile_contract.schema import Rule, WireSchema, wire_fields

_MSGSPEC_LENGTH_MAX = 2**63 - 1


@cache
def struct_of(schema: type[ma.Schema]) -> type[msgspec.Struct]:
    """The compiled type of a schema; the same type every time."""
    required: list[tuple[str, Any]] = []
    optional: list[tuple[str, Any, Any]] = []
    for name, field in wire_fields(schema).items():
        wire_type = type_of(field)
        if field.presence.may_be_null and wire_type is not msgspec.Raw:
            wire_type = wire_type | None
        if field.presence.is_change:
            optional.append((name, wire_type | UnsetType, UNSET))
        elif field.presence.is_required:
            required.append((name, wire_type))
        else:
            optional.append((name, wire_type, None))
    rules = (*schema.bounds, *schema.rules) if issubclass(schema, WireSchema) else ()
    namespace: dict[str, Any] = {"__doc__": schema.__doc__}
    if rules:
        namespace["__post_init__"] = _rule_keeper(rules)
    return msgspec.defstruct(
        schema.__name__,
        [*required, *optional],
        module=schema.__module__,
        namespace=namespace,
        frozen=True,
        kw_only=True,
        forbid_unknown_fields=True,
    )


def _rule_keeper(rules: tuple[Rule, ...]) -> Any:
    def keep_the_rules(record: Any) -> None:
        for rule in rules:
            for place, words in rule(record):
                message = f"{place} {words}"
                raise ValueError(message)

    return keep_the_rules


def type_of(field: WireField) -> Any:  # noqa: C901, PLR0911, PLR0912 - one line for each word of the vocabulary
    """The type that accepts what one field accepts, null aside."""
    match field:
        case Int():
            return Annotated[int, Meta(ge=field.minimum, le=field.maximum)]
        case Bool():
            return bool
        case Text():
            return Annotated[str, Meta(min_length=field.minimum, max_length=field.maximum)]
        case Pattern():
            return Annotated[str, Meta(pattern=field.pattern)]
        case Day():
            return dt.date
        case Choice():
            return Literal[field.choices]
        case ListOf():
            maximum = min(field.maximum, _MSGSPEC_LENGTH_MAX)
            return Annotated[
                list[type_of(field.inner)],  # type: ignore[misc,arg-type]
                Meta(min_length=field.minimum, max_length=maximum),
            ]
        case PairOf():
            first, second = field.tuple_fields
            return tuple[type_of(first), type_of(second)]  # type: ignore[misc,arg-type]
        case MapOf():
            return Annotated[
                dict[type_of(field.inner_keys), type_of(field.inner_values)],  # type: ignore[misc]
                Meta(max_length=field.maximum),
            ]
        case OneOf():
            return Union[tuple(type_of(choice) for choice in field.choices)]  # noqa: UP007 - made, not written
        case Part():
            return struct_of(field.part)
        case Anything():
            return msgspec.Raw
        case _:
            message = f"{type(field).__name__} only goes down and has no compiled check"
            raise TypeError(message)
