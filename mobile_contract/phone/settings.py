"""What a phone makes of the company's settings: the steps that a call must have, how old prices may be, and
when where the phone is may be collected. Source: PROTOCOL.md, "policy".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from mobile_contract.phone.phone import Phone

_HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class PriceAge:
    """How old the prices on the phone are, and what becomes of an order that is taken now."""

    age_ms: int
    is_flagged: bool
    is_held: bool


def policy_of(phone: Phone) -> dict[str, Any] | None:
    """The company's settings as they came down; None before the first pull."""
    held = phone.held("policy")
    return held[0].fields if held else None


def mandatory_steps(phone: Phone, store_id: str) -> tuple[str, ...]:
    """The steps that a call at a store must have, to show them before it ends."""
    policy, store = policy_of(phone), phone.store(store_id)
    if policy is None or store is None:
        return ()
    return steps_for(policy["mandatory_steps"], store["channel"], store["store_class"])


def steps_for(
    entries: Sequence[Mapping[str, Any]], channel: str, store_class: str | None
) -> tuple[str, ...]:
    """The steps at a store of this channel and class."""
    of_channel = [each for each in entries if each["channel"] == channel]
    if not of_channel:
        of_channel = [each for each in entries if each["channel"] is None]
    by_class = {each["store_class"]: tuple(each["steps"]) for each in of_channel}
    return by_class.get(store_class) or by_class.get(None) or ()


def price_age(phone: Phone) -> PriceAge | None:
    """How old the prices are; None before the first pull."""
    policy = policy_of(phone)
    if policy is None:
        return None
    age_ms = phone.read_clock().wall_ms - (phone.device.pulled_at or 0)
    return PriceAge(
        age_ms,
        is_flagged=age_ms > policy["price_warn_h"] * _HOUR_MS,
        is_held=age_ms > policy["price_hold_h"] * _HOUR_MS,
    )


def is_working_time(phone: Phone) -> bool:
    """Whether where the phone is may be collected now, if its person is on duty."""
    policy = policy_of(phone)
    if policy is None:
        return False
    now = datetime.fromtimestamp(phone.read_clock().wall_ms / 1000, ZoneInfo(policy["time_zone"]))
    minute = now.hour * 60 + now.minute
    return (
        now.isoweekday() in policy["working_weekdays"]
        and policy["working_from_min"] <= minute < policy["working_until_min"]
    )
