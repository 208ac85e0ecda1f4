"""People sign in at a browser, and choose the language in which pages speak to them."""

import os

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"


def upgrade() -> None:
    op.add_column("person", sa.Column("language", sa.Text(), nullable=True))
    op.create_table(
        "browser_session",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("browser", sa.Text(), nullable=False),
        sa.Column(
            "began_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column(
            "seen_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["company_id"], ["company.id"], name=op.f("browser_session_company_id_fk")
        ),
        sa.ForeignKeyConstraint(
            ["company_id", "person_id"],
            ["person.company_id", "person.id"],
            name=op.f("browser_session_company_id_person_id_fk"),
        ),
        sa.PrimaryKeyConstraint("company_id", "id", name=op.f("browser_session_pk")),
        sa.UniqueConstraint(
            "company_id", "token_hash", name=op.f("browser_session_company_id_token_hash_uq")
        ),
    )
    op.create_index("browser_session_person_id_ix", "browser_session", ["company_id", "person_id"])
    app = os.environ.get("ROADBOOK_APP_ROLE", "roadbook_app")
    current = "nullif(current_setting('roadbook.company', true), '')::integer"
    op.execute("alter table browser_session enable row level security")
    op.execute(f"create policy of_company on browser_session using (company_id = {current})")
    op.execute(f'grant select, insert, update, delete on browser_session to "{app}"')


def downgrade() -> None:
    op.drop_table("browser_session")
    op.drop_column("person", "language")
