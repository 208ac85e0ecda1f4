"""location_check: where somebody is now, asked by a supervisor, answered by the phone. From contract 2 on."""

from typing import Final

from mobile_contract.fields import (
    JSON_INT_MAX,
    NULLABLE,
    Choice,
    Id,
    Int,
    ListOf,
    Millis,
    Part,
    Text,
)
from mobile_contract.records.contract import RecordContract
from mobile_contract.records.evidence import (
    DISTANCE_CM_MAX,
    Clock,
    Event,
    Flag,
    HeldEvent,
    accuracy,
)
from mobile_contract.records.visit import FLAGS_MAX
from mobile_contract.schema import WireSchema

CHECK_STATES: Final = ("ASKED", "ANSWERED", "WITHDRAWN")
REGION_VERDICTS: Final = ("NO_BOUNDARY", "UNCERTAIN", "INSIDE", "TOLERATED", "OUTSIDE")
CHECK_NOTE_MAX: Final = 400


class LocationAnswer(WireSchema):
    """Where the phone is. Without a fix it answers all the same."""

    answered = Part(Event, about="when and where")


class LocationVerdict(WireSchema):
    """Where an answer lies against the position's region and the stores of its day."""

    region = Choice(REGION_VERDICTS, about="see the verdicts of a location check")
    region_id = Id(presence=NULLABLE, about="the region whose boundary was used")
    outside_cm = Int(
        0, DISTANCE_CM_MAX, presence=NULLABLE, about="how far outside of it; 0 inside", unit="cm"
    )
    accuracy_cm = accuracy(presence=NULLABLE)
    stores = Int(0, JSON_INT_MAX, about="stores with a pin in the position's plan of that day")
    nearest_store_id = Id(presence=NULLABLE, about="the nearest of them")
    nearest_cm = Int(0, DISTANCE_CM_MAX, presence=NULLABLE, about="how far it is", unit="cm")


class HeldLocationAnswer(WireSchema):
    """The answer that settled a location check."""

    answered = Part(HeldEvent, about="when and where")
    clock = Part(Clock, about="how its corrected time came about")
    verdict = Part(LocationVerdict, about="what it says, with its figures")
    flags = ListOf(Flag(), FLAGS_MAX, about="what a supervisor may want to look at")


class LocationCheckDown(WireSchema):
    """A location check as the server holds it."""

    person_id = Id(about="who is asked")
    position_id = Id(presence=NULLABLE, about="the position they are asked in")
    state = Choice(CHECK_STATES, about="where it stands")
    asked_by = Text(0, 200, about="who asked")
    note = Text(0, CHECK_NOTE_MAX, presence=NULLABLE, about="why, for the person")
    asked_at = Millis(about="when it was asked")
    expires_at = Millis(about="an answer after it is late, and flagged")
    answer = Part(HeldLocationAnswer, presence=NULLABLE, about="the answer that settled it")


LOCATION_CHECK: Final = RecordContract(
    kind="location_check",
    ops={1: {}, 2: {"answer": LocationAnswer}},
    down={1: None, 2: LocationCheckDown},
)
