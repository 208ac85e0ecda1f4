"""The settings of a company in plain words: in groups, what each means, in which unit, and what it is.

Longer than most modules: it is one list.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from server.language import (
    sentence,
    tell,
    told_list,
    told_money,
    told_number,
    told_weekday_names,
)
from server.vocabulary import flag_name, told_audit_reason
from sync.policy import ANY

# What a setting is, and so which controls it has.
WHOLE, MINUTE, MONEY, CHOICE, ZONE, CURRENCY = (
    "whole",
    "minute",
    "money",
    "choice",
    "zone",
    "currency",
)
WEEKDAYS, FLAGS, BY_CLASS, BY_CHANNEL, MONEY_BY_CHANNEL = (
    "weekdays", "flags", "by_class", "by_channel", "money_by_channel",
)  # fmt: skip
REASONS, STEPS = "reasons", "steps"

_M, _S, _MS, _MIN, _H, _DAYS, _PERCENT, _PERMILLE, _KMH = (
    sentence("m"),
    sentence("s"),
    sentence("ms"),
    sentence("min"),
    sentence("h"),
    sentence("days"),
    sentence("%"),
    sentence("‰"),
    sentence("km/h"),
)


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: its name, what it is called, what it means, and its unit where it has one."""

    name: str
    title: str
    about: str
    kind: str = WHOLE
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Settings that belong together, under a name for addresses."""

    name: str
    title: str
    settings: tuple[Setting, ...]


GROUPS = (
    Group(
        "days",
        sentence("Days and working time"),
        (
            Setting(
                "time_zone",
                sentence("Time zone"),
                sentence(
                    "Where the company's day begins and ends. A zone of the IANA database, such as Asia/Shanghai."
                ),
                ZONE,
            ),
            Setting(
                "working_weekdays",
                sentence("Working days"),
                sentence("Work on other days is flagged; holidays are set in the calendar."),
                WEEKDAYS,
            ),
            Setting(
                "working_from_min",
                sentence("The day begins at"),
                sentence("Positions from before it are removed; visits are flagged."),
                MINUTE,
            ),
            Setting(
                "working_until_min",
                sentence("The day ends at"),
                sentence("Positions from after it are removed; visits are flagged."),
                MINUTE,
            ),
            Setting(
                "grace_days",
                sentence("Late work of leavers"),
                sentence(
                    "For so long after leaving a position work of that time is taken without review."
                ),
                unit=_DAYS,
            ),
        ),
    ),
    Group(
        "visits",
        sentence("Fences and evidence of visits"),
        (
            Setting(
                "fence_radius_m",
                sentence("Fence"),
                sentence(
                    "A check-in within it is at the store. A store may have a fence of its own."
                ),
                unit=_M,
            ),
            Setting(
                "fence_by_class",
                sentence("Fence by class"),
                sentence("For stores of a class, instead of the above. Empty: the above."),
                BY_CLASS,
                _M,
            ),
            Setting(
                "is_fence_hard",
                sentence("The phone lets nobody check in outside"),
                sentence("The server takes every check-in all the same."),
                CHOICE,
            ),
            Setting(
                "pin_move_m",
                sentence("Pins that move"),
                sentence("A rep may move a pin so far without approval."),
                unit=_M,
            ),
            Setting(
                "min_visit_s",
                sentence("Shortest visit"),
                sentence("Shorter ones are flagged."),
                unit=_S,
            ),
            Setting(
                "visit_timeout_s",
                sentence("Visits end by themselves after"),
                sentence("A visit without a check-out is closed then."),
                unit=_S,
            ),
            Setting(
                "max_speed_kmh",
                sentence("Fastest way between two places"),
                sentence("Faster is flagged as too fast to be true."),
                unit=_KMH,
            ),
            Setting(
                "clock_tolerance_ms",
                sentence("Clocks that are right"),
                sentence("A phone's clock that is off by less is taken as it is."),
                unit=_MS,
            ),
            Setting(
                "clock_offset_flag_ms",
                sentence("Clocks that are flagged"),
                sentence("A clock that is off by more is corrected and flagged."),
                unit=_MS,
            ),
            Setting(
                "flags_to_accept",
                sentence("Flags to be accepted first"),
                sentence(
                    "Visits with these count in figures only once somebody accepted them; with others, until somebody rejects them."
                ),
                FLAGS,
            ),
            Setting(
                "location_check_min",
                sentence("Time to answer a location check"),
                sentence("Later answers are flagged."),
                unit=_MIN,
            ),
        ),
    ),
    Group(
        "tracks",
        sentence("Tracks"),
        (
            Setting(
                "track_days",
                sentence("Points are kept for"),
                sentence("After that only days and sums stay."),
                unit=_DAYS,
            ),
            Setting(
                "track_silence_s",
                sentence("A silence is a gap after"),
                sentence("A track without points for longer is broken off there."),
                unit=_S,
            ),
            Setting(
                "stop_radius_m",
                sentence("A stop is within"),
                sentence("Who stays within so many metres for the time below makes a stop."),
                unit=_M,
            ),
            Setting(
                "stop_min_s",
                sentence("A stop lasts at least"),
                sentence("Shorter ones are no stops."),
                unit=_S,
            ),
        ),
    ),
    Group(
        "planning",
        sentence("Calls and planning"),
        (
            Setting(
                "mandatory_steps",
                sentence("Steps that a call must have"),
                sentence("By channel and class of the store. What is left out is flagged."),
                STEPS,
            ),
            Setting(
                "call_min",
                sentence("Length of a call"),
                sentence("What planning reckons with."),
                unit=_MIN,
            ),
            Setting(
                "call_min_by_channel",
                sentence("Length of a call by channel"),
                sentence("For stores of a channel, instead of the above."),
                BY_CHANNEL,
                _MIN,
            ),
            Setting(
                "travel_speed_kmh",
                sentence("Speed from store to store"),
                sentence("As the crow flies. What planning reckons with."),
                unit=_KMH,
            ),
            Setting(
                "day_capacity_min",
                sentence("Time of a day for calls and ways"),
                sentence("A day that needs more is too full."),
                unit=_MIN,
            ),
        ),
    ),
    Group(
        "phones",
        sentence("What phones carry"),
        (
            Setting(
                "visit_days_on_phone",
                sentence("Own visits stay on the phone for"),
                sentence("Older ones leave it; the server keeps them."),
                unit=_DAYS,
            ),
            Setting(
                "plan_days_ahead",
                sentence("Day plans ahead"),
                sentence("How many days to come are made and go to phones."),
                unit=_DAYS,
            ),
            Setting(
                "plan_days_behind",
                sentence("Day plans behind"),
                sentence("How many past days stay on phones."),
                unit=_DAYS,
            ),
            Setting(
                "max_scope_records",
                sentence("Most records for one phone"),
                sentence("A change that would give a phone more is refused."),
            ),
        ),
    ),
    Group(
        "orders",
        sentence("Orders and prices"),
        (
            Setting(
                "currency",
                sentence("Currency"),
                sentence(
                    "Of orders of stores whose account names no other. ISO 4217, such as EUR."
                ),
                CURRENCY,
            ),
            Setting(
                "min_order_minor",
                sentence("Least worth of an order"),
                sentence("A smaller one is held. 0: none is too small."),
                MONEY,
            ),
            Setting(
                "min_order_by_channel",
                sentence("Least worth by channel"),
                sentence("For stores of a channel, instead of the above."),
                MONEY_BY_CHANNEL,
            ),
            Setting(
                "price_warn_h",
                sentence("Prices are old after"),
                sentence("An order at older prices is flagged; the phone says so before."),
                unit=_H,
            ),
            Setting(
                "price_hold_h",
                sentence("Prices are too old after"),
                sentence("An order at older prices is held."),
                unit=_H,
            ),
        ),
    ),
    Group(
        "pay",
        sentence("Pay of activities"),
        (
            Setting(
                "pay_full_percent",
                sentence("Full pay from"),
                sentence("From this compliance on a store gets all of an activity's pay."),
                unit=_PERCENT,
            ),
            Setting(
                "pay_half_percent",
                sentence("Half pay from"),
                sentence("From this compliance on it gets half of it; below, nothing."),
                unit=_PERCENT,
            ),
        ),
    ),
    Group(
        "audits",
        sentence("Audits"),
        (
            Setting(
                "audit_sample_percent",
                sentence("Drawn for auditors"),
                sentence("So much of a week's audit visits, beside those that are flagged."),
                unit=_PERCENT,
            ),
            Setting(
                "audit_second_percent",
                sentence("Audited twice"),
                sentence("So much goes to a second auditor, who does not see the first verdict."),
                unit=_PERCENT,
            ),
            Setting(
                "audit_wait_h",
                sentence("Waiting for photos"),
                sentence("After that auditors get it without them."),
                unit=_H,
            ),
            Setting(
                "audit_claim_min",
                sentence("An auditor has a claim for"),
                sentence("Then others may take it."),
                unit=_MIN,
            ),
            Setting(
                "audit_undo_min",
                sentence("A verdict can be undone for"),
                sentence("By the auditor who gave it."),
                unit=_MIN,
            ),
            Setting(
                "appeal_days",
                sentence("Time to appeal"),
                sentence("After a verdict the rep may appeal once."),
                unit=_DAYS,
            ),
            Setting(
                "audit_task_days",
                sentence("Tasks after a failed item are due within"),
                sentence("Counted from the verdict."),
                unit=_DAYS,
            ),
            Setting(
                "audit_reasons",
                sentence("Reasons for failing an item"),
                sentence("What auditors choose from, and which task follows."),
                REASONS,
            ),
        ),
    ),
    Group(
        "photos",
        sentence("Evidence of photos"),
        (
            Setting(
                "photo_reuse_bits",
                sentence("Used before: bits that may differ"),
                sentence(
                    "Of 64. A photo that differs in no more from one of another store or day is flagged."
                ),
            ),
            Setting(
                "photo_reuse_detail_permille",
                sentence("Used before: detail that may differ"),
                sentence("Of 1,000. With 1,000 the bits alone decide."),
                unit=_PERMILLE,
            ),
            Setting(
                "photo_sharpness_min",
                sentence("Least sharpness"),
                sentence("Less is flagged as blurred."),
            ),
            Setting(
                "photo_darkness_max",
                sentence("Most darkness"),
                sentence("Of 1,000. More is flagged as dark."),
                unit=_PERMILLE,
            ),
            Setting(
                "photo_time_off_min",
                sentence("Time beside the visit"),
                sentence("A camera's time that is further off is flagged."),
                unit=_MIN,
            ),
            Setting(
                "photo_elsewhere_m",
                sentence("Distance from the pin"),
                sentence("A position that is further off, and outside the fence, is flagged."),
                unit=_M,
            ),
            Setting(
                "photo_edited_permille",
                sentence("Signs of editing"),
                sentence("Flagged when they are this sure, of 1,000."),
                unit=_PERMILLE,
            ),
            Setting(
                "photo_screen_permille",
                sentence("Photos of a screen"),
                sentence("Flagged when it is this sure, of 1,000."),
                unit=_PERMILLE,
            ),
        ),
    ),
)
SETTINGS: Mapping[str, Setting] = {one.name: one for group in GROUPS for one in group.settings}

STEP_NAMES = {
    "PREPARE": sentence("prepare"),
    "GREET": sentence("greet"),
    "CHECK_STORE": sentence("check the store"),
    "MERCHANDISE": sentence("merchandise"),
    "TAKE_STOCK": sentence("take stock"),
    "PRESENT": sentence("present"),
    "AGREE_ORDER": sentence("agree the order"),
    "REVIEW": sentence("review and file"),
}
TASK_NAMES = {
    "SHOOT_AGAIN": sentence("take the photos again"),
    "PUT_RIGHT": sentence("put it right"),
}


def told_minute_of_day(minute: int) -> str:
    """Minutes after midnight as a clock shows them: 450 → "07:30"."""
    return f"{minute // 60:02}:{minute % 60:02}"


def told_setting(name: str, value: Any, currency: str) -> str:
    """What a setting is, in words; `currency` is that of the same settings."""
    setting = SETTINGS[name]
    match setting.kind:
        case "choice":
            return tell("yes") if value else tell("no")
        case "whole":
            return _with_unit(value, setting)
        case "minute":
            return told_minute_of_day(value)
        case "money":
            return _told_amount(value, currency)
        case "zone" | "currency":
            return str(value)
    return _told_parts(setting, value, currency) or tell("nothing")


def _told_parts(setting: Setting, value: Any, currency: str) -> str:
    match setting.kind:
        case "weekdays":
            names = told_weekday_names()
            return told_list([names[day - 1] for day in sorted(value)])
        case "flags":
            return told_list([flag_name(flag) for flag in value])
        case "steps":
            return "; ".join(
                f"{told_channel(channel)}, {told_class(store_class)}: {told_list([tell(STEP_NAMES[step]) for step in steps])}"
                for channel, by_class in sorted(value.items())
                for store_class, steps in sorted(by_class.items())
            )
        case "reasons":
            return "; ".join(
                f"{code}: {told_audit_reason(reason['words'])} ({tell(TASK_NAMES[reason['task']])})"
                for code, reason in value.items()
            )
        case "money_by_channel":
            return told_list(
                [
                    f"{key}: {_told_amount(number, currency)}"
                    for key, number in sorted(value.items())
                ]
            )
    return told_list(
        [f"{key}: {_with_unit(number, setting)}" for key, number in sorted(value.items())]
    )


def _told_amount(minor: int, currency: str) -> str:
    """An amount; in minor units where its currency is not known."""
    return told_money(minor, currency) if currency else told_number(minor)


def told_channel(channel: str) -> str:
    """A channel of a setting; "*" stands for any."""
    return tell("any channel") if channel == ANY else channel


def told_class(store_class: str) -> str:
    """A class of a setting; "*" stands for any."""
    return tell("any class") if store_class == ANY else tell("class {name}", name=store_class)


def _with_unit(number: int, setting: Setting) -> str:
    told = told_number(number)
    if not setting.unit:
        return told
    told = f"{told} {tell(setting.unit)}"
    for unit, larger, length, least in _LARGER:
        if setting.unit == unit and number >= least and number % length == 0:
            return f"{told} = {told_number(number // length)} {tell(larger)}"
    return told


# Units, larger ones, how many of one make the other, and from how many on it is said in the other, too.
_LARGER = (
    (_MS, _S, 1_000, 1_000),
    (_S, _H, 3_600, 3_600),
    (_S, _MIN, 60, 120),
    (_MIN, _H, 60, 120),
    (_H, _DAYS, 24, 48),
)
