"""Judging answers to tasks: the first that comes settles it, every other one is kept beside it.

A task of a position is answered by who holds it, or held it when they did it; one of a person by
that person.
"""

from datetime import date
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from sync.clock import Moment, business_day
from sync.evidence import Witnessed, clock_wire, witness
from sync.flag import Flag
from sync.kinds.task.states import DOING
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
from sync.rights import Right, in_scope, right_of
from sync.rows import RowSet

ROLES = frozenset({"rep", "supervisor", "regional_manager", "auditor", "driver"})
VISIT = 4

TASKS = RowSet(
    "task",
    (
        ("id", "uuid"),
        ("sort", "text"),
        ("text", "text"),
        ("state", "text"),
        ("due_on", "date"),
        ("position_id", "uuid"),
        ("person_id", "uuid"),
        ("given_by", "text"),
        ("given_at", "timestamptz"),
        ("over_at", "timestamptz"),
    ),
    "on conflict (company_id, id) do update set state = excluded.state, over_at = excluded.over_at",
)
ANSWERS = RowSet(
    "task_answer",
    (
        ("id", "uuid"),
        ("task_id", "uuid"),
        ("is_settling", "bool"),
        ("person_id", "uuid"),
        ("position_id", "uuid"),
        ("device_id", "uuid"),
        ("visit_id", "uuid"),
        ("business_day", "date"),
        ("done_at", "timestamptz"),
        ("trust", "text"),
        ("flags", "text[]"),
        ("note", "text"),
        ("photos", "int4"),
        ("received_at", "timestamptz"),
    ),
    "on conflict (company_id, id) do nothing",
)


def mentions(item: Arrived) -> tuple[str, ...]:
    """The visit at which it was done."""
    visit_id = item.payload.visit_id
    return () if visit_id is None else (visit_id,)


def answer(item: Arrived, context: Context) -> Outcome:
    """Somebody did it."""
    payload, policy, sender = item.payload, context.policy, context.sender
    done = witness(payload.done, item, policy)
    known = in_scope(context, item, done.moment, item.entity_id, TASK.number, "entity_id")
    if not isinstance(known, Known):
        return known
    task = known.fields
    right = _right(item, context, done.moment, task)
    if isinstance(right, Rejected):
        return right
    if payload.visit_id is not None:
        visit = in_scope(context, item, done.moment, payload.visit_id, VISIT, "payload.visit_id")
        if not isinstance(visit, Known):
            return visit
    state = DOING.after(task["state"], "answer")
    kept = _answer_row(item, context, done, right, is_settling=state is not None)
    if state is None:
        return Accepted(
            rows=(kept,),
            # Not this one's doing: what the task was when the sender saw it, and what it is.
            merged={
                name: {"kept": task[name], "lost": lost}
                for name, lost in (("state", "OPEN"), ("answer", None))
                if task[name] != lost
            },
        )
    fields = {
        **task,
        "state": state,
        "answer": {
            "person_id": sender.person_id,
            "answered_by": sender.person_name,
            "done": done.wire,
            "clock": clock_wire(done.moment),
            "visit_id": payload.visit_id,
            "note": payload.note,
            "photos": len(item.media),
        },
    }
    return Accepted(
        record=Record(item.entity_id, TASK, fields),
        rows=((TASKS, item.entity_id, _row(item, fields)), kept),
    )


def _right(
    item: Arrived, context: Context, moment: Moment, task: dict[str, Any]
) -> Right | Rejected:
    """The right by which the sender may answer: the task's position, or being who it is for."""
    if task["position_id"] is None:
        if task["person_id"] != context.sender.person_id and not context.is_reviewed:
            return Rejected("not_permitted", "entity_id", "This is another person's task.")
        return right_of(context, item, moment, ROLES, item.payload.position_id)
    right = right_of(context, item, moment, ROLES, task["position_id"])
    if isinstance(right, Rejected) and right.where is not None:
        return Rejected(right.code, "entity_id", "The person never held the task's position.")
    return right


def _answer_row(
    item: Arrived, context: Context, done: Witnessed, right: Right, *, is_settling: bool
) -> tuple[RowSet, str, tuple[Any, ...]]:
    payload, sender, moment = item.payload, context.sender, done.moment
    flags: list[Flag] = list(moment.flags)
    if done.is_mock:
        flags.append({"flag": "mock_location"})
    # Another person may have sent the very same bytes, and somebody let both pass.
    named = f"task answer {item.op_id} {item.digest.hex()} {sender.person_id}"
    answer_id = str(uuid5(NAMESPACE_OID, named))
    row = (
        answer_id,
        item.entity_id,
        is_settling,
        sender.person_id,
        right.position_id,
        sender.device_id,
        payload.visit_id,
        business_day(moment.corrected_at, context.policy.time_zone),
        moment.corrected_at,
        moment.trust.value,
        [flag["flag"] for flag in flags],
        payload.note,
        len(item.media),
        item.received_at,
    )
    return ANSWERS, answer_id, row


def _row(item: Arrived, fields: dict[str, Any]) -> tuple[Any, ...]:
    """The task's row: it is there, so that only what `TASKS` sets anew is written."""
    return (
        item.entity_id,
        fields["sort"],
        fields["text"],
        fields["state"],
        date.fromisoformat(fields["due_on"]),
        fields["position_id"],
        fields["person_id"],
        fields["given_by"],
        fields["given_at"],
        item.received_at,
    )


TASK = RecordKind(
    name="task",
    number=15,
    ops={"answer": answer},
    makes=frozenset(),
    mentions=mentions,
    machine=DOING,
)
