"""Where somebody answered from, against the boundary of their region and the stores of their day.

a = the accuracy that the phone reports (68 % radius), o = how far outside of the boundary. The first
that holds:

    NO_BOUNDARY   neither the position's region nor one above it has a boundary
    UNCERTAIN     no fix, or a > 200 m
    INSIDE        the fix lies inside
    TOLERATED     o - min(a, 100 m) ≤ 0
    OUTSIDE       anything else

The distance to the nearest store with a pin in the position's plan of that day is told beside it. Both
are evidence and have no effect. Source: domain rules, "Attendance" and "Where: the check-in verdict".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mobile_contract.records.evidence import DISTANCE_CM_MAX
from sync.geo import Boundary, Point, distance_cm

COARSE_CM = 20_000
EXCUSE_CM = 10_000


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What an answer is held against: a region with its boundary, and stores with their pins."""

    region_id: str | None = None
    boundary: Sequence[Boundary] = ()
    stores: Mapping[str, Point] | None = None


def judge_answer(
    point: Point | None, accuracy_cm: int | None, around: Surroundings
) -> dict[str, Any]:
    """Return the verdict as records carry it; the same inputs give the same verdict for ever."""
    outside_cm = None
    if point is not None and around.boundary:
        outside_cm = min(DISTANCE_CM_MAX, *(part.outside_cm(point) for part in around.boundary))
    nearest_id, nearest_cm = None, None
    stores = around.stores or {}
    if point is not None and stores:
        nearest_cm, nearest_id = min(
            (distance_cm(point, pin), store_id) for store_id, pin in stores.items()
        )
    return {
        "region": _region(outside_cm, accuracy_cm, has_boundary=bool(around.boundary)),
        "region_id": around.region_id,
        "outside_cm": outside_cm,
        "accuracy_cm": accuracy_cm,
        "stores": len(stores),
        "nearest_store_id": nearest_id,
        "nearest_cm": nearest_cm,
    }


def _region(outside_cm: int | None, accuracy_cm: int | None, *, has_boundary: bool) -> str:
    if not has_boundary:
        return "NO_BOUNDARY"
    if outside_cm is None or accuracy_cm is None or accuracy_cm > COARSE_CM:
        return "UNCERTAIN"
    if outside_cm == 0:
        return "INSIDE"
    return "TOLERATED" if outside_cm <= min(accuracy_cm, EXCUSE_CM) else "OUTSIDE"
