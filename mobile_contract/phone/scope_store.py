"""The phone holds its scope: what the server puts is held, what it evicts or deletes is not.

PROTOCOL.md, headings "Pull" and "Digest". Each change carries the record's version, and an older
one than the phone holds is ignored. An evicted or deleted record leaves nothing behind, not even
its version: a server restored from a backup counts on from a lower one, and a record that comes
back to this phone then has to be taken.

The unsent work on an evicted record lies in the outbox and is not touched here. `evict` means
"no longer yours", `delete` means "no longer anybody's": both take the fields off the phone.

Fields are kept as their canonical JSON, so that a digest needs no parsing and finds a byte that
has gone wrong on the phone's disk.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mobile_contract.canonical import canonical_json
from mobile_contract.phone.phone_file import PhoneFile

JsonObject = Mapping[str, Any]

Buckets = dict[str, dict[str, str]]
"""By kind and bucket (the first two hex digits of the id): the digest of the records in it."""

_HASH_BYTES = 8


@dataclass(frozen=True, slots=True)
class HeldRecord:
    """One record of the scope as the server last gave it."""

    kind: str
    id: str
    version: int
    fields: dict[str, Any]


class ScopeStore:
    """The records of one phone by kind and id."""

    def __init__(self, file: PhoneFile) -> None:
        self._file = file

    def apply_page(self, changes: Iterable[JsonObject], *, cursor: str | None) -> list[JsonObject]:
        """Apply a page of a pull and move the cursor, both or neither.

        Stale changes are left out; those that had an effect are returned.
        """
        with self._file.transaction():
            fresh = [change for change in changes if self._apply(change, is_repair=False)]
            self._file.set_setting("cursor", cursor)
        return fresh

    def apply_repair(self, changes: Iterable[JsonObject]) -> list[JsonObject]:
        """Apply what a digest found: it is the present truth, so it wins over any version held."""
        with self._file.transaction():
            return [change for change in changes if self._apply(change, is_repair=True)]

    def _apply(self, change: JsonObject, *, is_repair: bool) -> bool:
        kind, record_id, version = change["kind"], change["id"], change["version"]
        with self._file.transaction() as connection:
            if not is_repair:
                seen = connection.execute(
                    "SELECT version FROM record WHERE kind = ? AND id = ?", (kind, record_id)
                ).fetchone()
                if seen is not None and seen[0] > version:
                    return False
            if change["op"] == "put":
                connection.execute(
                    "INSERT INTO record (kind, id, version, fields) VALUES (?, ?, ?, ?)"
                    " ON CONFLICT (kind, id) DO UPDATE SET version = excluded.version,"
                    " fields = excluded.fields",
                    (kind, record_id, version, canonical_json(change["fields"])),
                )
            else:
                connection.execute(
                    "DELETE FROM record WHERE kind = ? AND id = ?", (kind, record_id)
                )
        return True

    @property
    def cursor(self) -> str | None:
        """Where the next pull goes on; None before the first page and after it was dropped."""
        return self._file.setting("cursor")

    def set_cursor(self, cursor: str | None) -> None:
        self._file.set_setting("cursor", cursor)

    def get(self, kind: str, record_id: str) -> HeldRecord | None:
        rows = self._file.rows(
            "SELECT version, fields FROM record WHERE kind = ? AND id = ?",
            (kind, record_id),
        )
        return HeldRecord(kind, record_id, rows[0][0], json.loads(rows[0][1])) if rows else None

    def all_of(self, kind: str) -> list[HeldRecord]:
        """The records of a kind, by id."""
        rows = self._file.rows(
            "SELECT id, version, fields FROM record WHERE kind = ? ORDER BY id", (kind,)
        )
        return [HeldRecord(kind, row[0], row[1], json.loads(row[2])) for row in rows]

    def count(self) -> int:
        ((number,),) = self._file.rows("SELECT count(*) FROM record")
        return int(number)

    def version_of(self, kind: str, record_id: str) -> int | None:
        """The version held, or None where the phone does not hold the record."""
        rows = self._file.rows(
            "SELECT version FROM record WHERE kind = ? AND id = ?", (kind, record_id)
        )
        return int(rows[0][0]) if rows else None

    def digest(self) -> Buckets:
        """The digest of every bucket that is not empty, from the bytes on the disk."""
        sums: dict[str, dict[str, int]] = {}
        for kind, record_id, version, fields in self._file.rows(
            "SELECT kind, id, version, coalesce(cast(fields AS BLOB), x'') FROM record"
        ):
            buckets = sums.setdefault(kind, {})
            bucket = record_id[:2]
            buckets[bucket] = buckets.get(bucket, 0) ^ record_hash(kind, record_id, version, fields)
        return {
            kind: {bucket: f"{value:016x}" for bucket, value in sorted(buckets.items())}
            for kind, buckets in sorted(sums.items())
        }

    def hashes_in(self, kind: str, bucket: str) -> list[Sequence[str]]:
        """Each record of a bucket with its hash, by id; empty where the phone holds nothing there."""
        return [
            [row[0], f"{record_hash(kind, *row):016x}"]
            for row in self._file.rows(
                "SELECT id, version, coalesce(cast(fields AS BLOB), x'') FROM record"
                " WHERE kind = ? AND id >= ? AND id < ? ORDER BY id",
                (kind, bucket, bucket + "g"),
            )
        ]

    def clear(self) -> None:
        """Take every record off the phone, and the cursor with them: only for a wipe."""
        with self._file.transaction() as connection:
            connection.execute("DELETE FROM record")
            self._file.set_setting("cursor", None)


def record_hash(kind: str, record_id: str, version: int, canonical_fields: bytes) -> int:
    """The first 8 bytes of the SHA-256 of the record's canonical JSON, as a number to XOR.

    The four keys are already in order, so the document is put together around the stored fields.
    """
    head = b'{"fields":' + canonical_fields
    tail = f',"id":"{record_id}","kind":"{kind}","version":{version}}}'.encode()
    return int.from_bytes(hashlib.sha256(head + tail).digest()[:_HASH_BYTES])
