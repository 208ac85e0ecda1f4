"""Push: a batch of items in, one result for each out, exactly once.

One transaction authenticates the device, finds which items came before, judges the rest and writes
effects, receipts and results together; the items are checked while it finds out who speaks. The
answer is made from what is committed and sent after it. What the database refuses is narrowed down by
halving until only the culprits are taken out; what it could not do now is repeated, and in the end
answered `retry`. Promises 1, 2, 3 and 6 of DESIGN.md live here.

Longer than most modules: what comes of one attempt at a batch is one story, and is read as one.
"""

import logging
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import msgspec
import psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from mobile_contract.answers import Result, encode_answer
from mobile_contract.compiled import PushEnvelope
from mobile_contract.records import lower_merged
from sync.arrivals import Arrivals, op_id_of
from sync.deadline import Deadline
from sync.direct import execute
from sync.epoch import Epoch
from sync.errors import Refused
from sync.failures import is_passing
from sync.greeting import Greeting, greet
from sync.kept_items import (
    AWAITED,
    KEPT,
    Spoiled,
    item_record,
    item_record_id,
    kept_apart_as,
    kept_row,
    refused_by_database,
    standing_of,
    wake,
)
from sync.ledger import LEDGER, Aside, Receipt, find_aside, find_receipts
from sync.record_kind import Accepted, Arrived, Missing, RecordKind, Rejected
from sync.rows import Statements
from sync.senders import Claim, Sender
from sync.settlement import Settled, Settlement
from sync.unit_of_work import Database, UnitOfWork

log = logging.getLogger(__name__)

ATTEMPTS = 4
RETRY_MS = (2_000, 10_000)

_SEEN = """
update device set last_seen_at = to_timestamp(%s::double precision / 1000), app_version = %s::text, contract = %s::integer,
       outbox_count = %s::integer, outbox_bytes = %s::bigint, clock_offset_ms = %s::bigint,
       outbox_oldest_at = to_timestamp(%s::double precision / 1000),
       state = case when %s::boolean then 'WIPED' else state end,
       wiped_at = coalesce(wiped_at, to_timestamp(%s::double precision / 1000))
where company_id = %s::integer and id = %s::uuid
"""


class Pushed(NamedTuple):
    """What a push came to: the JSON to send, and how many items of a kind had a status. The kind is
    None of items that could not be read.
    """

    answer: bytes
    counts: Counter[tuple[str | None, str]]


@dataclass(slots=True)
class _Fresh:
    """An item that has no receipt yet, and where it stands in the batch."""

    index: int
    item: Arrived | Spoiled
    # False for bytes that came under an op_id that is already somebody's receipt.
    is_first: bool
    fault: Rejected | None = None
    # The op_id under which it is kept where its own is taken by the same bytes of somebody else.
    kept_apart: str | None = None


class _TooLate(Exception):
    """The push has been under way for longer than a backup allows for."""


def push(
    database: Database,
    kinds: Mapping[str, RecordKind],
    claim: Claim,
    envelope: PushEnvelope,
    received_at: int,
    deadline: Deadline | None = None,
) -> Pushed:
    """Settle a batch: the JSON of its answer, and what came of it. Raises Refused for the request as
    a whole.

    After its deadline nothing is committed: what was received then must not be younger in the database
    than a backup may take it for. It is answered `retry`.
    """
    arrivals = Arrivals(envelope, received_at)
    refused: frozenset[int] = frozenset()
    for attempt in range(ATTEMPTS):
        batch = _Batch(database, kinds, claim, arrivals, deadline=deadline, is_again=attempt > 0)
        try:
            try:
                return batch.settle(refused)
            except (Refused, _TooLate):
                raise
            except Exception as error:
                if is_passing(error):
                    raise
                # The database refuses a row, or a program of ours breaks on one: either way the
                # item is found and kept aside, and the others go on.
                log.exception("push %s: an item cannot be written", envelope.batch_id)
                refused |= batch.find_culprits(refused)
        except _TooLate:
            log.warning("push %s was under way for too long", envelope.batch_id)
            break
        except Exception as error:
            if not is_passing(error):
                raise
            log.info("push %s: attempt %d: %s", envelope.batch_id, attempt + 1, error)
    return _try_again(database, claim, arrivals)


