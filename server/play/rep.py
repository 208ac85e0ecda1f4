"""A rep with a phone: carries out the acts of a day on it, and keeps a list of their own of all of it.

The list is what the end of a play is checked against: it is made from what the phone captured,
before anything was sent, with the true times that only the simulation knows.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from random import Random
from typing import Any

from mobile_contract.phone.captured import Call, Fix, Step
from mobile_contract.phone.phone import Phone
from mobile_contract.phone.photos import photo_states
from mobile_contract.phone.sync_loop import SyncReport
from mobile_contract.phone.uploads import UploadReport, upload_photos
from server.play.amounts import amounts_of
from server.play.camera import Camera
from server.play.faults import PhoneFaults
from server.play.morning import Morning
from server.play.places import Reading
from server.play.played_clock import PlayedClock
from server.play.rough_link import RoughTransport
from server.play.workday import (
    Act,
    Attend,
    EditStore,
    NewStore,
    ProposeRoute,
    Skip,
    StepTaken,
    SyncOnTheWay,
    Visit,
)

_GPS_STEP_MS = 1000
_UNLOOKED_AT = frozenset({"EXPECTED", "UPLOADING", "STORED"})


@dataclass(slots=True)
class Tracked:
    """One item on the rep's own list: what it was, and what the phone last knew of it.

    `status` is what the item has come to, `result` what push answered.
    """

    op_id: str
    kind: str
    entity_id: str
    op: str
    captured_true_ms: int
    amounts: Counter[str] = field(default_factory=Counter)
    is_unsent: bool = True
    sendings: int = 0
    status: str | None = None
    result: Mapping[str, Any] = field(default_factory=dict)

    @property
    def first_result(self) -> Mapping[str, Any]:
        """What the server said when it got the item first; a duplicate carries it."""
        return self.result.get("first") or self.result


@dataclass(frozen=True, slots=True)
class OnCall:
    """The visit that a rep is at."""

    visit_id: str
    store_id: str


Do = Callable[["Rep", Any, Morning, OnCall | None], None]
"""Carries out an act at its time: the rep, the act, the morning's sheet, and the visit where it is in one."""


