"""A region without a boundary has null there, not JSON's null, which no `is null` finds."""

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.execute("update region set boundary = null where boundary = 'null'::jsonb")
