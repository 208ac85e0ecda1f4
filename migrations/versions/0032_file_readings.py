"""What is found in files: a reading by each version of the reader, and who is at it."""

import os

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0032"
down_revision = "0031"


def upgrade() -> None:
    op.add_column("file", sa.Column("reading_until", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "file_waiting_ix",
        "file",
        ["company_id", "stored_at"],
        unique=False,
        postgresql_where=sa.text("state = 'STORED'"),
    )
    op.create_table(
        "file_reading",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("reader_version", sa.Integer(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("sharpness", sa.Integer(), nullable=False),
        sa.Column("darkness", sa.Integer(), nullable=False),
        sa.Column("phash", sa.BigInteger(), nullable=True),
        sa.Column("camera_at", sa.DateTime(timezone=False), nullable=True),
        sa.Column("camera_offset_min", sa.Integer(), nullable=True),
        sa.Column("camera_fix_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("camera_lat_e7", sa.Integer(), nullable=True),
        sa.Column("camera_lon_e7", sa.Integer(), nullable=True),
        sa.Column("camera_accuracy_m", sa.Integer(), nullable=True),
        sa.Column("camera_make", sa.Text(), nullable=True),
        sa.Column("camera_model", sa.Text(), nullable=True),
        sa.Column("software", sa.Text(), nullable=True),
        sa.Column("remarks", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column(
            "signs",
            postgresql.JSONB(none_as_null=True, astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.Column(
            "copies", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False
        ),
        sa.Column("took_ms", sa.Integer(), nullable=False),
        sa.Column(
            "read_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.CheckConstraint(
            "(camera_lat_e7 is null) = (camera_lon_e7 is null)",
            name=op.f("file_reading_position_ck"),
        ),
        sa.ForeignKeyConstraint(
            ["company_id", "sha256"],
            ["file.company_id", "file.sha256"],
            name=op.f("file_reading_company_id_sha256_fk"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "company_id", "sha256", "reader_version", name=op.f("file_reading_pk")
        ),
    )
    app = os.environ.get("ROADBOOK_APP_ROLE", "roadbook_app")
    current = "nullif(current_setting('roadbook.company', true), '')::integer"
    op.execute("alter table file_reading enable row level security")
    op.execute(f"create policy of_company on file_reading using (company_id = {current})")
    op.execute(f'grant select, insert on file_reading to "{app}"')
