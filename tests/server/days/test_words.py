"""What a reading says to people: every flag in plain words, with its figures."""

import re
from pathlib import Path

import pytest

from server.days.words import NAMED, nth, told_distance, told_flag, told_length
from server.language import speaking
from sync.flag import Flag
from tests.sync.talking import NOON

ROOT = Path(__file__).resolve().parents[3]
ZONE = "Asia/Shanghai"

SENTENCES: list[tuple[Flag, str]] = [
    (
        {"flag": "clock_offset", "offset_ms": -251_000},
        "the phone's clock was 4 min 11 s fast when sending",
    ),
    (
        {"flag": "clock_changed", "change_ms": 3_600_000},
        "the phone's clock was set 1 h forward between the event and sending",
    ),
    ({"flag": "clock_ahead", "ahead_ms": 90_000}, "its time lies 1 min 30 s after it was received"),
    (
        {"flag": "mock_location", "check_in": 1, "check_out": 1},
        "the position was simulated at check-in and check-out",
    ),
    ({"flag": "mock_location"}, "the position was simulated"),
    (
        {"flag": "too_short", "lasted_ms": 61_000, "limit_ms": 120_000},
        "lasted 1 min 1 s, at least 2 min expected",
    ),
    (
        {"flag": "checked_out_before_in", "before_ms": 30_000},
        "checked out 30 s before checking in",
    ),
    (
        {"flag": "outside_working_window", "minute": 1_275, "from_min": 420, "until_min": 1_200},
        "at 21:15, outside of working hours (07:00–20:00)",
    ),
    (
        {"flag": "steps_skipped", "required": 3, "missing": 2, "greet": 1, "check_store": 1},
        "2 of 3 required steps missing: greet, check store",
    ),
    (
        {"flag": "overlapping", "visits": 2, "overlap_ms": 600_000},
        "shares up to 10 min with each of 2 other visits",
    ),
    ({"flag": "out_of_sequence", "since_ms": 0}, "changes nothing: nobody was on duty"),
    (
        {
            "flag": "implied_speed",
            "distance_cm": 9_000,
            "accuracy_cm": 0,
            "elapsed_ms": 400,
            "speed_kmh": 324,
            "limit_kmh": 120,
        },
        ("90 m in less than a second since the position before: at least 324 km/h, limit 120 km/h"),
    ),
    (
        {"flag": "forgotten_close", "closed_at": NOON, "silent_ms": 43_200_000},
        ("nobody went off duty: closed at 12:00, the last sign of work, 12 h before the day ended"),
    ),
    ({"flag": "other_store"}, "the visit was at another store"),
    ({"flag": "required_missing", "count": 1, "stock": 4}, "1 question not answered that must be"),
    (
        {"flag": "computed_differs", "count": 2, "a_sent": 1, "a_held": 2},
        "2 questions worked out otherwise on the phone",
    ),
    (
        {"flag": "score_differs", "held_e2": 6_205},
        "the phone showed the score none, the server found 62.05",
    ),
    ({"flag": "sums_wrong", "lines": 0, "order": 1}, "the lines do not add up to the total"),
    (
        {"flag": "sums_wrong", "lines": 2, "order": 1},
        "2 lines do not add up and the lines do not add up to the total",
    ),
    (
        {"flag": "total_differs", "lines": 1, "total_minor": 12_000, "server_total_minor": 11_950},
        "1 line costs otherwise by the server's prices: 12,000 in minor units on the phone, 11,950 here",
    ),
    (
        {"flag": "total_differs", "lines": 3, "total_minor": 12_000},
        "3 lines cost otherwise by the server's prices",
    ),
    (
        {"flag": "over_credit", "total_minor": 12_000, "available_minor": -5},
        "worth 12,000 in minor units, no credit available",
    ),
    (
        {"flag": "old_prices", "age_ms": 90_000_000, "limit_ms": 86_400_000},
        "the phone's prices were 1 d 1 h old, limit 1 d",
    ),
    ({"flag": "not_sold", "lines": 1}, "1 line of a product that is not sold"),
    (
        {"flag": "photos_missing", "required": 3, "missing": 2, "item_front": 1, "item_till": 1},
        "2 of 3 photos missing: FRONT, TILL",
    ),
    ({"flag": "answered_late", "late_ms": 61_000}, "answered 1 min 1 s after its time was up"),
    ({"flag": "seen_twice", "times": 2}, "seen twice: times 2"),
    ({"flag": "too_short"}, "too short"),
]


@pytest.mark.parametrize(("flag", "says"), SENTENCES, ids=lambda each: str(each)[:40])
def test_a_flag_is_told_in_plain_words(flag: Flag, says: str) -> None:
    assert told_flag(flag, ZONE) == says


def test_every_flag_that_the_rules_make_has_words_of_its_own() -> None:
    made = {
        name
        for path in [*(ROOT / "sync").rglob("*.py"), *(ROOT / "server/photos").rglob("*.py")]
        for name in re.findall(r'"flag": "(\w+)"', path.read_text(encoding="utf-8"))
    }
    assert len(made) > 40
    assert sorted(made - NAMED) == []


@pytest.mark.parametrize(
    ("length_ms", "says"),
    [
        (0, "0 ms"),
        (999, "999 ms"),
        (1_000, "1 s"),
        (119_999, "1 min 59 s"),
        (3_600_000, "1 h"),
        (90_061_000, "1 d 1 h"),
        (86_400_000 + 61_000, "1 d"),
    ],
)
def test_a_length_of_time_is_told_in_two_units_and_never_rounded_up(
    length_ms: int, says: str
) -> None:
    assert told_length(length_ms) == says


@pytest.mark.parametrize(
    ("length_cm", "says"),
    [(0, "0 m"), (1, "1 m"), (21_250, "213 m"), (99_999, "1000 m"), (1_230_001, "12.4 km")],
)
def test_a_distance_is_rounded_up(length_cm: int, says: str) -> None:
    assert told_distance(length_cm) == says


def test_numbers_count_as_people_do() -> None:
    assert [nth(n) for n in (1, 2, 3, 4, 11, 12, 13, 22)] == [
        "1st",
        "2nd",
        "3rd",
        "4th",
        "11th",
        "12th",
        "13th",
        "22nd",
    ]


def test_evidence_is_told_in_the_language_of_who_reads_it() -> None:
    with speaking("zh"):
        told = {flag["flag"]: told_flag(flag, ZONE) for flag, _ in SENTENCES}
        assert told["clock_offset"] == "上传时手机时钟快 4 分钟 11 秒"
        assert told["steps_skipped"] == "3 个必做步骤中缺 2 个：打招呼、检查门店"
        known = {flag: words for flag, words in told.items() if flag in NAMED}
        english = {flag: words for flag, words in known.items() if re.search("[a-z]{3}", words)}
    assert english == {}
