"""Ids as people type them: the first letters are enough where they name one thing alone."""

from typing import Any
from uuid import UUID

from sqlalchemy import Column, select

from sync.unit_of_work import UnitOfWork

_DIGITS = 32
_HEX = frozenset("0123456789abcdef")


def ids_that_begin(typed: str) -> tuple[UUID, UUID] | None:
    """The first and the last id that begin like this, None where no id can be meant.

    Both in the order of the database, which is that of their digits: an index finds what is between.
    """
    begin = typed.strip().lower().replace("-", "")
    if not 1 <= len(begin) <= _DIGITS or not set(begin) <= _HEX:
        return None
    return UUID(begin.ljust(_DIGITS, "0")), UUID(begin.ljust(_DIGITS, "f"))


def id_that_begins(
    uow: UnitOfWork, column: Column[Any], typed: str, *, what: str, refusal: type[Exception]
) -> UUID:
    """The one id of the company in this column that begins like this; raises `refusal` in words."""
    found: list[UUID] = []
    begin = ids_that_begin(typed)
    if begin is not None:
        found = list(
            uow.connection.execute(
                select(column)
                .where(column.table.c.company_id == uow.company_id, column.between(*begin))
                .distinct()
                .limit(2)
            ).scalars()
        )
    if not found:
        raise refusal(f"there is no {what} in this company")
    if len(found) > 1:
        raise refusal(f"several begin with {typed.strip()}: give more of the id")
    return found[0]
