"""route: an ordered set of stores of one position. It goes down; proposals come up."""

from sync.kinds.route.judge import ROUTE as KIND

__all__ = ["KIND"]
