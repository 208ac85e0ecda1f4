"""What a kind of record is to the engine.

A kind lives in `sync/kinds/<kind>/` and is handed to the engine in `ALL_KINDS`; the engine names
none. A kind that phones push judges one item at a time, purely: what it may need to see has been
read before, what it wants written comes back as values. The engine reads and writes in sets.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sync.document import decode_document
from sync.flag import Flag
from sync.history import History
from sync.policy import Policy
from sync.rows import RowSet
from sync.senders import Sender
from sync.state_machine import StateMachine, Step
from sync.unit_of_work import UnitOfWork


@dataclass(slots=True)
class Known:
    """A record as a judgement sees it: what the database had, and what this batch made of it."""

    id: str
    kind: int
    version: int
    doc: str | bytes | None
    person_id: str | None
    changed_by: str | None = None
    born_digest: bytes | None = None
    # Whether the sender may see it, or could at the time the item was captured.
    is_visible: bool = False
    last_visible_at: int | None = None
    is_new: bool = False
    _fields: dict[str, Any] | None = None

    @property
    def fields(self) -> dict[str, Any]:
        """The document, parsed once."""
        if self._fields is None:
            self._fields = {} if self.doc is None else decode_document(self.doc)
        return self._fields


@dataclass(slots=True)
class Arrived:
    """One checked item of a batch, with the clock of the envelope that brought it."""

    op_id: str
    kind: str
    op: str
    entity_id: str
    base_version: int | None
    depends_on: tuple[str, ...]
    captured_at: int
    captured_uptime_ms: int
    captured_boot_id: str
    gps_time: int | None
    payload: Any
    # The files that belong to the record: {sha256, size, role} each.
    media: tuple[dict[str, Any], ...]
    digest: bytes
    sent_at: int
    sent_uptime_ms: int
    sent_boot_id: str
    received_at: int


@dataclass(slots=True)
class Context:
    """What a judgement may look at. `known` holds every record the batch targets or mentions."""

    sender: Sender
    policy: Policy
    policy_version: int
    known: dict[str, Known]
    reads: Mapping[str, Any]
    # record id → its older versions from the first on that an edit in the batch names
    histories: dict[str, History[Known]]
    # person id → name, of those who changed the records that the batch targets
    names: Mapping[str, str]
    # Rights that were judged in this batch: they are the same for every item of a day.
    rights: dict[Any, Any] = field(default_factory=dict)
    # What the items that this batch has accepted so far come to, where a later one depends on it: their
    # rows are not there yet. Kept by the judges of a kind, under names of its own.
    tallies: dict[Any, Any] = field(default_factory=dict)
    # Somebody looked at the item, saw that a right was missing, and released it all the same.
    is_reviewed: bool = False


@dataclass(slots=True)
class Record:
    """A document to be written. `keys` say who may see a new one; None leaves that as it is."""

    id: str
    kind: "RecordKind"
    fields: dict[str, Any]
    keys: tuple[str, ...] | None = None


@dataclass(slots=True)
class Accepted:
    """The item is applied: what it makes of its own record, of others, and of its kind's tables."""

    record: Record | None = None
    others: tuple[Record, ...] = ()
    # (how, primary key, row): of several rows with one key in a batch the last is written.
    rows: tuple[tuple[RowSet, str, tuple[Any, ...]], ...] = ()
    merged: dict[str, dict[str, Any]] | None = None
    # Fields on which two edits met; the held value stays until somebody chooses.
    conflict_id: str | None = None
    proposal_id: str | None = None
    # Files that the payload itself names, beside those of the item.
    media: tuple[dict[str, Any], ...] = ()
    # What follows and nobody waits for: (topic, id of what it is about), see work.py.
    work: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class Rejected:
    """The item is kept for a person to look at: a stable code, the place, plain words."""

    code: str
    where: str | None = None
    detail: str | None = None


@dataclass(slots=True)
class Missing:
    """The item waits for records that are not there yet."""

    ids: tuple[str, ...]


Outcome = Accepted | Rejected | Missing
Judge = Callable[[Arrived, Context], Outcome]


def _nothing(_item: Arrived) -> tuple[str, ...]:
    return ()


