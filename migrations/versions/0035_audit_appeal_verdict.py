"""Keep which verdict an appeal ended with, beside the one that it was against."""

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"


def upgrade() -> None:
    op.add_column("audit_case", sa.Column("appeal_verdict_id", sa.Uuid(), nullable=True))
