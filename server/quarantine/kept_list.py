"""Kept items in lists: what is kept and why, by reason, person, phone and age. None of the bytes that were sent.

Lists follow a mark in the rows and are bounded; so are counts, which say where they end.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sync.unit_of_work import UnitOfWork

OPEN = ("QUARANTINED", "DEFERRED")
STATES = (*OPEN, "RELEASED", "SET_ASIDE")
AT_MOST = 200
COUNTED_MAX = 10_000
CHOICES_MAX = 200

LISTED = """
k.op_id, k.digest, k.state, k.kind, k.entity_id, k.code, k."where", k.detail, k.missing,
k.contract, k.received_at, k.decided_at, k.decided_by, k.reason,
array(select r.id from awaited a
      join record r on r.company_id = a.company_id and r.id = a.entity_id
      where a.company_id = k.company_id and a.entity_id = any(k.missing)
        and a.op_id = k.op_id and a.digest = k.digest and a.seen_version = r.version
      order by r.id) as useless,
k.mended is not null as is_mended, k.person_id, p.name as person_name, k.device_id, d.model as device_model
"""
FROM = """
from kept_item k
left join person p on p.company_id = k.company_id and p.id = k.person_id
left join device d on d.company_id = k.company_id and d.id = k.device_id
where k.company_id = :company
"""
_LIST = f"""
select {LISTED} {FROM} and k.state = any(:states)
  and (cast(:code as text) is null or k.code = :code)
  and (cast(:kind as text) is null or k.kind = :kind)
  and (cast(:person as uuid) is null or k.person_id = :person)
  and (cast(:device as uuid) is null or k.device_id = :device)
  and (cast(:before as timestamptz) is null or k.received_at < :before)
  and (cast(:after_at as timestamptz) is null
       or (k.received_at, k.op_id, k.digest) > (:after_at, cast(:after_op as uuid), cast(:after_digest as bytea)))
order by k.received_at, k.op_id, k.digest limit :at_most
"""
# Those that a release of all of them goes through.
_ALIKE = """
select k.op_id, k.digest, k.received_at from kept_item k
where k.company_id = :company and k.state = any(:states) and k.received_at < :before
  and (cast(:code as text) is null or k.code = :code)
  and (cast(:kind as text) is null or k.kind = :kind)
  and (cast(:person as uuid) is null or k.person_id = :person)
  and (cast(:device as uuid) is null or k.device_id = :device)
  and (cast(:after_at as timestamptz) is null
       or (k.received_at, k.op_id, k.digest) > (:after_at, cast(:after_op as uuid), cast(:after_digest as bytea)))
"""
_NEXT_ALIKE = f"""
{_ALIKE}
order by k.received_at, k.op_id, k.digest limit :at_most
"""
_COUNT_ALIKE = f"select count(*) as items from ({_ALIKE} limit :at_most) k"  # noqa: S608
_COUNTS = "select state, count(*) from kept_item where company_id = :company group by state"
_REASONS = """
select state, code, count(*) as items, min(received_at) as oldest from (
    select state, code, received_at from kept_item
    where company_id = :company and state = any(:states) limit :at_most) k
group by 1, 2 order by 3 desc, 2
"""
_SENDERS = """
select k.person_id, p.name as person, k.device_id, d.model as phone, count(*) as items from (
    select person_id, device_id from kept_item
    where company_id = :company and state = any(:states) limit :counted) k
