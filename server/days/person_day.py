"""A person's day as people look at it: duty, visits, the plan, and what is odd, each told in words.

Everything here is worked out when it is asked for and nothing of it is stored. Times are milliseconds
since 1970, corrected; `says` is for people and may change, the other values are for programs.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from server.days.words import told_flag, told_verdict
from sync.clock import Trust
from sync.flag import Flag
from sync.geo import Point
from sync.kinds.attendance.day import State as DutyState
from sync.kinds.visit.day import Closing
from sync.kinds.visit.day import State as VisitState
from sync.kinds.visit.verdict import CheckIn


class StopState(StrEnum):
    """What has become of a planned stop.

    COVERED: somebody else was there for the same position. DUE: the day goes on.
    """

    VISITED = "VISITED"
    SKIPPED = "SKIPPED"
    COVERED = "COVERED"
    MISSED = "MISSED"
    DUE = "DUE"


@dataclass(frozen=True, slots=True)
class FlagTold:
    """A flag with its figures and what it says.

    `is_derived` where it follows from other facts of the day; the others stand in the record.
    """

    flag: Flag
    time_zone: str
    is_derived: bool

    @property
    def name(self) -> str:
        return str(self.flag["flag"])

    @property
    def says(self) -> str:
        """In the language that is spoken; told when somebody reads it, for a day of many people has thousands."""
        return told_flag(self.flag, self.time_zone)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventTold:
    """An attendance event in the light of the others."""

    attendance_id: UUID
    event: str
    at: int
    is_clock_in: bool
    trust: Trust
    flags: tuple[FlagTold, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """The attendance of the day. `ended_at` is None while it goes on; `flags` are the day's own."""

    state: DutyState
    started_at: int | None
    ended_at: int | None
    worked_min: int
    break_min: int
    events: tuple[EventTold, ...]
    flags: tuple[FlagTold, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitTold:
    """A visit in the light of the day's others.

    `order` counts the check-ins from 1; a skipped visit has none, and `began_at` is when it was
    skipped. `closed_at` is the effective closing, `checked_out_at` what was recorded.
    """

    visit_id: UUID
    store_id: UUID
    store_name: str
    position_id: UUID | None
    state: VisitState
    closing: Closing | None
    closing_says: str | None
    order: int | None
    began_at: int
    closed_at: int | None
    checked_out_at: int | None
    is_planned: bool
    is_by_phone: bool
    skip_reason: str | None
    trust: Trust
    # Where the phone was at the check-in; None without a position.
    place: Point | None
    checked_in: CheckIn | None
    verdict: str | None
    flags: tuple[FlagTold, ...]

    @property
    def verdict_says(self) -> str | None:
        """What the verdict rests on, in the language that is spoken."""
        return None if self.checked_in is None else told_verdict(self.checked_in)


class PlannedStop(NamedTuple):
    """A stop of the plan in force, in its order; `pin` is where its store is now."""

    store_id: UUID
    store_name: str
    pin: Point | None
    position_id: UUID
    state: StopState


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonDay:
    """One person's business day, read by one version of the company's settings."""

    person_id: UUID
    name: str
    email: str | None
    day: date
    time_zone: str
    policy_version: int
    duty: Duty
    visits: tuple[VisitTold, ...]
    stops: tuple[PlannedStop, ...]

    @property
    def missed(self) -> tuple[PlannedStop, ...]:
        """The planned stops that nobody went to, once the day is over."""
        return tuple(stop for stop in self.stops if stop.state is StopState.MISSED)

    @property
    def flags(self) -> tuple[FlagTold, ...]:
        """Every flag of the day: of its visits, of its attendance events and its own."""
        return (
            *(flag for visit in self.visits for flag in visit.flags),
            *(flag for event in self.duty.events for flag in event.flags),
            *self.duty.flags,
        )

    @property
    def verdicts(self) -> Counter[str]:
        """How many check-ins have which verdict; calls by phone and skipped visits have none."""
        return Counter(visit.verdict for visit in self.visits if visit.verdict is not None)

    @property
    def trusts(self) -> Counter[Trust]:
        """What the times of the day's facts rest on."""
        return Counter(
            [visit.trust for visit in self.visits] + [event.trust for event in self.duty.events]
        )
