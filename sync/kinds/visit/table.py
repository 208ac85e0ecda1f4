"""The table of visits: what pages and measures ask by; the whole visit is its record's document."""

from sqlalchemy import Boolean, CheckConstraint, Column, Date, Index, Integer, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY

from sync.tables import Moment, company_table, filled

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
