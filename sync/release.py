"""Judging kept items again: those whose records have arrived, and those that a person releases.

An item is judged exactly as it would have been when it came: by its own bytes (or what a person put
in their place), the clock of its envelope and the rights of its sender. Its receipt stays what it
was; what becomes of it now goes down to its sender's phones as the state of the item.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from mobile_contract.answers import Result
from mobile_contract.compiled import OutboxState, PushEnvelope
from sync.errors import NotThere
from sync.kept_items import AWAITED, Spoiled, item_record_id, wake
from sync.push import check_item, status_of
from sync.record_kind import ITEM, Accepted, Arrived, Missing, Record, RecordKind, Rejected
from sync.rows import Statements, array
from sync.senders import sender_of
from sync.settlement import Settled, Settlement
from sync.unit_of_work import Database, UnitOfWork

log = logging.getLogger(__name__)

_COLUMNS = """
select k.op_id::text, k.digest, k.person_id::text, k.device_id::text, k.state, k.kind,
       k.entity_id::text, coalesce(k.mended, k.raw), k.contract, k.sent_at, k.sent_uptime_ms,
       k.sent_boot_id, (extract(epoch from k.received_at) * 1000)::bigint,
       exists (select from ledger l where l.company_id = k.company_id and l.op_id = k.op_id
                                      and l.digest = k.digest and l.person_id = k.person_id)
from kept_item k
"""
_AWAITING = f"""
{_COLUMNS}
where k.company_id = %(company)s and k.state = 'DEFERRED'
  and (k.op_id, k.digest) in (select op_id, digest from awaited
                              where company_id = %(company)s and entity_id = any(%(ids)s::uuid[]))
order by k.received_at, k.op_id limit %(limit)s for update skip locked
"""
# Deferred items of which at least one record they wait for is there by now.
_READY = f"""
{_COLUMNS}
where k.company_id = %(company)s and k.state = 'DEFERRED'
  and (k.op_id, k.digest) in (
      select a.op_id, a.digest from awaited a
      join record r on r.company_id = a.company_id and r.id = a.entity_id
      where a.company_id = %(company)s)
order by k.received_at, k.op_id limit %(limit)s for update skip locked
"""
_ONE = f"""
{_COLUMNS}
where k.company_id = %(company)s and k.op_id = %(op_id)s and k.digest = %(digest)s for update
"""
_SETTLE = """
update kept_item set state = %(state)s, code = %(code)s, "where" = %(where)s, detail = %(detail)s,
       missing = coalesce(string_to_array(nullif(%(missing)s, ''), ',')::uuid[], '{}'), decided_at = now(),
       decided_by = %(by)s, reason = %(reason)s,
       mended = coalesce(%(mended)s, mended)
