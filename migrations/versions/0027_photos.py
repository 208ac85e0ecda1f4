"""Photos: that a picture was taken, and what became of it."""

import os

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    op.create_table(
        "photo",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("position_id", sa.Uuid(), nullable=True),
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("store_id", sa.Uuid(), nullable=True),
        sa.Column("visit_id", sa.Uuid(), nullable=True),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("trust", sa.Text(), nullable=False),
        sa.Column("business_day", sa.Date(), nullable=False),
        sa.Column("lat_e7", sa.Integer(), nullable=True),
        sa.Column("lon_e7", sa.Integer(), nullable=True),
        sa.Column("accuracy_cm", sa.Integer(), nullable=True),
        sa.Column("is_mock", sa.Boolean(), nullable=False),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("flags", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state in ('EXPECTED', 'UPLOADING', 'STORED', 'OK', 'FLAGGED', 'PASS', 'FAIL',"
            " 'APPEALED', 'FINAL')",
            name=op.f("photo_state_ck"),
        ),
        sa.CheckConstraint(
            "(lat_e7 is null) = (lon_e7 is null) and (lat_e7 is null) = (accuracy_cm is null)",
            name=op.f("photo_position_ck"),
        ),
        sa.PrimaryKeyConstraint("company_id", "id", name=op.f("photo_pk")),
    )
    op.create_index("photo_sha256_ix", "photo", ["company_id", "sha256"])
    op.create_index("photo_store_ix", "photo", ["company_id", "store_id", "business_day"])
    op.create_index("photo_day_ix", "photo", ["company_id", "person_id", "business_day"])
    op.create_index("photo_visit_ix", "photo", ["company_id", "visit_id"])
    op.create_index(
        "photo_waiting_ix",
        "photo",
        ["company_id", "state", "received_at"],
        postgresql_where=sa.text("state in ('EXPECTED', 'UPLOADING', 'STORED')"),
    )
    app = os.environ.get("ROADBOOK_APP_ROLE", "roadbook_app")
    current = "nullif(current_setting('roadbook.company', true), '')::integer"
    op.execute("alter table photo enable row level security")
    op.execute(f"create policy of_company on photo using (company_id = {current})")
    op.execute(f'grant select, insert, update, delete on photo to "{app}"')
