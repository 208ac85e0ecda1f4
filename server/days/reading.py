"""Read the days of people from their facts, whenever somebody asks, with a fixed number of statements.

A fact that arrives late, or a correction, changes the reading of the others by itself, and the order
of arrival plays no part: `sync/kinds/visit/day.py` and `sync/kinds/attendance/day.py` have the rules.
A day is read by the settings in force when it ended. The start window of a clock-in is the company's
working hours.

With an asker a day is there only if the asker may see a position that the person held, or wrote
for, on that day (server/identity/permissions.py). Of it the visits and stops of positions that the
asker may not see are left out; duty is the person's and is told whole. Everybody sees their own.
"""

from collections.abc import Collection, Mapping
from datetime import date
from typing import Any
from uuid import UUID

from server.days.facts import (
    NOBODY,
    Fact,
    Page,
    PersonFacts,
    Seen,
    read_facts,
    read_policy_of,
)
from server.days.person_day import (
    Duty,
    EventTold,
    FlagTold,
    PersonDay,
    PlannedStop,
    StopState,
    VisitTold,
)
from server.days.words import told_closing
from server.identity.errors import NoSuchPerson
from server.identity.permissions import visible_positions
from sync.clock import Trust, business_day
from sync.flag import Flag
from sync.geo import Occurrence, Point
from sync.kinds.attendance.day import AttendanceFact, AttendanceRules, read_attendance_day
from sync.kinds.visit.day import (
    DayRules,
    DutyEvent,
    State,
    VisitFact,
    VisitReading,
    read_person_day,
)
from sync.kinds.visit.verdict import CheckIn, Verdict
from sync.policy import Policy
from sync.unit_of_work import UnitOfWork

AT_MOST_PEOPLE = 200
FIRST = ("", NOBODY)


def read_day(
    uow: UnitOfWork, person_id: UUID, day: date, now: int, *, asker_id: UUID | None = None
) -> PersonDay:
    """The day of one person at the moment `now`; empty where they have no facts of it.

    Raises NoSuchPerson where the company has no such person, or the asker may not see their day.
    """
    found = read_days(uow, day, now, person_ids=(person_id,), asker_id=asker_id)
    if not found:
        raise NoSuchPerson(f"no such person: {person_id}")
    return found[0]


def read_days(
    uow: UnitOfWork,
    day: date,
    now: int,
    *,
    person_ids: Collection[UUID] | None = None,
    asker_id: UUID | None = None,
    after: tuple[str, UUID] = FIRST,
    at_most: int = AT_MOST_PEOPLE,
    is_duty_only: bool = False,
) -> list[PersonDay]:
    """The days of these people, or of everybody who has one, by name.

    Has one: whoever has facts of it, a plan for it, or held a position of the field on it. The next
    page begins `after` the name and the id of the last; a page with fewer than `at_most` is the last.

    `is_duty_only` leaves out visits and stops, for whoever looks at what many people are at just now.
    """
    version, policy = read_policy_of(uow, day)
    seen: Seen | None = None
    if asker_id is not None:
        today = business_day(now, policy.time_zone)
        seen = Seen(asker_id, visible_positions(uow, asker_id, today))
    page = Page(person_ids, after, at_most)
    return [
        _Reader(facts, day, now, version, policy, seen).read()
        for facts in read_facts(uow, day, page, seen, is_duty_only=is_duty_only)
    ]


