"""An offline phone: whatever is captured is on the disk when the call returns, and goes up by itself.

This is what an app calls. Nothing here waits for a network but `enrol`, `sync`, `repair` and
`is_equal`. What the screen shows is the server's record (`store`, `held`) with the phone's own
unsent edits laid over it; what has become of the work is in `outbox`.

    phone = Phone.open("phone.sqlite", HttpTransport("https://roadbook.example"))
    phone.enrol("ABCD-EFGH", model="Pixel", os="Android 16", app_version="1.4.0")
    phone.sync()
    visit_id = phone.check_in(store_id, fix)
    phone.check_out(visit_id, fix, steps=[Step(step="GREET")])
    phone.sync()

Being a device, visits, attendance, stores, plans and syncing are here. Every other kind of work has a
module of its own beside this one: functions that take the phone first and build on what stands under
"Looking" and "Capturing". Contract 1 has none of those kinds.

Longer than most modules: it is the whole face of a phone.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any

from mobile_contract.phone import contract_one, contract_two
from mobile_contract.phone.backoff import Backoff
from mobile_contract.phone.bodies import Bodies
from mobile_contract.phone.captured import Call, ClosedBy, Event, Fix, SkipReason, Step
from mobile_contract.phone.clock import Moment, PhoneClock, SystemClock
from mobile_contract.phone.contract_one import NotInContract
from mobile_contract.phone.contract_two import present
from mobile_contract.phone.device_state import DeviceState, Enrolment
from mobile_contract.phone.link import Link
from mobile_contract.phone.outbox import Outbox
from mobile_contract.phone.phone_file import PhoneFile
from mobile_contract.phone.photos import Pictures
from mobile_contract.phone.scope_store import Buckets, HeldRecord, ScopeStore
from mobile_contract.phone.sync_loop import SendingHabits, SyncLoop, SyncReport
from mobile_contract.phone.tracks import OpenTrack, stop_collecting
from mobile_contract.phone.transport import LinkFailure, Transport
from mobile_contract.records import RECORDS_BY_KIND
from mobile_contract.version import CURRENT

_CONTRACTS: Mapping[int, ModuleType] = {1: contract_one, 2: contract_two}
_FIRST_VERSION = 1
# The ops that make a record on the phone.
_MAKES = frozenset({"create", "skip", "submit", "return", "request"})


class Phone:
    """One phone with its file, its clocks and its link."""

    def __init__(
        self,
        file: PhoneFile,
        transport: Transport,
        *,
        clock: PhoneClock,
        random: Random,
        make_id: Callable[[], str],
        habits: SendingHabits,
        encoding: str = "gzip",
    ) -> None:
        self._file = file
        self._clock = clock
        self._make_id = make_id
        self.link = Link(transport, encoding=encoding)
        self.outbox = Outbox(file)
        self.scope = ScopeStore(file)
        self.bodies = Bodies(file)
        self.track = OpenTrack(file)
        self.pictures = Pictures(file)
        self.upload_backoff = Backoff(
            random, first_ms=habits.first_backoff_ms, longest_ms=habits.longest_backoff_ms
        )
        self.device = DeviceState(file, self.outbox, self.scope)
        self._loop = SyncLoop(
            file=file,
            outbox=self.outbox,
            scope=self.scope,
            device=self.device,
            link=self.link,
            clock=clock,
            random=random,
            habits=habits,
            make_id=make_id,
        )

    @classmethod
    def open(
        cls,
        path: Path | str,
        transport: Transport,
        *,
        clock: PhoneClock | None = None,
        random: Random | None = None,
        make_id: Callable[[], str] | None = None,
        habits: SendingHabits | None = None,
        encoding: str = "gzip",
        is_durable: bool = True,
    ) -> Phone:
        """Open or create the phone whose file this is; `is_durable=False` only for simulations."""
        return cls(
            PhoneFile(path, is_durable=is_durable),
            transport,
            clock=clock or SystemClock(),
            random=random or Random(),
            make_id=make_id or (lambda: str(uuid.uuid4())),
            habits=habits or SendingHabits(),
            encoding=encoding,
        )

    def close(self) -> None:
        self.link.close()
        self._file.close()

    # Being a device

    def enrol(
        self, code: str, *, model: str, os: str, app_version: str, contract: int = CURRENT
    ) -> Enrolment:
        """Exchange a one-time code for a device of one's own. Raises Problem or LinkFailure."""
        answer = self.link.ask(
            "/v1/devices/enrol",
            {
                "contract": contract,
                "code": code,
                "device": {"model": model, "os": os, "app_version": app_version},
            },
            token=None,
            expected=("device_id", "token", "company", "person", "epoch", "limits"),
        )
        self.device.keep_enrolment(answer, contract=contract)
        self.link.close()
        return self.device.enrolment

    def renew_token(self) -> None:
        """Get a new token; the old one works until the new one is first used, so a lost answer is harmless."""
        answer = self.link.ask(
            "/v1/devices/token", {}, token=self.device.token, expected=("token",)
        )
        self.device.token = answer["token"]

    def wipe_with_unsent(self) -> None:
        """A person has seen what no server takes (`device.is_wipe_due`) and gives it up."""
        if self.device.is_wipe_due:
            self.device.wipe(with_unsent=True)

    def speak_contract(self, contract: int) -> None:
        """The app was updated: from now on it writes and reads `contract`."""
        if contract not in _CONTRACTS:
            raise ValueError(f"this phone does not speak contract {contract}")
        self.device.change_contract(contract)

    # Visits

    def event(self, fix: Fix | None) -> Event:
        """Something happens now, here."""
        return Event(self.read_clock(), fix)

    def check_in(
        self,
        store_id: str,
        fix: Fix | None,
        *,
        position_id: str | None = None,
        day_plan_id: str | None = None,
        is_by_phone: bool = False,
    ) -> str:
        """Begin a visit; returns its id. Without a day plan it is unplanned."""
        return self.record_visit(
            Call(
                store_id=store_id,
                check_in=self.event(fix),
                position_id=position_id,
                day_plan_id=day_plan_id,
                is_by_phone=is_by_phone,
            )
        )

    def check_out(
        self,
        visit_id: str,
        fix: Fix | None,
        *,
        steps: Sequence[Step] = (),
        closed_by: ClosedBy = "PERSON",
        note: str | None = None,
    ) -> None:
        """End a visit that was begun on this phone."""
        event = self.event(fix)
        payload = self._words.visit_finished(
            event, closed_by=closed_by, steps=steps, note=note, boot_id=event.moment.boot_id
        )
        self.capture("visit", visit_id, "finish", payload, fix=fix)

    def record_visit(self, call: Call, *, visit_id: str | None = None) -> str:
        """Keep a visit in one item, whole or open; for an app that waits for the check-out. Returns its id, the
        one given where something has named the visit already.
        """
        visit_id = visit_id or self.new_id()
        payload = self._words.visit_created(call, boot_id=self.read_clock().boot_id)
        last = call.check_out or call.check_in
        self.capture(
            "visit",
            visit_id,
            "create",
            payload,
            fix=last.fix,
            depends_on=self.unsent_parents(call.store_id),
        )
        return visit_id

    def skip(
        self,
        store_id: str,
        day_plan_id: str,
        reason: SkipReason,
        fix: Fix | None = None,
        *,
        note: str | None = None,
    ) -> str:
        """Say why a planned visit is not made; returns the id of the skipped visit."""
        visit_id = self.new_id()
        event = self.event(fix)
        payload = self._words.visit_skipped(
            store_id=store_id,
            day_plan_id=day_plan_id,
            reason=reason,
            note=note,
            skipped=event,
            boot_id=event.moment.boot_id,
        )
        self.capture("visit", visit_id, "skip", payload, fix=fix)
        return visit_id

    def correct_visit(self, visit_id: str, reason: str, **changes: Any) -> None:
        """Say what a visit truly was; the earlier version stays on the server."""
        payload = {"reason": reason, "changes": self._words.visit_changes(changes)}
        self.capture(
            "visit", visit_id, "correct", payload, base_version=self.seen_version("visit", visit_id)
        )

    # Attendance

    def clock_on(self, fix: Fix | None, *, position_id: str | None = None) -> str:
        return self._attend("CLOCK_ON", fix, position_id)

    def start_break(self, fix: Fix | None, *, position_id: str | None = None) -> str:
        return self._attend("BREAK_START", fix, position_id)

    def end_break(self, fix: Fix | None, *, position_id: str | None = None) -> str:
        return self._attend("BREAK_END", fix, position_id)

    def clock_off(self, fix: Fix | None, *, position_id: str | None = None) -> str:
        return self._attend("CLOCK_OFF", fix, position_id)

    def correct_attendance(self, attendance_id: str, reason: str, event: str) -> None:
        """The wrong button was pressed: `event` is CLOCK_ON, BREAK_START, BREAK_END or CLOCK_OFF."""
        payload = {"reason": reason, "changes": {"event": self._words.attendance_event(event)}}
        version = self.seen_version("attendance", attendance_id)
        self.capture("attendance", attendance_id, "correct", payload, base_version=version)

    def _attend(self, what: str, fix: Fix | None, position_id: str | None) -> str:
        attendance_id = self.new_id()
        event = self.event(fix)
        payload = self._words.attendance_created(
            what, event, position_id=position_id, boot_id=event.moment.boot_id
        )
        self.capture("attendance", attendance_id, "create", payload, fix=fix)
        return attendance_id

    # Masters

    def edit_store(
        self, store_id: str, changes: Mapping[str, Any], *, reason: str | None = None
    ) -> None:
        """Describe a store anew, against the version on this phone; None in `changes` empties a field."""
        payload = present(changes=self._words.store_fields(changes), reason=reason)
        version = self.seen_version("store", store_id)
        self.capture(
            "store",
            store_id,
            "edit",
            payload,
            base_version=version,
            depends_on=self.unsent_parents(store_id),
        )

    def propose_store(self, **fields: Any) -> str:
        """Propose a new store; returns its id, which may be visited at once."""
        store_id = self.new_id()
        self.capture("store", store_id, "create", self._words.store_fields(fields))
        return store_id

    def propose_route(self, route_id: str, reason: str, stops: Sequence[Mapping[str, Any]]) -> None:
        """Propose how a route should be: all its stops with their rules, in order."""
        wanted = [
            self._words.route_stop({"store_id": stop["store_id"], "rule": stop["rule"]})
            for stop in stops
        ]
        version = self.seen_version("route", route_id)
        payload = {"reason": reason, "stops": wanted}
        self.capture("route", route_id, "propose", payload, base_version=version)

    def propose_day_plan(self, day_plan_id: str, reason: str, store_ids: Sequence[str]) -> None:
        """Propose the stores of a day, in order."""
        payload = {"reason": reason, "stops": [{"store_id": store_id} for store_id in store_ids]}
        version = self.seen_version("day_plan", day_plan_id)
        self.capture("day_plan", day_plan_id, "propose", payload, base_version=version)

    # Looking

    def held(self, kind: str) -> list[HeldRecord]:
        """The records of a kind as the server last gave them."""
        return self.scope.all_of(kind)

    def store(self, store_id: str) -> dict[str, Any] | None:
        """What the screen shows of a store: the server's fields with this phone's own edits over them.

        An edit shows until the server's answer to it has come down: unsent, or applied in a version
        that was not pulled yet. Also a store that this phone proposed and the server has not given
        back. Fields are as the phone's contract has them.
        """
        record = self.scope.get("store", store_id)
        held_version = 0 if record is None else record.version
        shown: dict[str, Any] | None = None if record is None else dict(record.fields)
        for item in self.outbox.of_entity(store_id):
            is_newer = item.status in {"applied", "merged"} and (item.version or 0) > held_version
            if item.kind != "store" or not (item.is_unsent or is_newer):
                continue
            payload = item.parsed()["payload"]
            shown = {**(shown or {"status": "PROPOSED"}), **payload.get("changes", payload)}
        return shown

    # Syncing

    def sync(self, *, most_tries: int = 1) -> SyncReport:
        """Push and pull, each if due; with `most_tries` above 1, until quiet, waiting in between."""
        if self.device.is_draining:
            # What is on the phone goes up before the phone is wiped.
            stop_collecting(self)
        return self._loop.run_until_quiet(most_tries=most_tries)

    def sync_wait_ms(self) -> int:
        """When to call `sync` again after one that was not quiet."""
        return self._loop.wait_ms()

    def digest(self) -> Buckets:
        """The digest of the scope on this phone."""
        return self.scope.digest()

    def is_equal(self) -> bool:
        """Whether the scope on this phone is the server's. Raises Problem or LinkFailure."""
        return self._loop.is_equal()

    def repair(self) -> int:
        """Compare the scope with the server's and mend it; returns how many changes that took."""
        return self._loop.repair()

    def fetch_body(self, sha256: str) -> bytes:
        """A body that a record of this phone names, from the server. Raises Problem or LinkFailure.

        Also where what came is not what the digest names: it was damaged on the way.
        """
        body = self.link.fetch(f"/v1/bodies/{sha256}", token=self.device.token)
        if hashlib.sha256(body).hexdigest() != sha256:
            raise LinkFailure("the body is not the one that was asked for")
        return body

    # Capturing

    @property
    def _words(self) -> ModuleType:
        return _CONTRACTS[self.device.contract]

    def read_clock(self) -> Moment:
        """Both clocks of this phone now."""
        return self._clock.read()

    def wait_ms(self, duration_ms: int) -> None:
        """Return after about so much uptime."""
        self._clock.wait_ms(duration_ms)

    def new_id(self) -> str:
        """An id for a record that is to be made on this phone."""
        return self._make_id()

    def capture(
        self,
        kind: str,
        entity_id: str,
        op: str,
        payload: Mapping[str, Any],
        *,
        fix: Fix | None = None,
        base_version: int | None = None,
        depends_on: Sequence[str] = (),
        media: Sequence[Mapping[str, Any]] = (),
    ) -> str:
        """Keep an item; it is on the disk when this returns. Returns its op_id.

        Raises NotInContract where this phone's contract has no such op: no server could apply it.
        """
        if op not in RECORDS_BY_KIND[kind].ops.get(self.device.contract, {}):
            raise NotInContract(f"{kind} {op}")
        now = self.read_clock()
        item = present(
            op_id=self.new_id(),
            kind=kind,
            entity_id=entity_id,
            op=op,
            base_version=base_version,
            depends_on=list(depends_on) or None,
            captured_at=now.wall_ms,
            captured_boot_id=now.boot_id,
            captured_uptime_ms=now.uptime_ms,
            gps_time=None if fix is None else fix.gps_time,
            payload=payload,
            media=list(media) or None,
        )
        return self.outbox.add(item, contract=self.device.contract)

    def seen_version(self, kind: str, entity_id: str) -> int:
        """The version that the person saw: what came down, or what a receipt named, or the first."""
        known = [
            item.version for item in self.outbox.of_entity(entity_id) if item.version is not None
        ]
        held = self.scope.version_of(kind, entity_id)
        return max([*known, held or _FIRST_VERSION])

    def unsent_parents(self, *record_ids: str | None) -> list[str]:
        """Which of these records to name as parents: those that the server may not know yet, because this
        phone made them and has no receipt.
        """
        return [
            id_
            for id_ in record_ids
            if id_ is not None
            and any(item.op in _MAKES and item.is_unsent for item in self.outbox.of_entity(id_))
        ]
