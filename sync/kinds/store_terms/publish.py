"""Publishing the terms of stores: which lists and promotions are for each, its account, its credit.

What is for a store follows from the store, its account, the lists, the promotions and the settings:
whoever changes one of them brings the terms up, in the same transaction where that is small enough
and by work for the queue where it is not.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from uuid import UUID

from mobile_contract.pricing import Customer, ForWhom, Level
from mobile_contract.records.store_terms import MONEY_MAX
from sync.accounts import OWED, credit_available
from sync.kinds.store_terms.choosing import Catalogue, Offer
from sync.policy import Policy, current_policy
from sync.publish import Draft, hold, publish_companions
from sync.record_kind import RecordKind
from sync.rows import array
from sync.store_terms import TOPIC, terms_id
from sync.unit_of_work import UnitOfWork
from sync.work import leave_work

STORE_TERMS = RecordKind("store_terms", 26)

AT_ONCE = 200
"""So many stores are brought up in the transaction of a change; the others by the queue."""

# Of what was over a week ago nothing is named any more.
_OFFERS = """
select o.{kind}_id as id, p.number, p.code, p.currency, p.division_id, p.level,
       o.store_id, o.account_id, o.store_class, o.channel, o.region_id
from {kind} p
left join {kind}_for o on o.company_id = p.company_id and o.{kind}_id = p.id
where p.company_id = :company
  and (p.ended_at is null or p.ended_at > now() - interval '7 days')
  and exists (select from {kind}_version v
              where v.company_id = p.company_id and v.{kind}_id = p.id
                and (v.valid_until is null or v.valid_until > now() - interval '7 days'))
order by p.number, o.place
"""
_LISTS = _OFFERS.format(kind="price_list")
_PROMOTIONS = _OFFERS.format(kind="promotion")
_REGIONS = "select id, parent_id from region where company_id = :company"
_STORES = f"""
select s.id, s.channel, s.store_class, s.region_id, s.status,
       a.id as account_id, a.code as account_code, a.name as account_name, a.currency,
       a.credit_limit_minor, a.open_receivables_minor, a.unapplied_receipts_minor,
       o.undelivered, o.delivered_since,
       (select array_agg(d.division_id) from store_division d
        where d.company_id = s.company_id and d.store_id = s.id) as divisions
from store s left join account a on a.company_id = s.company_id and a.id = s.account_id
left join lateral ({OWED}) o on a.credit_limit_minor is not null
where s.company_id = :company and s.id = any(:ids) order by s.id
"""
_HELD = "select id from record where company_id = %s and id = any(%s::uuid[]) and doc is not null"
_CONCERNED = """
select id from store where company_id = :company and status in ('ACTIVE', 'PROPOSED') order by id
"""


def publish_store_terms(uow: UnitOfWork, store_ids: Iterable[UUID]) -> dict[UUID, int]:
    """Bring the terms of these stores up to what is for them now; returns the records' versions.

    A store that is closed or refused, or for which there is neither a list nor a promotion nor an
    account, has no terms. The number of statements does not depend on the number of stores.
    """
    wanted = sorted(set(store_ids))
    # Before anything is read: of two who change what is for a store the later sees the earlier.
    hold(uow, wanted)
    stores = uow.rows(_STORES, company=uow.company_id, ids=wanted)
    ids = {row.id: terms_id(row.id) for row in stores}
    has = {
        row[0]
        for row in uow.driver.execute(_HELD, [uow.company_id, array("uuid", list(ids.values()))])
    }
    _, policy = current_policy(uow)
    catalogue = read_catalogue(uow)
    drafts, leads = [], {}
    for row in stores:
        record_id, fields = ids[row.id], _fields(row, catalogue, policy)
        if fields is not None or record_id in has:
            drafts.append(Draft(STORE_TERMS, record_id, fields))
            leads[record_id] = (row.id,)
    return publish_companions(uow, drafts, leads)


def bring_terms_up(uow: UnitOfWork, store_ids: Iterable[UUID] | None = None) -> None:
    """Bring the terms of these stores up, or of all: few at once, the others by the queue."""
    if store_ids is None:
        ids = [row.id for row in uow.rows(_CONCERNED, company=uow.company_id)]
    else:
        ids = sorted(set(store_ids))
    if len(ids) <= AT_ONCE:
        publish_store_terms(uow, ids)
    else:
        leave_work(uow, TOPIC, ids)


def read_catalogue(uow: UnitOfWork) -> Catalogue:
    """Whom every list and promotion is for that holds or will. Three statements."""
    return Catalogue(
        lists=tuple(_offers(uow.rows(_LISTS, company=uow.company_id))),
        promotions=tuple(_offers(uow.rows(_PROMOTIONS, company=uow.company_id))),
        above={row.id: row.parent_id for row in uow.rows(_REGIONS, company=uow.company_id)},
    )


def _offers(rows: Sequence[Any]) -> Iterator[Offer]:
    values: dict[int, set[str]] = {}
    for row in rows:
        named = (row.store_id, row.account_id, row.store_class, row.channel, row.region_id)
        values.setdefault(row.number, set()).update(str(each) for each in named if each is not None)
    for row in {row.number: row for row in rows}.values():
        for_whom = None
        if row.level is not None:
            for_whom = ForWhom(Level(row.level), frozenset(values[row.number]))
        yield Offer(row.number, row.code, row.currency, row.division_id, for_whom)


def _told(amount_minor: int) -> int:
    """The amount, as far as phones can be told it."""
    return max(-MONEY_MAX, min(amount_minor, MONEY_MAX))


def _fields(row: Any, catalogue: Catalogue, policy: Policy) -> dict[str, Any] | None:
    """The document of a store's terms: `StoreTermsDown` of the contract."""
    if row.status not in ("ACTIVE", "PROPOSED"):
        return None
    customer = Customer(
        store_id=str(row.id),
        account_id=None if row.account_id is None else str(row.account_id),
        store_class=row.store_class,
        channel=row.channel,
        region_ids=catalogue.regions_of(row.region_id),
    )
    currency = row.currency or policy.currency
    lists = catalogue.lists_for(customer, currency, row.divisions or ())
    promotions = catalogue.promotions_for(customer, currency, row.divisions or ())
    if not lists and not promotions and row.account_id is None:
        return None
    limit = row.credit_limit_minor
    return {
        "account_code": row.account_code,
        "account_name": row.account_name,
        "currency": currency,
        "price_lists": lists,
        "promotions": promotions,
        "credit_limit_minor": limit,
        "credit_available_minor": None
        if limit is None
        else _told(
            credit_available(
                limit_minor=limit,
                receivables_minor=row.open_receivables_minor + row.delivered_since,
                undelivered_minor=row.undelivered,
                unapplied_minor=row.unapplied_receipts_minor,
            )
        ),
        "min_order_minor": policy.min_order_for(row.channel),
    }
