"""The table of stores in activities: where each request stands, and who may be told."""

from sqlalchemy import (
    CheckConstraint,
    Column,
    Computed,
    Date,
    Index,
    Integer,
    Text,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.dialects.postgresql import ARRAY

from sync.kinds.activity_store.states import OUT, PARTICIPATING
from sync.tables import Moment, company_table, filled

activity_store = company_table(
    "activity_store",
    filled("id", Uuid),
    filled("version", Integer),
    filled("activity_id", Uuid),
    filled("store_id", Uuid),
    filled("state", Text),
    # Who asked, for which position and from which phone; no person where the office put it in.
    Column("person_id", Uuid),
    Column("position_id", Uuid),
    Column("device_id", Uuid),
    filled("business_day", Date),
    # The corrected time of the request.
    filled("requested_at", Moment),
    Column("trust", Text),
    filled("flags", ARRAY(Text)),
    Column("note", Text),
    filled("photos", Integer),
    Column("refusal", Text),
    Column("instead_id", Uuid),
    Column("answer", Text),
    Column("decided_at", Moment),
    filled("received_at", Moment),
    # The activity that the store is in by this one; null once it is out.
    Column(
        "in_activity_id",
        Uuid,
        Computed(
            "case when state not in ('" + "', '".join(OUT) + "') then activity_id end",
            persisted=True,
        ),
    ),
    # A store is in an activity at most once. Of two requests at the same moment the second finds the
    # first when it is judged again. Looked at when a statement ends: one push may take one back and
    # ask anew.
    UniqueConstraint(
        "company_id",
        "in_activity_id",
        "store_id",
        name="activity_store_once_raced",
        deferrable=True,
        initially="IMMEDIATE",
    ),
    CheckConstraint("state in ('" + "', '".join(PARTICIPATING.stored_states) + "')", name="state"),
    key=("id",),
    is_hot=True,
)
Index("activity_store_store_ix", activity_store.c.company_id, activity_store.c.store_id)
Index(
    "activity_store_state_ix",
    activity_store.c.company_id,
    activity_store.c.activity_id,
    activity_store.c.state,
)
