"""The tables of targets: plans of a year with every version of their split, and what came of them.

A plan is split down the tree; the nodes of all its versions stay, with what each was weighed by. The
targets of positions are those of the plan's version in force, with the progress that phones were told.
"""

from datetime import date
from uuid import UUID, uuid5

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Index,
    Integer,
    Text,
    UniqueConstraint,
    Uuid,
)

from sync.tables import Document, Moment, belongs_to, company_table, filled, stamped

LEVELS = ("YEAR", "MONTH", "REGION", "POSITION", "GROUP")

target_plan = company_table(
    "target_plan",
    filled("id", Uuid),
    filled("year", Integer),
    filled("measure", Text),
    # The plan is for the positions at and below this region, of this division where it names one.
    filled("region_id", Uuid),
    Column("division_id", Uuid),
    # Where money is counted: ISO 4217, and amounts are in its minor units.
    Column("currency", Text),
    # The version in force.
    filled("version", Integer),
    UniqueConstraint(
        "company_id",
        "year",
        "measure",
        "region_id",
        "division_id",
        name="target_plan_scope_uq",
        postgresql_nulls_not_distinct=True,
    ),
    belongs_to("region_id", "region"),
    belongs_to("division_id", "division"),
    key=("id",),
)

target_plan_version = company_table(
    "target_plan_version",
    filled("target_plan_id", Uuid),
    filled("version", Integer),
    filled("total", BigInteger),
    # α, β and γ in thousandths; together 1000.
    filled("weight_last_year", Integer),
    filled("weight_potential", Integer),
    filled("weight_equal", Integer),
    # What else it was split by: product groups, roles, the potential of a store by its class.
    filled("options", Document),
    # The first month that was split anew; those before kept what they had.
    filled("from_month", Date),
    Column("reason", Text),
    filled("made_by", Text),
    stamped("made_at"),
    belongs_to("target_plan_id", "target_plan"),
    key=("target_plan_id", "version"),
)

target_node = company_table(
    "target_node",
    filled("target_plan_id", Uuid),
    filled("version", Integer),
    # The same in every version for the same place of the tree.
    filled("id", Uuid),
    Column("parent_id", Uuid),
    # Order among the parts of one node: ties of remainders go to the earlier.
    filled("sequence", Integer),
    filled("level", Text),
    Column("month", Date),
    Column("region_id", Uuid),
    Column("position_id", Uuid),
    Column("product_group", Text),
    filled("amount", BigInteger),
    filled("is_pinned", Boolean),
    filled("is_carried", Boolean),
    filled("last_year", BigInteger),
    filled("potential", BigInteger),
    # Exact fractions, as "numerator/denominator".
    filled("weight", Text),
    filled("floor", BigInteger),
    filled("remainder", Text),
    filled("has_extra", Boolean),
    CheckConstraint("level in ('" + "', '".join(LEVELS) + "')", name="level"),
    belongs_to("target_plan_id", "target_plan"),
    key=("target_plan_id", "version", "id"),
)
Index(
    "target_node_parent_ix",
    target_node.c.company_id,
    target_node.c.target_plan_id,
    target_node.c.version,
    target_node.c.parent_id,
)

target = company_table(
    "target",
    filled("id", Uuid),
    filled("position_id", Uuid),
    # Its first day.
    filled("month", Date),
    filled("measure", Text),
    # Null: all products.
    Column("product_group", Text),
    Column("currency", Text),
    filled("target_plan_id", Uuid),
    filled("amount", BigInteger),
    # Progress as it was last read from the facts; nothing else is ever added to it.
    filled("actual", BigInteger),
    filled("working_days_gone", Integer),
    filled("working_days", Integer),
    # Since when these figures stand.
    filled("as_of", Moment),
    belongs_to("position_id", "position"),
    belongs_to("target_plan_id", "target_plan"),
    key=("id",),
)
Index("target_month_ix", target.c.company_id, target.c.month, target.c.position_id)
Index("target_plan_ix", target.c.company_id, target.c.target_plan_id)


def target_id(position_id: UUID, month: date, measure: str, product_group: str | None) -> UUID:
    """The id of a position's target: there is one for each month, measure and product group."""
    return uuid5(position_id, f"target {month:%Y-%m} {measure} {product_group or ''}")
