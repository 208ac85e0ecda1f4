"""What a change from above does to phones, person by person, before anybody commits to it.

A change is measured on the records that it can touch: those at the keys it works on, and those
it is about to put there. For each person concerned, what they saw of these before is compared
with what they see afterwards, so a store that somebody also has by another way counts as kept.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from server.planning.errors import PhoneTooFull
from sync.errors import ScopeTooLarge
from sync.policy import current_policy
from sync.scope import people_concerned, rescope
from sync.unit_of_work import UnitOfWork

_AT_KEYS = """
select distinct id from record_key where company_id = :company and key = any(:keys)
"""
_SEEN = """
select distinct h.person_id, k.id
from holder_key h
join record_key k on k.company_id = h.company_id and k.key = h.key
where h.company_id = :company and h.person_id = any(:people) and k.id = any(:ids)
"""
_COMPANIONS = "select id from companion where company_id = :company and lead_id = :store"
_HOLDERS = """
select distinct h.person_id from record_key k
join holder_key h on h.company_id = k.company_id and h.key = k.key
where k.company_id = :company and k.id = any(:ids)
"""
_SIZES = """
select n.id, n.name,
       (select count(distinct k.id) from holder_key h
        join record_key k on k.company_id = h.company_id and k.key = h.key
        where h.company_id = n.company_id and h.person_id = n.id) as records
from person n where n.company_id = :company and n.id = any(:people) order by n.name, n.id
"""
_NAME = "select name from person where company_id = :company and id = :person"


@dataclass(frozen=True, slots=True)
class PhoneEffect:
    """What a change does to one person's phone: records that come, that go, and that it holds."""

    person_id: UUID
    name: str
    gained: int
    lost: int
    records: int


@dataclass(frozen=True, slots=True)
class Watch:
    """What the people concerned saw before the change, of what it can touch."""

    keys: tuple[UUID, ...]
    ids: frozenset[UUID]
    people: frozenset[UUID]
    seen: frozenset[tuple[UUID, UUID]]


def watch_phones(
    uow: UnitOfWork,
    *,
    position_ids: Iterable[UUID],
    keys: Iterable[UUID],
    ids: Iterable[UUID] = (),
) -> Watch:
    """Note who sees what, before a change at these keys. Three queries.

    `ids` are records that the change is about to put there.
    """
    people = people_concerned(uow, position_ids)
    held_keys = tuple(keys)
    watched = {*ids, *_records_at(uow, held_keys)}
    return Watch(
        keys=held_keys,
        ids=frozenset(watched),
        people=frozenset(people),
        seen=_seen(uow, people, watched),
    )


def watch_store(uow: UnitOfWork, store_id: UUID) -> Watch:
    """Note who sees a store and what goes with it, before a change of it. Three queries."""
    ids = _with_companions(uow, store_id)
    people = _holders_of(uow, ids)
    return Watch(keys=(), ids=ids, people=people, seen=_seen(uow, people, ids))


def store_effects(uow: UnitOfWork, store_id: UUID, before: Watch) -> tuple[PhoneEffect, ...]:
    """`phone_effects` of a change of one store, as `watch_store` saw it before. Five queries at most."""
    ids = _with_companions(uow, store_id) | before.ids
    people = _holders_of(uow, ids) | before.people
    return _effects(uow, before.seen, _seen(uow, people, ids))


def phone_effects(uow: UnitOfWork, before: Watch) -> tuple[PhoneEffect, ...]:
    """What the change has done to whom, by name; people for whom nothing changes are left out.

    Raises PhoneTooFull where somebody gained records and now has more than the policy allows.
    Four queries, one fewer where no phone is concerned.
    """
    watched = before.ids | _records_at(uow, before.keys)
    return _effects(uow, before.seen, _seen(uow, before.people, watched))


def _effects(
    uow: UnitOfWork, before: frozenset[tuple[UUID, UUID]], after: frozenset[tuple[UUID, UUID]]
) -> tuple[PhoneEffect, ...]:
    gained, lost = after - before, before - after
    gains, losses = _by_person(gained), _by_person(lost)
    concerned = sorted(gains.keys() | losses.keys())
    if not concerned:
        return ()
    limit = current_policy(uow)[1].max_scope_records
    effects = tuple(
        PhoneEffect(row.id, row.name, gains.get(row.id, 0), losses.get(row.id, 0), row.records)
        for row in uow.rows(_SIZES, company=uow.company_id, people=concerned)
    )
    for effect in effects:
        if effect.gained and effect.records > limit:
            raise PhoneTooFull(effect.name, effect.records, limit)
    return effects


def rescope_people(uow: UnitOfWork, people: Iterable[UUID], today: date) -> None:
    """Work out these people's keys again; PhoneTooFull, by name, where a phone would overflow."""
    try:
        rescope(uow, people, today)
    except ScopeTooLarge as refused:
        found = uow.rows(_NAME, company=uow.company_id, person=refused.person_id)
        name = found[0].name if found else str(refused.person_id)
        raise PhoneTooFull(name, refused.size, refused.limit) from refused


def _with_companions(uow: UnitOfWork, store_id: UUID) -> frozenset[UUID]:
    found = uow.rows(_COMPANIONS, company=uow.company_id, store=store_id)
    return frozenset(row.id for row in found) | {store_id}


def _holders_of(uow: UnitOfWork, ids: Iterable[UUID]) -> frozenset[UUID]:
    found = uow.rows(_HOLDERS, company=uow.company_id, ids=list(ids))
    return frozenset(row.person_id for row in found)


def _records_at(uow: UnitOfWork, keys: Iterable[UUID]) -> frozenset[UUID]:
    found = uow.rows(_AT_KEYS, company=uow.company_id, keys=list(keys))
    return frozenset(row.id for row in found)


def _seen(
    uow: UnitOfWork, people: Iterable[UUID], ids: Iterable[UUID]
) -> frozenset[tuple[UUID, UUID]]:
    found = uow.rows(_SEEN, company=uow.company_id, people=list(people), ids=list(ids))
    return frozenset((row.person_id, row.id) for row in found)


def _by_person(pairs: Iterable[tuple[UUID, UUID]]) -> dict[UUID, int]:
    counts: dict[UUID, int] = {}
    for person_id, _ in pairs:
        counts[person_id] = counts.get(person_id, 0) + 1
    return counts
