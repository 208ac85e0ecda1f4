"""The table of stores: outlets that are visited."""

from sqlalchemy import CheckConstraint, Column, Index, Integer, Text, UniqueConstraint, Uuid

from sync.tables import belongs_to, company_table, filled, stamped

STATUSES = ("ACTIVE", "PROPOSED", "CLOSED", "REFUSED")

store = company_table(
    "store",
    filled("id", Uuid),
    # Given by the company; a store that a phone proposed has none until it is approved.
    Column("code", Text),
    filled("name", Text),
    filled("channel", Text),
    Column("store_class", Text),
    filled("address", Text),
    Column("contact_name", Text),
    Column("contact_phone", Text),
    Column("opening_hours", Text),
    Column("delivery_note", Text),
    Column("lat_e7", Integer),
    Column("lon_e7", Integer),
    # The store's own fence; else that of its class, else the company's.
    Column("fence_radius_m", Integer),
    Column("region_id", Uuid),
    # The position that owns the store beside any route.
    Column("position_id", Uuid),
    # The customer that pays for what it orders.
    Column("account_id", Uuid),
    filled("status", Text),
    Column("proposed_by", Uuid),
    stamped("created_at"),
    UniqueConstraint("company_id", "code"),
    CheckConstraint("status in ('" + "', '".join(STATUSES) + "')", name="status"),
    CheckConstraint("(lat_e7 is null) = (lon_e7 is null)", name="pin"),
    belongs_to("region_id", "region"),
    belongs_to("position_id", "position"),
    belongs_to("account_id", "account"),
    key=("id",),
)
Index("store_region_id_ix", store.c.company_id, store.c.region_id)
Index("store_position_id_ix", store.c.company_id, store.c.position_id)
Index("store_account_id_ix", store.c.company_id, store.c.account_id)
