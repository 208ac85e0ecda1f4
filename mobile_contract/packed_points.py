"""Packed points: how a track says where a phone was, some five bytes a point.

The bytes are described under "Packed points" in PROTOCOL.md. Resolutions: whole seconds, 10⁻⁶ degrees
(11 cm), whole metres of accuracy. Packing loses nothing beyond these.
"""

import binascii
from base64 import b64encode
from collections.abc import Iterable, Sequence
from itertools import accumulate, pairwise
from typing import Final, NamedTuple

FORM: Final = 1
POINTS_MAX: Final = 2_000
SPAN_S_MAX: Final = 86_400
ACCURACY_M_MAX: Final = 100_000
LAT_E6_MAX: Final = 90_000_000
LON_E6_MAX: Final = 180_000_000
NUMBER_BYTES_MAX: Final = 5
TEXT_MAX: Final = 44_000
"""Above the base64 of the most points with the longest numbers."""

_COLUMNS: Final = 4
_MORE: Final = 0x80
_SEVEN: Final = 0x7F


class PointsMalformed(ValueError):
    """The bytes are no packed points; the words say what is wrong and at which byte or point."""


class PackedPoint(NamedTuple):
    """One point: seconds after the segment's `began`, 10⁻⁶ degrees, metres rounded up."""

    after_s: int
    lat_e6: int
    lon_e6: int
    accuracy_m: int
    is_mock: bool = False


class Columns(NamedTuple):
    """The points column by column, in order of time; `mocked` has the simulated ones as runs, each
    the index of its first point and of the one after its last.
    """

    after_s: list[int]
    lat_e6: list[int]
    lon_e6: list[int]
    accuracy_m: list[int]
    mocked: tuple[tuple[int, int], ...] = ()


def pack(points: Sequence[PackedPoint]) -> bytes:
    """The bytes of points in order of time. Raises ValueError where a bound is passed."""
    after_s, lat, lon, accuracy, mock = zip(*points, strict=True) if points else ((),) * 5
    return pack_columns(Columns(list(after_s), list(lat), list(lon), list(accuracy), runs_of(mock)))


def pack_columns(columns: Columns) -> bytes:
    """The bytes of points that stand column by column. Raises ValueError where a bound is passed."""
    _require_bounds(columns)
    out = bytearray((FORM,))
    _write(out, len(columns.after_s))
    for number in _steps(columns.after_s):
        _write(out, number)
    for column in (columns.lat_e6, columns.lon_e6, columns.accuracy_m):
        for step in _steps(column):
            _write(out, 2 * step if step >= 0 else -2 * step - 1)
    told_to = 0
    for first, end in columns.mocked:
        _write(out, first - told_to)
        _write(out, end - first)
        told_to = end
    return bytes(out)


def pack_text(points: Sequence[PackedPoint]) -> str:
    """The points as an item carries them: base64 of their bytes."""
    return b64encode(pack(points)).decode()


def read_text(text: str) -> bytes:
    """The bytes of base64 as RFC 4648 section 4 has it, padded. Raises PointsMalformed."""
    try:
        return binascii.a2b_base64(text.encode("ascii"), strict_mode=True)
    except (UnicodeEncodeError, binascii.Error) as error:
        raise PointsMalformed("is not base64") from error


def unpack_columns(data: bytes) -> Columns:
    """The points of packed bytes. Raises PointsMalformed."""
    numbers = _numbers(data)
    count = numbers[0]
    if count > POINTS_MAX:
        raise PointsMalformed(f"holds {count} points; at most {POINTS_MAX}")
    runs_from = 1 + _COLUMNS * count
    if len(numbers) < runs_from:
        raise PointsMalformed(
            f"ends at byte {len(data)}, before the numbers of its {count} points are complete"
        )
    steps = [numbers[1 + count * place : 1 + count * (place + 1)] for place in range(_COLUMNS)]
    after_s = list(accumulate(steps[0]))
    lat, lon, accuracy = (
        list(accumulate([(n >> 1) ^ -(n & 1) for n in column])) for column in steps[1:]
    )
    if count:
        _require(after_s, "time", 0, SPAN_S_MAX)
        _require(lat, "latitude", -LAT_E6_MAX, LAT_E6_MAX)
        _require(lon, "longitude", -LON_E6_MAX, LON_E6_MAX)
        _require(accuracy, "accuracy", 0, ACCURACY_M_MAX)
    return Columns(after_s, lat, lon, accuracy, _mocked(numbers[runs_from:], count))


