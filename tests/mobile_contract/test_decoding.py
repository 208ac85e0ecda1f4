"""A bad item harms itself only; a bad request says which bound or field it broke."""

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import mobile_contract
from mobile_contract import compiled
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
from mobile_contract.fields import FAULTS_SOUGHT, PairOf
from mobile_contract.problems import ItemRefused, RequestRefused
from mobile_contract.raw_items import TOKENS_MAX, is_deeper
from mobile_contract.records import RECORDS_BY_KIND
from mobile_contract.version import ITEM_BYTES, ITEMS_PER_PUSH, JSON_DEPTH
from tests.mobile_contract.wire_values import mutated

GOLDEN = Path(mobile_contract.__file__).parent / "golden"
PUSH = json.loads((GOLDEN / "contract-2" / "push.json").read_text())
VISIT = PUSH["items"][0]
RECORD_ID = VISIT["entity_id"]
VISIT_CREATE = RECORDS_BY_KIND["visit"].ops[2]["create"]


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


TWICE = [
    (b'"items": [NaN], "items": ["\\ud800"]', [b'"\\ud800"']),
    (b'"items": [NaN, 1], "items": [100000000000000000000000]', [b"1" + b"0" * 23]),
    (b'"items": ["\\ud800", 2], "items": []', []),
    (b'"items": null, "items": [NaN]', [b"NaN"]),
    (b'"items": [NaN], "item\\u0073": [2]', [b"2"]),
    (b'"items": [1], "items": [2]', [b"2"]),
]


@pytest.mark.parametrize(("lists", "kept"), TWICE)
def test_of_items_that_stand_twice_the_second_count(lists: bytes, kept: list[bytes]) -> None:
    body = push_bytes([]).replace(b'"items": []', lists)
    assert decode_push(body).items == kept


def test_what_stands_between_two_lists_of_items_is_judged() -> None:
    lists = b'"items": [NaN], "mood": 1, "items": [2]'
    refused = refusal_of_push(push_bytes([]).replace(b'"items": []', lists))
    assert (refused.code, refused.where) == ("invalid_request", "mood")


@pytest.mark.parametrize("second", [b"null", b"{}", b"1"])
def test_items_that_are_no_list_the_second_time_are_refused(second: bytes) -> None:
    body = push_bytes([]).replace(b'"items": []', b'"items": [NaN], "items": ' + second)
    refused = refusal_of_push(body)
    assert (refused.code, refused.where) == ("invalid_request", "items")


@pytest.mark.parametrize("items", [b"", b', "items": null', b', "items": {}', b', "items": "x"'])
def test_json_without_a_list_of_items_is_json_and_lacks_them(items: bytes) -> None:
    refused = refusal_of_push(push_bytes([]).replace(b', "items": []', items))
    assert (refused.code, refused.where) == ("invalid_request", "items")


@pytest.mark.parametrize("body", [b"[]", b"null", b"1", b'"items"', b'[{"items": [1]}]'])
def test_json_that_is_no_object_is_json(body: bytes) -> None:
    refused = refusal_of_push(body)
    assert (refused.code, refused.detail) == ("invalid_request", "The body must be an object")


@pytest.mark.parametrize("body", [b"", b"{", b'{"items": [1', b'{"items": [1]', b'{"items": [}'])
def test_a_body_that_ends_early_is_not_json(body: bytes) -> None:
    assert refusal_of_push(body).code == "malformed_json"


def test_a_body_of_too_many_texts_and_signs_is_not_taken_apart() -> None:
    refused = refusal_of_push(push_bytes([b"NaN", b"[" + b"1," * TOKENS_MAX + b"1]"]))
    assert (refused.code, refused.limit) == ("malformed_json", TOKENS_MAX)


PIECES = st.sampled_from(
    [
        *'{}[]",:',
        *('"items"', '"item\\u0073"', '"items":[', '"items":', "],", '"outbox":', '"contract":'),
        *("NaN", "1e400", "1" * 30, '"\\ud800"', '"\\u0000"', "null", "3", "\\", "\ufeff", " "),
        *(name + ":" for name in ('"contract"', '"held"', '"buckets"', '"cursor"', '"store"')),
        json.dumps(PUSH)[1:-1],
        json.dumps({**PUSH, "items": []})[:-1],
    ]
)
READERS = (decode_push, decode_pull, decode_digest, decode_enrol, decode_token)


@settings(deadline=None, max_examples=500)
@given(body=st.lists(PIECES, max_size=12).map("".join) | st.text(max_size=20))
def test_whatever_a_body_is_it_is_read_or_refused(body: str) -> None:
    raw = body.encode()
    for read in READERS:
        with contextlib.suppress(RequestRefused):
            read(raw)
    for contract in (1, 2, 3):
        with contextlib.suppress(ItemRefused):
            decode_item(raw, contract)
    try:
        taken = decode_push(raw)
    except RequestRefused:
        return
    # Nothing in it was lost: what any reader of JSON finds there was set apart.
    assert len(taken.items) == len(json.loads(raw)["items"])


@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(value=mutated(ItemRequest), payload=st.none() | mutated(VISIT_CREATE))
def test_an_item_judged_briefly_is_judged_the_same(value: Any, payload: Any) -> None:
    raw = json.dumps({**value, "kind": "visit", "op": "create", "payload": payload}).encode()
    verdicts: list[str] = []
    for in_full in (True, False):
        try:
            verdicts.append(decode_item(raw, 2, in_full=in_full).op_id)
        except ItemRefused as refused:
            verdicts.append(refused.code)
    assert verdicts[0] == verdicts[1]


