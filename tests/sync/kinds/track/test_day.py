"""A day's track from its segments, whatever their order."""

from itertools import pairwise, permutations
from random import Random
from time import process_time

import pytest

from mobile_contract.packed_points import PackedPoint
from sync.kinds.track.day import Segment, TrackReading, TrackRules, read_track_day
from sync.kinds.track.distance import Gap
from sync.kinds.track.points import Points
from tests.sync.kinds.track.test_distance import points_of
from tests.track_factories import point, stand, walk_north

HOUR_S = 3_600
DAY = (0, 24 * HOUR_S * 1_000)
HOURS = [(7 * HOUR_S * 1_000, 20 * HOUR_S * 1_000)]
RULES = TrackRules(silence_s=900, stop_radius_m=50, stop_min_s=300)
TEN = 10 * HOUR_S


def shifted(packed: list[PackedPoint], by_s: int = TEN) -> Points:
    return points_of([each._replace(after_s=each.after_s + by_s) for each in packed])


def segment(name: str, packed: list[PackedPoint], *gaps: tuple[int, int, str | None]) -> Segment:
    """A segment whose seconds count from ten o'clock."""
    moved = tuple(Gap((TEN + a) * 1_000, (TEN + b) * 1_000, cause) for a, b, cause in gaps)
    return Segment(
        name, shifted(packed) if packed else points_of([point(0)]).those(slice(0)), moved
    )


def read(*segments: Segment) -> TrackReading:
    return read_track_day(segments, RULES, day=DAY, hours=HOURS)


def metres(reading: TrackReading) -> int:
    return round(reading.distance_cm / 100)


