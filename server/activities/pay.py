"""What a store gets for an activity, from what an auditor passed. Whole minor units, no rounding up.

Compliance = passed ÷ required. Full pay from the company's `pay_full_percent` on, half from its
`pay_half_percent` on, else none; half of an odd amount is rounded down. Source: domain rules, "Activities and audits".
"""

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from sync.policy import Policy


class Share(StrEnum):
    """How much of its pay a store gets."""

    FULL = "FULL"
    HALF = "HALF"
    NONE = "NONE"


@dataclass(frozen=True, slots=True)
class Pay:
    """What a store gets, and why: its compliance as an exact fraction."""

    compliance: Fraction
    share: Share
    amount_minor: int


def compliance_of(passed: int, required: int) -> Fraction:
    """Passed items ÷ required items; where nothing is required all of it is met.

    Raises ValueError where more are passed than are required, or one of them is below zero.
    """
    if not 0 <= passed <= required:
        raise ValueError(f"{passed} items of {required} cannot be passed")
    return Fraction(passed, required) if required else Fraction(1)


def pay_for(passed: int, required: int, amount_minor: int, policy: Policy) -> Pay:
    """What a store gets that would get `amount_minor` in full, by the company's settings."""
    compliance = compliance_of(passed, required)
    if compliance >= Fraction(policy.pay_full_percent, 100):
        return Pay(compliance, Share.FULL, amount_minor)
    if compliance >= Fraction(policy.pay_half_percent, 100):
        return Pay(compliance, Share.HALF, amount_minor // 2)
    return Pay(compliance, Share.NONE, 0)
