"""Judging what reps propose for a day: nothing applies by itself, somebody decides."""

from sync.proposing import proposal_judge
from sync.record_kind import RecordKind

ROLES = frozenset({"rep", "supervisor", "regional_manager", "driver"})
NUMBER = 3

DAY_PLAN = RecordKind(
    name="day_plan", number=NUMBER, ops={"propose": proposal_judge(NUMBER, ROLES)}
)
