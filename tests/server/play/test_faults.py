from pathlib import Path
from random import Random

from mobile_contract.phone.clock import SimulatedClock
from server.play.command import default_faults
from server.play.faults import DAY_MS, FAULTS, MINUTE_MS, draw_phone_faults
from server.play.played_clock import PlayedClock

NOW = 1_760_000_000_000


def test_a_fleet_has_the_faults_of_the_field_in_their_shares() -> None:
    drawn = draw_phone_faults(Random(1), FAULTS["field"], 1000)
    assert sum(each.clock_offset_ms != 0 for each in drawn) == 30
    assert sum(each.is_rebooted for each in drawn) == 10
    assert sum(each.is_mocked for each in drawn) == 20
    assert sum(each.late_days > 1 for each in drawn) == 100
    assert sum(each.late_days > 7 for each in drawn) == 10
    offsets = [abs(each.clock_offset_ms) for each in drawn if each.clock_offset_ms]
    assert all(MINUTE_MS <= each <= DAY_MS for each in offsets)


def test_a_small_fleet_has_each_fault_of_a_phone_once() -> None:
    drawn = draw_phone_faults(Random(1), FAULTS["field"], 12)
    assert sum(each.clock_offset_ms != 0 for each in drawn) == 1
    assert sum(each.is_rebooted for each in drawn) == 1
    assert sum(each.is_mocked for each in drawn) == 1


def test_the_same_seed_breaks_the_same_phones() -> None:
    rates = FAULTS["harsh"]
    assert draw_phone_faults(Random(5), rates, 50) == draw_phone_faults(Random(5), rates, 50)


def test_without_faults_every_phone_is_well() -> None:
    (faults,) = set(draw_phone_faults(Random(1), FAULTS["none"], 20))
    assert faults.clock_offset_ms == 0
    assert not faults.is_rebooted
    assert not faults.is_mocked
    assert faults.late_days == 0


def test_a_phone_talks_now_and_works_in_the_past_by_one_and_the_same_clock() -> None:
    line = SimulatedClock(true_ms=NOW - DAY_MS, booted_true_ms=NOW - 9 * DAY_MS, wall_offset_ms=7)
    slept: list[float] = []
    clock = PlayedClock(line, now=lambda: NOW, sleep=slept.append)
    worked = clock.read()
    with clock.live():
        talked = clock.read()
        clock.wait_ms(250)
    assert clock.read() == worked
    assert talked.wall_ms == NOW + 7
    assert talked.wall_ms - worked.wall_ms == talked.uptime_ms - worked.uptime_ms == DAY_MS
    assert slept == [0.25]


def test_a_real_track_is_walked_without_faults_unless_they_are_asked_for() -> None:
    assert default_faults(None) == "field"
    assert default_faults(Path("walk.csv")) == "none"
