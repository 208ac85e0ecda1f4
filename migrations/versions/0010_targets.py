"""Targets and their plans, and what people decided about flags."""

import os

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"

TABLES = ("flag_decision", "target", "target_node", "target_plan", "target_plan_version")
APPEND_ONLY = ("flag_decision", "target_node", "target_plan_version")


def upgrade() -> None:
    op.create_table(
        "flag_decision",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("visit_id", sa.Uuid(), nullable=False),
        sa.Column("flag", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("is_derived", sa.Boolean(), nullable=False),
        sa.Column("business_day", sa.Date(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.Column(
            "decided_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "decision in ('ACCEPTED', 'REJECTED')", name=op.f("flag_decision_decision_ck")
        ),
        sa.ForeignKeyConstraint(
            ["company_id", "visit_id"],
            ["visit.company_id", "visit.id"],
            name=op.f("flag_decision_company_id_visit_id_fk"),
        ),
        sa.ForeignKeyConstraint(
            ["company_id"], ["company.id"], name=op.f("flag_decision_company_id_fk")
        ),
        sa.PrimaryKeyConstraint(
            "company_id", "visit_id", "flag", "number", name=op.f("flag_decision_pk")
        ),
    )
    op.create_index(
        "flag_decision_day_ix", "flag_decision", ["company_id", "business_day"], unique=False
    )
    op.create_table(
        "target_plan",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("measure", sa.Text(), nullable=False),
        sa.Column("region_id", sa.Uuid(), nullable=False),
        sa.Column("division_id", sa.Uuid(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["company_id", "division_id"],
            ["division.company_id", "division.id"],
            name=op.f("target_plan_company_id_division_id_fk"),
        ),
        sa.ForeignKeyConstraint(
            ["company_id", "region_id"],
            ["region.company_id", "region.id"],
            name=op.f("target_plan_company_id_region_id_fk"),
        ),
        sa.ForeignKeyConstraint(
            ["company_id"], ["company.id"], name=op.f("target_plan_company_id_fk")
        ),
        sa.PrimaryKeyConstraint("company_id", "id", name=op.f("target_plan_pk")),
        sa.UniqueConstraint(
            "company_id",
            "year",
            "measure",
            "region_id",
            "division_id",
            name="target_plan_scope_uq",
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_table(
        "target",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("position_id", sa.Uuid(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("measure", sa.Text(), nullable=False),
        sa.Column("product_group", sa.Text(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("target_plan_id", sa.Uuid(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("actual", sa.BigInteger(), nullable=False),
        sa.Column("working_days_gone", sa.Integer(), nullable=False),
        sa.Column("working_days", sa.Integer(), nullable=False),
        sa.Column("as_of", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["company_id", "position_id"],
            ["position.company_id", "position.id"],
            name=op.f("target_company_id_position_id_fk"),
        ),
        sa.ForeignKeyConstraint(
            ["company_id", "target_plan_id"],
            ["target_plan.company_id", "target_plan.id"],
            name=op.f("target_company_id_target_plan_id_fk"),
        ),
        sa.ForeignKeyConstraint(["company_id"], ["company.id"], name=op.f("target_company_id_fk")),
        sa.PrimaryKeyConstraint("company_id", "id", name=op.f("target_pk")),
    )
    op.create_index(
        "target_month_ix", "target", ["company_id", "month", "position_id"], unique=False
    )
    op.create_index("target_plan_ix", "target", ["company_id", "target_plan_id"], unique=False)
    op.create_table(
        "target_node",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("target_plan_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("parent_id", sa.Uuid(), nullable=True),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("month", sa.Date(), nullable=True),
        sa.Column("region_id", sa.Uuid(), nullable=True),
        sa.Column("position_id", sa.Uuid(), nullable=True),
        sa.Column("product_group", sa.Text(), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("is_pinned", sa.Boolean(), nullable=False),
        sa.Column("is_carried", sa.Boolean(), nullable=False),
        sa.Column("last_year", sa.BigInteger(), nullable=False),
        sa.Column("potential", sa.BigInteger(), nullable=False),
        sa.Column("weight", sa.Text(), nullable=False),
        sa.Column("floor", sa.BigInteger(), nullable=False),
        sa.Column("remainder", sa.Text(), nullable=False),
        sa.Column("has_extra", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "level in ('YEAR', 'MONTH', 'REGION', 'POSITION', 'GROUP')",
            name=op.f("target_node_level_ck"),
        ),
        sa.ForeignKeyConstraint(
            ["company_id", "target_plan_id"],
            ["target_plan.company_id", "target_plan.id"],
            name=op.f("target_node_company_id_target_plan_id_fk"),
        ),
        sa.ForeignKeyConstraint(
            ["company_id"], ["company.id"], name=op.f("target_node_company_id_fk")
        ),
        sa.PrimaryKeyConstraint(
            "company_id", "target_plan_id", "version", "id", name=op.f("target_node_pk")
        ),
    )
    op.create_index(
        "target_node_parent_ix",
        "target_node",
        ["company_id", "target_plan_id", "version", "parent_id"],
        unique=False,
    )
    op.create_table(
        "target_plan_version",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("target_plan_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("weight_last_year", sa.Integer(), nullable=False),
        sa.Column("weight_potential", sa.Integer(), nullable=False),
        sa.Column("weight_equal", sa.Integer(), nullable=False),
        sa.Column("options", postgresql.JSONB(), nullable=False),
        sa.Column("from_month", sa.Date(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column(
            "made_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["company_id", "target_plan_id"],
            ["target_plan.company_id", "target_plan.id"],
            name=op.f("target_plan_version_company_id_target_plan_id_fk"),
        ),
        sa.ForeignKeyConstraint(
            ["company_id"], ["company.id"], name=op.f("target_plan_version_company_id_fk")
        ),
        sa.PrimaryKeyConstraint(
            "company_id", "target_plan_id", "version", name=op.f("target_plan_version_pk")
        ),
    )
    app = os.environ.get("ROADBOOK_APP_ROLE", "roadbook_app")
    current = "nullif(current_setting('roadbook.company', true), '')::integer"
    for table in TABLES:
        op.execute(f"alter table {table} enable row level security")
        op.execute(f"create policy of_company on {table} using (company_id = {current})")
        rights = "select, insert" if table in APPEND_ONLY else "select, insert, update, delete"
        op.execute(f'grant {rights} on {table} to "{app}"')
