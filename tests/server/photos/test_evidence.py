"""Judging evidence: pure, with the company's settings."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.photos.evidence import (
    Call,
    Inputs,
    LookAlike,
    Place,
    Reading,
    Taken,
    camera_off_s,
    is_flagged,
    judge,
)
from server.photos.signs import Sign
from sync.policy import Policy
from tests.sync.talking import DAY, HOUR, MINUTE, NOON, SECOND

POLICY = Policy(time_zone="Asia/Shanghai")
STORE, OTHER_STORE = UUID(int=1), UUID(int=2)
DAY_OF = date(2026, 3, 4)
PIN = (312_304_000, 1_214_737_000)
# 0.001° of latitude is 111 m.
STEP_E7 = 10_000


def inputs(*, reading: Any = None, taken: Any = None, **rest: Any) -> Inputs:
    """A photo with nothing odd, taken at noon in the company's zone, and what is given."""
    return Inputs(
        taken=Taken(
            **(
                {
                    "id": UUID(int=77),
                    "sha256": "aa",
                    "store_id": STORE,
                    "business_day": DAY_OF,
                    "occurred_at": NOON,
                }
                | (taken or {})
            )
        ),
        reading=Reading(
            **({"reader_version": 1, "sharpness": 900, "darkness": 500} | (reading or {}))
        ),
        **rest,
    )


def names(found: Inputs, policy: Policy = POLICY) -> list[str]:
    return [str(flag["flag"]) for flag in judge(found, policy)]


def alike(**rest: Any) -> LookAlike:
    usual: dict[str, Any] = {
        "of": "photo",
        "id": UUID(int=5),
        "sha256": "bb",
        "store_id": OTHER_STORE,
        "business_day": DAY_OF,
        "occurred_at": NOON - HOUR,
        "distance_bits": 3,
        "detail_permille": 40,
    }
    return LookAlike(**(usual | rest))


def test_a_photo_with_nothing_odd_has_no_flag() -> None:
    found = inputs()
    assert names(found) == []
    assert not is_flagged(found, [])


@pytest.mark.parametrize("flag", ["mock_location", "from_gallery", "other_store"])
def test_what_the_capture_was_flagged_for_is_looked_at(flag: str) -> None:
    assert is_flagged(inputs(taken={"flags": [flag]}), [])


# ---- look-alikes --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("other", "is_reused"),
    [
        (alike(), True),
        (alike(distance_bits=8), True),
        (alike(distance_bits=9), False),
        (alike(detail_permille=250), True),
        (alike(detail_permille=251), False),
        (alike(detail_permille=None), True),
        (alike(sha256="aa", distance_bits=0, detail_permille=None), True),
        (alike(store_id=STORE), False),
        (alike(store_id=STORE, business_day=DAY_OF - timedelta(days=1)), True),
        (alike(store_id=None), False),
        (alike(store_id=None, business_day=DAY_OF - timedelta(days=1)), True),
        (alike(occurred_at=NOON + 1), False),
        (alike(occurred_at=NOON), True),
        (alike(occurred_at=NOON, id=UUID(int=99)), False),
    ],
)
def test_a_look_alike_counts_when_it_is_near_elsewhere_and_earlier(
    other: LookAlike, is_reused: bool
) -> None:
    assert ("reused" in names(inputs(look_alikes=[other]))) is is_reused


def test_the_nearest_is_told_and_how_many_there_are() -> None:
    others = [
        alike(id=UUID(int=5), distance_bits=6),
        alike(id=UUID(int=6), distance_bits=2, is_mirrored=True),
        alike(id=UUID(int=7), distance_bits=4),
    ]
    (flag,) = judge(inputs(look_alikes=others), POLICY)
    assert (flag["distance_bits"], flag["is_mirrored"], flag["others"]) == (2, 1, 3)


def test_a_company_may_let_the_bits_alone_decide_or_be_stricter() -> None:
    found = inputs(look_alikes=[alike(distance_bits=8, detail_permille=400)])
    assert names(found) == []
    assert names(found, replace(POLICY, photo_reuse_detail_permille=1000)) == ["reused"]
    assert names(inputs(look_alikes=[alike()]), replace(POLICY, photo_reuse_bits=2)) == []


