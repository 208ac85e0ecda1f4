"""The tables of promotions: whom each is for, and its versions."""

from sqlalchemy import (
    CheckConstraint,
    Column,
    Index,
    Integer,
    SmallInteger,
    Text,
    UniqueConstraint,
    Uuid,
)

from sync.kinds.promotion.states import PROMOTING
from sync.tables import Document, Moment, belongs_to, company_table, filled, stamped

promotion = company_table(
    "promotion",
    filled("id", Uuid),
    # By which the terms of a store name it: short, given once and never given again.
    filled("number", Integer),
    filled("code", Text),
    filled("name", Text),
    filled("currency", Text),
    # A division's promotion is about that division's products and no others.
    Column("division_id", Uuid),
    # Null: for every store.
    Column("level", Text),
    filled("state", Text),
    # From then on it holds no more, whatever its versions say.
    Column("ended_at", Moment),
    # What it will say when it is published: a version without its number.
    Column("draft", Document),
    stamped("created_at"),
    UniqueConstraint("company_id", "number"),
    UniqueConstraint("company_id", "code"),
    CheckConstraint("state in ('" + "', '".join(PROMOTING.stored_states) + "')", name="state"),
    belongs_to("division_id", "division"),
    key=("id",),
)

# Whom a promotion is for: as `price_list_for`.
promotion_for = company_table(
    "promotion_for",
    filled("promotion_id", Uuid),
    filled("place", SmallInteger),
    Column("store_id", Uuid),
    Column("account_id", Uuid),
    Column("store_class", Text),
    Column("channel", Text),
    Column("region_id", Uuid),
    CheckConstraint(
        "num_nonnulls(store_id, account_id, store_class, channel, region_id) < 2", name="one"
    ),
    belongs_to("promotion_id", "promotion"),
    belongs_to("store_id", "store"),
    belongs_to("account_id", "account"),
    belongs_to("region_id", "region"),
    key=("promotion_id", "place"),
)
Index("promotion_for_store_id_ix", promotion_for.c.company_id, promotion_for.c.store_id)
Index("promotion_for_account_id_ix", promotion_for.c.company_id, promotion_for.c.account_id)

# Append-only: a version never changes. It holds until the next one begins.
promotion_version = company_table(
    "promotion_version",
    filled("promotion_id", Uuid),
    filled("version", Integer),
    filled("valid_from", Moment),
    Column("valid_until", Moment),
    # PromotionVersion of the contract, without version, valid_from and valid_until.
    filled("terms", Document),
    stamped("published_at"),
    filled("published_by", Text),
    CheckConstraint("valid_until is null or valid_until > valid_from", name="period"),
    belongs_to("promotion_id", "promotion"),
    key=("promotion_id", "version"),
)
