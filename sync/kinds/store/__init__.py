"""store: an outlet that is visited. It goes down; edits and new stores come up."""

from sync.kinds.store.judge import STORE as KIND

__all__ = ["KIND"]
