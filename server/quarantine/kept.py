"""One kept item as people look at it: what is wrong with it, and what was sent.

Judging again is the engine's (`Engine.release`); here items are found and shown. Lists are in kept_list.py.
"""

import json
import logging
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID
from zoneinfo import ZoneInfo

from mobile_contract.problems import ITEM_CODES_BY_NAME
from mobile_contract.raw_items import load_leniently
from mobile_contract.version import CURRENT
from server.identity.aligned import told_moment
from server.identity.prefixes import id_that_begins
from server.quarantine.kept_list import AT_MOST, FROM, LISTED, OPEN, KeptListed
from sync.errors import NotThere
from sync.failures import is_passing
from sync.tables import kept_item
from sync.unit_of_work import Database, UnitOfWork

if TYPE_CHECKING:
    from sync.engine import Engine

logger = logging.getLogger("roadbook.quarantine")

_ONE = (
    f"select {LISTED}, k.raw, k.mended {FROM} and k.op_id = :op_id order by k.received_at, k.digest"
)
# What was sent of these records and is kept itself: whoever waits for them waits for its release.
_KEPT_THEMSELVES = f"""
select {LISTED} {FROM} and k.state = any(:states) and k.entity_id = any(:ids)
order by k.received_at, k.op_id limit :at_most
"""
_STORE = "select name from store where company_id = :company and id = any(:ids) limit 1"
_UNDERSTOOD = """
select op_id, digest from kept_item
where company_id = :company and state = 'QUARANTINED' and code = 'contract_too_new'
  and contract <= :contract
order by received_at, op_id limit :at_most
"""


@dataclass(frozen=True, slots=True)
class KeptItem(KeptListed):
    """One kept item as it is stored, with its bytes."""

    raw: bytes
    mended: bytes | None


