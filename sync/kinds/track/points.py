"""Points of a track as arrays, in order of time: out of the packed bytes, and into them.

Times are corrected, in milliseconds since 1970; coordinates 10⁻⁷ degrees; accuracies whole metres,
rounded up.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mobile_contract.packed_points import (
    ACCURACY_M_MAX,
    BLOCK,
    LAT_E6_MAX,
    LON_E6_MAX,
    SPAN_S_MAX,
    Columns,
    Layout,
    pack_columns,
    read_layout,
    runs_of,
    unpack_columns,
)
from sync.geo import Datum
from sync.geo_arrays import Whole, to_wgs84_each

Marks = NDArray[np.bool_]
_E6_TO_E7 = 10
_WORD = 8
_S_TO_MS = 1_000


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """So many points, each at one place of every array."""

    at: Whole
    lat_e7: Whole
    lon_e7: Whole
    accuracy_m: Whole
    is_mock: Marks

    def __len__(self) -> int:
        return int(self.at.size)

    def those(self, chosen: Marks | Whole | slice) -> "Points":
        """The points that are marked, or that stand at these places."""
        return Points(
            self.at[chosen],
            self.lat_e7[chosen],
            self.lon_e7[chosen],
            self.accuracy_m[chosen],
            self.is_mock[chosen],
        )


def read_points(columns: Columns, began_at: int) -> Points:
    """The points of unpacked columns whose seconds count from a corrected time."""
    return Points(
        at=_whole(columns.after_s) * _S_TO_MS + began_at,
        lat_e7=_whole(columns.lat_e6) * _E6_TO_E7,
        lon_e7=_whole(columns.lon_e6) * _E6_TO_E7,
        accuracy_m=_whole(columns.accuracy_m),
        is_mock=_marked(columns.mocked, len(columns.after_s)),
    )


def read_packed(data: bytes, began_at: int) -> Points:
    """The points of packed bytes: what `read_points` makes of `unpack_columns`, far faster.

    Raises PointsMalformed as that does.
    """
    layout = read_layout(data)
    after_s, lat, lon, accuracy_m = _lists_of(data, layout)
    lat_e6, lon_e6 = lat * layout.unit, lon * layout.unit
    if layout.points and not (
        after_s[0] >= 0
        and after_s[-1] <= SPAN_S_MAX
        and (after_s[1:] >= after_s[:-1]).all()
        and -LAT_E6_MAX <= lat_e6.min() <= lat_e6.max() <= LAT_E6_MAX
        and -LON_E6_MAX <= lon_e6.min() <= lon_e6.max() <= LON_E6_MAX
        and 0 <= accuracy_m.min() <= accuracy_m.max() <= ACCURACY_M_MAX
    ):
        # It says what is wrong, and at which point.
        return read_points(unpack_columns(data), began_at)
    return Points(
        at=after_s * _S_TO_MS + began_at,
        lat_e7=lat_e6 * _E6_TO_E7,
        lon_e7=lon_e6 * _E6_TO_E7,
        accuracy_m=accuracy_m,
        is_mock=_marked(layout.mocked, layout.points),
    )


def read_held(data: bytes, shift: bytes | None, began_at: int) -> Points:
    """The points of a track as it is held, in WGS 84: as it came, and what `pack_shift` made beside it."""
    points = read_packed(data, began_at)
    if shift is None:
        return points
    by = read_packed(shift, began_at)
    return replace(points, lat_e7=points.lat_e7 + by.lat_e7, lon_e7=points.lon_e7 + by.lon_e7)


def _lists_of(data: bytes, layout: Layout) -> list[Whole]:
    """Times, latitudes, longitudes and accuracies: each value cut out of the eight bytes that begin
    where it does, then the signs, then the sums.
    """
    blocks = np.frombuffer(b"".join(each.widths for each in layout.lists), dtype=np.uint8)
    sizes = np.full(len(blocks), BLOCK)
    last = 0
    for each in layout.lists:
        last += len(each.widths)
        if each.widths:
            sizes[last - 1] = each.values - BLOCK * (len(each.widths) - 1)
    widths = np.repeat(blocks.astype(np.int64), sizes)
    begins = np.cumsum(widths) - widths
    padded = data[layout.bits_at :] + bytes(_WORD)
    words = np.ndarray((len(padded) - _WORD + 1,), dtype=">u8", buffer=padded, strides=(1,))
    shifted = words[begins >> 3].astype(np.uint64) << (begins & 7).astype(np.uint64)
    # Shifting in two steps: a shift by all 64 bits, for a width of 0, is none.
    packed = (shifted >> np.uint64(1) >> (63 - widths).astype(np.uint64)).astype(np.int64)
    signed = (packed >> 1) ^ -(packed & 1)
    lists, first = [], 0
    for each in layout.lists:
        column = signed[first : first + each.values]
        if each.heads:
            heads = [(head >> 1) ^ -(head & 1) for head in each.heads]
            column = np.concatenate((heads, column))
        for _ in range(each.order):
            column = column.cumsum()
        lists.append(column)
        first += each.values
    return lists


def columns_of(points: Points, began_at: int) -> Columns:
    """The columns that `read_points` makes these points from."""
    return Columns(
        ((points.at - began_at) // _S_TO_MS).tolist(),
        (points.lat_e7 // _E6_TO_E7).tolist(),
        (points.lon_e7 // _E6_TO_E7).tolist(),
        points.accuracy_m.tolist(),
        runs_of(points.is_mock.tolist()),
    )


def repack(points: Points, began_at: int, as_came: bytes) -> bytes:
    """The bytes of some points of packed ones, exactly as these have them."""
    return pack_columns(columns_of(points, began_at), read_layout(as_came).unit)


def pack_shift(came: Points, held: Points) -> bytes:
    """How far each place moved when it was converted, packed like points of no time and no accuracy.

    It changes little from one point to the next: some two bytes a point instead of four.
    """
    nothing = [0] * len(came)
    lat_e6 = (held.lat_e7 - came.lat_e7) // _E6_TO_E7
    lon_e6 = (held.lon_e7 - came.lon_e7) // _E6_TO_E7
    return pack_columns(Columns(nothing, lat_e6.tolist(), lon_e6.tolist(), nothing))


def in_wgs84(points: Points, datum: Datum | str) -> Points:
    """The points in WGS 84, to the resolution in which points are packed."""
    if datum == Datum.WGS84:
        return points
    lat, lon = to_wgs84_each(points.lat_e7, points.lon_e7, datum)
    return Points(
        points.at,
        np.rint(lat / _E6_TO_E7).astype(np.int64) * _E6_TO_E7,
        np.rint(lon / _E6_TO_E7).astype(np.int64) * _E6_TO_E7,
        points.accuracy_m,
        points.is_mock,
    )


def within(points: Points, times: Iterable[tuple[int, int]]) -> Marks:
    """Which points lie in one of these stretches of time, each from its begin to before its end."""
    is_within = np.zeros(len(points), dtype=np.bool_)
    for begin, end in times:
        first, after = np.searchsorted(points.at, (begin, end))
        is_within[first:after] = True
    return is_within


def joined(parts: Sequence[Points]) -> Points:
    """The points of several stretches one after the other, in order of time."""
    if not parts:
        return read_points(Columns([], [], [], []), 0)
    whole = Points(
        np.concatenate([part.at for part in parts]),
        np.concatenate([part.lat_e7 for part in parts]),
        np.concatenate([part.lon_e7 for part in parts]),
        np.concatenate([part.accuracy_m for part in parts]),
        np.concatenate([part.is_mock for part in parts]),
    )
    return whole.those(np.argsort(whole.at, kind="stable"))


def _marked(runs: Iterable[tuple[int, int]], count: int) -> Marks:
    is_marked = np.zeros(count, dtype=np.bool_)
    for first, end in runs:
        is_marked[first:end] = True
    return is_marked


def _whole(numbers: list[int]) -> Whole:
    return np.array(numbers, dtype=np.int64)