@dataclass(slots=True, kw_only=True)
class Rep:
    """One rep and phone of the play."""

    number: int
    name: str
    phone: Phone
    clock: PlayedClock
    link: RoughTransport
    faults: PhoneFaults
    random: Random
    tracked: dict[str, Tracked] = field(default_factory=dict)
    true_times: dict[str, int] = field(default_factory=dict)
    # Answers on forms that are due by now and not given yet.
    answers_due: int = 0
    # None where the team takes no photos, or the phone's app has none.
    camera: Camera | None = None
    uploads: UploadReport = field(default_factory=UploadReport)
    # How the acts of each kind of work are carried out.
    doing: Mapping[type, Do] = field(default_factory=dict)
    dates: list[date] = field(default_factory=list)
    track_moved_m: float = 0.0
    is_equal: bool | None = None
    _listed_to: int = 0
    # What the last item of a record amounts to.
    _amounts: dict[str, Counter[str]] = field(default_factory=dict)

    @property
    def contract(self) -> int:
        return self.faults.contract

    @property
    def is_waiting(self) -> bool:
        """Whether the server holds items that it applies by itself when others have come."""
        return any(each.status == "deferred" for each in self.tracked.values())

    def sync(self, *, most_tries: int) -> SyncReport:
        """Talk to the server now, whatever time it is in the rep's day."""
        with self.clock.live():
            report = self.phone.sync(most_tries=most_tries)
            if self.camera is not None:
                self.uploads.add(upload_photos(self.phone, most_tries=most_tries))
        self.note()
        return report

    def unlooked_at(self) -> int:
        """How many of the rep's photos the server has not looked at, as far as the phone knows."""
        if self.camera is None:
            return 0
        states = photo_states(self.phone)
        return sum(states.get(shot.photo_id) in _UNLOOKED_AT for shot in self.camera.shots)

    def note(self) -> None:
        """Bring the rep's own list up to what the phone knows of its items."""
        for item in self.phone.outbox.items():
            known = self.tracked[item.op_id]
            known.is_unsent = item.is_unsent
            known.sendings = item.sendings
            known.status = item.status
            known.result = item.result or {}

    def _list_new(self) -> None:
        for item in self.phone.outbox.captured_after(self._listed_to):
            self._listed_to = item.position
            self.tracked[item.op_id] = Tracked(
                op_id=item.op_id,
                kind=item.kind,
                entity_id=item.entity_id,
                op=item.op,
                captured_true_ms=self.clock.line.true_ms,
                amounts=amounts_of(
                    item.kind,
                    item.op,
                    item.parsed()["payload"],
                    self._amounts.get(item.entity_id),
                ),
            )
            if self.tracked[item.op_id].amounts:
                self._amounts[item.entity_id] = self.tracked[item.op_id].amounts

    def work(self, acts: Iterable[Act], morning: Morning) -> None:
        """Carry out a day on the phone."""
        self._seem_pulled(morning.sheet.starts_ms)
        for act in acts:
            self.clock.line.travel_to(act.at_ms)
            match act:
                case Attend():
                    self._attend(act, morning)
                case Visit():
                    self._visit(act, morning)
                case Skip():
                    self._skip(act, morning)
                case EditStore():
                    self.phone.edit_store(act.store_id, {act.field: act.value}, reason="seen today")
                case NewStore():
                    self._new_store(act, morning)
                case ProposeRoute():
                    self._propose_route(act, morning)
                case SyncOnTheWay():
                    self.sync(most_tries=2)
                    self._seem_pulled(act.at_ms)
                case _:
                    self._do(act, morning, None)
            self._list_new()

    def _seem_pulled(self, at_ms: int) -> None:
        """What was pulled now was pulled then, as far as the day that is played knows."""
        self.clock.line.travel_to(at_ms)
        self.phone.device.note_pulled(self.clock.read().wall_ms)

    def _do(self, act: Act, morning: Morning, call: OnCall | None) -> None:
        """Carry out an act of a kind of work; phones of contract 1 have none of those."""
        if self.contract > 1:
            self.clock.line.travel_to(act.at_ms)
            self.doing[type(act)](self, act, morning, call)
            self._list_new()

    def _attend(self, act: Attend, morning: Morning) -> None:
        press = getattr(self.phone, act.what)
        attendance_id = press(self.fix(act.reading), position_id=morning.position_id)
        self.true_times[attendance_id] = act.at_ms

    def _visit(self, act: Visit, morning: Morning) -> None:
        is_older_app = self.contract == 1
        call = Call(
            store_id=act.store_id,
            check_in=self.phone.event(self.fix(act.arrival)),
            position_id=morning.position_id,
            day_plan_id=morning.day_plan_id if act.is_planned else None,
            is_by_phone=act.is_by_phone and not is_older_app,
        )
        visit_id = self.phone.new_id()
        if act.is_one_item:
            # What is done in it goes into the outbox before the visit itself.
            self._do_within(act, morning, visit_id)
            self._visit_in_one_item(act, call, visit_id)
        else:
            self.phone.record_visit(call, visit_id=visit_id)
            steps = self._steps(act.steps)
            self._do_within(act, morning, visit_id)
            self.clock.line.travel_to(act.until_ms)
            has_left = act.has_left_fence and not is_older_app
            self.phone.check_out(
                visit_id,
                self.fix(act.leaving),
                steps=steps,
                closed_by="LEFT_FENCE" if has_left else "PERSON",
            )
        self.true_times[visit_id] = act.at_ms
        if act.is_corrected:
            self.clock.line.travel_to(act.until_ms + 10_000)
            self.phone.correct_visit(visit_id, "forgot the note", note="owner was away")

    def _do_within(self, act: Visit, morning: Morning, visit_id: str) -> None:
        for each in act.within:
            self._do(each, morning, OnCall(visit_id, act.store_id))

    def _visit_in_one_item(self, act: Visit, call: Call, visit_id: str) -> None:
        steps = self._steps(act.steps)
        self.clock.line.travel_to(act.until_ms)
        self.phone.record_visit(
            Call(
                store_id=call.store_id,
                check_in=call.check_in,
                check_out=self.phone.event(self.fix(act.leaving)),
                position_id=call.position_id,
                day_plan_id=call.day_plan_id,
                is_by_phone=call.is_by_phone,
                closed_by="PERSON",
                steps=tuple(steps),
            ),
            visit_id=visit_id,
        )

    def _skip(self, act: Skip, morning: Morning) -> None:
        if self.contract == 1 or morning.day_plan_id is None:
            return
        self.phone.skip(act.store_id, morning.day_plan_id, act.reason, self.fix(act.reading))

    def _new_store(self, act: NewStore, morning: Morning) -> None:
        fix = self.fix(act.reading)
        assert fix is not None
        pin = {
            "lat_e7": fix.lat_e7,
            "lon_e7": fix.lon_e7,
            "datum": fix.datum,
            "accuracy_cm": fix.accuracy_cm,
            "photo_sha256": self._storefront(act, fix),
        }
        store_id = self.phone.propose_store(
            name=act.name, channel=morning.channel, address="next to the market", pin=pin
        )
        visit_id = self.phone.check_in(store_id, fix, position_id=morning.position_id)
        self.true_times[visit_id] = act.at_ms
        self.clock.line.travel_to(act.until_ms)
        self.phone.check_out(visit_id, self.fix(act.reading), steps=[Step(step="GREET")])

    def _storefront(self, act: NewStore, fix: Fix) -> str:
        """The digest of a photo of the store; on a phone that takes none, of one that is nowhere."""
        digest = f"{self.random.getrandbits(256):064x}"
        if self.camera is None:
            return digest
        return self.camera.take(
            self.phone, role="storefront", fix=fix, place=act.reading.place
        ).sha256

    def _propose_route(self, act: ProposeRoute, morning: Morning) -> None:
        if morning.route is None or len(morning.route.fields["stops"]) < 2:
            return
        stops = sorted(morning.route.fields["stops"], key=lambda stop: stop["sequence"])
        first = int(act.swap * (len(stops) - 1))
        stops[first], stops[first + 1] = stops[first + 1], stops[first]
        self.phone.propose_route(morning.route.id, "shorter this way round", stops)

    def fix(self, reading: Reading | None) -> Fix | None:
        """The position as this phone has it; None without one."""
        if reading is None:
            return None
        true_ms = self.clock.line.true_ms
        return Fix.from_degrees(
            reading.place.latitude,
            reading.place.longitude,
            accuracy_m=reading.accuracy_m,
            gps_time=true_ms - true_ms % _GPS_STEP_MS,
            is_mock=self.faults.is_mocked,
        )

    def _steps(self, taken: Iterable[StepTaken]) -> list[Step]:
        """The steps with the wall times that this phone showed when they were taken."""
        steps = []
        for each in taken:
            self.clock.line.travel_to(each.at_ms)
            steps.append(
                Step(
                    step=each.step,
                    outcome="DONE" if each.is_done else "SKIPPED",
                    at=self.clock.read().wall_ms,
                    reason=None if each.is_done else "no time for it",
                )
            )
        return steps
