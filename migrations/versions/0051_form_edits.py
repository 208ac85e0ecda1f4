"""Forms are edited on pages: what somebody is making of one is kept for them until it becomes its draft."""

import os

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0051"
down_revision = "0050"


def upgrade() -> None:
    op.create_table(
        "form_edit",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("template_id", sa.Uuid(), nullable=True),
        sa.Column("basis_version", sa.Integer(), nullable=True),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("definition", postgresql.JSONB(none_as_null=True), nullable=False),
        sa.Column("before", postgresql.JSONB(none_as_null=True), nullable=True),
        sa.Column(
            "changed_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["company_id"], ["company.id"], name=op.f("form_edit_company_id_fk")
        ),
        sa.ForeignKeyConstraint(
            ["company_id", "person_id"],
            ["person.company_id", "person.id"],
            name=op.f("form_edit_company_id_person_id_fk"),
        ),
        sa.ForeignKeyConstraint(
            ["company_id", "template_id"],
            ["form_template.company_id", "form_template.id"],
            name=op.f("form_edit_company_id_template_id_fk"),
        ),
        sa.PrimaryKeyConstraint("company_id", "id", name=op.f("form_edit_pk")),
    )
    op.create_index("form_edit_person_id_ix", "form_edit", ["company_id", "person_id"])
    op.create_index("form_edit_template_id_ix", "form_edit", ["company_id", "template_id"])
    app = os.environ.get("ROADBOOK_APP_ROLE", "roadbook_app")
    current = "nullif(current_setting('roadbook.company', true), '')::integer"
    op.execute("alter table form_edit enable row level security")
    op.execute(f"create policy of_company on form_edit using (company_id = {current})")
    op.execute(f'grant select, insert, update, delete on form_edit to "{app}"')


def downgrade() -> None:
    op.drop_table("form_edit")
