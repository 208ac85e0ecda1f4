"""Judging kept items again: those whose records have arrived, and those that a person releases.

An item is judged exactly as it would have been when it came: by its own bytes (or what a person put
in their place), the clock of its envelope and the rights of its sender. Its receipt stays what it
was; what becomes of it now goes down to its sender's phones as the state of the item.

Longer than most modules: arrival, release and setting aside are three ways into the same judging.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import groupby
from operator import attrgetter
from typing import Any, TypeVar
from uuid import UUID

from mobile_contract.answers import Result
from mobile_contract.compiled import OutboxState, PushEnvelope
from sync.arrivals import check_item
from sync.direct import execute
from sync.errors import NotThere
from sync.failures import is_passing, is_race
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
from sync.record_kind import ITEM, KEEPING, Accepted, Arrived, RecordKind, Rejected
from sync.rows import Statements, array
from sync.senders import sender_of
from sync.settlement import Settled, Settlement
from sync.unit_of_work import Database, UnitOfWork

log = logging.getLogger(__name__)

T = TypeVar("T")

_COLUMNS = """
select k.op_id::text, k.digest, k.person_id::text, k.device_id::text, k.state, k.kind,
       k.entity_id::text, coalesce(k.mended, k.raw), k.contract, k.sent_at, k.sent_uptime_ms,
       k.sent_boot_id, (extract(epoch from k.received_at) * 1000)::bigint, k.place, k.code,
       array_to_string(k.missing, ','), k.is_reviewed, k.decided_at, k.decided_by, k.reason
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
# Deferred items of which at least one record they wait for is there by now, in another version than
# they were judged by: what waits for a record that will never do is not judged again in every round.
_READY = f"""
{_COLUMNS}
where k.company_id = %(company)s and k.state = 'DEFERRED'
  and (k.op_id, k.digest) in (
      select a.op_id, a.digest from awaited a
      join record r on r.company_id = a.company_id and r.id = a.entity_id
      where a.company_id = %(company)s and r.version is distinct from a.seen_version)
{_NEXT}
"""
_ONE = f"""
{_COLUMNS}
where k.company_id = %(company)s and k.op_id = %(op_id)s and k.digest = %(digest)s for update
"""
_SETTLE = """
update kept_item set state = %(state)s, code = %(code)s, "where" = %(where)s, detail = %(detail)s,
       missing = coalesce(string_to_array(nullif(%(missing)s, ''), ',')::uuid[], '{}'), decided_at = %(at)s,
       decided_by = %(by)s, reason = %(reason)s, is_reviewed = %(is_reviewed)s,
       mended = coalesce(%(mended)s, mended), kind = %(kind)s, entity_id = %(entity_id)s
where company_id = %(company)s and op_id = %(op_id)s and digest = %(digest)s
"""
# Its rows are those of the records that it names as missing.
_NO_LONGER = """
delete from awaited where company_id = %(company)s and op_id = %(op_id)s and digest = %(digest)s
   and entity_id = any(string_to_array(%(was_missing)s, ',')::uuid[])
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
    is_reviewed: bool
    decided_at: datetime | None
    decided_by: str | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Decision:
    """Who lets items be judged again, and with which bytes in the place of what was sent."""

    by: str
    mended: bytes | None = None
    reason: str | None = None
    # Whether a person looked at what stands against an item, and lets it pass.
    is_review: bool = False
    # What it is about: an item that is decided already is decided once.
    states: tuple[str, ...] = KEEPING.sources_of("apply")
    # Told, in the transaction of the decision, of the item as it was, and of the state and the code that it has now.
    noted: "Noted | None" = None
    # Made once for all attempts: by it one knows what the attempt before has decided.
    at: datetime = field(default_factory=lambda: datetime.now(UTC))


Noted = Callable[[UnitOfWork, KeptItem, str, str | None], None]


def release_deferred(
    database: Database, kinds: Mapping[str, RecordKind], company_id: int, entity_ids: Iterable[UUID]
) -> int:
    """Judge again what waits for these records; returns how many items are settled now."""
    ids = array("uuid", [str(id_) for id_ in entity_ids])
    return _release(database, kinds, company_id, _AWAITING, {"ids": ids})


def release_ready(database: Database, kinds: Mapping[str, RecordKind], company_id: int) -> int:
    """Judge again every deferred item of which a record has arrived, or has changed since it did not
    do; a child and its parent may have come in two transactions that did not see each other.
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
    is_review: bool = True,
    noted: Noted | None = None,
) -> Result:
    """Judge one kept item again because a person released it, with other bytes if they mended it.

    Returns its new result. What still cannot be applied stays kept, with its new reason. An item
    that was kept because its sender had no right passes, now and when it has waited for something
    else: whoever released it has seen that, unless it is no review. Raises NotThere.
    """
    values = {"op_id": str(op_id), "digest": digest}
    decision = Decision(decided_by, mended, reason, is_review, noted=noted)
    return _judge_alone(database, kinds, company_id, values, decision)


