import json
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from mobile_contract.envelope import (
    DigestRequest,
    EnrolRequest,
    ItemRequest,
    PullRequest,
    PushRequest,
)
from mobile_contract.phone.captured import Call, Event, Fix, Step
from mobile_contract.phone.clock import SimulatedClock
from mobile_contract.phone.contract_one import NotInContract
from mobile_contract.phone.phone import Phone
from mobile_contract.records import RECORDS_BY_KIND
from tests.mobile_contract.phone.fake_server import DAY_MS, NOW, FakeServer, FakeTransport

World = SimpleNamespace
FIX = Fix.from_degrees(39.9, 116.4, accuracy_m=8.001, gps_time=NOW)
ROUTE = "30000000-0000-4000-8000-000000000001"
PLAN = "40000000-0000-4000-8000-000000000001"
RULE = {
    "weekdays": [1],
    "cycle_weeks": 1,
    "week_groups": [0],
    "anchor": "2026-01-05",
    "starts_on": "2026-01-05",
    "on_holiday": "SKIP",
    "open_from_min": 540,
    "open_until_min": 600,
}


def day_of(world: World, *, contract: int) -> list[dict[str, Any]]:
    """One of everything that the contract has, as items."""
    phone = world.phone
    phone.sync()
    phone.speak_contract(contract)
    phone.clock_on(FIX, position_id=ROUTE)
    phone.start_break(None)
    phone.end_break(FIX)
    visit_id = phone.check_in(world.store_id, FIX, day_plan_id=PLAN)
    world.clock.wait_ms(400_000)
    phone.check_out(
        visit_id, FIX, steps=[Step(step="GREET"), Step(step="REVIEW", outcome="SKIPPED")]
    )
    begun = phone.event(FIX)
    world.clock.wait_ms(400_000)
    phone.record_visit(
        Call(
            store_id=world.store_id,
            check_in=begun,
            check_out=phone.event(FIX),
            closed_by="PERSON",
            steps=(Step(step="GREET"),),
        )
    )
    phone.correct_visit(visit_id, "wrong step", steps=[Step(step="PRESENT")], note=None)
    attendance_id = phone.clock_off(FIX)
    phone.correct_attendance(attendance_id, "was a break", "BREAK_START")
    phone.edit_store(world.store_id, {"contact_phone": "2", "contact_name": None}, reason="told so")
    pin = {"lat_e7": 1, "lon_e7": 2, "datum": "WGS84", "accuracy_cm": 500}
    new_id = phone.propose_store(
        name="New", channel="grocery", address="1 Road", contact_name="Li", pin=pin
    )
    phone.check_in(new_id, FIX)
    phone.propose_route(
        ROUTE, "closer", [{"store_id": world.store_id, "sequence": 1, "rule": RULE}]
    )
    phone.propose_day_plan(PLAN, "too many", [world.store_id])
    if contract > 1:
        phone.skip(world.store_id, PLAN, "CLOSED", FIX)
        phone.edit_store(world.store_id, {"opening_hours": "9-17", "delivery_note": None})
    return [json.loads(item.body) for item in phone.outbox.items()]


@pytest.mark.parametrize("contract", [1, 2])
def test_everything_that_an_app_captures_is_what_its_contract_says(
    world: World, contract: int
) -> None:
    for item in day_of(world, contract=contract):
        record = RECORDS_BY_KIND[item["kind"]]
        schema = record.ops[contract][item["op"]]
        assert ItemRequest().validate(item) == {}, item
        assert schema().validate(item["payload"]) == {}, item
        if item["op"] in record.needs_base_version:
            assert item["base_version"] >= 1


@pytest.mark.parametrize("contract", [1, 2])
def test_one_of_everything_goes_up(world: World, contract: int) -> None:
    items = day_of(world, contract=contract)
    assert world.phone.sync().is_quiet
    assert len(world.server.applied) == len(items)
    assert world.phone.repair() == 0
    schemas = {"/v1/push": PushRequest, "/v1/pull": PullRequest, "/v1/digest": DigestRequest}
    for path, body in world.server.requests:
        assert schemas.get(path, EnrolRequest)().validate(body) == {}, body


def test_what_contract_1_has_no_word_for_is_not_captured_in_it(world: World) -> None:
    world.phone.speak_contract(1)
    with pytest.raises(NotInContract):
        world.phone.skip(world.store_id, PLAN, "CLOSED")
    with pytest.raises(NotInContract):
        world.phone.check_in(world.store_id, FIX, is_by_phone=True)
    with pytest.raises(NotInContract):
        world.phone.edit_store(world.store_id, {"opening_hours": "9-17"})
    assert world.phone.outbox.items() == []