# ---- the picture --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reading", "flags"),
    [
        ({"sharpness": 30}, []),
        ({"sharpness": 29}, ["blurred"]),
        ({"darkness": 900}, []),
        ({"darkness": 901}, ["dark"]),
        ({"darkness": 901, "sharpness": 0}, ["dark"]),
    ],
)
def test_blur_and_darkness_are_flagged_beyond_the_settings(
    reading: dict[str, int], flags: list[str]
) -> None:
    assert names(inputs(reading=reading)) == flags


@pytest.mark.parametrize(
    ("sign", "permille", "flags"),
    [
        ("editor_named", 950, ["edited"]),
        ("saved_twice", 500, []),
        ("converter_named", 500, []),
        ("modified_later", 300, []),
        ("no_camera", 200, []),
        ("screen", 600, ["screen"]),
        ("screen", 599, []),
        ("screenshot", 980, ["screen"]),
    ],
)
def test_a_sign_is_flagged_where_it_is_as_sure_as_the_settings_ask(
    sign: Any, permille: int, flags: list[str]
) -> None:
    found = inputs(reading={"signs": [Sign(sign=sign, permille=permille)]})
    assert names(found) == flags


def test_a_file_that_could_not_be_read_says_why_and_may_be_reused_all_the_same() -> None:
    found = Inputs(
        taken=inputs().taken,
        reason_code="damaged",
        look_alikes=[alike(sha256="aa", distance_bits=0)],
    )
    assert judge(found, POLICY)[0] == {"flag": "unreadable", "reason_damaged": 1}
    assert names(found) == ["unreadable", "reused"]


# ---- when -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("camera_at", "offset_min", "off_s"),
    [
        ("2026-03-04T12:00:00", None, 0),
        ("2026-03-04T12:00:00", 480, 0),
        ("2026-03-04T04:00:00", 0, 0),
        ("2026-03-04T12:10:00", None, 600),
        ("2026-03-03T12:00:00", None, -86_400),
        ("2026-03-04T12:00:00", 0, 8 * 3600),
    ],
)
def test_a_cameras_time_is_of_its_own_offset_or_of_the_companys_zone(
    camera_at: str, offset_min: int | None, off_s: int
) -> None:
    found = inputs(reading={"camera_at": camera_at, "camera_offset_min": offset_min})
    assert camera_off_s(found, POLICY.zone) == off_s
    assert ("camera_time_off" in names(found)) is (abs(off_s) > 1800)


def test_without_a_camera_time_there_is_nothing_to_flag() -> None:
    assert camera_off_s(inputs(), POLICY.zone) is None


@pytest.mark.parametrize(
    ("camera_at", "off_s"),
    [
        ("2026-03-04T11:30:00", 0),
        ("2026-03-04T13:00:00", 0),
        ("2026-03-04T11:29:00", -60),
        ("2026-03-04T13:45:00", 45 * 60),
    ],
)
def test_a_cameras_time_is_compared_with_the_whole_visit(camera_at: str, off_s: int) -> None:
    call = Call(id=UUID(int=9), began_at=NOON - 30 * MINUTE, ended_at=NOON + 60 * MINUTE)
    found = inputs(reading={"camera_at": camera_at}, call=call)
    assert camera_off_s(found, POLICY.zone) == off_s


def test_a_phone_whose_clock_is_wrong_has_a_camera_whose_clock_is_wrong_and_that_is_no_flag() -> (
    None
):
    reading = {"camera_at": "2026-03-05T12:00:00"}
    assert names(inputs(reading=reading)) == ["camera_time_off"]
    assert names(inputs(reading=reading, taken={"clock_offset_ms": -DAY})) == []


def test_an_hour_that_comes_twice_is_the_nearer_of_the_two() -> None:
    policy = replace(POLICY, time_zone="Europe/Berlin")
    # 2026-10-25 02:30 in Berlin is 00:30 and 01:30 UTC.
    for utc in (1_792_888_200_000, 1_792_891_800_000):
        found = inputs(reading={"camera_at": "2026-10-25T02:30:00"}, taken={"occurred_at": utc})
        assert camera_off_s(found, policy.zone) == 0