def find_kept(uow: UnitOfWork, op_id: UUID | str, digest_prefix: str = "") -> KeptItem:
    """The kept item whose op_id begins like this; where several sendings differ, the digest's first digits choose.

    Raises NotThere with the digests to choose from.
    """
    named = id_that_begins(
        uow, kept_item.c.op_id, str(op_id), what="kept item with this op_id", refusal=NotThere
    )
    found = [
        KeptItem(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for a row as a mapping
        for row in uow.rows(_ONE, company=uow.company_id, op_id=named)
        if row.digest.hex().startswith(digest_prefix.lower())
    ]
    if not found:
        message = "there is no kept item with this digest in this company"
        raise NotThere(message)
    if len(found) > 1:
        digests = ", ".join(item.digest.hex()[:12] for item in found)
        message = f"several items have this op_id; choose one with --digest: {digests}"
        raise NotThere(message)
    return found[0]


def read_kept(uow: UnitOfWork, op_id: UUID, digest: bytes) -> KeptItem:
    """The kept item with this op_id and digest. Raises NotThere."""
    for row in uow.rows(_ONE, company=uow.company_id, op_id=op_id):
        if bytes(row.digest) == digest:
            return KeptItem(**row._mapping)  # noqa: SLF001 - as above
    message = "there is no such kept item in this company"
    raise NotThere(message)


def kept_themselves(uow: UnitOfWork, ids: Collection[UUID]) -> list[KeptListed]:
    """The open items that would bring these records."""
    if not ids:
        return []
    rows = uow.rows(
        _KEPT_THEMSELVES,
        company=uow.company_id,
        states=list(OPEN),
        ids=list(ids),
        at_most=AT_MOST,
    )
    return [KeptListed(**row._mapping) for row in rows]  # noqa: SLF001 - as above


def release_understood(database: Database, engine: "Engine", company_id: int) -> int:
    """Release items of a contract that the server did not have and has now; how many are left over.

    At most `AT_MOST` at a time. One that cannot be applied gets its new reason and is not tried
    again by this.
    """
    with database.company(company_id) as uow:
        waiting = uow.rows(_UNDERSTOOD, company=company_id, contract=CURRENT, at_most=AT_MOST)
    for op_id, digest in waiting:
        try:
            engine.release(
                company_id,
                op_id,
                bytes(digest),
                decided_by="the server's new contract",
                is_review=False,
            )
        except NotThere:
            # Decided meanwhile.
            continue
        except Exception as error:
            if is_passing(error):
                raise
            # One that cannot even be kept with another reason holds back no other.
            logger.exception("item %s of a contract that is there now broke", op_id)
    return len(waiting) if len(waiting) == AT_MOST else 0


def standing(item: KeptListed, zone: ZoneInfo) -> str:
    """Why an item is kept, or who decided it, when and why, in a few words."""
    if item.state == "DEFERRED":
        return "waits for " + ", ".join(map(str, item.missing))
    if item.state in OPEN or item.decided_at is None:
        return item.code or "without a code"
    return f"by {item.decided_by}, {told_moment(item.decided_at, zone)}" + (
        f": {item.reason}" if item.reason else ""
    )


def explain(item: KeptItem, zone: ZoneInfo) -> Iterator[str]:
    """What is wrong with an item and what can be done, in lines for a terminal."""
    known = ITEM_CODES_BY_NAME.get(item.code or "")
    yield f"op_id     {item.op_id}"
    yield f"state     {item.state}"
    yield f"from      {item.person_name or 'somebody unknown'}, {item.device_model or 'no device'}"
    received = f"{item.received_at.astimezone(zone):%Y-%m-%d %H:%M:%S}"
    yield f"received  {received} ({zone}), contract {item.contract}"
    yield in_one_line(
        f"about     {item.kind or 'an unreadable kind'} {item.entity_id or ''}"
    ).rstrip()
    if item.state == "DEFERRED" and item.useless:
        yield (
            "It needs these, which are there but of another kind or another person's: "
            + ", ".join(map(str, item.useless))
        )
        yield "It may wait for ever: ask its sender, or set it aside."
    elif item.state == "DEFERRED":
        yield "It waits for records that have not come: " + ", ".join(map(str, item.missing))
        yield "It is applied by itself when they do."
    if known is not None:
        yield f"{known.title}: {known.meaning}"
    if item.detail:
        yield in_one_line(f"Exactly: {item.detail}")
    if item.mended is not None:
        yield "It was mended; what the phone sent stays as well."
    if item.decided_at is not None:
        yield f"Last decided {told_moment(item.decided_at, zone)} by {item.decided_by}" + (
            f": {item.reason}" if item.reason else ""
        )


def named_op_id(raw: bytes) -> str | None:
    """The op_id that the bytes of an item name, where that can be read."""
    value = load_leniently(raw)
    named = value.get("op_id") if isinstance(value, dict) else None
    return named if isinstance(named, str) else None


def in_one_line(text: str) -> str:
    """A text that a phone may have sent, as it cannot move a terminal's cursor or begin a line."""
    return "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)


def pretty(raw: bytes) -> str:
    """The bytes of an item for a person: JSON set out in lines where it can be read, else as text.

    Nothing in it can move a terminal's cursor.
    """
    value = load_leniently(raw)
    text = (
        raw.decode("utf-8", "backslashreplace")
        if value is None
        else json.dumps(value, indent=2, ensure_ascii=False)
    )
    return "\n".join(map(in_one_line, text.split("\n")))


def store_of(uow: UnitOfWork, item: KeptItem) -> str | None:
    """The name of the store that an item is about or was done at, where it can be read and is there."""
    value = load_leniently(item.raw)
    payload = value.get("payload") if isinstance(value, dict) else None
    named = payload.get("store_id") if isinstance(payload, dict) else None
    ids = [item.entity_id] if item.entity_id is not None else []
    with suppress(ValueError):
        ids.append(UUID(str(named)))
    rows = uow.rows(_STORE, company=uow.company_id, ids=ids)
    return rows[0].name if rows else None
