"""Judging answers to location checks: an event like any other, with a verdict of where it lies.

The first that comes settles it, also when it is late; every other one is kept beside it.
"""

import json
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from sync.clock import business_day
from sync.evidence import Witnessed, clock_wire, witness
from sync.flag import Flag
from sync.geo import Boundary, Point, boundaries_of
from sync.kinds.location_check.states import CHECKING
from sync.kinds.location_check.verdict import Surroundings, judge_answer
from sync.record_kind import (
    Accepted,
    Arrived,
    Context,
    Known,
    Outcome,
    Read,
    Record,
    RecordKind,
    Rejected,
)
from sync.rights import in_scope
from sync.rows import RowSet

# Who is asked: everybody whose work is in the field.
ROLES = frozenset({"rep", "supervisor", "regional_manager", "auditor", "driver"})

CHECKS = RowSet(
    "location_check",
    (
        ("id", "uuid"),
        ("person_id", "uuid"),
        ("state", "text"),
        ("asked_by", "text"),
        ("business_day", "date"),
        ("asked_at", "timestamptz"),
        ("expires_at", "timestamptz"),
        ("over_at", "timestamptz"),
    ),
    "on conflict (company_id, id) do update set state = excluded.state, over_at = excluded.over_at",
)
ANSWERS = RowSet(
    "location_answer",
    (
        ("id", "uuid"),
        ("location_check_id", "uuid"),
        ("is_settling", "bool"),
        ("person_id", "uuid"),
        ("device_id", "uuid"),
        ("answered_at", "timestamptz"),
        ("trust", "text"),
        ("region", "text"),
        ("outside_cm", "int4"),
        ("stores", "int4"),
        ("nearest_store_id", "uuid"),
        ("nearest_cm", "int4"),
        ("flags", "text[]"),
        ("received_at", "timestamptz"),
    ),
    "on conflict (company_id, id) do nothing",
)

# What the answer to a check is held against: the lowest region with a boundary at or above that of its
# position, and the stores with a pin in the position's plan of that day.
SURROUNDINGS = Read(
    name="surroundings of check",
    wants=lambda item: (item.entity_id,),
    statement="""
with recursive asked as (
    select c.id, c.position_id, c.business_day, p.region_id from location_check c
    left join position p on p.company_id = c.company_id and p.id = c.position_id
    where c.company_id = %(company)s and c.id = any(%(ids)s::uuid[])
), up as (
    select a.id, r.id as region_id, r.parent_id, r.boundary from asked a
    join region r on r.company_id = %(company)s and r.id = a.region_id
    union all
    select up.id, r.id, r.parent_id, r.boundary from up
    join region r on r.company_id = %(company)s and r.id = up.parent_id
    where up.boundary is null
)
select up.id::text, up.region_id::text, up.boundary::text, null::text, null::integer, null::integer
from up where up.boundary is not null
union all
select a.id::text, null, null, s.id::text, s.lat_e7, s.lon_e7 from asked a
join day_plan d on d.company_id = %(company)s and d.position_id = a.position_id
               and d.day = a.business_day
join day_plan_stop t on t.company_id = d.company_id and t.day_plan_id = d.id
                    and t.plan_version = d.plan_version
join store s on s.company_id = t.company_id and s.id = t.store_id
where s.lat_e7 is not null
""",
)


def answer(item: Arrived, context: Context) -> Outcome:
    """The phone says where it is."""
    answered = witness(item.payload.answered, item, context.policy)
    known = in_scope(
        context, item, answered.moment, item.entity_id, LOCATION_CHECK.number, "entity_id"
    )
    if not isinstance(known, Known):
        return known
    check, sender = known.fields, context.sender
    if check["person_id"] != sender.person_id:
        return Rejected("not_permitted", "entity_id", "Another person is asked.")
    verdict = judge_answer(answered.point, answered.accuracy_cm, _surroundings(item, context))
    flags = _flags(check, answered)
    state = CHECKING.after(check["state"], "answer")
    kept = _answer_row(item, context, answered, verdict, flags, is_settling=state is not None)
    if state is None:
        return Accepted(
            rows=(kept,),
            merged={
                name: {"kept": check[name], "lost": lost}
                for name, lost in (("state", "ASKED"), ("answer", None))
                if check[name] != lost
            },
        )
    fields = {
        **check,
        "state": state,
        "answer": {
            "answered": answered.wire,
            "clock": clock_wire(answered.moment),
            "verdict": verdict,
            "flags": flags,
        },
    }
    return Accepted(
        record=Record(item.entity_id, LOCATION_CHECK, fields),
        rows=((CHECKS, item.entity_id, _row(item, context, fields)), kept),
    )


def _surroundings(item: Arrived, context: Context) -> Surroundings:
    region_id: str | None = None
    boundary: tuple[Boundary, ...] = ()
    stores: dict[str, Point] = {}
    for row in context.reads[SURROUNDINGS.name].get(item.entity_id, ()):
        if row[0] is not None:
            region_id, boundary = row[0], tuple(boundaries_of(json.loads(row[1])))
        else:
            stores[row[2]] = Point(row[3], row[4])
    return Surroundings(region_id, boundary, stores)


def _flags(check: dict[str, Any], answered: Witnessed) -> list[Flag]:
    flags: list[Flag] = list(answered.moment.flags)
    if answered.is_mock:
        flags.append({"flag": "mock_location"})
    if answered.point is None:
        flags.append({"flag": "no_fix"})
    late_ms = answered.moment.corrected_at - check["expires_at"]
    if late_ms > 0:
        flags.append({"flag": "answered_late", "late_ms": late_ms})
    return flags


def _answer_row(
    item: Arrived,
    context: Context,
    answered: Witnessed,
    verdict: dict[str, Any],
    flags: list[Flag],
    *,
    is_settling: bool,
) -> tuple[RowSet, str, tuple[Any, ...]]:
    sender = context.sender
    named = f"location answer {item.op_id} {item.digest.hex()} {sender.person_id}"
    answer_id = str(uuid5(NAMESPACE_OID, named))
    row = (
        answer_id,
        item.entity_id,
        is_settling,
        sender.person_id,
        sender.device_id,
        answered.moment.corrected_at,
        answered.moment.trust.value,
        verdict["region"],
        verdict["outside_cm"],
        verdict["stores"],
        verdict["nearest_store_id"],
        verdict["nearest_cm"],
        [flag["flag"] for flag in flags],
        item.received_at,
    )
    return ANSWERS, answer_id, row


def _row(item: Arrived, context: Context, fields: dict[str, Any]) -> tuple[Any, ...]:
    """The check's row: it is there, so that only what `CHECKS` sets anew is written."""
    asked_at = fields["asked_at"]
    return (
        item.entity_id,
        fields["person_id"],
        fields["state"],
        fields["asked_by"],
        business_day(asked_at, context.policy.time_zone),
        asked_at,
        fields["expires_at"],
        item.received_at,
    )


LOCATION_CHECK = RecordKind(
    name="location_check",
    number=17,
    ops={"answer": answer},
    makes=frozenset(),
    reads=(SURROUNDINGS,),
    machine=CHECKING,
)
