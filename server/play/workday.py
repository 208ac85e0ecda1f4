"""One rep's day, made from a seed: what is done when and where. Pure: no phone, no server, no clock.

The stops of the day plan are walked in their order, with some stores in between that nobody
planned, a break at noon, some calls by telephone, some stops skipped with a reason, some edits of
stores, now and then a new store or another route, and syncs on the way for those who have network.
What does not fit before the evening is skipped for want of time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal, Protocol

from mobile_contract.phone.captured import SkipReason
from server.play.places import Place, Reading, read_position, stand_for
from server.play.teams import Team

STEPS = (
    "PREPARE",
    "GREET",
    "CHECK_STORE",
    "MERCHANDISE",
    "TAKE_STOCK",
    "PRESENT",
    "AGREE_ORDER",
    "REVIEW",
)
MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS

_SPEED_M_PER_MS = 40_000 / HOUR_MS
_SKIPPED = 0.03
_BY_PHONE = 0.03
_WRONG_AND_CORRECTED = 0.02
_EDITED = 0.06
_NEW_STORE_A_DAY = 0.4
_ROUTE_PROPOSAL_A_DAY = 0.3


EditedField = Literal["contact_name", "contact_phone", "address", "name"]
_EDITED_FIELDS: tuple[EditedField, ...] = ("contact_name", "contact_phone", "address", "name")


@dataclass(frozen=True, slots=True)
class Outlet:
    """A store that may be visited; `place` is its pin, None where it has none."""

    store_id: str
    place: Place | None
    fence_m: int


@dataclass(frozen=True, slots=True)
class Attend:
    """The rep presses a button of the attendance page."""

    at_ms: int
    what: Literal["clock_on", "start_break", "end_break", "clock_off"]
    reading: Reading | None


@dataclass(frozen=True, slots=True)
class StepTaken:
    """A step of a call, done or skipped."""

    step: str
    is_done: bool
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A call at a store. `is_one_item`: the app sends it whole when it ends, not in two items."""

    at_ms: int
    until_ms: int
    store_id: str
    is_planned: bool
    is_by_phone: bool
    arrival: Reading | None
    leaving: Reading | None
    steps: tuple[StepTaken, ...]
    is_one_item: bool
    is_corrected: bool = False
    has_left_fence: bool = False
    # What is done in the store beside the steps, in its order.
    within: tuple["Act", ...] = ()


@dataclass(frozen=True, slots=True)
class Skip:
    """A planned visit that is not made."""

    at_ms: int
    store_id: str
    reason: SkipReason
    reading: Reading | None


@dataclass(frozen=True, slots=True)
class EditStore:
    """The rep corrects what the phone says of a store; a name is a proposal, the others apply."""

    at_ms: int
    store_id: str
    field: EditedField
    value: str


@dataclass(frozen=True, slots=True)
class NewStore:
    """The rep finds a store that nobody knew and calls at it."""

    at_ms: int
    until_ms: int
    name: str
    place: Place
    reading: Reading


@dataclass(frozen=True, slots=True)
class ProposeRoute:
    """The rep proposes their route with two stops changed about."""

    at_ms: int
    swap: float


@dataclass(frozen=True, slots=True)
class SyncOnTheWay:
    """The phone has network and syncs."""

    at_ms: int


