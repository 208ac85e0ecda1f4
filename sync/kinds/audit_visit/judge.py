"""Judging what reps bring for an activity at a visit: what is missing is flagged, nothing is refused for it.

It waits for its visit and for its store in the activity. A correction is a new version; the answers
and photos of every version stay. An appeal changes the verdict alone.
"""

from datetime import date
from typing import Any, NamedTuple
from uuid import NAMESPACE_OID, uuid5

from msgspec import UNSET, to_builtins

from sync.clock import business_day, is_supported
from sync.evidence import Witnessed, captured, clock_wire, witness
from sync.flag import Flag
from sync.kinds.audit_visit.appeal import against_appeal, appealed
from sync.kinds.audit_visit.completeness import completeness_flags
from sync.kinds.audit_visit.states import AUDITING
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
from sync.revision import revise
from sync.rights import id_taken, in_scope, own_record, right_of
from sync.rows import RowSet

# The topic under which audits look at what was brought, and at what was appealed against.
LOOK = "audit_look"
APPEALED = "audit_appealed"

ROLES = frozenset({"rep", "supervisor", "regional_manager"})
VISIT = 4
ACTIVITY_STORE = 13

AUDIT_VISITS = RowSet(
    "audit_visit",
    (
        ("id", "uuid"),
        ("version", "int4"),
        ("activity_store_id", "uuid"),
        ("activity_id", "uuid"),
        ("store_id", "uuid"),
        ("visit_id", "uuid"),
        ("person_id", "uuid"),
        ("position_id", "uuid"),
        ("device_id", "uuid"),
        ("business_day", "date"),
        ("occurred_at", "timestamptz"),
        ("trust", "text"),
        ("standards_version", "int4"),
        ("answers", "int4"),
        ("photos", "int4"),
        ("flags", "text[]"),
        ("received_at", "timestamptz"),
    ),
    "on conflict (company_id, id) do update set version = excluded.version,"
    " answers = excluded.answers, photos = excluded.photos, flags = excluded.flags",
)
ANSWERS = RowSet(
    "audit_answer",
    (
        ("audit_visit_id", "uuid"),
        ("version", "int4"),
        ("item", "text"),
        ("answer", "text"),
        ("note", "text"),
    ),
)
PHOTOS = RowSet(
    "audit_photo",
    (
        ("audit_visit_id", "uuid"),
        ("version", "int4"),
        ("item", "text"),
        ("sha256", "text"),
        ("size", "int8"),
    ),
)

APPEALS = RowSet(
    "audit_appeal",
    (
        ("id", "uuid"),
        ("audit_visit_id", "uuid"),
        ("verdict_id", "uuid"),
        ("person_id", "uuid"),
        ("by_name", "text"),
        ("items", "text[]"),
        ("reason", "text"),
        ("appealed_at", "timestamptz"),
        ("received_at", "timestamptz"),
    ),
    "on conflict do nothing",
)

# How the store stands that it was brought for: once that has got what it gets, no verdict changes.
PAID = Read(
    name="pay of audit visit",
    wants=lambda item: (item.entity_id,) if item.op == "appeal" else (),
    statement="""
select v.id::text, p.state from audit_visit v
join activity_store p on p.company_id = v.company_id and p.id = v.activity_store_id
where v.company_id = %(company)s and v.id = any(%(ids)s::uuid[])
""",
)

# Every version of the standards that a store in an activity, or one that something was brought for,
# has to meet, and how the activity stands. The latest comes last.
STANDARDS = Read(
    name="standards",
    wants=lambda item: (
        (item.payload.activity_store_id,)
        if item.op == "create"
        else (item.entity_id,)
        if item.op == "correct"
        else ()
    ),
    statement="""
with asked as (
    select id, activity_id from activity_store
    where company_id = %(company)s and id = any(%(ids)s::uuid[])
    union all
    select id, activity_id from audit_visit
    where company_id = %(company)s and id = any(%(ids)s::uuid[])
)
select asked.id::text, a.state, s.standards_version, s.items
from asked
join activity a on a.company_id = %(company)s and a.id = asked.activity_id
join activity_standards s on s.company_id = a.company_id and s.activity_id = a.id
order by asked.id, s.standards_version
""",
)
# The names of `_lasting_flags`, beside those of the clock.
_LASTING = frozenset(
    {"mock_location", "not_running", "activity_not_open", "other_store", "other_standards"}
)


