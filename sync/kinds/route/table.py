"""The tables of routes: an ordered set of stores of one position, with a rule per stop."""

from sqlalchemy import Boolean, Column, Index, Integer, Text, Uuid

from sync.tables import Document, belongs_to, company_table, filled

route = company_table(
    "route",
    filled("id", Uuid),
    filled("position_id", Uuid),
    Column("division_id", Uuid),
    filled("name", Text),
    filled("is_active", Boolean, server_default="true"),
    belongs_to("position_id", "position"),
    belongs_to("division_id", "division"),
    key=("id",),
)
Index("route_position_id_ix", route.c.company_id, route.c.position_id)

route_stop = company_table(
    "route_stop",
    filled("route_id", Uuid),
    filled("sequence", Integer),
    filled("store_id", Uuid),
    # The visiting rule as on the wire (`Rule` in PROTOCOL.md).
    filled("rule", Document),
    belongs_to("route_id", "route"),
    belongs_to("store_id", "store"),
    key=("route_id", "sequence"),
)
Index("route_stop_store_id_ix", route_stop.c.company_id, route_stop.c.store_id)
