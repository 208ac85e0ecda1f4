"""The tables of activities: what each is, and every version of its standards."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    Index,
    Integer,
    Text,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.dialects.postgresql import ARRAY

from sync.kinds.activity.states import RUNNING_ACTIVITY
from sync.tables import Document, Moment, belongs_to, company_table, filled, stamped

activity = company_table(
    "activity",
    filled("id", Uuid),
    # Given when it is approved.
    Column("code", Text),
    filled("name", Text),
    Column("about", Text),
    filled("state", Text),
    Column("division_id", Uuid),
    filled("starts_on", Date),
    filled("ends_on", Date),
    # Channels and regions of the stores that it is for; empty: all.
    filled("channels", ARRAY(Text)),
    filled("region_ids", ARRAY(Uuid)),
    filled("standards_version", Integer),
    # What all of it may cost, and what one store gets, in minor units of the currency.
    Column("budget_minor", BigInteger),
    Column("pay_minor", BigInteger),
    Column("currency", Text),
    stamped("made_at"),
    Column("settled_on", Date),
    UniqueConstraint("company_id", "code"),
    CheckConstraint(
        "state in ('" + "', '".join(RUNNING_ACTIVITY.stored_states) + "')", name="state"
    ),
    CheckConstraint("ends_on >= starts_on", name="period"),
    CheckConstraint("(state = 'DRAFT') = (code is null)", name="code"),
    CheckConstraint(
        "currency is not null or (budget_minor is null and pay_minor is null)", name="currency"
    ),
    belongs_to("division_id", "division"),
    key=("id",),
)
Index("activity_state_ix", activity.c.company_id, activity.c.state)

activity_standards = company_table(
    "activity_standards",
    filled("activity_id", Uuid),
    filled("standards_version", Integer),
    # The checklist as phones have it: a list of {item, text, is_required, photos, pass_rule}.
    filled("items", Document),
    filled("since", Moment),
    belongs_to("activity_id", "activity"),
    key=("activity_id", "standards_version"),
)