# ---- where ----------------------------------------------------------------------------------------


def at(steps: int) -> tuple[int, int]:
    return PIN[0] + steps * STEP_E7, PIN[1]


@pytest.mark.parametrize(
    ("steps", "accuracy_m", "radius_m", "flags"),
    [
        (2, 0, 200, []),
        (3, 0, 200, ["taken_elsewhere"]),
        (3, 50, 200, []),
        (3, 0, 400, []),
        (8, 500, 200, []),
        (8, 150, 200, ["taken_elsewhere"]),
    ],
)
def test_a_camera_away_from_the_pin_is_flagged_beyond_what_its_accuracy_excuses(
    steps: int, accuracy_m: int, radius_m: int, flags: list[str]
) -> None:
    found = inputs(
        reading={"camera_point": at(steps), "camera_accuracy_m": accuracy_m},
        place=Place(pin=PIN, radius_m=radius_m),
    )
    assert names(found) == flags


def test_a_phone_away_from_the_pin_is_flagged_as_well() -> None:
    found = inputs(taken={"point": at(5), "accuracy_cm": 900}, place=Place(pin=PIN, radius_m=200))
    (flag,) = judge(found, POLICY)
    assert (flag["flag"], flag["is_by_camera"]) == ("taken_elsewhere", 0)


def test_without_a_pin_the_camera_is_compared_with_the_phone() -> None:
    reading = {"camera_point": at(5)}
    assert names(inputs(reading=reading)) == []
    taken = {"point": at(0), "accuracy_cm": 900}
    assert names(inputs(reading=reading, taken=taken)) == ["taken_elsewhere"]


def test_a_position_from_long_before_the_picture_says_nothing() -> None:
    reading = {"camera_point": at(9), "camera_fix_at": NOON - HOUR}
    place = Place(pin=PIN, radius_m=200)
    assert names(inputs(reading=reading, place=place)) == []
    reading["camera_fix_at"] = NOON - MINUTE
    assert names(inputs(reading=reading, place=place)) == ["taken_elsewhere"]


# ---- for ever -----------------------------------------------------------------------------------

E7 = st.integers(-900_000_000, 900_000_000)
READINGS = st.builds(
    Reading,
    reader_version=st.just(1),
    sharpness=st.integers(0, 2**31 - 1),
    darkness=st.integers(0, 1000),
    camera_at=st.none() | st.datetimes().map(lambda at: at.isoformat(timespec="seconds")),
    camera_offset_min=st.none() | st.integers(-840, 840),
    camera_fix_at=st.none() | st.integers(0, 2**42),
    camera_point=st.none() | st.tuples(E7, E7),
    camera_accuracy_m=st.none() | st.integers(0, 1_000_000),
    signs=st.lists(
        st.builds(
            Sign, sign=st.sampled_from(["screen", "editor_named"]), permille=st.integers(0, 1000)
        ),
        max_size=3,
    ),
)


@given(
    reading=READINGS,
    point=st.none() | st.tuples(E7, E7),
    offset_ms=st.integers(-400 * DAY, 400 * DAY),
    pin=st.none() | st.tuples(E7, E7),
)
def test_whatever_was_read_gives_whole_figures_and_the_same_again_from_what_is_kept(
    reading: Reading, point: Any, offset_ms: int, pin: Any
) -> None:
    found = Inputs(
        taken=Taken(
            id=UUID(int=1),
            sha256="aa",
            store_id=STORE,
            business_day=DAY_OF,
            occurred_at=NOON + SECOND,
            clock_offset_ms=offset_ms,
            point=point,
            accuracy_cm=None if point is None else 900,
        ),
        reading=reading,
        place=Place(pin=pin, radius_m=200),
        look_alikes=[alike()],
    )
    flags = judge(found, POLICY)
    assert all(
        type(value) is int for flag in flags for name, value in flag.items() if name != "flag"
    )
    kept = msgspec.json.decode(msgspec.json.encode(found), type=Inputs)
    assert kept == found
    assert judge(kept, POLICY) == flags
