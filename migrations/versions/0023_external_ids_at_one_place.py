"""What records are called elsewhere stands in `external_id` alone; what was released of kept items is found
by when.

The columns of the catalogue named no system: what they hold was an ERP's.
"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"

TABLES = ("account", "product", "price_list", "promotion")


def upgrade() -> None:
    for table in TABLES:
        op.execute(
            "insert into external_id (company_id, system, kind, external_id, record_id)"
            f" select company_id, 'ERP', '{table}', external_id, id from {table}"
            " where external_id is not null on conflict do nothing"
        )
        op.drop_constraint(op.f(f"{table}_company_id_external_id_uq"), table, type_="unique")
        op.drop_column(table, "external_id")
    op.create_index(
        "kept_item_decided_ix",
        "kept_item",
        ["company_id", "decided_at"],
        postgresql_where=sa.text("state = 'RELEASED'"),
    )
