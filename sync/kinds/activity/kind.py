"""What an activity is to the engine: it only goes down."""

from sync.kinds.activity.states import RUNNING_ACTIVITY
from sync.record_kind import RecordKind

ACTIVITY = RecordKind(name="activity", number=21, machine=RUNNING_ACTIVITY)