def test_accuracy_is_rounded_up() -> None:
    assert FIX.accuracy_cm == 801
    assert (FIX.lat_e7, FIX.lon_e7) == (399_000_000, 1_164_000_000)


def test_an_event_before_a_reboot_names_its_boot(world: World) -> None:
    begun = world.phone.event(FIX)
    world.clock.reboot()
    world.clock.wait_ms(60_000)
    world.phone.record_visit(
        Call(
            store_id=world.store_id,
            check_in=begun,
            check_out=world.phone.event(FIX),
            closed_by="PERSON",
        )
    )
    (item,) = world.phone.outbox.items()
    payload = item.parsed()["payload"]
    assert payload["check_in"]["boot_id"] == begun.moment.boot_id
    assert "boot_id" not in payload["check_out"]
    assert item.parsed()["captured_boot_id"] != begun.moment.boot_id


def test_a_visit_names_its_store_as_parent_only_while_the_store_is_unsent(world: World) -> None:
    store_id = world.phone.propose_store(name="New", channel="grocery", address="")
    world.phone.check_in(store_id, FIX)
    assert world.phone.outbox.items()[-1].parsed()["depends_on"] == [store_id]
    world.phone.sync()
    world.phone.check_in(store_id, FIX)
    assert "depends_on" not in world.phone.outbox.items()[-1].parsed()


def test_the_screen_shows_unsent_edits_over_the_servers_record(world: World) -> None:
    world.phone.sync()
    world.phone.edit_store(world.store_id, {"contact_phone": "2"})
    assert world.phone.store(world.store_id)["contact_phone"] == "2"
    assert world.phone.scope.get("store", world.store_id).fields["contact_phone"] == "1"


def test_an_applied_edit_shows_until_its_version_has_come_down(world: World) -> None:
    world.phone.sync()
    world.transport.down_for = {"/v1/pull"}
    world.server.verdicts["store"] = {"status": "applied", "version": 2}
    world.phone.edit_store(world.store_id, {"contact_phone": "2"})
    world.phone.sync()
    assert world.phone.store(world.store_id)["contact_phone"] == "2"
    world.transport.down_for = set()
    world.server.put("store", world.store_id, {"contact_phone": "3"})
    world.phone.sync(most_tries=4)
    assert world.phone.store(world.store_id)["contact_phone"] == "3"


def test_an_edit_names_the_version_that_the_person_saw(world: World) -> None:
    world.server.put("store", world.store_id, {"contact_phone": "5"}, version=9)
    world.phone.sync()
    world.phone.edit_store(world.store_id, {"contact_phone": "2"})
    assert world.phone.outbox.items()[-1].parsed()["base_version"] == 9


def test_everything_is_still_there_after_the_app_was_closed(tmp_path: Path) -> None:
    clock = SimulatedClock(true_ms=NOW, booted_true_ms=NOW - DAY_MS)
    server = FakeServer(lambda: clock.true_ms)

    def opened() -> Phone:
        return Phone.open(
            tmp_path / "phone.sqlite", FakeTransport(server), clock=clock, random=Random(1)
        )

    phone = opened()
    phone.enrol("CODE", model="M", os="O", app_version="1")
    phone.sync()
    cursor = phone.scope.cursor
    phone.clock_on(FIX)
    phone.close()
    phone = opened()
    assert (phone.scope.cursor, phone.device.token) == (cursor, "token-1")
    assert phone.sync().is_quiet
    assert len(server.applied) == 1
    phone.close()


def test_a_phone_enrolled_anew_compares_what_it_holds_with_its_new_scope(world: World) -> None:
    world.phone.sync()
    world.server.take_away("store", world.store_id)
    world.server.log.clear()
    world.phone.enrol("CODE-2", model="M", os="O", app_version="1")
    world.phone.sync()
    assert world.phone.scope.count() == 0


def test_an_event_without_a_position_is_an_event(world: World) -> None:
    assert world.phone.event(None) == Event(world.clock.read(), None)


def test_a_phone_of_contract_1_keeps_nothing_that_its_contract_lacks(world: World) -> None:
    world.phone.speak_contract(1)
    with pytest.raises(NotInContract, match="track create"):
        world.phone.capture("track", world.phone.new_id(), "create", {})
    assert world.phone.outbox.items() == []
