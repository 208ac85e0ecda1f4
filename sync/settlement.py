"""Settling a set of items inside one transaction: read what they need (sight.py), judge each, write
in sets: one statement a table, whatever their number.
"""

import logging
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sync.batch_order import parents_first
from sync.document import document_hash, encode_document
from sync.history import History
from sync.record_kind import (
    Accepted,
    Arrived,
    Context,
    Known,
    Missing,
    Outcome,
    Record,
    RecordKind,
    Rejected,
)
from sync.record_store import OLD_VERSIONS, RecordWrite, write_changed, write_new
from sync.remarks import REMARKS, remark_row
from sync.rows import RowSet, Statements
from sync.senders import Sender
from sync.sight import Sight
from sync.unit_of_work import UnitOfWork
from sync.work import add_work

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Settled:
    """What came of one item, and the version that its record has now."""

    outcome: Outcome
    version: int | None = None
    # Of one that waits: the version of each record it waits for, by which it was judged.
    seen: tuple[int | None, ...] = ()


@dataclass(slots=True)
class _Writes:
    new: dict[str, RecordWrite] = field(default_factory=dict)
    changed: dict[str, RecordWrite] = field(default_factory=dict)
    passed: list[tuple[Any, ...]] = field(default_factory=list)
    rows: dict[RowSet, dict[str, tuple[Any, ...]]] = field(default_factory=dict)
    work: dict[str, set[str]] = field(default_factory=dict)


