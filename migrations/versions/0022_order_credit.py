"""Know when a delivery was heard of, for the credit of accounts; find what came back of an order."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    op.add_column("order_header", sa.Column("delivery_known_at", sa.DateTime(timezone=True)))
    op.execute(
        "update order_header set delivery_known_at = delivered_at where delivered_at is not null"
    )
    op.create_index(
        "order_header_returns_ix",
        "order_header",
        ["company_id", "returns_order_id"],
        postgresql_where=sa.text("returns_order_id is not null"),
    )
