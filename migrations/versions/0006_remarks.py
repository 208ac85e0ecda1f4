"""Remarks: the reasons and the files that accepted items name beside their effect."""

import os

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "remark",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("op_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("op", sa.Text(), nullable=False),
        sa.Column("entity_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("media", postgresql.JSONB(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("company_id", "op_id", name=op.f("remark_pk")),
    )
    op.create_index("remark_entity_id_ix", "remark", ["company_id", "entity_id"])
    app = os.environ.get("ROADBOOK_APP_ROLE", "roadbook_app")
    op.execute("alter table remark enable row level security")
    op.execute(
        "create policy of_company on remark using"
        " (company_id = nullif(current_setting('roadbook.company', true), '')::integer)"
    )
    op.execute(f'grant select, insert, update, delete on remark to "{app}"')
