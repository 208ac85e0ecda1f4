"""The table of accounts: the customers that pay for what stores order. Several stores may share one."""

from sqlalchemy import BigInteger, CheckConstraint, Column, Text, UniqueConstraint, Uuid

from sync.tables import Moment, company_table, filled, stamped

account = company_table(
    "account",
    filled("id", Uuid),
    filled("code", Text),
    filled("name", Text),
    filled("currency", Text),
    # Null: no limit.
    Column("credit_limit_minor", BigInteger),
    # What the ERP said of it, and as of when.
    filled("open_receivables_minor", BigInteger, server_default="0"),
    filled("unapplied_receipts_minor", BigInteger, server_default="0"),
    Column("as_of", Moment),
    Column("external_id", Text),
    stamped("created_at"),
    UniqueConstraint("company_id", "code"),
    UniqueConstraint("company_id", "external_id"),
    CheckConstraint("credit_limit_minor >= 0", name="credit_limit"),
    key=("id",),
)
