"""The catalogue: products, price lists, promotions, accounts, and bodies that phones fetch."""

import os

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0014"
down_revision = "0013"

TABLES = (
    "account",
    "body",
    "body_reference",
    "must_stock",
    "price_list",
    "price_list_for",
    "price_revision",
    "product",
    "product_unit",
    "promotion",
    "promotion_for",
)
APPEND_ONLY = ("price_list_version", "promotion_version")


def upgrade() -> None:
    op.create_table(
        "account",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("credit_limit_minor", sa.BigInteger(), nullable=True),
        sa.Column("open_receivables_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("unapplied_receipts_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("as_of", sa.DateTime(timezone=True), nullable=True),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint("credit_limit_minor >= 0", name=op.f("account_credit_limit_ck")),
        sa.ForeignKeyConstraint(["company_id"], ["company.id"], name=op.f("account_company_id_fk")),
        sa.PrimaryKeyConstraint("company_id", "id", name=op.f("account_pk")),
        sa.UniqueConstraint("company_id", "code", name=op.f("account_company_id_code_uq")),
        sa.UniqueConstraint(
            "company_id", "external_id", name=op.f("account_company_id_external_id_uq")
        ),
    )
    op.create_table(
        "body",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("zstd", sa.LargeBinary(), nullable=False),
        sa.Column("gzip", sa.LargeBinary(), nullable=False),
        sa.Column(
            "made_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.ForeignKeyConstraint(["company_id"], ["company.id"], name=op.f("body_company_id_fk")),
        sa.PrimaryKeyConstraint("company_id", "sha256", name=op.f("body_pk")),
    )
    op.create_table(
        "price_revision",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["company_id"], ["company.id"], name=op.f("price_revision_company_id_fk")
        ),
        sa.PrimaryKeyConstraint("company_id", name=op.f("price_revision_pk")),
    )
    op.create_table(
        "body_reference",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["company_id", "sha256"],
            ["body.company_id", "body.sha256"],
            name=op.f("body_reference_company_id_sha256_fk"),
        ),
        sa.ForeignKeyConstraint(
            ["company_id"], ["company.id"], name=op.f("body_reference_company_id_fk")
        ),
        sa.PrimaryKeyConstraint(
            "company_id", "sha256", "record_id", name=op.f("body_reference_pk")
        ),
    )
    op.create_index(
        "body_reference_record_id_ix", "body_reference", ["company_id", "record_id"], unique=False
    )
    op.create_table(
        "price_list",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("division_id", sa.Uuid(), nullable=True),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "level in ('CUSTOMER', 'CLASS', 'CHANNEL', 'REGION')", name=op.f("price_list_level_ck")
        ),
        sa.ForeignKeyConstraint(
            ["company_id", "division_id"],
            ["division.company_id", "division.id"],
            name=op.f("price_list_company_id_division_id_fk"),
        ),
        sa.ForeignKeyConstraint(
            ["company_id"], ["company.id"], name=op.f("price_list_company_id_fk")
        ),
        sa.PrimaryKeyConstraint("company_id", "id", name=op.f("price_list_pk")),
        sa.UniqueConstraint("company_id", "code", name=op.f("price_list_company_id_code_uq")),
        sa.UniqueConstraint(
            "company_id", "external_id", name=op.f("price_list_company_id_external_id_uq")
        ),
        sa.UniqueConstraint("company_id", "number", name=op.f("price_list_company_id_number_uq")),
    )
    op.create_table(
        "product",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("barcode", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("brand", sa.Text(), nullable=False),
        sa.Column("is_own", sa.Boolean(), nullable=False),
        sa.Column("division_id", sa.Uuid(), nullable=True),
        sa.Column("shelf_life_days", sa.Integer(), nullable=True),
        sa.Column("min_order_quantity", sa.Integer(), server_default="0", nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint("status in ('ACTIVE', 'DISCONTINUED')", name=op.f("product_status_ck")),
        sa.ForeignKeyConstraint(
            ["company_id", "division_id"],
            ["division.company_id", "division.id"],
            name=op.f("product_company_id_division_id_fk"),
        ),
        sa.ForeignKeyConstraint(["company_id"], ["company.id"], name=op.f("product_company_id_fk")),
        sa.PrimaryKeyConstraint("company_id", "id", name=op.f("product_pk")),
        sa.UniqueConstraint("company_id", "code", name=op.f("product_company_id_code_uq")),
        sa.UniqueConstraint(
            "company_id", "external_id", name=op.f("product_company_id_external_id_uq")
        ),
        sa.UniqueConstraint("company_id", "number", name=op.f("product_company_id_number_uq")),
    )
    op.create_index(
        "product_division_id_ix", "product", ["company_id", "division_id"], unique=False
    )
    op.create_table(
        "promotion",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("division_id", sa.Uuid(), nullable=True),
        sa.Column("level", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("draft", postgresql.JSONB(), nullable=True),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "state in ('DRAFT', 'PUBLISHED', 'ENDED')", name=op.f("promotion_state_ck")
        ),
        sa.ForeignKeyConstraint(
            ["company_id", "division_id"],
            ["division.company_id", "division.id"],
            name=op.f("promotion_company_id_division_id_fk"),
        ),
        sa.ForeignKeyConstraint(
            ["company_id"], ["company.id"], name=op.f("promotion_company_id_fk")
        ),
        sa.PrimaryKeyConstraint("company_id", "id", name=op.f("promotion_pk")),
        sa.UniqueConstraint("company_id", "code", name=op.f("promotion_company_id_code_uq")),
        sa.UniqueConstraint(
            "company_id", "external_id", name=op.f("promotion_company_id_external_id_uq")
        ),
        sa.UniqueConstraint("company_id", "number", name=op.f("promotion_company_id_number_uq")),
    )
    op.create_table(
        "must_stock",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("place", sa.SmallInteger(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=True),
        sa.Column("store_class", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["company_id", "product_id"],
            ["product.company_id", "product.id"],
            name=op.f("must_stock_company_id_product_id_fk"),
        ),
        sa.ForeignKeyConstraint(
            ["company_id"], ["company.id"], name=op.f("must_stock_company_id_fk")
        ),
        sa.PrimaryKeyConstraint("company_id", "product_id", "place", name=op.f("must_stock_pk")),
    )
    op.create_table(
        "price_list_version",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("price_list_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("valid_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column(
            "published_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("published_by", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "valid_until is null or valid_until > valid_from",
            name=op.f("price_list_version_period_ck"),
        ),
        sa.ForeignKeyConstraint(
            ["company_id", "price_list_id"],
            ["price_list.company_id", "price_list.id"],
            name=op.f("price_list_version_company_id_price_list_id_fk"),
        ),
        sa.ForeignKeyConstraint(
            ["company_id"], ["company.id"], name=op.f("price_list_version_company_id_fk")
        ),
        sa.PrimaryKeyConstraint(
            "company_id", "price_list_id", "version", name=op.f("price_list_version_pk")
        ),
    )
    op.create_table(
        "product_unit",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("base_units", sa.Integer(), nullable=False),
        sa.Column("place", sa.SmallInteger(), nullable=False),
        sa.CheckConstraint(
            "base_units > 0 and (place > 0 or base_units = 1)",
            name=op.f("product_unit_base_units_ck"),
        ),
        sa.ForeignKeyConstraint(
            ["company_id", "product_id"],
            ["product.company_id", "product.id"],
            name=op.f("product_unit_company_id_product_id_fk"),
        ),
        sa.ForeignKeyConstraint(
            ["company_id"], ["company.id"], name=op.f("product_unit_company_id_fk")
        ),
        sa.PrimaryKeyConstraint("company_id", "product_id", "unit", name=op.f("product_unit_pk")),
    )
    op.create_table(
        "promotion_version",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("promotion_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("valid_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("terms", postgresql.JSONB(), nullable=False),
        sa.Column(
            "published_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("published_by", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "valid_until is null or valid_until > valid_from",
            name=op.f("promotion_version_period_ck"),
        ),
        sa.ForeignKeyConstraint(
            ["company_id", "promotion_id"],
            ["promotion.company_id", "promotion.id"],
            name=op.f("promotion_version_company_id_promotion_id_fk"),
        ),
        sa.ForeignKeyConstraint(
            ["company_id"], ["company.id"], name=op.f("promotion_version_company_id_fk")
        ),
        sa.PrimaryKeyConstraint(
            "company_id", "promotion_id", "version", name=op.f("promotion_version_pk")
        ),
    )
    op.create_table(
        "price_list_for",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("price_list_id", sa.Uuid(), nullable=False),
        sa.Column("place", sa.SmallInteger(), nullable=False),
        sa.Column("store_id", sa.Uuid(), nullable=True),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("store_class", sa.Text(), nullable=True),
        sa.Column("channel", sa.Text(), nullable=True),
        sa.Column("region_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "num_nonnulls(store_id, account_id, store_class, channel, region_id) < 2",
            name=op.f("price_list_for_one_ck"),
        ),
        sa.ForeignKeyConstraint(
            ["company_id", "account_id"],
            ["account.company_id", "account.id"],
            name=op.f("price_list_for_company_id_account_id_fk"),
        ),
        sa.ForeignKeyConstraint(
            ["company_id", "price_list_id"],
            ["price_list.company_id", "price_list.id"],
            name=op.f("price_list_for_company_id_price_list_id_fk"),
        ),
        sa.ForeignKeyConstraint(
            ["company_id", "region_id"],
            ["region.company_id", "region.id"],
            name=op.f("price_list_for_company_id_region_id_fk"),
        ),
        sa.ForeignKeyConstraint(
            ["company_id", "store_id"],
            ["store.company_id", "store.id"],
            name=op.f("price_list_for_company_id_store_id_fk"),
        ),
        sa.ForeignKeyConstraint(
            ["company_id"], ["company.id"], name=op.f("price_list_for_company_id_fk")
        ),
        sa.PrimaryKeyConstraint(
            "company_id", "price_list_id", "place", name=op.f("price_list_for_pk")
        ),
    )
    op.create_index(
        "price_list_for_account_id_ix", "price_list_for", ["company_id", "account_id"], unique=False
    )
    op.create_index(
        "price_list_for_store_id_ix", "price_list_for", ["company_id", "store_id"], unique=False
    )
    op.create_table(
        "promotion_for",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("promotion_id", sa.Uuid(), nullable=False),
        sa.Column("place", sa.SmallInteger(), nullable=False),
        sa.Column("store_id", sa.Uuid(), nullable=True),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("store_class", sa.Text(), nullable=True),
        sa.Column("channel", sa.Text(), nullable=True),
        sa.Column("region_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "num_nonnulls(store_id, account_id, store_class, channel, region_id) < 2",
            name=op.f("promotion_for_one_ck"),
        ),
        sa.ForeignKeyConstraint(
            ["company_id", "account_id"],
            ["account.company_id", "account.id"],
            name=op.f("promotion_for_company_id_account_id_fk"),
        ),
        sa.ForeignKeyConstraint(
            ["company_id", "promotion_id"],
            ["promotion.company_id", "promotion.id"],
            name=op.f("promotion_for_company_id_promotion_id_fk"),
        ),
        sa.ForeignKeyConstraint(
            ["company_id", "region_id"],
            ["region.company_id", "region.id"],
            name=op.f("promotion_for_company_id_region_id_fk"),
        ),
        sa.ForeignKeyConstraint(
            ["company_id", "store_id"],
            ["store.company_id", "store.id"],
            name=op.f("promotion_for_company_id_store_id_fk"),
        ),
        sa.ForeignKeyConstraint(
            ["company_id"], ["company.id"], name=op.f("promotion_for_company_id_fk")
        ),
        sa.PrimaryKeyConstraint(
            "company_id", "promotion_id", "place", name=op.f("promotion_for_pk")
        ),
    )
    op.create_index(
        "promotion_for_account_id_ix", "promotion_for", ["company_id", "account_id"], unique=False
    )
    op.create_index(
        "promotion_for_store_id_ix", "promotion_for", ["company_id", "store_id"], unique=False
    )
    op.add_column("store", sa.Column("account_id", sa.Uuid(), nullable=True))
    op.create_index("store_account_id_ix", "store", ["company_id", "account_id"], unique=False)
    op.create_foreign_key(
        op.f("store_company_id_account_id_fk"),
        "store",
        "account",
        ["company_id", "account_id"],
        ["company_id", "id"],
    )

    app = os.environ.get("ROADBOOK_APP_ROLE", "roadbook_app")
    current = "nullif(current_setting('roadbook.company', true), '')::integer"
    for table in (*TABLES, *APPEND_ONLY):
        op.execute(f"alter table {table} enable row level security")
        op.execute(f"create policy of_company on {table} using (company_id = {current})")
        rights = "select, insert" if table in APPEND_ONLY else "select, insert, update, delete"
        op.execute(f'grant {rights} on {table} to "{app}"')
