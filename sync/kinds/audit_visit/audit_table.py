"""The tables of audits: which audit visits are looked at and how they were drawn, who looks at each, the
verdicts, and what was said against them. Candidates, verdicts, undoings and appeals are only ever added.
"""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Index,
    Integer,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from sync.kinds.audit_visit.states import AUDITING, TURN
from sync.tables import Document, Moment, company_table, filled

ENTRIES = ("FLAGGED", "FOLLOW_UP", "DRAWN")
PURPOSES = ("FIRST", "BLIND", "APPEAL")
ITEM_VERDICTS = ("PASS", "FAIL", "NOT_APPLICABLE")
RESULTS = ("PASS", "FAIL")


def _one_of(column: str, values: tuple[str, ...]) -> CheckConstraint:
    return CheckConstraint(f"{column} in ('" + "', '".join(values) + "')", name=column)


# Draw 0 of a week is its first; what comes later is drawn by one more, with a seed of its own.
audit_draw = company_table(
    "audit_draw",
    filled("week_starts_on", Date),
    filled("draw", Integer),
    # 32 bytes as hexadecimal digits.
    filled("seed", Text),
    filled("policy_version", Integer),
    filled("sample_percent", Integer),
    filled("second_percent", Integer),
    filled("made_at", Moment),
    # When all strata were drawn; null while that goes on, or before.
    Column("drawn_at", Moment),
    key=("week_starts_on", "draw"),
)

# What each draw was made from, and what came out: with the seed, the draw again.
audit_candidate = company_table(
    "audit_candidate",
    filled("week_starts_on", Date),
    filled("draw", Integer),
    filled("audit_visit_id", Uuid),
    filled("person_id", Uuid),
    # In the queue already when it was drawn, for something odd, or closed.
    filled("is_entered", Boolean),
    # In the order of its stratum, from 1.
    filled("place", Integer),
    filled("is_chosen", Boolean),
    key=("week_starts_on", "draw", "audit_visit_id"),
)
Index(
    "audit_candidate_person_ix",
    audit_candidate.c.company_id,
    audit_candidate.c.person_id,
    audit_candidate.c.week_starts_on,
)

audit_case = company_table(
    "audit_case",
    # The audit visit's.
    filled("id", Uuid),
    filled("activity_id", Uuid),
    filled("activity_store_id", Uuid),
    filled("store_id", Uuid),
    filled("person_id", Uuid),
    Column("position_id", Uuid),
    filled("business_day", Date),
    filled("week_starts_on", Date),
    filled("state", Text),
    Column("entry", Text),
    Column("draw", Integer),
    Column("entered_at", Moment),
    # Offered then whether or not its photos are read.
    Column("wait_until", Moment),
    Column("looked_at", Moment),
    # The verdict that counts, once it stands, and that of an appeal against it: for the items that it is about.
    Column("verdict_id", Uuid),
    Column("appeal_verdict_id", Uuid),
    Column("result", Text),
    Column("judged_at", Moment),
    Column("appeal_until", Moment),
    _one_of("state", AUDITING.stored_states),
    _one_of("entry", ENTRIES),
    _one_of("result", RESULTS),
    CheckConstraint("(entry is null) = (entered_at is null)", name="entered"),
    CheckConstraint("(verdict_id is null) = (judged_at is null)", name="judged"),
    key=("id",),
)
Index(
    "audit_case_undrawn_ix",
    audit_case.c.company_id,
    audit_case.c.week_starts_on,
    audit_case.c.person_id,
    postgresql_where=text("draw is null"),
)
Index(
    "audit_case_waiting_ix",
    audit_case.c.company_id,
    audit_case.c.looked_at,
    postgresql_where=text("state = 'WAITING'"),
)
Index(
    "audit_case_appeal_ix",
    audit_case.c.company_id,
    audit_case.c.appeal_until,
    postgresql_where=text("state = 'JUDGED'"),
)
Index(
    "audit_case_activity_store_ix",
    audit_case.c.company_id,
    audit_case.c.activity_store_id,
    audit_case.c.business_day,
)

