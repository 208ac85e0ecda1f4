"""Tracks as phones send them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import cos, pi, radians, sin
from random import Random
from typing import Any, Final
from uuid import uuid4

from mobile_contract.packed_points import PackedPoint, pack_text
from tests.sync.talking import Json, Phone

ANCHOR_E6 = (31_350_000, 121_500_000)
"""Ana's first store, in 10⁻⁶ degrees."""

M_NORTH_E6 = 9.02
"""One metre to the north at the cast's latitude, in 10⁻⁶ degrees."""


def point(
    after_s: int, north_m: float = 0, *, accuracy_m: int = 8, is_mock: bool = False
) -> PackedPoint:
    """A point so many metres north of the first store."""
    lat, lon = ANCHOR_E6
    return PackedPoint(after_s, lat + round(north_m * M_NORTH_E6), lon, accuracy_m, is_mock)


def walk_north(
    count: int, *, every_s: int = 10, step_m: float = 14, after_s: int = 0, from_m: float = 0
) -> list[PackedPoint]:
    """Points of somebody who goes north, by default at 5 km/h."""
    return [point(after_s + every_s * n, from_m + step_m * n) for n in range(count)]


def stand(count: int, *, every_s: int = 60, after_s: int = 0, at_m: float = 0) -> list[PackedPoint]:
    """Points of somebody who stays, with the unrest of a receiver."""
    return [point(after_s + every_s * n, at_m + (0, 4, -3)[n % 3]) for n in range(count)]


@dataclass(frozen=True, slots=True)
class Travel:
    """How somebody moves whose phone is asked where it is now and then: so many seconds apart, at up to such
    a speed, with such accuracies, turning at every point by up to so many degrees, at such a latitude.
    """

    apart_s: tuple[int, int]
    kmh: int
    accuracy_m: tuple[int, int] = (3, 30)
    turn: int = 45
    latitude: int = 31


SPARSE: Final = {
    "on foot, every minute": Travel((55, 65), 5),
    "by car in a city, every minute": Travel((55, 65), 40, turn=90),
    "by car, every 100 s": Travel((90, 110), 70),
    "by motorway, every 5 minutes": Travel((290, 310), 120, turn=20),
    "every 30 s to 5 minutes at 120 km/h, any way, 60° north": Travel(
        (30, 300), 120, (3, 100), 180, 60
    ),
}
"""Points a minute and more apart, up to the worst that is plausible."""


def roam(travel: Travel, count: int, seed: int) -> list[PackedPoint]:
    """So many points of somebody who travels."""
    random = Random(seed)
    lat, lon = travel.latitude * 1e6, ANCHOR_E6[1] * 1.0
    after_s, heading = 0, random.uniform(0, 360)
    points = []
    for _ in range(count):
        points.append(
            PackedPoint(after_s, round(lat), round(lon), random.randint(*travel.accuracy_m))
        )
        pause_s = random.randint(*travel.apart_s)
        heading += random.uniform(-travel.turn, travel.turn)
        step_e6 = pause_s * travel.kmh / 3.6 * random.uniform(0.5, 1) * M_NORTH_E6
        lat += step_e6 * cos(heading * pi / 180)
        lon += step_e6 * sin(heading * pi / 180) / cos(radians(travel.latitude))
        after_s += pause_s
    return points


def track(
    phone: Phone,
    points: Sequence[PackedPoint] | str,
    *,
    began: int,
    gaps: Iterable[tuple[int, int, str]] = (),
    datum: str = "WGS84",
    closed: int | None = None,
    entity_id: object = None,
    item: Json | None = None,
    **began_also: Any,
) -> Json:
    """A segment that began at a true moment; gaps as (from, until, cause), true moments too."""
    wrong_by = phone.wrong_by
    ends = began if isinstance(points, str) or not points else began + points[-1].after_s * 1000
    payload: Json = {
        "began": {"at": began + wrong_by, "uptime_ms": phone.uptime(began), **began_also},
        "datum": datum,
        "points": points if isinstance(points, str) else pack_text(points),
        "gaps": [
            {"from_at": start + wrong_by, "until_at": end + wrong_by, "cause": cause}
            for start, end, cause in gaps
        ],
    }
    return phone.item(
        "track",
        "create",
        entity_id or uuid4(),
        payload,
        at=min(closed or ends + 1_000, phone.now),
        **(item or {}),
    )
