"""Index the orders that a driver has to deliver: their stores are on the driver's phone."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    op.create_index(
        "order_header_driver_ix",
        "order_header",
        ["company_id", "driver_position_id"],
        postgresql_where=sa.text("state in ('DISPATCHED', 'DELIVERED', 'PARTIAL', 'REFUSED')"),
    )


def downgrade() -> None:
    op.drop_index("order_header_driver_ix", table_name="order_header")
