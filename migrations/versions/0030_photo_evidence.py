"""What pictures look like, and what was found about photos."""

import os
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0030"
down_revision = "0029"

APPEND_ONLY = ("photo_evidence", "file_evidence")
TABLES = ("photo_hash", "photo_look", *APPEND_ONLY)


def upgrade() -> None:
    op.create_table(
        "photo_hash",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("phash", sa.BigInteger(), nullable=False),
        sa.Column("detail", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("company_id", "sha256", name=op.f("photo_hash_pk")),
        sa.ForeignKeyConstraint(
            ["company_id"], ["company.id"], name=op.f("photo_hash_company_id_fk")
        ),
    )
    op.create_index("photo_hash_phash_ix", "photo_hash", ["company_id", "phash"])
    op.create_table(
        "photo_look",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("phash", sa.BigInteger(), nullable=False),
        sa.Column("part_a", sa.Integer(), nullable=False),
        sa.Column("part_b", sa.Integer(), nullable=False),
        sa.Column("part_c", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("company_id", "phash", name=op.f("photo_look_pk")),
        sa.ForeignKeyConstraint(
            ["company_id"], ["company.id"], name=op.f("photo_look_company_id_fk")
        ),
    )
    for part in ("part_a", "part_b", "part_c"):
        op.create_index(f"photo_look_{part}_ix", "photo_look", ["company_id", part, "phash"])
    _create_evidence("photo_evidence", sa.Column("photo_id", sa.Uuid(), nullable=False))
    _create_evidence(
        "file_evidence",
        sa.Column("audit_visit_id", sa.Uuid(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
    )
    app = os.environ.get("ROADBOOK_APP_ROLE", "roadbook_app")
    current = "nullif(current_setting('roadbook.company', true), '')::integer"
    for table in TABLES:
        op.execute(f"alter table {table} enable row level security")
        op.execute(f"create policy of_company on {table} using (company_id = {current})")
        rights = "select, insert" if table in APPEND_ONLY else "select, insert, update, delete"
        op.execute(f'grant {rights} on {table} to "{app}"')


def _create_evidence(name: str, *about: sa.Column[Any]) -> None:
    op.create_table(
        name,
        sa.Column("company_id", sa.Integer(), nullable=False),
        *about,
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("reader_version", sa.Integer(), nullable=True),
        sa.Column("policy_version", sa.Integer(), nullable=False),
        sa.Column(
            "evidence", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False
        ),
        sa.Column(
            "flags", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False
        ),
        sa.Column(
            "judged_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint(
            "company_id", *(column.name for column in about), "version", name=op.f(f"{name}_pk")
        ),
        sa.ForeignKeyConstraint(["company_id"], ["company.id"], name=op.f(f"{name}_company_id_fk")),
    )
