"""Questions of pages that take long are answered by a worker, and their answers kept for a while."""

import os

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0048"
down_revision = "0047"


def upgrade() -> None:
    op.create_table(
        "long_answer",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("arguments", postgresql.JSONB(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("held_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state in ('WAITING', 'READING', 'READY', 'FAILED')", name=op.f("long_answer_state_ck")
        ),
        sa.ForeignKeyConstraint(
            ["company_id"], ["company.id"], name=op.f("long_answer_company_id_fk")
        ),
        sa.ForeignKeyConstraint(
            ["company_id", "person_id"],
            ["person.company_id", "person.id"],
            name=op.f("long_answer_company_id_person_id_fk"),
        ),
        sa.PrimaryKeyConstraint("company_id", "id", name=op.f("long_answer_pk")),
    )
    op.create_index(
        "long_answer_person_id_ix", "long_answer", ["company_id", "person_id", "asked_at"]
    )
    op.create_index("long_answer_asked_at_ix", "long_answer", ["company_id", "asked_at"])
    app = os.environ.get("ROADBOOK_APP_ROLE", "roadbook_app")
    current = "nullif(current_setting('roadbook.company', true), '')::integer"
    op.execute("alter table long_answer enable row level security")
    op.execute(f"create policy of_company on long_answer using (company_id = {current})")
    op.execute(f'grant select, insert, update, delete on long_answer to "{app}"')


def downgrade() -> None:
    op.drop_table("long_answer")