@dataclass(frozen=True, slots=True)
class Read:
    """A statement of a kind's own, run once a batch when some item asks for it.

    `wants` picks the ids that an item asks about; the statement takes `company` and `ids`, an array of
    them and returns rows whose first column is the id. The rows reach `Context.reads[name]` by id.
    """

    name: str
    wants: Callable[[Arrived], tuple[str, ...]]
    statement: str


@dataclass(frozen=True, slots=True)
class Load:
    """What a kind reads by a function, once a batch when it has items of the kind.

    `load` gets the transaction, the sender, the items of the kind and the records that were read, and
    sends a number of statements that does not grow with the items. It may keep what never changes
    from batch to batch. What it returns is `Context.reads[name]`.
    """

    name: str
    load: Callable[[UnitOfWork, Sender, Sequence[Arrived], Mapping[str, Known]], Any]


@dataclass(frozen=True, slots=True)
class RecordKind:
    """A kind of record, as data: its name and what the engine may ask of it."""

    name: str
    # Its number in the database: given once, never given again.
    number: int
    # op → its judge; a kind without ops only goes down
    ops: Mapping[str, Judge] = field(default_factory=dict)
    # The other records an item needs to see, beside the one it is about.
    mentions: Callable[[Arrived], tuple[str, ...]] = _nothing
    reads: tuple[Read | Load, ...] = ()
    # The ops that make a new record: they need no lock, the primary key is their referee.
    makes: frozenset[str] = frozenset({"create"})
    # The ops that only add rows of their sender's own and leave the record as it is: nor do these
    # need its lock.
    notes: frozenset[str] = frozenset()
    # Which state follows which, where it has states.
    machine: StateMachine | None = None

    def locks(self, op: str) -> bool:
        """Whether an item with this op changes a record that others may change at the same moment."""
        return op not in self.makes and op not in self.notes


# What the engine itself tells phones: an item it could not apply, two edits that met on one field,
# something asked for that waits for a decision.
KEEPING = StateMachine(
    "item",
    "An item that could not be applied when it came. It is kept whole until it is applied or a person sets it aside.",
    (
        Step(None, "wait", "DEFERRED", "its record is not there"),
        Step(None, "keep", "QUARANTINED", "something stands against it"),
        Step(None, "meet", "CONFLICT", "two edits met"),
        Step("DEFERRED", "apply", "RELEASED", "its record came"),
        Step("DEFERRED", "keep", "QUARANTINED", "its record came and will not do"),
        Step("DEFERRED", "meet", "CONFLICT", "two edits met"),
        Step("DEFERRED", "set aside", "SET_ASIDE", "office"),
        Step("QUARANTINED", "apply", "RELEASED", "office released or mended it"),
        Step("QUARANTINED", "wait", "DEFERRED", "released, its record is not there"),
        Step("QUARANTINED", "meet", "CONFLICT", "released, two edits met"),
        Step("QUARANTINED", "set aside", "SET_ASIDE", "office"),
        Step("CONFLICT", "choose", "RELEASED", "office"),
    ),
)
CLASHING = StateMachine(
    "conflict",
    "Two edits that met on one field: both values are kept until somebody chooses.",
    (
        Step(None, "meet", "OPEN", "phone"),
        Step("OPEN", "choose", "DECIDED", "office"),
    ),
)
ITEM = RecordKind("item", 7, machine=KEEPING)
CONFLICT = RecordKind("conflict", 8, machine=CLASHING)
PROPOSING = StateMachine(
    "proposal",
    "Something that a phone asks for and the office decides.",
    (
        Step(None, "propose", "WAITING", "phone"),
        Step("WAITING", "approve", "APPROVED", "office"),
        Step("WAITING", "amend", "AMENDED", "office, otherwise than asked"),
        Step("WAITING", "refuse", "REFUSED", "office, with a reason"),
    ),
)
PROPOSAL = RecordKind("proposal", 6, machine=PROPOSING)

__all__ = [
    "CLASHING",
    "CONFLICT",
    "ITEM",
    "KEEPING",
    "PROPOSAL",
    "PROPOSING",
    "Accepted",
    "Arrived",
    "Context",
    "Flag",
    "Judge",
    "Known",
    "Load",
    "Missing",
    "Outcome",
    "Read",
    "Record",
    "RecordKind",
    "Rejected",
]
