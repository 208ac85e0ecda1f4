"""Requests and items, from bytes to checked and typed values, in compiled code.

The fast path decodes with the types that ``struct_types`` derives from the schemas. Whatever it
refuses goes to the marshmallow schema, which names the faults in plain words with their places.
Both accept and refuse the same; a test shows it. Therefore the schema, which is slow, need not be
asked where that would cost too much: the fault is then named as the fast path found it.

Long because the typed requests stand beside the functions that make them.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import msgspec

from mobile_contract.envelope import (
    DigestRequest,
    EnrolRequest,
    ItemRequest,
    PullRequest,
    PushRequest,
    TokenRequest,
)
from mobile_contract.fields import Id
from mobile_contract.problems import ItemRefused, RequestRefused, said
from mobile_contract.raw_items import (
    NotJsonError,
    cut_items,
    is_deeper,
    load,
    load_leniently,
    too_deep,
    too_many_items,
)
from mobile_contract.records import KINDS, RECORDS
from mobile_contract.schema import Fault, WireSchema, faults_of, plain
from mobile_contract.struct_types import struct_of
from mobile_contract.version import (
    BODY_UNPACKED_BYTES,
    CONTRACTS,
    CURRENT,
    ITEM_BYTES,
    ITEMS_PER_PUSH,
    JSON_DEPTH,
    PULL_CHANGES_DEFAULT,
)

_NUL_ESCAPE: Final = b"\\u0000"
_NUL: Final = re.compile(rb"(?<!\\)(?:\\\\)*+\\u0000")
_AROUND_AN_ITEM: Final = 2
"""The envelope and its list of items: what the depth of an item is counted on top of."""
_EXPLAINED_BYTES: Final = 1024 * 1024
"""What is wrong with a larger request is not looked for in its schema: no honest one is as large."""
_UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class OutboxState(msgspec.Struct, frozen=True, kw_only=True):
    """What the phone still holds."""

    count: int
    oldest_at: int | None
    bytes: int


class PushEnvelope(msgspec.Struct, frozen=True, kw_only=True):
    """A push; ``items`` are the exact bytes of each item as received."""

    contract: int
    device_id: str
    batch_id: str
    sent_at: int
    boot_id: str
    uptime_ms: int
    app_version: str
    outbox: OutboxState
    items: list[bytes]


class MediaFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that belongs to a record."""

    sha256: str
    size: int
    role: str


class Item(msgspec.Struct, frozen=True):
    """A checked item. ``payload`` is the Struct of its kind and op in the CURRENT contract.

    ``contract`` is the one it was sent in. Absent lists are empty.
    """

    contract: int
    op_id: str
    kind: str
    entity_id: str
    op: str
    base_version: int | None
    depends_on: tuple[str, ...]
    captured_at: int
    captured_boot_id: str
    captured_uptime_ms: int
    gps_time: int | None
    payload: Any
    media: tuple[MediaFile, ...]


class Pull(msgspec.Struct, frozen=True, kw_only=True):
    """A pull; ``limit`` is filled in."""

    contract: int
    cursor: str | None
    limit: int


class Digest(msgspec.Struct, frozen=True, kw_only=True):
    """A digest: step one has ``buckets`` (kind → bucket → digest), step two has ``held``."""

    contract: int
    buckets: dict[str, dict[str, str]] | None
    held: dict[str, dict[str, list[tuple[str, str]]]] | None


class Device(msgspec.Struct, frozen=True, kw_only=True):
    """What the phone is."""

    model: str
    os: str
    app_version: str


class Enrol(msgspec.Struct, frozen=True, kw_only=True):
    """An enrolment."""

    contract: int
    code: str
    device: Device


@dataclass(frozen=True, slots=True)
class _OpCheck:
    """How a payload of one (kind, op) of one contract is checked and made current."""

    schema: WireSchema
    decode: Callable[[bytes | msgspec.Raw], Any]
    needs_base_version: bool
    raise_payload: Callable[[msgspec.Raw], Any] | None


