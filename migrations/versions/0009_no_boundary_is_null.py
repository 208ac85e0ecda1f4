"""A region without a boundary has null there, not JSON's null, which no `is null` finds."""

from alembic import op

revision = "0009"
down_revision = "0006"


def upgrade() -> None:
    op.execute("update region set boundary = null where boundary = 'null'::jsonb")