class _Standards(NamedTuple):
    activity_state: str
    version: int
    items: list[dict[str, Any]]


def mentions(item: Arrived) -> tuple[str, ...]:
    """The visit and the store in the activity."""
    if item.op != "create":
        return ()
    return (item.payload.activity_store_id, item.payload.visit_id)


def create(item: Arrived, context: Context) -> Outcome:
    """Something was brought for an activity at a visit."""
    payload, policy, sender = item.payload, context.policy, context.sender
    taken = id_taken(item, context)
    if taken is not None:
        return taken
    occurred = witness(payload.occurred, item, policy)
    moment = occurred.moment
    right = right_of(context, item, moment, ROLES, payload.position_id)
    if isinstance(right, Rejected):
        return right
    named = (
        in_scope(
            context,
            item,
            moment,
            payload.activity_store_id,
            ACTIVITY_STORE,
            "payload.activity_store_id",
        ),
        in_scope(context, item, moment, payload.visit_id, VISIT, "payload.visit_id"),
    )
    for found in named:
        if isinstance(found, Rejected):
            return found
    missing = tuple(id_ for found in named if isinstance(found, Missing) for id_ in found.ids)
    if missing:
        return Missing(missing)
    taking_part, visit = (found.fields for found in named if isinstance(found, Known))
    answers, photos = _answers(payload.answers), to_builtins(payload.photos)
    standards = _standards(context, payload.activity_store_id, payload.standards_version)
    flags = _lasting_flags(item, occurred, taking_part, visit, standards)
    if standards is not None:
        flags += completeness_flags(standards.items, answers, photos)
    fields = {
        "activity_store_id": payload.activity_store_id,
        "activity_id": taking_part["activity_id"],
        "store_id": taking_part["store_id"],
        "visit_id": payload.visit_id,
        "person_id": sender.person_id,
        "position_id": right.position_id,
        "business_day": business_day(moment.corrected_at, policy.time_zone).isoformat(),
        "standards_version": payload.standards_version,
        "occurred": occurred.wire,
        "clock": clock_wire(moment),
        "answers": answers,
        "photos": photos,
        "note": payload.note,
        "flags": flags,
        "verdict": None,
    }
    return _accepted(item, context, fields, photos, keys=(sender.person_id,))


def correct(item: Arrived, context: Context) -> Outcome:
    """It was reported wrongly or in part: a new version says so, the old one stays."""
    known = own_record(context, item, AUDIT_VISIT.number)
    if not isinstance(known, Known):
        return known
    right = right_of(context, item, captured(item, context.policy), ROLES)
    if isinstance(right, Rejected):
        return right
    changes = item.payload.changes
    sent: dict[str, Any] = {}
    if changes.answers is not UNSET:
        sent["answers"] = _answers(changes.answers)
    if changes.photos is not UNSET:
        sent["photos"] = to_builtins(changes.photos)
    if changes.note is not UNSET:
        sent["note"] = changes.note
    revision = revise(context, item, known, sent)
    if isinstance(revision, Rejected):
        return revision
    # It is its author's alone: of two corrections of one field the later is meant.
    written = revision.fields | {name: each["sent"] for name, each in revision.conflict.items()}
    fields = {**known.fields, **written}
    standards = _standards(context, item.entity_id, fields["standards_version"])
    if standards is None:
        # It was brought by an item of this very batch.
        standards = _standards(context, fields["activity_store_id"], fields["standards_version"])
    fields["flags"] = [
        flag
        for flag in fields["flags"]
        if flag["flag"] in _LASTING or flag["flag"].startswith("clock_")
    ]
    if standards is not None:
        fields["flags"] += completeness_flags(standards.items, fields["answers"], fields["photos"])
    return _accepted(item, context, fields, sent.get("photos", ()), merged=revision.merged)


