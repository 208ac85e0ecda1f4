"""What the pages of masters share: how changes are told, for whom something is, and what scripts find."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from flask import Response

from server.identity.change_log import LoggedChange, changes_of
from server.language import sentence, tell, told_clock, told_day, told_money
from server.web.desk import packed
from sync.unit_of_work import UnitOfWork

MASTERS = ("admin",)
CHANGES_SHOWN = 12
FOUND_MAX = 20
_VALUE_MAX = 200

ACTIONS = {
    "make": sentence("added"),
    "edit": sentence("changed"),
    "move": sentence("moved"),
    "close": sentence("closed"),
    "reopen": sentence("opened again"),
    "set_divisions": sentence("divisions set"),
    "publish": sentence("published"),
    "end": sentence("ended"),
    "draft": sentence("drafted"),
    "call": sentence("named elsewhere"),
}
FIELDS = {
    "code": sentence("Code"),
    "name": sentence("Name"),
    "barcode": sentence("Barcode"),
    "category": sentence("Product group"),
    "brand": sentence("Brand"),
    "is_own": sentence("Own product"),
    "division_id": sentence("Division"),
    "divisions": sentence("Divisions"),
    "shelf_life_days": sentence("Shelf life"),
    "min_order_quantity": sentence("Least order"),
    "status": sentence("State"),
    "state": sentence("State"),
    "units": sentence("Units"),
    "must_stock": sentence("Must be stocked by"),
    "channel": sentence("Channel"),
    "store_class": sentence("Class"),
    "address": sentence("Address"),
    "contact_name": sentence("Contact"),
    "contact_phone": sentence("Telephone"),
    "opening_hours": sentence("Opening hours"),
    "delivery_note": sentence("Delivery note"),
    "lat_e7": sentence("Latitude"),
    "lon_e7": sentence("Longitude"),
    "fence_radius_m": sentence("Fence"),
    "region_id": sentence("Region"),
    "position_id": sentence("Position"),
    "account_id": sentence("Account"),
    "currency": sentence("Currency"),
    "credit_limit_minor": sentence("Credit limit"),
    "open_receivables_minor": sentence("Open receivables"),
    "unapplied_receipts_minor": sentence("Unapplied receipts"),
    "as_of": sentence("As of"),
    "reason": sentence("Reason"),
    "version": sentence("Version"),
    "valid_from": sentence("From"),
    "valid_until": sentence("Until"),
    "entries": sentence("Prices"),
    "ended_at": sentence("Ended"),
    "for_whom": sentence("For whom"),
}
STATUSES = {
    "ACTIVE": sentence("active"),
    "DISCONTINUED": sentence("no longer sold"),
    "PROPOSED": sentence("proposed"),
    "CLOSED": sentence("closed"),
    "REFUSED": sentence("refused"),
    "DRAFT": sentence("draft"),
    "PUBLISHED": sentence("published"),
    "ENDED": sentence("ended"),
}
_LEFT_OUT = {"body", "number", "level"}
_MOMENTS = {"valid_from", "valid_until", "ended_at", "as_of"}


@dataclass(frozen=True, slots=True)
class ChangeTold:
    """An entry of the log of changes, for a person: each field with what it was and is."""

    at_ms: int
    actor: str
    action: str
    fields: list[tuple[str, str | None, str]]


def told_changes(
    uow: UnitOfWork, kind: str, subject_id: object, zone: str, currency: str | None = None
) -> list[ChangeTold]:
    """The last changes of a master, its amounts in this currency. One query."""
    found = changes_of(uow, subject_kind=kind, subject_id=str(subject_id), at_most=CHANGES_SHOWN)
    return [_told(one, zone, currency) for one in found]


def told_period(valid_from: datetime | None, valid_until: datetime | None, zone: str) -> str:
    """From when until when, in words. Of what ends with a day the day is told."""
    if valid_from is None:
        return "–"
    begin = told_hour(valid_from, zone)
    if valid_until is None:
        return tell("from {moment}", moment=begin)
    return tell("{begin} to {end}", begin=begin, end=told_end(valid_until, zone))


def told_hour(moment: datetime, zone: str) -> str:
    """A day, and the hour where that is not its begin."""
    there = moment.astimezone(ZoneInfo(zone))
    if (there.hour, there.minute) == (0, 0):
        return told_day(there.date())
    return f"{told_day(there.date())}, {told_clock(moment_ms(moment), zone)}"


def told_end(moment: datetime, zone: str) -> str:
    """The last day of what ends with a day, else the hour at which it ends."""
    there = moment.astimezone(ZoneInfo(zone))
    if (there.hour, there.minute) == (0, 0):
        return told_day(there.date() - timedelta(days=1))
    return told_hour(moment, zone)


def moment_ms(moment: datetime) -> int:
    """Milliseconds since 1970, as pages tell moments."""
    return round(moment.timestamp() * 1000)


def _told(one: LoggedChange, zone: str, currency: str | None) -> ChangeTold:
    action = one.action.partition(".")[2]
    before, after = one.before, one.after or {}
    # Of what is new the fields are on the page already.
    is_new = before is None and action in ("make", "draft")
    fields = [] if is_new else list(_fields(before or {}, after, zone, currency))
    return ChangeTold(moment_ms(one.at), one.actor, tell(ACTIONS.get(action, action)), fields)


def _fields(
    before: Mapping[str, Any], after: Mapping[str, Any], zone: str, currency: str | None
) -> Iterable[tuple[str, str | None, str]]:
    for name, value in after.items():
        told = tell(FIELDS[name]) if name in FIELDS else name
        if name in _LEFT_OUT or name.endswith("_id") or isinstance(value, Mapping):
            # Ids and parts are for machines: that they differ is what a person wants to know.
            if name in FIELDS:
                yield told, None, tell("set otherwise")
        else:
            held = _plain(name, before[name], zone, currency) if name in before else None
            yield told, held, _plain(name, value, zone, currency)


def _plain(name: str, value: Any, zone: str, currency: str | None) -> str:
    match value:
        case None | "" | []:
            told = "–"
        case bool():
            told = tell("yes") if value else tell("no")
        case int() if name.endswith("_minor") and currency is not None:
            told = told_money(value, currency)
        case int() if name.endswith("_e7"):
            told = f"{value / 1e7:.6f}"
        case str() if name in _MOMENTS:
            told = told_hour(datetime.fromisoformat(value), zone)
        case str() if value in STATUSES:
            told = tell(STATUSES[value])
        case list():
            told = ", ".join(
                " ".join("*" if part is None else str(part) for part in one)
                if isinstance(one, list)
                else str(one)
                for one in value
            )
        case _:
            told = str(value)
    return told if len(told) <= _VALUE_MAX else f"{told[:_VALUE_MAX]} …"


def found_for_scripts(rows: Iterable[tuple[str, str]]) -> Response:
    """Codes with their names, for a field that completes what is typed."""
    return packed(msgspec.json.encode([list(row) for row in rows]))
