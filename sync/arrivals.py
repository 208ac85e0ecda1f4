"""The items of a push as they came, checked against their contract without the database.

Checking takes the server about as long as the database takes to find out who speaks, so the two are
done at once: the op_ids are read at a glance, asked about, and the items checked meanwhile.
"""

import hashlib
from functools import cached_property
from typing import Any

import msgspec

from mobile_contract.compiled import PushEnvelope, decode_item
from mobile_contract.fields import Id
from mobile_contract.problems import ItemRefused
from sync.kept_items import Spoiled
from sync.record_kind import Arrived


class _Named(msgspec.Struct):
    op_id: Any = None


_glance = msgspec.json.Decoder(_Named).decode
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_id = Id()


class Arrivals:
    """What one push brought. `items` are in the order in which they were sent."""

    def __init__(self, envelope: PushEnvelope, received_at: int) -> None:
        self.envelope = envelope
        self.received_at = received_at

    @cached_property
    def glanced(self) -> list[str]:
        """The op_ids that can be read without checking anything, sorted."""
        return sorted({op_id for raw in self.envelope.items if (op_id := _op_id_in(raw))})

    @cached_property
    def items(self) -> list[Arrived | Spoiled]:
        """Each item checked by itself; what cannot be read is an item like any other."""
        return [check_item(raw, self.envelope, self.received_at) for raw in self.envelope.items]

    @cached_property
    def op_ids(self) -> list[str]:
        """The op_ids under which the items are kept, sorted."""
        return sorted({op_id_of(item) for item in self.items})

    def check(self) -> None:
        """Check the items now."""
        _ = self.items


def op_id_of(item: Arrived | Spoiled) -> str:
    """The op_id under which an item is kept."""
    return item.kept_as if isinstance(item, Spoiled) else item.op_id


def check_item(raw: bytes, envelope: PushEnvelope, received_at: int) -> Arrived | Spoiled:
    """Check one item against its contract, by itself."""
    digest = hashlib.sha256(raw).digest()
    try:
        item = decode_item(raw, envelope.contract)
    except ItemRefused as fault:
        return Spoiled(
            fault.op_id,
            fault.kind,
            fault.entity_id,
            fault.code,
            fault.where,
            fault.detail,
            raw,
            digest,
        )
    return Arrived(
        op_id=item.op_id,
        kind=item.kind,
        op=item.op,
        entity_id=item.entity_id,
        base_version=item.base_version,
        depends_on=item.depends_on,
        captured_at=item.captured_at,
        captured_uptime_ms=item.captured_uptime_ms,
        captured_boot_id=item.captured_boot_id,
        gps_time=item.gps_time,
        payload=item.payload,
        media=tuple(map(msgspec.to_builtins, item.media)),
        digest=digest,
        sent_at=envelope.sent_at,
        sent_uptime_ms=envelope.uptime_ms,
        sent_boot_id=envelope.boot_id,
        received_at=received_at,
    )


def _op_id_in(raw: bytes) -> str | None:
    try:
        op_id = _glance(raw).op_id
    except _UNREADABLE:
        return None
    return op_id if isinstance(op_id, str) and _id.accepts(op_id) else None