def appeal(item: Arrived, context: Context) -> Outcome:
    """Its author does not accept what an auditor failed: another one looks at it."""
    known = own_record(context, item, AUDIT_VISIT.number)
    if not isinstance(known, Known):
        return known
    moment = captured(item, context.policy)
    right = right_of(context, item, moment, ROLES)
    if isinstance(right, Rejected):
        return right
    payload, sender, verdict = item.payload, context.sender, known.fields["verdict"]
    judged_at = moment.corrected_at if is_supported(moment) else item.received_at
    states = [row[0] for row in context.reads[PAID.name].get(item.entity_id, ())]
    # Somebody saw that it is late, and let it through.
    in_time = None if context.is_reviewed else judged_at
    against = against_appeal(verdict, payload.items, in_time, states)
    if against is not None:
        name, words = against
        where = "entity_id" if name is None else f"payload.items[{payload.items.index(name)}]"
        return Rejected("wrong_state", where, words)
    fields = {
        **known.fields,
        "verdict": appealed(verdict, payload.items, payload.reason, moment.corrected_at),
    }
    appeal_id = str(uuid5(NAMESPACE_OID, f"audit appeal {verdict['id']} {item.digest.hex()}"))
    row = (
        appeal_id,
        item.entity_id,
        verdict["id"],
        sender.person_id,
        sender.person_name,
        list(payload.items),
        payload.reason,
        moment.corrected_at,
        item.received_at,
    )
    return Accepted(
        record=Record(item.entity_id, AUDIT_VISIT, fields),
        rows=((APPEALS, appeal_id, row),),
        work=((APPEALED, item.entity_id),),
    )


def _lasting_flags(
    item: Arrived,
    occurred: Witnessed,
    taking_part: dict[str, Any],
    visit: dict[str, Any],
    standards: _Standards | None,
) -> list[Flag]:
    """What is odd whatever a correction says."""
    flags: list[Flag] = list(occurred.moment.flags)
    if occurred.is_mock:
        flags.append({"flag": "mock_location"})
    if taking_part["state"] != "RUNNING":
        flags.append({"flag": "not_running"})
    if visit["store_id"] != taking_part["store_id"]:
        flags.append({"flag": "other_store"})
    if standards is None:
        return flags
    if standards.activity_state != "OPEN":
        flags.append({"flag": "activity_not_open"})
    named = item.payload.standards_version
    if standards.version != named:
        flags.append({"flag": "other_standards", "named": named, "judged_by": standards.version})
    return flags


def _answers(answers: Any) -> list[dict[str, Any]]:
    return [{"item": each.item, "answer": each.answer, "note": each.note} for each in answers]


def _standards(context: Context, id_: str, version: int) -> _Standards | None:
    """The standards of this version; the latest where there is none such, None where there are none."""
    found = [_Standards(*row) for row in context.reads[STANDARDS.name].get(id_, ())]
    named = [each for each in found if each.version == version]
    return (named or found)[-1] if found else None


def _accepted(
    item: Arrived,
    context: Context,
    fields: dict[str, Any],
    announced: Any,
    *,
    keys: tuple[str, ...] | None = None,
    merged: dict[str, dict[str, Any]] | None = None,
) -> Accepted:
    known = context.known.get(item.entity_id)
    version = 1 if known is None else known.version + 1
    id_, answers, photos = item.entity_id, fields["answers"], fields["photos"]
    row = (
        id_,
        version,
        fields["activity_store_id"],
        fields["activity_id"],
        fields["store_id"],
        fields["visit_id"],
        fields["person_id"],
        fields["position_id"],
        context.sender.device_id,
        date.fromisoformat(fields["business_day"]),
        fields["occurred"]["corrected_at"],
        fields["clock"]["trust"],
        fields["standards_version"],
        len(answers),
        len(photos),
        [flag["flag"] for flag in fields["flags"]],
        item.received_at,
    )
    rows: list[tuple[RowSet, str, tuple[Any, ...]]] = [(AUDIT_VISITS, id_, row)]
    rows += [
        (
            ANSWERS,
            f"{id_} {version} {each['item']}",
            (id_, version, each["item"], each["answer"], each["note"]),
        )
        for each in answers
    ]
    rows += [
        (
            PHOTOS,
            f"{id_} {version} {each['item']} {each['sha256']}",
            (id_, version, each["item"], each["sha256"], each["size"]),
        )
        for each in photos
    ]
    return Accepted(
        record=Record(id_, AUDIT_VISIT, fields, keys),
        rows=tuple(rows),
        merged=merged,
        media=tuple(
            {"sha256": each["sha256"], "size": each["size"], "role": each["item"]}
            for each in announced
        ),
        work=((LOOK, id_),),
    )


AUDIT_VISIT = RecordKind(
    name="audit_visit",
    number=14,
    ops={"create": create, "correct": correct, "appeal": appeal},
    mentions=mentions,
    reads=(STANDARDS, PAID),
    machine=AUDITING,
)
