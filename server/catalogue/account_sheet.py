"""Accounts as the office looks at them: what each may still order for and how that comes about, as far as the asker may see.

Somebody sees the accounts that pay for a store which they may see, or that an open order of a position has which they may
see; an admin sees all.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from server.catalogue.errors import NoSuchAccount
from server.catalogue.product_list import like
from server.language import Said
from server.planning.positions import SEEN_STORES, stores_seen
from sync.accounts import OWED, credit_available
from sync.unit_of_work import UnitOfWork

_LIST = f"""
{SEEN_STORES}, paid as (
    select account_id as id, count(*) as stores from seen_store where account_id is not null group by 1
), held as (
    select account_id as id, count(*) as orders from order_header
    where company_id = :company and state = 'HELD' and account_id is not null group by 1
)
select a.id, a.code, a.name, a.currency, a.credit_limit_minor, a.open_receivables_minor,
       a.unapplied_receipts_minor, a.as_of, a.receipts_as_of, w.undelivered, w.delivered_since,
       coalesce(p.stores, 0) as stores, coalesce(h.orders, 0) as held
from account a
left join paid p on p.id = a.id
left join held h on h.id = a.id
cross join lateral ({OWED}) w
where a.company_id = :company
  and (cast(:asker as uuid) is null or :is_admin or p.id is not null
       or exists (select from order_header o where o.company_id = a.company_id and o.account_id = a.id
                  and o.state in ('HELD', 'ACCEPTED', 'CONFIRMED', 'PRINTED', 'DISPATCHED', 'DELIVERED', 'PARTIAL')
                  and o.position_id = any(:seen)))
  and (cast(:account as uuid) is null or a.id = :account)
  and (cast(:words as text) is null or a.code ilike :words or a.name ilike :words)
  and (cast(:after as text) is null or a.code > :after)
order by a.code limit :at_most
"""  # noqa: S608  put together from constants


@dataclass(frozen=True, slots=True)
class AccountLine:
    """An account with its credit: what the ERP said, each as of its moment, and what has come since.

    `stores` are those of it that the asker may see.
    """

    id: UUID
    code: str
    name: str
    currency: str
    credit_limit_minor: int | None
    open_receivables_minor: int
    unapplied_receipts_minor: int
    as_of: datetime | None
    receipts_as_of: datetime | None
    undelivered_minor: int
    delivered_since_minor: int
    stores: int
    held: int

    @property
    def available_minor(self) -> int | None:
        """What it may still order for; None: any amount. As orders are judged."""
        if self.credit_limit_minor is None:
            return None
        return credit_available(
            limit_minor=self.credit_limit_minor,
            receivables_minor=self.open_receivables_minor + self.delivered_since_minor,
            undelivered_minor=self.undelivered_minor,
            unapplied_minor=self.unapplied_receipts_minor,
        )


def list_account_lines(
    uow: UnitOfWork,
    *,
    words: str = "",
    today: date,
    asker_id: UUID | None,
    after: str | None = None,
    at_most: int = 50,
) -> list[AccountLine]:
    """The accounts that the asker may see, by code. At most three queries."""
    return _lines(
        uow, today, asker_id, words=like(words), after=after, account=None, at_most=at_most
    )


def read_account(
    uow: UnitOfWork, account_id: UUID, *, today: date, asker_id: UUID | None
) -> AccountLine:
    """One account. Raises NoSuchAccount, also for one that the asker may not see. At most three queries."""
    found = _lines(uow, today, asker_id, words=None, after=None, account=account_id, at_most=1)
    if not found:
        raise NoSuchAccount(Said("there is no such account in this company"))
    return found[0]


def _lines(uow: UnitOfWork, today: date, asker_id: UUID | None, **asked: Any) -> list[AccountLine]:
    rows = uow.rows(_LIST, **stores_seen(uow, today=today, asker_id=asker_id), **asked)
    return [AccountLine(*row) for row in rows]