def _op_checks(contract: int) -> dict[tuple[str, str], _OpCheck]:
    return {
        (record.kind, op): _OpCheck(
            schema=schema(),
            decode=msgspec.json.Decoder(struct_of(schema)).decode,
            needs_base_version=op in record.needs_base_version,
            raise_payload=None
            if contract == CURRENT
            else _raiser(record.raise_1_to_2, op, struct_of(record.ops[CURRENT][op])),
        )
        for record in RECORDS
        for op, schema in record.ops.get(contract, {}).items()
    }


def _raiser(
    raise_1_to_2: Callable[[str, dict[str, Any]], dict[str, Any]],
    op: str,
    current: type[msgspec.Struct],
) -> Callable[[msgspec.Raw], Any]:
    def raise_payload(raw: msgspec.Raw) -> Any:
        return msgspec.convert(raise_1_to_2(op, msgspec.json.decode(raw)), current)

    return raise_payload


_OP_CHECKS: Final = {contract: _op_checks(contract) for contract in CONTRACTS}

_item_schema: Final = ItemRequest()
_decode_outer: Final = msgspec.json.Decoder(struct_of(ItemRequest)).decode
_push_schema: Final = PushRequest()
_decode_push: Final = msgspec.json.Decoder(struct_of(PushRequest)).decode


# --- items --------------------------------------------------------------------------------------


def decode_item(raw: bytes, contract: int, *, in_full: bool = True) -> Item:
    """One item, checked in its contract and raised to the current one.

    Raises ItemRefused with its faults in plain words: the item is to be quarantined with its bytes.
    Not ``in_full`` names one fault of the payload only, and costs some hundred times less.
    """
    if len(raw) > ITEM_BYTES:
        fault = Fault("", f"is longer than {ITEM_BYTES} bytes")
        raise _refused("item_too_large", (fault,), _glance(raw))
    if contract not in _OP_CHECKS:
        fault = Fault("", f"is of contract {contract}; this server has no later one than {CURRENT}")
        raise _refused("contract_too_new", (fault,), _glance(raw))
    # The compiled types do not look for NUL, which only this escape can bring into a text.
    if not _holds_nul(raw):
        try:
            return _typed(raw, contract)
        except (*_UNREADABLE, KeyError):
            pass
    return _judged(raw, contract, in_full=in_full)


def _holds_nul(raw: bytes) -> bool:
    return _NUL_ESCAPE in raw and _NUL.search(raw) is not None


def _typed(raw: bytes, contract: int) -> Item:
    """The fast path; any error means that the schemas are to be asked."""
    outer: Any = _decode_outer(raw)
    check = _OP_CHECKS[contract][outer.kind, outer.op]
    payload = check.decode(outer.payload)
    if check.raise_payload is not None:
        payload = check.raise_payload(outer.payload)
    if check.needs_base_version and outer.base_version is None:
        raise KeyError("base_version")
    media = outer.media
    # By position, in the order of the fields: by name costs ten times as much, for every item.
    return Item(
        contract,
        outer.op_id,
        outer.kind,
        outer.entity_id,
        outer.op,
        outer.base_version,
        tuple(outer.depends_on or ()),
        outer.captured_at,
        outer.captured_boot_id,
        outer.captured_uptime_ms,
        outer.gps_time,
        payload,
        tuple(MediaFile(sha256=m.sha256, size=m.size, role=m.role) for m in media) if media else (),
    )


def _judged(raw: bytes, contract: int, *, in_full: bool) -> Item:
    """The slow path: the schemas find what is wrong, or find that nothing is."""
    if is_deeper(raw, JSON_DEPTH - _AROUND_AN_ITEM):
        fault = Fault("", f"is nested deeper than {JSON_DEPTH}")
        raise _refused("invalid_field", (fault,), _glance(raw))
    try:
        value = load(raw)
    except NotJsonError as error:
        fault = Fault("", plain(f"is not JSON: {error}"))
        raise _refused("malformed_json", (fault,), load_leniently(raw)) from error
    code, faults = item_faults(value, contract, in_full=in_full)
    if faults:
        raise _refused(code, tuple(faults), value)
    try:
        return _typed(msgspec.json.encode(value), contract)
    except (*_UNREADABLE, UnicodeEncodeError, OverflowError, KeyError) as error:
        raise _refused(
            "invalid_field", (Fault("", plain(f"cannot be read: {error}")),), value
        ) from error


