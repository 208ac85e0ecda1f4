"""Records that go wherever another one goes."""

import os

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "companion",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("lead_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("company_id", "id", "lead_id", name="companion_pk"),
    )
    op.create_index("companion_lead_id_ix", "companion", ["company_id", "lead_id"])
    app = os.environ.get("ROADBOOK_APP_ROLE", "roadbook_app")
    current = "nullif(current_setting('roadbook.company', true), '')::integer"
    op.execute("alter table companion enable row level security")
    op.execute(f"create policy of_company on companion using (company_id = {current})")
    op.execute(f'grant select, insert, update, delete on companion to "{app}"')
