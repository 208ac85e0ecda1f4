"""Activities, the stores in them and what is brought for them; tasks, notices, location checks."""

import os

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0016"
down_revision = "0015"

# Of these the application never changes a row.
APPEND_ONLY = (
    "activity_standards",
    "audit_answer",
    "audit_photo",
    "task_answer",
    "location_answer",
)
CHANGING = (
    "activity",
    "activity_store",
    "audit_visit",
    "task",
    "notice",
    "notice_read",
    "location_check",
)


def upgrade() -> None:
    op.create_table(
        "activity",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("about", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("division_id", sa.Uuid(), nullable=True),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("channels", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("region_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("standards_version", sa.Integer(), nullable=False),
        sa.Column("budget_minor", sa.BigInteger(), nullable=True),
        sa.Column("pay_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column(
            "made_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("settled_on", sa.Date(), nullable=True),
        sa.CheckConstraint("(state = 'DRAFT') = (code is null)", name=op.f("activity_code_ck")),
        sa.CheckConstraint(
            "state in ('DRAFT', 'APPROVED', 'OPEN', 'ENDED', 'SUSPENDED', 'SETTLED')",
            name=op.f("activity_state_ck"),
        ),
        sa.CheckConstraint(
            "currency is not null or (budget_minor is null and pay_minor is null)",
            name=op.f("activity_currency_ck"),
        ),
        sa.CheckConstraint("ends_on >= starts_on", name=op.f("activity_period_ck")),
        sa.ForeignKeyConstraint(
            ["company_id", "division_id"],
            ["division.company_id", "division.id"],
            name=op.f("activity_company_id_division_id_fk"),
        ),
        sa.ForeignKeyConstraint(
            ["company_id"], ["company.id"], name=op.f("activity_company_id_fk")
        ),
        sa.PrimaryKeyConstraint("company_id", "id", name=op.f("activity_pk")),
        sa.UniqueConstraint("company_id", "code", name=op.f("activity_company_id_code_uq")),
    )
    op.create_index("activity_state_ix", "activity", ["company_id", "state"], unique=False)
    op.create_table(
        "activity_standards",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("activity_id", sa.Uuid(), nullable=False),
        sa.Column("standards_version", sa.Integer(), nullable=False),
        sa.Column(
            "items", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False
        ),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["company_id", "activity_id"],
            ["activity.company_id", "activity.id"],
            name=op.f("activity_standards_company_id_activity_id_fk"),
        ),
        sa.ForeignKeyConstraint(
            ["company_id"], ["company.id"], name=op.f("activity_standards_company_id_fk")
        ),
        sa.PrimaryKeyConstraint(
            "company_id", "activity_id", "standards_version", name=op.f("activity_standards_pk")
        ),
    )
    op.create_table(
        "activity_store",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("activity_id", sa.Uuid(), nullable=False),
        sa.Column("store_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("position_id", sa.Uuid(), nullable=True),
        sa.Column("device_id", sa.Uuid(), nullable=True),
        sa.Column("business_day", sa.Date(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("trust", sa.Text(), nullable=True),
        sa.Column("flags", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("photos", sa.Integer(), nullable=False),
        sa.Column("refusal", sa.Text(), nullable=True),
        sa.Column("instead_id", sa.Uuid(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "in_activity_id",
            sa.Uuid(),
            sa.Computed(
                "case when state not in ('REFUSED', 'WITHDRAWN') then activity_id end",
                persisted=True,
            ),
            nullable=True,
        ),
        sa.CheckConstraint(
            "state in ('REQUESTED', 'APPROVED', 'REFUSED', 'WITHDRAWN', 'RUNNING', 'AUDITED', 'PAID', 'REDUCED')",
            name=op.f("activity_store_state_ck"),
        ),
        sa.PrimaryKeyConstraint("company_id", "id", name=op.f("activity_store_pk")),
        sa.UniqueConstraint(
            "company_id",
            "in_activity_id",
            "store_id",
            deferrable=True,
            initially="IMMEDIATE",
            name="activity_store_once_raced",
        ),
    )
    op.create_index(
        "activity_store_state_ix",
        "activity_store",
        ["company_id", "activity_id", "state"],
        unique=False,
    )
    op.create_index(
        "activity_store_store_ix", "activity_store", ["company_id", "store_id"], unique=False
    )
    op.create_table(
        "audit_visit",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("activity_store_id", sa.Uuid(), nullable=False),
        sa.Column("activity_id", sa.Uuid(), nullable=False),
        sa.Column("store_id", sa.Uuid(), nullable=False),
        sa.Column("visit_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("position_id", sa.Uuid(), nullable=True),
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("business_day", sa.Date(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("trust", sa.Text(), nullable=False),
        sa.Column("standards_version", sa.Integer(), nullable=False),
        sa.Column("answers", sa.Integer(), nullable=False),
        sa.Column("photos", sa.Integer(), nullable=False),
        sa.Column("flags", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("company_id", "id", name=op.f("audit_visit_pk")),
    )
    op.create_index(
        "audit_visit_activity_store_ix",
        "audit_visit",
        ["company_id", "activity_store_id", "business_day"],
        unique=False,
    )
    op.create_index(
        "audit_visit_day_ix",
        "audit_visit",
        ["company_id", "person_id", "business_day"],
        unique=False,
    )
    op.create_table(
        "audit_answer",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("audit_visit_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "answer in ('DONE', 'NOT_DONE', 'NOT_APPLICABLE')", name=op.f("audit_answer_answer_ck")
        ),
        sa.PrimaryKeyConstraint(
            "company_id", "audit_visit_id", "version", "item", name=op.f("audit_answer_pk")
        ),
    )
    op.create_table(
        "audit_photo",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("audit_visit_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "company_id", "audit_visit_id", "version", "item", "sha256", name=op.f("audit_photo_pk")
        ),
    )
    op.create_index("audit_photo_sha256_ix", "audit_photo", ["company_id", "sha256"], unique=False)
    op.create_table(
        "task",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("sort", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("position_id", sa.Uuid(), nullable=True),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("store_id", sa.Uuid(), nullable=True),
        sa.Column("visit_id", sa.Uuid(), nullable=True),
        sa.Column("order_id", sa.Uuid(), nullable=True),
        sa.Column("photo_sha256", sa.Text(), nullable=True),
        sa.Column("activity_store_id", sa.Uuid(), nullable=True),
        sa.Column("given_by", sa.Text(), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("over_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(state = 'OPEN') = (over_at is null)", name=op.f("task_over_ck")),
        sa.CheckConstraint(
            "sort in ('SHOOT_AGAIN', 'PUT_RIGHT', 'CALL_ON', 'OTHER')", name=op.f("task_sort_ck")
        ),
        sa.CheckConstraint("state in ('OPEN', 'DONE', 'WITHDRAWN')", name=op.f("task_state_ck")),
        sa.CheckConstraint("position_id is null or person_id is null", name=op.f("task_whose_ck")),
        sa.PrimaryKeyConstraint("company_id", "id", name=op.f("task_pk")),
    )
    op.create_index("task_person_ix", "task", ["company_id", "person_id", "state"], unique=False)
    op.create_index(
        "task_position_ix", "task", ["company_id", "position_id", "state"], unique=False
    )
    op.create_index("task_store_ix", "task", ["company_id", "store_id"], unique=False)
    op.create_table(
        "task_answer",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.Column("is_settling", sa.Boolean(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("position_id", sa.Uuid(), nullable=True),
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("visit_id", sa.Uuid(), nullable=True),
        sa.Column("business_day", sa.Date(), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("trust", sa.Text(), nullable=False),
        sa.Column("flags", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("photos", sa.Integer(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("company_id", "id", name=op.f("task_answer_pk")),
    )
    op.create_index("task_answer_task_ix", "task_answer", ["company_id", "task_id"], unique=False)
    op.create_table(
        "notice",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "texts", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False
        ),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("audience", sa.Text(), nullable=False),
        sa.Column("audience_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("given_by", sa.Text(), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recalled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("recalled_because", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(state = 'RECALLED') = (recalled_at is not null)", name=op.f("notice_recalled_ck")
        ),
        sa.CheckConstraint(
            "audience in ('COMPANY', 'DIVISION', 'REGION', 'POSITIONS')",
            name=op.f("notice_audience_ck"),
        ),
        sa.CheckConstraint("state in ('GIVEN', 'RECALLED')", name=op.f("notice_state_ck")),
        sa.CheckConstraint("ends_on >= starts_on", name=op.f("notice_period_ck")),
        sa.ForeignKeyConstraint(["company_id"], ["company.id"], name=op.f("notice_company_id_fk")),
        sa.PrimaryKeyConstraint("company_id", "id", name=op.f("notice_pk")),
    )
    op.create_index("notice_period_ix", "notice", ["company_id", "ends_on"], unique=False)
    op.create_table(
        "notice_read",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("notice_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("trust", sa.Text(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint(
            "company_id", "notice_id", "person_id", name=op.f("notice_read_pk")
        ),
    )
    op.create_table(
        "location_check",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("position_id", sa.Uuid(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("asker_id", sa.Uuid(), nullable=True),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("business_day", sa.Date(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("over_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(state = 'ASKED') = (over_at is null)", name=op.f("location_check_over_ck")
        ),
        sa.CheckConstraint(
            "state in ('ASKED', 'ANSWERED', 'WITHDRAWN')", name=op.f("location_check_state_ck")
        ),
        sa.PrimaryKeyConstraint("company_id", "id", name=op.f("location_check_pk")),
    )
    op.create_index(
        "location_check_day_ix", "location_check", ["company_id", "business_day"], unique=False
    )
    op.create_index(
        "location_check_person_ix",
        "location_check",
        ["company_id", "person_id", "business_day"],
        unique=False,
    )
    op.create_table(
        "location_answer",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("location_check_id", sa.Uuid(), nullable=False),
        sa.Column("is_settling", sa.Boolean(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("trust", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("outside_cm", sa.Integer(), nullable=True),
        sa.Column("stores", sa.Integer(), nullable=False),
        sa.Column("nearest_store_id", sa.Uuid(), nullable=True),
        sa.Column("nearest_cm", sa.Integer(), nullable=True),
        sa.Column("flags", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "region in ('NO_BOUNDARY', 'UNCERTAIN', 'INSIDE', 'TOLERATED', 'OUTSIDE')",
            name=op.f("location_answer_region_ck"),
        ),
        sa.PrimaryKeyConstraint("company_id", "id", name=op.f("location_answer_pk")),
    )
    op.create_index(
        "location_answer_location_check_ix",
        "location_answer",
        ["company_id", "location_check_id"],
        unique=False,
    )
    app = os.environ.get("ROADBOOK_APP_ROLE", "roadbook_app")
    current = "nullif(current_setting('roadbook.company', true), '')::integer"
    for table in (*APPEND_ONLY, *CHANGING):
        op.execute(f"alter table {table} enable row level security")
        op.execute(f"create policy of_company on {table} using (company_id = {current})")
        rights = "select, insert" if table in APPEND_ONLY else "select, insert, update, delete"
        op.execute(f'grant {rights} on {table} to "{app}"')
