"""The tables of location checks: who was asked where they are, and every answer that came."""

from sqlalchemy import Boolean, CheckConstraint, Column, Date, Index, Integer, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY

from mobile_contract.records.location_check import CHECK_STATES, REGION_VERDICTS
from sync.tables import Moment, company_table, filled

location_check = company_table(
    "location_check",
    filled("id", Uuid),
    filled("person_id", Uuid),
    Column("position_id", Uuid),
    filled("state", Text),
    # No person: an operator's command.
    Column("asker_id", Uuid),
    filled("asked_by", Text),
    Column("note", Text),
    # The day of the company on which it was asked.
    filled("business_day", Date),
    filled("asked_at", Moment),
    filled("expires_at", Moment),
    Column("over_at", Moment),
    CheckConstraint("state in ('" + "', '".join(CHECK_STATES) + "')", name="state"),
    CheckConstraint("(state = 'ASKED') = (over_at is null)", name="over"),
    key=("id",),
    is_hot=True,
)
Index(
    "location_check_person_ix",
    location_check.c.company_id,
    location_check.c.person_id,
    location_check.c.business_day,
)
Index("location_check_day_ix", location_check.c.company_id, location_check.c.business_day)

location_answer = company_table(
    "location_answer",
    filled("id", Uuid),
    filled("location_check_id", Uuid),
    # The first that came while it was asked; others are kept beside it.
    filled("is_settling", Boolean),
    filled("person_id", Uuid),
    filled("device_id", Uuid),
    filled("answered_at", Moment),
    filled("trust", Text),
    filled("region", Text),
    Column("outside_cm", Integer),
    filled("stores", Integer),
    Column("nearest_store_id", Uuid),
    Column("nearest_cm", Integer),
    filled("flags", ARRAY(Text)),
    filled("received_at", Moment),
    CheckConstraint("region in ('" + "', '".join(REGION_VERDICTS) + "')", name="region"),
    key=("id",),
    is_hot=True,
)
Index(
    "location_answer_location_check_ix",
    location_answer.c.company_id,
    location_answer.c.location_check_id,
)
