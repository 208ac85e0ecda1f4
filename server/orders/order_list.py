"""Orders as a list: by state, day, store and person, as far as the asker may see them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from server.identity.companies import company_day
from server.identity.permissions import positions_to_act_for
from server.identity.prefixes import id_that_begins
from server.orders.errors import NoSuchOrder
from sync.kinds.order.judge import DELIVERERS
from sync.kinds.order.table import order_header
from sync.unit_of_work import UnitOfWork

# Whoever took an order sees it, and whoever may see the position that it was taken for.
IS_SEEN = """
(cast(:asker as uuid) is null or o.person_id = :asker or o.position_id = any(:positions))
"""
_ASKED = """
select o.id, o.number, o.order_type, o.state, o.holds, o.business_day, o.ordered_at, o.delivery_on,
       o.store_id, s.code as store_code, s.name as store_name, o.person_id, p.name as person,
       o.currency, o.total_minor, o.server_total_minor, o.delivered_minor, o.flags,
       o.look_alike_of
from order_header o
join store s on s.company_id = o.company_id and s.id = o.store_id
join person p on p.company_id = o.company_id and p.id = o.person_id
where o.company_id = :company
  and (cast(:states as text[]) is null or o.state = any(:states))
  and (cast(:first_day as date) is null or o.business_day >= :first_day)
  and (cast(:last_day as date) is null or o.business_day <= :last_day)
  and (cast(:store as uuid) is null or o.store_id = :store)
  and (cast(:person as uuid) is null or o.person_id = :person)
  and (cast(:account as uuid) is null or o.account_id = :account)
"""
_LIST = (
    f"{_ASKED} and {IS_SEEN} "
    " and (cast(:after_day as date) is null or (o.business_day, o.ordered_at, o.id)"
    " < (:after_day, cast(:after_at as timestamptz), cast(:after_id as uuid)))"
    " order by o.business_day desc, o.ordered_at desc, o.id desc limit :at_most"
)
_DELIVERERS = """
select p.id, p.code, p.name, string_agg(h.name, ', ' order by h.name) as holders from position p
left join occupancy o on o.company_id = p.company_id and o.position_id = p.id and o.starts_on <= :today
                     and (o.ends_on is null or o.ends_on >= :today)
left join person h on h.company_id = o.company_id and h.id = o.person_id
where p.company_id = :company and p.role = any(:roles)
  and (cast(:asker as uuid) is null or p.id = any(:positions))
group by p.id, p.code, p.name, p.role order by p.role, p.code limit 500
"""
_NUMBERED = "select id from order_header where company_id = :company and number = :number"


@dataclass(frozen=True, slots=True)
class OrderListed:
    """An order as a line of a list. `server_total_minor` is None where a line has no price."""

    id: UUID
    number: str | None
    order_type: str
    state: str
    holds: tuple[str, ...]
    business_day: date
    ordered_at: datetime
    delivery_on: date | None
    store_id: UUID
    store_code: str | None
    store_name: str
    person_id: UUID
    person: str
    currency: str
    total_minor: int
    server_total_minor: int | None
    delivered_minor: int | None
    flags: tuple[str, ...]
    look_alike_of: UUID | None


def list_orders(
    uow: UnitOfWork,
    *,
    states: Sequence[str] | None = None,
    first_day: date | None = None,
    last_day: date | None = None,
    store_id: UUID | None = None,
    person_id: UUID | None = None,
    account_id: UUID | None = None,
    asker_id: UUID | None = None,
    after: tuple[date, datetime, UUID] | None = None,
    at_most: int = 100,
) -> list[OrderListed]:
    """Orders of these states and business days, the latest first. Without an asker: all of them.

    The next page begins `after` the business day, the time and the id of the last.
    """
    after_day, after_at, after_id = after or (None, None, None)
    rows = uow.rows(
        _LIST,
        company=uow.company_id,
        states=None if states is None else list(states),
        first_day=first_day,
        last_day=last_day,
        store=store_id,
        person=person_id,
        account=account_id,
        after_day=after_day,
        after_at=after_at,
        after_id=after_id,
        at_most=at_most,
        **seen_by(uow, asker_id),
    )
    return [
        OrderListed(**{**row._asdict(), "holds": tuple(row.holds), "flags": tuple(row.flags)})
        for row in rows
    ]


@dataclass(frozen=True, slots=True)
class Deliverer:
    """A position that orders can be sent out with, and who holds it today."""

    position_id: UUID
    code: str
    name: str
    holders: str | None


def list_deliverers(uow: UnitOfWork, asker_id: UUID | None = None) -> list[Deliverer]:
    """The positions of drivers and reps that the asker may see, drivers first."""
    rows = uow.rows(
        _DELIVERERS,
        company=uow.company_id,
        roles=list(DELIVERERS),
        today=company_day(uow),
        **seen_by(uow, asker_id),
    )
    return [Deliverer(row.id, row.code, row.name, row.holders) for row in rows]


def seen_by(uow: UnitOfWork, asker_id: UUID | None) -> dict[str, object]:
    """What `IS_SEEN` asks for."""
    positions = positions_to_act_for(uow, asker_id, company_day(uow)) if asker_id else None
    return {"asker": asker_id, "positions": sorted(positions or ())}


def order_named(uow: UnitOfWork, typed: str) -> UUID:
    """The order with this number, or whose id begins like this. Raises NoSuchOrder."""
    found = uow.rows(_NUMBERED, company=uow.company_id, number=typed.strip())
    if found:
        order_id: UUID = found[0].id
        return order_id
    return id_that_begins(uow, order_header.c.id, typed, what="such order", refusal=NoSuchOrder)
