"""Files: stored once per company and digest, and what is being sent of them."""

import os

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"

TABLES = ("file", "file_leaving", "upload")


def upgrade() -> None:
    op.create_table(
        "file",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("reason_code", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column(
            "stored_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("unnamed_since", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state in ('STORED', 'READ', 'SET_ASIDE')", name=op.f("file_state_ck")),
        sa.PrimaryKeyConstraint("company_id", "id", name=op.f("file_pk")),
        sa.UniqueConstraint("company_id", "sha256", name=op.f("file_company_id_sha256_uq")),
    )
    op.create_index(
        "file_aside_ix",
        "file",
        ["company_id", "stored_at"],
        unique=False,
        postgresql_where=sa.text("state = 'SET_ASIDE'"),
    )
    op.create_table(
        "file_leaving",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column(
            "since", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["company_id"], ["company.id"], name=op.f("file_leaving_company_id_fk")
        ),
        sa.PrimaryKeyConstraint("company_id", "sha256", name=op.f("file_leaving_pk")),
    )
    op.create_table(
        "upload",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("received", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("is_at_once", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("metadata", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("state in ('OPEN', 'STORED', 'DROPPED')", name=op.f("upload_state_ck")),
        sa.PrimaryKeyConstraint("company_id", "id", name=op.f("upload_pk")),
    )
    op.create_index(
        "upload_device_ix", "upload", ["company_id", "device_id", "created_at"], unique=False
    )
    op.create_index("upload_expires_ix", "upload", ["company_id", "expires_at"], unique=False)
    app = os.environ.get("ROADBOOK_APP_ROLE", "roadbook_app")
    current = "nullif(current_setting('roadbook.company', true), '')::integer"
    for table in TABLES:
        op.execute(f"alter table {table} enable row level security")
        op.execute(f"create policy of_company on {table} using (company_id = {current})")
        op.execute(f'grant select, insert, update, delete on {table} to "{app}"')