class _Batch:
    """One attempt at a batch."""

    def __init__(
        self,
        database: Database,
        kinds: Mapping[str, RecordKind],
        claim: Claim,
        arrivals: Arrivals,
        *,
        deadline: Deadline | None = None,
        is_again: bool = False,
    ) -> None:
        self.deadline = deadline
        self.is_again = is_again
        self.database = database
        self.kinds = kinds
        self.claim = claim
        self.arrivals = arrivals
        self.envelope = arrivals.envelope
        self.received_at = arrivals.received_at
        self.results: list[Result | None] = [None] * len(arrivals.envelope.items)
        # Items that stand twice in this very batch: (the second, the first).
        self._repeats: list[tuple[int, int]] = []
        # The items in the order in which they were judged: parents before children.
        self._judged: list[int] = []
        self._is_awaited = self._is_kept = True

    @property
    def items(self) -> Sequence[Arrived | Spoiled]:
        """The items, checked."""
        return self.arrivals.items

    def settle(self, refused: frozenset[int]) -> Pushed:
        """Do it: one transaction, and the answer once it is durable."""
        with self.database.company(self.claim.company_id) as uow:
            greeting = self._greet(uow)
            sender = greeting.sender
            if self.envelope.device_id != sender.device_id:
                message = "device_id is not the device that the token belongs to."
                raise Refused("device_mismatch", message, where="device_id")
            is_wiped = sender.is_draining and self.envelope.outbox.count <= len(self.items)
            statements = Statements()
            self._note_device(statements, is_wiped=is_wiped)
            fresh = self._unseen(uow, sender, greeting.receipts)
            self._apply(uow, sender, fresh, refused, statements)
            answers: list[Pushed] = []
            # Made while the database writes, sent when it is durable.
            execute(
                uow.driver,
                statements,
                lambda: answers.append(self._pushed(greeting.epoch, is_wiped=is_wiped)),
            )
            # The last thing before the commit.
            self._require_time()
        return answers[0]

    def _greet(self, uow: UnitOfWork) -> Greeting:
        """Who speaks and what came before, asked while the items are checked."""
        greeting = greet(uow, self.claim, "push", self.arrivals.glanced, self.arrivals.check)
        self._is_awaited, self._is_kept = greeting.is_awaited, greeting.is_kept
        unasked = set(self.arrivals.op_ids).difference(self.arrivals.glanced)
        if unasked:
            greeting.receipts.update(find_receipts(uow.driver, uow.company_id, sorted(unasked)))
            self._is_kept = True
        return greeting

    def _pushed(self, epoch: Epoch, *, is_wiped: bool) -> Pushed:
        then = "wipe" if is_wiped else None
        return _pushed(self.arrivals, epoch, [r for r in self.results if r is not None], then)

    def _require_time(self) -> None:
        if self.deadline is not None and self.deadline.is_over():
            raise _TooLate

    def find_culprits(self, refused: frozenset[int]) -> frozenset[int]:
        """Which items the database refuses, found by halving in transactions that roll back.

        None when it refuses nothing any more. Where a row is refused only because of another item
        as well, the one that was judged later is taken out.
        """
        suspects = [i for i in range(len(self.items)) if i not in refused]
        if not suspects or not self._is_refused(suspects, refused):
            return frozenset()
        place = {index: n for n, index in enumerate(self._judged)}
        suspects.sort(key=lambda index: place.get(index, -1))
        return frozenset(self._blame([], suspects, refused))

    def _blame(self, well: list[int], suspects: list[int], refused: frozenset[int]) -> set[int]:
        """The culprits among suspects that are refused together with items that are well."""
        if len(suspects) == 1:
            return set(suspects)
        middle = len(suspects) // 2
        first, second = suspects[:middle], suspects[middle:]
        found: set[int] = set()
        if self._is_refused(well + first, refused):
            found = self._blame(well, first, refused)
        well = well + [index for index in first if index not in found]
        if not found or self._is_refused(well + second, refused):
            found |= self._blame(well, second, refused)
        return found

    def _is_refused(self, only: Sequence[int], refused: frozenset[int]) -> bool:
        self._require_time()
        chosen = frozenset(only)
        try:
            with self.database.rehearsal(self.claim.company_id) as uow:
                greeting = self._greet(uow)
                sender = greeting.sender
                unseen = self._unseen(uow, sender, greeting.receipts)
                # What stands twice in the batch is settled by its first; the results are not used.
                self._repeats.clear()
                fresh = [f for f in unseen if f.index in chosen]
                statements = Statements()
                self._apply(uow, sender, fresh, refused, statements)
                execute(uow.driver, statements)
        except Refused:
            raise
        except Exception as error:
            if is_passing(error):
                raise
            return True
        return False

    # ---- what came before ----------------------------------------------------------------

    @cached_property
    def _entities(self) -> frozenset[str | None]:
        return frozenset(item.entity_id for item in self.items)

    def _unseen(
        self, uow: UnitOfWork, sender: Sender, receipts: Mapping[str, Receipt]
    ) -> list[_Fresh]:
        """The items that have no receipt yet; the others get the result that they got first."""
        aside: dict[tuple[str, bytes], Aside] = {}
        # What is kept outlives its receipt. A repeated attempt looks in any case.
        if (
            self._is_kept
            or self.is_again
            or any(
                self._is_other(receipts.get(op_id_of(item)), item, sender) for item in self.items
            )
        ):
            op_ids = self.arrivals.op_ids
            apart = [kept_apart_as(op_id, sender.person_id) for op_id in op_ids]
            aside = find_aside(uow.driver, uow.company_id, op_ids + apart)
        fresh: list[_Fresh] = []
        first_here: dict[str, _Fresh] = {}
        for index, item in enumerate(self.items):
            op_id = op_id_of(item)
            receipt, earlier = receipts.get(op_id), first_here.get(op_id)
            kept, kept_apart = aside.get((op_id, item.digest)), None
            if kept is not None and kept.person_id != sender.person_id:
                # Another person sent these very bytes. What became of theirs answers nobody else.
                kept_apart = kept_apart_as(op_id, sender.person_id)
                kept = aside.get((kept_apart, item.digest))
            if receipt is not None and not self._is_other(receipt, item, sender):
                self.results[index] = _duplicate(item, receipt.result)
            elif kept is not None:
                self.results[index] = _duplicate(item, kept.result)
            elif receipt is None and earlier is None and kept_apart is None:
                first_here[op_id] = entry = _Fresh(index, item, is_first=True)
                fresh.append(entry)
            else:
                same = [
                    f for f in fresh if op_id_of(f.item) == op_id and f.item.digest == item.digest
                ]
                if same:
                    self._repeats.append((index, same[0].index))
                    continue
                code = "op_id_reused"
                if kept_apart or (receipt and receipt.person_id != sender.person_id):
                    code = "op_id_taken"
                fault = Rejected(code, "op_id", "This op_id came before with another item.")
                fresh.append(
                    _Fresh(index, item, is_first=False, fault=fault, kept_apart=kept_apart)
                )
        return fresh

    @staticmethod
    def _is_other(receipt: Receipt | None, item: Arrived | Spoiled, sender: Sender) -> bool:
        return receipt is not None and (
            receipt.digest != item.digest or receipt.person_id != sender.person_id
        )

    # ---- what comes of the rest ------------------------------------------------------------

    def _apply(
        self,
        uow: UnitOfWork,
        sender: Sender,
        fresh: Sequence[_Fresh],
        refused: frozenset[int],
        statements: Statements,
    ) -> None:
        """Judge the items, and collect everything that is to be written as one statement."""
        settlement = Settlement(uow, self.kinds, sender, self.received_at)
        judged = [
            f
            for f in fresh
            if f.fault is None and isinstance(f.item, Arrived) and f.index not in refused
        ]
        settled = settlement.judge([f.item for f in judged if isinstance(f.item, Arrived)])
        outcomes = dict(zip((f.index for f in judged), settled, strict=True))
        self._judged = [judged[n].index for n in settlement.order]
        self._know_op_ids(settlement, fresh, outcomes)
        receipts: list[tuple[Any, ...]] = []
        for entry in fresh:
            outcome = outcomes.get(entry.index) or Settled(self._fault(entry))
            if isinstance(outcome.outcome, Accepted) and outcome.outcome.merged:
                self._lower_merged(settlement, entry.item, outcome.outcome)
            result = self._result(entry, outcome)
            self.results[entry.index] = result
            self._keep(settlement, sender, entry, outcome, result)
            if entry.is_first:
                receipts.append(
                    (
                        op_id_of(entry.item),
                        sender.person_id,
                        sender.device_id,
                        entry.item.digest,
                        _stored(result),
                        self.received_at,
                    )
                )
        for index, first in self._repeats:
            before = self.results[first]
            assert before is not None
            self.results[index] = _duplicate(self.items[index], _stored(before))
        self._repeats.clear()
        settlement.write(statements)
        statements.add_rows(LEDGER, uow.company_id, sorted(receipts, key=lambda row: row[0]))
        if self._is_awaited:
            # What begins to wait meanwhile is found by the scheduled look.
            wake(statements, uow.company_id, settlement.made())

    @staticmethod
    def _fault(entry: _Fresh) -> Rejected:
        if entry.fault is not None:
            return entry.fault
        item = entry.item
        if isinstance(item, Spoiled):
            return Rejected(item.code, item.where, item.detail)
        return refused_by_database()

    def _lower_merged(
        self, settlement: Settlement, item: Arrived | Spoiled, outcome: Accepted
    ) -> None:
        """Say what an edit was merged with by the names that the phone's contract has for it."""
        assert isinstance(item, Arrived)
        assert outcome.merged is not None
        record = outcome.record
        fields = settlement.fields_of(item.entity_id) if record is None else record.fields
        outcome.merged = lower_merged(item.kind, fields, outcome.merged, self.envelope.contract)

    def _result(self, entry: _Fresh, settled: Settled) -> Result:
        outcome, op_id = settled.outcome, entry.item.op_id
        if isinstance(outcome, Missing):
            return Result(
                op_id=op_id,
                status="deferred",
                receipt=self.received_at,
                missing=list(outcome.ids),
            )
        if isinstance(outcome, Rejected):
            return Result(
                op_id=op_id,
                status="quarantined",
                receipt=self.received_at,
                code=outcome.code,
                where=outcome.where,
                detail=outcome.detail,
            )
        return Result(
            op_id=op_id,
            status=status_of(outcome),
            receipt=self.received_at,
            version=settled.version,
            merged=outcome.merged,
            conflict_id=outcome.conflict_id,
            proposal_id=outcome.proposal_id,
        )

    @staticmethod
    def _know_op_ids(
        settlement: Settlement, fresh: Sequence[_Fresh], outcomes: Mapping[int, Settled]
    ) -> None:
        """Look which records have the op_ids of items that are kept: theirs tell of the items."""
        kept = [
            op_id_of(f.item)
            for f in fresh
            if (settled := outcomes.get(f.index)) is None
            or not isinstance(settled.outcome, Accepted)
        ]
        if kept:
            settlement.read_more(kept)

    def _keep(
        self,
        settlement: Settlement,
        sender: Sender,
        entry: _Fresh,
        settled: Settled,
        result: Result,
    ) -> None:
        """Keep what could not be applied, whole, and tell the phone by pull as well."""
        outcome, item = settled.outcome, entry.item
        if isinstance(outcome, Accepted):
            return
        op_id, envelope = entry.kept_apart or op_id_of(item), self.envelope
        standing = standing_of(outcome)
        settlement.tell(
            item_record(
                item_record_id(
                    op_id,
                    item.digest,
                    is_first=entry.is_first
                    and not (isinstance(item, Spoiled) and item.is_perhaps_its_record)
                    and not settlement.is_held(op_id)
                    and op_id not in self._entities,
                ),
                item.kind,
                item.entity_id,
                standing,
                (sender.person_id,),
            )
        )
        key = f"{op_id} {item.digest.hex()}"
        settlement.add_rows(
            KEPT,
            key,
            kept_row(
                item,
                standing,
                op_id=op_id,
                raw=envelope.items[entry.index],
                contract=envelope.contract,
                clock=(envelope.sent_at, envelope.uptime_ms, envelope.boot_id),
                received_at=self.received_at,
                place=entry.index,
                sender=(sender.person_id, sender.device_id),
                result=_stored(result),
            ),
        )
        if isinstance(outcome, Missing):
            for awaited, seen in zip(outcome.ids, settled.seen, strict=True):
                row = (awaited, op_id, item.digest, seen)
                settlement.add_rows(AWAITED, f"{awaited} {key}", row)

    def _note_device(self, statements: Statements, *, is_wiped: bool) -> None:
        envelope = self.envelope
        unsent = max(envelope.outbox.count - len(self.items), 0)
        oldest = envelope.outbox.oldest_at if unsent else None
        statements.add(
            _SEEN,
            [
                self.received_at,
                envelope.app_version,
                envelope.contract,
                min(unsent, 2**31 - 1),
                envelope.outbox.bytes if unsent else 0,
                self.received_at - envelope.sent_at,
                None if oldest is None else min(oldest, 253_402_000_000_000),
                is_wiped,
                self.received_at if is_wiped else None,
                self.claim.company_id,
                self.claim.device_id,
            ],
        )


