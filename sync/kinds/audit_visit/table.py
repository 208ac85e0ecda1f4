"""The tables of audit visits: what pages ask by, and the answers and photos of every version, item by
item, so that a verdict can name what it is about.
"""

from sqlalchemy import BigInteger, CheckConstraint, Column, Date, Index, Integer, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY

from mobile_contract.records.audit_visit import AUDIT_ANSWERS
from sync.tables import Moment, company_table, filled

audit_visit = company_table(
    "audit_visit",
    filled("id", Uuid),
    filled("version", Integer),
    filled("activity_store_id", Uuid),
    filled("activity_id", Uuid),
    filled("store_id", Uuid),
    filled("visit_id", Uuid),
    filled("person_id", Uuid),
    Column("position_id", Uuid),
    filled("device_id", Uuid),
    filled("business_day", Date),
    filled("occurred_at", Moment),
    filled("trust", Text),
    filled("standards_version", Integer),
    filled("answers", Integer),
    filled("photos", Integer),
    filled("flags", ARRAY(Text)),
    filled("received_at", Moment),
    key=("id",),
    is_hot=True,
)
Index(
    "audit_visit_activity_store_ix",
    audit_visit.c.company_id,
    audit_visit.c.activity_store_id,
    audit_visit.c.business_day,
)
Index(
    "audit_visit_day_ix",
    audit_visit.c.company_id,
    audit_visit.c.person_id,
    audit_visit.c.business_day,
)

audit_answer = company_table(
    "audit_answer",
    filled("audit_visit_id", Uuid),
    # Of the audit visit: an answer of an older version stays.
    filled("version", Integer),
    filled("item", Text),
    filled("answer", Text),
    Column("note", Text),
    CheckConstraint("answer in ('" + "', '".join(AUDIT_ANSWERS) + "')", name="answer"),
    key=("audit_visit_id", "version", "item"),
    is_hot=True,
)

audit_photo = company_table(
    "audit_photo",
    filled("audit_visit_id", Uuid),
    filled("version", Integer),
    filled("item", Text),
    filled("sha256", Text),
    filled("size", BigInteger),
    key=("audit_visit_id", "version", "item", "sha256"),
    is_hot=True,
)
Index("audit_photo_sha256_ix", audit_photo.c.company_id, audit_photo.c.sha256)
