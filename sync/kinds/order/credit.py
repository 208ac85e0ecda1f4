"""What an account may still order for: binding on the server, and the same for every order of a batch.

    available = limit − open receivables − undelivered orders + unapplied receipts

Open receivables are what the ERP said, and what was delivered since it said so. What this batch adds is
tallied in the context: the rows that it writes are not there yet. Source: domain rules, "Orders".
"""

from collections.abc import Mapping
from typing import Any

from sync.accounts import DELIVERED, UNDELIVERED, credit_available
from sync.kinds.order.reads import Account, sight_of
from sync.record_kind import Context


def counted(fields: Mapping[str, Any]) -> int:
    """What an order takes of its account's credit where it stands; a return that was fetched gives."""
    is_sale = fields["order_type"] == "SALE"
    if fields["state"] in UNDELIVERED:
        return fields["total_minor"] if is_sale else 0
    if fields["state"] in DELIVERED:
        amount: int = fields["delivery"]["delivered_minor"]
        return amount if is_sale else -amount
    return 0


def count(context: Context, before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> None:
    """Tally what an order takes now against what it took before."""
    for fields, sign in ((before, -1), (after, 1)):
        if fields is not None and fields["account_id"] is not None:
            tally = ("owed", fields["account_id"], fields["currency"])
            context.tallies[tally] = context.tallies.get(tally, 0) + sign * counted(fields)


def available_for(
    context: Context, account: Account | None, currency: str, before: Mapping[str, Any] | None
) -> int | None:
    """What the account may still order for, an order's own earlier version aside; None: any amount.

    Amounts of another currency are not measured against its limit: such an order is held anyway.
    """
    if account is None or account.limit_minor is None or currency != account.currency:
        return None
    undelivered, delivered_since = sight_of(context).owed.get(account.id, (0, 0))
    in_batch = context.tallies.get(("owed", account.id, currency), 0)
    own = 0
    if before is not None and before["account_id"] == account.id:
        own = counted(before)
    return credit_available(
        limit_minor=account.limit_minor,
        receivables_minor=account.receivables_minor + delivered_since,
        undelivered_minor=undelivered + in_batch - own,
        unapplied_minor=account.unapplied_minor,
    )