def status_of(outcome: Accepted) -> str:
    """The status of an item that was accepted."""
    if outcome.conflict_id is not None:
        return "conflict"
    return "merged" if outcome.merged else "applied"


def _stored(result: Result) -> str:
    """A result as receipts keep it: whole, with its op_id."""
    return encode_answer(result).decode()


def _duplicate(item: Arrived | Spoiled, stored: str) -> Result:
    first = msgspec.json.decode(stored)
    return Result(
        op_id=item.op_id,
        status="duplicate",
        receipt=first["receipt"],
        version=first.get("version"),
        first=first,
    )


def _try_again(database: Database, claim: Claim, arrivals: Arrivals) -> Pushed:
    """Nothing is held: every item is to be sent again. Raises Refused where not even that is known."""
    try:
        with database.company(claim.company_id) as uow:
            epoch = greet(uow, claim, "push").epoch
    except (DBAPIError, psycopg.Error, PoolTimeout) as error:
        message = "The database cannot be reached just now."
        raise Refused("busy", message, retry_after_s=5) from error
    wait, received_at = random.randint(*RETRY_MS), arrivals.received_at
    results = [
        Result(op_id=item.op_id, status="retry", receipt=received_at, retry_after_ms=wait)
        for item in arrivals.items
    ]
    return _pushed(arrivals, epoch, results, None)


def _pushed(
    arrivals: Arrivals, epoch: Epoch, results: Sequence[Result], then: str | None
) -> Pushed:
    """The answer, with a result for each item in the order in which they were sent."""
    answer = encode_answer(
        {
            "contract": arrivals.envelope.contract,
            "epoch": epoch.name,
            "received_at": arrivals.received_at,
            "watermark": epoch.watermark,
            "then": then,
            "results": results,
        }
    )
    pairs = zip(arrivals.items, results, strict=True)
    return Pushed(answer, Counter((item.kind, result.status) for item, result in pairs))
