"""The compiled check and the marshmallow schema are one check."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mobile_contract.compiled import decode_push
from mobile_contract.envelope import (
    DigestRequest,
    EnrolRequest,
    ItemRequest,
    PullRequest,
    PushRequest,
    TokenRequest,
)
from mobile_contract.problems import RequestRefused
from mobile_contract.raw_items import NotJsonError, load
from mobile_contract.records import RECORDS
from mobile_contract.schema import faults_of
from mobile_contract.struct_types import struct_of
from mobile_contract.version import CURRENT
from tests.mobile_contract.wire_values import mutated, values_of

PAYLOADS = [schema for record in RECORDS for ops in record.ops.values() for schema in ops.values()]
REQUESTS = [DigestRequest, EnrolRequest, PullRequest, TokenRequest]
UP = [*dict.fromkeys(PAYLOADS), *REQUESTS]

quick = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


def as_bytes(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=True).encode()


def schema_accepts(schema: Any, raw: bytes) -> bool:
    try:
        return not faults_of(schema(), load(raw))
    except NotJsonError:
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
    if "payload" in value:
        value["payload"] = {}  # judged by the schema of its kind and op
    raw = as_bytes(value)
    assert compiled_accepts(ItemRequest, raw) == schema_accepts(ItemRequest, raw)


@quick
@given(value=mutated(PushRequest))
def test_a_push_around_its_items_is_judged_the_same_by_both(value: Any) -> None:
    if type(value.get("contract")) is int and value["contract"] > CURRENT:
        return  # names that this contract does not have are a newer phone's own
    raw = as_bytes(value)
    try:
        accepted = len(decode_push(raw).items) == len(value["items"])
    except RequestRefused:
        accepted = False
    assert accepted == schema_accepts(PushRequest, raw)


@pytest.mark.parametrize("schema", UP, ids=lambda schema: schema.__name__)
@quick
@given(data=st.data())
def test_what_a_schema_loads_is_what_it_was_given(schema: Any, data: st.DataObject) -> None:
    value = data.draw(values_of(schema))
    if not faults_of(schema(), value):
        assert schema().load(value) == value
