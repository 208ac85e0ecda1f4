"""Making what people change from above into records that phones receive.

Planning and administration write their own tables and then publish: the document of each record
they touched and the keys where it is to be seen. Everything happens in the caller's transaction.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sync.companions import Accompaniment, accompany, follow
from sync.direct import execute
from sync.document import decode_document, document_hash, encode_document
from sync.record_kind import RecordKind
from sync.record_store import (
    RecordWrite,
    enter_keys,
    leave_keys,
    lock_records,
    write_changed,
    write_new,
)
from sync.rows import Statements, array
from sync.unit_of_work import UnitOfWork

_KEYS = """
select key::text, id::text, is_own, is_placed from record_key
where company_id = %s and id = any(%s::uuid[])
"""
# Placed there by another: from now on it stays, whatever the other does.
_MAKE_OWN = """
update record_key k set is_own = true
from unnest(%s::uuid[], %s::uuid[]) as r(key, id)
where k.company_id = %s and k.key = r.key and k.id = r.id
"""
# What goes with another record is placed by that one.
_PLACED = """
select id::text from record_key k where k.company_id = %s and k.key = %s and k.is_placed
  and not exists (select from companion a where a.company_id = k.company_id and a.id = k.id)
"""
# Shared with nobody who changes them: whoever is at it now has committed, whoever comes later sees
# the new key and tells its holders.
_KINDS = """
select id::text, kind from record where company_id = %s and id = any(%s::uuid[])
order by id for share
"""
_LOCK_PLACE = "select pg_advisory_xact_lock(hashtextextended(%s, 0))"


@dataclass(frozen=True, slots=True)
class Draft:
    """A record as it shall be. No fields: deleted. No keys: where it is seen stays as it is."""

    kind: RecordKind
    id: UUID
    fields: Mapping[str, Any] | None
    keys: frozenset[UUID] | None = None


def hold(uow: UnitOfWork, ids: Iterable[UUID]) -> None:
    """Lock the records that are to be published, before the rows they are made from are read.

    Otherwise two who publish one record at once, or a phone that edits it meanwhile, would each make
    it from what the other had not changed yet.
    """
    lock_records(uow.driver, uow.company_id, map(str, ids))


def hold_documents(uow: UnitOfWork, ids: Iterable[UUID]) -> dict[UUID, dict[str, Any]]:
    """`hold`, and what each of the records says that there are: to change some fields of it."""
    held = lock_records(uow.driver, uow.company_id, map(str, ids))
    return {
        UUID(id_): decode_document(record.doc)
        for id_, record in held.items()
        if record.doc is not None
    }


def publish(
    uow: UnitOfWork, drafts: Sequence[Draft], changed_by: UUID | None = None
) -> dict[UUID, int]:
    """Write the drafts as records and return their versions.

    A document that is the same as before makes no new version and no change in the feed; keys are
    compared too. The number of statements does not depend on the number of drafts.
    """
    driver, company_id = uow.driver, uow.company_id
    now = time.time_ns() // 1_000_000
    by_id = {str(draft.id): draft for draft in drafts}
    held = lock_records(driver, company_id, by_id)
    own: dict[str, set[str]] = {}
    placed: dict[str, set[str]] = {}
    cursor = driver.execute(_KEYS, [company_id, array("uuid", list(by_id))])
    for key, id_, is_own, is_placed in cursor.fetchall():
        if is_own:
            own.setdefault(id_, set()).add(key)
        if is_placed:
            placed.setdefault(id_, set()).add(key)

    new: list[RecordWrite] = []
    changed: list[RecordWrite] = []
    entered: list[tuple[str, str, int]] = []
    left: list[tuple[str, str]] = []
    made_own: list[tuple[str, str]] = []
    versions: dict[UUID, int] = {}
    for id_, draft in by_id.items():
        before = held.get(id_)
        doc = None if draft.fields is None else encode_document(dict(draft.fields))
        wanted = None if draft.keys is None else {str(key) for key in draft.keys}
        if before is not None and before.doc == (None if doc is None else doc.decode()):
            versions[draft.id] = before.version
        else:
            version = 1 if before is None else before.version + 1
            versions[draft.id] = version
            write = RecordWrite(
                id=id_,
                kind=draft.kind.number,
                version=version,
                doc=doc,
                hash=0 if doc is None else document_hash(draft.kind.name, id_, version, doc),
                changed_by=None if changed_by is None else str(changed_by),
                changed_at=now,
                keys=tuple(sorted(wanted or ())),
            )
            (new if before is None else changed).append(write)
        if before is not None and wanted is not None:
            has, is_there = own.get(id_, set()), placed.get(id_, set())
            entered += [(key, id_, draft.kind.number) for key in sorted(wanted - has - is_there)]
            made_own += [(key, id_) for key in sorted((wanted & is_there) - has)]
            left += [(key, id_) for key in sorted(has - wanted)]
    statements = Statements()
    write_new(statements, company_id, new)
    leave_keys(statements, company_id, left, goes="is_own")
    write_changed(statements, company_id, changed)
    enter_keys(statements, company_id, entered)
    if made_own:
        keys, ids = zip(*made_own, strict=True)
        statements.add(_MAKE_OWN, [array("uuid", keys), array("uuid", ids), company_id])
    execute(driver, statements)
    follow(uow, [id_ for _, id_, _ in entered] + [id_ for _, id_ in left])
    return versions


def publish_companions(
    uow: UnitOfWork,
    drafts: Sequence[Draft],
    leads: Mapping[UUID, Iterable[UUID]],
    changed_by: UUID | None = None,
) -> dict[UUID, int]:
    """Write records that go wherever their leads go, and return their versions.

    `leads` has for each draft's id the records that it goes with (a store, several stores): it is at
    every key that one of them is at, now and whenever they move. A draft's own keys come on top:
    an empty set for none, None to leave them as they are. The number of statements does not grow with them.
    """
    with_leads = [Accompaniment(draft.id, frozenset(leads[draft.id])) for draft in drafts]
    hold(uow, {lead for one in with_leads for lead in one.lead_ids})
    versions = publish(uow, drafts, changed_by)
    accompany(uow, with_leads)
    return versions


def hold_place(uow: UnitOfWork, key: UUID) -> None:
    """Wait for others who place at a key, before what is to be there is read."""
    uow.driver.execute(_LOCK_PLACE, [str(key)])


def place(uow: UnitOfWork, key: UUID, ids: Iterable[UUID]) -> None:
    """Let exactly these records be at a key because its owner put them there.

    A route places its stores at its own id, a delivery its store at who delivers. Two placings at one
    key follow one another.
    """
    driver, company_id = uow.driver, uow.company_id
    hold_place(uow, key)
    has = {row[0] for row in driver.execute(_PLACED, [company_id, key])}
    wanted = {str(id_) for id_ in ids}
    # Those that leave as well: nobody gives them a companion meanwhile.
    kinds = dict(
        driver.execute(_KINDS, [company_id, array("uuid", sorted(wanted ^ has))]).fetchall()
    )
    statements = Statements()
    leave_keys(
        statements,
        company_id,
        [(str(key), id_) for id_ in sorted(has - wanted)],
        goes="is_placed",
    )
    enter_keys(
        statements,
        company_id,
        [(str(key), id_, kind) for id_, kind in sorted(kinds.items()) if id_ in wanted],
        is_placed=True,
    )
    execute(driver, statements)
    follow(uow, wanted ^ has)
