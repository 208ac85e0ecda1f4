"""Applying an edit to a record that may have changed since the phone saw it.

Shared by every kind whose records phones may edit: the three-way merge of conflict.py against the
version that the edit names, and the conflict that is opened where two edits meet on one field.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from sync.conflict import merge
from sync.document import encode_document
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
    base = _base(context, item, known)
    if base is None:
        return Rejected(
            "wrong_base_version",
            "base_version",
            f"The record is at version {known.version}; it never had version {item.base_version}"
            " as far as this server knows.",
        )
    result = merge(base.fields, known.fields, sent)
    # Where the sender wrote the held value themself, with others in between, the later one is meant.
    mine = {
        name
        for name, version in _last_written(context, item, known, result.conflicts).items()
        if version.changed_by == context.sender.person_id
    }
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


def _base(context: Context, item: Arrived, known: Known) -> Known | None:
    """The version that an edit is made on, as its sender meant it.

    A phone that was offline names the same base for several edits of one record. Versions that the
    sender made themself right after the base belong to what they saw, so nobody conflicts with
    their own earlier edit.
    """
    version = item.base_version
    if version is None or version > known.version:
        return None
    base = known if version == known.version else context.older.get((known.id, version))
    while base is not None and base.version < known.version:
        following = (
            known
            if base.version + 1 == known.version
            else context.older.get((known.id, base.version + 1))
        )
        if following is None or following.changed_by != context.sender.person_id:
            break
        base = following
    return base


def open_conflict(
    context: Context, item: Arrived, known: Known, fields: dict[str, dict[str, Any]]
) -> tuple[str, Record, tuple[RowSet, str, tuple[Any, ...]]]:
    """Keep both values of every field on which two edits met, and tell the people of both.

    Who holds a field is who wrote it last, which need not be who changed the record last. Returns
    the conflict's id, the record that their phones receive, and its row.
    """
    conflict_id = str(uuid5(NAMESPACE_OID, f"conflict {item.op_id} {item.digest.hex()}"))
    sender = context.sender
    holders = _holders(context, item, known, fields)
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


def _holders(
    context: Context, item: Arrived, known: Known, names: Iterable[str]
) -> tuple[str, ...]:
    """The people who last wrote these fields since the edit's base, the latest last; a field that
    the office wrote is nobody's.
    """
    wrote = _last_written(context, item, known, names)
    latest = sorted(wrote.values(), key=lambda version: version.version)
    return tuple(dict.fromkeys(v.changed_by for v in latest if v.changed_by is not None))


def _last_written(
    context: Context, item: Arrived, known: Known, names: Iterable[str]
) -> dict[str, Known]:
    """The version that last wrote each of these fields since the edit's base."""
    assert item.base_version is not None
    asked = tuple(names)
    versions = [
        version
        for number in range(item.base_version, known.version)
        if (version := context.older.get((known.id, number))) is not None
    ]
    wrote: dict[str, Known] = {}
    for before, after in pairwise((*versions, known)):
        for name in asked:
            if before.fields.get(name) != after.fields.get(name):
                wrote[name] = after
    return wrote
