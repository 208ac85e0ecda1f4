"""Publishing what happened at stores last. It is made from facts each time, never added to, so that it is the
same whatever came first and however often it is made.

It tells nothing that whoever has the store may not know: who called, when and what came of it.
Notes, times of day, positions and flags stay with the person whose they are.
"""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID, uuid5

from sync.publish import Draft, hold, publish_companions
from sync.record_kind import RecordKind
from sync.unit_of_work import UnitOfWork

STORE_HISTORY = RecordKind(name="store_history", number=24)

_STORES = """
select s.id from unnest(cast(:stores as uuid[])) as s(id)
join record r on r.company_id = :company and r.id = s.id and r.kind = 1
"""
# What a wrong clock dates after its receipt stands where it was received; there are few such.
_VISITS = """
select s.id as store_id, v.* from unnest(cast(:stores as uuid[])) as s(id)
cross join lateral (
    select l.business_day, p.name as person, l.state, coalesce(l.verdict, 'NONE') as verdict, l.is_by_phone
    from (
        (select v.*, v.began_at as at from visit v
         where v.company_id = :company and v.store_id = s.id and v.began_at <= v.received_at
         order by v.business_day desc, v.began_at desc, v.id limit 3)
        union all
        (select v.*, v.received_at as at from visit v
         where v.company_id = :company and v.store_id = s.id and v.began_at > v.received_at
         order by v.received_at desc, v.id limit 3)
    ) l join person p on p.company_id = l.company_id and p.id = l.person_id
    order by l.at desc, l.id limit 3
) v
"""
_ORDERS = """
select s.id as store_id, o.* from unnest(cast(:stores as uuid[])) as s(id)
cross join lateral (
    select l.number, l.business_day, p.name as person, l.state, l.total_minor, l.currency
    from (
        (select o.*, o.ordered_at as at from order_header o
         where o.company_id = :company and o.store_id = s.id and o.order_type = 'SALE'
           and o.ordered_at <= o.received_at
         order by o.business_day desc, o.ordered_at desc, o.id limit 3)
        union all
        (select o.*, o.received_at as at from order_header o
         where o.company_id = :company and o.store_id = s.id and o.order_type = 'SALE'
           and o.ordered_at > o.received_at
         order by o.received_at desc, o.id limit 3)
    ) l join person p on p.company_id = l.company_id and p.id = l.person_id
    order by l.at desc, l.id limit 3
) o
"""
_OF_VISITS = ("business_day", "person", "state", "verdict", "is_by_phone")
_OF_ORDERS = ("number", "business_day", "person", "state", "total_minor", "currency")


def history_id(store_id: UUID) -> UUID:
    """The id of a store's history: PROTOCOL.md, heading "store_history"."""
    return uuid5(store_id, "store_history")


def publish_store_histories(uow: UnitOfWork, store_ids: Iterable[UUID]) -> dict[UUID, int]:
    """Bring the histories of these stores up to what is known of them now; returns their versions.

    Stores that there are none of are passed over. The number of statements does not grow with them.
    """
    wanted = sorted(set(store_ids))
    # Whoever else makes the history of one of them waits here, and then sees what this one saw.
    hold(uow, wanted)
    company = uow.company_id
    stores = [row.id for row in uow.rows(_STORES, company=company, stores=wanted)]
    visits = _by_store(uow.rows(_VISITS, company=company, stores=stores))
    orders = _by_store(uow.rows(_ORDERS, company=company, stores=stores))
    drafts = {
        store_id: Draft(
            STORE_HISTORY,
            history_id(store_id),
            {
                "visits": _columns(visits.get(store_id, ()), _OF_VISITS),
                "orders": _columns(orders.get(store_id, ()), _OF_ORDERS),
            },
            frozenset(),
        )
        for store_id in stores
    }
    leads = {draft.id: (store_id,) for store_id, draft in drafts.items()}
    return publish_companions(uow, list(drafts.values()), leads)


def _by_store(rows: Iterable[Any]) -> Mapping[UUID, list[Any]]:
    found: dict[UUID, list[Any]] = {}
    for row in rows:
        found.setdefault(row.store_id, []).append(row)
    return found


def _columns(rows: Iterable[Any], names: Iterable[str]) -> dict[str, list[Any]]:
    """Rows as lists side by side; days as texts."""
    listed = list(rows)
    return {
        name: [
            value.isoformat() if name == "business_day" else value
            for value in (getattr(row, name) for row in listed)
        ]
        for name in names
    }
