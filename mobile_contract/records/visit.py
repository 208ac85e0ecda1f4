"""visit: one call at a store, sent by the phone that made it. Append-only, with corrections."""

from collections.abc import Iterable
from typing import Any, Final

from msgspec import UNSET

from mobile_contract.fields import (
    CHANGE,
    CHANGE_NULLABLE,
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
    DISTANCE_CM_MAX,
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
from mobile_contract.schema import WireSchema

STEPS: Final = (
    "PREPARE",
    "GREET",
    "CHECK_STORE",
    "MERCHANDISE",
    "TAKE_STOCK",
    "PRESENT",
    "AGREE_ORDER",
    "REVIEW",
)
OUTCOMES: Final = ("DONE", "SKIPPED")
CLOSED_BY: Final = ("PERSON", "LEFT_FENCE", "TIMEOUT", "NEXT_CHECKIN")
SKIP_REASONS: Final = ("CLOSED", "REFUSED", "NO_TIME", "ROAD", "OTHER")
VERDICTS: Final = ("UNPINNED", "UNCERTAIN", "ONSITE", "TOLERATED", "OFFSITE")
STEPS_MAX: Final = 32
NOTE_MAX: Final = 1_000
FLAGS_MAX: Final = 50


def closed_with_check_out(visit: Any) -> Iterable[tuple[str, str]]:
    """A check-out names who closed the visit, and only a check-out does."""
    if (visit.check_out is None) != (visit.closed_by is None):
        yield "closed_by", "must be there exactly when check_out is"


def changes_something(changes: Any) -> Iterable[tuple[str, str]]:
    """A change names at least one field."""
    names = changes.__struct_fields__ if hasattr(changes, "__struct_fields__") else vars(changes)
    if all(getattr(changes, name) is UNSET for name in names):
        yield "", "must change at least one field"


class Step(WireSchema):
    """One step of the call's template."""

    step = Choice(STEPS, about="which step")
    outcome = Choice(OUTCOMES, about="whether it was done")
    at = Millis(presence=OPTIONAL, about="wall clock when it was done or skipped")
    reason = Text(0, 200, presence=OPTIONAL, about="why it was skipped")


class VisitCreate(WireSchema):
    """A visit begins, or a whole visit is reported."""

    rules = (closed_with_check_out,)

    store_id = Id(about="the store; the visit waits for it if the server does not have it yet")
    position_id = Id(presence=OPTIONAL, about="the position it was made for")
    day_plan_id = Id(presence=OPTIONAL, about="the day plan that the phone shows it in, if any")
    is_by_phone = Bool(about="a telephone call: may carry orders, never coverage")
    check_in = Part(Event, about="arrival")
    check_out = Part(Event, presence=OPTIONAL, about="leaving; absent while the visit is open")
    closed_by = Choice(
        CLOSED_BY, presence=OPTIONAL, about="what ended it; there exactly when check_out is"
    )
    steps = ListOf(Part(Step), STEPS_MAX, about="steps so far, in the order they were taken")
    note = Text(0, NOTE_MAX, presence=OPTIONAL, about="free text")


class VisitFinish(WireSchema):
    """A visit that was sent open ends."""

    check_out = Part(Event, about="leaving")
    closed_by = Choice(CLOSED_BY, about="what ended it")
    steps = ListOf(Part(Step), STEPS_MAX, about="all steps, replacing what was sent before")
    note = Text(0, NOTE_MAX, presence=OPTIONAL, about="free text; absent: the earlier one stays")


class VisitChanges(WireSchema):
    """The fields of a visit that a correction sets."""

    rules = (changes_something,)

    store_id = Id(presence=CHANGE, about="the store that it truly was")
    is_by_phone = Bool(presence=CHANGE, about="whether it was a telephone call")
    steps = ListOf(Part(Step), STEPS_MAX, presence=CHANGE, about="all steps, replacing the old")
    note = Text(0, NOTE_MAX, presence=CHANGE_NULLABLE, about="free text")


class VisitCorrect(WireSchema):
    """A visit was reported wrongly; a new version says so, the old one stays."""

    reason = Text(1, 200, about="why, in words for the supervisor")
    changes = Part(VisitChanges, about="what is set")


class VisitSkip(WireSchema):
    """A planned visit that was not made. The item's entity_id is a new visit id."""

    store_id = Id(about="the store that was not visited")
    day_plan_id = Id(about="the day plan that it stands in")
    reason = Choice(SKIP_REASONS, about="why")
    note = Text(0, NOTE_MAX, presence=OPTIONAL, about="free text")
    skipped = Part(Event, about="when and where that was decided")


class VerdictPin(WireSchema):
    """The pin that a verdict was made with."""

    lat_e7 = latitude(about="latitude in WGS84")
    lon_e7 = longitude(about="longitude in WGS84")


class Verdict(WireSchema):
    """The check-in verdict with all that it was made with."""

    verdict = Choice(VERDICTS, about="see Verdicts")
    distance_cm = Int(
        0, DISTANCE_CM_MAX, presence=NULLABLE, about="check-in to pin on the ellipsoid", unit="cm"
    )
    accuracy_cm = accuracy(presence=NULLABLE)
    radius_m = Int(0, 100_000, about="fence radius used", unit="m")
    pin = Part(VerdictPin, presence=NULLABLE, about="pin used")
    policy_version = Int(0, JSON_INT_MAX, about="version of the company's policy used")


class VisitDown(WireSchema):
    """A visit as the server holds it."""

    store_id = Id(about="the store")
    person_id = Id(about="who made it")
    position_id = Id(presence=NULLABLE, about="the position it was made for")
    day_plan_id = Id(presence=NULLABLE, about="the day plan it was planned in")
    is_by_phone = Bool(about="a telephone call")
    state = Choice(("OPEN", "DONE", "SKIPPED"), about="where it stands")
    business_day = Day(about="day of the corrected event time in the company's time zone")
    check_in = Part(HeldEvent, presence=NULLABLE, about="arrival; null when skipped")
    check_out = Part(
        HeldEvent,
        presence=NULLABLE,
        about="leaving; null while open; when skipped, the moment of skipping",
    )
    closed_by = Choice(CLOSED_BY, presence=NULLABLE, about="what ended it")
    steps = ListOf(Part(Step), STEPS_MAX, about="steps in the order they were taken")
    note = Text(0, NOTE_MAX, presence=NULLABLE, about="free text")
    skip_reason = Choice(SKIP_REASONS, presence=NULLABLE, about="why it was skipped")
    clock = Part(Clock, about="how its corrected times came about")
    verdict = Part(Verdict, presence=NULLABLE, about="null when skipped or by phone")
    flags = ListOf(Flag(), FLAGS_MAX, about="what a supervisor may want to look at")


# --- contract 1 ---------------------------------------------------------------------------------


def position_is_whole(event: Any) -> Iterable[tuple[str, str]]:
    """A position is its latitude, longitude and accuracy together; what describes it needs it."""
    have = [getattr(event, name) is not None for name in ("lat_e7", "lon_e7", "accuracy_cm")]
    if any(have) and not all(have):
        yield "", "must have lat_e7, lon_e7 and accuracy_cm together or none of them"
    if not any(have) and event.gps_time is not None:
        yield "gps_time", "needs lat_e7, lon_e7 and accuracy_cm"
    if not any(have) and event.is_mock:
        yield "is_mock", "needs lat_e7, lon_e7 and accuracy_cm"


def check_out_is_whole(visit: Any) -> Iterable[tuple[str, str]]:
    """A check-out is its two clocks together."""
    if (visit.checked_out_at is None) != (visit.checked_out_uptime_ms is None):
        yield "checked_out_uptime_ms", "must be there exactly when checked_out_at is"


class VisitCreate1(WireSchema):
    """A visit in contract 1: flat, WGS84, never by phone."""

    rules = (position_is_whole, check_out_is_whole)

    store_id = Id(about="the store")
    plan_id = Id(presence=OPTIONAL, about="the day plan it was planned in")
    checked_in_at = Millis(about="wall clock at arrival")
    checked_in_uptime_ms = Uptime(about="monotonic clock at arrival")
    checked_out_at = Millis(presence=OPTIONAL, about="wall clock at leaving")
    checked_out_uptime_ms = Uptime(presence=OPTIONAL, about="monotonic clock at leaving")
    lat_e7 = latitude(presence=OPTIONAL, about="latitude at arrival, WGS84")
    lon_e7 = longitude(presence=OPTIONAL, about="longitude at arrival, WGS84")
    accuracy_cm = accuracy(presence=OPTIONAL)
    gps_time = Millis(presence=OPTIONAL, about="time of the fix by the satellites")
    is_mock = Bool(presence=OPTIONAL, about="whether the position is simulated; absent: false")
    steps = ListOf(Choice(STEPS), STEPS_MAX, about="names of the steps done")
    note = Text(0, NOTE_MAX, presence=OPTIONAL, about="free text")


class VisitFinish1(WireSchema):
    """A visit that was sent open ends, in contract 1."""

    checked_out_at = Millis(about="wall clock at leaving")
    checked_out_uptime_ms = Uptime(about="monotonic clock at leaving")
    steps = ListOf(Choice(STEPS), STEPS_MAX, about="names of all steps done")
    note = Text(0, NOTE_MAX, presence=OPTIONAL, about="free text")


class VisitChanges1(WireSchema):
    """The fields of a visit that a correction sets, in contract 1."""

    rules = (changes_something,)

    store_id = Id(presence=CHANGE, about="the store that it truly was")
    steps = ListOf(Choice(STEPS), STEPS_MAX, presence=CHANGE, about="names of all steps done")
    note = Text(0, NOTE_MAX, presence=CHANGE_NULLABLE, about="free text")


class VisitCorrect1(WireSchema):
    """A correction in contract 1."""

    reason = Text(1, 200, about="why, in words for the supervisor")
    changes = Part(VisitChanges1, about="what is set")


class VisitDown1(WireSchema):
    """A visit as the server holds it, in contract 1. Skipped visits are not sent."""

    store_id = Id(about="the store")
    person_id = Id(about="who made it")
    position_id = Id(presence=NULLABLE, about="the position it was made for")
    plan_id = Id(presence=NULLABLE, about="the day plan it was planned in")
    state = Choice(("OPEN", "DONE"), about="where it stands")
    business_day = Day(about="day of the corrected event time in the company's time zone")
    checked_in_at = Millis(about="wall clock at arrival, as sent")
    checked_in_corrected_at = Int(
        -JSON_INT_MAX, JSON_INT_MAX, about="corrected time of arrival", unit="ms since 1970"
    )
    checked_out_at = Millis(presence=NULLABLE, about="wall clock at leaving, as sent")
    checked_out_corrected_at = Int(
        -JSON_INT_MAX,
        JSON_INT_MAX,
        presence=NULLABLE,
        about="corrected time of leaving",
        unit="ms since 1970",
    )
    lat_e7 = latitude(presence=NULLABLE, about="latitude at arrival, WGS84")
    lon_e7 = longitude(presence=NULLABLE, about="longitude at arrival, WGS84")
    accuracy_cm = Int(0, ACCURACY_CM_MAX, presence=NULLABLE, about="accuracy at arrival", unit="cm")
    gps_time = Millis(presence=NULLABLE, about="time of the fix by the satellites")
    is_mock = Bool(presence=NULLABLE, about="whether the position is simulated")
    steps = ListOf(Choice(STEPS), STEPS_MAX, about="names of the steps done")
    note = Text(0, NOTE_MAX, presence=NULLABLE, about="free text")
    trust = Choice(TRUSTS, about="what the corrected time rests on")
    offset_ms = Int(
        -JSON_INT_MAX,
        JSON_INT_MAX,
        about="received_at less sent_at of the push that brought it",
        unit="ms",
    )
    verdict = Choice(VERDICTS, presence=NULLABLE, about="see Verdicts")
    distance_cm = Int(0, DISTANCE_CM_MAX, presence=NULLABLE, about="check-in to pin", unit="cm")
    flags = ListOf(
        Pattern(FLAG_NAME_PATTERN, "the name of a flag"), FLAGS_MAX, about="names of the flags"
    )


def steps_from_names(names: list[str]) -> list[Fields]:
    """The steps that contract 1 names as done."""
    return [{"step": name, "outcome": "DONE"} for name in names]


def fix_from_flat(flat: Fields) -> Fields | None:
    """The fix of an event that carries its position flat."""
    if flat.get("lat_e7") is None:
        return None
    return {
        "lat_e7": flat["lat_e7"],
        "lon_e7": flat["lon_e7"],
        "datum": "WGS84",
        "accuracy_cm": flat["accuracy_cm"],
        "gps_time": flat.get("gps_time"),
        "is_mock": bool(flat.get("is_mock")),
    }


def flat_from_fix(fix: Fields | None) -> Fields:
    """A held fix, flat, all null where there is none."""
    names = ("lat_e7", "lon_e7", "accuracy_cm", "gps_time", "is_mock")
    return {name: None if fix is None else fix[name] for name in names}


def raise_1_to_2(op: str, payload: Fields) -> Fields:
    """A contract-1 payload as contract 2 says it."""
    if op == "correct":
        changes = dict(payload["changes"])
        if "steps" in changes:
            changes["steps"] = steps_from_names(changes["steps"])
        return {"reason": payload["reason"], "changes": changes}
    steps = steps_from_names(payload["steps"])
    check_out = None
    if payload.get("checked_out_at") is not None:
        check_out = moment_from_flat(payload["checked_out_at"], payload["checked_out_uptime_ms"])
    raised: Fields = {
        "check_out": check_out,
        "closed_by": None if check_out is None else "PERSON",
        "steps": steps,
        "note": payload.get("note"),
    }
    if op == "finish":
        return raised
    check_in = {
        **moment_from_flat(payload["checked_in_at"], payload["checked_in_uptime_ms"]),
        "fix": fix_from_flat(payload),
    }
    return {
        "store_id": payload["store_id"],
        "day_plan_id": payload.get("plan_id"),
        "is_by_phone": False,
        "check_in": check_in,
        **raised,
    }


def lower_2_to_1(fields: Fields) -> Fields | None:
    """A held visit, flat; None for a skipped one, which contract 1 does not know."""
    check_in, check_out, verdict = fields["check_in"], fields["check_out"], fields["verdict"]
    if check_in is None or fields["state"] == "SKIPPED":
        return None
    done = [step["step"] for step in fields["steps"] if step["outcome"] == "DONE"]
    return {
        "store_id": fields["store_id"],
        "person_id": fields["person_id"],
        "position_id": fields["position_id"],
        "plan_id": fields["day_plan_id"],
        "state": fields["state"],
        "business_day": fields["business_day"],
        "checked_in_at": check_in["at"],
        "checked_in_corrected_at": check_in["corrected_at"],
        "checked_out_at": None if check_out is None else check_out["at"],
        "checked_out_corrected_at": None if check_out is None else check_out["corrected_at"],
        **flat_from_fix(check_in["fix"]),
        "steps": done,
        "note": fields["note"],
        "trust": fields["clock"]["trust"],
        "offset_ms": fields["clock"]["offset_ms"],
        "verdict": None if verdict is None else verdict["verdict"],
        "distance_cm": None if verdict is None else verdict["distance_cm"],
        "flags": [flag["flag"] for flag in fields["flags"]],
    }


VISIT: Final = RecordContract(
    kind="visit",
    ops={
        1: {"create": VisitCreate1, "finish": VisitFinish1, "correct": VisitCorrect1},
        2: {
            "create": VisitCreate,
            "finish": VisitFinish,
            "correct": VisitCorrect,
            "skip": VisitSkip,
        },
    },
    down={1: VisitDown1, 2: VisitDown},
    raise_1_to_2=raise_1_to_2,
    lower_2_to_1=lower_2_to_1,
    needs_base_version=frozenset({"correct"}),
)
