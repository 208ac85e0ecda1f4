"""The fast reading of packed points is the one that the contract describes."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mobile_contract.packed_points import (
    UNITS,
    PackedPoint,
    PointsMalformed,
    pack,
    pack_columns,
    pack_text,
    read_layout,
    read_text,
    unpack,
    unpack_columns,
)
from sync.kinds.track.points import (
    Points,
    columns_of,
    in_wgs84,
    pack_shift,
    read_held,
    read_packed,
    read_points,
    repack,
)
from tests.track_factories import SPARSE, roam

POINTS = st.lists(
    st.builds(
        PackedPoint,
        st.integers(0, 86_400),
        st.integers(-90_000_000, 90_000_000),
        st.integers(-180_000_000, 180_000_000),
        st.integers(0, 100_000),
        st.booleans(),
    ),
    max_size=40,
).map(lambda points: sorted(points, key=lambda point: point.after_s))


@settings(max_examples=100, deadline=None)
@given(
    points=POINTS,
    unit=st.sampled_from(UNITS),
    spoilt=st.none() | st.tuples(st.integers(0, 80), st.integers(0, 255)),
)
def test_packed_points_are_read_as_the_contract_says_or_refused_in_the_same_words(
    points: list[PackedPoint], unit: int, spoilt: tuple[int, int] | None
) -> None:
    data = bytearray(pack(points, unit))
    if spoilt is not None:
        data[spoilt[0] % len(data)] = spoilt[1]
    wanted = outcome(lambda: read_points(unpack_columns(bytes(data)), 1_000))
    assert outcome(lambda: read_packed(bytes(data), 1_000)) == wanted


def outcome(read: Callable[[], Points]) -> list[list[int]] | str:
    """The columns that were read, or the words of the refusal."""
    try:
        found = read()
    except PointsMalformed as fault:
        return str(fault)
    columns = (found.at, found.lat_e7, found.lon_e7, found.accuracy_m, found.is_mock)
    return [column.tolist() for column in columns]


@pytest.mark.parametrize(
    "data", [b"", b"\x01", b"\x02\x01\x54\x00", b"\x01\x01\x54", b"\x01\x01\x54" + b"\xff" * 9]
)
def test_bytes_that_are_no_points_are_refused(data: bytes) -> None:
    with pytest.raises(PointsMalformed):
        read_packed(data, 0)


def test_what_is_left_of_points_is_packed_exactly_as_they_came() -> None:
    far_apart = roam(SPARSE["every 30 s to 5 minutes at 120 km/h, any way, 60° north"], 100, 1)
    came = read_text(pack_text(far_apart))
    assert read_layout(came).unit > 1
    points = read_packed(came, 7_000)
    left = repack(points.those(slice(40)), 7_000, came)
    assert unpack(left) == unpack(came)[:40]
    assert len(left) < len(came) // 2


@pytest.mark.parametrize("datum", ["GCJ02", "BD09"])
def test_converted_points_are_held_as_a_shift_of_those_that_came(datum: str) -> None:
    came = read_packed(pack(roam(SPARSE["by car, every 100 s"], 100, 1)), 0)
    converted = in_wgs84(came, datum)
    shift = pack_shift(came, converted)
    assert len(shift) < 3 * len(came)
    held = read_held(pack_columns(columns_of(came, 0)), shift, 0)
    for name in ("at", "lat_e7", "lon_e7", "accuracy_m", "is_mock"):
        assert (getattr(held, name) == getattr(converted, name)).all()
    assert (held.lat_e7 != came.lat_e7).all()
