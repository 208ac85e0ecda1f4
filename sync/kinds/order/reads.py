"""What judging the orders of a batch needs to see beside records: numbers, prices, accounts, look-alikes.

The account's row is locked before what it owes is read, in a statement of its own that sees what the one
before it in the queue wrote: of two phones at once only one passes on the last credit.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sync.accounts import OWED
from sync.clock import is_supported
from sync.direct import ask, text_of
from sync.evidence import captured
from sync.kinds.order.coming_back import Counts, returned_of
from sync.kinds.order.likeness import WITHIN_MS, likeness_of
from sync.policy import Policy
from sync.price_book import StorePrices, load_price_book
from sync.record_kind import Arrived, Context, Known, Load
from sync.rows import Packed, array
from sync.senders import Sender
from sync.unit_of_work import UnitOfWork

MAKES = frozenset({"submit", "return"})
PRICED = frozenset({*MAKES, "amend"})
TYPES = {"submit": "SALE", "return": "RETURN"}

# Each person has a series of numbers of their own. What is drawn and not used is left out for good.
_DRAW = """
with drawn as (
    insert into order_series as s (company_id, person_id, series, last)
    select %(company)s::integer, %(person)s::uuid, coalesce(max(o.series), 0) + 1, %(count)s::integer
    from order_series o where o.company_id = %(company)s
    on conflict (company_id, person_id) do update set last = s.last + excluded.last
    returning series, last
)
select series, last from drawn
"""
_ACCOUNTS = """
select s.id, a.id, a.currency, a.credit_limit_minor, a.open_receivables_minor, a.unapplied_receipts_minor
from store s join account a on a.company_id = s.company_id and a.id = s.account_id
where s.company_id = %(company)s and s.id = any(%(ids)s::uuid[])
order by a.id for no key update of a
"""
_OWED = f"""
select a.id, o.undelivered, o.delivered_since
from account a cross join lateral ({OWED}) o
where a.company_id = %(company)s and a.id = any(%(ids)s::uuid[])
"""
_ALIKE = """
select likeness, id, (extract(epoch from ordered_at) * 1000)::bigint from order_header
where company_id = %(company)s and likeness = any(%(ids)s::uuid[])
  and state not in ('CANCELLED', 'REJECTED')
  and ordered_at between to_timestamp(%(since)s::bigint / 1000.0)
                     and to_timestamp(%(until)s::bigint / 1000.0)
"""


class Account(NamedTuple):
    """The customer that pays: what the ERP told of it, and what its orders come to since."""

    id: str
    currency: str
    limit_minor: int | None
    receivables_minor: int
    unapplied_minor: int


@dataclass(frozen=True, slots=True)
class OrderSight:
    """What the orders of a batch see."""

    # order id → its number
    numbers: Mapping[str, str]
    # (store id, moment) → what it is priced by
    prices: Mapping[tuple[str, int], StorePrices]
    # store id → who pays
    accounts: Mapping[str, Account]
    # account id → (undelivered, delivered since the ERP told), before this batch
    owed: Mapping[str, tuple[int, int]]
    # order id → its likeness; likeness → the orders that have it, with their moments
    likenesses: Mapping[str, str]
    alike: Mapping[str, Sequence[tuple[str, int]]]
    # order id → how many of each product and unit have come back of it, before this batch
    returned: Mapping[str, Counts]


def priced_at(item: Arrived, policy: Policy) -> int:
    """As of when an order is priced: its corrected time, or that of receipt where no clock vouches."""
    moment = captured(item, policy)
    return moment.corrected_at if is_supported(moment) else item.received_at


def _look(
    uow: UnitOfWork, sender: Sender, items: Sequence[Arrived], known: Mapping[str, Known]
) -> OrderSight:
    """Seven statements at most, whatever the items."""
    priced = [item for item in items if item.op in PRICED]
    made = [item for item in priced if item.op in MAKES]
    stores = {item.entity_id: item.payload.store_id for item in made}
    for item in priced:
        if item.entity_id not in stores and item.entity_id in known:
            store = known[item.entity_id].fields.get("store_id")
            if store is not None:
                stores[item.entity_id] = store
    likenesses = {item.entity_id: _likeness(item) for item in made}
    accounts = _accounts(uow, {stores.get(item.entity_id) for item in priced})
    return OrderSight(
        numbers=_draw(uow, sender, sorted(likenesses)),
        prices=load_price_book(
            uow,
            [
                (stores[item.entity_id], priced_at(item, sender.policy))
                for item in priced
                if item.entity_id in stores
            ],
        ),
        accounts=accounts,
        owed=_owed(uow, accounts),
        likenesses=likenesses,
        alike=_alike(uow, sender.policy, made, set(likenesses.values())),
        returned=returned_of(
            uow,
            {
                origin
                for item in made
                if (origin := getattr(item.payload, "returns_order_id", None)) is not None
            },
        ),
    )


LOOK = Load(name="orders", load=_look)


def sight_of(context: Context) -> OrderSight:
    """What this batch's orders see."""
    found: OrderSight = context.reads[LOOK.name]
    return found


