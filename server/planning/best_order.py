"""The order of a day's stops that takes the shortest way, and keeps more windows, than the one it had; or that one.

The way begins at any stop and ends at any. VROOM searches; what it finds is compared with the order that there was by the same
lengths, the same speed and the same windows, and taken only where it is worse in nothing and better in something: how late
it comes in total, how long it is, when it ends.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import numpy as np

from server.language import Said
from server.planning.errors import StopsInvalid
from server.planning.travel import Whole, matrix_m, travel_s

STOPS_MAX = 200
_LONGEST = timedelta(seconds=2)
# How thoroughly VROOM searches, of 0 to 5.
_EXPLORATION = 4
_DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Place:
    """A stop of the day: where, how long, and between which minutes of the day one may arrive."""

    store_id: UUID
    lat_e7: int
    lon_e7: int
    call_min: int
    opens_min: int | None = None
    closes_min: int | None = None


@dataclass(frozen=True, slots=True)
class Way:
    """An order of stops: its length, when its last call ends, and for how many minutes it comes too late in total."""

    store_ids: tuple[UUID, ...]
    length_m: int
    ends_s: int
    late_s: int

    @property
    def worth(self) -> tuple[int, int, int]:
        """The less, the better: too late, then far, then long."""
        return self.late_s, self.length_m, self.ends_s

    def is_no_worse_than(self, other: "Way") -> bool:
        """Whether it is worse in nothing."""
        return all(mine <= theirs for mine, theirs in zip(self.worth, other.worth, strict=True))


@dataclass(frozen=True, slots=True)
class BetterOrder:
    """The order that there was, and the best that is known: the same one where none is better."""

    before: Way
    best: Way

    @property
    def is_better(self) -> bool:
        return self.best.worth < self.before.worth

    @property
    def saved_m(self) -> int:
        return self.before.length_m - self.best.length_m

    @property
    def saved_min(self) -> int:
        return (self.before.ends_s - self.best.ends_s) // 60


def find_better_order(places: Sequence[Place], *, speed_kmh: int, begins_min: int) -> BetterOrder:
    """The best order of these stops, which are given in the order that they have. Raises StopsInvalid where there are too many.

    The day begins at `begins_min`; whoever comes before a store opens waits.
    """
    if len(places) > STOPS_MAX:
        raise StopsInvalid(Said("at most {most} stops are put in order at once", most=STOPS_MAX))
    lengths = matrix_m([place.lat_e7 for place in places], [place.lon_e7 for place in places])
    held = list(range(len(places)))

    def way(order: Sequence[int]) -> Way:
        return way_of(places, order, lengths, speed_kmh=speed_kmh, begins_min=begins_min)

    before = best = way(held)
    if len(places) > 2:
        for is_bound in (True, False):
            found = _search(places, lengths, speed_kmh, begins_min, is_bound=is_bound)
            if len(found) < len(places):
                continue
            # Backwards it is as long, and may wait less.
            for each in (way(found), way(found[::-1])):
                if each.is_no_worse_than(before) and each.worth < best.worth:
                    best = each
            if all(place.opens_min is None and place.closes_min is None for place in places):
                break
    return BetterOrder(before, best)


def way_of(
    places: Sequence[Place],
    order: Sequence[int],
    lengths: Whole,
    *,
    speed_kmh: int,
    begins_min: int,
) -> Way:
    """An order as it would be travelled from the beginning of the day."""
    at, length, late = begins_min * 60, 0, 0
    for step, number in enumerate(order):
        place = places[number]
        if step:
            leg = int(lengths[order[step - 1], number])
            length += leg
            at += travel_s(leg, speed_kmh)
        if place.opens_min is not None:
            at = max(at, place.opens_min * 60)
        if place.closes_min is not None:
            late += max(0, at - place.closes_min * 60)
        at += place.call_min * 60
    return Way(tuple(places[number].store_id for number in order), length, at, late)


def _search(
    places: Sequence[Place],
    lengths: Whole,
    speed_kmh: int,
    begins_min: int,
    *,
    is_bound: bool,
) -> list[int]:
    """The order that VROOM finds, with windows or without; shorter than `places` where not every window can be kept."""
    import vroom

    size = len(places)
    # From the first location, which is nowhere, every stop is as near as every other: the way begins where it likes.
    durations = np.zeros((size + 1, size + 1), dtype=np.uint32)
    durations[1:, 1:] = -(-lengths * 36 // (speed_kmh * 10))
    problem = vroom.Input()
    problem.set_durations_matrix("car", durations)
    problem.add_vehicle(
        vroom.Vehicle(1, start=0, time_window=vroom.TimeWindow(begins_min * 60, 7 * _DAY_S))
    )
    problem.add_job(
        [
            vroom.Job(
                number,
                location=number,
                default_service=place.call_min * 60,
                time_windows=_windows(vroom, place) if is_bound else (),
            )
            for number, place in enumerate(places, start=1)
        ]
    )
    solved = problem.solve(exploration_level=_EXPLORATION, nb_threads=1, timeout=_LONGEST)
    if solved.unassigned:
        return []
    return [int(number) - 1 for number in solved.routes.query("type == 'job'")["id"]]


def _windows(vroom: object, place: Place) -> tuple[object, ...]:
    if place.opens_min is None and place.closes_min is None:
        return ()
    window = vroom.TimeWindow  # type: ignore[attr-defined]
    opens = (place.opens_min or 0) * 60
    closes = 7 * _DAY_S if place.closes_min is None else place.closes_min * 60
    return (window(opens, closes),)
