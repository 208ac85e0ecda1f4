"""task: something that the office asks of a position or a person; the answer goes up."""

from sync.kinds.task.judge import TASK as KIND

__all__ = ["KIND"]
