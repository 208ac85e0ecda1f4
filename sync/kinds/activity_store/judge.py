"""Judging what reps ask for a store: to join an activity, and that it shall not after all.

A store is in an activity at most once. Whoever asks for one that is in already gets a record of
their own that says so, and names the other; nothing that they sent is lost.
"""

from datetime import date
from typing import Any

from sync.clock import business_day
from sync.evidence import captured, clock_wire, witness
from sync.flag import Flag
from sync.kinds.activity_store.states import OUT, PARTICIPATING
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
from sync.rights import id_taken, in_scope, right_of
from sync.rows import RowSet

ROLES = frozenset({"rep", "supervisor", "regional_manager"})
STORE = 1
ACTIVITY = 21
# The topic under which a new one is put beside its store.
FOLLOW = "activity_store_follows"

ACTIVITY_STORES = RowSet(
    "activity_store",
    (
        ("id", "uuid"),
        ("version", "int4"),
        ("activity_id", "uuid"),
        ("store_id", "uuid"),
        ("state", "text"),
        ("person_id", "uuid"),
        ("position_id", "uuid"),
        ("device_id", "uuid"),
        ("business_day", "date"),
        ("requested_at", "timestamptz"),
        ("trust", "text"),
        ("flags", "text[]"),
        ("note", "text"),
        ("photos", "int4"),
        ("refusal", "text"),
        ("instead_id", "uuid"),
        ("answer", "text"),
        ("decided_at", "timestamptz"),
        ("received_at", "timestamptz"),
    ),
    "on conflict (company_id, id) do update set version = excluded.version,"
    " state = excluded.state, answer = excluded.answer, decided_at = excluded.decided_at",
)

# Which activities the stores are in that somebody asks for.
IN_ALREADY = Read(
    name="activities of store",
    wants=lambda item: (item.payload.store_id,) if item.op == "request" else (),
    statement="select store_id::text, activity_id::text, id::text from activity_store"
    " where company_id = %(company)s and store_id = any(%(ids)s::uuid[])"
    " and state not in ('REFUSED', 'WITHDRAWN') order by id",
)
# The region of each of these stores, and those above it.
REGIONS_ABOVE = Read(
    name="regions of store",
    wants=IN_ALREADY.wants,
    statement="""
with recursive up as (
    select s.id, s.region_id from store s
    where s.company_id = %(company)s and s.id = any(%(ids)s::uuid[])
    union
    select up.id, r.parent_id from up
    join region r on r.company_id = %(company)s and r.id = up.region_id
)
select id::text, region_id::text from up where region_id is not null
""",
)


def mentions(item: Arrived) -> tuple[str, ...]:
    """The activity and the store that are asked for."""
    if item.op != "request":
        return ()
    return (item.payload.activity_id, item.payload.store_id)


def request(item: Arrived, context: Context) -> Outcome:
    """A store is to join an activity."""
    payload, policy, sender = item.payload, context.policy, context.sender
    taken = id_taken(item, context)
    if taken is not None:
        return taken
    requested = witness(payload.requested, item, policy)
    moment = requested.moment
    right = right_of(context, item, moment, ROLES, payload.position_id)
    if isinstance(right, Rejected):
        return right
    asked = (
        in_scope(context, item, moment, payload.activity_id, ACTIVITY, "payload.activity_id"),
        in_scope(context, item, moment, payload.store_id, STORE, "payload.store_id"),
    )
    for found in asked:
        if isinstance(found, Rejected):
            return found
    missing = tuple(id_ for found in asked if isinstance(found, Missing) for id_ in found.ids)
    if missing:
        return Missing(missing)
    activity, store = (found for found in asked if isinstance(found, Known))
    flags: list[Flag] = list(moment.flags)
    if requested.is_mock:
        flags.append({"flag": "mock_location"})
    flags += _fitness_flags(activity.fields, store, context)
    other_id = _in_already(item, context)
    state = PARTICIPATING.after(None, "request" if other_id is None else "request again")
    fields = {
        "activity_id": payload.activity_id,
        "store_id": payload.store_id,
        "state": state,
        "person_id": sender.person_id,
        "position_id": right.position_id,
        "business_day": business_day(moment.corrected_at, policy.time_zone).isoformat(),
        "occurred": requested.wire,
        "clock": clock_wire(moment),
        "note": payload.note,
        "photos": len(item.media),
        "refusal": None if other_id is None else "ALREADY_IN",
        "instead_id": other_id,
        "answer": None,
        "decided_at": None if other_id is None else item.received_at,
        "flags": flags,
    }
    accepted = _accepted(item, context, fields, (sender.person_id,))
    if other_id is None:
        accepted.work = ((FOLLOW, item.entity_id),)
    return accepted


