"""Judging that a notice was read: a row for the person, and nothing else.

The record stays as it is, so that ten thousand readers cost no phone anything, and it is not locked,
so that none waits for another.
"""

from sync.evidence import witness
from sync.kinds.notice.states import TELLING
from sync.record_kind import Accepted, Arrived, Context, Known, Outcome, RecordKind
from sync.rights import in_scope
from sync.rows import RowSet

# Whoever has it on the phone may have read it, whatever they hold.
ROLES = frozenset({"rep", "supervisor", "regional_manager", "auditor", "driver", "admin"})

READINGS = RowSet(
    "notice_read",
    (
        ("notice_id", "uuid"),
        ("person_id", "uuid"),
        ("device_id", "uuid"),
        ("read_at", "timestamptz"),
        ("trust", "text"),
        ("received_at", "timestamptz"),
    ),
    # The earliest stays, whichever came first.
    "on conflict (company_id, notice_id, person_id) do update set read_at = excluded.read_at,"
    " device_id = excluded.device_id, trust = excluded.trust, received_at = excluded.received_at"
    " where excluded.read_at < notice_read.read_at",
)


def read(item: Arrived, context: Context) -> Outcome:
    """Somebody read it."""
    event = witness(item.payload.read, item, context.policy)
    known = in_scope(context, item, event.moment, item.entity_id, NOTICE.number, "entity_id")
    if not isinstance(known, Known):
        return known
    sender, at = context.sender, event.moment.corrected_at
    # Of rows with one key in a batch the last is written: here only an earlier one follows another.
    reading = ("notice read", item.entity_id)
    if context.tallies.get(reading, at + 1) <= at:
        return Accepted()
    context.tallies[reading] = at
    row = (
        item.entity_id,
        sender.person_id,
        sender.device_id,
        at,
        event.moment.trust.value,
        item.received_at,
    )
    return Accepted(rows=((READINGS, item.entity_id, row),))


NOTICE = RecordKind(
    name="notice",
    number=16,
    ops={"read": read},
    makes=frozenset(),
    notes=frozenset({"read"}),
    machine=TELLING,
)
