"""Let a record be at a key for two reasons: by itself and because the key's owner placed it there."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    op.add_column(
        "record_key", sa.Column("is_own", sa.Boolean(), server_default="true", nullable=False)
    )
    op.execute("update record_key set is_own = false where is_placed")
    # What was placed where it is by itself too was kept as the latter alone: a store whose order is on its way
    # to somebody who owns it.
    op.execute(
        "update record_key k set is_placed = true from order_header o"
        " where k.company_id = o.company_id and k.key = o.driver_position_id and k.id = o.store_id"
        " and k.is_own and o.state in ('DISPATCHED', 'DELIVERED', 'PARTIAL', 'REFUSED')"
    )


def downgrade() -> None:
    op.execute("update record_key set is_placed = false where is_own")
    op.drop_column("record_key", "is_own")
