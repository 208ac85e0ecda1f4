"""Index only those orders of an account that take of its credit: the others grow without end."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.drop_index("order_header_open_ix", "order_header")
    op.create_index(
        "order_header_open_ix",
        "order_header",
        ["company_id", "account_id"],
        postgresql_where=sa.text(
            "account_id is not null and state in ('ACCEPTED', 'CONFIRMED', 'PRINTED', 'DISPATCHED',"
            " 'DELIVERED', 'PARTIAL')"
        ),
    )
