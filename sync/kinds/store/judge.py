"""Judging what phones say of stores: edits that merge and apply, and what waits for approval.

Descriptive and contact fields merge field by field and apply at once. Name, code and class wait for
somebody's decision, as does a new store. A pin merges like a field, and what it would change
follows the rule of pin.py.
"""

from typing import Any

from msgspec import UNSET, to_builtins

from sync.evidence import captured
from sync.geo import Point, to_wgs84
from sync.kinds.store.pin import Outcome as PinOutcome
from sync.kinds.store.pin import decide_pin
from sync.proposing import propose
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
from sync.revision import open_conflict, revise
from sync.rights import id_taken, in_scope, right_of
from sync.rows import RowSet
from sync.store_terms import TOPIC as TERMS

ROLES = frozenset({"rep", "supervisor", "regional_manager", "driver"})
APPLIED = (
    "channel",
    "address",
    "contact_name",
    "contact_phone",
    "opening_hours",
    "delivery_note",
)
DECIDED = ("name", "code", "store_class")

_COLUMNS = (
    ("id", "uuid"),
    ("name", "text"),
    ("channel", "text"),
    ("store_class", "text"),
    ("address", "text"),
    ("contact_name", "text"),
    ("contact_phone", "text"),
    ("opening_hours", "text"),
    ("delivery_note", "text"),
    ("lat_e7", "int4"),
    ("lon_e7", "int4"),
    ("status", "text"),
    ("proposed_by", "uuid"),
)
# An edit writes only what phones may change; region, owner, fence and code stay as they are.
STORES = RowSet(
    "store",
    _COLUMNS,
    "on conflict (company_id, id) do update set "
    + ", ".join(f"{name} = excluded.{name}" for name in (*APPLIED, "lat_e7", "lon_e7")),
)

# Check-in points that may vouch for a pin: trusted time, a fix good to 100 m that was not mocked.
VERIFIED_VISITS = Read(
    name="verified visits",
    wants=lambda item: (
        (item.entity_id,) if item.op == "edit" and item.payload.changes.pin is not UNSET else ()
    ),
    statement="""
select s.id::text, v.lat, v.lon from unnest(%(ids)s::uuid[]) as s(id)
cross join lateral (
    select (r.doc::json #>> '{check_in,fix,lat_e7}')::integer as lat,
           (r.doc::json #>> '{check_in,fix,lon_e7}')::integer as lon
    from visit v join record r on r.company_id = v.company_id and r.id = v.id
    where v.company_id = %(company)s and v.store_id = s.id and v.state <> 'SKIPPED'
      and v.trust <> 'UNVERIFIED' and not v.is_by_phone
      and not v.flags && array['mock_location']
      and (r.doc::json #>> '{check_in,fix,accuracy_cm}')::integer <= 10000
    order by v.business_day desc, v.began_at desc limit 20
) v
""",
)


def create(item: Arrived, context: Context) -> Outcome:
    """A new store: it exists for its proposer at once and waits for approval."""
    taken = id_taken(item, context)
    if taken is not None:
        return taken
    right = right_of(context, item, captured(item, context.policy), ROLES)
    if isinstance(right, Rejected):
        return right
    payload = item.payload
    pin = None if payload.pin is None else _pin(payload.pin)
    # As for any first pin: without a photo it waits, here together with its store.
    is_vouched = pin is not None and payload.pin.photo_sha256 is not None
    fields = {
        "code": None,
        "name": payload.name,
        "channel": payload.channel,
        "store_class": payload.store_class,
        "address": payload.address,
        "contact_name": payload.contact_name,
        "contact_phone": payload.contact_phone,
        "opening_hours": payload.opening_hours,
        "delivery_note": payload.delivery_note,
        "pin": pin if is_vouched else None,
        "fence_radius_m": context.policy.fence_for(None, payload.store_class),
        "region_id": None,
        "status": "PROPOSED",
    }
    accepted = _accepted(item, context, fields, (context.sender.person_id,))
    accepted.media = _storefront(payload.pin)
    changes = {name: fields[name] for name in ("name", "store_class", "channel", "address")}
    waits_for = {
        "rule": "NEW_STORE",
        "photo_sha256": None if payload.pin is None else payload.pin.photo_sha256,
    }
    return propose(
        accepted, item, context, changes | {"pin": pin}, reason=None, waits_for=waits_for
    )


