"""Points of a track as arrays, in order of time: out of the packed bytes, and into them.

Times are corrected, in milliseconds since 1970; coordinates 10⁻⁷ degrees; accuracies whole metres,
rounded up.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mobile_contract.packed_points import (
    ACCURACY_M_MAX,
    FORM,
    LAT_E6_MAX,
    LON_E6_MAX,
    NUMBER_BYTES_MAX,
    POINTS_MAX,
    SPAN_S_MAX,
    Columns,
    runs_of,
    unpack_columns,
)
from sync.geo import Datum
from sync.geo_arrays import Whole, to_wgs84_each

Marks = NDArray[np.bool_]
_E6_TO_E7 = 10
_COLUMNS = 4
_MORE = 0x80
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
    count = len(columns.after_s)
    is_mock = np.zeros(count, dtype=np.bool_)
    for first, end in columns.mocked:
        is_mock[first:end] = True
    return Points(
        at=_whole(columns.after_s) * _S_TO_MS + began_at,
        lat_e7=_whole(columns.lat_e6) * _E6_TO_E7,
        lon_e7=_whole(columns.lon_e6) * _E6_TO_E7,
        accuracy_m=_whole(columns.accuracy_m),
        is_mock=is_mock,
    )


def read_packed(data: bytes, began_at: int) -> Points:
    """The points of packed bytes: what `read_points` makes of `unpack_columns`, ten times as fast.

    Raises PointsMalformed as that does: whatever is not plain is left to it.
    """
    values = _numbers_of(data)
    count = 0 if values is None else int(values[0])
    # What follows the points marks simulated ones, which are rare.
    if values is None or count > POINTS_MAX or len(values) != 1 + _COLUMNS * count:
        return read_points(unpack_columns(data), began_at)
    steps = values[1:].reshape(_COLUMNS, count)
    after_s = steps[0].cumsum()
    lat_e6, lon_e6, accuracy_m = ((steps[1:] >> 1) ^ -(steps[1:] & 1)).cumsum(axis=1)
    if count and not (
        after_s[-1] <= SPAN_S_MAX
        and -LAT_E6_MAX <= lat_e6.min() <= lat_e6.max() <= LAT_E6_MAX
        and -LON_E6_MAX <= lon_e6.min() <= lon_e6.max() <= LON_E6_MAX
        and 0 <= accuracy_m.min() <= accuracy_m.max() <= ACCURACY_M_MAX
    ):
        return read_points(unpack_columns(data), began_at)
    return Points(
        at=after_s * _S_TO_MS + began_at,
        lat_e7=lat_e6 * _E6_TO_E7,
        lon_e7=lon_e6 * _E6_TO_E7,
        accuracy_m=accuracy_m,
        is_mock=np.zeros(count, dtype=np.bool_),
    )


def _numbers_of(data: bytes) -> Whole | None:
    """Every number after the form; None where the bytes are of no known form, or end in the middle."""
    if len(data) < 2 or data[0] != FORM:
        return None
    read = np.frombuffer(data, dtype=np.uint8, offset=1)
    ends = np.flatnonzero(read < _MORE)
    if not ends.size or ends[-1] != len(read) - 1:
        return None
    begins = np.concatenate(([0], ends[:-1] + 1))
    lengths = ends - begins + 1
    if lengths.max() > NUMBER_BYTES_MAX:
        return None
    shifts = 7 * (np.arange(len(read)) - np.repeat(begins, lengths))
    values: Whole = np.add.reduceat((read & (_MORE - 1)).astype(np.int64) << shifts, begins)
    return values


def columns_of(points: Points, began_at: int) -> Columns:
    """The columns that `read_points` makes these points from."""
    return Columns(
        ((points.at - began_at) // _S_TO_MS).tolist(),
        (points.lat_e7 // _E6_TO_E7).tolist(),
        (points.lon_e7 // _E6_TO_E7).tolist(),
        points.accuracy_m.tolist(),
        runs_of(points.is_mock.tolist()),
    )


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


def _whole(numbers: list[int]) -> Whole:
    return np.array(numbers, dtype=np.int64)
