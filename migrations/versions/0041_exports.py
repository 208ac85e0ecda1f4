"""Long lists become files while whoever asked does something else."""

import os

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0041"
down_revision = "0040"


def upgrade() -> None:
    op.create_table(
        "export_run",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("form", sa.Text(), nullable=False),
        sa.Column("arguments", postgresql.JSONB(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("rows_done", sa.Integer(), server_default="0", nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.Column(
            "asked_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("held_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state in ('WAITING', 'RUNNING', 'READY', 'FAILED')", name=op.f("export_run_state_ck")
        ),
        sa.CheckConstraint("form in ('csv', 'xlsx')", name=op.f("export_run_form_ck")),
        sa.ForeignKeyConstraint(
            ["company_id"], ["company.id"], name=op.f("export_run_company_id_fk")
        ),
        sa.ForeignKeyConstraint(
            ["company_id", "person_id"],
            ["person.company_id", "person.id"],
            name=op.f("export_run_company_id_person_id_fk"),
        ),
        sa.PrimaryKeyConstraint("company_id", "id", name=op.f("export_run_pk")),
    )
    op.create_index(
        "export_run_person_id_ix", "export_run", ["company_id", "person_id", "asked_at"]
    )
    op.create_index("export_run_asked_at_ix", "export_run", ["company_id", "asked_at"])
    app = os.environ.get("ROADBOOK_APP_ROLE", "roadbook_app")
    current = "nullif(current_setting('roadbook.company', true), '')::integer"
    op.execute("alter table export_run enable row level security")
    op.execute(f"create policy of_company on export_run using (company_id = {current})")
    op.execute(f'grant select, insert, update, delete on export_run to "{app}"')


def downgrade() -> None:
    op.drop_table("export_run")