class _Reader:
    """Reads one person's day from its facts."""

    def __init__(
        self,
        facts: PersonFacts,
        day: date,
        now: int,
        version: int,
        policy: Policy,
        seen: Seen | None,
    ) -> None:
        self.facts = facts
        self.day = day
        self.now = now
        self.version = version
        self.policy = policy
        self.seen = None if seen is None or seen.asker_id == facts.person_id else seen.positions

    def read(self) -> PersonDay:
        facts, policy = self.facts, self.policy
        visits = [_visit_fact(fact) for fact in facts.visits]
        events = [
            AttendanceFact(str(fact.id), fact.fields["event"], _occurrence(fact.fields["occurred"]))
            for fact in facts.attendance
        ]
        planned = list(dict.fromkeys(stop.store_id for stop in facts.stops))
        readings = read_person_day(
            visits,
            [DutyEvent(each.id, each.occurred, each.event == "OFF") for each in events],
            DayRules(
                time_zone=policy.time_zone,
                max_speed_kmh=policy.max_speed_kmh,
                visit_timeout_s=policy.visit_timeout_s,
            ),
            self.now,
            day=self.day,
            planned_store_ids=[str(store_id) for store_id in planned],
        )
        return PersonDay(
            person_id=facts.person_id,
            name=facts.name,
            email=facts.email,
            day=self.day,
            time_zone=policy.time_zone,
            policy_version=self.version,
            duty=self._duty(events, visits),
            visits=self._visits(readings),
            stops=self._stops(readings),
        )

    def _duty(self, events: list[AttendanceFact], visits: list[VisitFact]) -> Duty:
        policy = self.policy
        reading = read_attendance_day(
            events,
            AttendanceRules(
                time_zone=policy.time_zone,
                start_from_min=policy.working_from_min,
                start_until_min=policy.working_until_min,
                max_speed_kmh=policy.max_speed_kmh,
            ),
            self.now,
            day=self.day,
            boundary=self.facts.area,
            evidence=[
                occurred
                for visit in visits
                for occurred in (visit.check_in, visit.check_out, visit.skipped)
                if occurred is not None
            ],
        )
        held = {str(fact.id): fact.fields for fact in self.facts.attendance}
        return Duty(
            state=reading.state,
            started_at=reading.started_at,
            ended_at=reading.ended_at,
            worked_min=reading.worked_min,
            break_min=reading.break_min,
            events=tuple(
                EventTold(
                    attendance_id=UUID(event.id),
                    event=event.event,
                    at=event.at,
                    is_clock_in=event.is_clock_in,
                    trust=Trust(held[event.id]["clock"]["trust"]),
                    flags=self._told(held[event.id]["flags"], event.flags),
                )
                for event in reading.events
            ),
            flags=self._told((), reading.flags),
        )

    def _visits(self, readings: Collection[VisitReading]) -> tuple[VisitTold, ...]:
        facts = {str(fact.id): fact for fact in self.facts.visits}
        return tuple(
            self._visit(facts[reading.visit_id], reading)
            for reading in readings
            if reading.visit_id is not None and self._may_see(facts[reading.visit_id])
        )

    def _visit(self, fact: Fact, reading: VisitReading) -> VisitTold:
        fields = fact.fields
        check_in, check_out = fields["check_in"], fields["check_out"]
        verdict = fields["verdict"]
        checked_in = None if verdict is None else _check_in(verdict)
        return VisitTold(
            visit_id=fact.id,
            store_id=UUID(fields["store_id"]),
            store_name=fact.store_name,
            position_id=_id(fields["position_id"]),
            state=reading.state,
            closing=reading.closing,
            closing_says=told_closing(
                reading,
                timeout_s=self.policy.visit_timeout_s,
                is_checked_out=check_out is not None,
            ),
            order=reading.order,
            began_at=(check_in or check_out)["corrected_at"],
            closed_at=reading.closed_at,
            checked_out_at=(
                None if check_in is None or check_out is None else check_out["corrected_at"]
            ),
            is_planned=reading.is_planned,
            is_by_phone=fields["is_by_phone"],
            skip_reason=fields["skip_reason"],
            trust=Trust(fields["clock"]["trust"]),
            place=None if check_in is None else _occurrence(check_in).point,
            checked_in=checked_in,
            verdict=None if checked_in is None else checked_in.verdict.value,
            flags=self._told(fields["flags"], reading.flags),
        )

    def _stops(self, readings: Collection[VisitReading]) -> tuple[PlannedStop, ...]:
        missed = {r.store_id for r in readings if r.state is State.MISSED}
        skipped = {r.store_id for r in readings if r.state is State.SKIPPED}
        called = {str(fact.id) for fact in self.facts.visits if fact.fields["is_by_phone"]}
        visited = {r.store_id for r in readings if r.order is not None and r.visit_id not in called}
        stops = []
        for stop in self.facts.stops:
            if self.seen is not None and stop.position_id not in self.seen:
                continue
            store = str(stop.store_id)
            if store in visited:
                state = StopState.VISITED
            elif store in skipped:
                state = StopState.SKIPPED
            elif stop.reached_by - {self.facts.person_id}:
                state = StopState.COVERED
            else:
                state = StopState.MISSED if store in missed else StopState.DUE
            stops.append(
                PlannedStop(
                    store_id=stop.store_id,
                    store_name=stop.store_name,
                    pin=stop.pin,
                    position_id=stop.position_id,
                    state=state,
                )
            )
        return tuple(stops)

    def _may_see(self, fact: Fact) -> bool:
        """Whether the asker may see a visit: by its position; without one, by all that are held."""
        if self.seen is None:
            return True
        position_id = _id(fact.fields["position_id"])
        if position_id is not None:
            return position_id in self.seen
        return self.seen.issuperset(seat.position_id for seat in self.facts.seats)

    def _told(self, own: Collection[Flag], derived: Collection[Flag]) -> tuple[FlagTold, ...]:
        zone = self.policy.time_zone
        return (
            *(FlagTold(flag, zone, is_derived=False) for flag in own),
            *(FlagTold(flag, zone, is_derived=True) for flag in derived),
        )


def _visit_fact(fact: Fact) -> VisitFact:
    """A visit as the rules take it; the event of a skipped one stands where the check-out would."""
    fields = fact.fields
    check_in, check_out = fields["check_in"], fields["check_out"]
    is_skipped = check_in is None
    return VisitFact(
        id=str(fact.id),
        store_id=fields["store_id"],
        check_in=None if is_skipped else _occurrence(check_in),
        check_out=None if is_skipped or check_out is None else _occurrence(check_out),
        closed_by=fields["closed_by"],
        skipped=_occurrence(check_out) if is_skipped else None,
        is_in_named_plan=fact.is_in_named_plan,
        is_by_phone=fields["is_by_phone"],
    )


def _occurrence(event: Mapping[str, Any]) -> Occurrence:
    fix = event["fix"]
    if fix is None:
        return Occurrence(event["corrected_at"])
    point = Point(fix["lat_e7"], fix["lon_e7"])
    return Occurrence(event["corrected_at"], point, fix["accuracy_cm"])


def _check_in(verdict: Mapping[str, Any]) -> CheckIn:
    """The verdict of a record, whole, so that it can be explained."""
    pin = verdict["pin"]
    return CheckIn(
        verdict=Verdict(verdict["verdict"]),
        distance_cm=verdict["distance_cm"],
        accuracy_cm=verdict["accuracy_cm"],
        radius_m=verdict["radius_m"],
        pin=None if pin is None else Point(pin["lat_e7"], pin["lon_e7"]),
        policy_version=verdict["policy_version"],
    )


def _id(text: str | None) -> UUID | None:
    return None if text is None else UUID(text)
