"""Judging the capture records of photos: who took what, when and where.

The bytes come apart, before or after, so nothing here waits for them: where they are there already the
photo is stored at once. It waits for its visit and its
store. What the picture itself shows is judged once it was read, by workers.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sync.clock import business_day
from sync.evidence import Witnessed, clock_wire, witness
from sync.flag import Flag
from sync.kinds.photo.states import SHOOTING
from sync.record_kind import (
    Accepted,
    Arrived,
    Context,
    Known,
    Load,
    Missing,
    Outcome,
    Record,
    RecordKind,
    Rejected,
)
from sync.rights import Right, id_taken, in_scope, right_of
from sync.rows import RowSet, array
from sync.senders import Sender
from sync.unit_of_work import UnitOfWork

# A file in these was read, or cannot be.
LOOKED_AT = frozenset({"READ", "SET_ASIDE"})
ROLES = frozenset({"rep", "supervisor", "regional_manager", "auditor", "driver"})
STORE = 1
VISIT = 4

# Work: look again at these photos, whose bytes may have come while their records did.
ARRIVED = "photo_arrived"
# Work: judge the evidence of these photos.
JUDGE = "photo_judge"

PHOTOS = RowSet(
    "photo",
    (
        ("id", "uuid"),
        ("version", "int4"),
        ("person_id", "uuid"),
        ("position_id", "uuid"),
        ("device_id", "uuid"),
        ("store_id", "uuid"),
        ("visit_id", "uuid"),
        ("role", "text"),
        ("sha256", "text"),
        ("size", "int8"),
        ("occurred_at", "timestamptz"),
        ("trust", "text"),
        ("business_day", "date"),
        ("lat_e7", "int4"),
        ("lon_e7", "int4"),
        ("accuracy_cm", "int4"),
        ("is_mock", "bool"),
        ("source", "text"),
        ("state", "text"),
        ("flags", "text[]"),
        ("received_at", "timestamptz"),
    ),
)


_FILES = """
select sha256, state from file where company_id = %s and sha256 = any(%s::text[])
"""


def _load_files(
    uow: UnitOfWork, _sender: Sender, items: Sequence[Arrived], _known: Mapping[str, Known]
) -> dict[str, str]:
    """The states of the files that are there, by digest."""
    digests = sorted({item.payload.sha256 for item in items})
    return dict(uow.driver.execute(_FILES, [uow.company_id, array("text", digests)]).fetchall())


FILES = Load(name="files of photos", load=_load_files)


def mentions(item: Arrived) -> tuple[str, ...]:
    """The visit and the store."""
    payload = item.payload
    return tuple(id_ for id_ in (payload.visit_id, payload.store_id) if id_ is not None)


def create(item: Arrived, context: Context) -> Outcome:
    """A photo was taken."""
    payload, policy, sender = item.payload, context.policy, context.sender
    taken = id_taken(item, context)
    if taken is not None:
        return taken
    occurred = witness(payload.occurred, item, policy)
    moment = occurred.moment
    right = right_of(context, item, moment, ROLES, payload.position_id)
    if isinstance(right, Rejected):
        return right
    visit = _named(item, context, occurred, "visit_id", VISIT)
    store = _named(item, context, occurred, "store_id", STORE)
    for found in (visit, store):
        if isinstance(found, Rejected):
            return found
    missing = tuple(
        id_ for found in (visit, store) if isinstance(found, Missing) for id_ in found.ids
    )
    if missing:
        return Missing(missing)
    file = context.reads[FILES.name].get(payload.sha256)
    store_of_visit = visit.fields["store_id"] if isinstance(visit, Known) else None
    fields = {
        "visit_id": payload.visit_id,
        "store_id": payload.store_id or store_of_visit,
        "person_id": sender.person_id,
        "position_id": right.position_id,
        "sha256": payload.sha256,
        "size": payload.size,
        "role": payload.role,
        "business_day": business_day(moment.corrected_at, policy.time_zone).isoformat(),
        "occurred": occurred.wire,
        "clock": clock_wire(moment),
        "source": payload.source,
        "note": payload.note,
        "state": SHOOTING.after(None, "report" if file is None else "report after its bytes"),
        "state_at": item.received_at,
        "flags": _flags(item, occurred, store_of_visit),
    }
    return Accepted(
        record=Record(item.entity_id, PHOTO, fields, (sender.person_id,)),
        rows=((PHOTOS, item.entity_id, _row(item, context, occurred, right, fields)),),
        # Whoever commits last, this or the file, has work that sees both.
        work=((JUDGE if file in LOOKED_AT else ARRIVED, item.entity_id),),
    )


def _named(
    item: Arrived, context: Context, occurred: Witnessed, name: str, kind: int
) -> Known | Missing | Rejected | None:
    """The record that the payload names under `name`; None where it names none."""
    id_ = getattr(item.payload, name)
    if id_ is None:
        return None
    return in_scope(context, item, occurred.moment, id_, kind, f"payload.{name}")


def _flags(item: Arrived, occurred: Witnessed, store_of_visit: str | None) -> list[Flag]:
    """What is odd about its capture; `CAPTURE_FLAGS` of publish.py has the names."""
    payload = item.payload
    flags: list[Flag] = list(occurred.moment.flags)
    if occurred.is_mock:
        flags.append({"flag": "mock_location"})
    if payload.source == "GALLERY":
        flags.append({"flag": "from_gallery"})
    if None not in (payload.store_id, store_of_visit) and payload.store_id != store_of_visit:
        flags.append({"flag": "other_store"})
    return flags


def _row(
    item: Arrived, context: Context, occurred: Witnessed, right: Right, fields: dict[str, Any]
) -> tuple[Any, ...]:
    point = occurred.point
    return (
        item.entity_id,
        1,
        fields["person_id"],
        right.position_id,
        context.sender.device_id,
        fields["store_id"],
        fields["visit_id"],
        fields["role"],
        fields["sha256"],
        fields["size"],
        occurred.moment.corrected_at,
        occurred.moment.trust.value,
        date.fromisoformat(fields["business_day"]),
        None if point is None else point.lat_e7,
        None if point is None else point.lon_e7,
        occurred.accuracy_cm,
        occurred.is_mock,
        fields["source"],
        fields["state"],
        [flag["flag"] for flag in fields["flags"]],
        item.received_at,
    )


PHOTO = RecordKind(
    name="photo",
    number=25,
    ops={"create": create},
    mentions=mentions,
    reads=(FILES,),
    machine=SHOOTING,
)
