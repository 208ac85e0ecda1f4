"""order: goods that a store orders or gives back, with every version of it."""

from sync.kinds.order.judge import ORDER as KIND

__all__ = ["KIND"]
