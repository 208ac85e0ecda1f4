"""Whether a pin that a phone sends applies at once or waits for somebody's approval.

Source: domain rules, "Where: the check-in verdict" (pins). Pins are WGS 84; lengths are
centimetres, except limits that people set, which are metres.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sync.geo import Point, distance_cm, median_point

MAX_MOVE_M = 50
MIN_VISITS = 3


class Outcome(StrEnum):
    """What becomes of the pin."""

    APPLY = "APPLY"
    WAIT = "WAIT"


class Reason(StrEnum):
    """Why; one word for each way through the rule."""

    FIRST_WITH_PHOTO = "FIRST_WITH_PHOTO"
    FIRST_WITHOUT_PHOTO = "FIRST_WITHOUT_PHOTO"
    SMALL_MOVE = "SMALL_MOVE"
    VISITS_AGREE = "VISITS_AGREE"
    VISITS_DISAGREE = "VISITS_DISAGREE"
    TOO_FEW_VISITS = "TOO_FEW_VISITS"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What becomes of a pin, why, and the figures it was decided with.

    `moved_cm` is None for a first pin; `apart_cm`, from the median of the verified visits to the
    new pin, is None where that was not asked or there were too few visits to ask.
    """

    outcome: Outcome
    reason: Reason
    moved_cm: int | None = None
    apart_cm: int | None = None
    visits: int = 0
    limit_m: int = MAX_MOVE_M


def decide_pin(
    held: Point | None,
    sent: Point,
    *,
    has_storefront_photo: bool,
    verified_visits: Sequence[Point] = (),
    max_move_m: int = MAX_MOVE_M,
    min_visits: int = MIN_VISITS,
) -> Decision:
    """Return whether a pin applies at once or waits, with the reason and the figures.

    A first pin needs a photo of the storefront. A move of more than `max_move_m` waits, unless
    the median of at least `min_visits` verified visits lies within `max_move_m` of the new pin.
    `verified_visits` are the check-in points of visits at the store that a person or a judged
    verdict vouches for; who counts as verified is the caller's to say.
    """
    if held is None:
        if has_storefront_photo:
            return Decision(
                outcome=Outcome.APPLY, reason=Reason.FIRST_WITH_PHOTO, limit_m=max_move_m
            )
        return Decision(outcome=Outcome.WAIT, reason=Reason.FIRST_WITHOUT_PHOTO, limit_m=max_move_m)
    limit_cm = max_move_m * 100
    moved = distance_cm(held, sent, limit_cm)
    visits = len(verified_visits)
    apart: int | None = None
    if moved <= limit_cm:
        outcome, reason = Outcome.APPLY, Reason.SMALL_MOVE
    elif visits < max(min_visits, 1):
        outcome, reason = Outcome.WAIT, Reason.TOO_FEW_VISITS
    else:
        apart = distance_cm(median_point(verified_visits), sent, limit_cm)
        if apart <= limit_cm:
            outcome, reason = Outcome.APPLY, Reason.VISITS_AGREE
        else:
            outcome, reason = Outcome.WAIT, Reason.VISITS_DISAGREE
    return Decision(
        outcome=outcome,
        reason=reason,
        moved_cm=moved,
        apart_cm=apart,
        visits=visits,
        limit_m=max_move_m,
    )
