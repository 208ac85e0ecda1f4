"""What an account has paid ahead is so as of a moment of its own: setting it says nothing of what the account owes."""

import sqlalchemy as sa
from alembic import op

revision = "0052"
down_revision = "0051"


def upgrade() -> None:
    op.add_column("account", sa.Column("receipts_as_of", sa.DateTime(timezone=True), nullable=True))
    # Both were said at once, as far as is known.
    op.execute("update account set receipts_as_of = as_of")


def downgrade() -> None:
    op.drop_column("account", "receipts_as_of")