class Settlement:
    """The items of one sender in one transaction."""

    def __init__(
        self,
        uow: UnitOfWork,
        kinds: Mapping[str, RecordKind],
        sender: Sender,
        now: int,
        *,
        is_reviewed: bool = False,
    ) -> None:
        self.uow = uow
        self.kinds = kinds
        self.sender = sender
        self.now = now
        self.is_reviewed = is_reviewed
        self._sight = Sight(uow, kinds, sender)
        self._writes = _Writes()
        self._context: Context | None = None
        # The items in the order in which they were settled: parents before children.
        self.order: list[int] = []

    def judge(self, items: Sequence[Arrived]) -> list[Settled]:
        """Judge the items, parents before children whatever their order, and collect the writes.

        An item waits for a record that another item of this batch is about to make; when that one
        is not accepted either, it is deferred. What comes after it about the same record waits with
        it, so that items about one record keep their order. No item's failure touches another.
        """
        named = [(*item.depends_on, *self.kinds[item.kind].mentions(item)) for item in items]
        context = self._context = self._sight.of(items, named, is_reviewed=self.is_reviewed)
        settled: list[Settled | None] = [None] * len(items)
        pending = parents_first(items, self.kinds, named, context.known)
        while pending:
            awaited = Counter(items[index].entity_id for index in pending)
            postponed = []
            held_back: set[str] = set()
            for index in pending:
                item = items[index]
                makes = self.kinds[item.kind].makes
                if item.entity_id in held_back and item.op not in makes:
                    postponed.append(index)
                    continue
                outcome = self._judge_one(item, context)
                if (
                    isinstance(outcome, Missing)
                    and len(pending) > 1
                    and any(awaited[id_] > (id_ == item.entity_id) for id_ in outcome.ids)
                ):
                    postponed.append(index)
                    held_back.add(item.entity_id)
                else:
                    settled[index] = self._take(item, outcome, context)
                    self.order.append(index)
            if len(postponed) == len(pending):
                for index in postponed:
                    outcome = self._judge_one(items[index], context)
                    settled[index] = self._take(items[index], outcome, context)
                    self.order.append(index)
                postponed = []
            pending = postponed
        return [entry for entry in settled if entry is not None]

    def tell(self, record: Record) -> None:
        """Write a record of the engine's own: the state of an item. It changes now, whenever the
        item was received.
        """
        assert self._context is not None
        self._put(record, self._context, None)
        written = self._writes.new.get(record.id) or self._writes.changed[record.id]
        written.changed_at = time.time_ns() // 1_000_000

    def add_rows(self, rows: RowSet, key: str, row: tuple[Any, ...]) -> None:
        """Write a row of the engine's own; of several with one key the last is written."""
        self._writes.rows.setdefault(rows, {})[key] = row

    def read_more(self, ids: Iterable[str]) -> None:
        """Read records that only the engine needs (the states of items settled before)."""
        assert self._context is not None
        known = self._context.known
        # What this batch has changed already is not to be read anew.
        known.update(self._sight.records([id_ for id_ in ids if id_ not in known]))

    def is_held(self, record_id: str) -> bool:
        """Whether there is a record with this id, as far as was read."""
        assert self._context is not None
        return record_id in self._context.known

    def fields_of(self, record_id: str) -> dict[str, Any]:
        """What a record says that was read or written, as this batch leaves it."""
        assert self._context is not None
        return self._context.known[record_id].fields

    def is_free(self, record_id: str, kind: RecordKind) -> bool:
        """Whether a record of this kind may have this id, as far as was read."""
        assert self._context is not None
        known = self._context.known.get(record_id)
        return known is None or known.kind == kind.number

    def write(self, statements: Statements) -> None:
        """Add everything that was collected, one statement a table."""
        company_id = self.uow.company_id
        write_new(statements, company_id, list(self._writes.new.values()))
        write_changed(statements, company_id, list(self._writes.changed.values()))
        statements.add_rows(OLD_VERSIONS, company_id, self._writes.passed)
        for rows, by_key in self._writes.rows.items():
            statements.add_rows(rows, company_id, [by_key[key] for key in sorted(by_key)])
        if self._writes.work:
            add_work(statements, company_id, self._writes.work)

    def made(self) -> list[str]:
        """The ids of the records that this settlement creates."""
        return list(self._writes.new)

    # ---- judging -------------------------------------------------------------------------

    def _judge_one(self, item: Arrived, context: Context) -> Outcome:
        if item.depends_on:
            # Nothing waits for itself, whatever it says.
            own = (item.entity_id, item.op_id)
            missing = tuple(
                id_ for id_ in item.depends_on if id_ not in context.known and id_ not in own
            )
            if missing:
                return Missing(missing)
        try:
            return self.kinds[item.kind].ops[item.op](item, context)
        except Exception:
            # A rule that breaks on one item must not hold back the phone's other items.
            log.exception("judging %s %s of item %s broke", item.kind, item.op, item.op_id)
            return Rejected("judgement_failed", None, "The server could not judge this item.")

    def _take(self, item: Arrived, outcome: Outcome, context: Context) -> Settled:
        if not isinstance(outcome, Accepted):
            return Settled(outcome, seen=_versions(outcome, context))
        version = None
        if outcome.record is not None:
            version = self._put(outcome.record, context, item.digest)
        elif item.entity_id in context.known:
            version = context.known[item.entity_id].version
        for other in outcome.others:
            self._put(other, context, None)
        for rows, key, row in outcome.rows:
            self.add_rows(rows, key, row)
        for topic, id_ in outcome.work:
            self._writes.work.setdefault(topic, set()).add(id_)
        remark = remark_row(item, outcome, version, self.sender.person_id)
        if remark is not None:
            self.add_rows(REMARKS, f"{item.op_id} {item.digest.hex()}", remark)
        return Settled(outcome, version)

    def _put(self, record: Record, context: Context, born_digest: bytes | None) -> int:
        """Give a record its new version, in this batch's view and in what will be written."""
        writes, before = self._writes, context.known.get(record.id)
        doc = encode_document(record.fields)
        version = 1 if before is None else before.version + 1
        if before is not None and (record.id in writes.new or record.id in writes.changed):
            passed = writes.new.get(record.id) or writes.changed[record.id]
            assert passed.doc is not None
            writes.passed.append(
                (
                    passed.id,
                    passed.version,
                    passed.doc.decode(),
                    passed.changed_by,
                    passed.changed_at,
                )
            )
        if before is not None:
            context.histories.setdefault(record.id, History()).add(before)
        is_new = before is None or record.id in writes.new
        write = RecordWrite(
            id=record.id,
            kind=record.kind.number,
            version=version,
            doc=doc,
            hash=document_hash(record.kind.name, record.id, version, doc),
            changed_by=self.sender.person_id,
            changed_at=self.now,
            born_digest=born_digest,
            keys=record.keys,
        )
        if is_new and record.id in writes.new:
            first = writes.new[record.id]
            write.keys = first.keys if record.keys is None else record.keys
            write.born_digest = first.born_digest
        (writes.new if is_new else writes.changed)[record.id] = write
        context.known[record.id] = Known(
            id=record.id,
            kind=record.kind.number,
            version=version,
            doc=doc,
            person_id=self.sender.person_id if before is None else before.person_id,
            changed_by=self.sender.person_id,
            born_digest=born_digest if before is None else before.born_digest,
            is_visible=before is None or before.is_visible,
            last_visible_at=None if before is None else before.last_visible_at,
            is_new=is_new,
        )
        return version


def _versions(outcome: Missing | Rejected, context: Context) -> tuple[int | None, ...]:
    if isinstance(outcome, Rejected):
        return ()
    known = context.known
    return tuple([known[id_].version if id_ in known else None for id_ in outcome.ids])
