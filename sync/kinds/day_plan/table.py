"""The tables of day plans: the stops due for a position on a date, every version kept."""

from sqlalchemy import Column, Date, Integer, UniqueConstraint, Uuid

from sync.tables import Moment, belongs_to, company_table, filled, stamped

day_plan = company_table(
    "day_plan",
    filled("id", Uuid),
    filled("position_id", Uuid),
    filled("day", Date),
    filled("plan_version", Integer),
    # When the day began and the plan with it; later changes make a new version.
    Column("frozen_at", Moment),
    stamped("made_at"),
    UniqueConstraint("company_id", "position_id", "day"),
    belongs_to("position_id", "position"),
    key=("id",),
)

day_plan_stop = company_table(
    "day_plan_stop",
    filled("day_plan_id", Uuid),
    filled("plan_version", Integer),
    filled("sequence", Integer),
    filled("store_id", Uuid),
    Column("route_id", Uuid),
    belongs_to("day_plan_id", "day_plan"),
    belongs_to("store_id", "store"),
    key=("day_plan_id", "plan_version", "sequence"),
)