def set_aside(
    database: Database,
    company_id: int,
    op_id: UUID,
    digest: bytes,
    *,
    decided_by: str,
    reason: str,
    noted: Noted | None = None,
) -> None:
    """Decide that a kept item is not to be applied. It stays, with the reason. Raises NotThere."""
    values = {"op_id": str(op_id), "digest": digest}
    states = KEEPING.sources_of("set aside")
    decision = Decision(decided_by, reason=reason, states=states, noted=noted)

    def act(uow: UnitOfWork, item: KeptItem) -> None:
        settlement = Settlement(uow, {}, sender_of(uow, item.device_id), item.received_at)
        settlement.judge([])
        settlement.read_more(_record_ids(item))
        record_id = _record_id(settlement, item)
        standing = Standing("SET_ASIDE", detail=reason)
        keys = (item.person_id,)
        settlement.tell(item_record(record_id, item.kind, item.entity_id, standing, keys))
        statements = Statements()
        settlement.write(statements)
        execute(uow.driver, statements)
        _note(uow, item, standing, decision)

    _decide(database, company_id, values, decision, act)


def _decide(
    database: Database,
    company_id: int,
    values: dict[str, Any],
    decision: Decision,
    act: Callable[[UnitOfWork, KeptItem], T],
) -> T:
    """What `act` makes of one open item, in a transaction of its own; what passes is tried again.

    A commit whose answer was lost may have been done: then the item is decided, and by this very
    decision. Raises NotThere.
    """
    done: list[T] = []
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with database.company(company_id) as uow:
                item = _one(uow, values)
                if done and item.decided_at == decision.at:
                    return done[-1]
                _require(item.state in decision.states)
                done.append(act(uow, item))
            return done[-1]
        except Exception as error:
            if not is_passing(error) or attempt == ATTEMPTS:
                raise
            log.info("item %s: attempt %d: %s", values["op_id"], attempt, error)
    raise AssertionError


def _one(uow: UnitOfWork, values: dict[str, Any]) -> KeptItem:
    row = uow.driver.execute(_ONE, {"company": uow.company_id, **values}).fetchone()
    _require(row is not None)
    assert row is not None
    return KeptItem(*row)


