"""Tasks, notices and location checks on a phone: what is shown, and what is sent of it."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from mobile_contract.compiled import decode_item
from mobile_contract.phone.captured import Fix
from mobile_contract.phone.contract_one import NotInContract
from mobile_contract.phone.phone import Phone
from mobile_contract.phone.tasks import (
    answer_check,
    answer_task,
    is_overdue,
    open_checks,
    open_tasks,
    read_notice,
    text_in,
    unread_notices,
)
from tests.mobile_contract.phone.fake_server import DAY_MS, NOW

World = SimpleNamespace
FIX = Fix.from_degrees(39.9, 116.4, accuracy_m=8, gps_time=NOW)
FIRST = "e2a7c5b4-3f1d-4a9e-b6c8-1d2e3f4a5b15"
SECOND = "e2a7c5b4-3f1d-4a9e-b6c8-1d2e3f4a5b16"
MINE, OTHERS = ("a712755f-6cac-44d5-99d5-269512e74f7b", "a712755f-6cac-44d5-99d5-269512e74f7c")


def task(**fields: Any) -> dict[str, Any]:
    return {"state": "OPEN", "due_on": "2026-11-25", "position_id": MINE, **fields}


def notice(**fields: Any) -> dict[str, Any]:
    return {
        "texts": [
            {"language": "zh", "title": "盘点", "body": ""},
            {"language": "en", "title": "Stocktake", "body": ""},
        ],
        "starts_on": "2026-11-23",
        "ends_on": "2026-11-25",
        "given_at": NOW,
        **fields,
    }


def sent(phone: Phone) -> list[Any]:
    return [decode_item(json.dumps(item.parsed()).encode(), 2) for item in phone.outbox.items()]


def test_open_tasks_come_by_their_day_and_leave_once_answered(world: World) -> None:
    phone = world.phone
    world.server.put("task", FIRST, task())
    world.server.put("task", SECOND, task(due_on="2026-11-24"))
    world.server.put("task", OTHERS, task(position_id=OTHERS))
    world.server.put("task", MINE, task(state="DONE"))
    phone.sync()
    mine = open_tasks(phone, position_ids=[MINE])
    assert [one.id for one in mine] == [SECOND, FIRST]
    assert len(open_tasks(phone)) == 3
    assert [is_overdue(one, "2026-11-25") for one in mine] == [True, False]
    visit_id = phone.check_in(world.store_id, FIX)
    photo = {"sha256": "a" * 64, "size": 10, "role": "answer"}
    answer_task(phone, SECOND, FIX, note="shot", visit_id=visit_id, photos=[photo])
    item = sent(phone)[-1]
    assert (item.entity_id, item.op, item.depends_on) == (SECOND, "answer", (visit_id,))
    assert (item.payload.note, item.media[0].role) == ("shot", "answer")
    assert [one.id for one in open_tasks(phone, position_ids=[MINE])] == [FIRST]


def test_a_notice_is_told_as_read_once_and_stays_read(world: World) -> None:
    phone = world.phone
    world.server.put("notice", FIRST, notice())
    world.server.put("notice", SECOND, notice(given_at=NOW + 1, starts_on="2026-11-24"))
    phone.sync()
    assert [one.id for one in unread_notices(phone, "2026-11-23")] == [FIRST]
    both = unread_notices(phone, "2026-11-24")
    assert [one.id for one in both] == [SECOND, FIRST]
    assert text_in(both[0], "en")["title"] == "Stocktake"
    assert text_in(both[0], "fr")["title"] == "盘点"
    read_notice(phone, FIRST)
    read_notice(phone, FIRST)
    assert [(item.kind, item.op) for item in sent(phone)] == [("notice", "read")]
    phone.sync()
    # The outbox forgets what the backups cover; the phone does not ask the person again.
    phone.outbox.forget(watermark=NOW + 90 * DAY_MS, server_now=NOW)
    assert phone.outbox.items() == []
    assert [one.id for one in unread_notices(phone, "2026-11-24")] == [SECOND]
    read_notice(phone, FIRST)
    assert phone.outbox.items() == []


def test_a_notice_that_left_the_phone_is_remembered_no_more(world: World) -> None:
    phone = world.phone
    world.server.put("notice", FIRST, notice())
    phone.sync()
    read_notice(phone, FIRST)
    world.server.take_away("notice", FIRST)
    world.server.put("notice", SECOND, notice())
    phone.sync()
    read_notice(phone, SECOND)
    assert phone.device.read_notices == {SECOND}


def test_a_location_check_of_the_person_is_answered_once(world: World) -> None:
    phone = world.phone
    person_id = phone.device.enrolment.person["id"]
    asked = {"state": "ASKED", "person_id": person_id, "asked_at": NOW}
    world.server.put("location_check", FIRST, asked)
    world.server.put("location_check", SECOND, {**asked, "person_id": OTHERS})
    phone.sync()
    assert [one.id for one in open_checks(phone)] == [FIRST]
    answer_check(phone, FIRST, FIX)
    (item,) = sent(phone)
    assert (item.entity_id, item.op) == (FIRST, "answer")
    assert item.payload.answered.fix is not None
    assert open_checks(phone) == []


def test_a_location_check_is_answered_without_a_fix(world: World) -> None:
    answer_check(world.phone, FIRST, None)
    (item,) = sent(world.phone)
    assert item.payload.answered.fix is None


def test_contract_1_has_none_of_them(world: World) -> None:
    world.phone.speak_contract(1)
    with pytest.raises(NotInContract):
        answer_task(world.phone, FIRST)
    with pytest.raises(NotInContract):
        read_notice(world.phone, FIRST)
    with pytest.raises(NotInContract):
        answer_check(world.phone, FIRST, None)
