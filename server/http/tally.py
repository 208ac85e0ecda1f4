"""What a push did, counted by kind and result from its bytes: only the two names are read."""

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


def count_push(instruments: Instruments, envelope: PushEnvelope, answer: bytes) -> None:
    """Count each item of a push under its kind and result. A made-up kind is not a label."""
    counted: dict[tuple[str, str], int] = {}
    for raw, result in zip(envelope.items, _read_answer(answer).results, strict=True):
        key = (_kind_of(raw), result.status)
        counted[key] = counted.get(key, 0) + 1
    for (kind, status), number in counted.items():
        instruments.count_items(kind, status, number)


def _kind_of(raw: bytes) -> str:
    try:
        kind = _read_item(raw).kind
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return UNREADABLE
    return kind if kind in KINDS else UNREADABLE
