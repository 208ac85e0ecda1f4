import pytest

from mobile_contract.phone.clock import SimulatedClock, SystemClock

HOUR_MS = 3_600_000


def test_a_clock_set_wrong_shows_in_the_wall_time_only() -> None:
    clock = SimulatedClock(true_ms=10 * HOUR_MS, booted_true_ms=0)
    before = clock.read()
    clock.set_wall_offset(HOUR_MS)
    after = clock.read()
    assert after.wall_ms - before.wall_ms == HOUR_MS
    assert (after.uptime_ms, after.boot_id) == (before.uptime_ms, before.boot_id)


def test_a_reboot_begins_uptime_anew_under_another_boot() -> None:
    clock = SimulatedClock(true_ms=10 * HOUR_MS, booted_true_ms=0, wall_offset_ms=5)
    before = clock.read()
    clock.reboot()
    clock.wait_ms(7)
    after = clock.read()
    assert (after.uptime_ms, after.wall_ms) == (7, before.wall_ms + 7)
    assert after.boot_id != before.boot_id


def test_the_past_stays_what_it_was_when_the_simulation_returns_to_it() -> None:
    clock = SimulatedClock(true_ms=HOUR_MS, booted_true_ms=0)
    clock.reboot(at_true_ms=3 * HOUR_MS)
    clock.set_wall_offset(-60_000, from_true_ms=4 * HOUR_MS)
    morning = clock.read()
    clock.travel_to(5 * HOUR_MS)
    now = clock.read()
    clock.travel_to(HOUR_MS)
    assert clock.read() == morning
    assert morning.boot_id != now.boot_id
    assert (now.uptime_ms, now.wall_ms) == (2 * HOUR_MS, 5 * HOUR_MS - 60_000)


def test_no_time_before_the_first_boot_can_be_read() -> None:
    clock = SimulatedClock(true_ms=HOUR_MS, booted_true_ms=HOUR_MS)
    with pytest.raises(ValueError, match="not yet switched on"):
        clock.travel_to(HOUR_MS - 1)


def test_a_real_clock_keeps_its_boot_and_goes_forward() -> None:
    clock = SystemClock()
    first, second = clock.read(), clock.read()
    assert first.boot_id == second.boot_id
    assert first.uptime_ms <= second.uptime_ms