audit_turn = company_table(
    "audit_turn",
    filled("id", Uuid),
    filled("audit_visit_id", Uuid),
    filled("purpose", Text),
    filled("state", Text),
    # The place in the queue.
    filled("since", Moment),
    # Who has it, or had it last.
    Column("auditor_id", Uuid),
    Column("claimed_at", Moment),
    Column("expires_at", Moment),
    Column("verdict_id", Uuid),
    # Until when who gave the verdict may undo it.
    Column("undo_until", Moment),
    _one_of("purpose", PURPOSES),
    _one_of("state", TURN.stored_states),
    CheckConstraint("state in ('READY', 'DROPPED') or auditor_id is not null", name="claimed"),
    CheckConstraint("(state in ('GIVEN', 'STANDS')) = (verdict_id is not null)", name="judged"),
    UniqueConstraint("company_id", "audit_visit_id", "purpose", name="audit_turn_purpose_uq"),
    # Nobody looks at the same twice.
    UniqueConstraint("company_id", "audit_visit_id", "auditor_id", name="audit_turn_auditor_uq"),
    key=("id",),
)
Index(
    "audit_turn_queue_ix",
    audit_turn.c.company_id,
    audit_turn.c.since,
    audit_turn.c.id,
    postgresql_where=text("state in ('READY', 'CLAIMED')"),
)
Index(
    "audit_turn_given_ix",
    audit_turn.c.company_id,
    audit_turn.c.undo_until,
    postgresql_where=text("state = 'GIVEN'"),
)
Index("audit_turn_auditor_ix", audit_turn.c.company_id, audit_turn.c.auditor_id, audit_turn.c.state)

audit_verdict = company_table(
    "audit_verdict",
    filled("id", Uuid),
    filled("audit_visit_id", Uuid),
    # Which version of it, and what it was judged with.
    filled("version", Integer),
    filled("turn_id", Uuid),
    filled("purpose", Text),
    filled("auditor_id", Uuid),
    filled("claimed_at", Moment),
    filled("given_at", Moment),
    filled("result", Text),
    filled("policy_version", Integer),
    filled("standards_version", Integer),
    # Per photo: what was known of it, and by which version of its evidence; what was missing.
    filled("evidence", Document),
    Column("note", Text),
    # SHA-256 of all that it says, as hexadecimal digits.
    filled("digest", Text),
    _one_of("purpose", PURPOSES),
    _one_of("result", RESULTS),
    key=("id",),
)
Index("audit_verdict_audit_visit_ix", audit_verdict.c.company_id, audit_verdict.c.audit_visit_id)
Index(
    "audit_verdict_auditor_ix",
    audit_verdict.c.company_id,
    audit_verdict.c.auditor_id,
    audit_verdict.c.given_at,
)
Index("audit_verdict_given_at_ix", audit_verdict.c.company_id, audit_verdict.c.given_at)

audit_verdict_item = company_table(
    "audit_verdict_item",
    filled("verdict_id", Uuid),
    filled("item", Text),
    # In the order of the standards.
    filled("place", Integer),
    filled("is_required", Boolean),
    filled("verdict", Text),
    Column("reason_code", Text),
    Column("reason", Text),
    _one_of("verdict", ITEM_VERDICTS),
    CheckConstraint("verdict <> 'FAIL' or reason_code is not null", name="reason"),
    key=("verdict_id", "item"),
)

# A verdict that is here never stood.
audit_undo = company_table(
    "audit_undo", filled("verdict_id", Uuid), filled("undone_at", Moment), key=("verdict_id",)
)

audit_appeal = company_table(
    "audit_appeal",
    filled("id", Uuid),
    filled("audit_visit_id", Uuid),
    # The verdict that it is against.
    filled("verdict_id", Uuid),
    filled("person_id", Uuid),
    # Who appealed for them, where they did not themselves.
    Column("by_id", Uuid),
    filled("by_name", Text),
    filled("items", ARRAY(Text)),
    filled("reason", Text),
    filled("appealed_at", Moment),
    filled("received_at", Moment),
    UniqueConstraint("company_id", "verdict_id", name="audit_appeal_once_uq"),
    key=("id",),
    is_hot=True,
)
Index("audit_appeal_audit_visit_ix", audit_appeal.c.company_id, audit_appeal.c.audit_visit_id)
