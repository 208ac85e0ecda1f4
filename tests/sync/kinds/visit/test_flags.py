"""The flags of one visit by itself, each with the figures that show it."""

import pytest

from sync.clock import Moment, Trust
from sync.flag import Flag
from sync.kinds.visit.flags import skip_flags, visit_flags

NINE = 1_773_104_400_000  # 2026-03-10 09:00 in Shanghai
SHANGHAI = (480, 1080, "Asia/Shanghai")


def moment(at: int = NINE, *flags: Flag) -> Moment:
    return Moment(at, Trust.CLOCK, 0, 0, flags)


def test_an_ordinary_visit_has_no_flags() -> None:
    assert (
        visit_flags(
            check_in=moment(),
            check_out=moment(NINE + 900_000),
            done_steps=["GREET", "REVIEW"],
            mandatory_steps=["GREET"],
            working_window=SHANGHAI,
        )
        == ()
    )


@pytest.mark.parametrize(
    ("lasted_ms", "is_short"), [(0, True), (119_999, True), (120_000, False), (500_000, False)]
)
def test_a_visit_of_less_than_two_minutes_is_too_short(lasted_ms: int, is_short: bool) -> None:
    flags = visit_flags(check_in=moment(), check_out=moment(NINE + lasted_ms))
    expected = {"flag": "too_short", "lasted_ms": lasted_ms, "limit_ms": 120_000}
    assert flags == ((expected,) if is_short else ())


def test_the_shortest_visit_is_the_companys_to_set() -> None:
    assert visit_flags(check_in=moment(), check_out=moment(NINE + 60_000), min_visit_s=60) == ()


def test_a_check_out_before_its_check_in_is_that_and_not_too_short() -> None:
    assert visit_flags(check_in=moment(), check_out=moment(NINE - 5_000)) == (
        {"flag": "checked_out_before_in", "before_ms": 5_000},
    )


def test_an_open_visit_is_neither_too_short_nor_lacking_steps() -> None:
    assert visit_flags(check_in=moment(), check_out=None, mandatory_steps=["GREET"]) == ()


def test_missing_mandatory_steps_are_counted_and_named() -> None:
    flags = visit_flags(
        check_in=moment(),
        check_out=moment(NINE + 900_000),
        done_steps=["GREET", "PREPARE"],
        mandatory_steps=["TAKE_STOCK", "GREET", "CHECK_STORE"],
    )
    assert flags == (
        {"flag": "steps_skipped", "required": 3, "missing": 2, "check_store": 1, "take_stock": 1},
    )


@pytest.mark.parametrize(("check_in", "check_out"), [(True, False), (False, True), (True, True)])
def test_a_mocked_position_is_flagged_with_the_event_it_belongs_to(
    check_in: bool, check_out: bool
) -> None:
    flags = visit_flags(
        check_in=moment(),
        check_out=None,
        is_check_in_mocked=check_in,
        is_check_out_mocked=check_out,
    )
    assert flags == (
        {"flag": "mock_location", "check_in": int(check_in), "check_out": int(check_out)},
    )


@pytest.mark.parametrize(("hours", "minute"), [(-2, 420), (9, 1080)])
def test_a_check_in_outside_of_working_hours_is_flagged_in_the_companys_minutes(
    hours: int, minute: int
) -> None:
    flags = visit_flags(
        check_in=moment(NINE + hours * 3_600_000), check_out=None, working_window=SHANGHAI
    )
    assert flags == (
        {
            "flag": "outside_working_window",
            "minute": minute,
            "from_min": 480,
            "until_min": 1080,
        },
    )


def test_a_clock_flag_of_both_events_comes_once_with_the_larger_size() -> None:
    small: Flag = {"flag": "clock_changed", "change_ms": 4_000}
    large: Flag = {"flag": "clock_changed", "change_ms": -90_000}
    offset: Flag = {"flag": "clock_offset", "offset_ms": 70_000}
    flags = visit_flags(
        check_in=moment(NINE, offset, small), check_out=moment(NINE + 900_000, offset, large)
    )
    assert flags == (offset, large)


def test_a_skip_carries_the_clocks_flags_and_a_mocked_position() -> None:
    offset: Flag = {"flag": "clock_offset", "offset_ms": 70_000}
    assert skip_flags(skipped=moment(NINE, offset)) == (offset,)
    assert skip_flags(skipped=moment(), is_mocked=True) == (
        {"flag": "mock_location", "check_in": 1, "check_out": 0},
    )
