"""What a push did, counted by kind and result from its bytes: only the two names are read."""

from collections import Counter

import msgspec

from mobile_contract.compiled import PushEnvelope
from mobile_contract.records import KINDS
from server.http.metrics import Instruments

UNREADABLE = "(unreadable)"


class _Result(msgspec.Struct):
    status: str


class _Answer(msgspec.Struct):
    results: list[_Result]


class _Item(msgspec.Struct):
    kind: str


_read_answer = msgspec.json.Decoder(_Answer).decode
_read_item = msgspec.json.Decoder(_Item).decode
_read_items = msgspec.json.Decoder(list[_Item]).decode
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def count_push(instruments: Instruments, envelope: PushEnvelope, answer: bytes) -> None:
    """Count each item of a push under its kind and result. A made-up kind is not a label."""
    statuses = [result.status for result in _read_answer(answer).results]
    counted = Counter(zip(_kinds_of(envelope.items), statuses, strict=True))
    for (kind, status), number in counted.items():
        instruments.count_items(kind if kind in KINDS else UNREADABLE, status, number)


def _kinds_of(items: list[bytes]) -> list[str]:
    try:
        # All at once: one call costs a fraction of one for each.
        read = _read_items(b"[" + b",".join(items) + b"]")
        if len(read) == len(items):
            return [item.kind for item in read]
    except _UNREADABLE:
        pass
    return [_kind_of(raw) for raw in items]


def _kind_of(raw: bytes) -> str:
    try:
        return _read_item(raw).kind
    except _UNREADABLE:
        return UNREADABLE
