"""Tracks as phones send them."""

from collections.abc import Iterable, Sequence
from typing import Any
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
