"""The compiled check and the marshmallow schema are one check."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mobile_contract.envelope import (
    DigestRequest,
    EnrolRequest,
    ItemRequest,
    PullRequest,
    PushRequest,
    TokenRequest,
)
from mobile_contract.raw_items import NotJson, load
from mobile_contract.records import RECORDS
from mobile_contract.schema import faults_of
from mobile_contract.struct_types import struct_of
from tests.mobile_contract.wire_values import mutated, values_of

PAYLOADS = [schema for record in RECORDS for ops in record.ops.values() for schema in ops.values()]
REQUESTS = [DigestRequest, EnrolRequest, PullRequest, PushRequest, TokenRequest]
UP = [*dict.fromkeys(PAYLOADS), *REQUESTS]

quick = settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))


def as_bytes(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=True).encode()


def schema_accepts(schema: Any, raw: bytes) -> bool:
    try:
        return not faults_of(schema(), load(raw))
    except NotJson:
        return False


def compiled_accepts(schema: Any, raw: bytes) -> bool:
    if b"\\u0000" in raw:
        # compiled.py hands these to the schema.
        return schema_accepts(schema, raw)
    try:
        msgspec.json.decode(raw, type=struct_of(schema))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    return True


@pytest.mark.parametrize("schema", UP, ids=lambda schema: schema.__name__)
@quick
@given(data=st.data())
def test_values_that_fit_every_field_are_judged_the_same_by_both(
    schema: Any, data: st.DataObject
) -> None:
    raw = as_bytes(data.draw(values_of(schema)))
    assert compiled_accepts(schema, raw) == schema_accepts(schema, raw)


@pytest.mark.parametrize("schema", UP, ids=lambda schema: schema.__name__)
@quick
@given(data=st.data())
def test_spoilt_values_are_judged_the_same_by_both(schema: Any, data: st.DataObject) -> None:
    raw = as_bytes(data.draw(mutated(schema)))
    assert compiled_accepts(schema, raw) == schema_accepts(schema, raw)


@quick
@given(value=mutated(ItemRequest))
def test_an_item_around_its_payload_is_judged_the_same_by_both(value: Any) -> None:
    if isinstance(value, dict) and value.get("payload", 0) is None:
        return  # a payload of null is refused by the type of the payload
    raw = as_bytes(value)
    assert compiled_accepts(ItemRequest, raw) == schema_accepts(ItemRequest, raw)


@pytest.mark.parametrize("schema", UP, ids=lambda schema: schema.__name__)
@quick
@given(data=st.data())
def test_what_a_schema_loads_is_what_it_was_given(schema: Any, data: st.DataObject) -> None:
    value = data.draw(values_of(schema))
    if not faults_of(schema(), value):
        assert schema().load(value) == value
