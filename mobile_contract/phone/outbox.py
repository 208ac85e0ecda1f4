"""Nothing that the app put here is lost: each item stays, byte for byte, until it may be forgotten.

PROTOCOL.md, headings "Capturing" and "Push". An item is serialised once, when it is captured, and those bytes are
what every sending carries: the server tells a resend from a different item with the same id by
their digest, also a year and two app versions later. For the same reason each item remembers the
contract it was written in, and a batch holds items of one contract only.

    waiting ──sent──▶ unanswered ──result──▶ acknowledged ─────┐
       ▲                  │  │                    ▲            ├─▶ forgotten, when the watermark
       └──── retry ───────┘  └──result──▶ needs attention ─────┘   has passed the receipt
       └── a new epoch brings every item back that the server held

`waiting` and `unanswered` are sent alike; the difference is only what the app may show. An item
needs attention when the server holds it but could not apply it (quarantined, conflict). An item
that no server takes, even alone, is `set aside`: the phone is the only one that has it, so it is
shown, counted as unsent, and goes only when a person lets it go.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from mobile_contract.phone.phone_file import PhoneFile

KEPT_WITHOUT_WATERMARK_MS = 30 * 24 * 3600 * 1000

JsonObject = Mapping[str, Any]


class ItemState(StrEnum):
    """Where an item of the outbox stands."""

    WAITING = "waiting"
    UNANSWERED = "unanswered"
    ACKNOWLEDGED = "acknowledged"
    NEEDS_ATTENTION = "needs attention"
    SET_ASIDE = "set aside"


_ATTENTION_STATUSES = frozenset({"quarantined", "conflict"})
_PEACEFUL_STATUSES = frozenset({"applied", "merged", "deferred"})


@dataclass(frozen=True, slots=True)
class OutboxItem:
    """One item; `body` is what goes on the wire, `result` what came back, as received."""

    position: int
    op_id: str
    contract: int
    kind: str
    entity_id: str
    op: str
    body: bytes
    captured_at: int
    state: ItemState
    sendings: int
    refusals: int
    result: JsonObject | None
    status: str | None
    version: int | None
    receipt: int | None

    @property
    def is_unsent(self) -> bool:
        """Whether no server is known to hold the item."""
        return self.state in {ItemState.WAITING, ItemState.UNANSWERED, ItemState.SET_ASIDE}

    def parsed(self) -> dict[str, Any]:
        """The item as it was captured, for showing it; never for sending it again."""
        value: dict[str, Any] = json.loads(self.body)
        return value


@dataclass(frozen=True, slots=True)
class OutboxSummary:
    """What the envelope says of the outbox: how much no server is known to hold, and since when."""

    count: int
    oldest_at: int | None
    bytes: int


_ITEMS = (
    "SELECT position, op_id, contract, kind, entity_id, op, body, captured_at, state, sendings,"
    " refusals, result, status, version, receipt FROM outbox"
)
_OLDEST_FIRST = " WHERE state IN ('waiting', 'unanswered') ORDER BY position LIMIT ?"
_NEWEST_FIRST = " WHERE state IN ('waiting', 'unanswered') ORDER BY position DESC LIMIT ?"


class Outbox:
    """The items of one phone, in the order in which they were captured."""

    def __init__(self, file: PhoneFile) -> None:
        self._file = file

    def add(self, item: JsonObject, *, contract: int) -> str:
        """Serialise and keep an item; when this returns, the item is on the disk. Returns its op_id."""
        body = serialise_item(item)
        with self._file.transaction() as connection:
            connection.execute(
                "INSERT INTO outbox (op_id, contract, kind, entity_id, op, body, captured_at, state)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    item["op_id"],
                    contract,
                    item["kind"],
                    item["entity_id"],
                    item["op"],
                    body,
                    item["captured_at"],
                    ItemState.WAITING,
                ),
            )
        return str(item["op_id"])

    def next_batch(
        self,
        *,
        max_items: int,
        max_bytes: int,
        leave_out: Collection[str] = (),
        is_newest_first: bool = False,
    ) -> list[OutboxItem]:
        """The items to send next, all of one contract; an item over `max_bytes` comes alone."""
        batch: list[OutboxItem] = []
        size_bytes = 0
        for row in self._file.rows(
            _ITEMS + (_NEWEST_FIRST if is_newest_first else _OLDEST_FIRST),
            (max_items + len(leave_out),),
        ):
            item = _item(row)
            if item.op_id in leave_out:
                continue
            is_full = len(batch) == max_items or size_bytes + len(item.body) > max_bytes
            if batch and (is_full or item.contract != batch[0].contract):
                break
            batch.append(item)
            size_bytes += len(item.body) + 1
        return batch

    def mark_sent(self, items: Iterable[OutboxItem]) -> None:
        """Note, before the bytes leave, that the server may come to hold these items."""
        with self._file.transaction() as connection:
            connection.executemany(
                "UPDATE outbox SET state = 'unanswered', sendings = sendings + 1 WHERE position = ?",
                [(item.position,) for item in items],
            )

    def note_results(
        self, items: Sequence[OutboxItem], results: Sequence[JsonObject], *, epoch: str
    ) -> None:
        """Keep each item's result. One `retry` sends the item back to waiting, all others are receipts.

        A duplicate stands where its first result put it. A status that this app does not know is
        held by the server like any other, and needs attention.
        """
        answered: list[tuple[object, ...]] = []
        again: list[tuple[object, ...]] = []
        for item, result in zip(items, results, strict=True):
            if result["status"] == "retry":
                again.append((item.position,))
                continue
            first = result.get("first") if result["status"] == "duplicate" else None
            decisive = first or result
            status = str(decisive["status"])
            is_peaceful = status in _PEACEFUL_STATUSES or status == "duplicate"
            answered.append(
                (
                    ItemState.ACKNOWLEDGED if is_peaceful else ItemState.NEEDS_ATTENTION,
                    _text(result),
                    status,
                    decisive.get("version", result.get("version")),
                    result.get("receipt", decisive.get("receipt")),
                    epoch,
                    item.position,
                )
            )
        with self._file.transaction() as connection:
            connection.executemany("UPDATE outbox SET state = 'waiting' WHERE position = ?", again)
            connection.executemany(
                "UPDATE outbox SET state = ?, result = ?, status = ?, version = ?, receipt = ?, epoch = ?,"
                " refusals = 0 WHERE position = ?",
                answered,
            )

    def note_refusal(self, item: OutboxItem) -> int:
        """A request with only this item was refused; returns how often that has happened."""
        with self._file.transaction() as connection:
            connection.execute(
                "UPDATE outbox SET refusals = refusals + 1 WHERE position = ?", (item.position,)
            )
        return item.refusals + 1

    def set_aside(self, item: OutboxItem, *, code: str, detail: str) -> None:
        """Stop sending an item that is refused even alone; it stays and is shown with the reason."""
        with self._file.transaction() as connection:
            connection.execute(
                "UPDATE outbox SET state = ?, status = ?, result = ? WHERE position = ?",
                (
                    ItemState.SET_ASIDE,
                    "set_aside",
                    _text(
                        {"op_id": item.op_id, "status": "set_aside", "code": code, "detail": detail}
                    ),
                    item.position,
                ),
            )

    def try_again(self, op_id: str) -> None:
        """A person wants an item that was set aside to be sent once more."""
        with self._file.transaction() as connection:
            connection.execute(
                "UPDATE outbox SET state = 'waiting', refusals = 0 WHERE op_id = ? AND state = 'set aside'",
                (op_id,),
            )

    def let_go(self, op_id: str) -> None:
        """A person gives up an item that no server takes: the only way in which work can vanish."""
        with self._file.transaction() as connection:
            connection.execute(
                "DELETE FROM outbox WHERE op_id = ? AND state = 'set aside'", (op_id,)
            )

    def settle(self, op_id: str, *, status: str | None, needs_attention: bool) -> None:
        """What became of an item that the server kept aside, as it came down by pull."""
        state = ItemState.NEEDS_ATTENTION if needs_attention else ItemState.ACKNOWLEDGED
        with self._file.transaction() as connection:
            connection.execute(
                "UPDATE outbox SET state = ?, status = coalesce(?, status)"
                " WHERE op_id = ? AND state IN ('acknowledged', 'needs attention')",
                (state, status, op_id),
            )

    def settle_evicted(self, record_id: str) -> None:
        """What told of an item left the phone, by the id of that record: it was over long ago, and
        nobody need look at it any more.
        """
        with self._file.transaction() as connection:
            connection.execute(
                "UPDATE outbox SET state = 'acknowledged' WHERE state = 'needs attention'"
                " AND ? IN (op_id, json_extract(result, '$.conflict_id'),"
                " json_extract(result, '$.first.conflict_id'))",
                (record_id,),
            )

    def forget(self, *, watermark: int | None, server_now: int) -> int:
        """Drop what the server's backups cover; where it names no watermark, what is 30 days old.

        Both ends of the 30 days are the server's times, because the phone's clock may be wrong.
        Returns the number of items dropped.
        """
        bound = server_now - KEPT_WITHOUT_WATERMARK_MS if watermark is None else watermark
        with self._file.transaction() as connection:
            return connection.execute(
                "DELETE FROM outbox WHERE state IN ('acknowledged', 'needs attention') AND receipt < ?",
                (bound,),
            ).rowcount

    def send_again_for_epoch(self, epoch: str) -> int:
        """The server was restored: what it acknowledged before may be gone, so all of it waits again.

        Items that were answered in `epoch` itself are left alone. Returns the number that wait again.
        """
        with self._file.transaction() as connection:
            return connection.execute(
                "UPDATE outbox SET state = 'waiting'"
                " WHERE state IN ('acknowledged', 'needs attention') AND epoch IS NOT ?",
                (epoch,),
            ).rowcount

    def summary(self) -> OutboxSummary:
        """How much of the outbox no server is known to hold, what was set aside included."""
        ((count, oldest_at, size_bytes),) = self._file.rows(
            "SELECT count(*), min(captured_at), coalesce(sum(length(body)), 0) FROM outbox"
            " WHERE state IN ('waiting', 'unanswered', 'set aside')"
        )
        return OutboxSummary(count=count, oldest_at=oldest_at, bytes=size_bytes)

    def to_send(self) -> int:
        """How many items the next sync will try to send."""
        ((count,),) = self._file.rows(
            "SELECT count(*) FROM outbox WHERE state IN ('waiting', 'unanswered')"
        )
        return int(count)

    def items(self, *states: ItemState) -> list[OutboxItem]:
        """The items in these states, or all, oldest first."""
        wanted = json.dumps(states or list(ItemState))
        where = " WHERE state IN (SELECT value FROM json_each(?)) ORDER BY position"
        return [_item(row) for row in self._file.rows(_ITEMS + where, (wanted,))]

    def captured_after(self, position: int) -> list[OutboxItem]:
        """The items captured after the one at `position`; 0 for all that are kept."""
        return [
            _item(row)
            for row in self._file.rows(
                _ITEMS + " WHERE position > ? ORDER BY position", (position,)
            )
        ]

    def of_entity(self, entity_id: str) -> list[OutboxItem]:
        """Every item kept for one record, oldest first, whether or not the record is on the phone."""
        rows = self._file.rows(_ITEMS + " WHERE entity_id = ? ORDER BY position", (entity_id,))
        return [_item(row) for row in rows]

    def clear(self) -> None:
        """Forget everything: only for a wipe, after the server was sent all of it."""
        with self._file.transaction() as connection:
            connection.execute("DELETE FROM outbox")


def serialise_item(item: JsonObject) -> bytes:
    """The bytes of an item as they will be sent every time; raises ValueError on a float or a lone surrogate."""
    _refuse_floats(item)
    return _text(item).encode()


def _refuse_floats(value: object) -> None:
    if isinstance(value, float):
        raise ValueError("every number on the wire is an integer")  # noqa: TRY004 - one error for the caller
    if isinstance(value, Mapping):
        for part in value.values():
            _refuse_floats(part)
    elif isinstance(value, list | tuple):
        for part in value:
            _refuse_floats(part)


def _text(value: JsonObject) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _item(row: tuple[Any, ...]) -> OutboxItem:
    values = list(row)
    values[8] = ItemState(row[8])
    values[11] = None if row[11] is None else json.loads(row[11])
    return OutboxItem(*values)
