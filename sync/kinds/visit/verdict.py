"""Where a check-in took place against the store's pin, in one of five words with its figures.

d = distance from the check-in to the pin, a = the accuracy that the phone reports (68 % radius),
R = the store's fence radius. The first that holds:

    UNPINNED   the store has no pin
    UNCERTAIN  no position, or a > 200 m
    ONSITE     d ≤ R
    TOLERATED  d - min(a, 100 m) ≤ R
    OFFSITE    anything else

d and a are whole centimetres, R whole metres. A verdict carries all that it was made from, so that
it can be made again and explained; moving a pin later never changes an old one. It never refuses a
check-in. Source: domain rules, "Where: the check-in verdict".
"""

from enum import StrEnum
from typing import Any, NamedTuple

from sync.geo import Point, distance_cm

# Coarser positions say nothing about a store.
COARSE_CM = 20_000
# What a poor accuracy can excuse at most.
EXCUSE_CM = 10_000


class Verdict(StrEnum):
    """The five words."""

    UNPINNED = "UNPINNED"
    UNCERTAIN = "UNCERTAIN"
    ONSITE = "ONSITE"
    TOLERATED = "TOLERATED"
    OFFSITE = "OFFSITE"


class CheckIn(NamedTuple):
    """A verdict and the figures it was made from.

    `distance_cm` is None without a pin or without a position, `accuracy_cm` without a position.
    """

    verdict: Verdict
    distance_cm: int | None
    accuracy_cm: int | None
    radius_m: int
    pin: Point | None
    policy_version: int

    def as_wire(self) -> dict[str, Any]:
        """Return the verdict as records carry it."""
        pin = self.pin
        return {
            "verdict": self.verdict.value,
            "distance_cm": self.distance_cm,
            "accuracy_cm": self.accuracy_cm,
            "radius_m": self.radius_m,
            "pin": None if pin is None else {"lat_e7": pin.lat_e7, "lon_e7": pin.lon_e7},
            "policy_version": self.policy_version,
        }


def judge_check_in(
    *,
    point: Point | None,
    accuracy_cm: int | None,
    pin: Point | None,
    radius_m: int,
    policy_version: int,
) -> CheckIn:
    """Return the verdict on a check-in; the same inputs give the same verdict for ever.

    `point` and `accuracy_cm` are both None when no position was taken. `radius_m` is the store's
    own, else that of its class, else the company's. A call by phone has no verdict: do not ask.
    """
    if point is None:
        verdict = Verdict.UNPINNED if pin is None else Verdict.UNCERTAIN
        return CheckIn(verdict, None, None, radius_m, pin, policy_version)
    # A position whose accuracy nobody knows may be anywhere.
    is_coarse = accuracy_cm is None or accuracy_cm > COARSE_CM
    if pin is None:
        return CheckIn(Verdict.UNPINNED, None, accuracy_cm, radius_m, pin, policy_version)
    radius_cm = radius_m * 100
    excused_cm = radius_cm + min(accuracy_cm or 0, EXCUSE_CM)
    distance = distance_cm(point, pin, radius_cm, excused_cm)
    if is_coarse:
        verdict = Verdict.UNCERTAIN
    elif distance <= radius_cm:
        verdict = Verdict.ONSITE
    elif distance <= excused_cm:
        verdict = Verdict.TOLERATED
    else:
        verdict = Verdict.OFFSITE
    return CheckIn(verdict, distance, accuracy_cm, radius_m, pin, policy_version)
