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

# Spoilt items of a batch that are explained in full: the schemas read a megabyte in two seconds.
EXPLAINED_BYTES = 128 * 1024


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
        """Each item checked by itself; what cannot be read is an item like any other. Nobody is
        authenticated yet, so of spoilt ones only so much is explained in full.
        """
        envelope, received_at = self.envelope, self.received_at
        left_bytes = EXPLAINED_BYTES
        items: list[Arrived | Spoiled] = []
        for raw in envelope.items:
            item = check_item(raw, envelope, received_at, in_full=left_bytes > 0)
            if isinstance(item, Spoiled):
                left_bytes -= len(raw)
            items.append(item)
        return items

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


def check_item(
    raw: bytes, envelope: PushEnvelope, received_at: int, *, in_full: bool = True
) -> Arrived | Spoiled:
    """Check one item against its contract, by itself; `in_full` names every fault of a spoilt one."""
    digest = hashlib.sha256(raw).digest()
    try:
        item = decode_item(raw, envelope.contract, in_full=in_full)
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
    # By position, in the order of the fields: by name costs three times as much, for every item.
    return Arrived(
        item.op_id,
        item.kind,
        item.op,
        item.entity_id,
        item.base_version,
        item.depends_on,
        item.captured_at,
        item.captured_uptime_ms,
        item.captured_boot_id,
        item.gps_time,
        item.payload,
        tuple(map(msgspec.to_builtins, item.media)) if item.media else (),
        digest,
        envelope.sent_at,
        envelope.uptime_ms,
        envelope.boot_id,
        received_at,
    )


def _op_id_in(raw: bytes) -> str | None:
    try:
        op_id = _glance(raw).op_id
    except _UNREADABLE:
        return None
    return op_id if isinstance(op_id, str) and _id.accepts(op_id) else None
