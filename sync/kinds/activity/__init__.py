"""activity: a promotion with a code, a period and standards. It only goes down."""

from sync.kinds.activity.kind import ACTIVITY as KIND

__all__ = ["KIND"]
