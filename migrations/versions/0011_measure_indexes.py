"""Indexes for measures: facts of a period, of some or all positions."""

from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    # Phones go on pushing meanwhile.
    with op.get_context().autocommit_block():
        op.create_index(
            "visit_period_ix",
            "visit",
            ["company_id", "business_day", "position_id"],
            postgresql_concurrently=True,
            if_not_exists=True,
        )
        op.create_index(
            "day_plan_day_ix",
            "day_plan",
            ["company_id", "day", "position_id"],
            postgresql_concurrently=True,
            if_not_exists=True,
        )
