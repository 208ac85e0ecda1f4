"""What a phone offers for activities, and the items it makes of it."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from mobile_contract.compiled import decode_item
from mobile_contract.phone.activities import (
    NoSuchActivityStore,
    activities_for,
    appeal_against,
    bring,
    correct_brought,
    due_at,
    may_appeal,
    may_withdraw,
    request_store,
    still_missing,
    withdraw_request,
)
from mobile_contract.phone.captured import Fix
from mobile_contract.phone.contract_one import NotInContract
from mobile_contract.phone.phone import Phone
from tests.activities_factories import STANDARDS
from tests.mobile_contract.phone.fake_server import NOW

World = SimpleNamespace
FIX = Fix.from_degrees(39.9, 116.4, accuracy_m=8, gps_time=NOW)
PHOTO = {"sha256": "a" * 64, "size": 10}
OPEN = "3d1f6b52-7c1a-4f0e-9a51-0c6f7f0f7a21"
OTHERS = "3d1f6b52-7c1a-4f0e-9a51-0c6f7f0f7a22"
ENDED = "3d1f6b52-7c1a-4f0e-9a51-0c6f7f0f7a23"
RUNNING = "7b0f2d6e-55a3-4f6b-8f2c-2f3a9c1d4e13"


def activity(**fields: Any) -> dict[str, Any]:
    return {
        "name": "End caps",
        "state": "OPEN",
        "starts_on": "2026-11-01",
        "channels": [],
        "standards_version": 2,
        "standards": list(STANDARDS),
        **fields,
    }


def taking_part(world: World, state: str, activity_id: str = OPEN) -> dict[str, Any]:
    return {"activity_id": activity_id, "store_id": world.store_id, "state": state}


@pytest.fixture
def offered(world: World) -> World:
    world.server.put("activity", OPEN, activity())
    world.server.put("activity", OTHERS, activity(channels=["kiosk"]))
    world.server.put("activity", ENDED, activity(state="ENDED"))
    world.phone.sync()
    return world


def last(phone: Phone) -> Any:
    """The item captured last; the contract takes it."""
    item = phone.outbox.items()[-1].parsed()
    return decode_item(json.dumps(item).encode(), 2)


def test_a_store_is_offered_for_what_still_takes_stores_of_its_channel(offered: World) -> None:
    phone = offered.phone
    assert [one.id for one in activities_for(phone, offered.store_id)] == [OPEN]
    request_store(
        phone, OPEN, offered.store_id, FIX, note="a corner", photos=[{**PHOTO, "role": "shelf"}]
    )
    item = last(phone)
    assert (item.kind, item.op, item.payload.note) == ("activity_store", "request", "a corner")
    assert [file.role for file in item.media] == ["shelf"]
    # What was asked for is not offered again, before the server has said anything.
    assert activities_for(phone, offered.store_id) == []


def test_what_was_refused_is_offered_again(offered: World) -> None:
    offered.server.put("activity_store", RUNNING, taking_part(offered, "RUNNING"))
    offered.phone.sync()
    assert activities_for(offered.phone, offered.store_id) == []
    offered.server.put("activity_store", RUNNING, taking_part(offered, "REFUSED"))
    offered.phone.sync()
    assert [one.id for one in activities_for(offered.phone, offered.store_id)] == [OPEN]


def test_a_request_is_taken_back_while_it_does_not_run(offered: World) -> None:
    phone = offered.phone
    id_ = request_store(phone, OPEN, offered.store_id)
    assert may_withdraw(phone, id_)
    withdraw_request(phone, id_, "they changed their mind", FIX)
    item = last(phone)
    assert (item.entity_id, item.op, item.payload.reason) == (
        id_,
        "withdraw",
        "they changed their mind",
    )
    offered.server.put("activity_store", RUNNING, taking_part(offered, "RUNNING"))
    phone.sync()
    assert not may_withdraw(phone, RUNNING)
    assert not may_withdraw(phone, OTHERS)


def test_a_new_store_is_named_as_what_its_request_waits_for(offered: World) -> None:
    store_id = offered.phone.propose_store(name="Kiosk", channel="kiosk", address="1 Pier")
    request_store(offered.phone, OTHERS, store_id)
    assert last(offered.phone).depends_on == (store_id,)


def test_a_visit_brings_what_each_open_activity_asks_for(offered: World) -> None:
    offered.server.put("activity_store", RUNNING, taking_part(offered, "RUNNING"))
    offered.server.put("activity_store", ENDED, taking_part(offered, "RUNNING", ENDED))
    phone = offered.phone
    phone.sync()
    (due,) = due_at(phone, offered.store_id)
    assert (due.taking_part_id, due.standards_version) == (RUNNING, 2)
    photos = [{"item": "END_CAP", **PHOTO}]
    assert still_missing(due, {"END_CAP": "DONE", "POSTER": "NOT_DONE"}, photos) == (
        ["PRICE_TAG"],
        {"END_CAP": 1},
    )
    visit_id = phone.check_in(offered.store_id, FIX)
    answers = [{"item": "END_CAP", "answer": "DONE", "note": None}]
    audit_visit_id = bring(phone, RUNNING, visit_id, answers, photos, FIX, note="half done")
    item = last(phone)
    assert (item.entity_id, item.depends_on) == (audit_visit_id, (visit_id,))
    assert (item.payload.standards_version, item.payload.visit_id) == (2, visit_id)
    more = [*photos, {"item": "END_CAP", **PHOTO, "sha256": "b" * 64}]
    correct_brought(phone, audit_visit_id, "one was left out", photos=more)
    item = last(phone)
    assert (item.op, item.base_version, len(item.payload.changes.photos)) == ("correct", 1, 2)


def test_nothing_is_brought_for_what_the_phone_does_not_hold(offered: World) -> None:
    with pytest.raises(NoSuchActivityStore):
        bring(offered.phone, RUNNING, RUNNING, [], [])


def test_contract_1_has_no_activities(offered: World) -> None:
    offered.phone.speak_contract(1)
    with pytest.raises(NotInContract):
        request_store(offered.phone, OPEN, offered.store_id)


def test_what_an_auditor_failed_can_be_appealed_against_once(offered: World) -> None:
    phone, judged = offered.phone, "c4f1a9d8-0b7e-4d3c-a2b5-6e8f9a0b1c14"
    verdict = {
        "state": "JUDGED",
        "appeal_until": NOW + 10_000_000,
        "items": [{"item": "END_CAP", "verdict": "FAIL"}, {"item": "POSTER", "verdict": "PASS"}],
    }
    offered.server.put("audit_visit", judged, {"verdict": None})
    phone.sync()
    assert may_appeal(phone, judged) == []
    for until, items in ((NOW - 1, []), (NOW + 10_000_000, ["END_CAP"])):
        offered.server.put("audit_visit", judged, {"verdict": {**verdict, "appeal_until": until}})
        phone.sync()
        assert may_appeal(phone, judged) == items
    appeal_against(phone, judged, ["END_CAP"], "The second photo shows it")
    (item,) = [one for one in phone.outbox.items() if one.op == "appeal"]
    assert decode_item(item.body, 2).payload.items == ["END_CAP"]
    assert may_appeal(phone, judged) == []
