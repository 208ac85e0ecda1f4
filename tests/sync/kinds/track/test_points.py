"""The fast reading of packed points is the one that the contract describes."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mobile_contract.packed_points import PackedPoint, PointsMalformed, pack, unpack_columns
from sync.kinds.track.points import Points, read_packed, read_points

POINTS = st.lists(
    st.builds(
        PackedPoint,
        st.integers(0, 86_400),
        st.integers(-90_000_000, 90_000_000),
        st.integers(-180_000_000, 180_000_000),
        st.integers(0, 100_000),
        st.booleans(),
    ),
    max_size=12,
).map(lambda points: sorted(points, key=lambda point: point.after_s))


@settings(max_examples=80, deadline=None)
@given(points=POINTS, spoilt=st.none() | st.tuples(st.integers(0, 80), st.integers(0, 255)))
def test_packed_points_are_read_as_the_contract_says_or_refused_in_the_same_words(
    points: list[PackedPoint], spoilt: tuple[int, int] | None
) -> None:
    data = bytearray(pack(points))
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


@pytest.mark.parametrize("data", [b"", b"\x01", b"\x02\x00", b"\x01\x80", b"\x01" + b"\xff" * 9])
def test_bytes_that_are_no_points_are_refused(data: bytes) -> None:
    with pytest.raises(PointsMalformed):
        read_packed(data, 0)
