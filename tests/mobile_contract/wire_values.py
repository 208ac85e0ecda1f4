"""Hypothesis strategies drawn from the wire schemas: JSON values that fit, and that do not."""

import copy
import datetime as dt
import uuid
from functools import cache
from typing import Any

import marshmallow as ma
from hypothesis import strategies as st

from mobile_contract.envelope import Anything
from mobile_contract.fields import (
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
)
from mobile_contract.records.evidence import Flag
from mobile_contract.schema import wire_fields

MONDAY = dt.date(2026, 11, 23)


@cache
def values_of(schema: Any) -> st.SearchStrategy[dict[str, Any]]:
    """Objects whose every field fits; rules across fields may still be broken."""
    required: dict[Any, Any] = {}
    optional: dict[Any, Any] = {}
    for name, field in wire_fields(schema).items():
        value = value_of(field)
        if field.presence.may_be_null:
            value = st.none() | value
        (required if field.presence.is_required else optional)[field.data_key or name] = value
    return st.fixed_dictionaries(required, optional=optional)


def value_of(  # noqa: C901, PLR0911, PLR0912 - one case for each word of the vocabulary
    field: Any,
) -> st.SearchStrategy[Any]:
    match field:
        case Flag():
            return st.fixed_dictionaries(
                {"flag": st.just("too_short"), "lasted_ms": st.integers(0, 9)}
            )
        case Int():
            bounds = st.sampled_from([field.minimum, field.maximum])
            return bounds | st.integers(field.minimum, field.maximum)
        case Bool():
            return st.booleans()
        case Text():
            return texts(field.minimum, min(field.maximum, 12)) | st.just("x" * field.maximum)
        case Pattern():
            return st.uuids(version=4).map(str) if "-" in field.pattern else hex_of(field)
        case Day():
            mondays = st.integers(-60, 60).map(lambda n: MONDAY + dt.timedelta(weeks=n))
            return (mondays | st.dates(min_value=dt.date(1, 1, 1))).map(str)
        case Choice():
            return st.sampled_from(field.choices)
        case ListOf():
            most = max(field.minimum, min(field.maximum, 3))
            return st.lists(value_of(field.inner), min_size=field.minimum, max_size=most)
        case PairOf():
            return st.tuples(*map(value_of, field.tuple_fields)).map(list)
        case MapOf():
            keys = value_of(field.inner_keys)
            return st.dictionaries(keys, value_of(field.inner_values), max_size=2)
        case OneOf():
            return st.one_of(*map(value_of, field.choices))
        case Part():
            return values_of(field.part)
        case Anything() | FreeObject():
            return st.dictionaries(texts(0, 5), st.integers(0, 9), max_size=2)
        case _:
            raise TypeError(type(field).__name__)


def texts(minimum: int, maximum: int) -> st.SearchStrategy[str]:
    characters = st.characters(exclude_categories=["Cs"], exclude_characters="\x00")
    return st.text(characters, min_size=minimum, max_size=maximum)


def hex_of(field: Any) -> st.SearchStrategy[str]:
    if "a-z" in field.pattern:
        return st.just("too_short")
    length = 2 if "{2}" in field.pattern else 16 if "{16}" in field.pattern else 64
    return st.text("0123456789abcdef", min_size=length, max_size=length)


ODD_VALUES: st.SearchStrategy[Any] = st.sampled_from(
    [
        None,
        True,
        False,
        0,
        -1,
        1,
        8,
        1.0,
        0.5,
        1e300,
        2**53 - 1,
        2**53,
        2**63,
        2**64,
        10**30,
        -(10**30),
        "",
        "1",
        "true",
        "a\x00b",
        "\x00",
        "\ud800",
        "a\udfffb",
        "😀" * 40,
        "x" * 201,
        "x" * 1001,
        "2026-02-30",
        "2026-11-23",
        "2026-11-24",
        "0000-01-01",
        "2026-11-23T00:00:00Z",
        "２026-11-23",
        str(uuid.UUID(int=7)),
        str(uuid.UUID(int=7)) + "\n",
        str(uuid.UUID(int=2**127)).upper().replace("8", "A"),
        uuid.UUID(int=7).hex,
        "ON",
        "on",
        [],
        [[]],
        [None],
        [0, 0],
        ["DONE"],
        ["PREPARE"] * 33,
        {},
        {"x": 1},
    ]
).map(copy.deepcopy)


@st.composite
def mutated(draw: st.DrawFn, schema: Any) -> Any:
    """A fitting object with up to three places spoilt: replaced, left out, or added to."""
    value = copy.deepcopy(draw(values_of(schema)))
    for _ in range(draw(st.integers(0, 3))):
        holders = list(_holders(value))
        holder = draw(st.sampled_from(holders))
        keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        what = draw(st.sampled_from(["replace", "replace", "leave out", "add"]))
        if what == "add" or not keys:
            if isinstance(holder, dict):
                holder[draw(st.sampled_from(["extra", "note", "\x00", "\ud800", "fields"]))] = draw(
                    ODD_VALUES
                )
            else:
                holder.append(draw(ODD_VALUES))
        elif what == "leave out":
            del holder[draw(st.sampled_from(keys))]
        else:
            holder[draw(st.sampled_from(keys))] = draw(ODD_VALUES)
    return value


def _holders(value: Any) -> Any:
    if isinstance(value, (dict, list)):
        yield value
        for each in value.values() if isinstance(value, dict) else value:
            yield from _holders(each)


def absent_names(schema: type[ma.Schema], value: dict[str, Any], place: str = "") -> list[str]:
    """The places of all fields of a schema, and of its parts, that do not stand in a value."""
    absent: list[str] = []
    for name, field in wire_fields(schema).items():
        at = f"{place}{field.data_key or name}"
        if (field.data_key or name) not in value:
            if field.presence.is_required or not getattr(schema, "is_sparse", False):
                absent.append(at)
            continue
        found = value[field.data_key or name]
        if isinstance(field, Part) and found is not None:
            absent += absent_names(field.part, found, f"{at}.")
        if isinstance(field, ListOf) and isinstance(field.inner, Part):
            for index, each in enumerate(found or ()):
                absent += absent_names(field.inner.part, each, f"{at}[{index}].")
    return absent
