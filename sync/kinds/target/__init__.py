"""target: a number that a position is to reach in a month, with its progress. It only goes down."""

from sync.kinds.target.publish import TARGET as KIND

__all__ = ["KIND"]
