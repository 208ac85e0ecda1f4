"""The tables of day plans: the stops due for a position on a date, every version kept."""

from sqlalchemy import Column, Date, Index, Integer, UniqueConstraint, Uuid

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
# For measures, which ask for a period and for some or all positions.
Index("day_plan_day_ix", day_plan.c.company_id, day_plan.c.day, day_plan.c.position_id)

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
