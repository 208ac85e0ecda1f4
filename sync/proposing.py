"""What people ask for from below: kept as a proposal that waits for somebody's decision.

The proposer's phone holds the proposal as a record and hears of the decision by pull.
"""

from typing import Any
from uuid import NAMESPACE_OID, uuid5

from msgspec import to_builtins

from sync.document import encode_document
from sync.evidence import captured
from sync.record_kind import (
    PROPOSAL,
    Accepted,
    Arrived,
    Context,
    Judge,
    Known,
    Outcome,
    Record,
    Rejected,
)
from sync.rights import in_scope, right_of
from sync.rows import RowSet

PROPOSALS = RowSet(
    "proposal",
    (
        ("id", "uuid"),
        ("kind", "text"),
        ("entity_id", "uuid"),
        ("base_version", "int4"),
        ("person_id", "uuid"),
        ("op_id", "uuid"),
        ("changes", "jsonb"),
        ("reason", "text"),
        ("waits_for", "jsonb"),
        ("state", "text"),
        ("proposed_at", "timestamptz"),
    ),
)


def propose(
    accepted: Accepted,
    item: Arrived,
    context: Context,
    changes: dict[str, Any],
    *,
    reason: str | None,
    waits_for: dict[str, Any] | None = None,
) -> Accepted:
    """Add a waiting proposal to what an item does. `waits_for` says which rule held it."""
    # Another person may have sent the very same bytes, and somebody let both pass.
    named = f"proposal {item.op_id} {item.digest.hex()} {context.sender.person_id}"
    proposal_id = str(uuid5(NAMESPACE_OID, named))
    proposed_at = captured(item, context.policy).corrected_at
    record = Record(
        id=proposal_id,
        kind=PROPOSAL,
        fields={
            "kind": item.kind,
            "entity_id": item.entity_id,
            "state": "WAITING",
            "reason": reason,
            "answer": None,
            "changes": changes,
            "proposed_at": max(proposed_at, 0),
            "decided_at": None,
        },
        keys=(context.sender.person_id,),
    )
    row = (
        proposal_id,
        item.kind,
        item.entity_id,
        # Of a new record it says nothing; of one that is there it has been checked.
        item.base_version if item.entity_id in context.known else None,
        context.sender.person_id,
        item.op_id,
        encode_document(changes),
        reason,
        None if waits_for is None else encode_document(waits_for),
        "WAITING",
        proposed_at,
    )
    accepted.others = (*accepted.others, record)
    accepted.rows = (*accepted.rows, (PROPOSALS, proposal_id, row))
    accepted.proposal_id = proposal_id
    return accepted


def proposal_judge(number: int, roles: frozenset[str]) -> Judge:
    """The judge of `propose` for a kind that the server owns: other stops, with a reason.

    The record must be in the proposer's scope; an older base version is no hindrance, whoever
    decides sees both.
    """

    def judge(item: Arrived, context: Context) -> Outcome:
        moment = captured(item, context.policy)
        right = right_of(context, item, moment, roles)
        if isinstance(right, Rejected):
            return right
        known = in_scope(context, item, moment, item.entity_id, number, "entity_id")
        if not isinstance(known, Known):
            return known
        if item.base_version is not None and item.base_version > known.version:
            return Rejected(
                "wrong_base_version",
                "base_version",
                f"The record is at version {known.version}; it never had version"
                f" {item.base_version}.",
            )
        return propose(
            Accepted(),
            item,
            context,
            {"stops": to_builtins(item.payload.stops)},
            reason=item.payload.reason,
            waits_for={"rule": "DECIDED_ABOVE", "version": known.version},
        )

    return judge
