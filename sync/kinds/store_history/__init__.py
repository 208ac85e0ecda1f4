"""What happened at a store last, told to whoever has the store."""

from sync.kinds.store_history.publish import STORE_HISTORY as KIND

__all__ = ["KIND"]
