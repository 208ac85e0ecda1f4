"""The table of attendance events: on, break, off."""

from sqlalchemy import CheckConstraint, Column, Date, Index, Integer, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY

from sync.tables import Moment, company_table, filled

attendance = company_table(
    "attendance",
    filled("id", Uuid),
    filled("version", Integer),
    filled("person_id", Uuid),
    Column("position_id", Uuid),
    filled("device_id", Uuid),
    filled("event", Text),
    filled("business_day", Date),
    filled("occurred_at", Moment),
    filled("trust", Text),
    filled("flags", ARRAY(Text)),
    filled("received_at", Moment),
    CheckConstraint("event in ('ON', 'BREAK', 'OFF')", name="event"),
    key=("id",),
    is_hot=True,
)
Index(
    "attendance_day_ix", attendance.c.company_id, attendance.c.person_id, attendance.c.business_day
)
