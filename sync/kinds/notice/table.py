"""The tables of notices: what is said to whom, and who has read it: a row a person, no version more."""

from sqlalchemy import CheckConstraint, Column, Date, Index, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY

from sync.kinds.notice.states import TELLING
from sync.tables import Document, Moment, company_table, filled

AUDIENCES = ("COMPANY", "DIVISION", "REGION", "POSITIONS")

notice = company_table(
    "notice",
    filled("id", Uuid),
    # A list of {language, title, body}.
    filled("texts", Document),
    filled("state", Text),
    filled("starts_on", Date),
    filled("ends_on", Date),
    # To whom: everybody, a division, the positions of a region and below, or these positions.
    filled("audience", Text),
    filled("audience_ids", ARRAY(Uuid)),
    filled("given_by", Text),
    filled("given_at", Moment),
    Column("recalled_at", Moment),
    Column("recalled_because", Text),
    CheckConstraint("audience in ('" + "', '".join(AUDIENCES) + "')", name="audience"),
    CheckConstraint("state in ('" + "', '".join(TELLING.stored_states) + "')", name="state"),
    CheckConstraint("ends_on >= starts_on", name="period"),
    CheckConstraint("(state = 'RECALLED') = (recalled_at is not null)", name="recalled"),
    key=("id",),
)
Index("notice_period_ix", notice.c.company_id, notice.c.ends_on)

notice_read = company_table(
    "notice_read",
    filled("notice_id", Uuid),
    filled("person_id", Uuid),
    filled("device_id", Uuid),
    # The corrected time of the first reading.
    filled("read_at", Moment),
    filled("trust", Text),
    filled("received_at", Moment),
    key=("notice_id", "person_id"),
    is_hot=True,
)
