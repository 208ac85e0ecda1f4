"""Judging what phones report of visits: each report against the store, the clock and the rights.

A visit is append-only: finishing and correcting make new versions, and every version stays. What
follows from other visits (a later check-in closes this one) is worked out when read (day.py).

Longer than most modules: four ops that share how a visit is begun, flagged and written.
"""

from datetime import date
from typing import Any

from msgspec import UNSET, to_builtins

from sync.clock import Moment, Trust, business_day
from sync.evidence import Witnessed, captured, clock_wire, witness
from sync.flag import Flag
from sync.geo import Point
from sync.kinds.visit.flags import skip_flags, visit_flags
from sync.kinds.visit.states import VISITING
from sync.kinds.visit.verdict import judge_check_in
from sync.record_kind import (
    Accepted,
    Arrived,
    Context,
    Known,
    Missing,
    Outcome,
    Read,
    Record,
    RecordKind,
    Rejected,
)
from sync.revision import open_conflict, revise
from sync.rights import Right, id_taken, in_scope, own_record, right_of
from sync.rows import RowSet

# Who makes visits. Auditors and managers call at stores too.
ROLES = frozenset({"rep", "supervisor", "regional_manager", "auditor", "driver"})
STORE = 1
# The topic of the work that tells whoever has a store what happened there last.
STORE_HISTORY = "store_history"

VISITS = RowSet(
    "visit",
    (
        ("id", "uuid"),
        ("version", "int4"),
        ("person_id", "uuid"),
        ("position_id", "uuid"),
        ("device_id", "uuid"),
        ("store_id", "uuid"),
        ("day_plan_id", "uuid"),
        ("is_by_phone", "bool"),
        ("state", "text"),
        ("business_day", "date"),
        ("began_at", "timestamptz"),
        ("ended_at", "timestamptz"),
        ("trust", "text"),
        ("verdict", "text"),
        ("distance_cm", "int4"),
        ("flags", "text[]"),
        ("received_at", "timestamptz"),
    ),
    "on conflict (company_id, id) do update set version = excluded.version,"
    " position_id = excluded.position_id, store_id = excluded.store_id,"
    " is_by_phone = excluded.is_by_phone, state = excluded.state,"
    " ended_at = excluded.ended_at, verdict = excluded.verdict,"
    " distance_cm = excluded.distance_cm, flags = excluded.flags",
)

# Finishing and correcting judge by the store of a visit that came in an earlier push.
STORE_OF_VISIT = Read(
    name="store of visit",
    wants=lambda item: (item.entity_id,) if item.op in ("finish", "correct") else (),
    statement="select v.id::text, r.doc from visit v"
    " join record r on r.company_id = v.company_id and r.id = v.store_id"
    " where v.company_id = %(company)s and v.id = any(%(ids)s::uuid[])",
)


def mentions(item: Arrived) -> tuple[str, ...]:
    """The store that the item names."""
    payload = item.payload
    if item.op in ("create", "skip"):
        return (payload.store_id,)
    if item.op == "correct" and payload.changes.store_id is not UNSET:
        return (payload.changes.store_id,)
    return ()


def create(item: Arrived, context: Context) -> Outcome:
    """A visit begins, or a whole visit is reported."""
    payload, policy = item.payload, context.policy
    taken = id_taken(item, context)
    if taken is not None:
        return taken
    check_in = witness(payload.check_in, item, policy)
    begun = _begin(item, context, check_in, payload.store_id, payload.position_id)
    if not isinstance(begun, tuple):
        return begun
    store, right = begun
    check_out = None if payload.check_out is None else witness(payload.check_out, item, policy)
    steps = to_builtins(payload.steps)
    fields = {
        "store_id": payload.store_id,
        "person_id": context.sender.person_id,
        "position_id": right.position_id,
        "day_plan_id": payload.day_plan_id,
        "is_by_phone": payload.is_by_phone,
        "state": VISITING.after(None, "check in" if check_out is None else "report whole"),
        "business_day": business_day(check_in.moment.corrected_at, policy.time_zone).isoformat(),
        "check_in": check_in.wire,
        "check_out": None if check_out is None else check_out.wire,
        "closed_by": payload.closed_by,
        "steps": steps,
        "note": payload.note,
        "skip_reason": None,
        "clock": clock_wire(check_in.moment),
        "verdict": None if payload.is_by_phone else _verdict(context, check_in, store),
        "flags": list(_flags(context, store, check_in, check_out, steps)),
    }
    return _accepted(item, context, fields, keys=(context.sender.person_id,))


