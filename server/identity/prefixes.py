"""Ids as people type them: the first letters are enough where they name one thing alone."""

from uuid import UUID

DIGITS = 32
_HEX = frozenset("0123456789abcdef")


def ids_that_begin(typed: str) -> tuple[UUID, UUID] | None:
    """The first and the last id that begin like this, None where no id can be meant.

    Both in the order of the database, which is that of their digits: an index finds what is between.
    """
    begin = typed.strip().lower().replace("-", "")
    if not 1 <= len(begin) <= DIGITS or not set(begin) <= _HEX:
        return None
    return UUID(begin.ljust(DIGITS, "0")), UUID(begin.ljust(DIGITS, "f"))
