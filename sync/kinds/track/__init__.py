"""track: where a phone was, append-only: a stretch of points with its gaps."""

from sync.kinds.track.judge import TRACK as KIND

__all__ = ["KIND"]
