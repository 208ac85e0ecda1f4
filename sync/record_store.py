"""Writing records as sets: documents, versions, keys and the feed's rows, in a fixed number of
statements whatever the number of records.

Used by both ways in: what phones push, and what people change from above (publish.py). Two
writers of one record are serialised by the lock on its row; for an id that does not exist yet by
the primary key: the second insert fails with a unique violation and its whole batch is repeated,
now finding the record there.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import psycopg

from sync.rows import RowSet, Statements, array

NEW_RECORDS = RowSet(
    "record",
    (
        ("id", "uuid"),
        ("kind", "int2"),
        ("version", "int4"),
        ("doc", "text"),
        ("hash", "int8"),
        ("born_digest", "bytea"),
        ("person_id", "uuid"),
        ("changed_by", "uuid"),
        ("changed_at", "timestamptz"),
    ),
)
OLD_VERSIONS = RowSet(
    "record_version",
    (
        ("id", "uuid"),
        ("version", "int4"),
        ("doc", "text"),
        ("changed_by", "uuid"),
        ("changed_at", "timestamptz"),
    ),
)
KEYS = RowSet(
    "record_key",
    (("key", "uuid"), ("id", "uuid"), ("kind", "int2"), ("is_placed", "bool")),
    "on conflict (company_id, key, id) do nothing",
)
# What is there by itself is there for two reasons from now on.
PLACED_KEYS = RowSet(
    "record_key",
    (("key", "uuid"), ("id", "uuid"), ("kind", "int2"), ("is_own", "bool"), ("is_placed", "bool")),
    "on conflict (company_id, key, id) do update set is_placed = true",
)
CHANGES = RowSet("change", (("key", "uuid"), ("id", "uuid"), ("kind", "int2")))

_KEEP_VERSIONS = """
insert into record_version (company_id, id, version, doc, changed_by, changed_at)
select company_id, id, version, doc, changed_by, changed_at
from record where company_id = %s and id = any(%s::uuid[])
"""
_UPDATE = """
update record set version = r.version, doc = r.doc, hash = r.hash, changed_by = r.changed_by,
                  changed_at = r.changed_at
from unnest(%s::uuid[], %s::int4[], %s::text[], %s::int8[], %s::uuid[], %s::timestamptz[])
     as r(id, version, doc, hash, changed_by, changed_at)
where record.company_id = %s and record.id = r.id
"""
_ANNOUNCE = """
insert into change (company_id, key, id, kind)
select company_id, key, id, kind from record_key where company_id = %s and id = any(%s::uuid[])
"""
_LEAVE = """
delete from record_key k
using unnest(%s::uuid[], %s::uuid[]) as r(key, id)
where k.company_id = %s and k.key = r.key and k.id = r.id
returning k.company_id, k.key, k.id, k.kind, k.since
"""
# Of what is there for another reason as well one goes and the other stays: nobody is told.
_LEAVE_FOR_ONE = """
delete from record_key k
using unnest(%s::uuid[], %s::uuid[]) as r(key, id)
where k.company_id = %s and k.key = r.key and k.id = r.id and not k.{stays}
returning k.company_id, k.key, k.id, k.kind, k.since
"""
_STAY_FOR_OTHER = """
update record_key k set {goes} = false
from unnest(%s::uuid[], %s::uuid[]) as r(key, id)
where k.company_id = %s and k.key = r.key and k.id = r.id and k.{stays}
"""
_LEFT = """
insert into record_key_past (company_id, key, id, since)
select company_id, key, id, since from gone
"""
_LEFT_TOLD = """
insert into change (company_id, key, id, kind) select company_id, key, id, kind from gone
"""
_LOCK = """
select id::text, kind, version, doc
from record where company_id = %s and id = any(%s::uuid[]) order by id for update
"""


@dataclass(frozen=True, slots=True)
class Held:
    """A record as the database has it."""

    id: str
    kind: int
    version: int
    doc: str | None


@dataclass(slots=True)
class RecordWrite:
    """A record to write. `keys` are where a new one is to be seen; None leaves them as they are."""

    id: str
    kind: int
    version: int
    doc: bytes | None
    hash: int
    changed_by: str | None
    changed_at: int
    born_digest: bytes | None = None
    keys: tuple[str, ...] | None = None


def lock_records(
    driver: psycopg.Connection[Any], company_id: int, ids: Iterable[str]
) -> dict[str, Held]:
    """Lock the records that exist, in the order of their ids, and return them by id."""
    cursor = driver.execute(_LOCK, [company_id, array("uuid", sorted(ids))])
    return {row[0]: Held(*row) for row in cursor.fetchall()}


def write_new(statements: Statements, company_id: int, writes: Sequence[RecordWrite]) -> None:
    """Insert records that do not exist yet, with their keys and their rows in the feed.

    The driver raises UniqueViolation when somebody else created one of them meanwhile.
    """
    ordered = sorted(writes, key=lambda write: write.id)
    statements.add_rows(
        NEW_RECORDS,
        company_id,
        [
            (
                w.id,
                w.kind,
                w.version,
                w.doc,
                w.hash,
                w.born_digest,
                w.changed_by,
                w.changed_by,
                w.changed_at,
            )
            for w in ordered
        ],
    )
    enter_keys(
        statements, company_id, [(key, w.id, w.kind) for w in ordered for key in w.keys or ()]
    )


def write_changed(statements: Statements, company_id: int, writes: Sequence[RecordWrite]) -> None:
    """Give locked records their new version; the old one is kept, every holder's feed is told."""
    if not writes:
        return
    ids = array("uuid", [w.id for w in writes])
    statements.add(_KEEP_VERSIONS, [company_id, ids])
    statements.add(
        _UPDATE,
        [
            ids,
            array("int4", [w.version for w in writes]),
            array("text", [w.doc for w in writes]),
            array("int8", [w.hash for w in writes]),
            array("uuid", [w.changed_by for w in writes]),
            array("timestamptz", [w.changed_at for w in writes]),
            company_id,
        ],
    )
    statements.add(_ANNOUNCE, [company_id, ids])


def enter_keys(
    statements: Statements,
    company_id: int,
    places: Sequence[tuple[str, str, int]],
    *,
    is_placed: bool = False,
) -> None:
    """Put records at keys: (key, record id, kind) each; placed there by the key's owner, or by themselves."""
    if is_placed:
        rows = [(*place, False, True) for place in places]
        statements.add_rows(PLACED_KEYS, company_id, rows)
    else:
        statements.add_rows(KEYS, company_id, [(*place, False) for place in places])
    statements.add_rows(CHANGES, company_id, places)


def leave_keys(
    statements: Statements,
    company_id: int,
    places: Sequence[tuple[str, str]],
    *,
    goes: Literal["is_own", "is_placed"] | None = None,
) -> None:
    """Take records from keys: (key, record id) each; when each was there is kept.

    `goes`: the one reason that holds no more; what is there for the other one too stays. Without it none holds.
    """
    if not places:
        return
    keys, ids = zip(*places, strict=True)
    values = [array("uuid", keys), array("uuid", ids), company_id]
    if goes is None:
        statements.add(_LEAVE, values, name="gone")
    else:
        stays = "is_placed" if goes == "is_own" else "is_own"
        statements.add(_STAY_FOR_OTHER.format(goes=goes, stays=stays), values)
        statements.add(_LEAVE_FOR_ONE.format(stays=stays), values, name="gone")
    statements.add(_LEFT, [])
    statements.add(_LEFT_TOLD, [])
