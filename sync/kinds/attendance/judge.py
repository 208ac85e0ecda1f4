"""Judging attendance events: on, break, off. Each is a fact; the day is worked out when read."""

from datetime import date
from typing import Any

from sync.clock import business_day
from sync.evidence import captured, clock_wire, witness
from sync.flag import Flag
from sync.kinds.attendance.states import DUTY
from sync.record_kind import (
    Accepted,
    Arrived,
    Context,
    Known,
    Outcome,
    Record,
    RecordKind,
    Rejected,
)
from sync.revision import open_conflict, revise
from sync.rights import id_taken, own_record, right_of
from sync.rows import RowSet

ROLES = frozenset({"rep", "supervisor", "regional_manager", "auditor", "driver"})

ATTENDANCES = RowSet(
    "attendance",
    (
        ("id", "uuid"),
        ("version", "int4"),
        ("person_id", "uuid"),
        ("position_id", "uuid"),
        ("device_id", "uuid"),
        ("event", "text"),
        ("business_day", "date"),
        ("occurred_at", "timestamptz"),
        ("trust", "text"),
        ("flags", "text[]"),
        ("received_at", "timestamptz"),
    ),
    "on conflict (company_id, id) do update set version = excluded.version, event = excluded.event",
)


def create(item: Arrived, context: Context) -> Outcome:
    """Somebody went on, on a break, or off."""
    taken = id_taken(item, context)
    if taken is not None:
        return taken
    sender, policy, payload = context.sender, context.policy, item.payload
    occurred = witness(payload.occurred, item, policy)
    moment = occurred.moment
    right = right_of(context, item, moment, ROLES, payload.position_id)
    if isinstance(right, Rejected):
        return right
    flags: list[Flag] = list(moment.flags)
    if occurred.is_mock:
        flags.append({"flag": "mock_location"})
    fields = {
        "person_id": sender.person_id,
        "position_id": right.position_id,
        "event": payload.event,
        "business_day": business_day(moment.corrected_at, policy.time_zone).isoformat(),
        "occurred": occurred.wire,
        "clock": clock_wire(moment),
        "flags": flags,
    }
    return _accepted(item, context, fields, (sender.person_id,))


def correct(item: Arrived, context: Context) -> Outcome:
    """The wrong button: a new version says what it was, the old one stays."""
    known = own_record(context, item, ATTENDANCE.number)
    if not isinstance(known, Known):
        return known
    right = right_of(context, item, captured(item, context.policy), ROLES)
    if isinstance(right, Rejected):
        return right
    revision = revise(context, item, known, {"event": item.payload.changes.event})
    if isinstance(revision, Rejected):
        return revision
    outcome = _accepted(item, context, {**known.fields, **revision.fields}, None)
    outcome.merged = revision.merged
    if revision.conflict:
        outcome.conflict_id, told, row = open_conflict(context, item, known, revision.conflict)
        outcome.others = (told,)
        outcome.rows = (*outcome.rows, row)
    return outcome


def _accepted(
    item: Arrived, context: Context, fields: dict[str, Any], keys: tuple[str, ...] | None
) -> Accepted:
    known: Known | None = context.known.get(item.entity_id)
    row = (
        item.entity_id,
        1 if known is None else known.version + 1,
        fields["person_id"],
        fields["position_id"],
        context.sender.device_id,
        fields["event"],
        date.fromisoformat(fields["business_day"]),
        fields["occurred"]["corrected_at"],
        fields["clock"]["trust"],
        [flag["flag"] for flag in fields["flags"]],
        item.received_at,
    )
    return Accepted(
        record=Record(item.entity_id, ATTENDANCE, fields, keys),
        rows=((ATTENDANCES, item.entity_id, row),),
    )


ATTENDANCE = RecordKind(
    name="attendance", number=5, ops={"create": create, "correct": correct}, machine=DUTY
)
