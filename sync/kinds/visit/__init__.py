"""visit: one call at a store, append-only, with corrections."""

from sync.kinds.visit.judge import VISIT as KIND

__all__ = ["KIND"]
