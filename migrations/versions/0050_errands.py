"""What people ask for on pages that takes longer than a page may: regions drawn anew, the quarantine released."""

import os

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0050"
down_revision = "0049"

STATES = "'WAITING', 'LOOKING', 'READY', 'CONFIRMED', 'DOING', 'DONE', 'CANCELLED', 'FAILED'"


def upgrade() -> None:
    op.create_table(
        "errand",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("request", postgresql.JSONB(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("turn", sa.Integer(), server_default="0", nullable=False),
        sa.Column("held_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done", sa.Integer(), server_default="0", nullable=False),
        sa.Column("to_do", sa.Integer(), server_default="0", nullable=False),
        sa.Column("report", postgresql.JSONB(), nullable=True),
        sa.Column("failure", sa.Text(), nullable=True),
        *(
            sa.Column(
                name,
                sa.DateTime(timezone=True),
                server_default=sa.text("now()"),
                nullable=False,
            )
            for name in ("asked_at", "changed_at")
        ),
        sa.CheckConstraint(f"state in ({STATES})", name=op.f("errand_state_ck")),
        sa.ForeignKeyConstraint(["company_id"], ["company.id"], name=op.f("errand_company_id_fk")),
        sa.ForeignKeyConstraint(
            ["company_id", "person_id"],
            ["person.company_id", "person.id"],
            name=op.f("errand_company_id_person_id_fk"),
        ),
        sa.PrimaryKeyConstraint("company_id", "id", name=op.f("errand_pk")),
    )
    op.create_index("errand_asked_at_ix", "errand", ["company_id", "asked_at"])
    op.create_index("errand_person_id_ix", "errand", ["company_id", "person_id", "asked_at"])
    app = os.environ.get("ROADBOOK_APP_ROLE", "roadbook_app")
    current = "nullif(current_setting('roadbook.company', true), '')::integer"
    op.execute("alter table errand enable row level security")
    op.execute(f"create policy of_company on errand using (company_id = {current})")
    op.execute(f'grant select, insert, update, delete on errand to "{app}"')


def downgrade() -> None:
    op.drop_table("errand")
