"""What stands in an address or a form, read once for all pages. What nobody could have meant leads nowhere: NotFound."""

from collections.abc import Mapping
from datetime import date, timedelta
from uuid import UUID

from werkzeug.exceptions import NotFound

DAYS_SHOWN = 31
"""How many days a list shows where nobody says."""


def typed_uuid(typed: str | None) -> UUID:
    """An id."""
    try:
        return UUID(typed or "")
    except ValueError:
        raise NotFound from None


def typed_text(typed: str | None, most: int = 100) -> str:
    """A text of at most so many characters; nothing typed: an empty one."""
    found = typed or ""
    if "\x00" in found or len(found) > most:
        raise NotFound
    return found


def typed_day(typed: str | None, otherwise: date | None = None) -> date:
    """A day as ISO 8601 writes it; nothing typed: the other, where there is one."""
    if not typed and otherwise is not None:
        return otherwise
    try:
        return date.fromisoformat(typed or "")
    except ValueError:
        raise NotFound from None


def typed_period(asked: Mapping[str, str], today: date) -> tuple[date, date]:
    """The days `first` to `last`: until today, and `DAYS_SHOWN` of them, where nothing is typed."""
    last = typed_day(asked.get("last"), today)
    # The first days that there are have none before them.
    shown = min(timedelta(days=DAYS_SHOWN - 1), last - date.min)
    return typed_day(asked.get("first"), last - shown), last