def item_faults(value: Any, contract: int, *, in_full: bool = True) -> tuple[str, list[Fault]]:
    """What the schemas say of an item in a contract that the server has: a code and its faults.

    In the order of the fields of an item, those of the payload in the order of its schema.
    """
    faults = faults_of(_item_schema, value)
    if not isinstance(value, dict):
        return "invalid_field", faults
    kind, op = value.get("kind"), value.get("op")
    if not (isinstance(kind, str) and isinstance(op, str)):
        return "invalid_field", faults
    check = _OP_CHECKS[contract].get((kind, op))
    if check is None:
        if any(known == kind for known, _ in _OP_CHECKS[contract]):
            words = f"is {plain(op)!r}, which is not an op of {kind} in contract {contract}"
            return "unknown_op", [Fault("op", plain(words)), *faults]
        words = f"is {plain(kind)!r}, which phones do not send in contract {contract}"
        return "unknown_kind", [Fault("kind", plain(words)), *faults]
    if "payload" in value:
        find = partial(faults_of, check.schema) if in_full else partial(_first_fault, check)
        faults += find(value["payload"], place="payload")
    if check.needs_base_version and value.get("base_version") is None:
        faults.append(Fault("base_version", f"is required by {kind} {op}"))
    return "invalid_field", sorted(faults, key=_order_in_item)


def _first_fault(check: _OpCheck, value: Any, *, place: str) -> list[Fault]:
    """What the compiled type says of a value: one fault or none, in fewer words than the schema's."""
    try:
        raw = msgspec.json.encode(value)
        check.decode(raw)
    except (*_UNREADABLE, UnicodeEncodeError, OverflowError) as error:
        words, _, where = str(error).partition(" - at `$")
        return [Fault(plain(place + where.rstrip("`")), plain(f"is wrong: {words}"))]
    return [Fault(place, "must not hold the character NUL")] if _holds_nul(raw) else []


_item_order: Final = {name: number for number, name in enumerate(_item_schema.fields)}


def _order_in_item(fault: Fault) -> int:
    field = re.split(r"[.\[]", fault.where, maxsplit=1)[0]
    return _item_order.get(field, len(_item_order))


class _Names(msgspec.Struct):
    op_id: Any = None
    kind: Any = None
    entity_id: Any = None


_decode_names: Final = msgspec.json.Decoder(_Names).decode


def _glance(raw: bytes) -> dict[str, Any] | None:
    """Only what names an item, without building the rest of it."""
    try:
        names = _decode_names(raw)
    except _UNREADABLE:
        return None
    return {"op_id": names.op_id, "kind": names.kind, "entity_id": names.entity_id}


_id: Final = Id()


def _refused(code: str, faults: tuple[Fault, ...], value: Any) -> ItemRefused:
    named = value if isinstance(value, dict) else {}

    def readable(name: str) -> str | None:
        text = named.get(name)
        return text if isinstance(text, str) and _id.accepts(text) else None

    kind = named.get("kind")
    return ItemRefused(
        code,
        faults,
        op_id=readable("op_id"),
        kind=kind if isinstance(kind, str) and kind in KINDS else None,
        entity_id=readable("entity_id"),
    )


# --- requests -----------------------------------------------------------------------------------


def decode_push(body: bytes) -> PushEnvelope:
    """A push with its items as raw bytes. Raises RequestRefused; a bad item is not its business."""
    if len(body) > BODY_UNPACKED_BYTES:
        detail = f"A body may hold {BODY_UNPACKED_BYTES} bytes."
        raise RequestRefused("body_too_large", detail, limit=BODY_UNPACKED_BYTES)
    wire: Any = None
    if _NUL_ESCAPE not in body:
        try:
            wire = _decode_push(body)
        except _UNREADABLE:
            wire = None
    if wire is None:
        return _push_by_parts(body)
    items = [bytes(item) for item in wire.items]
    if any(is_deeper(item, JSON_DEPTH - _AROUND_AN_ITEM) for item in items):
        raise too_deep()
    return _push_envelope(wire, items)


