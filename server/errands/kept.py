"""What errands keep is read by the version that is there then, which may be a later one with another form of it."""

from typing import Any, TypeVar

import msgspec

from server.errands.asked import Errand
from server.errands.errors import CannotBeDone
from server.language import Said

T = TypeVar("T")


def kept_as(form: type[T], kept: dict[str, Any] | None) -> T | None:
    """What was kept; None where there is nothing of this form."""
    try:
        return None if kept is None else msgspec.convert(kept, form)
    except msgspec.ValidationError:
        return None


def request_as(form: type[T], errand: Errand) -> T:
    """What an errand asks for. Raises CannotBeDone where it is of another form."""
    asked = kept_as(form, errand.request)
    if asked is None:
        raise CannotBeDone(Said("it was asked for from another version of the pages: ask again"))
    return asked
