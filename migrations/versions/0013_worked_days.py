"""A day of the calendar may be worked whatever its weekday, and says which country's it is."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.add_column(
        "holiday", sa.Column("is_worked", sa.Boolean(), server_default="false", nullable=False)
    )
    op.add_column("holiday", sa.Column("calendar", sa.Text(), nullable=True))
