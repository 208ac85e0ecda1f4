"""Ids as people type them: the first letters are enough where they name one thing alone.

Very few letters begin some id by chance, and what is typed may be meant for something else: below a
least number of them nothing is named.
"""

from typing import Any
from uuid import UUID

from sqlalchemy import Column, select

from sync.unit_of_work import UnitOfWork

DIGITS_MIN = 4
_DIGITS = 32
_HEX = frozenset("0123456789abcdef")


def ids_that_begin(typed: str, *, digits_min: int = 1) -> tuple[UUID, UUID] | None:
    """The first and the last id that begin like this, None where no id can be meant.

    Both in the order of the database, which is that of their digits: an index finds what is between.
    """
    begin = typed.strip().lower().replace("-", "")
    if not digits_min <= len(begin) <= _DIGITS or not set(begin) <= _HEX:
        return None
    return UUID(begin.ljust(_DIGITS, "0")), UUID(begin.ljust(_DIGITS, "f"))


def id_that_begins(
    uow: UnitOfWork, column: Column[Any], typed: str, *, what: str, refusal: type[Exception]
) -> UUID:
    """The one id of the company in this column that begins like this; raises `refusal` in words."""
    found: list[UUID] = []
    begin = ids_that_begin(typed, digits_min=DIGITS_MIN)
    if begin is None and ids_that_begin(typed) is not None:
        raise refusal(
            f"{typed.strip()} is too little of an id: give its first {DIGITS_MIN} or more"
        )
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
