"""A phone takes points, closes segments where it must, and names its gaps."""

import json
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from mobile_contract.compiled import decode_item
from mobile_contract.packed_points import PackedPoint, read_text, unpack
from mobile_contract.phone.captured import Fix
from mobile_contract.phone.clock import SimulatedClock
from mobile_contract.phone.contract_one import NotInContract
from mobile_contract.phone.phone import Phone
from mobile_contract.phone.tracks import close_track, note_gap, record_point, stop_collecting
from mobile_contract.records.track import GAPS_MAX
from tests.mobile_contract.phone.fake_server import DAY_MS, NOW, FakeServer, FakeTransport

World = SimpleNamespace
MINUTE = 60_000


def fix(n: int = 0, **other: Any) -> Fix:
    return Fix(lat_e7=312_304_161 + 1_000 * n, lon_e7=1_214_737_010, accuracy_cm=801, **other)


def segments(phone: Phone) -> list[dict[str, Any]]:
    """The payloads of the tracks in the outbox; each is one that the contract takes."""
    found = []
    for item in phone.outbox.items():
        if item.kind == "track":
            decode_item(json.dumps(item.parsed()).encode(), 2)
            found.append(item.parsed()["payload"])
    return found


def points(payload: dict[str, Any]) -> list[PackedPoint]:
    return unpack(read_text(payload["points"]))


def go(world: World, count: int, every_ms: int = 10_000) -> None:
    for n in range(count):
        record_point(world.phone, fix(n))
        world.clock.wait_ms(every_ms)


def test_a_segment_has_the_points_by_the_clock_that_nobody_can_set(world: World) -> None:
    began = world.clock.read()
    record_point(world.phone, fix(0, gps_time=NOW - 40))
    world.clock.wait_ms(9_600)
    world.clock.set_wall_offset(3 * 3_600_000)
    record_point(world.phone, fix(1, is_mock=True))
    track_id = close_track(world.phone, position_id=world.store_id)
    (payload,) = segments(world.phone)
    assert world.phone.outbox.items()[-1].entity_id == track_id
    assert payload["position_id"] == world.store_id
    assert payload["began"] == {
        "at": began.wall_ms,
        "uptime_ms": began.uptime_ms,
        "gps_time": NOW - 40,
    }
    assert points(payload) == [
        PackedPoint(0, 31_230_416, 121_473_701, 9),
        PackedPoint(10, 31_230_516, 121_473_701, 9, is_mock=True),
    ]
    assert "gaps" not in payload


def test_without_points_there_is_nothing_to_close(world: World) -> None:
    assert close_track(world.phone) is None
    assert world.phone.outbox.items() == []


def test_points_are_still_there_after_the_app_was_closed(tmp_path: Path) -> None:
    clock = SimulatedClock(true_ms=NOW, booted_true_ms=NOW - DAY_MS)

    def opened() -> Phone:
        transport = FakeTransport(FakeServer(lambda: clock.true_ms))
        return Phone.open(tmp_path / "phone.sqlite", transport, clock=clock, random=Random(1))

    phone = opened()
    phone.enrol("CODE", model="M", os="O", app_version="1")
    record_point(phone, fix())
    phone.close()
    phone = opened()
    clock.wait_ms(30 * MINUTE)
    assert note_gap(phone, "KILLED")
    record_point(phone, fix(1))
    close_track(phone)
    (payload,) = segments(phone)
    assert len(points(payload)) == 2
    assert payload["gaps"] == [{"from_at": NOW, "until_at": NOW + 30 * MINUTE, "cause": "KILLED"}]
    phone.close()


def test_a_restart_closes_the_segment_and_is_a_gap(world: World) -> None:
    go(world, 3)
    boot_id = world.clock.read().boot_id
    last_at = world.clock.read().wall_ms - 10_000
    world.clock.wait_ms(20 * MINUTE)
    world.clock.reboot()
    go(world, 2)
    close_track(world.phone)
    first, second = segments(world.phone)
    assert first["began"]["boot_id"] == boot_id
    assert "boot_id" not in second["began"]
    assert [len(points(each)) for each in (first, second)] == [3, 2]
    assert [gap["cause"] for gap in second["gaps"]] == ["OFF"]
    assert second["gaps"][0]["from_at"] == last_at


def test_another_datum_begins_another_segment(world: World) -> None:
    go(world, 2)
    record_point(world.phone, fix(3, datum="GCJ02"))
    close_track(world.phone)
    assert [(each["datum"], len(points(each))) for each in segments(world.phone)] == [
        ("WGS84", 2),
        ("GCJ02", 1),
    ]


def test_a_segment_holds_2000_points_and_a_day_at_most(world: World) -> None:
    go(world, 2_001, every_ms=1_000)
    assert [len(points(each)) for each in segments(world.phone)] == [2_000]
    world.clock.wait_ms(DAY_MS)
    record_point(world.phone, fix())
    assert [len(points(each)) for each in segments(world.phone)] == [2_000, 1]


def test_off_duty_is_no_gap(world: World) -> None:
    go(world, 2)
    assert stop_collecting(world.phone) is not None
    world.clock.wait_ms(14 * 60 * MINUTE)
    assert not note_gap(world.phone, "KILLED")
    world.clock.reboot()
    go(world, 1)
    close_track(world.phone)
    assert all("gaps" not in each for each in segments(world.phone))


@pytest.mark.parametrize(("length", "is_noted"), [(MINUTE, False), (MINUTE + 1, True)])
def test_a_gap_is_longer_than_a_minute(world: World, length: int, is_noted: bool) -> None:
    record_point(world.phone, fix())
    world.clock.wait_ms(length)
    assert note_gap(world.phone, "GPS_OFF") is is_noted


def test_a_clock_that_was_set_makes_no_gap_of_weeks_or_backwards(world: World) -> None:
    record_point(world.phone, fix())
    for offset in (8 * DAY_MS, -DAY_MS):
        world.clock.set_wall_offset(offset)
        assert not note_gap(world.phone, "GPS_OFF")


def test_gaps_beyond_the_bound_go_into_the_next_segment(world: World) -> None:
    record_point(world.phone, fix())
    for n in range(GAPS_MAX + 3):
        at = NOW + n * DAY_MS // 100
        world.clock.travel_to(at + 2 * MINUTE)
        assert note_gap(world.phone, "NOT_SENT", from_at=at)
    close_track(world.phone)
    close_track(world.phone)
    assert [len(each["gaps"]) for each in segments(world.phone)] == [GAPS_MAX, 3]
    assert points(segments(world.phone)[1]) == []


def test_an_old_app_takes_no_points(world: World) -> None:
    world.phone.speak_contract(1)
    with pytest.raises(NotInContract):
        record_point(world.phone, fix())


def test_a_draining_phone_sends_its_open_points_before_it_is_wiped(world: World) -> None:
    world.phone.sync()
    go(world, 3)
    world.phone.device.note_draining()
    assert not world.phone.device.wipe()
    assert not world.phone.device.is_wipe_due
    world.phone.sync()
    assert len(world.server.applied) == 1
    assert world.phone.device.wipe()