class Act(Protocol):
    """Something that a rep does. Those above are a day's frame; each kind of work adds its own (parts.py)."""

    @property
    def at_ms(self) -> int:
        """The true time at which it is done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DaySheet:
    """What a rep knows in the morning; the day begins and ends at these true times."""

    starts_ms: int
    ends_ms: int
    planned: Sequence[Outlet]
    others: Sequence[Outlet]
    has_day_plan: bool
    has_route: bool
    syncs_on_the_way: bool


def make_workday(random: Random, sheet: DaySheet, team: Team) -> list[Act]:
    """The acts of a day in the order of their true times."""
    outlets = _outlets_to_call(random, sheet, team)
    if not outlets:
        return []
    here = next((each.place for each, _ in outlets if each.place is not None), Place(0.0, 0.0))
    acts: list[Act] = [Attend(sheet.starts_ms, "clock_on", read_position(random, here))]
    slot_ms = (sheet.ends_ms - sheet.starts_ms - HOUR_MS) // max(1, len(outlets))
    is_one_item = random.random() < 0.5
    at_ms = sheet.starts_ms + random.randint(5, 15) * MINUTE_MS
    noon = len(outlets) // 2
    for number, (outlet, is_planned) in enumerate(outlets):
        if number == noon and number:
            acts.append(Attend(at_ms, "start_break", read_position(random, here)))
            at_ms += random.randint(25, 45) * MINUTE_MS
            acts.append(Attend(at_ms, "end_break", read_position(random, here)))
            at_ms += MINUTE_MS
        there = outlet.place or here
        at_ms += int(here.metres_to(there) / _SPEED_M_PER_MS) + random.randint(1, 3) * MINUTE_MS
        stay_ms = int(slot_ms * random.uniform(0.35, 0.6))
        if at_ms + stay_ms > sheet.ends_ms:
            acts += _no_time(sheet, outlets[number:], at_ms, here, random)
            break
        here = there
        acts += _call(random, outlet, at_ms, stay_ms, here, is_planned, is_one_item)
        at_ms += stay_ms + MINUTE_MS
        if sheet.syncs_on_the_way and random.random() < 0.15:
            acts.append(SyncOnTheWay(at_ms))
    acts += _extras(random, sheet, at_ms, here)
    off_ms = max(at_ms + 5 * MINUTE_MS, acts[-1].at_ms + MINUTE_MS)
    acts.append(Attend(off_ms, "clock_off", read_position(random, here)))
    return acts


def _outlets_to_call(random: Random, sheet: DaySheet, team: Team) -> list[tuple[Outlet, bool]]:
    """The stops in their order with the unplanned ones in between; True where it was planned.

    A plan that is shorter than the team's day is filled up with stores that nobody planned.
    """
    most_planned = round(team.visits_a_day * (1 - team.unplanned_share))
    stops = [(outlet, sheet.has_day_plan) for outlet in sheet.planned][:most_planned]
    unplanned = team.visits_a_day - len(stops)
    spare = [outlet for outlet in sheet.others if outlet not in sheet.planned]
    for outlet in random.sample(spare, min(unplanned, len(spare))):
        stops.insert(random.randint(0, len(stops)), (outlet, False))
    return stops


def _call(
    random: Random,
    outlet: Outlet,
    at_ms: int,
    stay_ms: int,
    here: Place,
    is_planned: bool,
    is_one_item: bool,
) -> list[Act]:
    """A visit with what comes of it, or the reason why there was none."""
    if is_planned and random.random() < _SKIPPED:
        reason: SkipReason = random.choice(("CLOSED", "REFUSED", "ROAD", "OTHER"))
        return [Skip(at_ms, outlet.store_id, reason, read_position(random, here))]
    if random.random() < 0.02:
        stay_ms = random.randint(20, 100) * 1000
    stand = stand_for(random, here)
    acts: list[Act] = [
        Visit(
            at_ms=at_ms,
            until_ms=at_ms + stay_ms,
            store_id=outlet.store_id,
            is_planned=is_planned,
            is_by_phone=random.random() < _BY_PHONE,
            arrival=read_position(random, stand),
            leaving=read_position(random, stand),
            steps=_steps(random, at_ms, stay_ms),
            is_one_item=is_one_item,
            is_corrected=random.random() < _WRONG_AND_CORRECTED,
        )
    ]
    if random.random() < _EDITED:
        field = random.choice(_EDITED_FIELDS)
        value = f"{field.removeprefix('contact_').title()} {random.randint(100, 999)}"
        acts.append(EditStore(at_ms + stay_ms, outlet.store_id, field, value))
    return acts


def _steps(random: Random, at_ms: int, stay_ms: int) -> tuple[StepTaken, ...]:
    """Most steps in their order; some are skipped, some never come to the phone at all."""
    taken = [step for step in STEPS if random.random() < 0.97]
    return tuple(
        StepTaken(step, random.random() < 0.95, at_ms + stay_ms * (number + 1) // (len(taken) + 1))
        for number, step in enumerate(taken)
    )


def _no_time(
    sheet: DaySheet,
    left: Sequence[tuple[Outlet, bool]],
    at_ms: int,
    here: Place,
    random: Random,
) -> list[Act]:
    return [
        Skip(
            min(at_ms, sheet.ends_ms) + number * 10_000,
            outlet.store_id,
            "NO_TIME",
            read_position(random, here),
        )
        for number, (outlet, is_planned) in enumerate(left)
        if is_planned
    ]


def _extras(random: Random, sheet: DaySheet, at_ms: int, here: Place) -> list[Act]:
    """What a rep does now and then at the end of a day, in order."""
    acts: list[Act] = []
    at_ms = min(at_ms, sheet.ends_ms) + 10 * MINUTE_MS
    is_new, number = random.random() < _NEW_STORE_A_DAY, random.randint(1, 9999)
    place = here.moved(random.uniform(-300, 300), random.uniform(-300, 300))
    if is_new:
        reading = Reading(place, random.uniform(4, 15))
        acts.append(NewStore(at_ms, at_ms + 6 * MINUTE_MS, f"New shop {number}", place, reading))
        at_ms += 8 * MINUTE_MS
    if sheet.has_route and random.random() < _ROUTE_PROPOSAL_A_DAY:
        acts.append(ProposeRoute(at_ms, random.random()))
    return acts
