"""Form templates with their versions, what was answered to them, and the measures in the answers."""

import os

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0018"
down_revision = "0017"

TABLES = (
    "form_answer",
    "form_answer_version",
    "form_measure",
    "form_template",
    "form_template_version",
)
APPEND_ONLY = ("form_answer_version", "form_template_version")


def upgrade() -> None:
    op.create_table(
        "form_template",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column(
            "draft", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True
        ),
        sa.Column("drafted_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state in ('DRAFT', 'PUBLISHED', 'RETIRED')", name=op.f("form_template_state_ck")
        ),
        sa.ForeignKeyConstraint(
            ["company_id"], ["company.id"], name=op.f("form_template_company_id_fk")
        ),
        sa.PrimaryKeyConstraint("company_id", "id", name=op.f("form_template_pk")),
        sa.UniqueConstraint("company_id", "code", name=op.f("form_template_company_id_code_uq")),
    )
    op.create_table(
        "form_template_version",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("template_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column(
            "definition", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False
        ),
        sa.Column("division_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("published_by", sa.Text(), nullable=False),
        sa.Column(
            "published_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["company_id", "template_id"],
            ["form_template.company_id", "form_template.id"],
            name=op.f("form_template_version_company_id_template_id_fk"),
        ),
        sa.ForeignKeyConstraint(
            ["company_id"], ["company.id"], name=op.f("form_template_version_company_id_fk")
        ),
        sa.PrimaryKeyConstraint("company_id", "id", name=op.f("form_template_version_pk")),
        sa.UniqueConstraint(
            "company_id",
            "template_id",
            "version",
            name=op.f("form_template_version_company_id_template_id_version_uq"),
        ),
    )
    op.create_table(
        "form_answer",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("template_id", sa.Uuid(), nullable=False),
        sa.Column("template_version", sa.Integer(), nullable=False),
        sa.Column("visit_id", sa.Uuid(), nullable=False),
        sa.Column("store_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("position_id", sa.Uuid(), nullable=True),
        sa.Column("business_day", sa.Date(), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("score_over", sa.BigInteger(), nullable=False),
        sa.Column("score_out_of", sa.BigInteger(), nullable=False),
        sa.Column("score_e2", sa.Integer(), nullable=True),
        sa.Column("flags", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("company_id", "id", name=op.f("form_answer_pk")),
    )
    op.create_index(
        "form_answer_day_ix",
        "form_answer",
        ["company_id", "business_day", "person_id"],
        unique=False,
    )
    op.create_index(
        "form_answer_store_ix",
        "form_answer",
        ["company_id", "store_id", "business_day"],
        unique=False,
    )
    op.create_index("form_answer_visit_ix", "form_answer", ["company_id", "visit_id"], unique=False)
    op.create_table(
        "form_answer_version",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column(
            "answered", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True
        ),
        sa.Column("trust", sa.Text(), nullable=False),
        sa.Column(
            "answers", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False
        ),
        sa.Column(
            "computed", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False
        ),
        sa.Column(
            "points", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False
        ),
        sa.Column(
            "sent", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False
        ),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("company_id", "id", "version", name=op.f("form_answer_version_pk")),
    )
    op.create_table(
        "form_measure",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("answer_id", sa.Uuid(), nullable=False),
        sa.Column("measure", sa.Text(), nullable=False),
        sa.Column("store_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("position_id", sa.Uuid(), nullable=True),
        sa.Column("business_day", sa.Date(), nullable=False),
        sa.Column("numerator", sa.BigInteger(), nullable=True),
        sa.Column("denominator", sa.BigInteger(), nullable=True),
        sa.Column("product_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("numerators", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("denominators", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.PrimaryKeyConstraint("company_id", "answer_id", "measure", name=op.f("form_measure_pk")),
    )
    op.create_index(
        "form_measure_day_ix",
        "form_measure",
        ["company_id", "measure", "business_day"],
        unique=False,
    )
    app = os.environ.get("ROADBOOK_APP_ROLE", "roadbook_app")
    current = "nullif(current_setting('roadbook.company', true), '')::integer"
    for table in TABLES:
        op.execute(f"alter table {table} enable row level security")
        op.execute(f"create policy of_company on {table} using (company_id = {current})")
        rights = "select, insert" if table in APPEND_ONLY else "select, insert, update, delete"
        op.execute(f'grant {rights} on {table} to "{app}"')
