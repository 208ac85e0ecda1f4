"""What commands and jobs changed is found by how they are called."""

import sqlalchemy as sa
from alembic import op

revision = "0045"
down_revision = "0044"


def upgrade() -> None:
    op.create_index(
        "change_log_command_ix",
        "change_log",
        ["company_id", "actor", "at", "id"],
        postgresql_where=sa.text("person_id is null"),
    )


def downgrade() -> None:
    op.drop_index("change_log_command_ix", "change_log")
