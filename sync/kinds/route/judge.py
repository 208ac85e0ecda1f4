"""Judging what reps propose for their routes: nothing applies by itself, somebody decides."""

from sync.proposing import proposal_judge
from sync.record_kind import RecordKind

ROLES = frozenset({"rep", "supervisor", "regional_manager", "driver"})
NUMBER = 2

ROUTE = RecordKind(name="route", number=NUMBER, ops={"propose": proposal_judge(NUMBER, ROLES)})
