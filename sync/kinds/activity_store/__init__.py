"""activity_store: a store in an activity; reps ask, the office decides, every phone of the store sees."""

from sync.kinds.activity_store.judge import ACTIVITY_STORE as KIND

__all__ = ["KIND"]
