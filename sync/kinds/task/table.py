"""The tables of tasks: what is asked of whom, and every answer that came."""

from sqlalchemy import Boolean, CheckConstraint, Column, Date, Index, Integer, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY

from mobile_contract.records.task import TASK_SORTS, TASK_STATES
from sync.tables import Moment, company_table, filled

task = company_table(
    "task",
    filled("id", Uuid),
    filled("sort", Text),
    filled("text", Text),
    filled("state", Text),
    filled("due_on", Date),
    # One of the two, never both: whoever holds the position, or one person whatever they hold.
    Column("position_id", Uuid),
    Column("person_id", Uuid),
    Column("store_id", Uuid),
    Column("visit_id", Uuid),
    Column("order_id", Uuid),
    Column("photo_sha256", Text),
    Column("activity_store_id", Uuid),
    filled("given_by", Text),
    filled("given_at", Moment),
    # When it was answered or withdrawn.
    Column("over_at", Moment),
    CheckConstraint("sort in ('" + "', '".join(TASK_SORTS) + "')", name="sort"),
    CheckConstraint("state in ('" + "', '".join(TASK_STATES) + "')", name="state"),
    CheckConstraint("position_id is null or person_id is null", name="whose"),
    CheckConstraint("(state = 'OPEN') = (over_at is null)", name="over"),
    key=("id",),
    is_hot=True,
)
Index("task_position_ix", task.c.company_id, task.c.position_id, task.c.state)
Index("task_person_ix", task.c.company_id, task.c.person_id, task.c.state)
Index("task_store_ix", task.c.company_id, task.c.store_id)

task_answer = company_table(
    "task_answer",
    filled("id", Uuid),
    filled("task_id", Uuid),
    # The first that came to an open task; others are kept beside it.
    filled("is_settling", Boolean),
    filled("person_id", Uuid),
    Column("position_id", Uuid),
    filled("device_id", Uuid),
    Column("visit_id", Uuid),
    filled("business_day", Date),
    filled("done_at", Moment),
    filled("trust", Text),
    filled("flags", ARRAY(Text)),
    Column("note", Text),
    filled("photos", Integer),
    filled("received_at", Moment),
    key=("id",),
    is_hot=True,
)
Index("task_answer_task_ix", task_answer.c.company_id, task_answer.c.task_id)
