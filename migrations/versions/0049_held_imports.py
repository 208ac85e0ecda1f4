"""How many bytes of an import are in the storage."""

import sqlalchemy as sa
from alembic import op

revision = "0049"
down_revision = "0048"


def upgrade() -> None:
    op.add_column(
        "asked_import",
        sa.Column("held_bytes", sa.BigInteger(), server_default="0", nullable=False),
    )
    op.execute("update asked_import set held_bytes = size")


def downgrade() -> None:
    op.drop_column("asked_import", "held_bytes")
