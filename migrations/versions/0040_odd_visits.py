"""Visits with something to decide about are listed from an index of their own."""

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0039"


def upgrade() -> None:
    # Phones go on pushing meanwhile.
    with op.get_context().autocommit_block():
        op.create_index(
            "visit_odd_ix",
            "visit",
            ["company_id", "began_at", "id"],
            postgresql_where=sa.text(
                "flags <> '{}' or verdict in ('OFFSITE', 'UNCERTAIN', 'UNPINNED')"
            ),
            postgresql_concurrently=True,
            if_not_exists=True,
        )


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.drop_index("visit_odd_ix", postgresql_concurrently=True)
