"""A phone's clock is evidence: corrected times against the truth, and flags with their sizes."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.clock import (
    EARLIEST_MS,
    LATEST_MS,
    Moment,
    Trust,
    business_day,
    day_bounds,
    is_supported,
    is_within_window,
    judge_moment,
    minute_of_day,
)

NOON = int(datetime(2026, 3, 10, 4, tzinfo=UTC).timestamp() * 1000)
MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
ANY_WIRE_TIME = st.integers(-(2**53) + 1, 2**53 - 1)


def judged(
    *,
    age_ms: int = HOUR,
    clock_error_ms: int = 0,
    moved_ms: int = 0,
    is_restarted: bool = False,
    gps_error_ms: int | None = None,
    network_ms: int = 300,
    drift_ms: int = 0,
) -> Moment:
    """Judge an event that truly took place at NOON, on a phone with the faults that are given."""
    sent_truly = NOON + age_ms
    return judge_moment(
        at=NOON + clock_error_ms,
        uptime_ms=5 * DAY,
        boot_id="one",
        gps_time=None if gps_error_ms is None else NOON + gps_error_ms,
        sent_at=sent_truly + clock_error_ms + moved_ms + drift_ms,
        sent_uptime_ms=3 * MINUTE if is_restarted else 5 * DAY + age_ms,
        sent_boot_id="two" if is_restarted else "one",
        received_at=sent_truly + network_ms,
    )


def test_an_honest_phone_is_trusted_without_a_flag() -> None:
    moment = judged()
    assert moment == Moment(NOON + 300, Trust.CLOCK, 300, 0, ())
    assert is_supported(moment)


@given(
    clock_error_ms=st.integers(-400 * DAY, 400 * DAY),
    age_ms=st.integers(0, 400 * DAY),
    network_ms=st.integers(0, 5_000),
)
def test_a_wrong_clock_is_corrected_to_within_the_time_on_the_network(
    clock_error_ms: int, age_ms: int, network_ms: int
) -> None:
    moment = judged(clock_error_ms=clock_error_ms, age_ms=age_ms, network_ms=network_ms)
    assert moment.trust is Trust.CLOCK
    assert moment.corrected_at - NOON == network_ms


@pytest.mark.parametrize("error", [-DAY, -MINUTE, MINUTE, DAY])
def test_a_wrong_clock_is_flagged_with_its_size(error: int) -> None:
    assert judged(clock_error_ms=error).flags == (
        {"flag": "clock_offset", "offset_ms": 300 - error},
    )


def test_an_offset_at_the_threshold_is_not_flagged_and_one_past_it_is() -> None:
    assert judged(network_ms=30_000).flags == ()
    assert judged(network_ms=30_001).flags == ({"flag": "clock_offset", "offset_ms": 30_001},)


@pytest.mark.parametrize("drift", [-2_000, 2_000])
def test_clocks_that_disagree_by_exactly_the_tolerance_are_trusted(drift: int) -> None:
    moment = judged(drift_ms=drift)
    assert (moment.trust, moment.drift_ms) == (Trust.CLOCK, drift)


@pytest.mark.parametrize("drift", [-2_001, 2_001])
def test_clocks_that_disagree_by_more_are_not_trusted_and_the_change_is_flagged(drift: int) -> None:
    moment = judged(drift_ms=drift)
    assert (moment.trust, moment.drift_ms) == (Trust.UNVERIFIED, drift)
    assert moment.flags == ({"flag": "clock_changed", "change_ms": drift},)
    assert not is_supported(moment)


@pytest.mark.parametrize("moved", [-DAY, -HOUR, HOUR, DAY])
def test_gps_time_stands_in_for_a_clock_that_was_moved(moved: int) -> None:
    moment = judged(moved_ms=moved, gps_error_ms=-1_000)
    assert (moment.corrected_at, moment.trust) == (NOON - 1_000, Trust.GPS)
    assert {"flag": "clock_changed", "change_ms": moved} in moment.flags


def test_a_moved_clock_without_gps_time_keeps_the_event_unverified_at_its_corrected_time() -> None:
    moment = judged(moved_ms=HOUR)
    assert (moment.corrected_at, moment.trust) == (NOON + 300 - HOUR, Trust.UNVERIFIED)


def test_readings_of_two_boots_are_never_compared() -> None:
    moment = judged(is_restarted=True)
    assert moment == Moment(NOON + 300, Trust.UNVERIFIED, 300, None, ())


def test_gps_time_supports_an_event_from_before_a_restart() -> None:
    moment = judged(is_restarted=True, gps_error_ms=0)
    assert moment == Moment(NOON, Trust.GPS, 300, None, ())


@pytest.mark.parametrize("moved", [-DAY, DAY])
def test_a_clock_moved_across_a_restart_shows_by_gps_time(moved: int) -> None:
    moment = judged(is_restarted=True, moved_ms=moved, gps_error_ms=0)
    change = next(f for f in moment.flags if f["flag"] == "clock_changed")
    assert change["change_ms"] == moved - 300


def test_a_fix_some_seconds_old_is_no_changed_clock() -> None:
    assert judged(is_restarted=True, gps_error_ms=-20_000).flags == ()


@pytest.mark.parametrize("gps_error", [HOUR + 10_000, -1_024 * 7 * DAY])
def test_gps_time_after_receipt_or_a_week_rollover_behind_is_no_evidence(gps_error: int) -> None:
    moment = judged(is_restarted=True, gps_error_ms=gps_error)
    assert (moment.corrected_at, moment.trust) == (NOON + 300, Trust.UNVERIFIED)


def test_gps_time_does_not_replace_a_clock_that_is_trusted() -> None:
    assert judged(gps_error_ms=-HOUR).corrected_at == NOON + 300


def test_an_event_after_its_own_sending_is_not_trusted_and_flagged() -> None:
    moment = judged(age_ms=-HOUR)
    assert moment.trust is Trust.UNVERIFIED
    assert moment.flags == ({"flag": "clock_ahead", "ahead_ms": HOUR},)


@given(
    at=ANY_WIRE_TIME,
    uptime=ANY_WIRE_TIME,
    gps=st.none() | ANY_WIRE_TIME,
    sent_at=ANY_WIRE_TIME,
    sent_uptime=ANY_WIRE_TIME,
    sent_boot=st.sampled_from(["one", "two"]),
)
def test_no_time_is_refused_and_every_figure_fits_the_wire_and_a_calendar(
    *, at: int, uptime: int, gps: int | None, sent_at: int, sent_uptime: int, sent_boot: str
) -> None:
    moment = judge_moment(
        at=at,
        uptime_ms=uptime,
        boot_id="one",
        gps_time=gps,
        sent_at=sent_at,
        sent_uptime_ms=sent_uptime,
        sent_boot_id=sent_boot,
        received_at=NOON,
    )
    figures = [moment.corrected_at, moment.offset_ms, moment.drift_ms or 0]
    figures += [v for flag in moment.flags for v in flag.values() if isinstance(v, int)]
    assert all(abs(figure) < 2**53 for figure in figures)
    for zone in ("Pacific/Kiritimati", "Etc/GMT+12", "Asia/Shanghai"):
        assert isinstance(business_day(moment.corrected_at, zone), date)
        assert 0 <= minute_of_day(moment.corrected_at, zone) < 1440


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Etc/GMT+12"])
def test_the_edges_of_time_have_a_day_in_every_zone(zone: str) -> None:
    assert business_day(EARLIEST_MS, zone).year == 1
    assert business_day(LATEST_MS, zone).year == 9999
    assert business_day(-(2**80), zone) == business_day(EARLIEST_MS, zone)
    assert day_bounds(date.min, zone) <= day_bounds(date.max, zone)


def test_the_business_day_is_the_companys_and_not_that_of_utc() -> None:
    late = int(datetime(2026, 3, 9, 17, tzinfo=UTC).timestamp() * 1000)
    assert business_day(late, "Asia/Shanghai") == date(2026, 3, 10)
    assert business_day(late, "America/New_York") == date(2026, 3, 9)
    assert minute_of_day(late, "Asia/Shanghai") == 60


@pytest.mark.parametrize(
    ("day", "zone", "hours"),
    [
        (date(2026, 3, 29), "Europe/Berlin", 23),
        (date(2026, 10, 25), "Europe/Berlin", 25),
        (date(2018, 11, 4), "America/Sao_Paulo", 23),  # midnight itself is skipped
        (date(2018, 2, 17), "America/Sao_Paulo", 25),  # 23:00 to midnight comes twice
        (date(1919, 3, 31), "America/Toronto", 23.5),  # 23:30 was followed by 00:30
        (date(2026, 3, 10), "Asia/Shanghai", 24),
        (date(2011, 12, 30), "Pacific/Apia", 0),  # the day that Samoa left out
    ],
)
def test_a_day_is_as_long_as_the_clocks_make_it(day: date, zone: str, hours: float) -> None:
    start, end = day_bounds(day, zone)
    assert end - start == hours * HOUR
    if hours:
        assert business_day(start, zone) == business_day(end - 1, zone) == day
    assert business_day(start - 1, zone) == day - timedelta(days=1)


@given(
    at=st.integers(0, 4_000_000_000_000),
    zone=st.sampled_from(["Europe/Berlin", "America/Sao_Paulo", "Asia/Shanghai", "Asia/Kathmandu"]),
)
def test_a_moment_lies_within_the_bounds_of_its_business_day(at: int, zone: str) -> None:
    start, end = day_bounds(business_day(at, zone), zone)
    assert start <= at < end


@pytest.mark.parametrize(
    ("minute", "from_min", "until_min", "expected"),
    [
        (480, 480, 1080, True),
        (1079, 480, 1080, True),
        (1080, 480, 1080, False),
        (479, 480, 1080, False),
        (1410, 1320, 360, True),
        (100, 1320, 360, True),
        (700, 1320, 360, False),
        (700, 0, 0, True),
    ],
)
def test_a_window_includes_its_start_excludes_its_end_and_may_pass_midnight(
    *, minute: int, from_min: int, until_min: int, expected: bool
) -> None:
    assert is_within_window(minute, from_min, until_min) is expected
