"""Since when a phone may be wiped, and the log of changes by its time, by person and by kind."""

import sqlalchemy as sa
from alembic import op

revision = "0043"
down_revision = "0042"


def upgrade() -> None:
    op.add_column("device", sa.Column("wiped_at", sa.DateTime(timezone=True), nullable=True))
    # It was told so by its last push, as far as is known.
    op.execute("update device set wiped_at = last_seen_at where state = 'WIPED'")
    op.create_index("change_log_at_ix", "change_log", ["company_id", "at", "id"])
    op.create_index("change_log_person_ix", "change_log", ["company_id", "person_id", "at", "id"])
    op.create_index("change_log_kind_ix", "change_log", ["company_id", "subject_kind", "at", "id"])


def downgrade() -> None:
    op.drop_index("change_log_kind_ix", "change_log")
    op.drop_index("change_log_person_ix", "change_log")
    op.drop_index("change_log_at_ix", "change_log")
    op.drop_column("device", "wiped_at")
