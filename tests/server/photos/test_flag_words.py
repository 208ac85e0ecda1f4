import pytest

from server.days.words import told_flag
from server.photos.flag_words import told_seconds
from sync.flag import Flag

REUSED: Flag = {
    "flag": "reused",
    "distance_bits": 3,
    "detail_permille": 40,
    "is_same_file": 0,
    "is_mirrored": 0,
    "is_other_store": 1,
    "days": 0,
    "others": 1,
}


@pytest.mark.parametrize(
    ("flag", "says"),
    [
        (
            REUSED,
            "looks like a photo of another store, taken before on the same day, 3 of 64 bits apart, 40 ‰ in detail",
        ),
        (
            REUSED | {"is_same_file": 1, "is_other_store": 0, "days": 1, "others": 3},
            "the same file as a photo of this store, taken before, on the day before or after, and 2 others",
        ),
        (
            REUSED | {"is_mirrored": 1, "days": 12, "others": 2},
            (
                "looks like a photo of another store, taken before, 12 days apart, 3 of 64 bits"
                " apart, 40 ‰ in detail, mirrored, and another"
            ),
        ),
        (
            {"flag": "blurred", "sharpness": 12, "limit": 30},
            "blurred: sharpness 12, at least 30 expected",
        ),
        (
            {"flag": "dark", "darkness": 950, "limit": 900},
            "dark: darkness 950 ‰, at most 900 ‰ expected",
        ),
        (
            {"flag": "camera_time_off", "off_s": -90_061, "limit_s": 1800, "is_zone_assumed": 1},
            (
                "the camera's time is 1 d 1 h before the visit, at most 30 min expected (read in the"
                " company's time zone)"
            ),
        ),
        (
            {
                "flag": "taken_elsewhere",
                "distance_m": 1_200,
                "accuracy_m": 10,
                "limit_m": 300,
                "is_by_camera": 1,
            },
            "the camera was 1,200 m from the store (accuracy 10 m), at most 300 m expected",
        ),
        (
            {"flag": "edited", "permille": 950, "sign_editor_named": 1},
            "signs of editing (950 ‰ sure): a program for editing pictures named itself in the file",
        ),
        (
            {"flag": "screen", "permille": 760, "sign_screen": 1},
            "signs of a photographed screen (760 ‰ sure): the points of a screen run through the whole picture",
        ),
        (
            {"flag": "unreadable", "reason_not_a_photo": 1},
            "its file could not be read: it is not a photo",
        ),
    ],
)
def test_a_flag_of_a_photo_is_told_in_plain_words(flag: Flag, says: str) -> None:
    assert told_flag(flag, "Asia/Shanghai") == says


def test_a_length_of_time_has_at_most_two_units() -> None:
    assert [told_seconds(s) for s in (0, 59, 3_600, 12_000)] == ["0 s", "59 s", "1 h", "3 h 20 min"]
