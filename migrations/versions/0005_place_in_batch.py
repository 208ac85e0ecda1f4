"""Kept items remember where they stood in their batch, to be judged again in the order they came."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("kept_item", sa.Column("place", sa.Integer(), server_default="0", nullable=False))
