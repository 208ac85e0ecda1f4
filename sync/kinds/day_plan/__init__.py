"""day_plan: the stops due for a position on a date. It goes down; proposals come up."""

from sync.kinds.day_plan.judge import DAY_PLAN as KIND

__all__ = ["KIND"]