def _push_by_parts(body: bytes) -> PushEnvelope:
    """The slow path: the items are cut out, the rest is judged by the schema."""
    cut = cut_items(body)
    # Where no items can be set apart, the schema tells JSON that is no push from what is not JSON.
    head, items = (body, []) if cut is None else cut
    value = _loaded(head)
    contract = value.get("contract") if isinstance(value, dict) else None
    if type(contract) is int and contract > CURRENT:
        # A newer phone is kept, not refused: names that this contract does not have are its own.
        value = {name: value[name] for name in _push_schema.fields if name in value}
    _refuse_faults(faults_of(_push_schema, value))
    return _push_envelope(_decode_push(msgspec.json.encode(value)), items)


def _push_envelope(wire: Any, items: list[bytes]) -> PushEnvelope:
    if len(items) > ITEMS_PER_PUSH:
        raise too_many_items()
    outbox = OutboxState(
        count=wire.outbox.count, oldest_at=wire.outbox.oldest_at, bytes=wire.outbox.bytes
    )
    return PushEnvelope(
        contract=wire.contract,
        device_id=wire.device_id,
        batch_id=wire.batch_id,
        sent_at=wire.sent_at,
        boot_id=wire.boot_id,
        uptime_ms=wire.uptime_ms,
        app_version=wire.app_version,
        outbox=outbox,
        items=items,
    )


def decode_pull(body: bytes) -> Pull:
    """A pull. Raises RequestRefused."""
    wire = _decode(PullRequest, body)
    limit = PULL_CHANGES_DEFAULT if wire.limit is None else wire.limit
    return Pull(contract=wire.contract, cursor=wire.cursor, limit=limit)


def decode_digest(body: bytes) -> Digest:
    """Either step of a digest. Raises RequestRefused."""
    wire = _decode(DigestRequest, body)
    return Digest(contract=wire.contract, buckets=wire.buckets, held=wire.held)


def decode_enrol(body: bytes) -> Enrol:
    """An enrolment. Raises RequestRefused."""
    wire = _decode(EnrolRequest, body)
    device = Device(model=wire.device.model, os=wire.device.os, app_version=wire.device.app_version)
    return Enrol(contract=wire.contract, code=wire.code, device=device)


def decode_token(body: bytes) -> None:
    """A rotation, which says nothing. Raises RequestRefused."""
    _decode(TokenRequest, body)


_DECODERS: Final[dict[type[WireSchema], Callable[[bytes], Any]]] = {
    schema: msgspec.json.Decoder(struct_of(schema)).decode
    for schema in (PullRequest, DigestRequest, EnrolRequest, TokenRequest)
}


def _decode(schema: type[WireSchema], body: bytes) -> Any:
    wire: Any = None
    fault: Exception = msgspec.ValidationError("it holds the character NUL")
    if _NUL_ESCAPE not in body:
        try:
            wire = _DECODERS[schema](body)
        except _UNREADABLE as error:
            fault = error
    if wire is None:
        if len(body) > _EXPLAINED_BYTES:
            raise _refused_briefly(fault)
        wire = _request_by_schema(schema, body)
    _refuse_unknown_contract(getattr(wire, "contract", CURRENT))
    return wire


def _refused_briefly(error: Exception) -> RequestRefused:
    if isinstance(error, msgspec.ValidationError):
        return RequestRefused("invalid_request", f"The body is wrong: {error}.")
    return RequestRefused("malformed_json", f"The body is not JSON: {error}.")


def _request_by_schema(schema: type[WireSchema], body: bytes) -> Any:
    value = _loaded(body)
    if isinstance(value, dict):
        _refuse_unknown_contract(value.get("contract"))
    _refuse_faults(faults_of(schema(), value))
    return _DECODERS[schema](msgspec.json.encode(value))


def _refuse_unknown_contract(contract: Any) -> None:
    if type(contract) is int and contract >= 1 and contract not in CONTRACTS:
        spoken = " and ".join(map(str, CONTRACTS))
        detail = f"Contract {contract} is not known here; this server speaks {spoken}."
        raise RequestRefused("contract_unknown", detail, where="contract")


def _loaded(body: bytes) -> Any:
    if is_deeper(body):
        raise too_deep()
    try:
        return load(body)
    except NotJsonError as error:
        raise RequestRefused("malformed_json", f"The body is not JSON: {error}.") from error


def _refuse_faults(faults: list[Fault]) -> None:
    if faults:
        detail = said(tuple(faults), "The body")
        raise RequestRefused("invalid_request", detail, where=faults[0].where or None)
