"""activity: a promotion with a code, a period and standards. It only comes down, from contract 2 on."""

from typing import Final

from mobile_contract.fields import (
    NULLABLE,
    Bool,
    Choice,
    Day,
    Id,
    Int,
    ListOf,
    Part,
    Pattern,
    Text,
)
from mobile_contract.records.contract import RecordContract
from mobile_contract.schema import WireSchema

ACTIVITY_STATES: Final = ("APPROVED", "OPEN", "SUSPENDED", "ENDED", "SETTLED")
PASS_RULES: Final = ("DONE", "PHOTOS", "DONE_AND_PHOTOS")
ITEM_PATTERN: Final = r"[A-Z][A-Z0-9_]{0,39}"
ITEM_SAID: Final = "1 to 40 of A-Z, 0-9 and _, the first a letter"
CURRENCY_PATTERN: Final = r"[A-Z]{3}"
ACTIVITY_CODE_MAX: Final = 40
ACTIVITY_NAME_MAX: Final = 120
ACTIVITY_ABOUT_MAX: Final = 2_000
STANDARD_TEXT_MAX: Final = 400
STANDARDS_MAX: Final = 50
STANDARD_PHOTOS_MAX: Final = 20
STANDARDS_VERSION_MAX: Final = 10_000
ACTIVITY_CHANNELS_MAX: Final = 50
ACTIVITY_REGIONS_MAX: Final = 200
MONEY_MINOR_MAX: Final = 10**15


class Standard(WireSchema):
    """One item of the checklist that a store in the activity has to meet."""

    item = Pattern(ITEM_PATTERN, ITEM_SAID, about="its code, the same in every version")
    text = Text(1, STANDARD_TEXT_MAX, about="what the store has to show")
    is_required = Bool(about="whether it counts in compliance")
    photos = Int(0, STANDARD_PHOTOS_MAX, about="how many photos each visit brings of it")
    pass_rule = Choice(
        PASS_RULES,
        about="what an auditor passes it by: that it is done, its photos, or both",
    )


class ActivityPay(WireSchema):
    """What a store gets that meets the standards in full."""

    amount_minor = Int(0, MONEY_MINOR_MAX, about="amount for one store", unit="minor units")
    currency = Pattern(CURRENCY_PATTERN, "a currency of ISO 4217", about="ISO 4217")


class ActivityDown(WireSchema):
    """An activity as the server holds it."""

    code = Text(1, ACTIVITY_CODE_MAX, about="given when it was approved")
    name = Text(1, ACTIVITY_NAME_MAX, about="what it is called")
    about = Text(0, ACTIVITY_ABOUT_MAX, presence=NULLABLE, about="what it is, for people")
    state = Choice(ACTIVITY_STATES, about="where it stands")
    division_id = Id(presence=NULLABLE, about="the division that runs it; null: the company")
    starts_on = Day(about="its first day")
    ends_on = Day(about="its last day")
    channels = ListOf(
        Text(1, 40),
        ACTIVITY_CHANNELS_MAX,
        about="channels of the stores that it is for; empty: of all",
    )
    region_ids = ListOf(
        Id(),
        ACTIVITY_REGIONS_MAX,
        about="regions, each with all below it, of the stores that it is for; empty: all",
    )
    standards_version = Int(
        1, STANDARDS_VERSION_MAX, about="an audit visit names the version that it was brought by"
    )
    standards = ListOf(Part(Standard), STANDARDS_MAX, about="the checklist, in its order")
    pay = Part(ActivityPay, presence=NULLABLE, about="what a store gets, where it gets money")


ACTIVITY: Final = RecordContract(kind="activity", down={1: None, 2: ActivityDown})