where company_id = %(company)s and op_id = %(op_id)s and digest = %(digest)s
"""
_NO_LONGER = """
delete from awaited where company_id = %(company)s and op_id = %(op_id)s and digest = %(digest)s
"""
BATCH = 200


@dataclass(frozen=True, slots=True)
class KeptItem:
    """A kept item as it is judged again."""

    op_id: str
    digest: bytes
    person_id: str
    device_id: str
    state: str
    kind: str | None
    entity_id: str | None
    raw: bytes
    contract: int
    sent_at: int
    sent_uptime_ms: int
    sent_boot_id: str
    received_at: int
    # Whether its op_id is its own, so that its record has the op_id as id.
    is_first: bool


def release_deferred(
    database: Database, kinds: Mapping[str, RecordKind], company_id: int, entity_ids: Iterable[UUID]
) -> int:
    """Judge again what waits for these records; returns how many items are settled now."""
    ids = array("uuid", [str(id_) for id_ in entity_ids])
    return _release(database, kinds, company_id, _AWAITING, {"ids": ids})


def release_ready(database: Database, kinds: Mapping[str, RecordKind], company_id: int) -> int:
    """Judge again every deferred item of which a record has arrived; a child and its parent may
    have come in two transactions that did not see each other."""
    return _release(database, kinds, company_id, _READY, {})


def release_one(
    database: Database,
    kinds: Mapping[str, RecordKind],
    company_id: int,
    op_id: UUID,
    digest: bytes,
    *,
    decided_by: str,
    mended: bytes | None = None,
    reason: str | None = None,
) -> Result:
    """Judge one kept item again because a person released it, with other bytes if they mended it.

    Returns its new result. What still cannot be applied stays kept, with its new reason. Raises
    NotThere.
    """
    values = {"op_id": str(op_id), "digest": digest}
    with database.company(company_id) as uow:
        item = _one(uow, values)
        return _judge_again(
            uow, kinds, [item], decided_by=decided_by, mended=mended, reason=reason
        )[0]


def set_aside(
    database: Database, company_id: int, op_id: UUID, digest: bytes, *, decided_by: str, reason: str
) -> None:
    """Decide that a kept item is not to be applied. It stays, with the reason. Raises NotThere."""
    values = {"op_id": str(op_id), "digest": digest}
    with database.company(company_id) as uow:
        item = _one(uow, values)
        sender = sender_of(uow, item.device_id)
        settlement = Settlement(uow, {}, sender, item.received_at)
        settlement.judge([])
        record_id = item_record_id(item.op_id, item.digest, is_first=item.is_first)
        settlement.read_more([record_id])
        settlement.tell(_told(record_id, item, "SET_ASIDE", None, detail=reason))
        statements = Statements()
        settlement.write(statements)
        statements.execute(uow.driver)
        _note(uow, item, "SET_ASIDE", None, decided_by, None, reason)


def _one(uow: UnitOfWork, values: dict[str, Any]) -> KeptItem:
    row = uow.driver.execute(
        _ONE, {"company": uow.company_id, **values}, prepare=True
    ).fetchone()
    if row is None or row[4] in ("RELEASED", "SET_ASIDE"):
        message = "there is no open item with this op_id and digest"
        raise NotThere(message)
    return KeptItem(*row)


def _release(
    database: Database,
    kinds: Mapping[str, RecordKind],
    company_id: int,
    statement: str,
    values: dict[str, Any],
) -> int:
    released = 0
    with database.company(company_id) as uow:
        rows = uow.driver.execute(
            statement,  # type: ignore[arg-type]
            {"company": company_id, "limit": BATCH, **values},
            prepare=True,
        ).fetchall()
        by_device: dict[str, list[KeptItem]] = {}
        for row in rows:
            item = KeptItem(*row)
            by_device.setdefault(item.device_id, []).append(item)
        for items in by_device.values():
            results = _judge_again(uow, kinds, items, decided_by="arrival of what was missing")
            released += sum(result.status not in ("deferred", "quarantined") for result in results)
    return released


def _judge_again(
    uow: UnitOfWork,
    kinds: Mapping[str, RecordKind],
    items: list[KeptItem],
    *,
    decided_by: str,
    mended: bytes | None = None,
    reason: str | None = None,
) -> list[Result]:
    """Judge the kept items of one device again and note what became of each."""
    sender = sender_of(uow, items[0].device_id)
    settlement = Settlement(uow, kinds, sender, items[0].received_at)
    checked = [_checked(item, mended) for item in items]
    arrived = [entry for entry in checked if isinstance(entry, Arrived)]
    settled = iter(settlement.judge(arrived))
    record_ids = [item_record_id(i.op_id, i.digest, is_first=i.is_first) for i in items]
    settlement.read_more(record_ids)
    results = []
    for item, entry, record_id in zip(items, checked, record_ids, strict=True):
        if isinstance(entry, Spoiled):
            outcome = Settled(Rejected(entry.code, entry.where, entry.detail))
        else:
            outcome = next(settled)
        state, result = _state_of(item, outcome)
        settlement.tell(_told(record_id, item, state, outcome))
        if isinstance(outcome.outcome, Missing):
            for awaited in outcome.outcome.ids:
                key = f"{awaited} {item.op_id} {item.digest.hex()}"
                settlement.add_rows(AWAITED, key, (awaited, item.op_id, item.digest))
        results.append(result)
        _note(uow, item, state, outcome, decided_by, mended, reason)
    statements = Statements()
    settlement.write(statements)
    wake(statements, uow.company_id, settlement.made())
    statements.execute(uow.driver)
    return results


def _checked(item: KeptItem, mended: bytes | None) -> Arrived | Spoiled:
    envelope = PushEnvelope(
        contract=item.contract,
        device_id=item.device_id,
        batch_id=item.op_id,
        sent_at=item.sent_at,
        boot_id=item.sent_boot_id,
        uptime_ms=item.sent_uptime_ms,
        app_version="",
        outbox=OutboxState(count=0, oldest_at=None, bytes=0),
        items=[],
    )
    return check_item(mended or item.raw, envelope, item.received_at)


def _state_of(item: KeptItem, settled: Settled) -> tuple[str, Result]:
    outcome = settled.outcome
    if isinstance(outcome, Missing):
        result = Result(
            op_id=item.op_id,
            status="deferred",
            receipt=item.received_at,
            missing=list(outcome.ids),
        )
        return "DEFERRED", result
    if isinstance(outcome, Rejected):
        result = Result(
            op_id=item.op_id,
            status="quarantined",
            receipt=item.received_at,
            code=outcome.code,
            where=outcome.where,
            detail=outcome.detail,
        )
        return "QUARANTINED", result
    result = Result(
        op_id=item.op_id,
        status=status_of(outcome),
        receipt=item.received_at,
        version=settled.version,
        merged=outcome.merged,
        conflict_id=outcome.conflict_id,
        proposal_id=outcome.proposal_id,
    )
    return ("CONFLICT" if outcome.conflict_id else "RELEASED"), result


def _told(
    record_id: str,
    item: KeptItem,
    state: str,
    settled: Settled | None,
    detail: str | None = None,
) -> Record:
    outcome = None if settled is None else settled.outcome
    is_rejected = isinstance(outcome, Rejected)
    return Record(
        id=record_id,
        kind=ITEM,
        fields={
            "kind": item.kind,
            "entity_id": item.entity_id,
            "state": state,
            "code": outcome.code if is_rejected else None,
            "where": outcome.where if is_rejected else None,
            "detail": outcome.detail if is_rejected else detail,
            "missing": list(outcome.ids) if isinstance(outcome, Missing) else [],
            "result": status_of(outcome) if isinstance(outcome, Accepted) else None,
        },
        keys=None,
    )


def _note(
    uow: UnitOfWork,
    item: KeptItem,
    state: str,
    settled: Settled | None,
    decided_by: str,
    mended: bytes | None,
    reason: str | None,
) -> None:
    outcome = None if settled is None else settled.outcome
    is_rejected = isinstance(outcome, Rejected)
    missing = list(outcome.ids) if isinstance(outcome, Missing) else []
    values = {
        "company": uow.company_id,
        "op_id": item.op_id,
        "digest": item.digest,
        "state": state if state != "CONFLICT" else "RELEASED",
        "code": outcome.code if is_rejected else None,
        "where": outcome.where if is_rejected else None,
        "detail": outcome.detail if is_rejected else None,
        "missing": ",".join(missing),
        "by": decided_by,
        "reason": reason,
        "mended": mended,
    }
    with uow.driver.pipeline():
        if not missing:
            uow.driver.execute(_NO_LONGER, values)
        uow.driver.execute(_SETTLE, values)