def told(reading: TrackReading) -> list[tuple[int, int, str | None]]:
    return [(g.from_at // 1_000 - TEN, g.until_at // 1_000 - TEN, g.cause) for g in reading.gaps]


def summary(reading: TrackReading) -> tuple[object, ...]:
    runs = [(int(run.at[0]), int(run.at[-1]), len(run)) for run in reading.runs]
    return reading.distance_cm, runs, reading.gaps, reading.stops, reading.overlapping


def test_segments_that_follow_each_other_are_one_way() -> None:
    whole = walk_north(40)
    reading = read(segment("a", whole[:20]), segment("b", whole[20:]))
    assert metres(reading) == 39 * 14
    assert (len(reading.runs), reading.gaps) == (1, ())


def test_the_order_in_which_segments_come_plays_no_part() -> None:
    whole = walk_north(60)
    parts = [
        segment("a", whole[:20]),
        segment("b", whole[15:40]),
        segment("c", whole[40:50], (500, 530, "GPS_OFF")),
        segment("d", whole[45:]),
    ]
    readings = {repr(summary(read(*order))) for order in permutations(parts)}
    assert len(readings) == 1


def test_what_is_sent_twice_counts_once() -> None:
    whole = walk_north(40)
    twice = read(segment("a", whole), segment("b", whole))
    assert metres(twice) == metres(read(segment("a", whole)))
    assert twice.overlapping == 40


def test_an_overlap_counts_once() -> None:
    whole = walk_north(40)
    reading = read(segment("a", whole[:25]), segment("b", whole[15:]))
    assert (metres(reading), reading.overlapping) == (39 * 14, 10)


def test_any_cut_of_a_way_into_segments_reads_alike() -> None:
    random = Random(3)
    whole = walk_north(30) + stand(8, after_s=300, at_m=420)
    expected = summary(read(segment("whole", whole)))
    for _ in range(20):
        cuts = sorted({0, len(whole), *random.sample(range(len(whole)), 3)})
        parts = [segment(f"{random.random()}", whole[a:b]) for a, b in pairwise(cuts)]
        random.shuffle(parts)
        assert summary(read(*parts)) == expected


def test_the_parts_of_the_segments_are_the_whole_way() -> None:
    """Also where they overlap, points are coarse, at 0,0 or too fast, and the receiver jumps for good."""
    random = Random(7)
    whole = [*walk_north(60), *walk_north(60, after_s=600, from_m=20_000)]
    for odd in (5, 30, 90):
        whole[odd] = whole[odd]._replace(lat_e6=whole[odd].lat_e6 + 500_000)
    whole[10] = whole[10]._replace(accuracy_m=300)
    whole[70] = whole[70]._replace(lat_e6=0, lon_e6=0)
    for _ in range(20):
        first, then = sorted(random.sample(range(1, 119), 2))
        segments = [
            segment("a", whole[:then]),
            segment("b", whole[first:], (-60, -30, "OFF")),
            segment("none", whole[first:then]),
        ]
        reading = read(*random.sample(segments, 3))
        parts = {part.segment_id: part for part in reading.parts}
        assert set(parts) == {"a", "b"}
        assert sum(part.distance_cm for part in parts.values()) == reading.distance_cm
        assert sum(part.points for part in parts.values()) == 120
        assert parts["b"].from_at == (TEN + whole[then].after_s) * 1_000


def test_a_gap_is_told_with_its_cause_and_is_no_distance() -> None:
    packed = [*walk_north(3), *walk_north(3, after_s=600, from_m=800)]
    reading = read(segment("a", packed, (20, 600, "KILLED")))
    assert told(reading) == [(20, 600, "KILLED")]
    assert (metres(reading), len(reading.runs)) == (56, 2)


def test_a_silence_that_no_phone_names_is_a_gap_without_a_cause() -> None:
    packed = [*walk_north(3), *walk_north(3, after_s=1_000, from_m=800)]
    assert told(read(segment("a", packed))) == [(20, 1_000, None)]


def test_a_silence_is_told_as_far_as_no_gap_names_it() -> None:
    packed = [*walk_north(3), *walk_north(3, after_s=4_000, from_m=800)]
    reading = read(segment("a", packed, (20, 2_000, "OFF")))
    assert told(reading) == [(20, 2_000, "OFF"), (2_000, 4_000, None)]


def test_what_was_not_sent_closes_when_it_comes() -> None:
    whole = walk_north(300)
    early, middle, late = whole[:100], whole[101:199], whole[200:]
    later = segment("c", late, (990, 2_000, "NOT_SENT"))
    assert told(read(segment("a", early), later)) == [(990, 2_000, "NOT_SENT")]
    reading = read(segment("a", early), later, segment("b", middle))
    assert (told(reading), len(reading.runs)) == ([], 1)
    assert metres(reading) == 299 * 14


def test_a_gap_of_one_phone_that_another_covers_is_none() -> None:
    whole = walk_north(100)
    holed = [p for p in whole if not 200 < p.after_s < 800]
    one = segment("a", holed, (200, 800, "GPS_OFF"))
    assert told(read(one)) == [(200, 800, "GPS_OFF")]
    assert told(read(one, segment("b", whole[10:50]))) == [(490, 800, "GPS_OFF")]
    reading = read(one, segment("b", whole[10:90]))
    assert (told(reading), metres(reading)) == ([], 99 * 14)


def test_the_same_gap_of_two_segments_is_told_once() -> None:
    packed = [*walk_north(3), *walk_north(3, after_s=600, from_m=800)]
    gap = (20, 600, "KILLED")
    assert told(read(segment("a", packed, gap), segment("b", packed, gap))) == [gap]


def test_a_gap_that_two_segments_name_is_told_though_one_of_them_has_a_point_in_it() -> None:
    gap = (300, 900, "GPS_OFF")
    first = segment("a", [*walk_north(30), point(600)], gap)
    second = segment("b", walk_north(30, after_s=910), gap)
    assert told(read(first, second)) == [gap]


def test_many_segments_that_name_many_gaps_are_read_in_time_that_grows_with_both() -> None:
    way = walk_north(1_000, every_s=3, step_m=1)
    gaps = [(60 * n, 60 * n + 30, "OFF") for n in range(50)]
    segments = [
        segment(str(n), way, *((a + n, b + n, cause) for a, b, cause in gaps)) for n in range(100)
    ]
    began = process_time()
    read(*segments)
    assert process_time() - began < 5


def test_a_stop_across_two_segments_is_one() -> None:
    stay = stand(10)
    reading = read(segment("a", stay[:4]), segment("b", stay[4:]))
    assert [(s.from_at, s.until_at, s.points) for s in reading.stops] == [
        (TEN * 1_000, (TEN + 540) * 1_000, 10)
    ]


def test_only_the_points_of_the_day_count() -> None:
    night = Segment("a", shifted(walk_north(40), by_s=24 * HOUR_S - 200))
    reading = read_track_day([night], RULES, day=DAY, hours=HOURS)
    assert metres(reading) == 19 * 14
    tomorrow = read_track_day([night], RULES, day=(DAY[1], 2 * DAY[1]), hours=HOURS)
    assert metres(tomorrow) == 19 * 14


def test_gaps_are_told_in_working_hours_only() -> None:
    evening = 20 * HOUR_S - TEN
    reading = read(
        segment(
            "a", walk_north(3), (evening - 600, evening + 7_200, "OFF"), (-20_000, -15_000, "OFF")
        )
    )
    assert told(reading) == [(evening - 600, evening, "OFF")]


def test_on_a_day_off_there_are_no_gaps() -> None:
    segments = [segment("a", walk_north(3), (20, 600, "OFF"))]
    assert read_track_day(segments, RULES, day=DAY, hours=[]).gaps == ()


@pytest.mark.parametrize("segments", [[], [segment("a", [], (0, 600, "OFF"))]])
def test_without_points_there_is_no_way(segments: list[Segment]) -> None:
    reading = read(*segments)
    assert (reading.distance_cm, reading.runs, reading.stops) == (0, (), ())
    assert len(reading.gaps) == len(segments)
