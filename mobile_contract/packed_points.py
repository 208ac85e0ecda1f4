"""Packed points: how a track says where a phone was, three to six bytes a point.

The bytes are described under "Packed points" in PROTOCOL.md. Resolutions: whole seconds, 10⁻⁶ degrees
(11 cm) or a unit of up to 32 of them, whole metres of accuracy. Packing loses nothing beyond these.
"""

import binascii
from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, chain, islice, pairwise
from operator import sub
from typing import Final, NamedTuple

FORM: Final = 1
POINTS_MAX: Final = 2_000
SPAN_S_MAX: Final = 86_400
ACCURACY_M_MAX: Final = 100_000
LAT_E6_MAX: Final = 90_000_000
LON_E6_MAX: Final = 180_000_000
UNITS: Final = (1, 2, 4, 8, 16, 32)
"""Each divides what the ends of the earth's degrees are in 10⁻⁶ degrees."""
ORDER_MAX: Final = 2
BLOCK: Final = 16
"""So many values of a list have as many bits each."""
WIDTH_MAX: Final = 32
NUMBER_BYTES_MAX: Final = 5
TEXT_MAX: Final = 44_000
"""Above the base64 of the most points with the widest values."""
POINT_BYTES: Final = 6
"""Six bytes are eight letters of base64."""
POINTS_HELD_TO_IT: Final = 32

_MORE: Final = 0x80
_SEVEN: Final = 0x7F
_FIXED: Final = 3
# Where the order of each list stands in its byte: times, latitudes, longitudes, accuracies.
_ORDER_SHIFTS: Final = (6, 4, 2, 0)


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


class PackedList(NamedTuple):
    """A list of differences before its bits are read.

    It was differenced `order` times; `heads` are its first values. Of each sixteen others one of
    `widths` says how many bits each has; there are `values` of them.
    """

    order: int
    heads: tuple[int, ...]
    widths: bytes
    values: int

    @property
    def bits(self) -> int:
        """How many bits its values have together."""
        if not self.widths:
            return 0
        missing = BLOCK * len(self.widths) - self.values
        return BLOCK * sum(self.widths) - missing * self.widths[-1]


class Layout(NamedTuple):
    """Where what is in packed bytes: all but the bits, which begin at the byte `bits_at`."""

    unit: int
    points: int
    lists: tuple[PackedList, ...]
    bits_at: int
    mocked: tuple[tuple[int, int], ...]


def pack(points: Sequence[PackedPoint], unit: int = 1) -> bytes:
    """The bytes of points in order of time. Raises ValueError where a bound is passed."""
    after_s, lat, lon, accuracy, mock = zip(*points, strict=True) if points else ((),) * 5
    columns = Columns(list(after_s), list(lat), list(lon), list(accuracy), runs_of(mock))
    return pack_columns(columns, unit)


def pack_columns(columns: Columns, unit: int = 1) -> bytes:
    """The bytes of points that stand column by column, their places as multiples of a unit of 10⁻⁶
    degrees. Raises ValueError where a bound is passed.
    """
    _require_bounds(columns, unit)
    lists = (
        _shortest(columns.after_s, (1, 2)),
        _shortest([_nearest(each, unit) for each in columns.lat_e6], (1, 2)),
        _shortest([_nearest(each, unit) for each in columns.lon_e6], (1, 2)),
        _shortest(columns.accuracy_m, (0, 1)),
    )
    orders = sum(each.order << shift for each, shift in zip(lists, _ORDER_SHIFTS, strict=True))
    out = bytearray((FORM, unit, orders))
    _write(out, len(columns.after_s))
    for each in lists:
        for head in each.heads:
            _write(out, head)
    for each in lists:
        out += each.widths
    out += _bytes_of("".join(each.bits for each in lists))
    told_to = 0
    for first, end in columns.mocked:
        _write(out, first - told_to)
        _write(out, end - first)
        told_to = end
    return bytes(out)


def pack_text(points: Sequence[PackedPoint]) -> str:
    """The points as an item carries them: base64 of their bytes, in the least unit, of 1, 2, 4 … 32, in
    which 32 points or more take six bytes a point.
    """
    data = b""
    for unit in UNITS:
        data = pack(points, unit)
        if len(data) <= POINT_BYTES * len(points) or len(points) < POINTS_HELD_TO_IT:
            break
    return b64encode(data).decode()


