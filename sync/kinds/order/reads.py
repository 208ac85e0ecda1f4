"""What judging orders needs to see beside records, read as sets: numbers, accounts, look-alikes.

The account's row is locked before what it owes is read, in a statement of its own that sees what the one
before it in the queue wrote: of two phones at once only one passes on the last credit.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sync.accounts import OWED
from sync.clock import is_supported
from sync.direct import Value, rows_of
from sync.evidence import captured
from sync.kinds.order.likeness import likeness_of
from sync.policy import Policy
from sync.price_book import StorePrices, load_price_book
from sync.record_kind import Arrived, Context, Known, Load, Read
from sync.senders import Sender
from sync.unit_of_work import UnitOfWork

MAKES = frozenset({"submit", "return"})
TYPES = {"submit": "SALE", "return": "RETURN"}

# Each person has a series of numbers of their own. What is drawn and not used is left out for good.
_DRAW = """
with drawn as (
    insert into order_series as s (company_id, person_id, series, last)
    select %(company)s, %(person)s, coalesce(max(o.series), 0) + 1, %(count)s
    from order_series o where o.company_id = %(company)s
    on conflict (company_id, person_id) do update set last = s.last + excluded.last
    returning series, last
)
select series, last from drawn
"""


def _draw_numbers(
    uow: UnitOfWork, sender: Sender, items: Sequence[Arrived], _known: Mapping[str, Known]
) -> dict[str, str]:
    """A number for each order that is made, by its id: `17-0042` is the 42nd of series 17."""
    ids = list(dict.fromkeys(item.entity_id for item in items if item.op in MAKES))
    if not ids:
        return {}
    values: dict[str, Value] = {
        "company": uow.company_id,
        "person": sender.person_id,
        "count": len(ids),
    }
    ((series, last),) = rows_of(uow.driver, _DRAW, values)
    return {id_: f"{series}-{last - len(ids) + n:04}" for n, id_ in enumerate(ids, start=1)}


NUMBERS = Load(name="order numbers", load=_draw_numbers)


def priced_at(item: Arrived, policy: Policy) -> int:
    """As of when an order is priced: its corrected time, or that of receipt where no clock vouches."""
    moment = captured(item, policy)
    return moment.corrected_at if is_supported(moment) else item.received_at


def _load_prices(
    uow: UnitOfWork, sender: Sender, items: Sequence[Arrived], known: Mapping[str, Known]
) -> dict[tuple[str, int], StorePrices]:
    """What is needed to price each order, by its store and its moment."""
    stores = {item.entity_id: item.payload.store_id for item in items if item.op in MAKES}
    wanted = []
    for item in items:
        if item.op not in (*MAKES, "amend"):
            continue
        store = stores.get(item.entity_id)
        if store is None and item.entity_id in known:
            store = known[item.entity_id].fields.get("store_id")
        if store is not None:
            wanted.append((store, priced_at(item, sender.policy)))
    return load_price_book(uow, wanted)


PRICES = Load(name="prices of orders", load=_load_prices)


def _priced(item: Arrived) -> tuple[str, ...]:
    """The store of a new order, or the order that is amended: whose account it is."""
    if item.op in MAKES:
        return (item.payload.store_id,)
    return (item.entity_id,) if item.op == "amend" else ()


_PAYS = """
select s.id, s.account_id from store s
where s.company_id = %(company)s and s.id = any(%(ids)s::uuid[]) and s.account_id is not null
union all
select o.id, s.account_id from order_header o
join store s on s.company_id = o.company_id and s.id = o.store_id
where o.company_id = %(company)s and o.id = any(%(ids)s::uuid[]) and s.account_id is not null
"""
ACCOUNTS = Read(
    name="accounts of orders",
    wants=_priced,
    statement=f"""
select p.id::text, a.id::text, a.credit_limit_minor, a.open_receivables_minor,
       a.unapplied_receipts_minor
from ({_PAYS}) p join account a on a.company_id = %(company)s and a.id = p.account_id
order by a.id for no key update of a
""",
)
OWED_BY = Read(
    name="owed by accounts",
    wants=_priced,
    statement=f"""
select a.id::text, o.undelivered, o.delivered_since
from account a cross join lateral ({OWED}) o
where a.company_id = %(company)s and a.credit_limit_minor is not null
  and a.id in (select account_id from ({_PAYS}) p)
""",
)
LOOK_ALIKES = Read(
    name="look-alikes of orders",
    wants=lambda item: (likeness(item),) if item.op in MAKES else (),
    statement="""
select likeness::text, id::text, (extract(epoch from ordered_at) * 1000)::bigint
from order_header
where company_id = %(company)s and likeness = any(%(ids)s::uuid[])
  and state not in ('CANCELLED', 'REJECTED')
""",
)
READS = (NUMBERS, PRICES, ACCOUNTS, OWED_BY, LOOK_ALIKES)


def likeness(item: Arrived) -> str:
    """The likeness of an order that is made."""
    lines = [(line.product_id, line.unit, line.quantity) for line in item.payload.lines]
    return likeness_of(TYPES[item.op], item.payload.store_id, lines)


class Account(NamedTuple):
    """The customer that pays, as the ERP told of it."""

    id: str
    limit_minor: int | None
    receivables_minor: int
    unapplied_minor: int


def account_for(context: Context, store_or_order_id: str) -> Account | None:
    """Who pays for the orders of a store; None where nobody is named."""
    found = context.reads[ACCOUNTS.name].get(store_or_order_id)
    return Account(*found[0]) if found else None


def owed_by(context: Context, account_id: str) -> tuple[int, int]:
    """(undelivered, delivered since the ERP told) of an account, before this batch."""
    found = context.reads[OWED_BY.name].get(account_id)
    return (found[0][0], found[0][1]) if found else (0, 0)
