"""Judging kept items again: those whose records have arrived, and those that a person releases.

An item is judged exactly as it would have been when it came: by its own bytes (or what a person put
in their place), the clock of its envelope and the rights of its sender. Its receipt stays what it
was; what becomes of it now goes down to its sender's phones as the state of the item.

Longer than most modules: arrival, release and setting aside are three ways into the same judging.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Any
from uuid import UUID

from mobile_contract.answers import Result
from mobile_contract.compiled import OutboxState, PushEnvelope
from sync.arrivals import check_item
from sync.direct import execute
from sync.errors import NotThere
from sync.failures import is_passing, is_refusal
from sync.kept_items import (
    AWAITED,
    Spoiled,
    Standing,
    item_record,
    item_record_id,
    refused_by_database,
    standing_of,
    wake,
)
from sync.push import status_of
from sync.record_kind import ITEM, Accepted, Arrived, Missing, RecordKind, Rejected
from sync.rows import Statements, array
from sync.senders import sender_of
from sync.settlement import Settled, Settlement
from sync.unit_of_work import Database, UnitOfWork

log = logging.getLogger(__name__)

_COLUMNS = """
select k.op_id::text, k.digest, k.person_id::text, k.device_id::text, k.state, k.kind,
       k.entity_id::text, coalesce(k.mended, k.raw), k.contract, k.sent_at, k.sent_uptime_ms,
       k.sent_boot_id, (extract(epoch from k.received_at) * 1000)::bigint, k.place, k.code,
       array_to_string(k.missing, ',')
from kept_item k
"""
# A page of them, in the order of their receipt.
_NEXT = """
  and ((extract(epoch from k.received_at) * 1000)::bigint, k.place, k.op_id, k.digest)
      > (%(last_at)s::bigint, %(last_place)s::integer, %(last_op)s::uuid, %(last_digest)s::bytea)
order by (extract(epoch from k.received_at) * 1000)::bigint, k.place, k.op_id, k.digest
limit %(limit)s for update skip locked
"""
_AWAITING = f"""
{_COLUMNS}
where k.company_id = %(company)s and k.state = 'DEFERRED'
  and (k.op_id, k.digest) in (select op_id, digest from awaited
                              where company_id = %(company)s and entity_id = any(%(ids)s::uuid[]))
{_NEXT}
"""
# Deferred items of which at least one record they wait for is there by now.
_READY = f"""
{_COLUMNS}
where k.company_id = %(company)s and k.state = 'DEFERRED'
  and (k.op_id, k.digest) in (
      select a.op_id, a.digest from awaited a
      join record r on r.company_id = a.company_id and r.id = a.entity_id
      where a.company_id = %(company)s)
{_NEXT}
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
_BY_ARRIVAL = "arrival of what was missing"
_ZERO = "00000000-0000-0000-0000-000000000000"
# What somebody may let through who looked at it.
_REVIEWED = ("late_after_leave", "not_permitted", "not_in_scope")

BATCH = 200
ATTEMPTS = 4


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
    place: int
    code: str | None
    # The records that it waits for, with commas between.
    missing: str


def release_deferred(
    database: Database, kinds: Mapping[str, RecordKind], company_id: int, entity_ids: Iterable[UUID]
) -> int:
    """Judge again what waits for these records; returns how many items are settled now."""
    ids = array("uuid", [str(id_) for id_ in entity_ids])
    return _release(database, kinds, company_id, _AWAITING, {"ids": ids})