def test_an_item_judged_briefly_counts_the_second_of_a_name_too() -> None:
    raw = item_bytes(payload={**VISIT["payload"], "note": "@"}).replace(
        b'"note"', b'"note": 1, "note": "\\u0000", "note"'
    )
    assert decode_item(raw, 2, in_full=False) == decode_item(raw, 2)


@pytest.mark.parametrize(
    "spoilt", ['"\\ud800"', '"\\u0000"', "1" * 30, "1e400", "[" * 40 + "]" * 40]
)
def test_an_item_judged_briefly_is_refused_at_its_place(spoilt: str) -> None:
    raw = item_bytes(payload={**VISIT["payload"], "note": "@"}).replace(b'"@"', spoilt.encode())
    with pytest.raises(ItemRefused) as brief:
        decode_item(raw, 2, in_full=False)
    assert brief.value.code == refusal_of_item(raw).code
    assert (brief.value.where or "payload").startswith("payload")


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


def test_faults_stand_in_the_order_of_the_fields_and_unknown_names_behind() -> None:
    item = json.loads(item_bytes())
    del item["captured_boot_id"], item["op_id"]
    item["payload"]["steps"] = 1
    raw = json.dumps({"zeta": 1, "alpha": 1, **item, "media": 1}).encode()
    assert [fault.where for fault in refusal_of_item(raw).faults] == [
        "op_id",
        "captured_boot_id",
        "payload.steps",
        "media",
        "zeta",
        "alpha",
    ]


def test_a_missing_base_version_stands_where_its_field_does() -> None:
    raw = item_bytes(op="correct", base_version=None, captured_at=None, payload={})
    wheres = [fault.where for fault in refusal_of_item(raw).faults]
    assert wheres[:2] == ["base_version", "captured_at"]


def test_ten_faults_are_named_and_no_more_are_looked_for() -> None:
    payload = {**VISIT["payload"], "steps": [1] * 32}
    many = {f"u{n}": 1 for n in range(300)}
    refused = refusal_of_item(item_bytes(payload={**payload, **many}, **many))
    assert refused.where == "payload.steps[0]"
    assert len(refused.faults) == 3 * FAULTS_SOUGHT
    named = [f"payload.steps[{n}] must be an object" for n in range(10)]
    assert refused.detail == "; ".join([*named, "and more"])


SENTENCES = [
    (item_bytes().replace(b"false", b"NaN"), "The item is not JSON: it holds NaN"),
    (
        item_bytes().replace(b'"visit"', b'"vi\x01"'),
        "The item is not JSON: invalid control character at character 61",
    ),
    (b'{"op_id": "\xff"}', "The item is not JSON: it is not UTF-8 at byte 11"),
    (b"[]", "The item must be an object"),
    (b"[" * 40 + b"]" * 40, "The item is nested deeper than 32"),
    (
        item_bytes(kind="banana"),
        "kind is 'banana', which phones do not send in contract 2",
    ),
    (item_bytes(op="explode"), "op is 'explode', which is not an op of visit in contract 2"),
    (item_bytes(payload=[]), "payload must be an object"),
    (b" " * (ITEM_BYTES + 1), "The item is longer than 65536 bytes"),
]


@pytest.mark.parametrize(("raw", "sentence"), SENTENCES)
def test_what_is_wrong_with_an_item_is_said_in_whole_sentences(raw: bytes, sentence: str) -> None:
    assert refusal_of_item(raw).detail.split("; ")[0] == sentence


def test_an_item_of_a_newer_contract_is_told_which_ones_there_are() -> None:
    detail = refusal_of_item(item_bytes(), contract=3).detail
    assert detail == "The item is of contract 3; this server has no later one than 2"


def test_what_is_wrong_with_a_body_is_said_in_whole_sentences() -> None:
    assert refusal_of_push(b"[1, NaN]").detail == "The body is not JSON: it holds NaN."
    with pytest.raises(RequestRefused) as refusal:
        decode_pull(b'{"contract": 3, "cursor": null}')
    told = "Contract 3 is not known here; this server speaks 1 and 2."
    assert refusal.value.detail == told


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


def test_records_of_a_digest_beyond_its_bounds_are_not_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read = 0
    check = PairOf._deserialize

    def count(field: PairOf, *args: Any, **kwargs: Any) -> Any:
        nonlocal read
        read += 1
        return check(field, *args, **kwargs)

    monkeypatch.setattr(PairOf, "_deserialize", count)
    rows = [[RECORD_ID, "x"]] * 100
    held = {"store": {f"{n:02x}": rows for n in range(65)}}
    with pytest.raises(RequestRefused) as refusal:
        decode_digest(json.dumps({"contract": 2, "held": held}).encode())
    assert (refusal.value.where, read) == ("held", 0)
    held = {"store": {f"{n:02x}": rows for n in range(40)}}
    with pytest.raises(RequestRefused):
        decode_digest(json.dumps({"contract": 2, "held": held}).encode())
    assert read == FAULTS_SOUGHT**2


@pytest.mark.parametrize(
    ("spoilt", "code"),
    [(b"1", "invalid_request"), (b"NaN", "malformed_json"), (b'"\\u0000"', "invalid_request")],
)
def test_a_body_larger_than_any_honest_one_is_refused_by_its_first_fault(
    spoilt: bytes, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiled, "load", None)
    row = json.dumps([RECORD_ID, "0" * 16]).encode()
    body = b'{"contract": 2, "held": {"store": {"00": [%s]}}}' % b",".join(
        [row] * 20_000 + [spoilt]
    )
    with pytest.raises(RequestRefused) as refusal:
        decode_digest(body)
    assert refusal.value.code == code


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
        "detail": "The batch has more than 500 items.",
        "where": "items",
        "limit": 500,
    }