def edit(item: Arrived, context: Context) -> Outcome:
    """A store is described anew, against the version that the person saw."""
    moment = captured(item, context.policy)
    right = right_of(context, item, moment, ROLES)
    if isinstance(right, Rejected):
        return right
    known = in_scope(context, item, moment, item.entity_id, STORE.number, "entity_id")
    if not isinstance(known, Known):
        return known
    changes = item.payload.changes
    sent = {
        name: to_builtins(value)
        for name in (*APPLIED, *DECIDED)
        if (value := getattr(changes, name)) is not UNSET
    }
    merging = {name: value for name, value in sent.items() if name in APPLIED}
    if changes.pin is not UNSET:
        merging["pin"] = _pin(changes.pin)
    revision = revise(context, item, known, merging)
    if isinstance(revision, Rejected):
        return revision
    written = dict(revision.fields)
    waiting = {
        name: value
        for name, value in sent.items()
        if name in DECIDED and value != known.fields.get(name)
    }
    waits_for: dict[str, Any] = {"rule": "DECIDED_ABOVE"} if waiting else {}
    # The rule is for a pin that nobody else moved: two that met are in conflict already.
    if "pin" in written:
        decision = _decide(item, context, known.fields["pin"], changes.pin, written["pin"])
        if decision["outcome"] == PinOutcome.WAIT:
            waiting["pin"] = written.pop("pin")
            waits_for = {
                "rule": "PIN",
                "photo_sha256": changes.pin.photo_sha256,
                **decision,
            }
    fields = {**known.fields, **written}
    outcome = _accepted(item, context, fields, None)
    outcome.merged = revision.merged
    outcome.media = _storefront(None if changes.pin is UNSET else changes.pin)
    if revision.conflict:
        outcome.conflict_id, told, row = open_conflict(context, item, known, revision.conflict)
        outcome.others = (told,)
        outcome.rows = (*outcome.rows, row)
    if waiting:
        propose(outcome, item, context, waiting, reason=item.payload.reason, waits_for=waits_for)
    return outcome


def _pin(pin: Any) -> dict[str, int]:
    point = to_wgs84(pin.lat_e7, pin.lon_e7, pin.datum)
    return {"lat_e7": point.lat_e7, "lon_e7": point.lon_e7}


def _storefront(pin: Any) -> tuple[dict[str, Any], ...]:
    """The photo that vouches for a pin."""
    if pin is None or pin.photo_sha256 is None:
        return ()
    return ({"sha256": pin.photo_sha256, "role": "storefront"},)


def _decide(
    item: Arrived,
    context: Context,
    held: dict[str, int] | None,
    sent: Any,
    pin: dict[str, int],
) -> dict[str, Any]:
    decision = decide_pin(
        None if held is None else Point(held["lat_e7"], held["lon_e7"]),
        Point(pin["lat_e7"], pin["lon_e7"]),
        has_storefront_photo=sent.photo_sha256 is not None,
        verified_visits=[
            Point(*row) for row in context.reads[VERIFIED_VISITS.name].get(item.entity_id, [])
        ],
        max_move_m=context.policy.pin_move_m,
    )
    return {
        "outcome": decision.outcome.value,
        "reason": decision.reason.value,
        "moved_cm": decision.moved_cm,
        "apart_cm": decision.apart_cm,
        "visits": decision.visits,
        "limit_m": decision.limit_m,
    }


def _accepted(
    item: Arrived, context: Context, fields: dict[str, Any], keys: tuple[str, ...] | None
) -> Accepted:
    known = context.known.get(item.entity_id)
    if known is not None and fields == known.fields:
        return Accepted()
    pin = fields["pin"]
    row = (
        item.entity_id,
        fields["name"],
        fields["channel"],
        fields["store_class"],
        fields["address"],
        fields["contact_name"],
        fields["contact_phone"],
        fields["opening_hours"],
        fields["delivery_note"],
        None if pin is None else pin["lat_e7"],
        None if pin is None else pin["lon_e7"],
        fields["status"],
        context.sender.person_id,
    )
    is_of_other_terms = known is None or known.fields["channel"] != fields["channel"]
    return Accepted(
        record=Record(item.entity_id, STORE, fields, keys),
        rows=((STORES, item.entity_id, row),),
        work=((TERMS, item.entity_id),) if is_of_other_terms else (),
    )


STORE = RecordKind(
    name="store",
    number=1,
    ops={"create": create, "edit": edit},
    reads=(VERIFIED_VISITS,),
)