def skip(item: Arrived, context: Context) -> Outcome:
    """A planned visit was not made."""
    payload, policy = item.payload, context.policy
    taken = id_taken(item, context)
    if taken is not None:
        return taken
    skipped = witness(payload.skipped, item, policy)
    begun = _begin(item, context, skipped, payload.store_id, None)
    if not isinstance(begun, tuple):
        return begun
    _, right = begun
    day = business_day(skipped.moment.corrected_at, policy.time_zone)
    fields = {
        "store_id": payload.store_id,
        "person_id": context.sender.person_id,
        "position_id": right.position_id,
        "day_plan_id": payload.day_plan_id,
        "is_by_phone": False,
        "state": VISITING.after(None, "skip"),
        "business_day": day.isoformat(),
        "check_in": None,
        "check_out": skipped.wire,
        "closed_by": None,
        "steps": [],
        "note": payload.note,
        "skip_reason": payload.reason,
        "clock": clock_wire(skipped.moment),
        "verdict": None,
        "flags": list(skip_flags(skipped=skipped.moment, is_mocked=skipped.is_mock)),
    }
    return _accepted(item, context, fields, keys=(context.sender.person_id,))


def finish(item: Arrived, context: Context) -> Outcome:
    """A visit that was sent open ends. One that has ended already can only be corrected."""
    known = own_record(context, item, VISIT.number)
    if not isinstance(known, Known):
        return known
    right = right_of(context, item, captured(item, context.policy), ROLES)
    if isinstance(right, Rejected):
        return right
    before = known.fields
    state = VISITING.after(before["state"], "finish")
    if state is None:
        return Rejected("not_open", "op", f"The visit is {before['state']}, not open.")
    payload = item.payload
    check_out = witness(payload.check_out, item, context.policy)
    steps = to_builtins(payload.steps)
    fields = {
        **before,
        "state": state,
        "check_out": check_out.wire,
        "closed_by": payload.closed_by,
        "steps": steps,
        "note": before["note"] if payload.note is None else payload.note,
        "flags": list(
            _flags(context, _store_of(item, context, known), _began(before), check_out, steps)
        ),
    }
    return _accepted(item, context, fields)


def correct(item: Arrived, context: Context) -> Outcome:
    """A visit was reported wrongly: a new version says so, the old one stays."""
    known = own_record(context, item, VISIT.number)
    if not isinstance(known, Known):
        return known
    right = right_of(context, item, captured(item, context.policy), ROLES)
    if isinstance(right, Rejected):
        return right
    changes = item.payload.changes
    sent: dict[str, Any] = {
        name: to_builtins(value)
        for name in ("store_id", "is_by_phone", "steps", "note")
        if (value := getattr(changes, name)) is not UNSET
    }
    revision = revise(context, item, known, sent)
    if isinstance(revision, Rejected):
        return revision
    fields = {**known.fields, **revision.fields}
    store: Known | Missing | Rejected | None = _store_of(item, context, known)
    began = _began(known.fields)
    if "store_id" in revision.fields:
        store = in_scope(
            context, item, began.moment, fields["store_id"], STORE, "payload.changes.store_id"
        )
        if not isinstance(store, Known):
            return store
    assert isinstance(store, Known | None)
    if known.fields["check_in"] is not None:
        fields["verdict"] = _verdict_again(context, fields, revision.fields, began, store)
        fields["flags"] = list(
            _flags(context, store, began, _check_out(known.fields), fields["steps"])
        )
    outcome = _accepted(item, context, fields, merged=revision.merged)
    if "store_id" in revision.fields:
        outcome.work = (*outcome.work, (STORE_HISTORY, known.fields["store_id"]))
    if revision.conflict:
        outcome.conflict_id, told, row = open_conflict(context, item, known, revision.conflict)
        outcome.others = (told,)
        outcome.rows = (*outcome.rows, row)
    return outcome


# ---- what the ops share ---------------------------------------------------------------------


def _begin(
    item: Arrived,
    context: Context,
    event: Witnessed,
    store_id: str,
    position_id: str | None,
) -> tuple[Known, Right] | Missing | Rejected:
    """The store and the right, or what stands against them."""
    right = right_of(context, item, event.moment, ROLES, position_id)
    if isinstance(right, Rejected):
        return right
    store = in_scope(context, item, event.moment, store_id, STORE, "payload.store_id")
    if not isinstance(store, Known):
        return store
    return store, right


def _verdict(context: Context, event: Witnessed, store: Known) -> dict[str, Any]:
    pin = store.fields.get("pin")
    return judge_check_in(
        point=event.point,
        accuracy_cm=event.accuracy_cm,
        pin=None if pin is None else Point(pin["lat_e7"], pin["lon_e7"]),
        radius_m=store.fields["fence_radius_m"],
        policy_version=context.policy_version,
    ).as_wire()