def withdraw(item: Arrived, context: Context) -> Outcome:
    """A request that is not running yet is taken back, by whoever holds its position.

    Where it stands elsewhere by now it stays so, and the sender is told.
    """
    moment = captured(item, context.policy)
    known = in_scope(context, item, moment, item.entity_id, ACTIVITY_STORE.number, "entity_id")
    if not isinstance(known, Known):
        return known
    before = known.fields
    withdrawn = witness(item.payload.withdrawn, item, context.policy)
    right = right_of(context, item, withdrawn.moment, ROLES, before["position_id"])
    if isinstance(right, Rejected):
        return Rejected(right.code, None, right.detail)
    state = PARTICIPATING.after(before["state"], "withdraw")
    if state is None:
        return Accepted(merged={"state": {"kept": before["state"], "lost": "REQUESTED"}})
    if before["person_id"] is None:
        return Rejected("not_permitted", "entity_id", "The office put it in; nobody asked for it.")
    fields = {
        **before,
        "state": state,
        "answer": item.payload.reason,
        # A wrong clock may date it ahead; it was by its receipt.
        "decided_at": min(withdrawn.moment.corrected_at, item.received_at),
    }
    return _accepted(item, context, fields, None)


def _in_already(item: Arrived, context: Context) -> str | None:
    """The one by which the store is in the activity, from before or made by this very batch."""
    payload = item.payload
    for activity_id, id_ in context.reads[IN_ALREADY.name].get(payload.store_id, ()):
        made_since = context.known.get(id_)
        if activity_id == payload.activity_id and (
            made_since is None or made_since.fields["state"] not in OUT
        ):
            return str(id_)
    for known in context.known.values():
        if known.is_new and known.kind == ACTIVITY_STORE.number:
            fields = known.fields
            if (
                fields["store_id"] == payload.store_id
                and fields["activity_id"] == payload.activity_id
                and fields["state"] not in OUT
            ):
                return known.id
    return None


def _fitness_flags(activity: dict[str, Any], store: Known, context: Context) -> list[Flag]:
    """Whether the activity is for such a store, and still takes any."""
    flags: list[Flag] = []
    if activity["state"] in ("ENDED", "SETTLED"):
        flags.append({"flag": "activity_over"})
    channels = activity["channels"]
    if channels and store.fields["channel"] not in channels:
        flags.append({"flag": "other_channel"})
    regions = set(activity["region_ids"])
    above = {row[0] for row in context.reads[REGIONS_ABOVE.name].get(store.id, ())}
    if regions and not regions & above:
        flags.append({"flag": "other_region"})
    return flags


def _accepted(
    item: Arrived, context: Context, fields: dict[str, Any], keys: tuple[str, ...] | None
) -> Accepted:
    known = context.known.get(item.entity_id)
    occurred, clock = fields["occurred"], fields["clock"]
    row = (
        item.entity_id,
        1 if known is None else known.version + 1,
        fields["activity_id"],
        fields["store_id"],
        fields["state"],
        fields["person_id"],
        fields["position_id"],
        context.sender.device_id,
        date.fromisoformat(fields["business_day"]),
        item.received_at if occurred is None else occurred["corrected_at"],
        None if clock is None else clock["trust"],
        [flag["flag"] for flag in fields["flags"]],
        fields["note"],
        fields["photos"],
        fields["refusal"],
        fields["instead_id"],
        fields["answer"],
        fields["decided_at"],
        item.received_at,
    )
    return Accepted(
        record=Record(item.entity_id, ACTIVITY_STORE, fields, keys),
        rows=((ACTIVITY_STORES, item.entity_id, row),),
    )


ACTIVITY_STORE = RecordKind(
    name="activity_store",
    number=13,
    ops={"request": request, "withdraw": withdraw},
    makes=frozenset({"request"}),
    mentions=mentions,
    reads=(IN_ALREADY, REGIONS_ABOVE),
    machine=PARTICIPATING,
)
