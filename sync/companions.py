"""Companions: records that go wherever another one goes, their lead. What is told of a store (its
terms, its last visits) is on every phone that has the store, and on no other.

A companion is at every key that a lead of its is at, and follows in the transaction that moves the
lead (`follow`, called by publish and place). Beside that it may have keys of its own.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sync.direct import execute
from sync.record_store import enter_keys, leave_keys
from sync.rows import Statements, array
from sync.unit_of_work import UnitOfWork

# Whoever moves another lead of one of these, or parts it from one, waits here and then sees what this
# one did: each of two alone would leave the companion where the other's lead still seems to be.
_LOCK = """
select r.id::text from record r
where r.company_id = %(company)s and r.id in (
    select a.id from companion a
    where a.company_id = %(company)s
      and (a.lead_id = any(%(moved)s::uuid[]) or a.id = any(%(moved)s::uuid[])))
order by r.id for update
"""
# Where a companion should be and is not, or is and should not be. Keys of its own stay.
_DIFFERING = """
with c as (
    select distinct id from companion where company_id = %(company)s and id = any(%(companions)s::uuid[])
), wanted as (
    select distinct c.id, k.key from c
    join companion a on a.company_id = %(company)s and a.id = c.id
    join record_key k on k.company_id = %(company)s and k.id = a.lead_id
), has as (
    select c.id, k.key, k.is_placed from c
    join record_key k on k.company_id = %(company)s and k.id = c.id
)
select coalesce(w.key, h.key)::text, coalesce(w.id, h.id)::text, r.kind, w.id is not null
from wanted w full join has h on h.id = w.id and h.key = w.key
join record r on r.company_id = %(company)s and r.id = coalesce(w.id, h.id)
where h.id is null or (w.id is null and h.is_placed)
order by 1, 2
"""
_JOIN = """
insert into companion (company_id, id, lead_id)
select %s, r.id, r.lead_id from unnest(%s::uuid[], %s::uuid[]) as r(id, lead_id)
on conflict do nothing
"""
_PART = """
delete from companion a using unnest(%s::uuid[]) as r(id)
where a.company_id = %s and a.id = r.id
  and not exists (select from unnest(%s::uuid[], %s::uuid[]) as w(id, lead_id)
                  where w.id = a.id and w.lead_id = a.lead_id)
returning a.lead_id::text
"""


@dataclass(frozen=True, slots=True)
class Accompaniment:
    """A companion and its leads."""

    id: UUID
    lead_ids: frozenset[UUID]


def follow(uow: UnitOfWork, moved: Iterable[str]) -> None:
    """Bring the companions of these records, and those among them, to where their leads are now.

    Three statements at most. The leads' rows are locked by who moves them.
    """
    ids = sorted(set(moved))
    if not ids:
        return
    values: Mapping[str, Any] = {"company": uow.company_id, "moved": array("uuid", ids)}
    companions = [row[0] for row in uow.driver.execute(_LOCK, values)]
    if not companions:
        return
    values = {"company": uow.company_id, "companions": array("uuid", companions)}
    rows: Sequence[tuple[str, str, int, bool]] = uow.driver.execute(_DIFFERING, values).fetchall()
    if not rows:
        return
    statements = Statements()
    leave_keys(
        statements,
        uow.company_id,
        [(key, id_) for key, id_, _, enters in rows if not enters],
        goes="is_placed",
    )
    enter_keys(
        statements,
        uow.company_id,
        [(key, id_, kind) for key, id_, kind, enters in rows if enters],
        is_placed=True,
    )
    execute(uow.driver, statements)


def accompany(uow: UnitOfWork, accompaniments: Sequence[Accompaniment]) -> None:
    """Let these records, which are there, go with exactly these leads from now on.

    The caller holds the leads (`hold` in publish.py), so that none of them moves meanwhile.
    """
    pairs = [(one.id, lead) for one in accompaniments for lead in sorted(one.lead_ids)]
    ids = array("uuid", [id_ for id_, _ in pairs])
    leads = array("uuid", [lead for _, lead in pairs])
    uow.driver.execute(_JOIN, [uow.company_id, ids, leads])
    every = array("uuid", [one.id for one in accompaniments])
    parted = uow.driver.execute(_PART, [every, uow.company_id, ids, leads]).fetchall()
    follow(uow, [str(lead) for _, lead in pairs])
    left = [one for one in accompaniments if not one.lead_ids]
    if parted or left:
        _leave_alone(uow, [one.id for one in accompaniments])


_STRAY = """
select k.key::text, k.id::text from record_key k
where k.company_id = %s and k.id = any(%s::uuid[]) and k.is_placed
  and not exists (
      select from companion a
      join record_key l on l.company_id = a.company_id and l.id = a.lead_id and l.key = k.key
      where a.company_id = k.company_id and a.id = k.id)
order by 1, 2
"""


def _leave_alone(uow: UnitOfWork, ids: Sequence[UUID]) -> None:
    """Take companions from the keys of leads that are theirs no more."""
    rows = uow.driver.execute(_STRAY, [uow.company_id, array("uuid", ids)]).fetchall()
    statements = Statements()
    leave_keys(statements, uow.company_id, rows, goes="is_placed")
    execute(uow.driver, statements)
