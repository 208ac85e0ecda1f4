"""Marks: where a row stands in its list, as the address of the page after it has it.

They come from an address, so anybody may have typed them: what is none raises ValueError.
"""

from datetime import date, datetime
from uuid import UUID

# More than a name or a code has.
_TEXT_MAX = 300


def text_and_id(typed: str) -> tuple[str, UUID]:
    """A name or a code, which may itself have a tilde, and an id."""
    text, _, id_ = typed.rpartition("~")
    if "\0" in text or len(text) > _TEXT_MAX:
        raise ValueError(typed)
    return text, UUID(id_)


def day_and_id(typed: str) -> tuple[date, UUID]:
    """A day and an id."""
    day, id_ = typed.split("~")
    return date.fromisoformat(day), UUID(id_)


def moment_and_id(typed: str) -> tuple[datetime, UUID]:
    """A moment and an id."""
    at, id_ = typed.split("~")
    return moment(at), UUID(id_)


def day_moment_and_id(typed: str) -> tuple[date, datetime, UUID]:
    """A day, a moment of it and an id."""
    day, at, id_ = typed.split("~")
    return date.fromisoformat(day), moment(at), UUID(id_)


def moment(typed: str) -> datetime:
    """A moment with its offset from UTC."""
    read = datetime.fromisoformat(typed)
    if read.tzinfo is None:
        raise ValueError(typed)
    return read