def read_text(text: str) -> bytes:
    """The bytes of base64 as RFC 4648 section 4 has it, padded. Raises PointsMalformed."""
    try:
        return binascii.a2b_base64(text.encode("ascii"), strict_mode=True)
    except (UnicodeEncodeError, binascii.Error) as error:
        raise PointsMalformed("is not base64") from error


def unpack_columns(data: bytes) -> Columns:
    """The points of packed bytes. Raises PointsMalformed."""
    layout = read_layout(data)
    values = _values(data, layout)
    after_s, lat, lon, accuracy = (_undo(each, values) for each in layout.lists)
    if layout.unit > 1:
        lat, lon = ([layout.unit * each for each in column] for column in (lat, lon))
    if layout.points:
        _require(after_s, "time", 0, SPAN_S_MAX)
        for point, (earlier, later) in enumerate(pairwise(after_s), start=1):
            if later < earlier:
                raise PointsMalformed(f"goes back in time at point {point}")
        _require(lat, "latitude", -LAT_E6_MAX, LAT_E6_MAX)
        _require(lon, "longitude", -LON_E6_MAX, LON_E6_MAX)
        _require(accuracy, "accuracy", 0, ACCURACY_M_MAX)
    return Columns(after_s, lat, lon, accuracy, layout.mocked)


def unpack(data: bytes) -> list[PackedPoint]:
    """The points of packed bytes, one by one. Raises PointsMalformed."""
    columns = unpack_columns(data)
    mocked = {index for first, end in columns.mocked for index in range(first, end)}
    return [
        PackedPoint(*values, is_mock=index in mocked)
        for index, values in enumerate(zip(*columns[:4], strict=True))
    ]


