"""Audits: what auditors look at, their verdicts, appeals; what stores get, and settlements."""

import os

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0033"
down_revision = "0032"

# Of these the application never changes a row.
APPEND_ONLY = (
    "audit_candidate",
    "audit_verdict",
    "audit_verdict_item",
    "audit_undo",
    "audit_appeal",
    "activity_result",
    "activity_settlement",
    "activity_settlement_row",
)
# Of these it never deletes one.
CHANGING = ("audit_draw", "audit_case", "audit_turn")


def upgrade() -> None:
    op.create_table(
        "audit_draw",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("week_starts_on", sa.Date(), nullable=False),
        sa.Column("draw", sa.Integer(), nullable=False),
        sa.Column("seed", sa.Text(), nullable=False),
        sa.Column("policy_version", sa.Integer(), nullable=False),
        sa.Column("sample_percent", sa.Integer(), nullable=False),
        sa.Column("second_percent", sa.Integer(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("drawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["company_id"], ["company.id"], name=op.f("audit_draw_company_id_fk")
        ),
        sa.PrimaryKeyConstraint("company_id", "week_starts_on", "draw", name=op.f("audit_draw_pk")),
        postgresql_partition_by=None,
    )
    op.create_table(
        "audit_candidate",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("week_starts_on", sa.Date(), nullable=False),
        sa.Column("draw", sa.Integer(), nullable=False),
        sa.Column("audit_visit_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("is_entered", sa.Boolean(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("is_chosen", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["company_id"], ["company.id"], name=op.f("audit_candidate_company_id_fk")
        ),
        sa.PrimaryKeyConstraint(
            "company_id",
            "week_starts_on",
            "draw",
            "audit_visit_id",
            name=op.f("audit_candidate_pk"),
        ),
        postgresql_partition_by=None,
    )
    op.create_index(
        "audit_candidate_person_ix",
        "audit_candidate",
        ["company_id", "person_id", "week_starts_on"],
        unique=False,
    )
    op.create_table(
        "audit_case",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("activity_id", sa.Uuid(), nullable=False),
        sa.Column("activity_store_id", sa.Uuid(), nullable=False),
        sa.Column("store_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("position_id", sa.Uuid(), nullable=True),
        sa.Column("business_day", sa.Date(), nullable=False),
        sa.Column("week_starts_on", sa.Date(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("entry", sa.Text(), nullable=True),
        sa.Column("draw", sa.Integer(), nullable=True),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("wait_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("looked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("verdict_id", sa.Uuid(), nullable=True),
        sa.Column("result", sa.Text(), nullable=True),
        sa.Column("judged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("appeal_until", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "entry in ('FLAGGED', 'FOLLOW_UP', 'DRAWN')", name=op.f("audit_case_entry_ck")
        ),
        sa.CheckConstraint("result in ('PASS', 'FAIL')", name=op.f("audit_case_result_ck")),
        sa.CheckConstraint(
            "state in ('CANDIDATE', 'WAITING', 'LEFT_OUT', 'OPEN', 'FINAL', 'JUDGED', 'APPEALED')",
            name=op.f("audit_case_state_ck"),
        ),
        sa.CheckConstraint(
            "(entry is null) = (entered_at is null)", name=op.f("audit_case_entered_ck")
        ),
        sa.CheckConstraint(
            "(verdict_id is null) = (judged_at is null)", name=op.f("audit_case_judged_ck")
        ),
        sa.ForeignKeyConstraint(
            ["company_id"], ["company.id"], name=op.f("audit_case_company_id_fk")
        ),
        sa.PrimaryKeyConstraint("company_id", "id", name=op.f("audit_case_pk")),
        postgresql_partition_by=None,
    )
    op.create_index(
        "audit_case_activity_store_ix",
        "audit_case",
        ["company_id", "activity_store_id", "business_day"],
        unique=False,
    )
    op.create_index(
        "audit_case_appeal_ix",
        "audit_case",
        ["company_id", "appeal_until"],
        unique=False,
        postgresql_where=sa.text("state = 'JUDGED'"),
    )
    op.create_index(
        "audit_case_undrawn_ix",
        "audit_case",
        ["company_id", "week_starts_on", "person_id"],
        unique=False,
        postgresql_where=sa.text("draw is null"),
    )
    op.create_index(
        "audit_case_waiting_ix",
        "audit_case",
        ["company_id", "looked_at"],
        unique=False,
        postgresql_where=sa.text("state = 'WAITING'"),
    )
    op.create_table(
        "audit_turn",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("audit_visit_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("auditor_id", sa.Uuid(), nullable=True),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("verdict_id", sa.Uuid(), nullable=True),
        sa.Column("undo_until", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(state in ('GIVEN', 'STANDS')) = (verdict_id is not null)",
            name=op.f("audit_turn_judged_ck"),
        ),
        sa.CheckConstraint(
            "purpose in ('FIRST', 'BLIND', 'APPEAL')", name=op.f("audit_turn_purpose_ck")
        ),
        sa.CheckConstraint(
            "state = 'READY' or auditor_id is not null", name=op.f("audit_turn_claimed_ck")
        ),
        sa.CheckConstraint(
            "state in ('READY', 'CLAIMED', 'GIVEN', 'STANDS')", name=op.f("audit_turn_state_ck")
        ),
        sa.ForeignKeyConstraint(
            ["company_id"], ["company.id"], name=op.f("audit_turn_company_id_fk")
        ),
        sa.PrimaryKeyConstraint("company_id", "id", name=op.f("audit_turn_pk")),
        sa.UniqueConstraint(
            "company_id", "audit_visit_id", "auditor_id", name="audit_turn_auditor_uq"
        ),
        sa.UniqueConstraint(
            "company_id", "audit_visit_id", "purpose", name="audit_turn_purpose_uq"
        ),
        postgresql_partition_by=None,
    )
    op.create_index(
        "audit_turn_auditor_ix", "audit_turn", ["company_id", "auditor_id", "state"], unique=False
    )
    op.create_index(
        "audit_turn_given_ix",
        "audit_turn",
        ["company_id", "undo_until"],
        unique=False,
        postgresql_where=sa.text("state = 'GIVEN'"),
    )
    op.create_index(
        "audit_turn_queue_ix",
        "audit_turn",
        ["company_id", "since", "id"],
        unique=False,
        postgresql_where=sa.text("state in ('READY', 'CLAIMED')"),
    )
    op.create_table(
        "audit_verdict",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("audit_visit_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("turn_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("auditor_id", sa.Uuid(), nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("policy_version", sa.Integer(), nullable=False),
        sa.Column("standards_version", sa.Integer(), nullable=False),
        sa.Column(
            "evidence", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False
        ),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "purpose in ('FIRST', 'BLIND', 'APPEAL')", name=op.f("audit_verdict_purpose_ck")
        ),
        sa.CheckConstraint("result in ('PASS', 'FAIL')", name=op.f("audit_verdict_result_ck")),
        sa.ForeignKeyConstraint(
            ["company_id"], ["company.id"], name=op.f("audit_verdict_company_id_fk")
        ),
        sa.PrimaryKeyConstraint("company_id", "id", name=op.f("audit_verdict_pk")),
        postgresql_partition_by=None,
    )
    op.create_index(
        "audit_verdict_audit_visit_ix",
        "audit_verdict",
        ["company_id", "audit_visit_id"],
        unique=False,
    )
    op.create_index(
        "audit_verdict_auditor_ix",
        "audit_verdict",
        ["company_id", "auditor_id", "given_at"],
        unique=False,
    )
    op.create_index(
        "audit_verdict_given_at_ix", "audit_verdict", ["company_id", "given_at"], unique=False
    )
    op.create_table(
        "audit_verdict_item",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("verdict_id", sa.Uuid(), nullable=False),
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("is_required", sa.Boolean(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("reason_code", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "verdict <> 'FAIL' or reason_code is not null",
            name=op.f("audit_verdict_item_reason_ck"),
        ),
        sa.CheckConstraint(
            "verdict in ('PASS', 'FAIL', 'NOT_APPLICABLE')",
            name=op.f("audit_verdict_item_verdict_ck"),
        ),
        sa.ForeignKeyConstraint(
            ["company_id"], ["company.id"], name=op.f("audit_verdict_item_company_id_fk")
        ),
        sa.PrimaryKeyConstraint(
            "company_id", "verdict_id", "item", name=op.f("audit_verdict_item_pk")
        ),
        postgresql_partition_by=None,
    )
    op.create_table(
        "audit_undo",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("verdict_id", sa.Uuid(), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["company_id"], ["company.id"], name=op.f("audit_undo_company_id_fk")
        ),
        sa.PrimaryKeyConstraint("company_id", "verdict_id", name=op.f("audit_undo_pk")),
        postgresql_partition_by=None,
    )
    op.create_table(
        "audit_appeal",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("audit_visit_id", sa.Uuid(), nullable=False),
        sa.Column("verdict_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=True),
        sa.Column("by_name", sa.Text(), nullable=False),
        sa.Column("items", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("appealed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("company_id", "id", name=op.f("audit_appeal_pk")),
        sa.UniqueConstraint("company_id", "verdict_id", name="audit_appeal_once_uq"),
        postgresql_partition_by=None,
    )
    op.create_index(
        "audit_appeal_audit_visit_ix",
        "audit_appeal",
        ["company_id", "audit_visit_id"],
        unique=False,
    )
    op.create_table(
        "activity_result",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("activity_store_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("activity_id", sa.Uuid(), nullable=False),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("passed", sa.Integer(), nullable=False),
        sa.Column("required", sa.Integer(), nullable=False),
        sa.Column("share", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("policy_version", sa.Integer(), nullable=False),
        sa.Column("verdict_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("audit_visit_id", sa.Uuid(), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "basis in ('AUDITED', 'REPORTED', 'NOTHING')", name=op.f("activity_result_basis_ck")
        ),
        sa.CheckConstraint(
            "share in ('FULL', 'HALF', 'NONE')", name=op.f("activity_result_share_ck")
        ),
        sa.CheckConstraint(
            "(amount_minor is null) = (currency is null)", name=op.f("activity_result_currency_ck")
        ),
        sa.CheckConstraint(
            "0 <= passed and passed <= required", name=op.f("activity_result_passed_ck")
        ),
        sa.ForeignKeyConstraint(
            ["company_id", "activity_store_id"],
            ["activity_store.company_id", "activity_store.id"],
            name=op.f("activity_result_company_id_activity_store_id_fk"),
        ),
        sa.ForeignKeyConstraint(
            ["company_id"], ["company.id"], name=op.f("activity_result_company_id_fk")
        ),
        sa.PrimaryKeyConstraint(
            "company_id", "activity_store_id", "number", name=op.f("activity_result_pk")
        ),
        postgresql_partition_by=None,
    )
    op.create_index(
        "activity_result_activity_ix",
        "activity_result",
        ["company_id", "activity_id"],
        unique=False,
    )
    op.create_table(
        "activity_settlement",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("activity_id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("stores", sa.Integer(), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["company_id", "activity_id"],
            ["activity.company_id", "activity.id"],
            name=op.f("activity_settlement_company_id_activity_id_fk"),
        ),
        sa.ForeignKeyConstraint(
            ["company_id"], ["company.id"], name=op.f("activity_settlement_company_id_fk")
        ),
        sa.PrimaryKeyConstraint("company_id", "activity_id", name=op.f("activity_settlement_pk")),
        postgresql_partition_by=None,
    )
    op.create_table(
        "activity_settlement_row",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("activity_id", sa.Uuid(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("activity_store_id", sa.Uuid(), nullable=False),
        sa.Column("store_id", sa.Uuid(), nullable=False),
        sa.Column("store_code", sa.Text(), nullable=True),
        sa.Column("store_name", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("basis", sa.Text(), nullable=True),
        sa.Column("passed", sa.Integer(), nullable=True),
        sa.Column("required", sa.Integer(), nullable=True),
        sa.Column("share", sa.Text(), nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("verdict_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.ForeignKeyConstraint(
            ["company_id", "activity_id"],
            ["activity.company_id", "activity.id"],
            name=op.f("activity_settlement_row_company_id_activity_id_fk"),
        ),
        sa.ForeignKeyConstraint(
            ["company_id"], ["company.id"], name=op.f("activity_settlement_row_company_id_fk")
        ),
        sa.PrimaryKeyConstraint(
            "company_id", "activity_id", "place", name=op.f("activity_settlement_row_pk")
        ),
        postgresql_partition_by=None,
    )
    app = os.environ.get("ROADBOOK_APP_ROLE", "roadbook_app")
    current = "nullif(current_setting('roadbook.company', true), '')::integer"
    for table in (*APPEND_ONLY, *CHANGING):
        op.execute(f"alter table {table} enable row level security")
        op.execute(f"create policy of_company on {table} using (company_id = {current})")
        rights = "select, insert" if table in APPEND_ONLY else "select, insert, update"
        op.execute(f'grant {rights} on {table} to "{app}"')
