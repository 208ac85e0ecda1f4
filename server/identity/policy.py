"""A company's settings change as a whole new version; verdicts keep naming the one they had.

Phones hear of it in the same transaction: the policy record always, the stores where their
fences follow from it.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import func, insert, select, update

from mobile_contract.records.activity import ITEM_PATTERN
from mobile_contract.records.price_list import CURRENCY_PATTERN
from mobile_contract.records.store import CLASSES
from mobile_contract.records.visit import STEPS
from server.identity.change_log import Actor, log_change
from server.identity.errors import PolicyChanged, SettingInvalid
from server.language import Said, joined
from sync.kinds.policy.publish import publish_policy
from sync.kinds.store.publish import publish_stores
from sync.kinds.store.table import store
from sync.kinds.store_terms.publish import bring_terms_up
from sync.kinds.track.judge import TRACK_DAY, person_day
from sync.organisation import company
from sync.organisation import policy as policy_table
from sync.policy import ANY, Policy, current_policy, policy_settings
from sync.unit_of_work import UnitOfWork
from sync.work import leave_work

MAX_CHANNEL_LENGTH = 40
MAX_CHANNELS_WITH_STEPS = 50
ISO_WEEKDAYS = range(1, 8)
AUDIT_REASONS_MAX = 50
AUDIT_REASON_WORDS_MAX = 200
AUDIT_TASKS = ("SHOOT_AGAIN", "PUT_RIGHT")
# What a visit has by itself: its verdict, in small letters, and the flags that are stored with it.
FLAGS_TO_ACCEPT = (
    "unpinned",
    "uncertain",
    "tolerated",
    "offsite",
    "clock_offset",
    "clock_changed",
    "clock_ahead",
    "mock_location",
    "too_short",
    "checked_out_before_in",
    "outside_working_window",
    "steps_skipped",
)

# The days that these settings are in force for, wherever on earth: a day is read by those at its end.
_DAYS_NOT_OVER = """
select distinct person_id, business_day from track_part
where company_id = :company and business_day >= cast(now() at time zone 'UTC' as date) - 1
"""

# Each whole number with its least and greatest value, in the unit of its name.
RANGES: dict[str, tuple[int, int]] = {
    "fence_radius_m": (10, 20_000),
    "clock_tolerance_ms": (100, 600_000),
    "clock_offset_flag_ms": (1_000, 86_400_000),
    "min_visit_s": (0, 86_400),
    "visit_timeout_s": (600, 86_400),
    "max_speed_kmh": (1, 2_000),
    "pin_move_m": (0, 20_000),
    "working_from_min": (0, 1_440),
    "working_until_min": (0, 1_440),
    "track_days": (1, 3_650),
    "track_silence_s": (60, 14_400),
    "stop_radius_m": (10, 500),
    "stop_min_s": (60, 14_400),
    "location_check_min": (1, 480),
    "grace_days": (0, 400),
    "max_scope_records": (100, 5_000_000),
    "visit_days_on_phone": (1, 400),
    "plan_days_ahead": (0, 90),
    "plan_days_behind": (0, 90),
    "call_min": (1, 480),
    "travel_speed_kmh": (1, 200),
    "day_capacity_min": (30, 1_440),
    "min_order_minor": (0, 10**12),
    "price_warn_h": (1, 24 * 90),
    "price_hold_h": (1, 24 * 90),
    "pay_full_percent": (1, 100),
    "pay_half_percent": (1, 100),
    "audit_sample_percent": (0, 100),
    "audit_second_percent": (0, 100),
    "audit_wait_h": (0, 24 * 30),
    "audit_claim_min": (1, 1_440),
    "audit_undo_min": (0, 1_440),
    "appeal_days": (0, 90),
    "audit_task_days": (0, 90),
    "photo_reuse_bits": (0, 8),
    "photo_reuse_detail_permille": (0, 1_000),
    "photo_sharpness_min": (0, 100_000),
    "photo_darkness_max": (0, 1_000),
    "photo_time_off_min": (1, 1_440),
    "photo_elsewhere_m": (20, 20_000),
    "photo_edited_permille": (1, 1_000),
    "photo_screen_permille": (1, 1_000),
}


def change_policy(
    uow: UnitOfWork, actor: Actor, changes: Mapping[str, Any], *, seen_version: int | None = None
) -> int:
    """The version of the settings with these changed; the present one where nothing differs.

    Raises SettingInvalid, naming each setting that cannot be and what it may be; PolicyChanged where another version than
    `seen_version` is in force meanwhile.
    """
    # One version after another: the number is the key, and two at once must not lose either.
    uow.connection.execute(
        select(company.c.id).where(company.c.id == uow.company_id).with_for_update(key_share=True)
    )
    version, held = current_policy(uow)
    if seen_version not in (None, version):
        raise PolicyChanged(Said("somebody else changed the settings meanwhile: look at them anew"))
    asked = changed_policy(held, changes)
    if asked == held:
        return version
    before, after = asdict(held), asdict(asked)
    differing = [name for name in after if after[name] != before[name]]
    uow.connection.execute(
        insert(policy_table).values(
            company_id=uow.company_id, version=version + 1, settings=policy_settings(asked)
        )
    )
    if asked.time_zone != held.time_zone:
        uow.connection.execute(
            update(company).where(company.c.id == uow.company_id).values(time_zone=asked.time_zone)
        )
    log_change(
        uow,
        actor,
        "policy.change",
        "policy",
        str(version + 1),
        before={name: before[name] for name in differing},
        after={name: after[name] for name in differing},
    )
    publish_policy(uow)
    if {"fence_radius_m", "fence_by_class"} & set(differing):
        # A store with a fence of its own is not concerned.
        concerned = uow.connection.execute(
            select(store.c.id).where(
                store.c.company_id == uow.company_id, store.c.fence_radius_m.is_(None)
            )
        ).scalars()
        publish_stores(uow, list(concerned))
    if {"track_silence_s", "time_zone"} & set(differing):
        leave_work(
            uow,
            TRACK_DAY,
            [person_day(*row) for row in uow.rows(_DAYS_NOT_OVER, company=uow.company_id)],
        )
    if {"currency", "min_order_minor", "min_order_by_channel"} & set(differing):
        bring_terms_up(uow)
    return version + 1


def changed_policy(held: Policy, changes: Mapping[str, Any]) -> Policy:
    """The policy with these changes, checked; SettingInvalid names all that cannot be."""
    values: dict[str, Any] = {}
    faults: dict[str, Said] = {}
    for name, value in changes.items():
        meaning = _fault_of(name, value)
        if meaning is None:
            values[name] = _sorted(name, value)
        else:
            faults[name] = meaning
    asked = replace(held, **values)
    if asked.working_from_min >= asked.working_until_min:
        faults.setdefault("working_from_min", Said("the working day begins before it ends"))
    if asked.pay_half_percent > asked.pay_full_percent:
        faults.setdefault("pay_half_percent", Said("not above pay_full_percent"))
    if faults:
        told = [
            Said("{name}: {meaning}", name=Said(name), meaning=fault)
            for name, fault in faults.items()
        ]
        raise SettingInvalid(joined(told), faults)
    return asked


def stores_that_follow(uow: UnitOfWork) -> int:
    """How many stores have the fence of the settings, and none of their own."""
    asked = select(func.count()).where(
        store.c.company_id == uow.company_id, store.c.fence_radius_m.is_(None)
    )
    return uow.connection.execute(asked).scalar_one()


def _fault_of(name: str, value: Any) -> Said | None:
    """What a setting may be where this is nothing that it may be."""
    if name in RANGES:
        least, most = RANGES[name]
        if type(value) is int and least <= value <= most:
            return None
        return Said("a whole number from {least} to {most}", least=least, most=most)
    if name not in _CHECKS:
        return Said("there is no such setting")
    is_good, meaning = _CHECKS[name]
    return None if is_good(value) else meaning


def _sorted(name: str, value: Any) -> Any:
    return tuple(sorted(value)) if name in ("working_weekdays", "flags_to_accept") else value


def _is_zone(value: Any) -> bool:
    if not isinstance(value, str) or not value:
        return False
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _are_weekdays(value: Any) -> bool:
    return (
        isinstance(value, (list, tuple))
        and len(value) > 0
        and all(type(day) is int and day in ISO_WEEKDAYS for day in value)
        and len(set(value)) == len(value)
    )


def _are_flags(value: Any) -> bool:
    return (
        isinstance(value, (list, tuple))
        and all(isinstance(name, str) and name in FLAGS_TO_ACCEPT for name in value)
        and len(set(value)) == len(value)
    )


def _are_fences(value: Any) -> bool:
    least, most = RANGES["fence_radius_m"]
    return isinstance(value, dict) and all(
        name in CLASSES and type(radius_m) is int and least <= radius_m <= most
        for name, radius_m in value.items()
    )


def _are_steps(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and len(value) <= MAX_CHANNELS_WITH_STEPS
        and all(
            isinstance(channel, str)
            and 1 <= len(channel) <= MAX_CHANNEL_LENGTH
            and isinstance(by_class, dict)
            and all(
                name in (*CLASSES, ANY)
                and isinstance(steps, list)
                and all(step in STEPS for step in steps)
                and len(set(steps)) == len(steps)
                for name, steps in by_class.items()
            )
            for channel, by_class in value.items()
        )
    )


def _are_reasons(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and 1 <= len(value) <= AUDIT_REASONS_MAX
        and all(
            isinstance(code, str)
            and re.fullmatch(ITEM_PATTERN, code) is not None
            and isinstance(reason, dict)
            and set(reason) == {"words", "task"}
            and isinstance(reason["words"], str)
            and 1 <= len(reason["words"]) <= AUDIT_REASON_WORDS_MAX
            and "\x00" not in reason["words"]
            and reason["task"] in AUDIT_TASKS
            for code, reason in value.items()
        )
    )


def _is_currency(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(CURRENCY_PATTERN, value) is not None


def _is_by_channel(value: Any, setting: str) -> bool:
    """Whether these are numbers by channel, each in the range of the setting that they stand in for."""
    least, most = RANGES[setting]
    return isinstance(value, dict) and all(
        isinstance(channel, str)
        and 1 <= len(channel) <= MAX_CHANNEL_LENGTH
        and type(number) is int
        and least <= number <= most
        for channel, number in value.items()
    )


_CHECKS: dict[str, tuple[Callable[[Any], bool], Said]] = {
    "time_zone": (_is_zone, Said("a zone of the IANA database, such as Asia/Shanghai")),
    "is_fence_hard": (lambda value: type(value) is bool, Said("true or false")),
    "working_weekdays": (_are_weekdays, Said("days from 1 (Monday) to 7, each once")),
    "flags_to_accept": (_are_flags, Said("verdicts and flags of a visit, each once")),
    "fence_by_class": (_are_fences, Said("metres by class A, B, C")),
    "currency": (_is_currency, Said("a currency of ISO 4217, such as EUR")),
    "min_order_by_channel": (
        lambda value: _is_by_channel(value, "min_order_minor"),
        Said("minor units by channel"),
    ),
    "call_min_by_channel": (
        lambda value: _is_by_channel(value, "call_min"),
        Said("minutes by channel"),
    ),
    "audit_reasons": (
        _are_reasons,
        Said(
            "1 to {most} codes, each with words and a task of {choices}",
            most=AUDIT_REASONS_MAX,
            choices=" or ".join(AUDIT_TASKS),
        ),
    ),
    "mandatory_steps": (
        _are_steps,
        Said(
            "steps of a call, each once, by channel (at most {most}), then by class or *",
            most=MAX_CHANNELS_WITH_STEPS,
        ),
    ),
}
