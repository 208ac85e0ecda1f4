"""A bad item harms itself only; a bad request says which bound or field it broke."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mobile_contract
from mobile_contract.compiled import (
    Item,
    MediaFile,
    OutboxState,
    PushEnvelope,
    decode_digest,
    decode_enrol,
    decode_item,
    decode_pull,
    decode_push,
    decode_token,
)
from mobile_contract.envelope import ItemRequest, Media, Outbox, PushRequest
from mobile_contract.problems import ItemRefused, RequestRefused
from mobile_contract.raw_items import is_deeper
from mobile_contract.version import ITEM_BYTES, ITEMS_PER_PUSH, JSON_DEPTH

GOLDEN = Path(mobile_contract.__file__).parent / "golden"
PUSH = json.loads((GOLDEN / "contract-2" / "push.json").read_text())
VISIT = PUSH["items"][0]
RECORD_ID = VISIT["entity_id"]


def item_bytes(**changed: Any) -> bytes:
    return json.dumps({**VISIT, **changed}).encode()


def push_bytes(items: list[bytes], **changed: Any) -> bytes:
    head = {**PUSH, **changed}
    del head["items"]
    return json.dumps(head).encode()[:-1] + b', "items": [' + b", ".join(items) + b"]}"


def refusal_of_item(raw: bytes, contract: int = 2) -> ItemRefused:
    with pytest.raises(ItemRefused) as refusal:
        decode_item(raw, contract)
    return refusal.value


def refusal_of_push(body: bytes) -> RequestRefused:
    with pytest.raises(RequestRefused) as refusal:
        decode_push(body)
    return refusal.value


def test_items_keep_the_very_bytes_they_came_in() -> None:
    odd = b'{ "op_id" :\t"x", "n": 1.50e1, "t": "\\u00e9\\/" }'
    assert decode_push(push_bytes([odd, item_bytes()])).items == [odd, item_bytes()]


@pytest.mark.parametrize(
    "bad",
    [
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a": 1e400}',
        b'{"a": "\\ud800"}',
        b'{"a": "\xff"}',
        b'{"a": 01}',
        b'{"a": 1,}',
        b'{"a" 1}',
        b'{"a": "]}, {"}',
        b'{"a": "\\"]"}',
        b'{"a": "\n"}',
        b"{}",
        b"nul",
        b"1",
        b'{"a": "\\u0000"}',
    ],
)
def test_one_bad_item_leaves_its_neighbours_whole(bad: bytes) -> None:
    before, after = item_bytes(), item_bytes(op_id=RECORD_ID)
    envelope = decode_push(push_bytes([before, bad, after]))
    assert envelope.items == [before, bad, after]
    assert decode_item(envelope.items[2], 2).op_id == RECORD_ID
    refusal_of_item(envelope.items[1])


@settings(deadline=None)
@given(bad=st.binary(max_size=40))
def test_any_bytes_for_an_item_are_refused_and_never_break_the_reader(bad: bytes) -> None:
    refusal_of_item(bad)


@settings(deadline=None)
@given(body=st.binary(max_size=80) | st.text('{}[]",:\\items', max_size=80).map(str.encode))
def test_any_bytes_for_a_push_are_refused_and_never_break_the_reader(body: bytes) -> None:
    refusal_of_push(body)


def test_what_names_a_broken_item_is_read_where_it_can_be() -> None:
    raw = item_bytes().replace(b'"is_by_phone": false', b'"is_by_phone": NaN')
    refused = refusal_of_item(raw)
    assert (refused.code, refused.op_id, refused.kind, refused.entity_id) == (
        "malformed_json",
        VISIT["op_id"],
        "visit",
        RECORD_ID,
    )


def test_an_op_id_that_is_no_id_is_not_passed_on() -> None:
    assert refusal_of_item(item_bytes(op_id="\x00")).op_id is None


def test_an_item_of_a_newer_contract_is_told_apart_and_named() -> None:
    refused = refusal_of_item(item_bytes(mood="unheard of"), contract=3)
    assert (refused.code, refused.op_id) == ("contract_too_new", VISIT["op_id"])


def test_a_push_of_a_newer_contract_is_taken_with_names_of_its_own() -> None:
    assert decode_push(push_bytes([item_bytes()], contract=3, mood="good")).contract == 3


def test_a_push_of_this_contract_with_an_unknown_name_is_refused() -> None:
    refused = refusal_of_push(push_bytes([item_bytes()], mood="good"))
    assert (refused.code, refused.where) == ("invalid_request", "mood")


def test_an_item_at_the_bound_of_size_is_read_and_one_beyond_it_is_not() -> None:
    padding = b" " * (ITEM_BYTES - len(item_bytes()))
    assert decode_item(padding + item_bytes(), 2).op_id == VISIT["op_id"]
    refused = refusal_of_item(padding + b" " + item_bytes())
    assert (refused.code, refused.op_id) == ("item_too_large", VISIT["op_id"])


def test_as_many_items_as_allowed_are_taken_and_one_more_is_refused() -> None:
    assert len(decode_push(push_bytes([b"{}"] * ITEMS_PER_PUSH)).items) == ITEMS_PER_PUSH
    refused = refusal_of_push(push_bytes([b"{}"] * (ITEMS_PER_PUSH + 1)))
    assert (refused.code, refused.limit) == ("too_many_items", ITEMS_PER_PUSH)
    broken = refusal_of_push(push_bytes([b"NaN"] * (ITEMS_PER_PUSH + 1)))
    assert broken.code == "too_many_items"


def nested(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


@pytest.mark.parametrize("spoil", [b"", b"NaN"])
def test_depth_is_counted_from_the_body_and_bounded(spoil: bytes) -> None:
    inside = JSON_DEPTH - 2
    assert decode_push(push_bytes([nested(inside), spoil or b"1"])).items[0] == nested(inside)
    refused = refusal_of_push(push_bytes([nested(inside + 1), spoil or b"1"]))
    assert (refused.code, refused.limit) == ("too_deep", JSON_DEPTH)
    assert refusal_of_push(push_bytes([nested(100_000), spoil or b"1"])).code == "too_deep"


def test_brackets_inside_texts_are_not_depth() -> None:
    assert not is_deeper(json.dumps({"a": "[{" * 100 + '\\"[' * 9}).encode())
    assert is_deeper(nested(33))
    assert not is_deeper(nested(32))
    assert not is_deeper(b"[" + b"[]," * 100 + b"[]]")


def test_every_fault_of_an_item_is_named_with_its_place() -> None:
    payload = {**VISIT["payload"], "steps": [{"step": "DANCE", "outcome": 1}], "closed_by": "X"}
    refused = refusal_of_item(item_bytes(payload=payload, captured_at=1.0))
    assert [fault.where for fault in refused.faults] == [
        "captured_at",
        "payload.closed_by",
        "payload.steps[0].step",
        "payload.steps[0].outcome",
    ]
    assert "captured_at must be a whole number" in refused.detail


def test_what_a_refusal_says_can_always_be_stored_and_sent() -> None:
    payload = {**VISIT["payload"], "\ud800\x00" + "x" * 999: 1}
    refused = refusal_of_item(item_bytes(payload=payload))
    assert refused.where is not None
    assert "\x00" not in refused.detail + refused.where
    assert (refused.detail + refused.where).encode()
    assert len(refused.where) <= 300


def test_a_backslash_before_u0000_is_text_and_not_nul() -> None:
    payload = {**VISIT["payload"], "note": "\\u0000"}
    assert decode_item(item_bytes(payload=payload), 2).payload.note == "\\u0000"


def test_of_a_name_that_stands_twice_the_second_counts() -> None:
    raw = item_bytes().replace(b'"is_by_phone": false', b'"is_by_phone": 1, "is_by_phone": true')
    assert decode_item(raw, 2).payload.is_by_phone is True


@pytest.mark.parametrize("payload", [None, [], 1, "x"])
def test_a_payload_that_is_no_object_is_refused_at_its_place(payload: Any) -> None:
    assert refusal_of_item(item_bytes(payload=payload)).where == "payload"


def test_absent_lists_of_an_item_are_empty() -> None:
    item = decode_item(item_bytes(depends_on=None), 2)
    assert (item.depends_on, item.media) == ((), ())


@pytest.mark.parametrize(
    ("struct", "schema", "own"),
    [
        (Item, ItemRequest, {"contract"}),
        (PushEnvelope, PushRequest, set()),
        (OutboxState, Outbox, set()),
        (MediaFile, Media, set()),
    ],
)
def test_typed_requests_have_the_fields_of_their_schemas(
    struct: Any, schema: Any, own: set[str]
) -> None:
    assert set(struct.__struct_fields__) == set(schema().fields) | own


def test_a_pull_without_a_limit_gets_the_default() -> None:
    assert decode_pull(b'{"contract": 1, "cursor": null}').limit == 500


@pytest.mark.parametrize("limit", [0, 1001, 1.0, True])
def test_a_pull_beyond_its_bounds_is_refused(limit: Any) -> None:
    body = json.dumps({"contract": 2, "cursor": None, "limit": limit}).encode()
    with pytest.raises(RequestRefused) as refusal:
        decode_pull(body)
    assert (refusal.value.code, refusal.value.where) == ("invalid_request", "limit")


def test_a_pull_in_an_unknown_contract_is_told_so_whatever_else_it_says() -> None:
    for body in (b'{"contract": 3, "cursor": null}', b'{"contract": 3, "mood": 1}'):
        with pytest.raises(RequestRefused) as refusal:
            decode_pull(body)
        assert refusal.value.code == "contract_unknown"


def test_a_digest_is_one_of_its_two_steps() -> None:
    held = {"store": {"a3": [[RECORD_ID, "0" * 16]], "ff": []}}
    body = json.dumps({"contract": 2, "held": held}).encode()
    decoded = decode_digest(body).held
    assert decoded == {"store": {"a3": [(RECORD_ID, "0" * 16)], "ff": []}}
    bad: Any
    for bad in ({}, {"buckets": {}, "held": {}}, {"buckets": {"store": {"A3": "0" * 16}}}):
        with pytest.raises(RequestRefused):
            decode_digest(json.dumps({"contract": 2, **bad}).encode())


def test_a_digest_names_at_most_so_many_buckets_and_records() -> None:
    row = [RECORD_ID, "0" * 16]
    many_buckets: dict[str, object] = {"store": {f"{n:02x}": [] for n in range(65)}}
    many_rows = {"store": {"00": [row] * 2001}, "visit": {"00": [row] * 2000}}
    for held in (many_buckets, many_rows):
        with pytest.raises(RequestRefused) as refusal:
            decode_digest(json.dumps({"contract": 2, "held": held}).encode())
        assert (refusal.value.code, refusal.value.where) == ("invalid_request", "held")


def test_an_enrolment_is_read() -> None:
    device = {"model": "m", "os": "o", "app_version": "1"}
    body = json.dumps({"contract": 2, "code": "ABC", "device": device}).encode()
    assert decode_enrol(body).device.model == "m"


def test_a_rotation_is_an_empty_object() -> None:
    decode_token(b"{}")
    with pytest.raises(RequestRefused):
        decode_token(b"")


def test_a_refusal_is_a_problem_document() -> None:
    refused = refusal_of_push(push_bytes([b"{}"] * (ITEMS_PER_PUSH + 1)))
    assert refused.document() == {
        "type": "urn:roadbook:problem:too_many_items",
        "title": "Too many items",
        "status": 413,
        "code": "too_many_items",
        "detail": "more than 500 items",
        "where": "items",
        "limit": 500,
    }
