"""Where a phone says it is: near where its rep stands, as badly as receivers do it.

Flat-earth metres are used throughout: the places of a rep's day lie within a city.
"""

import math
from dataclasses import dataclass
from random import Random

METRES_A_DEGREE = 111_320.0

_NO_FIX = 0.03
_COARSE = 0.03
_OFF_SITE = 0.04


@dataclass(frozen=True, slots=True)
class Place:
    """A point in WGS-84 degrees."""

    latitude: float
    longitude: float

    def moved(self, north_m: float, east_m: float) -> "Place":
        shrink = math.cos(math.radians(self.latitude))
        return Place(
            self.latitude + north_m / METRES_A_DEGREE,
            self.longitude + east_m / (METRES_A_DEGREE * max(0.01, shrink)),
        )

    def metres_to(self, other: "Place") -> float:
        shrink = math.cos(math.radians((self.latitude + other.latitude) / 2))
        north_m = (other.latitude - self.latitude) * METRES_A_DEGREE
        east_m = (other.longitude - self.longitude) * METRES_A_DEGREE * shrink
        return math.hypot(north_m, east_m)


@dataclass(frozen=True, slots=True)
class Reading:
    """What the receiver says: a point, and the radius in which 68 % of such points lie."""

    place: Place
    accuracy_m: float


def read_position(random: Random, at: Place) -> Reading | None:
    """What a phone at this place reads; None where it has no fix. Mostly 5 to 40 m, sometimes coarse."""
    chance = random.random()
    accuracy_m = min(90.0, max(3.0, random.lognormvariate(math.log(12.0), 0.6)))
    if chance < _COARSE:
        accuracy_m = random.uniform(210.0, 1500.0)
    # The radius of a round normal distribution holds 68 % at 1.5 standard deviations.
    spread_m = accuracy_m / 1.5
    place = at.moved(random.gauss(0, spread_m), random.gauss(0, spread_m))
    if chance > 1 - _NO_FIX:
        return None
    return Reading(place, accuracy_m)


def stand_for(random: Random, store: Place) -> Place:
    """Where a rep truly stands who checks in at a store: at its door, or sometimes somewhere else."""
    is_elsewhere = random.random() < _OFF_SITE
    away_m = random.uniform(400.0, 3000.0) if is_elsewhere else random.uniform(0.0, 30.0)
    bearing = random.uniform(0, 2 * math.pi)
    return store.moved(away_m * math.cos(bearing), away_m * math.sin(bearing))
