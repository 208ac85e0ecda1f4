"""Files that people bring to a page are imported by workers; exports can be cancelled and say how many rows they have."""

import os

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0042"
down_revision = "0041"

STATES = (
    "'WAITING', 'LOOKING', 'FAULTY', 'READY', 'CONFIRMED', 'WRITING', 'DONE', 'STOPPED', 'CANCELLED', "
    "'FAILED'"
)


def upgrade() -> None:
    op.create_table(
        "asked_import",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("sheet", sa.Text(), nullable=True),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("system", sa.Text(), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("turn", sa.Integer(), server_default="0", nullable=False),
        sa.Column("held_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done", sa.Integer(), server_default="0", nullable=False),
        sa.Column("to_do", sa.Integer(), server_default="0", nullable=False),
        sa.Column("report", postgresql.JSONB(), nullable=True),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.Column("has_marked", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=True),
        *(
            sa.Column(
                name,
                sa.DateTime(timezone=True),
                server_default=sa.text("now()"),
                nullable=False,
            )
            for name in ("asked_at", "changed_at")
        ),
        sa.CheckConstraint(f"state in ({STATES})", name=op.f("asked_import_state_ck")),
        sa.ForeignKeyConstraint(
            ["company_id"], ["company.id"], name=op.f("asked_import_company_id_fk")
        ),
        sa.ForeignKeyConstraint(
            ["company_id", "person_id"],
            ["person.company_id", "person.id"],
            name=op.f("asked_import_company_id_person_id_fk"),
        ),
        sa.PrimaryKeyConstraint("company_id", "id", name=op.f("asked_import_pk")),
    )
    op.create_index("asked_import_asked_at_ix", "asked_import", ["company_id", "asked_at"])
    op.create_index(
        "asked_import_person_id_ix", "asked_import", ["company_id", "person_id", "asked_at"]
    )
    app = os.environ.get("ROADBOOK_APP_ROLE", "roadbook_app")
    current = "nullif(current_setting('roadbook.company', true), '')::integer"
    op.execute("alter table asked_import enable row level security")
    op.execute(f"create policy of_company on asked_import using (company_id = {current})")
    op.execute(f'grant select, insert, update, delete on asked_import to "{app}"')
    op.add_column("export_run", sa.Column("rows_expected", sa.Integer(), nullable=True))
    op.drop_constraint(op.f("export_run_state_ck"), "export_run")
    op.create_check_constraint(
        op.f("export_run_state_ck"),
        "export_run",
        "state in ('WAITING', 'RUNNING', 'READY', 'FAILED', 'CANCELLED')",
    )


def downgrade() -> None:
    op.execute("delete from export_run where state = 'CANCELLED'")
    op.drop_constraint(op.f("export_run_state_ck"), "export_run")
    op.create_check_constraint(
        op.f("export_run_state_ck"),
        "export_run",
        "state in ('WAITING', 'RUNNING', 'READY', 'FAILED')",
    )
    op.drop_column("export_run", "rows_expected")
    op.drop_table("asked_import")
