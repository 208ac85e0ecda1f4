"""attendance: on, break and off, append-only, with corrections."""

from sync.kinds.attendance.judge import ATTENDANCE as KIND

__all__ = ["KIND"]
