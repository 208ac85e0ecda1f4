"""The tables of products: what is sold, in which units, and which stores must stock it."""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Index,
    Integer,
    SmallInteger,
    Text,
    UniqueConstraint,
    Uuid,
)

from mobile_contract.records.product import PRODUCT_STATUSES
from sync.tables import belongs_to, company_table, filled, stamped

product = company_table(
    "product",
    filled("id", Uuid),
    # By which price lists and promotions name it: short, given once and never given again.
    filled("number", Integer),
    filled("code", Text),
    Column("barcode", Text),
    filled("name", Text),
    # The product group; empty where it is in none.
    filled("category", Text),
    filled("brand", Text),
    # A competitor's product is looked for in stores and never sold.
    filled("is_own", Boolean),
    Column("division_id", Uuid),
    Column("shelf_life_days", Integer),
    # In base units.
    filled("min_order_quantity", Integer, server_default="0"),
    filled("status", Text),
    stamped("created_at"),
    UniqueConstraint("company_id", "number"),
    UniqueConstraint("company_id", "code"),
    CheckConstraint("status in ('" + "', '".join(PRODUCT_STATUSES) + "')", name="status"),
    belongs_to("division_id", "division"),
    key=("id",),
)
Index("product_division_id_ix", product.c.company_id, product.c.division_id)

product_unit = company_table(
    "product_unit",
    filled("product_id", Uuid),
    filled("unit", Text),
    # How many base units it holds; the one with place 0 is the base unit and holds 1.
    filled("base_units", Integer),
    filled("place", SmallInteger),
    CheckConstraint("base_units > 0 and (place > 0 or base_units = 1)", name="base_units"),
    belongs_to("product_id", "product"),
    key=("product_id", "unit"),
)

# A product is on the list of every store that one of its rows fits.
must_stock = company_table(
    "must_stock",
    filled("product_id", Uuid),
    filled("place", SmallInteger),
    # Null: of every channel, of every class.
    Column("channel", Text),
    Column("store_class", Text),
    belongs_to("product_id", "product"),
    key=("product_id", "place"),
)