def read_layout(data: bytes) -> Layout:
    """What packed bytes say before and after their bits. Raises PointsMalformed."""
    if not data:
        raise PointsMalformed("is empty")
    if data[0] != FORM:
        raise PointsMalformed(f"is of form {data[0]} at byte 0; this server reads form {FORM}")
    if len(data) <= _FIXED:
        raise _ends_early(data)
    unit, orders = data[1], data[2]
    if unit not in UNITS:
        raise PointsMalformed(f"has unit {unit} at byte 1; a power of two up to {UNITS[-1]}")
    count, at = _number(data, _FIXED)
    if count > POINTS_MAX:
        raise PointsMalformed(f"holds {count} points; at most {POINTS_MAX}")
    headed, at = _heads(data, at, orders, count)
    widths_at, lists = at, []
    for order, first in headed:
        left = count - len(first)
        until = at + -(-left // BLOCK)
        lists.append(PackedList(order, first, data[at:until], left))
        at = until
    widest = max(data[widths_at:at], default=0)
    if widest > WIDTH_MAX:
        place = data.index(widest, widths_at)
        raise PointsMalformed(f"has {widest} bits a value at byte {place}; at most {WIDTH_MAX}")
    end = at + (sum(each.bits for each in lists) + 7) // 8 if at <= len(data) else at
    if end > len(data):
        raise _ends_early(data)
    return Layout(unit, count, tuple(lists), at, _mocked(data, end, count))


def runs_of(marks: Iterable[bool]) -> tuple[tuple[int, int], ...]:
    """The runs of what is marked, as `Columns.mocked` has them."""
    turns = [n for n, (a, b) in enumerate(pairwise((False, *marks, False))) if a is not b]
    return tuple(zip(turns[::2], turns[1::2], strict=True))


# ---- reading --------------------------------------------------------------------------------------


def _number(data: bytes, at: int) -> tuple[int, int]:
    """The number that begins at a byte, seven bits a byte, and where the next one begins."""
    value = 0
    for place, byte in enumerate(data[at : at + NUMBER_BYTES_MAX]):
        value |= (byte & _SEVEN) << 7 * place
        if byte < _MORE:
            return value, at + place + 1
    if len(data) - at < NUMBER_BYTES_MAX:
        raise _ends_early(data)
    raise PointsMalformed(
        f"has a number of more than {NUMBER_BYTES_MAX} bytes that begins at byte {at}"
    )


def _heads(
    data: bytes, at: int, orders: int, count: int
) -> tuple[list[tuple[int, tuple[int, ...]]], int]:
    """The order and the heads of each list, and where the widths begin."""
    found = []
    for shift in _ORDER_SHIFTS:
        order = orders >> shift & 3
        if order > ORDER_MAX:
            raise PointsMalformed(f"has an order of {order} at byte 2; at most {ORDER_MAX}")
        heads = []
        for _ in range(min(order, count)):
            head, at = _number(data, at)
            heads.append(head)
        found.append((order, tuple(heads)))
    return found, at


def _ends_early(data: bytes) -> PointsMalformed:
    return PointsMalformed(f"ends at byte {len(data)}, before its points are complete")


def _values(data: bytes, layout: Layout) -> Iterator[int]:
    """The values of all lists, one after the other."""
    bits = "".join(format(byte, "08b") for byte in data[layout.bits_at :])
    at = 0
    for each in layout.lists:
        for place in range(each.values):
            width = each.widths[place // BLOCK]
            yield int(bits[at : at + width], 2) if width else 0
            at += width


def _undo(packed: PackedList, values: Iterator[int]) -> list[int]:
    """A list from its heads and so many of the values: signs first, then summed up `order` times."""
    found = [(n >> 1) ^ -(n & 1) for n in chain(packed.heads, islice(values, packed.values))]
    for _ in range(packed.order):
        found = list(accumulate(found))
    return found


def _require(column: list[int], name: str, least: int, most: int) -> None:
    if min(column) < least or max(column) > most:
        point = next(n for n, value in enumerate(column) if not least <= value <= most)
        raise PointsMalformed(f"has {name} {column[point]} at point {point}")


def _mocked(data: bytes, at: int, count: int) -> tuple[tuple[int, int], ...]:
    """Runs of simulated points from lengths to the end: not simulated, simulated, and so on by turns."""
    lengths = []
    while at < len(data):
        length, at = _number(data, at)
        lengths.append(length)
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


# ---- writing --------------------------------------------------------------------------------------


class _Signed(NamedTuple):
    """A list of differences with their signs put away: `heads`, then blocks with a width each."""

    order: int
    heads: list[int]
    blocks: list[list[int]]
    widths: bytes

    @property
    def size(self) -> int:
        """Its bits, a block that is not full counted as one that is."""
        return BLOCK * sum(self.widths) + 8 * (len(self.widths) + sum(map(_length, self.heads)))

    @property
    def bits(self) -> str:
        """As a text of 0 and 1."""
        return "".join(map(_block_bits, self.blocks, self.widths))


def _shortest(column: Sequence[int], orders: Iterable[int]) -> _Signed:
    """A list differenced as often as makes it shortest."""
    return min((_signed(column, order) for order in orders), key=lambda each: each.size)


def _signed(column: Sequence[int], order: int) -> _Signed:
    steps = list(column)
    for _ in range(order):
        steps = list(map(sub, steps, chain((0,), steps)))
    signed = [2 * step if step >= 0 else -2 * step - 1 for step in steps]
    blocks = [signed[first : first + BLOCK] for first in range(order, len(signed), BLOCK)]
    widths = bytes([max(block).bit_length() for block in blocks])
    return _Signed(order, signed[:order], blocks, widths)


def _block_bits(block: list[int], width: int) -> str:
    if not width:
        return ""
    number = 0
    for value in block:
        number = number << width | value
    return format(number, f"0{width * len(block)}b")


def _bytes_of(bits: str) -> bytes:
    """Bits as bytes, the first the highest, filled up with 0."""
    size = (len(bits) + 7) // 8
    return int(bits.ljust(8 * size, "0") or "0", 2).to_bytes(size, "big")


def _nearest(e6: int, unit: int) -> int:
    return (2 * e6 + unit) // (2 * unit)


def _write(out: bytearray, number: int) -> None:
    while number > _SEVEN:
        out.append(number & _SEVEN | _MORE)
        number >>= 7
    out.append(number)


def _length(number: int) -> int:
    return max(1, -(-number.bit_length() // 7))


def _require_bounds(columns: Columns, unit: int) -> None:
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
    if unit not in UNITS:
        raise ValueError(f"a unit is a power of two up to {UNITS[-1]}")


def _are_within(column: Sequence[int], least: int, most: int) -> bool:
    return not column or (least <= min(column) and max(column) <= most)
