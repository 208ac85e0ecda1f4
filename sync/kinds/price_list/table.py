"""The tables of price lists: whom each is for, and its versions. The prices of a version are a body."""

from sqlalchemy import (
    CheckConstraint,
    Column,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Text,
    UniqueConstraint,
    Uuid,
)

from sync.tables import Moment, belongs_to, company_table, filled, stamped

LEVELS = ("CUSTOMER", "CLASS", "CHANNEL", "REGION")

price_list = company_table(
    "price_list",
    filled("id", Uuid),
    # By which the terms of a store name it: short, given once and never given again.
    filled("number", Integer),
    filled("code", Text),
    filled("name", Text),
    filled("currency", Text),
    # A division's list prices that division's products and no others.
    Column("division_id", Uuid),
    filled("level", Text),
    # From then on none of its versions is in force.
    Column("ended_at", Moment),
    stamped("created_at"),
    UniqueConstraint("company_id", "number"),
    UniqueConstraint("company_id", "code"),
    CheckConstraint("level in ('" + "', '".join(LEVELS) + "')", name="level"),
    belongs_to("division_id", "division"),
    key=("id",),
)

# Whom a list is for: values of its one level. At the level CUSTOMER a row names a store or an account.
price_list_for = company_table(
    "price_list_for",
    filled("price_list_id", Uuid),
    filled("place", SmallInteger),
    Column("store_id", Uuid),
    Column("account_id", Uuid),
    Column("store_class", Text),
    Column("channel", Text),
    Column("region_id", Uuid),
    CheckConstraint(
        "num_nonnulls(store_id, account_id, store_class, channel, region_id) < 2", name="one"
    ),
    belongs_to("price_list_id", "price_list"),
    belongs_to("store_id", "store"),
    belongs_to("account_id", "account"),
    belongs_to("region_id", "region"),
    key=("price_list_id", "place"),
)
Index("price_list_for_store_id_ix", price_list_for.c.company_id, price_list_for.c.store_id)
Index("price_list_for_account_id_ix", price_list_for.c.company_id, price_list_for.c.account_id)

# Append-only: a version never changes. Of those that hold at a moment the one with the highest
# number is in force.
price_list_version = company_table(
    "price_list_version",
    filled("price_list_id", Uuid),
    filled("version", Integer),
    filled("valid_from", Moment),
    Column("valid_until", Moment),
    # Its prices: `body`.
    filled("sha256", LargeBinary),
    filled("entries", Integer),
    stamped("published_at"),
    filled("published_by", Text),
    CheckConstraint("valid_until is null or valid_until > valid_from", name="period"),
    belongs_to("price_list_id", "price_list"),
    key=("price_list_id", "version"),
)
