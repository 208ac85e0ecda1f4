"""Applying an edit to a record that may have changed since the phone saw it.

Shared by every kind whose records phones may edit: the three-way merge of conflict.py against the
version that the edit names, and the conflict that is opened where two edits meet on one field.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from sync.conflict import merge
from sync.document import encode_document
from sync.history import History
from sync.record_kind import CONFLICT, Arrived, Context, Known, Record, Rejected
from sync.rows import RowSet

CONFLICTS = RowSet(
    "conflict",
    (
        ("id", "uuid"),
        ("kind", "text"),
        ("entity_id", "uuid"),
        ("op_id", "uuid"),
        ("fields", "jsonb"),
        ("held_by", "uuid"),
        ("sent_by", "uuid"),
        ("state", "text"),
        ("opened_at", "timestamptz"),
    ),
)

# Of a record that is as it was when it was read.
_NONE: History[Known] = History()


@dataclass(frozen=True, slots=True)
class Revision:
    """What an edit comes to: the values to write, what it gave way to, the conflict it opened."""

    fields: dict[str, Any]
    merged: dict[str, dict[str, Any]] | None
    conflict: dict[str, dict[str, Any]]


def revise(
    context: Context, item: Arrived, known: Known, sent: dict[str, Any]
) -> Revision | Rejected:
    """Merge `sent` (only the fields that the edit names) into a record.

    Rejected with `wrong_base_version` when the record never had the version that the edit names.
    """
    person_id = context.sender.person_id
    history = context.histories.get(known.id, _NONE)
    base = None
    if item.base_version is not None:
        base = history.meant(item.base_version, person_id, known)
    if base is None:
        return Rejected(
            "wrong_base_version",
            "base_version",
            f"The record is at version {known.version}; it never had version {item.base_version}"
            " as far as this server knows.",
        )
    result = merge(base.fields, known.fields, sent)
    # Where the sender wrote the held value themself, with others in between, the later one is meant.
    mine: set[str] = set()
    if result.conflicts:
        wrote = history.last_written(result.conflicts, known)
        mine = {name for name, version in wrote.items() if version.changed_by == person_id}
    return Revision(
        fields=result.fields | {name: result.conflicts[name].sent for name in mine},
        merged={name: {"kept": k.kept, "lost": k.lost} for name, k in result.merged.items()}
        or None,
        conflict={
            name: {"base": c.base, "held": c.held, "sent": c.sent}
            for name, c in result.conflicts.items()
            if name not in mine
        },
    )


def open_conflict(
    context: Context, item: Arrived, known: Known, fields: dict[str, dict[str, Any]]
) -> tuple[str, Record, tuple[RowSet, str, tuple[Any, ...]]]:
    """Keep both values of every field on which two edits met, and tell the people of both.

    Who holds a field is who wrote it last, which need not be who changed the record last. Returns
    the conflict's id, the record that their phones receive, and its row.
    """
    sender = context.sender
    # Another person may have sent the very same bytes, and somebody let both pass.
    named = f"conflict {item.op_id} {item.digest.hex()} {sender.person_id}"
    conflict_id = str(uuid5(NAMESPACE_OID, named))
    holders = _holders(context, known, fields)
    names = [context.names[person] for person in holders if person in context.names]
    record = Record(
        id=conflict_id,
        kind=CONFLICT,
        fields={
            "kind": item.kind,
            "entity_id": item.entity_id,
            "op_id": item.op_id,
            "fields": fields,
            "held_by": ", ".join(names) or "the office",
            "sent_by": sender.person_name,
            "state": "OPEN",
            "chosen": None,
            "decided_at": None,
        },
        keys=tuple(sorted({sender.person_id, *holders})),
    )
    row = (
        conflict_id,
        item.kind,
        item.entity_id,
        item.op_id,
        encode_document(fields),
        holders[-1] if holders else None,
        sender.person_id,
        "OPEN",
        item.received_at,
    )
    return conflict_id, record, (CONFLICTS, conflict_id, row)


def _holders(context: Context, known: Known, names: Iterable[str]) -> tuple[str, ...]:
    """The people who last wrote these fields, the latest last; a field that the office wrote is
    nobody's.
    """
    wrote = context.histories.get(known.id, _NONE).last_written(names, known)
    latest = sorted(wrote.values(), key=lambda version: version.version)
    return tuple(dict.fromkeys(v.changed_by for v in latest if v.changed_by is not None))
