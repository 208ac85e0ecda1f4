"""Imports, and what records are called in other systems."""

import os

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0020"
down_revision = "0019"

TABLES = ("external_id", "import_run")


def upgrade() -> None:
    op.create_table(
        "external_id",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("system", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["company_id"], ["company.id"], name=op.f("external_id_company_id_fk")
        ),
        sa.PrimaryKeyConstraint(
            "company_id", "system", "kind", "external_id", name=op.f("external_id_pk")
        ),
        sa.UniqueConstraint(
            "company_id",
            "system",
            "kind",
            "record_id",
            name=op.f("external_id_company_id_system_kind_record_id_uq"),
        ),
    )
    op.create_table(
        "import_run",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("sheet", sa.Text(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("file_digest", sa.LargeBinary(), nullable=False),
        sa.Column("system", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        *(
            sa.Column(
                name,
                sa.DateTime(timezone=True),
                server_default=sa.text("now()"),
                nullable=False,
            )
            for name in ("started_at", "changed_at")
        ),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        *(
            sa.Column(name, sa.Integer(), server_default="0", nullable=False)
            for name in ("rows", "to_do", "added", "changed", "closed", "left_alone")
        ),
        sa.Column("report", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.CheckConstraint(
            "state in ('CHECKING', 'REFUSED', 'APPLYING', 'DONE', 'STOPPED')",
            name=op.f("import_run_state_ck"),
        ),
        sa.ForeignKeyConstraint(
            ["company_id"], ["company.id"], name=op.f("import_run_company_id_fk")
        ),
        sa.PrimaryKeyConstraint("company_id", "id", name=op.f("import_run_pk")),
    )
    op.create_index("import_run_file_ix", "import_run", ["company_id", "sheet", "file_digest"])
    op.create_index("import_run_started_at_ix", "import_run", ["company_id", "started_at"])
    app = os.environ.get("ROADBOOK_APP_ROLE", "roadbook_app")
    current = "nullif(current_setting('roadbook.company', true), '')::integer"
    for table in TABLES:
        op.execute(f"alter table {table} enable row level security")
        op.execute(f"create policy of_company on {table} using (company_id = {current})")
    op.execute(f'grant select, insert, update, delete on external_id to "{app}"')
    op.execute(f'grant select, insert, update on import_run to "{app}"')
