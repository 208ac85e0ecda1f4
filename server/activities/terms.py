"""What an activity may be: its fields with their bounds, checked before anything is written."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any
from uuid import UUID

from mobile_contract.records.activity import (
    ACTIVITY_ABOUT_MAX,
    ACTIVITY_CHANNELS_MAX,
    ACTIVITY_CODE_MAX,
    ACTIVITY_NAME_MAX,
    ACTIVITY_REGIONS_MAX,
    CURRENCY_PATTERN,
    MONEY_MINOR_MAX,
    STANDARDS_MAX,
    Standard,
)
from mobile_contract.records.store import CHANNEL_MAX
from mobile_contract.schema import faults_of
from server.activities.errors import FieldInvalid
from server.field_bounds import wanted_text
from server.language import Said

# A period longer than this is a typing error.
DAYS_MAX = 1_100


@dataclass(frozen=True, slots=True, kw_only=True)
class StandardItem:
    """One item of the checklist, as phones have it."""

    item: str
    text: str
    photos: int = 0
    pass_rule: str = "DONE"  # noqa: S105 - a rule by which an item passes
    is_required: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class NewActivity:
    """An activity to be made. Money is in minor units of the currency; empty channels or regions: all."""

    name: str
    starts_on: date
    ends_on: date
    standards: Sequence[StandardItem] = ()
    about: str | None = None
    division_id: UUID | None = None
    channels: Sequence[str] = ()
    region_ids: Sequence[UUID] = ()
    budget_minor: int | None = None
    pay_minor: int | None = None
    currency: str | None = None
    id: UUID | None = None

    def columns(self) -> dict[str, Any]:
        """The columns of its row, without the standards."""
        return {name: getattr(self, name) for name in COLUMNS}


COLUMNS = (
    "name",
    "about",
    "division_id",
    "starts_on",
    "ends_on",
    "channels",
    "region_ids",
    "budget_minor",
    "pay_minor",
    "currency",
)


def check_terms(columns: Mapping[str, Any]) -> None:
    """Raise FieldInvalid, naming the field, where an activity cannot be like this."""
    _check_text("name", columns["name"], 1, ACTIVITY_NAME_MAX)
    if columns["about"] is not None:
        _check_text("about", columns["about"], 0, ACTIVITY_ABOUT_MAX)
    starts_on, ends_on = columns["starts_on"], columns["ends_on"]
    if ends_on < starts_on:
        raise FieldInvalid(Said("ends_on: the last day is not before the first"))
    if (ends_on - starts_on).days > DAYS_MAX:
        raise FieldInvalid(Said("ends_on: an activity lasts {most} days at most", most=DAYS_MAX))
    _check_list("channels", columns["channels"], ACTIVITY_CHANNELS_MAX)
    for channel in columns["channels"]:
        _check_text("channels", channel, 1, CHANNEL_MAX)
    _check_list("region_ids", columns["region_ids"], ACTIVITY_REGIONS_MAX)
    _check_money(columns)


def check_code(code: str) -> None:
    """Raise FieldInvalid where an activity cannot have this code."""
    _check_text("code", code, 1, ACTIVITY_CODE_MAX)
    if code != code.strip():
        raise FieldInvalid(Said("code: begins and ends with no space"))


def checklist(standards: Sequence[StandardItem]) -> list[dict[str, Any]]:
    """The standards as they are stored and sent; raises FieldInvalid, naming the item at fault."""
    if len(standards) > STANDARDS_MAX:
        raise FieldInvalid(Said("standards: {most} items at most", most=STANDARDS_MAX))
    listed = [asdict(standard) for standard in standards]
    schema = Standard()
    for place, item in enumerate(listed, start=1):
        faults = faults_of(schema, item)
        if faults:
            raise FieldInvalid(
                Said(
                    "standards: item {place}: {faults}", place=place, faults=faults[0].said_of("it")
                )
            )
        if item["pass_rule"] != "DONE" and not item["photos"]:  # noqa: S105
            raise FieldInvalid(
                Said("standards: {item} passes by photos and asks for none", item=item["item"])
            )
    names = [item["item"] for item in listed]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise FieldInvalid(Said("standards: {twice} is there twice", twice=twice))
    return listed


def _check_text(name: str, value: Any, least: int, most: int) -> None:
    if not isinstance(value, str) or "\x00" in value or not least <= len(value) <= most:
        raise FieldInvalid(wanted_text(name, least, most))


def _check_list(name: str, value: Any, most: int) -> None:
    if len(value) > most or len(set(value)) < len(value):
        raise FieldInvalid(Said("{name}: {most} at most, each once", name=Said(name), most=most))


def _check_money(columns: Mapping[str, Any]) -> None:
    has_money = False
    for name in ("budget_minor", "pay_minor"):
        value = columns[name]
        if value is None:
            continue
        has_money = True
        if type(value) is not int or not 0 <= value <= MONEY_MINOR_MAX:
            raise FieldInvalid(
                Said(
                    "{name}: a whole number from 0 to {most}", name=Said(name), most=MONEY_MINOR_MAX
                )
            )
    currency = columns["currency"]
    if currency is None:
        if has_money:
            raise FieldInvalid(Said("currency: money has one"))
    elif re.fullmatch(CURRENCY_PATTERN, currency) is None:
        raise FieldInvalid(Said("currency: a code of ISO 4217, such as CNY"))
