"""Push and pull, each at its own pace: neither waits for the other, and no item waits for another.

PROTOCOL.md, headings "Push", "Pull" and "Retrying". One call of `run_once` tries both legs, each only when
its back-off says that it is due. A leg that fails changes nothing but its own back-off:

- no answer: the items stay `unanswered` and go out again, the same bytes; the server tells the
  resend apart and gives the results it gave first;
- a request refused for its size, depth or form: half of it is tried, down to one item; an item
  that is refused even alone is set aside, kept and shown;
- the server draining this device: pulling stops, pushing goes on until it says `wipe`, and then
  until nothing is left that may be sent;
- the token refused: nothing is sent, and nothing deleted, until somebody enrols;
- another epoch, or a cursor that the server no longer takes: repair by digest, never a wipe.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from mobile_contract.phone import digest_repair
from mobile_contract.phone.backoff import FIRST_MS, LONGEST_MS, Backoff
from mobile_contract.phone.clock import PhoneClock
from mobile_contract.phone.device_state import DeviceState
from mobile_contract.phone.link import Link, Problem
from mobile_contract.phone.outbox import Outbox, OutboxItem
from mobile_contract.phone.phone_file import PhoneFile
from mobile_contract.phone.scope_store import ScopeStore
from mobile_contract.phone.settling import settle_from_changes, settle_from_results
from mobile_contract.phone.transport import LinkFailure

JsonObject = Mapping[str, Any]

MOST_ITEMS_A_PUSH = 500
MOST_BYTES_A_PUSH = 1024 * 1024
CHANGES_A_PAGE = 500

# Refused for what the request is: sending it again unchanged is of no use. A proxy has bounds of
# its own and says only 413.
_TOO_MUCH = frozenset({"body_too_large", "too_many_items", "too_deep"})
_HTTP_TOO_LARGE = 413
# Refused for what arrived: a damaged sending looks the same as a bad item, so an item is given
# three tries alone, and the envelope is proved good without it, before it is set aside. So is one
# for which only a proxy says 413.
_NOT_UNDERSTOOD = frozenset({"malformed_json", "invalid_request"})
_TRIES_ALONE = 3
_SHORTEST_RETRY_MS = 500
_REPAIRS_A_SYNC = 3
_SLOW_TRIES = 3
_SCOPE_TOO_LARGE_WAIT_S = 3600
_CURSOR_OF_NO_USE = frozenset({"epoch_changed", "cursor_too_old", "cursor_invalid"})


@dataclass(slots=True)
class LegReport:
    """How one leg of a sync went: not due, done, or failed with the reason."""

    was_due: bool = False
    failure: LinkFailure | Problem | None = None
    statuses: Counter[str] = field(default_factory=Counter)
    changes: int = 0
    repairs: int = 0

    @property
    def is_done(self) -> bool:
        return self.was_due and self.failure is None


@dataclass(slots=True)
class SyncReport:
    """How one try of both legs went; quiet when there is nothing left to do now."""

    push: LegReport
    pull: LegReport
    still_to_send: int
    is_wiped: bool

    @property
    def is_quiet(self) -> bool:
        return self.is_wiped or (self.push.is_done and self.pull.is_done and not self.still_to_send)


@dataclass(slots=True)
class SendingHabits:
    """How this app parts its outbox into requests; a server's bounds come on top."""

    max_items: int = MOST_ITEMS_A_PUSH
    max_bytes: int = MOST_BYTES_A_PUSH
    app_version: str = "reference"
    first_backoff_ms: int = FIRST_MS
    longest_backoff_ms: int = LONGEST_MS
    is_newest_first: Callable[[], bool] = lambda: False


