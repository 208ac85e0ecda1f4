"""What stores got in activities: each result that was worked out, and settlements as they were made. All of it
is only ever added.
"""

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, Integer, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY

from sync.tables import Moment, belongs_to, company_table, filled

# Judged by auditors; never drawn, so taken as the rep reported it; nothing was brought.
BASES = ("AUDITED", "REPORTED", "NOTHING")
SHARES = ("FULL", "HALF", "NONE")


def _checks() -> tuple[CheckConstraint, ...]:
    return (
        CheckConstraint("basis in ('" + "', '".join(BASES) + "')", name="basis"),
        CheckConstraint("share in ('" + "', '".join(SHARES) + "')", name="share"),
        CheckConstraint("0 <= passed and passed <= required", name="passed"),
        CheckConstraint("(amount_minor is null) = (currency is null)", name="currency"),
    )


activity_result = company_table(
    "activity_result",
    filled("activity_store_id", Uuid),
    # From 1; the last one counts.
    filled("number", Integer),
    filled("activity_id", Uuid),
    filled("basis", Text),
    filled("passed", Integer),
    filled("required", Integer),
    filled("share", Text),
    Column("amount_minor", BigInteger),
    Column("currency", Text),
    filled("policy_version", Integer),
    # What it was worked out from: verdicts, or the audit visit as it was reported.
    filled("verdict_ids", ARRAY(Uuid)),
    Column("audit_visit_id", Uuid),
    filled("made_at", Moment),
    filled("made_by", Text),
    *_checks(),
    belongs_to("activity_store_id", "activity_store"),
    key=("activity_store_id", "number"),
)
Index("activity_result_activity_ix", activity_result.c.company_id, activity_result.c.activity_id)

activity_settlement = company_table(
    "activity_settlement",
    filled("activity_id", Uuid),
    filled("code", Text),
    filled("name", Text),
    filled("stores", Integer),
    Column("total_minor", BigInteger),
    Column("currency", Text),
    # SHA-256 over all rows, as hexadecimal digits.
    filled("digest", Text),
    filled("made_at", Moment),
    filled("made_by", Text),
    belongs_to("activity_id", "activity"),
    key=("activity_id",),
)

activity_settlement_row = company_table(
    "activity_settlement_row",
    filled("activity_id", Uuid),
    filled("place", Integer),
    filled("activity_store_id", Uuid),
    filled("store_id", Uuid),
    Column("store_code", Text),
    filled("store_name", Text),
    filled("state", Text),
    # Null of a store that was refused before it was audited, like all that follows from it.
    Column("basis", Text),
    Column("passed", Integer),
    Column("required", Integer),
    Column("share", Text),
    Column("amount_minor", BigInteger),
    Column("currency", Text),
    filled("verdict_ids", ARRAY(Uuid)),
    belongs_to("activity_id", "activity"),
    key=("activity_id", "place"),
)
