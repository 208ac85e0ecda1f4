"""Compare the whole scope with the server's by digest and mend what differs; the outbox is not touched.

PROTOCOL.md, heading "Digest". Step 1 sends one digest per bucket and learns which differ; step 2
sends the hashes of the records in those and gets the changes that mend them. The cursor of step 1
is adopted at the end: what changed on the server in between comes with the next pull. Broken off
anywhere, it is begun again and loses nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mobile_contract.phone.device_state import DeviceState
from mobile_contract.phone.scope_store import ScopeStore
from mobile_contract.phone.transport import LinkFailure

MOST_BUCKETS_A_REQUEST = 64
MOST_IDS_A_REQUEST = 4000

JsonObject = Mapping[str, Any]
Ask = Callable[[str, dict[str, Any], tuple[str, ...]], dict[str, Any]]
"""Path, body and the names that the answer must have; raises Problem or LinkFailure."""
Bucket = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What step 1 told: the buckets that differ, the server's count of records, and its cursor."""

    epoch: str
    watermark: int | None
    cursor: str
    differing: tuple[Bucket, ...]
    records: int

    @property
    def is_equal(self) -> bool:
        return not self.differing


def compare(ask: Ask, scope: ScopeStore, *, contract: int) -> Comparison:
    """Step 1: the server's view of this phone's digest. Changes nothing on the phone."""
    answer = ask(
        "/v1/digest",
        {"contract": contract, "buckets": scope.digest()},
        ("epoch", "watermark", "cursor", "differs", "records"),
    )
    return Comparison(
        epoch=answer["epoch"],
        watermark=answer["watermark"],
        cursor=answer["cursor"],
        differing=tuple(
            (kind, bucket) for kind, names in answer["differs"].items() for bucket in names
        ),
        records=answer["records"],
    )


def repair(ask: Ask, scope: ScopeStore, device: DeviceState, *, contract: int) -> list[JsonObject]:
    """Both steps: afterwards the phone holds what the server held at step 1. Returns what was mended."""
    comparison = compare(ask, scope, contract=contract)
    device.adopt_epoch(comparison.epoch)
    mended: list[JsonObject] = []
    for held in _requests_of_step_2(scope, comparison.differing):
        answer = ask("/v1/digest", {"contract": contract, "held": held}, ("epoch", "changes"))
        if answer["epoch"] != comparison.epoch:
            raise LinkFailure("the server was restored during the repair; it is begun again")
        mended += scope.apply_repair(answer["changes"])
    device.note_repaired(comparison.cursor)
    return mended


def _requests_of_step_2(
    scope: ScopeStore, differing: tuple[Bucket, ...]
) -> Iterator[dict[str, dict[str, list[Any]]]]:
    """The hashes of the differing buckets, parted so that each request keeps both bounds."""
    held: dict[str, dict[str, list[Any]]] = {}
    buckets = ids = 0
    for kind, bucket in differing:
        hashes = scope.hashes_in(kind, bucket)
        if buckets and (
            buckets == MOST_BUCKETS_A_REQUEST or ids + len(hashes) > MOST_IDS_A_REQUEST
        ):
            yield held
            held, buckets, ids = {}, 0, 0
        held.setdefault(kind, {})[bucket] = hashes
        buckets += 1
        ids += len(hashes)
    if buckets:
        yield held
