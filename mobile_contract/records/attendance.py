"""attendance: a person begins, breaks or ends work. Append-only, with corrections."""

from typing import Final

from mobile_contract.fields import (
    CHANGE,
    JSON_INT_MAX,
    NULLABLE,
    OPTIONAL,
    Bool,
    Choice,
    Day,
    Id,
    Int,
    ListOf,
    Millis,
    Part,
    Pattern,
    Text,
    Uptime,
)
from mobile_contract.records.contract import Fields, RecordContract
from mobile_contract.records.evidence import (
    ACCURACY_CM_MAX,
    FLAG_NAME_PATTERN,
    TRUSTS,
    Clock,
    Event,
    Flag,
    HeldEvent,
    accuracy,
    latitude,
    longitude,
    moment_from_flat,
)
from mobile_contract.records.visit import (
    FLAGS_MAX,
    changes_something,
    fix_from_flat,
    flat_from_fix,
    position_is_whole,
)
from mobile_contract.schema import WireSchema

EVENTS: Final = ("ON", "BREAK", "OFF")
EVENTS_1: Final = ("CLOCK_IN", "BREAK_START", "BREAK_END", "CLOCK_OUT")
RAISED_EVENTS: Final = {
    "CLOCK_IN": "ON",
    "BREAK_START": "BREAK",
    "BREAK_END": "ON",
    "CLOCK_OUT": "OFF",
}
LOWERED_EVENTS: Final = {"ON": "CLOCK_IN", "BREAK": "BREAK_START", "OFF": "CLOCK_OUT"}


class AttendanceCreate(WireSchema):
    """A person begins work or comes back from a break (ON), takes one (BREAK), or ends (OFF)."""

    event = Choice(EVENTS, about="what happened")
    position_id = Id(presence=OPTIONAL, about="the position worked for")
    occurred = Part(Event, about="when and where")


class AttendanceChanges(WireSchema):
    """The field of an attendance event that a correction sets."""

    rules = (changes_something,)

    event = Choice(EVENTS, presence=CHANGE, about="what truly happened")


class AttendanceCorrect(WireSchema):
    """The wrong button was pressed; a new version says so, the old one stays."""

    reason = Text(1, 200, about="why, in words for the supervisor")
    changes = Part(AttendanceChanges, about="what is set")


class AttendanceDown(WireSchema):
    """An attendance event as the server holds it."""

    person_id = Id(about="whose")
    position_id = Id(presence=NULLABLE, about="the position worked for")
    event = Choice(EVENTS, about="what happened")
    business_day = Day(about="day of the corrected event time in the company's time zone")
    occurred = Part(HeldEvent, about="when and where")
    clock = Part(Clock, about="how its corrected time came about")
    flags = ListOf(Flag(), FLAGS_MAX, about="what a supervisor may want to look at")


# --- contract 1 ---------------------------------------------------------------------------------


class AttendanceCreate1(WireSchema):
    """An attendance event in contract 1: flat, WGS84."""

    rules = (position_is_whole,)

    event = Choice(EVENTS_1, about="what happened")
    at = Millis(about="wall clock of the phone")
    uptime_ms = Uptime(about="monotonic clock of the phone at the same moment")
    lat_e7 = latitude(presence=OPTIONAL, about="latitude, WGS84")
    lon_e7 = longitude(presence=OPTIONAL, about="longitude, WGS84")
    accuracy_cm = accuracy(presence=OPTIONAL)
    gps_time = Millis(presence=OPTIONAL, about="time of the fix by the satellites")
    is_mock = Bool(presence=OPTIONAL, about="whether the position is simulated; absent: false")


class AttendanceChanges1(WireSchema):
    """The field that a correction sets, in contract 1."""

    rules = (changes_something,)

    event = Choice(EVENTS_1, presence=CHANGE, about="what truly happened")


class AttendanceCorrect1(WireSchema):
    """A correction in contract 1."""

    reason = Text(1, 200, about="why, in words for the supervisor")
    changes = Part(AttendanceChanges1, about="what is set")


class AttendanceDown1(WireSchema):
    """An attendance event as the server holds it, in contract 1."""

    person_id = Id(about="whose")
    position_id = Id(presence=NULLABLE, about="the position worked for")
    event = Choice(EVENTS_1, about="what happened; the end of a break comes down as CLOCK_IN")
    business_day = Day(about="day of the corrected event time in the company's time zone")
    at = Millis(about="wall clock of the phone, as sent")
    corrected_at = Int(-JSON_INT_MAX, JSON_INT_MAX, about="corrected time", unit="ms since 1970")
    lat_e7 = latitude(presence=NULLABLE, about="latitude, WGS84")
    lon_e7 = longitude(presence=NULLABLE, about="longitude, WGS84")
    accuracy_cm = Int(0, ACCURACY_CM_MAX, presence=NULLABLE, about="accuracy", unit="cm")
    gps_time = Millis(presence=NULLABLE, about="time of the fix by the satellites")
    is_mock = Bool(presence=NULLABLE, about="whether the position is simulated")
    trust = Choice(TRUSTS, about="what the corrected time rests on")
    offset_ms = Int(
        -JSON_INT_MAX,
        JSON_INT_MAX,
        about="received_at less sent_at of the push that brought it",
        unit="ms",
    )
    flags = ListOf(
        Pattern(FLAG_NAME_PATTERN, "the name of a flag"), FLAGS_MAX, about="names of the flags"
    )


def raise_1_to_2(op: str, payload: Fields) -> Fields:
    """A contract-1 payload as contract 2 says it."""
    if op == "correct":
        event = RAISED_EVENTS[payload["changes"]["event"]]
        return {"reason": payload["reason"], "changes": {"event": event}}
    return {
        "event": RAISED_EVENTS[payload["event"]],
        "occurred": {
            **moment_from_flat(payload["at"], payload["uptime_ms"]),
            "fix": fix_from_flat(payload),
        },
    }


def lower_2_to_1(fields: Fields) -> Fields | None:
    """A held attendance event, flat."""
    occurred = fields["occurred"]
    return {
        "person_id": fields["person_id"],
        "position_id": fields["position_id"],
        "event": LOWERED_EVENTS[fields["event"]],
        "business_day": fields["business_day"],
        "at": occurred["at"],
        "corrected_at": occurred["corrected_at"],
        **flat_from_fix(occurred["fix"]),
        "trust": fields["clock"]["trust"],
        "offset_ms": fields["clock"]["offset_ms"],
        "flags": [flag["flag"] for flag in fields["flags"]],
    }


ATTENDANCE: Final = RecordContract(
    kind="attendance",
    ops={
        1: {"create": AttendanceCreate1, "correct": AttendanceCorrect1},
        2: {"create": AttendanceCreate, "correct": AttendanceCorrect},
    },
    down={1: AttendanceDown1, 2: AttendanceDown},
    raise_1_to_2=raise_1_to_2,
    lower_2_to_1=lower_2_to_1,
    needs_base_version=frozenset({"correct"}),
)
