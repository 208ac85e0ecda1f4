"""Points survive packing; what is no packed points is told with its place; the document is true."""

import re
from base64 import b64decode
from itertools import pairwise

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
    UNITS,
    PackedPoint,
    PointsMalformed,
    pack,
    pack_text,
    read_layout,
    read_text,
    unpack,
)
from tests.track_factories import SPARSE, roam

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


@given(st.lists(PARTS, max_size=30), st.sampled_from(UNITS))
def test_places_come_out_as_multiples_of_the_unit(
    parts: list[tuple[int, int, int, int, bool]], unit: int
) -> None:
    points = [PackedPoint(*each) for each in sorted(parts)]
    found = unpack(pack(points, unit))
    for was, now in zip(points, found, strict=True):
        assert (now.lat_e6 % unit, now.lon_e6 % unit) == (0, 0)
        assert 2 * max(abs(was.lat_e6 - now.lat_e6), abs(was.lon_e6 - now.lon_e6)) <= unit
        assert now._replace(lat_e6=was.lat_e6, lon_e6=was.lon_e6) == was
    assert unpack(pack(found, unit)) == found


@given(st.binary(max_size=60))
def test_any_bytes_are_points_or_are_told_to_be_malformed(data: bytes) -> None:
    try:
        points = unpack(b"\x01\x01" + data)
    except PointsMalformed:
        return
    assert unpack(pack(points)) == points


@pytest.mark.parametrize("order", [0, 1, 2])
def test_a_list_may_be_differenced_as_often_as_its_writer_likes(order: int) -> None:
    """Bits as another program writes them: every value in its own width, and no order tried."""
    columns = [[getattr(p, name) for p in FIVE[:4]] for name in PackedPoint._fields[:4]]
    lists = []
    for column in columns:
        steps = column
        for _ in range(order):
            steps = [b - a for a, b in pairwise([0, *steps])]
        lists.append([2 * n if n >= 0 else -2 * n - 1 for n in steps])
    heads = b"".join(
        bytes((n & 127 | 128, n >> 7 & 127 | 128, n >> 14 & 127 | 128, n >> 21))
        for each in lists
        for n in each[:order]
    )
    bits = "".join(format(n, "030b") for each in lists for n in each[order:])
    bits += "0" * (-len(bits) % 8)
    data = bytes((1, 1, 85 * order, 4)) + heads + bytes((30,) * 4)
    data += bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits), 8))
    assert unpack(data) == FIVE[:4]


def test_the_example_of_the_document_is_these_points() -> None:
    document = PROTOCOL.read_text()
    found = re.search(
        r"An example, five points (.*?)```packed-points\n(.*?)```.*?```packed-bits\n(.*?)```",
        document,
        re.DOTALL,
    )
    assert found is not None
    says, block, bits = found.groups()
    *lines, text = block.strip().splitlines()
    data = bytes.fromhex("".join(re.split(r" {2,}", line)[0] for line in lines))
    assert unpack(data) == FIVE
    assert b64decode(text) == data == pack(FIVE)
    told = [int(each.replace(".", "")) for each in re.findall(r"\d[\d.]*(?=[, ;]|$)", says)]
    assert told == [value for column in list(zip(*FIVE, strict=True))[:4] for value in column]
    written = "".join(
        re.split(r" {2,}", line)[0].replace(" ", "") for line in bits.strip().splitlines()
    )
    layout = read_layout(data)
    assert len(written) == sum(each.bits for each in layout.lists)
    assert (
        format(int.from_bytes(data[layout.bits_at : -2]), f"0{len(written) + 4}b")
        == written + "0000"
    )


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"\x02\x01\x54\x00", "is of form 2 at byte 0"),
        (b"\x01", "ends at byte 1, before its points are complete"),
        (b"\x01\x01\x54\x80", "ends at byte 4, before its points are complete"),
        (b"\x01\x01\x54\x01\x00", "ends at byte 5, before its points are complete"),
        (pack(FIVE)[:17], "ends at byte 17, before its points are complete"),
        (pack(FIVE)[:30], "ends at byte 30, before its points are complete"),
        (b"\x01\x00\x54\x00", "has unit 0 at byte 1"),
        (b"\x01\x21\x54\x00", "has unit 33 at byte 1"),
        (b"\x01\x01\xc0\x00", "has an order of 3 at byte 2"),
        (
            b"\x01\x01\x54\x80\x80\x80\x80\x80\x01",
            "a number of more than 5 bytes that begins at byte 3",
        ),
        (
            b"\x01\x01\x54\x01\x00\x80\x80\x80\x80\x80\x01",
            "a number of more than 5 bytes that begins at byte 5",
        ),
        (b"\x01\x01\x54\xd1\x0f", "holds 2001 points; at most 2000"),
        (b"\x01\x01\x54\x01\x00\x00\x00\x21", "has 33 bits a value at byte 7; at most 32"),
        (pack(FIVE[:4]) + b"\x04", "a run of points that are not simulated at its end"),
        (pack(FIVE[:4]) + b"\x01\x00", "an empty run"),
        (pack(FIVE[:4]) + b"\x04\x01", "has runs of 5 points, and 4 points"),
        (b"\x01\x01\x54\x01\x82\xc6\x0a\x00\x00\x00", "has time 86401 at point 0"),
        (
            b"\x01\x01\x54\x02\x04\x00\x00\x01\x00\x00\x00\x80",
            "goes back in time at point 1",
        ),
        (b"\x01\x01\x54\x01\x00\x82\xaa\xea\x55\x00\x00", "has latitude 90000001 at point 0"),
        (
            b"\x01\x01\x54\x01\x00\x00\x81\xd4\xd4\xab\x01\x00",
            "has longitude -180000001 at point 0",
        ),
        (b"\x01\x01\x54\x01\x00\x00\x00\x01\x80", "has accuracy -1 at point 0"),
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


def test_a_unit_is_a_power_of_two_up_to_32() -> None:
    for unit in (0, 3, 64):
        with pytest.raises(ValueError, match="unit"):
            pack(FIVE, unit)


@pytest.mark.parametrize("name", SPARSE)
def test_a_point_costs_at_most_8_bytes_on_the_wire_however_far_apart(name: str) -> None:
    """`-s` prints what PROTOCOL.md says of bytes a point."""
    costs = {}
    for count in (48, 100, 250):
        sent = [pack_text(roam(SPARSE[name], count, seed)) for seed in range(10)]
        costs[count] = max(map(len, sent)) / count
        unit = max(read_layout(read_text(text)).unit for text in sent)
        print(
            f"\n{name}, {count} points: at most {costs[count]:.1f} bytes a point, unit {unit}",
            end="",
        )
    assert max(costs.values()) <= 8


def test_the_unit_is_the_least_that_holds_the_bound() -> None:
    points = roam(SPARSE["every 30 s to 5 minutes at 120 km/h, any way, 60° north"], 200, 1)
    unit = read_layout(read_text(pack_text(points))).unit
    assert unit > 1
    assert len(pack(points, unit)) <= 6 * len(points) < len(pack(points, unit // 2))
    near = roam(SPARSE["on foot, every minute"], 200, 1)
    assert unpack(read_text(pack_text(near))) == near
    assert unpack(read_text(pack_text(points[:31]))) == points[:31]
