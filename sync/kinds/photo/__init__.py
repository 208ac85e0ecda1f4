"""photo: that a picture was taken, and what became of it since; its bytes travel apart."""

from sync.kinds.photo.judge import PHOTO as KIND

__all__ = ["KIND"]