def _require(is_open: bool) -> None:
    if not is_open:
        message = "there is no open item with this op_id and digest"
        raise NotThere(message)


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
            if not items or (is_passing(error) and not is_race(error)):
                raise
            # The database refuses a row, or a program of ours breaks on one: one at a time, so that
            # it holds back no other.
            log.exception("company %d: an item that waits cannot be written", company_id)
            results = [
                result
                for item in items
                if (result := _judge_arrived(database, kinds, company_id, item)) is not None
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


def _arrival() -> Decision:
    """Nobody's decision: what was missing is there."""
    return Decision(_BY_ARRIVAL, states=("DEFERRED",))


def _judge_page(
    uow: UnitOfWork, kinds: Mapping[str, RecordKind], items: list[KeptItem]
) -> list[Result]:
    """Judge them in the order of their receipt, as far as one device goes at a time."""
    decision = _arrival()
    return [
        result
        for _, alike in groupby(items, key=attrgetter("device_id", "is_reviewed"))
        for result in _judge_again(uow, kinds, list(alike), decision)
    ]


def _judge_arrived(
    database: Database, kinds: Mapping[str, RecordKind], company_id: int, item: KeptItem
) -> Result | None:
    """Judge one of a page that was given up; None where it is decided by now, or broke again."""
    values = {"op_id": item.op_id, "digest": item.digest}
    try:
        return _judge_alone(database, kinds, company_id, values, _arrival())
    except NotThere:
        return None
    except Exception as error:
        if is_passing(error):
            raise
        log.exception("item %s cannot even be kept with its reason", item.op_id)
        return None


def _judge_alone(
    database: Database,
    kinds: Mapping[str, RecordKind],
    company_id: int,
    values: dict[str, Any],
    decision: Decision,
) -> Result:
    """Judge one kept item again in a transaction of its own; where the database refuses a row of it,
    or a program of ours breaks, it stays kept with that reason. Raises NotThere.
    """

    def judge(uow: UnitOfWork, item: KeptItem) -> Result:
        return _judge_again(uow, kinds, [item], decision)[0]

    def refuse(uow: UnitOfWork, item: KeptItem) -> Result:
        return _judge_again(uow, kinds, [item], decision, refused_by_database())[0]

    try:
        return _decide(database, company_id, values, decision, judge)
    except NotThere:
        raise
    except Exception as error:
        # Nobody is late at every try: a key that is taken each time is taken for good.
        if is_passing(error) and not is_race(error):
            raise
        log.exception("item %s cannot be written", values["op_id"])
        return _decide(database, company_id, values, decision, refuse)


def _judge_again(
    uow: UnitOfWork,
    kinds: Mapping[str, RecordKind],
    items: list[KeptItem],
    decision: Decision,
    verdict: Rejected | None = None,
) -> list[Result]:
    """Judge kept items of one device again, all reviewed or none, and note what became of each.

    A verdict that is given stands in the place of the judgement.
    """
    sender = sender_of(uow, items[0].device_id)
    is_reviewed = _is_reviewed(items[0], decision)
    settlement = Settlement(uow, kinds, sender, items[0].received_at, is_reviewed=is_reviewed)
    checked = [verdict or _checked(item, decision.mended) for item in items]
    settled = iter(settlement.judge([entry for entry in checked if isinstance(entry, Arrived)]))
    settlement.read_more(id_ for item in items for id_ in _record_ids(item))
    results = []
    for kept, entry in zip(items, checked, strict=True):
        item = _as_judged(kept, entry)
        if isinstance(entry, Arrived):
            outcome = next(settled)
        elif isinstance(entry, Spoiled):
            outcome = Settled(Rejected(entry.code, entry.where, entry.detail))
        else:
            outcome = Settled(entry)
        standing = _standing(outcome)
        results.append(_result(item, outcome))
        for awaited, seen in zip(standing.missing, outcome.seen, strict=True):
            key = f"{awaited} {item.op_id} {item.digest.hex()}"
            settlement.add_rows(AWAITED, key, (awaited, item.op_id, item.digest, seen))
        if decision.mended is None and _waits_as_before(item, standing):
            continue
        record_id = _record_id(settlement, item)
        keys = (item.person_id,)
        settlement.tell(item_record(record_id, item.kind, item.entity_id, standing, keys))
        _note(uow, item, standing, decision)
    statements = Statements()
    settlement.write(statements)
    wake(statements, uow.company_id, settlement.made())
    execute(uow.driver, statements)
    return results


def _as_judged(item: KeptItem, entry: Arrived | Spoiled | Rejected) -> KeptItem:
    """The item about what was judged: what was sent may have named another record, or none."""
    if isinstance(entry, Arrived):
        return replace(item, kind=entry.kind, entity_id=entry.entity_id)
    return item


def _is_reviewed(item: KeptItem, decision: Decision) -> bool:
    """Whether somebody looked at it and let it pass, now or before it waited for something else."""
    return item.is_reviewed or (decision.is_review and item.code in _REVIEWED)


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
    return check_item(item.raw if mended is None else mended, envelope, item.received_at)


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


def _decided(item: KeptItem, decision: Decision) -> tuple[datetime | None, str | None, str | None]:
    """When it is decided, by whom and why: what arrives takes that from nobody who let it pass before."""
    if decision.by == _BY_ARRIVAL and item.decided_by not in {None, _BY_ARRIVAL}:
        return item.decided_at, item.decided_by, item.reason
    return decision.at, decision.by, decision.reason


def _note(uow: UnitOfWork, item: KeptItem, standing: Standing, decision: Decision) -> None:
    """Note on the kept item what became of it. Its first result stays with its receipt."""
    at, by, reason = _decided(item, decision)
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
        "was_missing": item.missing,
        "is_reviewed": _is_reviewed(item, decision),
        "by": by,
        "at": at,
        "reason": reason,
        "mended": decision.mended,
        "kind": item.kind,
        "entity_id": item.entity_id,
    }
    with uow.driver.pipeline():
        # What it waits for now is written with the rest.
        uow.driver.execute(_NO_LONGER, values)
        uow.driver.execute(_SETTLE, values)
    if decision.noted is not None:
        decision.noted(uow, item, str(values["state"]), standing.code)