def _verdict_again(
    context: Context,
    fields: dict[str, Any],
    changed: dict[str, Any],
    check_in: Witnessed,
    store: Known | None,
) -> dict[str, Any] | None:
    """The verdict of a corrected visit: the old one, unless the store or the manner changed."""
    if fields["is_by_phone"]:
        return None
    if store is not None and ("store_id" in changed or "is_by_phone" in changed):
        return _verdict(context, check_in, store)
    verdict: dict[str, Any] | None = fields["verdict"]
    return verdict


def _store_of(item: Arrived, context: Context, visit: Known) -> Known | None:
    """The store of a visit that is known: as this batch named it, or as it was read for it."""
    store_id = visit.fields["store_id"]
    named = context.known.get(store_id)
    if named is not None:
        return named
    found = context.reads[STORE_OF_VISIT.name].get(item.entity_id)
    if not found:
        return None
    return Known(id=store_id, kind=STORE, version=1, doc=found[0][0], person_id=None)


def _began(fields: dict[str, Any]) -> Witnessed:
    """The check-in of a held visit, or where it was skipped, with every clock flag that it has."""
    clock = fields["clock"]
    flags = tuple(flag for flag in fields["flags"] if flag["flag"].startswith("clock_"))
    return _held(
        fields["check_in"] or fields["check_out"],
        Trust(clock["trust"]),
        clock["offset_ms"],
        clock["drift_ms"],
        flags,
    )


def _check_out(fields: dict[str, Any]) -> Witnessed | None:
    event = fields["check_out"]
    return None if event is None else _held(event, Trust.CLOCK, 0, None, ())


def _held(
    event: dict[str, Any],
    trust: Trust,
    offset_ms: int,
    drift_ms: int | None,
    flags: tuple[Flag, ...],
) -> Witnessed:
    fix = event["fix"]
    return Witnessed(
        moment=Moment(event["corrected_at"], trust, offset_ms, drift_ms, flags),
        point=None if fix is None else Point(fix["lat_e7"], fix["lon_e7"]),
        accuracy_cm=None if fix is None else fix["accuracy_cm"],
        is_mock=fix is not None and fix["is_mock"],
        wire=event,
    )


def _flags(
    context: Context,
    store: Known | None,
    check_in: Witnessed,
    check_out: Witnessed | None,
    steps: list[dict[str, Any]],
) -> tuple[Flag, ...]:
    policy = context.policy
    mandatory: tuple[str, ...] = ()
    if store is not None:
        mandatory = policy.steps_for(store.fields["channel"], store.fields["store_class"])
    return visit_flags(
        check_in=check_in.moment,
        check_out=None if check_out is None else check_out.moment,
        is_check_in_mocked=check_in.is_mock,
        is_check_out_mocked=check_out is not None and check_out.is_mock,
        done_steps={step["step"] for step in steps if step["outcome"] == "DONE"},
        mandatory_steps=mandatory,
        min_visit_s=policy.min_visit_s,
        working_window=(policy.working_from_min, policy.working_until_min, policy.time_zone),
    )


def _accepted(
    item: Arrived,
    context: Context,
    fields: dict[str, Any],
    *,
    keys: tuple[str, ...] | None = None,
    merged: dict[str, dict[str, Any]] | None = None,
) -> Accepted:
    """The visit's new document and its row for pages and measures."""
    known = context.known.get(item.entity_id)
    began = fields["check_in"] or fields["check_out"]
    ended = fields["check_out"]
    verdict = fields["verdict"]
    row = (
        item.entity_id,
        1 if known is None else known.version + 1,
        fields["person_id"],
        fields["position_id"],
        context.sender.device_id,
        fields["store_id"],
        fields["day_plan_id"],
        fields["is_by_phone"],
        fields["state"],
        date.fromisoformat(fields["business_day"]),
        began["corrected_at"],
        None if ended is None else ended["corrected_at"],
        fields["clock"]["trust"],
        None if verdict is None else verdict["verdict"],
        None if verdict is None else verdict["distance_cm"],
        [flag["flag"] for flag in fields["flags"]],
        item.received_at,
    )
    return Accepted(
        record=Record(item.entity_id, VISIT, fields, keys),
        rows=((VISITS, item.entity_id, row),),
        merged=merged,
        work=((STORE_HISTORY, fields["store_id"]),),
    )


VISIT = RecordKind(
    name="visit",
    number=4,
    ops={"create": create, "finish": finish, "correct": correct, "skip": skip},
    makes=frozenset({"create", "skip"}),
    mentions=mentions,
    reads=(STORE_OF_VISIT,),
    machine=VISITING,
)
