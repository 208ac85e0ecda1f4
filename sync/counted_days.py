"""What measures count of visits, plans and sales, kept by month: the days of a month as bits, the first day the lowest.

A row of a month stands for up to thirty facts, so that a figure of a month reads ten thousand rows and not seventy thousand.
What changes a fact notes in the same transaction, by triggers (migration counted_days), which store's or position's month is to be
counted anew; whoever reads counts those from the facts (server/measures/days.py). So figures never wait for a worker.
"""

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Date, Integer, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY

from sync.tables import company_table, filled, numbered

# The days on which a store was visited by visits that count. A visit of no position has the id of nobody. `is_by_plan`: not
# of the visit's own position, but of the one whose plan the visit names; it is nobody's then.
visited_days = company_table(
    "visited_days",
    filled("month", Date),
    filled("store_id", Uuid),
    filled("position_id", Uuid),
    filled("person_id", Uuid),
    filled("is_by_plan", Boolean),
    filled("days", Integer),
    key=("month", "store_id", "position_id", "person_id", "is_by_plan"),
)

# The days for which a store stands in the frozen plan of a position.
planned_days = company_table(
    "planned_days",
    filled("month", Date),
    filled("position_id", Uuid),
    filled("store_id", Uuid),
    filled("days", Integer),
    key=("month", "position_id", "store_id"),
)

# The days on which orders above zero were taken at a store, neither rejected nor taken back, and what they come to: of all
# these days, and of each, `numbers` saying which (0 is the first of the month).
sold_days = company_table(
    "sold_days",
    filled("month", Date),
    filled("store_id", Uuid),
    filled("position_id", Uuid),
    filled("person_id", Uuid),
    filled("currency", Text),
    filled("days", Integer),
    filled("amount", BigInteger),
    filled("numbers", ARRAY(Integer)),
    filled("amounts", ARRAY(BigInteger)),
    key=("month", "store_id", "position_id", "person_id", "currency"),
)

# Whose months changed since they were counted: of a store its visits and its orders, of a position its plans. Only ever added to and
# taken from, so that no two transactions wait for each other.
days_changed = company_table(
    "days_changed",
    numbered("number"),
    filled("about", Text),
    filled("owner_id", Uuid),
    filled("month", Date),
    CheckConstraint("about in ('VISITS', 'PLANS', 'SALES')", name="about"),
    key=("number",),
    is_hot=True,
)

# Whether everything of a company was counted once, and which flags had to be accepted then for a visit to count.
days_counted = company_table(
    "days_counted",
    filled("to_accept", ARRAY(Text)),
    filled("is_whole", Boolean),
    key=(),
)
