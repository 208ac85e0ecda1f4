"""The table of visits: what pages and measures ask by; the whole visit is its record's document."""

from sqlalchemy import Boolean, CheckConstraint, Column, Date, Index, Integer, Text, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY

from sync.tables import Moment, belongs_to, company_table, filled, stamped

visit = company_table(
    "visit",
    filled("id", Uuid),
    filled("version", Integer),
    filled("person_id", Uuid),
    Column("position_id", Uuid),
    filled("device_id", Uuid),
    filled("store_id", Uuid),
    Column("day_plan_id", Uuid),
    filled("is_by_phone", Boolean),
    filled("state", Text),
    # The business day of the corrected check-in, in the company's time zone.
    filled("business_day", Date),
    # Corrected times: never the phone's own, never that of arrival.
    filled("began_at", Moment),
    Column("ended_at", Moment),
    filled("trust", Text),
    Column("verdict", Text),
    Column("distance_cm", Integer),
    filled("flags", ARRAY(Text)),
    filled("received_at", Moment),
    CheckConstraint("state in ('OPEN', 'DONE', 'SKIPPED')", name="state"),
    key=("id",),
    is_hot=True,
)
Index("visit_day_ix", visit.c.company_id, visit.c.person_id, visit.c.business_day)
Index("visit_store_ix", visit.c.company_id, visit.c.store_id, visit.c.business_day)
# Those that a wrong clock dates after their receipt, which are few.
Index(
    "visit_ahead_ix",
    visit.c.company_id,
    visit.c.store_id,
    postgresql_where=text("began_at > received_at"),
)
# For measures, which ask for a period and for some or all positions.
Index("visit_period_ix", visit.c.company_id, visit.c.business_day, visit.c.position_id)
# Those about which there is something to decide, in the order in which they are listed.
Index(
    "visit_odd_ix",
    visit.c.company_id,
    visit.c.began_at,
    visit.c.id,
    postgresql_where=text("flags <> '{}' or verdict in ('OFFSITE', 'UNCERTAIN', 'UNPINNED')"),
)

DECISIONS = ("ACCEPTED", "REJECTED")

# What people decided about flags, every decision; of several the one with the highest number holds.
flag_decision = company_table(
    "flag_decision",
    filled("visit_id", Uuid),
    # The flag's name, or that of the verdict in small letters.
    filled("flag", Text),
    filled("number", Integer),
    filled("decision", Text),
    # Such a flag follows from the day's other visits and is not stored with the visit.
    filled("is_derived", Boolean),
    # That of the visit, which never changes.
    filled("business_day", Date),
    filled("reason", Text),
    Column("person_id", Uuid),
    filled("decided_by", Text),
    stamped("decided_at"),
    CheckConstraint("decision in ('" + "', '".join(DECISIONS) + "')", name="decision"),
    belongs_to("visit_id", "visit"),
    key=("visit_id", "flag", "number"),
)
Index("flag_decision_day_ix", flag_decision.c.company_id, flag_decision.c.business_day)
