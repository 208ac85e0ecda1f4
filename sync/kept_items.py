"""Items that the server holds and could not apply: nothing is dropped.

An item is kept whole, as the bytes that came, with the clock of its envelope, so that it can be
judged again exactly as it would have been. A deferred item waits for records and is applied by
itself; a quarantined one waits for a person, who can mend it, release it, or set it aside with a
reason. Its state goes down to its sender's phones as a record of kind `item`.
"""

from dataclasses import dataclass
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from sync.record_kind import ITEM, Arrived, Missing, Record, Rejected
from sync.rows import RowSet, Statements, array

KEPT = RowSet(
    "kept_item",
    (
        ("op_id", "uuid"),
        ("digest", "bytea"),
        ("person_id", "uuid"),
        ("device_id", "uuid"),
        ("state", "text"),
        ("kind", "text"),
        ("entity_id", "uuid"),
        ("code", "text"),
        ("where", "text"),
        ("detail", "text"),
        ("missing", "uuid[]"),
        ("raw", "bytea"),
        ("contract", "int4"),
        ("sent_at", "int8"),
        ("sent_uptime_ms", "int8"),
        ("sent_boot_id", "text"),
        ("received_at", "timestamptz"),
        ("place", "int4"),
        ("result", "text"),
    ),
)
AWAITED = RowSet(
    "awaited",
    (("entity_id", "uuid"), ("op_id", "uuid"), ("digest", "bytea"), ("seen_version", "int4")),
    "on conflict (company_id, entity_id, op_id, digest) do update"
    " set seen_version = excluded.seen_version",
)
# Children that waited for what was made are applied by a job.
_WAKE = """
insert into outbox (company_id, topic, payload)
select company_id, 'release_deferred', jsonb_build_object('entity_ids', jsonb_agg(distinct entity_id))
from awaited where company_id = %s and entity_id = any(%s::uuid[])
group by company_id
"""


@dataclass(frozen=True, slots=True)
class Spoiled:
    """An item that could not even be read: it has no kind, perhaps not even an op_id."""

    op_id: str | None
    kind: str | None
    entity_id: str | None
    code: str
    where: str | None
    detail: str | None
    raw: bytes
    digest: bytes

    @property
    def kept_as(self) -> str:
        """The op_id it is kept under: its own, else one made from its bytes."""
        return self.op_id or str(uuid5(NAMESPACE_OID, self.digest.hex()))

    @property
    def is_perhaps_its_record(self) -> bool:
        """Whether its op_id may be the id of its record as well, where that could not be read: such an
        app has the one id twice in the bytes.
        """
        return (
            self.entity_id is None
            and self.op_id is not None
            and self.raw.count(self.op_id.encode()) > 1
        )


def refused_by_database() -> Rejected:
    """Why an item is kept that passed every check and could not be stored."""
    return Rejected("refused_by_database", None, "The database could not take this item.")


def kept_apart_as(op_id: str, person_id: str) -> str:
    """The op_id under which bytes are kept that are kept already as another person's sending."""
    return str(uuid5(NAMESPACE_OID, f"{op_id} of {person_id}"))


def item_record_id(op_id: str, digest: bytes, *, is_first: bool) -> str:
    """The id of the record that tells of an item: its op_id, unless that belongs to another."""
    return op_id if is_first else str(uuid5(NAMESPACE_OID, f"item {op_id} {digest.hex()}"))


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a kept item stands, and why."""

    state: str
    code: str | None = None
    where: str | None = None
    detail: str | None = None
    missing: tuple[str, ...] = ()
    # The status it was released with.
    result: str | None = None


def standing_of(outcome: Missing | Rejected) -> Standing:
    """Where an item stands that could not be applied."""
    if isinstance(outcome, Missing):
        return Standing("DEFERRED", missing=outcome.ids)
    return Standing("QUARANTINED", outcome.code, outcome.where, outcome.detail)


def item_record(
    record_id: str,
    kind: str | None,
    entity_id: str | None,
    standing: Standing,
    keys: tuple[str, ...] | None = None,
) -> Record:
    """What the sender's phones are told of an item that is kept."""
    return Record(
        id=record_id,
        kind=ITEM,
        fields={
            "kind": kind,
            "entity_id": entity_id,
            "state": standing.state,
            "code": standing.code,
            "where": standing.where,
            "detail": standing.detail,
            "missing": list(standing.missing),
            "result": standing.result,
        },
        keys=keys,
    )


def kept_row(
    item: Arrived | Spoiled,
    standing: Standing,
    *,
    op_id: str,
    raw: bytes,
    contract: int,
    clock: tuple[int, int, str],
    received_at: int,
    place: int,
    sender: tuple[str, str],
    result: str,
) -> tuple[Any, ...]:
    """The row of an item kept under `op_id`. `place` is that in its batch, `clock` is (sent_at, uptime, boot id), `sender` (person, device)."""
    return (
        op_id,
        item.digest,
        *sender,
        standing.state,
        item.kind,
        item.entity_id,
        standing.code,
        standing.where,
        standing.detail,
        list(standing.missing),
        raw,
        contract,
        *clock,
        received_at,
        place,
        result,
    )


def wake(statements: Statements, company_id: int, made: list[str]) -> None:
    """Have judged again what waits for records that are made in this transaction."""
    if made:
        statements.add(_WAKE, [company_id, array("uuid", made)])