def release_ready(database: Database, kinds: Mapping[str, RecordKind], company_id: int) -> int:
    """Judge again every deferred item of which a record has arrived; a child and its parent may
    have come in two transactions that did not see each other.
    """
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

    Returns its new result. What still cannot be applied stays kept, with its new reason. An item
    that was kept because its sender had no right passes: whoever released it has seen that. Raises
    NotThere.
    """
    return _judge_alone(
        database,
        kinds,
        company_id,
        {"op_id": str(op_id), "digest": digest},
        decided_by=decided_by,
        mended=mended,
        reason=reason,
    )


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
        settlement.read_more(_record_ids(item))
        record_id = _record_id(settlement, item)
        standing = Standing("SET_ASIDE", detail=reason)
        keys = (item.person_id,)
        settlement.tell(item_record(record_id, item.kind, item.entity_id, standing, keys))
        statements = Statements()
        settlement.write(statements)
        execute(uow.driver, statements)
        _note(uow, item, standing, decided_by, reason=reason)


def _one(uow: UnitOfWork, values: dict[str, Any]) -> KeptItem:
    row = uow.driver.execute(_ONE, {"company": uow.company_id, **values}).fetchone()
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
    """Judge a set of deferred items again, a page in a transaction; how many wait no longer."""
    settled = 0
    last: dict[str, Any] = {
        "last_at": -(2**62),
        "last_place": 0,
        "last_op": _ZERO,
        "last_digest": b"",
    }
    while True:
        items: list[KeptItem] = []
        try:
            with database.company(company_id) as uow:
                items = _page(uow, statement, last | values)
                results = _judge_page(uow, kinds, items)
        except Exception as error:
            if not is_refusal(error):
                raise
            # Somebody's row is refused: one at a time, so that it holds back no other.
            results = [
                _judge_alone(
                    database,
                    kinds,
                    company_id,
                    {"op_id": item.op_id, "digest": item.digest},
                    decided_by=_BY_ARRIVAL,
                )
                for item in items
            ]
        settled += sum(result.status != "deferred" for result in results)
        if len(items) < BATCH:
            return settled
        end = items[-1]
        last = {
            "last_at": end.received_at,
            "last_place": end.place,
            "last_op": end.op_id,
            "last_digest": end.digest,
        }


def _page(uow: UnitOfWork, statement: str, values: dict[str, Any]) -> list[KeptItem]:
    cursor = uow.driver.execute(statement, {"company": uow.company_id, "limit": BATCH, **values})
    return [KeptItem(*row) for row in cursor]


def _judge_page(
    uow: UnitOfWork, kinds: Mapping[str, RecordKind], items: list[KeptItem]
) -> list[Result]:
    """Judge them in the order of their receipt, as far as one device goes at a time."""
    return [
        result
        for _, of_device in groupby(items, key=attrgetter("device_id"))
        for result in _judge_again(uow, kinds, list(of_device), decided_by=_BY_ARRIVAL)
    ]


def _judge_alone(
    database: Database,
    kinds: Mapping[str, RecordKind],
    company_id: int,
    values: dict[str, Any],
    *,
    decided_by: str,
    mended: bytes | None = None,
    reason: str | None = None,
) -> Result:
    """Judge one kept item again in a transaction of its own; what the database refuses stays kept."""
    verdict: Rejected | None = None
    attempt = 0
    while True:
        attempt += 1
        try:
            with database.company(company_id) as uow:
                return _judge_again(
                    uow,
                    kinds,
                    [_one(uow, values)],
                    decided_by=decided_by,
                    mended=mended,
                    reason=reason,
                    verdict=verdict,
                )[0]
        except Exception as error:
            if is_refusal(error) and verdict is None:
                log.warning("item %s: the database refused a row: %s", values["op_id"], error)
                verdict = refused_by_database()
            elif not is_passing(error) or attempt >= ATTEMPTS:
                raise


def _judge_again(
    uow: UnitOfWork,
    kinds: Mapping[str, RecordKind],
    items: list[KeptItem],
    *,
    decided_by: str,
    mended: bytes | None = None,
    reason: str | None = None,
    verdict: Rejected | None = None,
) -> list[Result]:
    """Judge the kept items of one device again and note what became of each.

    A verdict that is given stands in the place of the judgement.
    """
    sender = sender_of(uow, items[0].device_id)
    # Only what a person releases by itself is reviewed; a deferred item has no code.
    is_reviewed = len(items) == 1 and items[0].code in _REVIEWED
    settlement = Settlement(uow, kinds, sender, items[0].received_at, is_reviewed=is_reviewed)
    checked = [_checked(item, mended) for item in items]
    arrived = [] if verdict else [entry for entry in checked if isinstance(entry, Arrived)]
    settled = iter(settlement.judge(arrived))
    settlement.read_more(id_ for item in items for id_ in _record_ids(item))
    results = []
    for item, entry in zip(items, checked, strict=True):
        if verdict is not None:
            outcome = Settled(verdict)
        elif isinstance(entry, Spoiled):
            outcome = Settled(Rejected(entry.code, entry.where, entry.detail))
        else:
            outcome = next(settled)
        standing = _standing(outcome)
        results.append(_result(item, outcome))
        if mended is None and _waits_as_before(item, standing):
            continue
        record_id = _record_id(settlement, item)
        keys = (item.person_id,)
        settlement.tell(item_record(record_id, item.kind, item.entity_id, standing, keys))
        if isinstance(outcome.outcome, Missing):
            for awaited in outcome.outcome.ids:
                key = f"{awaited} {item.op_id} {item.digest.hex()}"
                settlement.add_rows(AWAITED, key, (awaited, item.op_id, item.digest))
        _note(uow, item, standing, decided_by, mended=mended, reason=reason)
    statements = Statements()
    settlement.write(statements)
    wake(statements, uow.company_id, settlement.made())
    execute(uow.driver, statements)
    return results


def _waits_as_before(item: KeptItem, standing: Standing) -> bool:
    """Whether nothing is new: it is looked at again and again, and told of once."""
    return item.state == standing.state == "DEFERRED" and set(item.missing.split(",")) == set(
        standing.missing
    )


def _record_ids(item: KeptItem) -> tuple[str, str]:
    """The ids under which the record that tells of an item may be: the second is its op_id."""
    return (
        item_record_id(item.op_id, item.digest, is_first=False),
        item_record_id(item.op_id, item.digest, is_first=True),
    )


def _record_id(settlement: Settlement, item: KeptItem) -> str:
    own, op_id = _record_ids(item)
    if (
        not settlement.is_held(own)
        and settlement.is_held(op_id)
        and settlement.is_free(op_id, ITEM)
    ):
        return op_id
    return own


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


def _standing(settled: Settled) -> Standing:
    outcome = settled.outcome
    if not isinstance(outcome, Accepted):
        return standing_of(outcome)
    state = "CONFLICT" if outcome.conflict_id else "RELEASED"
    return Standing(state, result=status_of(outcome))


def _result(item: KeptItem, settled: Settled) -> Result:
    outcome = settled.outcome
    if isinstance(outcome, Accepted):
        return Result(
            op_id=item.op_id,
            status=status_of(outcome),
            receipt=item.received_at,
            version=settled.version,
            merged=outcome.merged,
            conflict_id=outcome.conflict_id,
            proposal_id=outcome.proposal_id,
        )
    standing = standing_of(outcome)
    return Result(
        op_id=item.op_id,
        status=standing.state.lower(),
        receipt=item.received_at,
        code=standing.code,
        where=standing.where,
        detail=standing.detail,
        missing=list(standing.missing) or None,
    )


def _note(
    uow: UnitOfWork,
    item: KeptItem,
    standing: Standing,
    decided_by: str,
    *,
    mended: bytes | None = None,
    reason: str | None = None,
) -> None:
    """Note on the kept item what became of it. Its first result stays with its receipt."""
    values = {
        "company": uow.company_id,
        "op_id": item.op_id,
        "digest": item.digest,
        # A conflict is settled as far as the item goes: both values are kept with the conflict.
        "state": "RELEASED" if standing.state == "CONFLICT" else standing.state,
        "code": standing.code,
        "where": standing.where,
        "detail": standing.detail,
        "missing": ",".join(standing.missing),
        "by": decided_by,
        "reason": reason,
        "mended": mended,
    }
    with uow.driver.pipeline():
        # What it waits for now is written with the rest.
        uow.driver.execute(_NO_LONGER, values)
        uow.driver.execute(_SETTLE, values)
