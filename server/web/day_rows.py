"""A line of the list beside the map: a person's day in a few figures, and what they are at just now."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from server.days.person_day import PersonDay, StopState
from server.days.teams import PhoneTold
from server.language import tell, told_clock
from sync.kinds.attendance.day import State as DutyState

# A phone at work is heard of at least so often, where there is a network.
HEARD_OF_WITHIN = timedelta(minutes=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """`tone` is how the state is to be looked at: good, warn, or quiet. `phone` says what a phone still holds."""

    person_id: UUID
    name: str
    state: str
    tone: str
    since: str | None
    phone: str | None
    planned: int
    visited: int
    missed: int
    unplanned: int
    to_look_at: int


def row_of(person_day: PersonDay, phone: PhoneTold | None, now: datetime) -> Row:
    """The line of one person."""
    duty, zone = person_day.duty, person_day.time_zone
    is_today = _is_today(person_day, now)
    state, tone = _state(person_day, phone, now, is_today=is_today)
    states = [stop.state for stop in person_day.stops]
    return Row(
        person_id=person_day.person_id,
        name=person_day.name,
        state=state,
        tone=tone,
        since=None if duty.started_at is None else _hours(person_day),
        phone=_phone(phone, zone) if is_today else None,
        planned=len(states),
        visited=sum(state in {StopState.VISITED, StopState.COVERED} for state in states),
        missed=sum(state is StopState.MISSED for state in states),
        unplanned=sum(
            visit.order is not None and not visit.is_planned for visit in person_day.visits
        ),
        to_look_at=sum(
            bool(visit.flags) or visit.verdict in {"OFFSITE", "UNCERTAIN"}
            for visit in person_day.visits
        ),
    )


def _state(
    person_day: PersonDay, phone: PhoneTold | None, now: datetime, *, is_today: bool
) -> tuple[str, str]:
    """What somebody is at, and its tone. Offline is not the same as not working."""
    duty = person_day.duty
    at_work = duty.state in {DutyState.ON, DutyState.BREAK}
    if not at_work:
        if duty.started_at is None:
            return tell("not on duty"), "quiet"
        return tell("off duty"), "quiet"
    if not is_today:
        return tell("on duty"), "good"
    last = None if phone is None else phone.last_seen_at
    oldest = round((now - HEARD_OF_WITHIN).timestamp() * 1000)
    if last is None or last < oldest:
        at = None if last is None else told_clock(last, person_day.time_zone)
        told = (
            tell("on duty, offline") if at is None else tell("on duty, offline since {at}", at=at)
        )
        return told, "warn"
    return (tell("on a break") if duty.state is DutyState.BREAK else tell("on duty")), "good"


def _phone(phone: PhoneTold | None, zone: str) -> str | None:
    if phone is None or not phone.holds:
        return None
    if phone.holds_since is None:
        return tell("the phone holds {number} unsent", number=phone.holds)
    at = told_clock(phone.holds_since, zone)
    return tell("the phone holds {number} unsent since {at}", number=phone.holds, at=at)


def _hours(person_day: PersonDay) -> str:
    duty, zone = person_day.duty, person_day.time_zone
    assert duty.started_at is not None
    began = told_clock(duty.started_at, zone)
    return f"{began}–" if duty.ended_at is None else f"{began}–{told_clock(duty.ended_at, zone)}"


def _is_today(person_day: PersonDay, now: datetime) -> bool:
    from zoneinfo import ZoneInfo

    return now.astimezone(ZoneInfo(person_day.time_zone)).date() == person_day.day
