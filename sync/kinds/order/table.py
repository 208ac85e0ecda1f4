"""The tables of orders: where each stands, every version of what was ordered, what was delivered.

What was submitted is never changed: a change is a version with lines of its own. Money is whole minor
units of the order's currency. Hot tables: no foreign keys, the judge has seen what they name.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    Index,
    Integer,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from sync.tables import Document, Moment, company_table, filled

order_header = company_table(
    "order_header",
    filled("id", Uuid),
    # Of the record that phones hold; each step makes a new one.
    filled("version", Integer),
    # Which version of the lines holds; only a change of what is ordered makes a new one.
    filled("order_version", Integer),
    # SALE or RETURN: quantities and totals are positive in both, a return takes back.
    filled("order_type", Text),
    Column("number", Text),
    filled("state", Text),
    filled("holds", ARRAY(Text)),
    filled("person_id", Uuid),
    Column("position_id", Uuid),
    filled("device_id", Uuid),
    filled("store_id", Uuid),
    # Who pays, as the store said when it was ordered.
    Column("account_id", Uuid),
    Column("visit_id", Uuid),
    Column("returns_order_id", Uuid),
    filled("currency", Text),
    # The business day of the corrected time, in the company's time zone.
    filled("business_day", Date),
    filled("ordered_at", Moment),
    Column("delivery_on", Date),
    # As the phone priced it, and as the server did; the latter null where a line has no price.
    filled("total_minor", BigInteger),
    Column("server_total_minor", BigInteger),
    # Store and lines as one id: equal where an order looks like another.
    filled("likeness", Uuid),
    Column("look_alike_of", Uuid),
    Column("driver_position_id", Uuid),
    Column("delivered_at", Moment),
    # When the database heard of it, by its own clock.
    Column("delivery_known_at", Moment),
    # What the delivered quantities come to, by the prices of the order.
    Column("delivered_minor", BigInteger),
    filled("trust", Text),
    filled("flags", ARRAY(Text)),
    filled("received_at", Moment),
    CheckConstraint("order_type in ('SALE', 'RETURN')", name="order_type"),
    CheckConstraint(
        "state in ('SUBMITTED', 'ACCEPTED', 'HELD', 'REJECTED', 'CANCELLED', 'CONFIRMED', 'PRINTED',"
        " 'DISPATCHED', 'DELIVERED', 'PARTIAL', 'REFUSED', 'CLOSED')",
        name="state",
    ),
    key=("id",),
    is_hot=True,
)
Index("order_header_day_ix", order_header.c.company_id, order_header.c.business_day)
Index(
    "order_header_person_ix",
    order_header.c.company_id,
    order_header.c.person_id,
    order_header.c.business_day,
)
Index(
    "order_header_store_ix",
    order_header.c.company_id,
    order_header.c.store_id,
    order_header.c.business_day,
)
# Those that a wrong clock dates after their receipt, which are few.
Index(
    "order_header_ahead_ix",
    order_header.c.company_id,
    order_header.c.store_id,
    postgresql_where=text("ordered_at > received_at"),
)
Index("order_header_likeness_ix", order_header.c.company_id, order_header.c.likeness)
# What came back of an order.
Index(
    "order_header_returns_ix",
    order_header.c.company_id,
    order_header.c.returns_order_id,
    postgresql_where=text("returns_order_id is not null"),
)
# What takes of an account's credit: few rows beside all orders.
Index(
    "order_header_open_ix",
    order_header.c.company_id,
    order_header.c.account_id,
    postgresql_where=text(
        "account_id is not null and state in ('ACCEPTED', 'CONFIRMED', 'PRINTED', 'DISPATCHED',"
        " 'DELIVERED', 'PARTIAL')"
    ),
)
# What a driver has to deliver, and the books have not yet.
Index(
    "order_header_driver_ix",
    order_header.c.company_id,
    order_header.c.driver_position_id,
    postgresql_where=text("state in ('DISPATCHED', 'DELIVERED', 'PARTIAL', 'REFUSED')"),
)
# What the office has still to do.
Index(
    "order_header_state_ix",
    order_header.c.company_id,
    order_header.c.state,
    order_header.c.business_day,
)

order_version = company_table(
    "order_version",
    filled("order_id", Uuid),
    filled("order_version", Integer),
    # The op that made it: submit, return, amend; or the office's.
    filled("origin", Text),
    Column("person_id", Uuid),
    # Who made it, as they were called then.
    filled("actor", Text),
    Column("reason", Text),
    filled("made_at", Moment),
    filled("total_minor", BigInteger),
    Column("server_total_minor", BigInteger),
    filled("holds", ARRAY(Text)),
    Column("prices_as_of", Moment),
    # [{price_list_id, version}] and [{promotion_id, version}] that the phone priced with.
    filled("price_lists", Document),
    filled("promotions", Document),
    Column("delivery_on", Date),
    Column("note", Text),
    key=("order_id", "order_version"),
    is_hot=True,
)

order_line = company_table(
    "order_line",
    filled("order_id", Uuid),
    filled("order_version", Integer),
    # 1, 2, … in the order in which they were sent.
    filled("line", Integer),
    filled("product_id", Uuid),
    filled("unit", Text),
    filled("quantity", Integer),
    filled("price_minor", BigInteger),
    filled("discount_minor", BigInteger),
    filled("total_minor", BigInteger),
    # [{promotion_id, amount_minor}] as the phone applied them; null: none.
    Column("taken", Document),
    # Why goods come back.
    Column("reason", Text),
    # The server's price and how it came about; null where no list has one.
    Column("server_price_minor", BigInteger),
    Column("server_discount_minor", BigInteger),
    Column("server_total_minor", BigInteger),
    Column("price_list_id", Uuid),
    Column("price_list_version", Integer),
    Column("from_quantity", Integer),
    # [{promotion_id, version, amount_minor}]; null: none.
    Column("server_taken", Document),
    key=("order_id", "order_version", "line"),
    is_hot=True,
)
Index("order_line_product_ix", order_line.c.company_id, order_line.c.product_id)

# What the driver confirmed of each line of the version that was dispatched.
order_delivery = company_table(
    "order_delivery",
    filled("order_id", Uuid),
    filled("line", Integer),
    filled("order_version", Integer),
    filled("delivered", Integer),
    filled("short", Integer),
    filled("returned", Integer),
    Column("reason", Text),
    filled("delivered_minor", BigInteger),
    key=("order_id", "line"),
    is_hot=True,
)

# The numbers of orders: each person has a series of their own, so that nobody waits for another's push.
order_series = company_table(
    "order_series",
    filled("person_id", Uuid),
    filled("series", Integer),
    filled("last", Integer),
    UniqueConstraint("company_id", "series", name="order_series_raced"),
    key=("person_id",),
    is_hot=True,
)
