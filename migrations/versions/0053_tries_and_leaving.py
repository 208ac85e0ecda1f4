"""How often an errand was tried since it came further, and which imports have files that are to go."""

import sqlalchemy as sa
from alembic import op

revision = "0053"
down_revision = "0052"


def upgrade() -> None:
    op.add_column("errand", sa.Column("tries", sa.Integer(), server_default="0", nullable=False))
    op.execute("update errand set tries = turn")
    op.add_column(
        "asked_import",
        sa.Column("is_leaving", sa.Boolean(), server_default="false", nullable=False),
    )


def downgrade() -> None:
    op.drop_column("asked_import", "is_leaving")
    op.drop_column("errand", "tries")
