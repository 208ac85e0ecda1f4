"""The first kinds: stores, routes, day plans, visits, attendance, proposals."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "store",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("store_class", sa.Text(), nullable=True),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("contact_name", sa.Text(), nullable=True),
        sa.Column("contact_phone", sa.Text(), nullable=True),
        sa.Column("opening_hours", sa.Text(), nullable=True),
        sa.Column("delivery_note", sa.Text(), nullable=True),
        sa.Column("lat_e7", sa.Integer(), nullable=True),
        sa.Column("lon_e7", sa.Integer(), nullable=True),
        sa.Column("fence_radius_m", sa.Integer(), nullable=True),
        sa.Column("region_id", sa.Uuid(), nullable=True),
        sa.Column("position_id", sa.Uuid(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("proposed_by", sa.Uuid(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "status in ('ACTIVE', 'PROPOSED', 'CLOSED', 'REFUSED')", name=op.f("store_status_ck")
        ),
        sa.CheckConstraint("(lat_e7 is null) = (lon_e7 is null)", name=op.f("store_pin_ck")),
        sa.ForeignKeyConstraint(
            ["company_id", "position_id"],
            ["position.company_id", "position.id"],
            name=op.f("store_company_id_position_id_fk"),
        ),
        sa.ForeignKeyConstraint(
            ["company_id", "region_id"],
            ["region.company_id", "region.id"],
            name=op.f("store_company_id_region_id_fk"),
        ),
        sa.ForeignKeyConstraint(["company_id"], ["company.id"], name=op.f("store_company_id_fk")),
        sa.PrimaryKeyConstraint("company_id", "id", name=op.f("store_pk")),
        sa.UniqueConstraint("company_id", "code", name=op.f("store_company_id_code_uq")),
    )
    op.create_index("store_position_id_ix", "store", ["company_id", "position_id"], unique=False)
    op.create_index("store_region_id_ix", "store", ["company_id", "region_id"], unique=False)
    op.create_table(
        "route",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("position_id", sa.Uuid(), nullable=False),
        sa.Column("division_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default="true", nullable=False),
        sa.ForeignKeyConstraint(
            ["company_id", "division_id"],
            ["division.company_id", "division.id"],
            name=op.f("route_company_id_division_id_fk"),
        ),
        sa.ForeignKeyConstraint(
            ["company_id", "position_id"],
            ["position.company_id", "position.id"],
            name=op.f("route_company_id_position_id_fk"),
        ),
        sa.ForeignKeyConstraint(["company_id"], ["company.id"], name=op.f("route_company_id_fk")),
        sa.PrimaryKeyConstraint("company_id", "id", name=op.f("route_pk")),
    )
    op.create_index("route_position_id_ix", "route", ["company_id", "position_id"], unique=False)
    op.create_table(
        "route_stop",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("route_id", sa.Uuid(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("store_id", sa.Uuid(), nullable=False),
        sa.Column("rule", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["company_id", "route_id"],
            ["route.company_id", "route.id"],
            name=op.f("route_stop_company_id_route_id_fk"),
        ),
        sa.ForeignKeyConstraint(
            ["company_id", "store_id"],
            ["store.company_id", "store.id"],
            name=op.f("route_stop_company_id_store_id_fk"),
        ),
        sa.ForeignKeyConstraint(
            ["company_id"], ["company.id"], name=op.f("route_stop_company_id_fk")
        ),
        sa.PrimaryKeyConstraint("company_id", "route_id", "sequence", name=op.f("route_stop_pk")),
    )
    op.create_index(
        "route_stop_store_id_ix", "route_stop", ["company_id", "store_id"], unique=False
    )
    op.create_table(
        "day_plan",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("position_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("plan_version", sa.Integer(), nullable=False),
        sa.Column("frozen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "made_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["company_id", "position_id"],
            ["position.company_id", "position.id"],
            name=op.f("day_plan_company_id_position_id_fk"),
        ),
        sa.ForeignKeyConstraint(
            ["company_id"], ["company.id"], name=op.f("day_plan_company_id_fk")
        ),
        sa.PrimaryKeyConstraint("company_id", "id", name=op.f("day_plan_pk")),
        sa.UniqueConstraint(
            "company_id", "position_id", "day", name=op.f("day_plan_company_id_position_id_day_uq")
        ),
    )
    op.create_table(
        "day_plan_stop",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("day_plan_id", sa.Uuid(), nullable=False),
        sa.Column("plan_version", sa.Integer(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("store_id", sa.Uuid(), nullable=False),
        sa.Column("route_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["company_id", "day_plan_id"],
            ["day_plan.company_id", "day_plan.id"],
            name=op.f("day_plan_stop_company_id_day_plan_id_fk"),
        ),
        sa.ForeignKeyConstraint(
            ["company_id", "store_id"],
            ["store.company_id", "store.id"],
            name=op.f("day_plan_stop_company_id_store_id_fk"),
        ),
        sa.ForeignKeyConstraint(
            ["company_id"], ["company.id"], name=op.f("day_plan_stop_company_id_fk")
        ),
        sa.PrimaryKeyConstraint(
            "company_id", "day_plan_id", "plan_version", "sequence", name=op.f("day_plan_stop_pk")
        ),
    )
    op.create_table(
        "visit",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("position_id", sa.Uuid(), nullable=True),
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("store_id", sa.Uuid(), nullable=False),
        sa.Column("day_plan_id", sa.Uuid(), nullable=True),
        sa.Column("is_by_phone", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("business_day", sa.Date(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("trust", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=True),
        sa.Column("distance_cm", sa.Integer(), nullable=True),
        sa.Column("flags", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("state in ('OPEN', 'DONE', 'SKIPPED')", name=op.f("visit_state_ck")),
        sa.PrimaryKeyConstraint("company_id", "id", name=op.f("visit_pk")),
    )
    op.create_index(
        "visit_day_ix", "visit", ["company_id", "person_id", "business_day"], unique=False
    )
    op.create_index(
        "visit_store_ix", "visit", ["company_id", "store_id", "business_day"], unique=False
    )
    op.create_table(
        "attendance",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("position_id", sa.Uuid(), nullable=True),
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("business_day", sa.Date(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("trust", sa.Text(), nullable=False),
        sa.Column("flags", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("event in ('ON', 'BREAK', 'OFF')", name=op.f("attendance_event_ck")),
        sa.PrimaryKeyConstraint("company_id", "id", name=op.f("attendance_pk")),
    )
    op.create_index(
        "attendance_day_ix", "attendance", ["company_id", "person_id", "business_day"], unique=False
    )
    op.create_table(
        "proposal",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("entity_id", sa.Uuid(), nullable=False),
        sa.Column("base_version", sa.Integer(), nullable=True),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("op_id", sa.Uuid(), nullable=False),
        sa.Column("changes", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("waits_for", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "state in ('WAITING', 'APPROVED', 'REFUSED', 'AMENDED')", name=op.f("proposal_state_ck")
        ),
        sa.ForeignKeyConstraint(
            ["company_id"], ["company.id"], name=op.f("proposal_company_id_fk")
        ),
        sa.PrimaryKeyConstraint("company_id", "id", name=op.f("proposal_pk")),
    )
    op.create_index("proposal_state_ix", "proposal", ["company_id", "state"], unique=False)
    op.create_table(
        "store_division",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("store_id", sa.Uuid(), nullable=False),
        sa.Column("division_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["company_id", "division_id"],
            ["division.company_id", "division.id"],
            name=op.f("store_division_company_id_division_id_fk"),
        ),
        sa.ForeignKeyConstraint(
            ["company_id", "store_id"],
            ["store.company_id", "store.id"],
            name=op.f("store_division_company_id_store_id_fk"),
        ),
        sa.ForeignKeyConstraint(
            ["company_id"], ["company.id"], name=op.f("store_division_company_id_fk")
        ),
        sa.PrimaryKeyConstraint(
            "company_id", "store_id", "division_id", name=op.f("store_division_pk")
        ),
    )
