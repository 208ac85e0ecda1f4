"""The table of accounts: the customers that pay for what stores order. Several stores may share one."""

from sqlalchemy import BigInteger, CheckConstraint, Column, Text, UniqueConstraint, Uuid

from mobile_contract.fields import JSON_INT_MAX
from sync.tables import Moment, company_table, filled, stamped

account = company_table(
    "account",
    filled("id", Uuid),
    filled("code", Text),
    filled("name", Text),
    filled("currency", Text),
    # Null: no limit.
    Column("credit_limit_minor", BigInteger),
    # What the ERP said of it: what it owes, with all that was delivered until `as_of`, and what it has paid that is set against nothing
    # yet. Each is said as of a moment of its own.
    filled("open_receivables_minor", BigInteger, server_default="0"),
    filled("unapplied_receipts_minor", BigInteger, server_default="0"),
    Column("as_of", Moment),
    Column("receipts_as_of", Moment),
    stamped("created_at"),
    UniqueConstraint("company_id", "code"),
    CheckConstraint("credit_limit_minor >= 0", name="credit_limit"),
    key=("id",),
)

# Orders on their way to the door: what the account will owe.
UNDELIVERED = ("ACCEPTED", "CONFIRMED", "PRINTED", "DISPATCHED")
# At the door, and not yet closed: owed, and perhaps not yet in what the ERP said.
DELIVERED = ("DELIVERED", "PARTIAL")


def _listed(states: tuple[str, ...]) -> str:
    return "('" + "', '".join(states) + "')"


# What was confirmed at the door and had not arrived when the ERP told of the account is not in what it told.
OWED = f"""
select least(coalesce(sum(o.total_minor) filter (
           where o.order_type = 'SALE' and o.state in {_listed(UNDELIVERED)}), 0),
           {JSON_INT_MAX})::bigint as undelivered,
       greatest(least(coalesce(sum(
           case o.order_type when 'SALE' then o.delivered_minor else -o.delivered_minor end)
           filter (where o.state in {_listed(DELIVERED)}
                     and (a.as_of is null or o.delivery_known_at > a.as_of)), 0),
           {JSON_INT_MAX}), -{JSON_INT_MAX})::bigint as delivered_since
from order_header o
where o.company_id = a.company_id and o.account_id = a.id and o.currency = a.currency
  and o.state in {_listed(UNDELIVERED + DELIVERED)}
"""
"""Of an account `a`, in its currency: its undelivered orders, and what was delivered since the ERP told of it."""


def credit_available(
    *, limit_minor: int, receivables_minor: int, undelivered_minor: int, unapplied_minor: int
) -> int:
    """Limit − open receivables − undelivered orders + unapplied receipts; below zero when overdrawn.

    Source: domain rules, "Orders".
    """
    return limit_minor - receivables_minor - undelivered_minor + unapplied_minor
