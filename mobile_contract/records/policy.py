"""policy: the settings of the company that a phone works by; one record a company. Only down."""

from typing import Final

from mobile_contract.fields import JSON_INT_MAX, NULLABLE, Bool, Choice, Int, ListOf, Part, Text
from mobile_contract.records.contract import RecordContract
from mobile_contract.records.store import CLASSES
from mobile_contract.records.visit import STEPS, STEPS_MAX
from mobile_contract.schema import WireSchema

MANDATORY_STEPS_MAX: Final = 200
WEEKDAYS: Final = 7
PRICE_HOURS_MAX: Final = 24 * 90


class MandatorySteps(WireSchema):
    """Steps that a call must have at stores of a channel and class."""

    channel = Text(1, 40, presence=NULLABLE, about="null: a channel that has no entry of its own")
    store_class = Choice(
        CLASSES, presence=NULLABLE, about="null: a class that has none of its own, and no class"
    )
    steps = ListOf(Choice(STEPS), STEPS_MAX, about="names of the steps; none: as without a class")


class PolicyDown(WireSchema):
    """The company's policy."""

    policy_version = Int(0, JSON_INT_MAX, about="verdicts name the version they were made with")
    time_zone = Text(1, 64, about="IANA name; business days are days of it")
    fence_radius_m = Int(0, 100_000, about="where neither store nor class sets one", unit="m")
    is_fence_hard = Bool(about="true: the phone itself refuses a check-in outside the fence")
    min_visit_s = Int(0, 86_400, about="shorter visits are flagged", unit="s")
    working_from_min = Int(0, 1_440, about="start of working hours", unit="minutes after midnight")
    working_until_min = Int(0, 1_440, about="end of working hours", unit="minutes after midnight")
    working_weekdays = ListOf(
        Int(1, WEEKDAYS), WEEKDAYS, minimum=1, about="1 Monday … 7 Sunday; the others are days off"
    )
    mandatory_steps = ListOf(
        Part(MandatorySteps), MANDATORY_STEPS_MAX, about="what a call must have, see above"
    )
    price_warn_h = Int(
        1, PRICE_HOURS_MAX, about="an order at prices that are older is flagged", unit="h"
    )
    price_hold_h = Int(
        1, PRICE_HOURS_MAX, about="an order at prices that are older is held", unit="h"
    )
    max_speed_kmh = Int(1, 10_000, about="implied speeds above it are flagged", unit="km/h")


POLICY: Final = RecordContract(kind="policy", down={1: None, 2: PolicyDown})
