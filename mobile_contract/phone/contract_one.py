"""Payloads as contract 1 has them, for an app that was not updated (PROTOCOL.md, heading "Contract 1").

Flat, in WGS-84 only, without skipped visits, visits by phone, positions and the boot of an event.
What contract 1 has no word for raises NotInContract: an old app does not offer it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mobile_contract.phone.captured import Call, ClosedBy, Event, Fix, Step
from mobile_contract.phone.contract_two import present

Payload = dict[str, Any]


class NotInContract(Exception):
    """Contract 1 has no word for this."""


def visit_created(call: Call, *, boot_id: str) -> Payload:
    if call.is_by_phone:
        raise NotInContract("a visit by phone")
    check_out = call.check_out
    return present(
        store_id=call.store_id,
        plan_id=call.day_plan_id,
        checked_in_at=call.check_in.moment.wall_ms,
        checked_in_uptime_ms=_uptime_ms(call.check_in, boot_id),
        checked_out_at=None if check_out is None else check_out.moment.wall_ms,
        checked_out_uptime_ms=None if check_out is None else _uptime_ms(check_out, boot_id),
        **_flat_fix(call.check_in.fix),
        steps=_names(call.steps),
        note=call.note,
    )


def visit_finished(
    check_out: Event, *, closed_by: ClosedBy, steps: Sequence[Step], note: str | None, boot_id: str
) -> Payload:
    if closed_by != "PERSON":
        raise NotInContract(f"a visit closed by {closed_by}")
    return present(
        checked_out_at=check_out.moment.wall_ms,
        checked_out_uptime_ms=_uptime_ms(check_out, boot_id),
        steps=_names(steps),
        note=note,
    )


def visit_skipped(**_: object) -> Payload:
    raise NotInContract("a skipped visit")


def visit_changes(changes: Mapping[str, Any]) -> Payload:
    if "is_by_phone" in changes:
        raise NotInContract("a visit by phone")
    if "steps" not in changes:
        return dict(changes)
    return {**changes, "steps": _names(changes["steps"])}


def attendance_created(
    event: str, occurred: Event, *, position_id: str | None, boot_id: str
) -> Payload:
    """The position is left to the server, which knows who holds which."""
    del position_id
    return present(
        event=_EVENTS[event],
        at=occurred.moment.wall_ms,
        uptime_ms=_uptime_ms(occurred, boot_id),
        **_flat_fix(occurred.fix),
    )


def attendance_event(event: str) -> str:
    """The wire's word for CLOCK_ON, BREAK_START, BREAK_END or CLOCK_OFF."""
    return _EVENTS[event]


def store_fields(fields: Mapping[str, Any]) -> Payload:
    """The fields of a store with its contact as an object of its own."""
    for name in ("opening_hours", "delivery_note"):
        if name in fields:
            raise NotInContract(name)
    payload = {name: value for name, value in fields.items() if not name.startswith("contact_")}
    contact = {
        short: fields[long]
        for long, short in (("contact_name", "name"), ("contact_phone", "phone"))
        if long in fields
    }
    return {**payload, "contact": contact} if contact else payload


def route_stop(stop: Mapping[str, Any]) -> Payload:
    """A stop without the opening times, which contract 1 does not know."""
    rule = {
        name: value
        for name, value in stop["rule"].items()
        if name not in {"open_from_min", "open_until_min"}
    }
    return {**stop, "rule": rule}


_EVENTS = {
    "CLOCK_ON": "CLOCK_IN",
    "BREAK_START": "BREAK_START",
    "BREAK_END": "BREAK_END",
    "CLOCK_OFF": "CLOCK_OUT",
}


def _uptime_ms(event: Event, boot_id: str) -> int:
    """The event's uptime; after a reboot there is none to compare with, and 0 tells the server so."""
    return event.moment.uptime_ms if event.moment.boot_id == boot_id else 0


def _flat_fix(fix: Fix | None) -> Payload:
    if fix is None:
        return {}
    if fix.datum != "WGS84":
        raise NotInContract(f"a position in {fix.datum}")
    return present(
        lat_e7=fix.lat_e7,
        lon_e7=fix.lon_e7,
        accuracy_cm=fix.accuracy_cm,
        gps_time=fix.gps_time,
        is_mock=fix.is_mock or None,
    )


def _names(steps: Sequence[Step]) -> list[str]:
    return [step.step for step in steps if step.outcome == "DONE"]