left join person p on p.company_id = :company and p.id = k.person_id
left join device d on d.company_id = :company and d.id = k.device_id
group by 1, 2, 3, 4 order by 2, 4, 3 limit :at_most
"""


class KeptMark(NamedTuple):
    """After which item a page begins."""

    received_at: datetime
    op_id: UUID
    digest: bytes


@dataclass(frozen=True, slots=True)
class KeptListed:
    """One kept item without its bytes, with the names of whose it is."""

    op_id: UUID
    digest: bytes
    state: str
    kind: str | None
    entity_id: UUID | None
    code: str | None
    where: str | None
    detail: str | None
    missing: list[UUID]
    contract: int
    received_at: datetime
    decided_at: datetime | None
    decided_by: str | None
    reason: str | None
    # Of the records that it waits for those that are there, and by which it was judged in vain.
    useless: list[UUID]
    is_mended: bool
    person_id: UUID
    person_name: str | None
    device_id: UUID
    device_model: str | None

    @property
    def mark(self) -> KeptMark:
        return KeptMark(self.received_at, self.op_id, self.digest)

    @property
    def is_open(self) -> bool:
        """Whether something can be decided about it."""
        return self.state in OPEN


@dataclass(frozen=True, slots=True)
class KeptReason:
    """How many items are kept for one reason; no code: they wait for records."""

    state: str
    code: str | None
    items: int
    oldest: datetime


@dataclass(frozen=True, slots=True)
class KeptSender:
    """How many items of one person's phone are kept."""

    person_id: UUID
    person: str | None
    device_id: UUID
    phone: str | None
    items: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Alike:
    """Open items of one reason, kind, person or phone, received before a moment; None: of any."""

    before: datetime
    states: tuple[str, ...] = OPEN
    code: str | None = None
    kind: str | None = None
    person_id: UUID | None = None
    device_id: UUID | None = None

    def asked(self) -> dict[str, Any]:
        return {
            "before": self.before,
            "states": list(self.states),
            "code": self.code,
            "kind": self.kind,
            "person": self.person_id,
            "device": self.device_id,
        }


def count_alike(
    uow: UnitOfWork, alike: Alike, at_most: int = COUNTED_MAX, *, after: KeptMark | None = None
) -> int:
    """How many there are, of a mark after it, counted to `at_most`."""
    found = uow.rows(
        _COUNT_ALIKE, company=uow.company_id, at_most=at_most, **_after(after), **alike.asked()
    )
    return int(found[0].items)


def next_alike(
    uow: UnitOfWork, alike: Alike, after: KeptMark | None, at_most: int
) -> list[KeptMark]:
    """The next of them, the oldest first."""
    rows = uow.rows(
        _NEXT_ALIKE,
        company=uow.company_id,
        at_most=at_most,
        **_after(after),
        **alike.asked(),
    )
    return [KeptMark(row.received_at, row.op_id, bytes(row.digest)) for row in rows]


def _after(mark: KeptMark | None) -> dict[str, Any]:
    return {
        "after_at": None if mark is None else mark.received_at,
        "after_op": None if mark is None else mark.op_id,
        "after_digest": None if mark is None else mark.digest,
    }


def list_kept(
    uow: UnitOfWork,
    states: Collection[str] = OPEN,
    at_most: int = AT_MOST,
    *,
    code: str | None = None,
    kind: str | None = None,
    person_id: UUID | None = None,
    device_id: UUID | None = None,
    before: datetime | None = None,
    after: KeptMark | None = None,
) -> list[KeptListed]:
    """The kept items in these states, the oldest first, at most so many; `before`: that came before then."""
    rows = uow.rows(
        _LIST,
        company=uow.company_id,
        states=list(states),
        code=code,
        kind=kind,
        person=person_id,
        device=device_id,
        before=before,
        at_most=at_most,
        **_after(after),
    )
    return [
        KeptListed(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for a row as a mapping
        for row in rows
    ]


def count_kept(uow: UnitOfWork) -> dict[str, int]:
    """How many items are kept, by state."""
    return {row[0]: row[1] for row in uow.rows(_COUNTS, company=uow.company_id)}


def kept_reasons(uow: UnitOfWork, states: Collection[str] = OPEN) -> list[KeptReason]:
    """Why items are kept in these states, the most frequent first; of `COUNTED_MAX` items at most."""
    rows = uow.rows(_REASONS, company=uow.company_id, states=list(states), at_most=COUNTED_MAX)
    return [KeptReason(**row._mapping) for row in rows]  # noqa: SLF001 - as above


def kept_senders(uow: UnitOfWork, states: Collection[str] = OPEN) -> list[KeptSender]:
    """Whose phones sent what is kept in these states, by name; of `COUNTED_MAX` items at most."""
    rows = uow.rows(
        _SENDERS,
        company=uow.company_id,
        states=list(states),
        counted=COUNTED_MAX,
        at_most=CHOICES_MAX,
    )
    return [KeptSender(**row._mapping) for row in rows]  # noqa: SLF001 - as above
