"""Find what waits of one topic, and what a wrong clock dates after its receipt, without looking at the rest."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    op.create_index(
        "outbox_topic_ix",
        "outbox",
        ["company_id", "topic", "id"],
        postgresql_where=sa.text("not is_set_aside"),
    )
    for table, moment in (("visit", "began_at"), ("order_header", "ordered_at")):
        op.create_index(
            f"{table}_ahead_ix",
            table,
            ["company_id", "store_id"],
            postgresql_where=sa.text(f"{moment} > received_at"),
        )
