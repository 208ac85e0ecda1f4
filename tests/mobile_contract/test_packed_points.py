"""Points survive packing; what is no packed points is told with its place; the document is true."""

import re
from base64 import b64decode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobile_contract.field_tables import PROTOCOL
from mobile_contract.packed_points import (
    ACCURACY_M_MAX,
    LAT_E6_MAX,
    LON_E6_MAX,
    POINTS_MAX,
    SPAN_S_MAX,
    TEXT_MAX,
    PackedPoint,
    PointsMalformed,
    pack,
    pack_text,
    read_text,
    unpack,
)

PARTS = st.tuples(
    st.integers(0, SPAN_S_MAX),
    st.integers(-LAT_E6_MAX, LAT_E6_MAX),
    st.integers(-LON_E6_MAX, LON_E6_MAX),
    st.integers(0, ACCURACY_M_MAX),
    st.booleans(),
)
FIVE = [
    PackedPoint(0, 31_230_416, 121_473_701, 13),
    PackedPoint(5, 31_230_431, 121_473_690, 9),
    PackedPoint(10, 31_230_502, 121_473_655, 9),
    PackedPoint(310, 31_229_400, 121_476_000, 120),
    PackedPoint(315, 31_229_390, 121_476_004, 8, is_mock=True),
]


@given(st.lists(PARTS, max_size=30))
def test_points_come_out_as_they_went_in(parts: list[tuple[int, int, int, int, bool]]) -> None:
    points = [PackedPoint(*each) for each in sorted(parts)]
    assert unpack(read_text(pack_text(points))) == points


@given(st.binary(max_size=60))
def test_any_bytes_are_points_or_are_told_to_be_malformed(data: bytes) -> None:
    try:
        points = unpack(b"\x01" + data)
    except PointsMalformed:
        return
    assert unpack(pack(points)) == points


def test_the_example_of_the_document_is_these_points() -> None:
    found = re.search(r"```packed-points\n(.*?)```", PROTOCOL.read_text(), re.DOTALL)
    assert found is not None
    *lines, text = found[1].strip().splitlines()
    data = bytes.fromhex("".join(re.split(r" {2,}", line)[0] for line in lines))
    assert unpack(data) == FIVE
    assert b64decode(text) == data == pack(FIVE)
    told = [re.split(r" {2,}", line)[1] for line in lines]
    degrees = [[int(d.replace(".", "")) for d in told[n].split()] for n in (2, 3)]
    assert degrees == [[p.lat_e6 for p in FIVE], [p.lon_e6 for p in FIVE]]
    assert re.findall(r"\d+", told[1]) == [str(p.after_s) for p in FIVE]
    assert re.findall(r"\d+", told[4]) == [str(p.accuracy_m) for p in FIVE]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"\x02\x00", "is of form 2 at byte 0"),
        (b"\x01", "ends inside a number at byte 1"),
        (b"\x01\x01\x80", "ends inside a number at byte 3"),
        (b"\x01\x01\x00\x00", "ends at byte 4, before the numbers of its 1 points are complete"),
        (b"\x01\x80\x80\x80\x80\x80\x01", "a number of more than 5 bytes that begins at byte 1"),
        (
            b"\x01\x01\x00\x80\x80\x80\x80\x80",
            "a number of more than 5 bytes that begins at byte 3",
        ),
        (b"\x01\xd1\x0f", "holds 2001 points; at most 2000"),
        (pack(FIVE[:4]) + b"\x04", "a run of points that are not simulated at its end"),
        (pack(FIVE[:4]) + b"\x01\x00", "an empty run"),
        (pack(FIVE[:4]) + b"\x04\x01", "has runs of 5 points, and 4 points"),
        (b"\x01\x01\x81\xa3\x05\x00\x00\x00", "has time 86401 at point 0"),
        (b"\x01\x01\x00\x82\xaa\xea\x55\x00\x00", "has latitude 90000001 at point 0"),
        (b"\x01\x01\x00\x00\x81\xd4\xd4\xab\x01\x00", "has longitude -180000001 at point 0"),
        (b"\x01\x02\x00\x00\x00\x00\x00\x00\x02\x03", "has accuracy -1 at point 1"),
    ],
)
def test_malformed_bytes_are_told_with_their_place(data: bytes, words: str) -> None:
    with pytest.raises(PointsMalformed) as fault:
        unpack(data)
    assert words in str(fault.value)


@pytest.mark.parametrize("text", ["A", "AQ=", "AQ A=", "AQA=\n", "AQA=AQA=", "ÄQA="])
def test_what_is_no_base64_is_malformed(text: str) -> None:
    with pytest.raises(PointsMalformed, match="not base64"):
        read_text(text)


def test_the_longest_points_fit_their_text() -> None:
    corners = [(LAT_E6_MAX, LON_E6_MAX, ACCURACY_M_MAX), (-LAT_E6_MAX, -LON_E6_MAX, 0)]
    points = [PackedPoint(43 * n, *corners[n % 2], is_mock=bool(n % 2)) for n in range(POINTS_MAX)]
    assert len(pack_text(points)) <= TEXT_MAX


@pytest.mark.parametrize(
    "points",
    [
        [PackedPoint(5, 0, 0, 0), PackedPoint(4, 0, 0, 0)],
        [PackedPoint(SPAN_S_MAX + 1, 0, 0, 0)],
        [PackedPoint(0, LAT_E6_MAX + 1, 0, 0)],
        [PackedPoint(0, 0, 0, ACCURACY_M_MAX + 1)],
        [PackedPoint(0, 0, 0, 0)] * (POINTS_MAX + 1),
    ],
)
def test_what_passes_a_bound_is_not_packed(points: list[PackedPoint]) -> None:
    with pytest.raises(ValueError, match=r"points|accuracy|degrees"):
        pack(points)
