"""The organisation: companies, regions, people, positions, devices."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "company",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("key", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("is_demo", sa.Boolean(), server_default="false", nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("company_pk")),
        sa.UniqueConstraint("code", name=op.f("company_code_uq")),
        sa.UniqueConstraint("key", name=op.f("company_key_uq")),
    )
    op.create_table(
        "policy",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("settings", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "since", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.ForeignKeyConstraint(["company_id"], ["company.id"], name=op.f("policy_company_id_fk")),
        sa.PrimaryKeyConstraint("company_id", "version", name=op.f("policy_pk")),
    )
    op.create_table(
        "holiday",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["company_id"], ["company.id"], name=op.f("holiday_company_id_fk")),
        sa.PrimaryKeyConstraint("company_id", "day", name=op.f("holiday_pk")),
    )
    op.create_table(
        "division",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["company_id"], ["company.id"], name=op.f("division_company_id_fk")
        ),
        sa.PrimaryKeyConstraint("company_id", "id", name=op.f("division_pk")),
        sa.UniqueConstraint("company_id", "code", name=op.f("division_company_id_code_uq")),
    )
    op.create_table(
        "region",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("parent_id", sa.Uuid(), nullable=True),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("boundary", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.ForeignKeyConstraint(
            ["company_id", "parent_id"],
            ["region.company_id", "region.id"],
            name=op.f("region_company_id_parent_id_fk"),
        ),
        sa.ForeignKeyConstraint(["company_id"], ["company.id"], name=op.f("region_company_id_fk")),
        sa.PrimaryKeyConstraint("company_id", "id", name=op.f("region_pk")),
        sa.UniqueConstraint("company_id", "code", name=op.f("region_company_id_code_uq")),
    )
    op.create_index("region_parent_id_ix", "region", ["company_id", "parent_id"], unique=False)
    op.create_table(
        "person",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("left_on", sa.Date(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(["company_id"], ["company.id"], name=op.f("person_company_id_fk")),
        sa.PrimaryKeyConstraint("company_id", "id", name=op.f("person_pk")),
        sa.UniqueConstraint("company_id", "email", name=op.f("person_company_id_email_uq")),
    )
    op.create_table(
        "position",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("region_id", sa.Uuid(), nullable=False),
        sa.Column("division_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "role in ('rep', 'supervisor', 'regional_manager', 'auditor', 'driver', 'admin')",
            name=op.f("position_role_ck"),
        ),
        sa.ForeignKeyConstraint(
            ["company_id", "division_id"],
            ["division.company_id", "division.id"],
            name=op.f("position_company_id_division_id_fk"),
        ),
        sa.ForeignKeyConstraint(
            ["company_id", "region_id"],
            ["region.company_id", "region.id"],
            name=op.f("position_company_id_region_id_fk"),
        ),
        sa.ForeignKeyConstraint(
            ["company_id"], ["company.id"], name=op.f("position_company_id_fk")
        ),
        sa.PrimaryKeyConstraint("company_id", "id", name=op.f("position_pk")),
        sa.UniqueConstraint("company_id", "code", name=op.f("position_company_id_code_uq")),
    )
    op.create_index("position_region_id_ix", "position", ["company_id", "region_id"], unique=False)
    op.create_table(
        "occupancy",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("position_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("is_acting", sa.Boolean(), server_default="false", nullable=False),
        sa.CheckConstraint(
            "ends_on is null or ends_on >= starts_on", name=op.f("occupancy_period_ck")
        ),
        sa.ForeignKeyConstraint(
            ["company_id", "person_id"],
            ["person.company_id", "person.id"],
            name=op.f("occupancy_company_id_person_id_fk"),
        ),
        sa.ForeignKeyConstraint(
            ["company_id", "position_id"],
            ["position.company_id", "position.id"],
            name=op.f("occupancy_company_id_position_id_fk"),
        ),
        sa.ForeignKeyConstraint(
            ["company_id"], ["company.id"], name=op.f("occupancy_company_id_fk")
        ),
        sa.PrimaryKeyConstraint("company_id", "id", name=op.f("occupancy_pk")),
    )
    op.create_index(
        "occupancy_person_id_ix", "occupancy", ["company_id", "person_id"], unique=False
    )
    op.create_index(
        "occupancy_position_id_ix", "occupancy", ["company_id", "position_id"], unique=False
    )
    op.create_table(
        "device",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=True),
        sa.Column("next_token_hash", sa.LargeBinary(), nullable=True),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("os", sa.Text(), nullable=False),
        sa.Column("app_version", sa.Text(), nullable=False),
        sa.Column("contract", sa.Integer(), nullable=False),
        sa.Column(
            "enrolled_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outbox_count", sa.Integer(), nullable=True),
        sa.Column("outbox_oldest_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outbox_bytes", sa.BigInteger(), nullable=True),
        sa.Column("clock_offset_ms", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "state in ('ACTIVE', 'DRAINING', 'WIPED', 'REVOKED')", name=op.f("device_state_ck")
        ),
        sa.ForeignKeyConstraint(
            ["company_id", "person_id"],
            ["person.company_id", "person.id"],
            name=op.f("device_company_id_person_id_fk"),
        ),
        sa.ForeignKeyConstraint(["company_id"], ["company.id"], name=op.f("device_company_id_fk")),
        sa.PrimaryKeyConstraint("company_id", "id", name=op.f("device_pk")),
    )
    op.create_index("device_person_id_ix", "device", ["company_id", "person_id"], unique=False)
    op.create_table(
        "enrolment_code",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("handle", sa.Text(), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tries_left", sa.Integer(), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("device_id", sa.Uuid(), nullable=True),
        sa.Column(
            "issued_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("issued_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["company_id", "person_id"],
            ["person.company_id", "person.id"],
            name=op.f("enrolment_code_company_id_person_id_fk"),
        ),
        sa.ForeignKeyConstraint(
            ["company_id"], ["company.id"], name=op.f("enrolment_code_company_id_fk")
        ),
        sa.PrimaryKeyConstraint("company_id", "handle", name=op.f("enrolment_code_pk")),
    )
    op.create_table(
        "change_log",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject_kind", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Text(), nullable=False),
        sa.Column("before", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("after", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.ForeignKeyConstraint(
            ["company_id"], ["company.id"], name=op.f("change_log_company_id_fk")
        ),
        sa.PrimaryKeyConstraint("company_id", "id", name=op.f("change_log_pk")),
    )
    op.create_index(
        "change_log_subject_ix",
        "change_log",
        ["company_id", "subject_kind", "subject_id"],
        unique=False,
    )
