"""location_check: where somebody is now, asked by a supervisor, answered by the phone."""

from sync.kinds.location_check.judge import LOCATION_CHECK as KIND

__all__ = ["KIND"]
