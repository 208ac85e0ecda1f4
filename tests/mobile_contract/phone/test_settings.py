"""A phone shows the steps of a call, says how old its prices are, and knows when it may collect."""

from datetime import datetime
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from mobile_contract.phone.settings import (
    PriceAge,
    is_working_time,
    mandatory_steps,
    price_age,
)
from tests.mobile_contract.phone.fake_server import DAY_MS

World = SimpleNamespace
HOUR_MS = DAY_MS // 24
SETTINGS: dict[str, Any] = {
    "time_zone": "Asia/Shanghai",
    "working_from_min": 480,
    "working_until_min": 1_140,
    "working_weekdays": [1, 2, 3, 4, 5],
    "mandatory_steps": [
        {"channel": None, "store_class": None, "steps": ["CHECK_STORE"]},
        {"channel": "kiosk", "store_class": "A", "steps": ["GREET", "REVIEW"]},
    ],
    "price_warn_h": 24,
    "price_hold_h": 72,
}


@pytest.fixture
def settled(world: World) -> World:
    world.server.put("policy", world.make_id(), SETTINGS)
    return world


def shop(world: World, **fields: Any) -> str:
    store_id: str = world.make_id()
    known = {"name": "Shop", "pin": None, "contact_phone": None}
    world.server.put("store", store_id, {**known, "store_class": None, "channel": "kiosk"} | fields)
    return store_id


def test_the_steps_of_a_call_are_those_of_the_stores_channel_and_class(settled: World) -> None:
    best, plain = shop(settled, store_class="A"), shop(settled)
    other = shop(settled, channel="grocery", store_class="B")
    assert mandatory_steps(settled.phone, best) == ()
    settled.phone.sync()
    assert mandatory_steps(settled.phone, best) == ("GREET", "REVIEW")
    assert mandatory_steps(settled.phone, plain) == ()
    assert mandatory_steps(settled.phone, other) == ("CHECK_STORE",)
    assert mandatory_steps(settled.phone, settled.make_id()) == ()


def test_prices_are_as_old_as_the_last_pull(settled: World) -> None:
    assert price_age(settled.phone) is None
    settled.phone.sync()
    assert price_age(settled.phone) == PriceAge(0, is_flagged=False, is_held=False)
    settled.clock.wait_ms(24 * HOUR_MS + 1)
    assert price_age(settled.phone) == PriceAge(24 * HOUR_MS + 1, is_flagged=True, is_held=False)
    settled.clock.wait_ms(48 * HOUR_MS)
    assert price_age(settled.phone) == PriceAge(72 * HOUR_MS + 1, is_flagged=True, is_held=True)
    settled.phone.sync()
    assert price_age(settled.phone) == PriceAge(0, is_flagged=False, is_held=False)


@pytest.mark.parametrize(
    ("at", "is_working"),
    [
        ("2026-11-27T08:00", True),
        ("2026-11-27T07:59", False),
        ("2026-11-27T18:59", True),
        ("2026-11-27T19:00", False),
        ("2026-11-28T12:00", False),
        ("2026-11-30T12:00", True),
    ],
)
def test_where_it_is_may_be_collected_in_working_hours_of_working_days(
    settled: World, at: str, is_working: bool
) -> None:
    assert not is_working_time(settled.phone)
    settled.phone.sync()
    there = datetime.fromisoformat(at).replace(tzinfo=ZoneInfo("Asia/Shanghai"))
    settled.clock.travel_to(int(there.timestamp() * 1000))
    assert is_working_time(settled.phone) is is_working