def unpack(data: bytes) -> list[PackedPoint]:
    """The points of packed bytes, one by one. Raises PointsMalformed."""
    columns = unpack_columns(data)
    mocked = {index for first, end in columns.mocked for index in range(first, end)}
    return [
        PackedPoint(*values, is_mock=index in mocked)
        for index, values in enumerate(zip(*columns[:_COLUMNS], strict=True))
    ]


def _numbers(data: bytes) -> list[int]:
    """Every number after the form: seven bits a byte, the lowest first, the top bit set but in the last."""
    if not data:
        raise PointsMalformed("is empty")
    if data[0] != FORM:
        raise PointsMalformed(f"is of form {data[0]} at byte 0; this server reads form {FORM}")
    numbers: list[int] = []
    value = shift = 0
    for byte in data[1:]:
        if byte < _MORE:
            numbers.append(value | byte << shift)
            value = shift = 0
        else:
            value |= (byte & _SEVEN) << shift
            shift += 7
            if shift == 7 * NUMBER_BYTES_MAX:
                raise _too_long(data)
    if shift or not numbers:
        raise PointsMalformed(f"ends inside a number at byte {len(data)}")
    return numbers


def _too_long(data: bytes) -> PointsMalformed:
    begins = 1
    for place, byte in enumerate(data[1:], start=1):
        if byte < _MORE:
            begins = place + 1
        elif place - begins + 1 == NUMBER_BYTES_MAX:
            break
    return PointsMalformed(
        f"has a number of more than {NUMBER_BYTES_MAX} bytes that begins at byte {begins}"
    )


def _require(column: list[int], name: str, least: int, most: int) -> None:
    if min(column) < least or max(column) > most:
        point = next(n for n, value in enumerate(column) if not least <= value <= most)
        raise PointsMalformed(f"has {name} {column[point]} at point {point}")


def _mocked(lengths: list[int], count: int) -> tuple[tuple[int, int], ...]:
    """Runs of simulated points from lengths: not simulated, simulated, and so on by turns."""
    if not lengths:
        return ()
    if len(lengths) % 2:
        raise PointsMalformed("has a run of points that are not simulated at its end")
    if 0 in lengths[1:]:
        raise PointsMalformed("has an empty run of points")
    bounds = list(accumulate(lengths))
    if bounds[-1] > count:
        raise PointsMalformed(f"has runs of {bounds[-1]} points, and {count} points")
    return tuple(zip(bounds[::2], bounds[1::2], strict=True))


def runs_of(marks: Iterable[bool]) -> tuple[tuple[int, int], ...]:
    """The runs of what is marked, as `Columns.mocked` has them."""
    turns = [n for n, (a, b) in enumerate(pairwise((False, *marks, False))) if a is not b]
    return tuple(zip(turns[::2], turns[1::2], strict=True))


def _steps(column: Sequence[int]) -> Iterable[int]:
    return (later - earlier for earlier, later in pairwise((0, *column)))


def _write(out: bytearray, number: int) -> None:
    while number > _SEVEN:
        out.append(number & _SEVEN | _MORE)
        number >>= 7
    out.append(number)


def _require_bounds(columns: Columns) -> None:
    after_s, lat, lon, accuracy, _ = columns
    if len(after_s) > POINTS_MAX:
        raise ValueError(f"at most {POINTS_MAX} points are packed together")
    if list(after_s) != sorted(after_s) or not _are_within(after_s, 0, SPAN_S_MAX):
        raise ValueError(f"points come in order of time, from 0 to {SPAN_S_MAX} s after the begin")
    if not (
        _are_within(lat, -LAT_E6_MAX, LAT_E6_MAX) and _are_within(lon, -LON_E6_MAX, LON_E6_MAX)
    ):
        raise ValueError("a point lies outside of the earth's degrees")
    if not _are_within(accuracy, 0, ACCURACY_M_MAX):
        raise ValueError(f"an accuracy is from 0 to {ACCURACY_M_MAX} m")


def _are_within(column: Sequence[int], least: int, most: int) -> bool:
    return not column or (least <= min(column) and max(column) <= most)
