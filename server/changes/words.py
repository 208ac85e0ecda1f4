"""The log of changes in plain words: what was done to what, and what it was before and after.

What has no words here is told by its own name, with spaces: nothing is left out of the log because nobody named it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from server.changes.field_words import FIELDS, VALUES
from server.identity.change_log import LoggedChange
from server.identity.setting_words import SETTINGS, told_setting
from server.language import (
    joined_words,
    sentence,
    tell,
    tell_number,
    told_day,
    told_list,
    told_moment,
    told_money,
    told_number,
)
from server.vocabulary import FLAG_NAMES, flag_name, name_of

SHORT = 160
LONG = 4_000
DEPTH_MAX = 6
_E7 = 10_000_000
_ID_LENGTH = 36
_ID = re.compile("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
# A choice, as the contract writes it.
_CODE = re.compile("[A-Z]{2,}(?:_[A-Z]+)+")

KINDS = {
    "account": sentence("Account"),
    "activity": sentence("Activity"),
    "activity_store": sentence("Store in an activity"),
    "audit_turn": sentence("Audit to do"),
    "audit_verdict": sentence("Verdict of an audit"),
    "audit_visit": sentence("Audit visit"),
    "company": sentence("Company"),
    "conflict": sentence("Conflict"),
    "day_plan": sentence("Day plan"),
    "device": sentence("Phone"),
    "division": sentence("Division"),
    "enrolment_code": sentence("Code for a phone"),
    "file": sentence("File"),
    "form_template": sentence("Form"),
    "holiday": sentence("Holiday"),
    "kept_item": sentence("Item in quarantine"),
    "kept_items": sentence("Items in quarantine"),
    "location_check": sentence("Location check"),
    "notice": sentence("Notice"),
    "occupancy": sentence("Occupancy"),
    "order": sentence("Order"),
    "person": sentence("Person"),
    "photo": sentence("Photo"),
    "policy": sentence("Settings"),
    "position": sentence("Position"),
    "price_list": sentence("Price list"),
    "product": sentence("Product"),
    "promotion": sentence("Promotion"),
    "proposal": sentence("Proposal"),
    "region": sentence("Region"),
    "route": sentence("Route"),
    "store": sentence("Store"),
    "target_plan": sentence("Target"),
    "task": sentence("Task"),
    "visit": sentence("Visit"),
}

# By the whole action where its verb alone would mislead, else by the verb.
ACTIONS = {
    "audit.claim": sentence("claimed by an auditor"),
    "audit.give_back": sentence("given back by an auditor"),
    "company.found": sentence("founded"),
    "device.drain": sentence("told to hand over what it holds"),
    "device.end_code": sentence("ended"),
    "device.enrol": sentence("enrolled"),
    "device.issue_code": sentence("given out"),
    "device.revoke": sentence("shut out"),
    "device.rotate": sentence("got a new token"),
    "external_id.call": sentence("called otherwise in another system"),
    "file.found": sentence("found again"),
    "file.lost": sentence("lost, asked for again"),
    "file.reread": sentence("files read again"),
    "file.retry": sentence("read again"),
    "occupancy.end": sentence("ended"),
    "occupancy.give": sentence("given|position"),
    "occupancy.reopen": sentence("goes on"),
    "occupancy.take_away": sentence("taken away"),
    "person.change_email": sentence("got another e-mail"),
    "person.leave": sentence("leaves"),
    "person.return": sentence("returns"),
    "person.set_password": sentence("got a password"),
    "photo.judge_again": sentence("judged again"),
    "quarantine.release_all": sentence("released together"),
    "visit.decide_flag": sentence("flag decided"),
}
VERBS = {
    "add": sentence("added"),
    "amend": sentence("amended"),
    "appeal": sentence("appealed against"),
    "approve": sentence("approved"),
    "approved": sentence("approved"),
    "ask": sentence("asked for"),
    "audit": sentence("audited"),
    "cancel": sentence("cancelled"),
    "change": sentence("changed"),
    "choose": sentence("decided"),
    "close": sentence("closed"),
    "confirm": sentence("confirmed"),
    "create": sentence("added"),
    "dispatch": sentence("sent out"),
    "draft": sentence("drafted"),
    "edit": sentence("changed"),
    "end": sentence("ended"),
    "enter": sentence("entered"),
    "give": sentence("given"),
    "import": sentence("imported"),
    "judge": sentence("judged"),
    "make": sentence("added"),
    "make_plan": sentence("set"),
    "mend": sentence("mended and released"),
    "move": sentence("moved"),
    "open": sentence("opened"),
    "pay": sentence("paid"),
    "print": sentence("printed"),
    "publish": sentence("published"),
    "recall": sentence("recalled"),
    "refuse": sentence("refused"),
    "refused": sentence("refused"),
    "reject": sentence("rejected"),
    "release": sentence("released"),
    "remove": sentence("removed"),
    "rename": sentence("renamed"),
    "reopen": sentence("opened again"),
    "retire": sentence("retired"),
    "set_aside": sentence("set aside"),
    "set_divisions": sentence("given to divisions"),
    "set_stops": sentence("stops set"),
    "settle": sentence("settled"),
    "split_plan": sentence("split anew"),
    "start": sentence("started"),
    "undo": sentence("undone"),
    "withdraw": sentence("withdrawn"),
}


@dataclass(frozen=True, slots=True)
class Difference:
    """A field that a change concerned, as it was and as it is, in words; None where it was or is nothing."""

    name: str
    before: str | None
    after: str | None


def told_kind(kind: str) -> str:
    """What kind of thing an entry is about."""
    return tell(KINDS[kind]) if kind in KINDS else name_of(kind)


def told_action(action: str) -> str:
    """What was done to it."""
    verb = action.rpartition(".")[2]
    words = ACTIONS.get(action) or VERBS.get(verb)
    return tell(words) if words is not None else name_of(verb)


def told_subject(entry: LoggedChange, names: Mapping[str, str], zone: str) -> str:
    """What an entry is about: its name, else how it is called in the log."""
    known = names.get(entry.subject_id)
    if known is not None:
        return known
    # An occupancy, a task … has no name of its own: whose it is says more than its id.
    held = {**(entry.before or {}), **(entry.after or {})}
    parts = [
        names[str(held[field])]
        for field in ("person_id", "position_id", "store_id", "activity_id")
        if str(held.get(field)) in names
    ]
    if parts:
        return ", ".join(parts)
    return _told(entry.subject_id, "", names, zone, None, 0)


def differences(
    entry: LoggedChange,
    names: Mapping[str, str],
    zone: str,
    *,
    at_most: int = LONG,
    currency: str | None = None,
) -> list[Difference]:
    """The fields that differ between before and after, in the order in which they were written. `currency` is that of
    the amounts of an entry that names none.
    """
    before, after = entry.before or {}, entry.after or {}
    fields = [
        field
        for field in dict.fromkeys([*before, *after])
        # Its own id stands above.
        if entry.subject_id not in (before.get(field), after.get(field))
        and (before.get(field) or after.get(field) not in ([], {}))
    ]
    written_in = after.get("currency") or before.get("currency") or currency

    def told(held: Mapping[str, Any], field: str, other: Mapping[str, Any]) -> str | None:
        if held.get(field) is None:
            return None
        if entry.subject_kind == "policy" and field in SETTINGS:
            return _cut(told_setting(field, held[field], currency or ""), at_most)
        value = held[field]
        if isinstance(value, list) and isinstance(other.get(field), list):
            return _cut(_told_list(value, other[field], field, names, zone), at_most)
        return _cut(_told(value, field, names, zone, written_in, 0), at_most)

    return [
        Difference(
            tell(SETTINGS[field].title)
            if entry.subject_kind == "policy" and field in SETTINGS
            else told_field(field, names),
            told(before, field, after),
            told(after, field, before),
        )
        for field in fields
        if before.get(field) != after.get(field)
    ]


def told_differences(told: list[Difference], at_most: int | None = None) -> str:
    """The differences in one line; with `at_most` only so many letters of it."""
    said = joined_words(
        [
            tell("{first}: {rest}", first=one.name, rest=one.after)
            if one.before is None and one.after is not None
            else tell(
                "{first}: {rest}",
                first=one.name,
                rest=f"{one.before or '–'} → {one.after or '–'}",
            )
            for one in told
        ]
    )
    return said if at_most is None else _cut(said, at_most)


def told_field(field: str, names: Mapping[str, str]) -> str:
    """What a field is called."""
    if field in names:
        return names[field]
    if len(field) == _ID_LENGTH:
        return field[:8]
    return tell(FIELDS[field]) if field in FIELDS else name_of(field)


def _told_list(
    value: list[Any], other: list[Any], field: str, names: Mapping[str, str], zone: str
) -> str:
    """A list beside the one that took its place: how many, and which the other has not."""
    own = [one for one in value if one not in other]
    number = tell_number("{number} in it", "{number} in it", len(value))
    if not own:
        return (
            number
            if len(value) != len(other)
            else tell("{number}, in another order", number=number)
        )
    rest = told_list([_told(one, field, names, zone, None, 1) for one in own])
    return tell("{first}: {rest}", first=number, rest=rest)


def _told(
    value: Any, field: str, names: Mapping[str, str], zone: str, currency: str | None, depth: int
) -> str:
    if not isinstance(value, list | dict):
        return _told_plain(value, field, names, zone, currency)
    if not value:
        return tell("nothing")
    if depth >= DEPTH_MAX:
        return "…"
    if isinstance(value, list):
        return told_list([_told(one, field, names, zone, currency, depth + 1) for one in value])
    return joined_words(
        [
            tell(
                "{first}: {rest}",
                first=told_field(str(name), names),
                rest=_told(one, str(name), names, zone, currency, depth + 1),
            )
            for name, one in value.items()
            if one is not None and one != []
        ]
    )


def _told_plain(
    value: Any, field: str, names: Mapping[str, str], zone: str, currency: str | None
) -> str:
    match value:
        case None:
            return tell("nothing")
        case bool():
            return tell("yes") if value else tell("no")
        case int():
            return _told_whole(value, field, currency)
        case str():
            return _told_text(value, names, zone)
    return str(value)


def _told_whole(value: int, field: str, currency: str | None) -> str:
    if field.endswith("_minor") and currency is not None:
        return told_money(value, currency)
    if field.endswith("_e7"):
        return f"{value / _E7:.6f}°"
    if field in ("version", "year", "contract", "plan_version", "order_version", "number"):
        return str(value)
    number = told_number(value)
    unit = next((unit for end, unit in _UNITS if field.endswith(end)), None)
    return number if unit is None else f"{number} {unit}"


_UNITS = (("_km", "km"), ("_m", "m"), ("_ms", "ms"), ("_s", "s"), ("_min", "min"), ("_kmh", "km/h"))


def _told_text(value: str, names: Mapping[str, str], zone: str) -> str:
    if value in names:
        return names[value]
    if value in VALUES:
        return tell(VALUES[value])
    if value in FLAG_NAMES or _CODE.fullmatch(value):
        return flag_name(value) if value in FLAG_NAMES else name_of(value.lower())
    if _ID.fullmatch(value):
        return value[:8]
    read = _read_time(value)
    if isinstance(read, datetime):
        return told_moment(round(read.timestamp() * 1000), zone)
    return value if read is None else told_day(read)


def _read_time(value: str) -> date | None:
    """The day or the moment that a text is, as the log writes them."""
    if not (len(value) >= 10 and value[4] == value[7] == "-" and value[:4].isdecimal()):
        return None
    try:
        return date.fromisoformat(value) if len(value) == 10 else datetime.fromisoformat(value)
    except ValueError:
        return None


def _cut(told: str, at_most: int) -> str:
    return told if len(told) <= at_most else told[: at_most - 1] + "…"