def _likeness(item: Arrived) -> str:
    lines = [(line.product_id, line.unit, line.quantity) for line in item.payload.lines]
    return likeness_of(TYPES[item.op], item.payload.store_id, lines)


def _draw(uow: UnitOfWork, sender: Sender, ids: Sequence[str]) -> dict[str, str]:
    """A number for each of these orders: `17-0042` is the 42nd of series 17."""
    if not ids:
        return {}
    values: dict[str, str | int] = {
        "company": uow.company_id,
        "person": sender.person_id,
        "count": len(ids),
    }
    series, last = ask(uow.driver, _DRAW, values)[0]
    first = int(text_of(last)) - len(ids) + 1
    return {id_: f"{series}-{first + n:04}" for n, id_ in enumerate(ids)}


def _accounts(uow: UnitOfWork, stores: set[str | None]) -> dict[str, Account]:
    """The accounts of these stores, locked in the order of their ids."""
    return {
        text_of(row[0]): Account(
            text_of(row[1]), text_of(row[2]), _number(row[3]), *map(_whole, row[4:])
        )
        for row in _asked(uow, _ACCOUNTS, filter(None, stores))
    }


def _owed(uow: UnitOfWork, accounts: Mapping[str, Account]) -> dict[str, tuple[int, int]]:
    limited = {each.id for each in accounts.values() if each.limit_minor is not None}
    return {
        text_of(id_): (_whole(undelivered), _whole(delivered))
        for id_, undelivered, delivered in _asked(uow, _OWED, limited)
    }


def _alike(
    uow: UnitOfWork, policy: Policy, made: Sequence[Arrived], likenesses: set[str]
) -> dict[str, list[tuple[str, int]]]:
    """The orders that have one of these likenesses and may be near enough in time."""
    moments = [captured(item, policy).corrected_at for item in made]
    if not moments:
        return {}
    found: dict[str, list[tuple[str, int]]] = {}
    near = {"since": min(moments) - WITHIN_MS, "until": max(moments) + WITHIN_MS}
    for likeness, id_, at in _asked(uow, _ALIKE, likenesses, **near):
        found.setdefault(text_of(likeness), []).append((text_of(id_), _whole(at)))
    return found


def _asked(
    uow: UnitOfWork, statement: str, ids: Iterable[str], **more: int
) -> list[tuple[str | None, ...]]:
    wanted = sorted(ids)
    if not wanted:
        return []
    values: dict[str, Packed | int] = {
        "company": uow.company_id,
        "ids": array("uuid", wanted),
        **more,
    }
    return ask(uow.driver, statement, values)


def _whole(value: str | None) -> int:
    return int(text_of(value))


def _number(value: str | None) -> int | None:
    return None if value is None else int(value)
