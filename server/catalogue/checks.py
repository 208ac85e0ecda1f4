"""What fields of the catalogue may be, each refused by name."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from mobile_contract.fields import TIME_MAX
from mobile_contract.records.price_list import CURRENCY_PATTERN
from server.catalogue.errors import FieldInvalid, PeriodInvalid
from server.field_bounds import wanted_text, wanted_whole
from server.language import Said

_FIRST = datetime.fromtimestamp(0, UTC)
_LAST = datetime.fromtimestamp(TIME_MAX // 1_000, UTC)


def check_text(name: str, value: Any, least: int, most: int) -> None:
    """Raise FieldInvalid where it is no text of `least` to `most` characters."""
    is_text = isinstance(value, str) and "\x00" not in value
    if not is_text or not least <= len(value) <= most or (least and not value.strip()):
        raise FieldInvalid(wanted_text(name, least, most))
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise FieldInvalid(Said("{name}: holds what is no character", name=Said(name))) from error


def check_whole(name: str, value: Any, least: int, most: int) -> None:
    """Raise FieldInvalid where it is no whole number from `least` to `most`."""
    if type(value) is not int or not least <= value <= most:
        raise FieldInvalid(wanted_whole(name, least, most))


def check_currency(value: Any) -> None:
    """Raise FieldInvalid where it is no currency."""
    if not isinstance(value, str) or re.fullmatch(CURRENCY_PATTERN, value) is None:
        raise FieldInvalid(Said("currency: three capital letters as of ISO 4217, such as EUR"))


def whole_ms(moment: datetime) -> datetime:
    """The moment as phones know it: whole milliseconds."""
    return moment.replace(microsecond=moment.microsecond // 1_000 * 1_000)


def check_moment(moment: datetime) -> None:
    """Raise PeriodInvalid where phones have no such moment."""
    if not _FIRST <= moment <= _LAST:
        raise PeriodInvalid(
            Said(
                "a moment is from {first} to {last}; what never ends has no end",
                first=_FIRST.year,
                last=_LAST.year,
            )
        )


def check_period(valid_from: datetime, valid_until: datetime | None) -> None:
    """Raise PeriodInvalid where it ends before it begins, or is past already."""
    check_moment(valid_from)
    if valid_until is not None:
        check_moment(valid_until)
    if valid_until is not None and valid_until <= valid_from:
        raise PeriodInvalid(Said("a period ends after it begins"))
    if valid_until is not None and valid_until <= datetime.now(UTC):
        raise PeriodInvalid(Said("the period is over already"))


def differing(
    before: Mapping[str, Any], after: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Those fields that are not the same, as they were and as they are."""
    names = [name for name in after if after[name] != before.get(name)]
    return {name: before.get(name) for name in names}, {name: after[name] for name in names}
