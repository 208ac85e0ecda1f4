"""activity_store: a store in an activity. Reps ask for it; the state comes down. From contract 2 on."""

from typing import Final

from mobile_contract.fields import (
    JSON_INT_MAX,
    NULLABLE,
    OPTIONAL,
    Choice,
    Day,
    Id,
    Int,
    ListOf,
    Part,
    Text,
)
from mobile_contract.records.contract import RecordContract
from mobile_contract.records.evidence import Clock, Event, Flag, HeldEvent
from mobile_contract.records.visit import FLAGS_MAX
from mobile_contract.schema import WireSchema

ACTIVITY_STORE_STATES: Final = (
    "REQUESTED",
    "APPROVED",
    "RUNNING",
    "AUDITED",
    "PAID",
    "REDUCED",
    "REFUSED",
    "WITHDRAWN",
)
REFUSALS: Final = ("DECIDED", "ALREADY_IN")
REQUEST_NOTE_MAX: Final = 1_000
DECISION_MAX: Final = 400


class ActivityStoreRequest(WireSchema):
    """A store is to join an activity. The item's entity_id is a new id; its media are photos for who decides."""

    activity_id = Id(about="the activity; the request waits for it if the server lacks it")
    store_id = Id(about="the store; the request waits for it if the server lacks it")
    position_id = Id(presence=OPTIONAL, about="the position it is asked for")
    requested = Part(Event, about="when and where the person asked")
    note = Text(0, REQUEST_NOTE_MAX, presence=OPTIONAL, about="why this store, for who decides")


class ActivityStoreWithdraw(WireSchema):
    """A request that is not running yet is taken back."""

    withdrawn = Part(Event, about="when and where")
    reason = Text(1, 200, about="why, in words for the office")


class ActivityStoreDown(WireSchema):
    """A store in an activity as the server holds it."""

    activity_id = Id(about="the activity")
    store_id = Id(about="the store")
    state = Choice(ACTIVITY_STORE_STATES, about="where it stands")
    person_id = Id(presence=NULLABLE, about="who asked; null: the office put it in")
    position_id = Id(presence=NULLABLE, about="the position it was asked for")
    business_day = Day(about="day of the request in the company's time zone")
    occurred = Part(HeldEvent, presence=NULLABLE, about="when and where it was asked")
    clock = Part(Clock, presence=NULLABLE, about="how its corrected time came about")
    note = Text(0, REQUEST_NOTE_MAX, presence=NULLABLE, about="what the person said")
    photos = Int(0, 100, about="how many photos came with the request")
    refusal = Choice(
        REFUSALS,
        presence=NULLABLE,
        about="of a refused one: somebody decided so, or another of this store was in already",
    )
    instead_id = Id(presence=NULLABLE, about="the one that was in already, where refusal says so")
    answer = Text(0, DECISION_MAX, presence=NULLABLE, about="what who decided or took it back said")
    decided_at = Int(
        -JSON_INT_MAX,
        JSON_INT_MAX,
        presence=NULLABLE,
        about="when it was approved, refused or withdrawn",
        unit="ms since 1970-01-01T00:00Z",
    )
    flags = ListOf(Flag(), FLAGS_MAX, about="what who decides may want to look at")


ACTIVITY_STORE: Final = RecordContract(
    kind="activity_store",
    ops={1: {}, 2: {"request": ActivityStoreRequest, "withdraw": ActivityStoreWithdraw}},
    down={1: None, 2: ActivityStoreDown},
)
