"""Orders: where each stands, every version, its lines, and what was delivered."""

import os

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"

TABLES = ("order_header", "order_version", "order_line", "order_delivery", "order_series")
# What was ordered is never changed and never removed.
APPEND_ONLY = ("order_version", "order_line")


def upgrade() -> None:
    op.create_table(
        "order_header",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("order_version", sa.Integer(), nullable=False),
        sa.Column("order_type", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("holds", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("position_id", sa.Uuid(), nullable=True),
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("store_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("visit_id", sa.Uuid(), nullable=True),
        sa.Column("returns_order_id", sa.Uuid(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("business_day", sa.Date(), nullable=False),
        sa.Column("ordered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("delivery_on", sa.Date(), nullable=True),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("server_total_minor", sa.BigInteger(), nullable=True),
        sa.Column("likeness", sa.Uuid(), nullable=False),
        sa.Column("look_alike_of", sa.Uuid(), nullable=True),
        sa.Column("driver_position_id", sa.Uuid(), nullable=True),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("delivered_minor", sa.BigInteger(), nullable=True),
        sa.Column("trust", sa.Text(), nullable=False),
        sa.Column("flags", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "order_type in ('SALE', 'RETURN')", name=op.f("order_header_order_type_ck")
        ),
        sa.CheckConstraint(
            "state in ('SUBMITTED', 'ACCEPTED', 'HELD', 'REJECTED', 'CANCELLED', 'CONFIRMED', 'PRINTED', 'DISPATCHED', 'DELIVERED', 'PARTIAL', 'REFUSED', 'CLOSED')",
            name=op.f("order_header_state_ck"),
        ),
        sa.PrimaryKeyConstraint("company_id", "id", name=op.f("order_header_pk")),
    )
    op.create_index(
        "order_header_day_ix", "order_header", ["company_id", "business_day"], unique=False
    )
    op.create_index(
        "order_header_likeness_ix", "order_header", ["company_id", "likeness"], unique=False
    )
    op.create_index(
        "order_header_open_ix",
        "order_header",
        ["company_id", "account_id"],
        unique=False,
        postgresql_where=sa.text("account_id is not null and state <> 'CLOSED'"),
    )
    op.create_index(
        "order_header_person_ix",
        "order_header",
        ["company_id", "person_id", "business_day"],
        unique=False,
    )
    op.create_index(
        "order_header_state_ix",
        "order_header",
        ["company_id", "state", "business_day"],
        unique=False,
    )
    op.create_index(
        "order_header_store_ix",
        "order_header",
        ["company_id", "store_id", "business_day"],
        unique=False,
    )
    op.create_table(
        "order_version",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("order_version", sa.Integer(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("server_total_minor", sa.BigInteger(), nullable=True),
        sa.Column("holds", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("prices_as_of", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "price_lists",
            postgresql.JSONB(none_as_null=True, astext_type=sa.Text()),
            nullable=False,
        ),
        sa.Column(
            "promotions", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False
        ),
        sa.Column("delivery_on", sa.Date(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint(
            "company_id", "order_id", "order_version", name=op.f("order_version_pk")
        ),
    )
    op.create_table(
        "order_line",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("order_version", sa.Integer(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("price_minor", sa.BigInteger(), nullable=False),
        sa.Column("discount_minor", sa.BigInteger(), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column(
            "taken", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True
        ),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("server_price_minor", sa.BigInteger(), nullable=True),
        sa.Column("server_discount_minor", sa.BigInteger(), nullable=True),
        sa.Column("server_total_minor", sa.BigInteger(), nullable=True),
        sa.Column("price_list_id", sa.Uuid(), nullable=True),
        sa.Column("price_list_version", sa.Integer(), nullable=True),
        sa.Column("from_quantity", sa.Integer(), nullable=True),
        sa.Column(
            "server_taken",
            postgresql.JSONB(none_as_null=True, astext_type=sa.Text()),
            nullable=True,
        ),
        sa.PrimaryKeyConstraint(
            "company_id", "order_id", "order_version", "line", name=op.f("order_line_pk")
        ),
    )
    op.create_index(
        "order_line_product_ix", "order_line", ["company_id", "product_id"], unique=False
    )
    op.create_table(
        "order_delivery",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("order_version", sa.Integer(), nullable=False),
        sa.Column("delivered", sa.Integer(), nullable=False),
        sa.Column("short", sa.Integer(), nullable=False),
        sa.Column("returned", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("delivered_minor", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("company_id", "order_id", "line", name=op.f("order_delivery_pk")),
    )
    op.create_table(
        "order_series",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("series", sa.Integer(), nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("company_id", "person_id", name=op.f("order_series_pk")),
        sa.UniqueConstraint("company_id", "series", name="order_series_raced"),
    )
    app = os.environ.get("ROADBOOK_APP_ROLE", "roadbook_app")
    current = "nullif(current_setting('roadbook.company', true), '')::integer"
    for table in TABLES:
        op.execute(f"alter table {table} enable row level security")
        op.execute(f"create policy of_company on {table} using (company_id = {current})")
        rights = "select, insert" if table in APPEND_ONLY else "select, insert, update, delete"
        op.execute(f'grant {rights} on {table} to "{app}"')
