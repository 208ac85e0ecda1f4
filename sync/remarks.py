"""What an accepted item says beside its effect: why it was done, and which files belong to it.

A correction gives a reason for the supervisor, a pin names its storefront photo, any record may
announce files. None of it is part of the record that phones hold, and none of it is lost.
"""

from typing import Any

from sync.document import encode_document
from sync.record_kind import Accepted, Arrived
from sync.rows import RowSet

REMARKS = RowSet(
    "remark",
    (
        ("op_id", "uuid"),
        ("digest", "bytea"),
        ("kind", "text"),
        ("op", "text"),
        ("entity_id", "uuid"),
        ("version", "int4"),
        ("person_id", "uuid"),
        ("reason", "text"),
        ("media", "jsonb"),
        ("received_at", "timestamptz"),
    ),
    "on conflict do nothing",
)


def remark_row(
    item: Arrived, outcome: Accepted, version: int | None, person_id: str
) -> tuple[Any, ...] | None:
    """The row of what an item says beside its effect on this version; None where it says nothing."""
    reason = getattr(item.payload, "reason", None)
    media = [*item.media, *outcome.media]
    if reason is None and not media:
        return None
    return (
        item.op_id,
        item.digest,
        item.kind,
        item.op,
        item.entity_id,
        version,
        person_id,
        reason,
        encode_document({"files": media}),
        item.received_at,
    )