class SyncLoop:
    """The sync of one phone. Not to be run by two threads at once."""

    def __init__(
        self,
        *,
        file: PhoneFile,
        outbox: Outbox,
        scope: ScopeStore,
        device: DeviceState,
        link: Link,
        clock: PhoneClock,
        random: Random,
        habits: SendingHabits,
        make_id: Callable[[], str],
    ) -> None:
        self._file = file
        self._outbox = outbox
        self._scope = scope
        self._device = device
        self._link = link
        self._clock = clock
        self._habits = habits
        self._make_id = make_id
        first_ms, longest_ms = habits.first_backoff_ms, habits.longest_backoff_ms
        self._push_backoff = Backoff(random, first_ms=first_ms, longest_ms=longest_ms)
        self._pull_backoff = Backoff(random, first_ms=first_ms, longest_ms=longest_ms)
        self._most_items = habits.max_items
        self._batch_items = habits.max_items
        self._asked_to_retry: dict[str, int] = {}
        self._slow_in_a_row = 0

    def run_once(self) -> SyncReport:
        """Try each leg that is due. Failures of the link and refusals are in the report, not raised.

        A phone that was signed out, or that is to be wiped as soon as a person has seen what was
        set aside on it, sends nothing. Raises NotEnrolled when the phone has no token.
        """
        if self._device.is_signed_out or self._device.is_wipe_due:
            return self._report(LegReport(), LegReport())
        push = self._try_leg(self._push_backoff, self._push_all)
        if self._device.is_wiped or self._device.is_wipe_due:
            return self._report(push, LegReport())
        pull = self._try_leg(self._pull_backoff, self._pull_all)
        if self._device.is_draining and pull.is_done and push.is_done:
            # Pull has only now learned that the device is drained: ask whether that was all.
            push = self._try_leg(self._push_backoff, self._push_all)
        return self._report(push, pull)

    def _report(self, push: LegReport, pull: LegReport) -> SyncReport:
        self._link.close()
        return SyncReport(
            push, pull, still_to_send=self._outbox.to_send(), is_wiped=self._device.is_wiped
        )

    def run_until_quiet(self, *, most_tries: int) -> SyncReport:
        """Try until nothing is left to do or `most_tries` tries are used up; waits by the clock."""
        report = self.run_once()
        for _ in range(most_tries - 1):
            if report.is_quiet or self._device.is_signed_out or self._device.is_wipe_due:
                break
            self._clock.wait_ms(self.wait_ms())
            report = self.run_once()
        return report

    def wait_ms(self) -> int:
        """How long until the next thing that failed is due; 0 when nothing has failed. For an app's alarm."""
        now = self._clock.read()
        waits = [self._push_backoff.wait_ms(now), self._pull_backoff.wait_ms(now)]
        waits += [due - now.uptime_ms for due in self._asked_to_retry.values()]
        return min((wait for wait in waits if wait > 0), default=0)

    def _try_leg(self, backoff: Backoff, leg: Callable[[LegReport], None]) -> LegReport:
        report = LegReport()
        if backoff.wait_ms(self._clock.read()):
            return report
        report.was_due = True
        try:
            leg(report)
        except (LinkFailure, Problem) as failure:
            report.failure = failure
            backoff.note_failure(self._clock.read(), retry_after_s=self._wait_asked_for_s(failure))
        else:
            backoff.note_success()
        return report

    def _wait_asked_for_s(self, failure: LinkFailure | Problem) -> float | None:
        """The least wait after a failure; a refused token signs the phone out."""
        if isinstance(failure, LinkFailure):
            return None
        if failure.code == "token_invalid":
            self._device.note_signed_out()
        if failure.code == "scope_too_large":
            return max(_SCOPE_TOO_LARGE_WAIT_S, failure.retry_after_s or 0)
        return failure.retry_after_s

    # Push

    def _push_all(self, report: LegReport) -> None:
        """Send batch after batch until the outbox holds nothing that may be sent now."""
        self._most_items = min(
            self._habits.max_items,
            self._device.enrolment.limits.get("items_per_push", MOST_ITEMS_A_PUSH),
        )
        self._batch_items = min(self._batch_items, self._most_items)
        now = self._clock.read()
        self._asked_to_retry = {
            op_id: due for op_id, due in self._asked_to_retry.items() if due > now.uptime_ms
        }
        while batch := self._outbox.next_batch(
            max_items=self._batch_items,
            max_bytes=self._habits.max_bytes,
            leave_out=self._asked_to_retry,
            is_newest_first=self._habits.is_newest_first(),
        ):
            self._push(batch, report)
            if self._device.is_wiped or self._device.is_wipe_due:
                return
        if self._device.is_draining and not self._outbox.to_send():
            self._push([], report)

    def _push(self, batch: Sequence[OutboxItem], report: LegReport) -> None:
        try:
            answer = self._ask_push(batch)
        except Problem as problem:
            self._part_or_set_aside(batch, problem)
            return
        self._push_backoff.note_success()
        self._slow_in_a_row = 0
        results: list[JsonObject] = answer["results"]
        if not _are_for(results, batch):
            raise LinkFailure("the answer belongs to another batch")
        now = self._clock.read()
        for item, result in zip(batch, results, strict=True):
            report.statuses[result["status"]] += 1
            if result["status"] == "retry":
                due = now.uptime_ms + max(
                    _SHORTEST_RETRY_MS, int(result.get("retry_after_ms") or 0)
                )
                self._asked_to_retry[item.op_id] = due
        with self._file.transaction():
            # Receipts of a new epoch first: what this answer acknowledged need not be sent again.
            self._outbox.note_results(batch, results, epoch=answer["epoch"])
            settle_from_results(self._outbox, self._scope, results)
            self._device.adopt_epoch(answer["epoch"])
            self._forget(answer)
            if answer["then"] == "wipe":
                # What was captured meanwhile, shall be tried later, or waits again because of the
                # epoch of this very answer is sent first: the server will say `wipe` again.
                self._device.note_draining()
                self._device.wipe()
        self._batch_items = min(self._most_items, self._batch_items * 2)

    def _ask_push(self, batch: Sequence[OutboxItem]) -> dict[str, Any]:
        """Send the envelope around the items' own bytes."""
        now = self._clock.read()
        outbox = self._outbox.summary()
        envelope = {
            "contract": batch[0].contract if batch else self._device.contract,
            "device_id": self._device.enrolment.device_id,
            "batch_id": self._make_id(),
            "sent_at": now.wall_ms,
            "boot_id": now.boot_id,
            "uptime_ms": now.uptime_ms,
            "app_version": self._habits.app_version,
            "outbox": {"count": outbox.count, "oldest_at": outbox.oldest_at, "bytes": outbox.bytes},
        }
        head = json.dumps(envelope, ensure_ascii=False, separators=(",", ":"))[:-1].encode()
        body = head + b',"items":[' + b",".join(item.body for item in batch) + b"]}"
        self._outbox.mark_sent(batch)
        return self._link.ask(
            "/v1/push",
            body,
            token=self._device.token,
            expected=("epoch", "received_at", "watermark", "then", "results"),
        )

    def _part_or_set_aside(self, batch: Sequence[OutboxItem], problem: Problem) -> None:
        """Make the next request smaller, or take out the item that is refused alone; else raise."""
        if problem.code == "too_slow":
            self._slow_in_a_row += 1
            if self._slow_in_a_row >= _SLOW_TRIES:
                self._batch_items = max(1, len(batch) // 2)
        is_of_the_items = (
            problem.code in _TOO_MUCH | _NOT_UNDERSTOOD or problem.status == _HTTP_TOO_LARGE
        )
        if not is_of_the_items or not batch:
            raise problem
        if len(batch) > 1:
            self._batch_items = len(batch) // 2
            return
        (item,) = batch
        tries = self._outbox.note_refusal(item)
        if problem.code not in _TOO_MUCH:
            if tries < _TRIES_ALONE:
                raise problem
            self._ask_push([])
        self._outbox.set_aside(item, code=problem.code, detail=problem.detail)

    def _forget(self, answer: Mapping[str, Any]) -> None:
        """Let go what the server's backups cover."""
        self._device.note_watermark(answer["watermark"])
        self._outbox.forget(watermark=answer["watermark"], server_now=answer["received_at"])

    # Pull

    def _pull_all(self, report: LegReport) -> None:
        """Pull page after page until the server says that it is all, repairing first where needed."""
        is_complete = self._device.is_draining
        while not is_complete:
            try:
                if self._device.is_repair_due:
                    self._repair(report)
                is_complete = self._pull_page(report)
            except Problem as problem:
                if problem.code == "device_draining":
                    self._device.note_draining()
                    return
                if problem.code not in _CURSOR_OF_NO_USE:
                    raise
                with self._file.transaction():
                    if problem.epoch is not None:
                        self._device.adopt_epoch(problem.epoch)
                    self._device.ask_for_repair()

    def _pull_page(self, report: LegReport) -> bool:
        """Apply one page with its cursor; returns whether it was the last."""
        answer = self._ask(
            "/v1/pull",
            {
                "contract": self._device.contract,
                "cursor": self._scope.cursor,
                "limit": CHANGES_A_PAGE,
            },
            ("epoch", "received_at", "watermark", "changes", "cursor", "complete"),
        )
        self._pull_backoff.note_success()
        if self._device.adopt_epoch(answer["epoch"]):
            return False
        with self._file.transaction():
            fresh = self._scope.apply_page(answer["changes"], cursor=answer["cursor"])
            settle_from_changes(self._outbox, fresh)
            self._forget(answer)
            if answer["complete"]:
                self._device.note_pulled(self._clock.read().wall_ms)
        report.changes += len(fresh)
        return bool(answer["complete"])

    def _repair(self, report: LegReport) -> None:
        if report.repairs == _REPAIRS_A_SYNC:
            raise LinkFailure("the server asks for one repair after the other")
        report.repairs += 1
        mended = digest_repair.repair(
            self._ask, self._scope, self._device, contract=self._device.contract
        )
        settle_from_changes(self._outbox, mended)
        report.changes += len(mended)

    def repair(self) -> int:
        """Compare the scope with the server's now and mend it; returns how many changes that took.

        Raises Problem or LinkFailure; what was mended until then stays mended.
        """
        report = LegReport()
        self._repair(report)
        return report.changes

    def is_equal(self) -> bool:
        """Whether the scope on the phone is the server's, by digest. Raises Problem or LinkFailure."""
        return digest_repair.compare(
            self._ask, self._scope, contract=self._device.contract
        ).is_equal

    def _ask(self, path: str, body: dict[str, Any], expected: tuple[str, ...]) -> dict[str, Any]:
        return self._link.ask(path, body, token=self._device.token, expected=expected)


def _are_for(results: Sequence[JsonObject], batch: Sequence[OutboxItem]) -> bool:
    """Whether these are the results of this batch; an item that could not be read has no op_id."""
    return len(results) == len(batch) and all(
        result.get("op_id") in {None, item.op_id}
        for item, result in zip(batch, results, strict=True)
    )
