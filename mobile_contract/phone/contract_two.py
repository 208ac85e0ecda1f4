"""Payloads as contract 2 has them (PROTOCOL.md, heading "Records"). Absent is how null is said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mobile_contract.phone.captured import Call, ClosedBy, Event, Fix, SkipReason, Step

Payload = dict[str, Any]


def visit_created(call: Call, *, boot_id: str) -> Payload:
    return present(
        store_id=call.store_id,
        position_id=call.position_id,
        day_plan_id=call.day_plan_id,
        is_by_phone=call.is_by_phone,
        check_in=event_fields(call.check_in, boot_id),
        check_out=None if call.check_out is None else event_fields(call.check_out, boot_id),
        closed_by=call.closed_by,
        steps=_steps(call.steps),
        note=call.note,
    )


def visit_finished(
    check_out: Event, *, closed_by: ClosedBy, steps: Sequence[Step], note: str | None, boot_id: str
) -> Payload:
    return present(
        check_out=event_fields(check_out, boot_id),
        closed_by=closed_by,
        steps=_steps(steps),
        note=note,
    )


def visit_skipped(
    *,
    store_id: str,
    day_plan_id: str,
    reason: SkipReason,
    note: str | None,
    skipped: Event,
    boot_id: str,
) -> Payload:
    return present(
        store_id=store_id,
        day_plan_id=day_plan_id,
        reason=reason,
        note=note,
        skipped=event_fields(skipped, boot_id),
    )


def visit_changes(changes: Mapping[str, Any]) -> Payload:
    """The changes of a correction, where `steps` are Step values."""
    if "steps" not in changes:
        return dict(changes)
    return {**changes, "steps": _steps(changes["steps"])}


def attendance_created(
    event: str, occurred: Event, *, position_id: str | None, boot_id: str
) -> Payload:
    return present(
        event=_EVENTS[event], position_id=position_id, occurred=event_fields(occurred, boot_id)
    )


def attendance_event(event: str) -> str:
    """The wire's word for CLOCK_ON, BREAK_START, BREAK_END or CLOCK_OFF: back from a break is ON again."""
    return _EVENTS[event]


def store_fields(fields: Mapping[str, Any]) -> Payload:
    """The fields of a new store, or of an edit's `changes`, where None sets a field to null."""
    return dict(fields)


def route_stop(stop: Mapping[str, Any]) -> Payload:
    return dict(stop)


def present(**fields: object) -> Payload:
    """The fields that are there."""
    return {name: value for name, value in fields.items() if value is not None}


_EVENTS = {"CLOCK_ON": "ON", "BREAK_START": "BREAK", "BREAK_END": "ON", "CLOCK_OFF": "OFF"}


def event_fields(event: Event, boot_id: str) -> Payload:
    """An event; its boot is named where the phone was switched off between it and the capture."""
    moment = event.moment
    return present(
        at=moment.wall_ms,
        uptime_ms=moment.uptime_ms,
        boot_id=None if moment.boot_id == boot_id else moment.boot_id,
        fix=None if event.fix is None else fix_fields(event.fix),
    )


def fix_fields(fix: Fix) -> Payload:
    return present(
        lat_e7=fix.lat_e7,
        lon_e7=fix.lon_e7,
        datum=fix.datum,
        accuracy_cm=fix.accuracy_cm,
        gps_time=fix.gps_time,
        is_mock=fix.is_mock,
    )


def _steps(steps: Sequence[Step]) -> list[Payload]:
    return [
        present(step=step.step, outcome=step.outcome, at=step.at, reason=step.reason)
        for step in steps
    ]
