"""Somebody decides about kept items: lets them be judged again, as they came or mended, or sets them aside.

The engine judges; here is who decided, and why: in the change log, in the transaction of the decision.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from mobile_contract.compiled import decode_item
from mobile_contract.problems import ItemRefused
from mobile_contract.version import ITEM_BYTES
from server.identity.change_log import Actor, log_change
from server.language import Said
from server.quarantine.errors import AlreadyDecided, FieldInvalid, NotThisItem
from server.quarantine.kept import KeptItem, in_one_line, named_op_id
from sync.errors import NotThere
from sync.unit_of_work import UnitOfWork

if TYPE_CHECKING:
    from mobile_contract.answers import Result
    from sync.engine import Engine
    from sync.release import KeptItem as Judged
    from sync.release import Noted

REASON_MAX = 400
# With what an item is over: its effect is there, or a conflict keeps it.
DONE = frozenset({"applied", "merged", "conflict", "duplicate"})
Key = tuple[UUID, bytes]


@dataclass(frozen=True, slots=True)
class Released:
    """What came of several that were released: how many by the status that they have now."""

    done: int
    waiting: int
    kept: int
    decided_before: int


def release_kept(
    engine: "Engine",
    company_id: int,
    actor: Actor,
    key: Key,
    *,
    reason: str | None = None,
) -> "Result":
    """Judge an item again as it was sent or mended before, because what was in its way was put right.

    What still cannot be applied stays, with its new reason. Raises AlreadyDecided, FieldInvalid.
    """
    check_reason(reason)
    return _release(engine, company_id, actor, key, "quarantine.release", reason=reason)


def mend_kept(
    engine: "Engine",
    company_id: int,
    actor: Actor,
    item: KeptItem,
    mended: bytes,
    *,
    reason: str | None = None,
) -> "Result":
    """Put other bytes in an item's place and judge it again; what the phone sent stays as well.

    Raises AlreadyDecided, NotThisItem, FieldInvalid.
    """
    check_reason(reason)
    if len(mended) > ITEM_BYTES:
        raise FieldInvalid(Said("an item has at most {item_bytes} bytes", item_bytes=ITEM_BYTES))
    if not mended.strip():
        raise FieldInvalid(Said("there is nothing in it"))
    require_same(item, mended)
    key = (item.op_id, bytes(item.digest))
    return _release(engine, company_id, actor, key, "quarantine.mend", mended=mended, reason=reason)


def release_several(
    engine: "Engine",
    company_id: int,
    actor: Actor,
    keys: Iterable[Key],
    *,
    reason: str | None = None,
) -> Released:
    """Release each of these, in a transaction of its own; one that cannot be applied holds back no other.

    Raises FieldInvalid.
    """
    check_reason(reason)
    done = waiting = kept = before = 0
    for key in keys:
        try:
            result = _release(engine, company_id, actor, key, "quarantine.release", reason=reason)
        except AlreadyDecided:
            before += 1
            continue
        done += result.status in DONE
        waiting += result.status == "deferred"
        kept += result.status == "quarantined"
    return Released(done, waiting, kept, before)


def set_aside_kept(
    engine: "Engine", company_id: int, actor: Actor, keys: Iterable[Key], *, reason: str
) -> int:
    """Decide that these are not to be applied; their senders read the reason. How many it was not
    decided about before. Raises FieldInvalid.
    """
    if not reason.strip():
        raise FieldInvalid(Said("reason: say why it is not to be applied; its sender reads this"))
    check_reason(reason)
    number = 0
    for op_id, digest in keys:
        try:
            engine.set_aside(
                company_id,
                op_id,
                digest,
                decided_by=actor.name,
                reason=reason.strip(),
                noted=_logged(actor, "quarantine.set_aside", reason),
            )
        except NotThere:
            continue
        number += 1
    return number


def faults_in(item: KeptItem, mended: bytes) -> ItemRefused | None:
    """What the contract of an item's phone says against these bytes; None: they can be judged."""
    try:
        decode_item(mended, item.contract)
    except ItemRefused as refused:
        return refused
    return None


def require_same(item: KeptItem, mended: bytes) -> None:
    """Another item's bytes in the place of this one would do the other's work, and lose this one's.

    Raises NotThisItem.
    """
    sent, given = named_op_id(item.raw), named_op_id(mended)
    if sent is not None and given is not None and sent != given:
        raise NotThisItem(in_one_line(f"this is of another item: its op_id is {given}, not {sent}"))


def _release(
    engine: "Engine",
    company_id: int,
    actor: Actor,
    key: Key,
    action: str,
    *,
    mended: bytes | None = None,
    reason: str | None,
) -> "Result":
    op_id, digest = key
    try:
        return engine.release(
            company_id,
            op_id,
            digest,
            decided_by=actor.name,
            mended=mended,
            reason=reason,
            noted=_logged(actor, action, reason),
        )
    except NotThere:
        raise AlreadyDecided(Said("it is decided already")) from None


def check_reason(reason: str | None) -> None:
    """Raise FieldInvalid where it is too long, or cannot be kept."""
    if reason is not None and (len(reason) > REASON_MAX or "\x00" in reason):
        raise FieldInvalid(Said("reason: a text of at most {most} characters", most=REASON_MAX))


def _logged(actor: Actor, action: str, reason: str | None) -> "Noted":
    def log(uow: UnitOfWork, item: "Judged", state: str, code: str | None) -> None:
        log_change(
            uow,
            actor,
            action,
            "kept_item",
            item.op_id,
            before={"state": item.state, "code": item.code, "digest": item.digest.hex()},
            after={"state": state, "code": code, "reason": reason},
        )

    return log
