"""What became of an item that the server kept aside: told by `item` and `conflict` records that come down.

PROTOCOL.md, heading "Results": every result but `retry` is a receipt, and what becomes of a
deferred, quarantined or conflicting item later comes by pull. Push and pull do not wait for each
other, so the news may come before the receipt: it is looked up then as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mobile_contract.phone.outbox import Outbox
from mobile_contract.phone.scope_store import ScopeStore

JsonObject = Mapping[str, Any]

_KEPT_ASIDE = frozenset({"deferred", "quarantined", "conflict"})
_STATES_FOR_A_PERSON = frozenset({"QUARANTINED", "CONFLICT"})


def settle_from_changes(outbox: Outbox, changes: Iterable[JsonObject]) -> None:
    """Bring the outbox up to what a page of changes says of its items."""
    for change in changes:
        if change["kind"] not in {"item", "conflict"}:
            continue
        if change["op"] == "put":
            _settle(outbox, change["kind"], change["id"], change["fields"])
        else:
            outbox.settle_evicted(change["id"])


def settle_from_results(outbox: Outbox, scope: ScopeStore, results: Iterable[JsonObject]) -> None:
    """Bring items whose receipt has just come up to what the scope already says of them."""
    for result in results:
        told = result.get("first") or result
        if told["status"] not in _KEPT_ASIDE:
            continue
        for kind, record_id in (
            ("item", result.get("op_id")),
            ("conflict", told.get("conflict_id")),
        ):
            record = scope.get(kind, record_id) if record_id else None
            if record is not None:
                _settle(outbox, kind, record.id, record.fields)


def _settle(outbox: Outbox, kind: str, record_id: str, fields: JsonObject) -> None:
    if kind == "item":
        outbox.settle(
            record_id,
            status=fields.get("result"),
            needs_attention=fields["state"] in _STATES_FOR_A_PERSON,
        )
    else:
        outbox.settle(fields["op_id"], status=None, needs_attention=fields["state"] == "OPEN")
