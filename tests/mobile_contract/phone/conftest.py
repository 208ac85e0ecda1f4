"""A phone with its fake server."""

from collections.abc import Iterator
from random import Random
from types import SimpleNamespace

import pytest

from mobile_contract.phone.clock import SimulatedClock
from mobile_contract.phone.phone import Phone
from mobile_contract.phone.sync_loop import SendingHabits
from tests.mobile_contract.phone.fake_server import (
    DAY_MS,
    NOW,
    FakeServer,
    FakeTransport,
    seeded_ids,
)


@pytest.fixture
def world() -> Iterator[SimpleNamespace]:
    """An enrolled phone with one store and its server; `world.habits` and `world.clock` may be changed."""
    clock = SimulatedClock(true_ms=NOW, booted_true_ms=NOW - 20 * DAY_MS)
    server = FakeServer(lambda: clock.true_ms)
    transport = FakeTransport(server)
    habits = SendingHabits()
    make_id = seeded_ids(1)
    phone = Phone.open(
        ":memory:",
        transport,
        clock=clock,
        random=Random(7),
        make_id=make_id,
        habits=habits,
        is_durable=False,
    )
    phone.enrol("CODE", model="M", os="O", app_version="1")
    store_id = make_id()
    server.put("store", store_id, {"name": "Corner shop", "pin": None, "contact_phone": "1"})
    yield SimpleNamespace(
        phone=phone,
        server=server,
        transport=transport,
        clock=clock,
        habits=habits,
        store_id=store_id,
        make_id=make_id,
    )
    phone.close()
