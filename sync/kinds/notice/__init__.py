"""notice: what the office lets people know; that somebody read it goes up."""

from sync.kinds.notice.judge import NOTICE as KIND

__all__ = ["KIND"]
