import gzip
import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from mobile_contract.phone.captured import Fix, Step
from mobile_contract.phone.device_state import NotEnrolled
from mobile_contract.phone.outbox import ItemState
from mobile_contract.phone.transport import Answer, Request
from tests.mobile_contract.phone.fake_server import DAY_MS, NOW, Refusal

FIX = Fix.from_degrees(39.9, 116.4, accuracy_m=8.001, gps_time=NOW)
World = SimpleNamespace


def visits(world: World, count: int) -> list[str]:
    ids = []
    for _ in range(count):
        visit_id = world.phone.check_in(world.store_id, FIX)
        ids.append(visit_id)
    return ids


def states(world: World) -> list[str]:
    return [item.state.value for item in world.phone.outbox.items()]


def pushes(world: World) -> list[dict[str, Any]]:
    return [body for path, body in world.server.requests if path == "/v1/push"]


def test_a_day_goes_up_and_the_scope_comes_down(world: World) -> None:
    visit_id = world.phone.check_in(world.store_id, FIX)
    world.clock.wait_ms(600_000)
    world.phone.check_out(visit_id, FIX, steps=[Step(step="GREET")])
    report = world.phone.sync()
    assert report.is_quiet
    assert states(world) == ["acknowledged", "acknowledged"]
    assert world.phone.store(world.store_id)["name"] == "Corner shop"
    assert world.phone.is_equal()


def test_the_envelope_tells_the_clocks_at_sending_and_what_the_outbox_holds(world: World) -> None:
    visits(world, 2)
    captured_at = world.clock.read().wall_ms
    world.clock.wait_ms(DAY_MS)
    world.phone.sync()
    (body,) = pushes(world)
    now = world.clock.read()
    assert (body["sent_at"], body["uptime_ms"], body["boot_id"]) == (
        now.wall_ms,
        now.uptime_ms,
        now.boot_id,
    )
    assert body["outbox"]["count"] == 2
    assert body["outbox"]["oldest_at"] == captured_at
    assert body["items"][0]["captured_at"] == captured_at


def test_after_a_lost_answer_the_same_bytes_go_again_and_count_once(world: World) -> None:
    visits(world, 3)
    world.transport.lose_answers = 1
    assert isinstance(world.phone.sync().push.failure, Exception)
    assert states(world) == ["unanswered"] * 3
    report = world.phone.sync(most_tries=5)
    assert report.is_quiet
    assert report.push.statuses == {"duplicate": 3}
    first, second = (body for body in world.server.raw_bodies if b'"items"' in body)
    assert first.split(b'"items":')[1] == second.split(b'"items":')[1]
    assert len(world.server.applied) == len(set(world.server.applied)) == 3


def test_a_damaged_answer_is_no_answer(world: World) -> None:
    visits(world, 1)
    world.transport.damage_answers = 1
    assert not world.phone.sync().is_quiet
    assert world.phone.sync(most_tries=5).is_quiet
    assert len(world.server.applied) == 1


def test_a_failing_pull_does_not_hold_back_push(world: World) -> None:
    world.transport.down_for = {"/v1/pull"}
    visits(world, 1)
    report = world.phone.sync()
    assert report.push.is_done
    assert report.pull.failure is not None
    visits(world, 1)
    assert world.phone.sync().push.is_done
    assert states(world) == ["acknowledged"] * 2


def test_a_failing_push_does_not_hold_back_pull(world: World) -> None:
    world.transport.down_for = {"/v1/push"}
    visits(world, 1)
    report = world.phone.sync()
    assert report.push.failure is not None
    assert report.pull.is_done
    assert world.phone.scope.count() == 1


def test_tries_come_later_and_later_and_never_before_they_are_due(world: World) -> None:
    world.transport.is_down = True
    visits(world, 1)
    world.phone.sync()
    assert not world.phone.sync().push.was_due
    waits = []
    for _ in range(12):
        waits.append(world.phone.sync_wait_ms())
        world.clock.wait_ms(waits[-1])
        world.phone.sync()
    assert 0 < max(waits[:3]) < max(waits[6:]) <= 15 * 60_000


def test_every_answer_ends_a_row_of_failures(world: World) -> None:
    world.habits.max_items = 1
    visits(world, 30)
    exchange = world.transport.exchange
    calls = 0

    def lose_every_other(request: Any) -> Any:
        nonlocal calls
        calls += request.path == "/v1/push"
        world.transport.lose_answers = int(request.path == "/v1/push" and calls % 2)
        answer: Answer = exchange(request)
        return answer

    world.transport.exchange = lose_every_other
    waits = []
    for _ in range(60):
        if world.phone.sync().is_quiet:
            break
        waits.append(world.phone.sync_wait_ms())
        world.clock.wait_ms(waits[-1])
    assert len(world.server.applied) == 30
    assert max(waits) <= 2 * 2_000


def test_the_server_is_left_alone_for_as_long_as_it_asks(world: World) -> None:
    world.server.refuse_next["/v1/push"] = [Refusal(503, "busy", retry_after_s=90)]
    visits(world, 1)
    world.phone.sync()
    assert world.phone.sync_wait_ms() >= 90_000
    world.clock.wait_ms(89_999)
    assert not world.phone.sync().push.was_due


def test_the_owner_setting_the_clock_does_not_change_when_a_try_is_due(world: World) -> None:
    world.server.refuse_next["/v1/push"] = [Refusal(503, "busy", retry_after_s=90)]
    visits(world, 1)
    world.phone.sync()
    wait_ms = world.phone.sync_wait_ms()
    world.clock.set_wall_offset(DAY_MS)
    assert world.phone.sync_wait_ms() == wait_ms


def test_after_a_reboot_everything_is_due(world: World) -> None:
    world.transport.is_down = True
    visits(world, 1)
    world.phone.sync()
    world.transport.is_down = False
    world.clock.reboot()
    assert world.phone.sync().is_quiet


def test_an_item_that_shall_be_tried_later_does_not_hold_back_the_others(world: World) -> None:
    world.server.verdicts["attendance"] = {"status": "retry", "retry_after_ms": 60_000}
    world.phone.clock_on(FIX)
    visits(world, 2)
    report = world.phone.sync()
    assert states(world) == ["waiting", "acknowledged", "acknowledged"]
    assert not report.is_quiet
    assert len(pushes(world)) == 1
    assert world.phone.sync_wait_ms() == 60_000
    del world.server.verdicts["attendance"]
    assert world.phone.sync(most_tries=2).is_quiet


@pytest.mark.parametrize("bound", ["items", "bytes"])
def test_a_batch_that_is_too_much_is_parted_until_it_fits(world: World, bound: str) -> None:
    visits(world, 40)
    if bound == "items":
        world.server.most_items = 7
    else:
        world.server.most_bytes = 3000
    assert world.phone.sync().is_quiet
    assert states(world) == ["acknowledged"] * 40
    assert len(world.server.applied) == 40


def refused_by_a_proxy(world: World, is_refused: Callable[[list[dict[str, Any]]], bool]) -> None:
    """From now on something before the server answers 413 with a page of its own to some pushes."""
    exchange = world.transport.exchange

    def bounded(request: Request) -> Answer:
        raw = request.body
        if request.headers.get("Content-Encoding") == "gzip":
            raw = gzip.decompress(raw)
        if request.path == "/v1/push" and is_refused(json.loads(raw)["items"]):
            return Answer(413, {"content-type": "text/html"}, b"<h1>413 Too Large</h1>")
        answer: Answer = exchange(request)
        return answer

    world.transport.exchange = bounded


def test_a_batch_that_is_too_much_for_a_proxy_is_parted_until_it_fits(world: World) -> None:
    visits(world, 40)
    refused_by_a_proxy(world, lambda items: len(items) > 7)
    assert world.phone.sync().is_quiet
    assert states(world) == ["acknowledged"] * 40


def test_an_item_that_no_proxy_lets_through_alone_does_not_stop_the_others(world: World) -> None:
    ids = visits(world, 9)
    refused_by_a_proxy(world, lambda items: any(item["entity_id"] == ids[4] for item in items))
    world.phone.sync(most_tries=8)
    assert len(world.server.applied) == 8
    (kept,) = world.phone.outbox.items(ItemState.SET_ASIDE)
    assert (kept.entity_id, kept.refusals) == (ids[4], 3)


def test_no_item_is_blamed_for_a_proxy_that_refuses_everything(world: World) -> None:
    visits(world, 3)
    refused_by_a_proxy(world, lambda _items: True)
    world.phone.sync(most_tries=15)
    assert world.phone.outbox.items(ItemState.SET_ASIDE) == []


@pytest.mark.parametrize("code", ["too_deep", "malformed_json", "invalid_request"])
def test_an_item_that_is_refused_alone_is_set_aside_and_the_rest_goes_on(
    world: World, code: str
) -> None:
    ids = visits(world, 20)
    world.server.refuse_item = lambda item: code if item["entity_id"] == ids[11] else None
    world.phone.sync(most_tries=20)
    (kept,) = world.phone.outbox.items(ItemState.SET_ASIDE)
    assert kept.entity_id == ids[11]
    assert kept.result["code"] == code
    assert len(world.server.applied) == 19
    assert world.phone.outbox.summary().count == 1


def test_a_sending_damaged_once_sets_nothing_aside(world: World) -> None:
    visits(world, 1)
    world.server.refuse_next["/v1/push"] = [Refusal(400, "malformed_json")]
    assert world.phone.sync(most_tries=3).is_quiet
    assert states(world) == ["acknowledged"]


def test_no_item_is_blamed_for_an_envelope_that_is_refused(world: World) -> None:
    visits(world, 3)
    world.server.refuse_next["/v1/push"] = [Refusal(422, "invalid_request") for _ in range(30)]
    world.phone.sync(most_tries=15)
    assert world.phone.outbox.items(ItemState.SET_ASIDE) == []


def test_a_page_that_broke_off_goes_on_where_it_stopped(world: World) -> None:
    for number in range(25):
        world.server.put("store", world.make_id(), {"name": str(number)})
    world.server.page = 10
    calls = 0
    exchange = world.transport.exchange

    def break_off_the_third(request: Any) -> Any:
        nonlocal calls
        calls += 1
        world.transport.lose_answers = int(calls == 3)
        answer: Answer = exchange(request)
        return answer

    world.transport.exchange = break_off_the_third
    assert not world.phone.sync().is_quiet
    assert world.phone.scope.count() == 20
    assert world.phone.sync(most_tries=3).is_quiet
    assert world.phone.scope.count() == 26
    assert [body["cursor"] for path, body in world.server.requests if path == "/v1/pull"] == [
        None,
        "epoch-1/10",
        "epoch-1/20",
        "epoch-1/20",
    ]


def test_unsent_work_on_an_evicted_record_survives_and_goes_up(world: World) -> None:
    world.phone.sync()
    world.phone.edit_store(world.store_id, {"contact_phone": "2"})
    world.server.take_away("store", world.store_id)
    world.transport.down_for = {"/v1/push"}
    world.phone.sync()
    assert world.phone.scope.get("store", world.store_id) is None
    assert len(world.phone.outbox.of_entity(world.store_id)) == 1
    world.transport.down_for = set()
    assert world.phone.sync(most_tries=3).is_quiet
    assert len(world.server.applied) == 1


def test_after_a_restore_every_item_that_the_backup_may_lack_goes_again(world: World) -> None:
    old = visits(world, 2)
    world.phone.sync()
    world.clock.wait_ms(60_000)
    backup_at = world.clock.true_ms - 1
    new = visits(world, 3)
    world.phone.sync()
    waiting = visits(world, 1)
    world.server.restore("epoch-2", keep_up_to_receipt=backup_at)
    world.server.watermark = backup_at
    report = world.phone.sync(most_tries=3)
    assert report.is_quiet
    assert len(world.server.applied) == len(set(world.server.applied)) == 6
    assert {item.entity_id for item in world.phone.outbox.items()} == {*new, *waiting}
    assert not {*old} & {item.entity_id for item in world.phone.outbox.items()}
    assert world.phone.is_equal()


def test_a_backup_taken_after_a_restore_says_nothing_of_what_the_restore_lost(world: World) -> None:
    lost = visits(world, 2)
    world.phone.sync()
    world.server.restore("epoch-2", keep_up_to_receipt=0)
    world.clock.wait_ms(24 * 3600 * 1000)
    world.server.watermark = world.clock.true_ms - 1
    assert world.phone.sync(most_tries=3).is_quiet
    assert len(world.server.applied) == len(lost)


def test_a_restore_that_only_the_pull_sees_brings_the_items_back_too(world: World) -> None:
    visits(world, 2)
    world.phone.sync()
    world.server.restore("epoch-2", keep_up_to_receipt=0)
    assert not world.phone.sync().is_quiet
    assert world.phone.sync().is_quiet
    assert len(world.server.applied) == 2
    assert world.phone.device.epoch == "epoch-2"


def test_after_a_restore_a_record_that_had_left_comes_back_in_a_lower_version(
    world: World,
) -> None:
    world.server.put("store", world.store_id, {"name": "Corner shop"}, version=9)
    world.phone.sync()
    world.server.take_away("store", world.store_id)
    world.phone.sync()
    assert world.phone.store(world.store_id) is None
    world.server.restore("epoch-2", keep_up_to_receipt=0)
    world.phone.sync()
    world.server.put("store", world.store_id, {"name": "Corner shop"}, version=3)
    assert world.phone.sync().is_quiet
    assert world.phone.scope.version_of("store", world.store_id) == 3
    assert world.phone.is_equal()


def test_an_item_keeps_the_contract_it_was_written_in(world: World) -> None:
    world.phone.speak_contract(1)
    visits(world, 1)
    world.phone.speak_contract(2)
    visits(world, 1)
    assert world.phone.sync().is_quiet
    assert [body["contract"] for body in pushes(world)] == [1, 2]


@pytest.mark.parametrize("code", ["epoch_changed", "cursor_too_old", "cursor_invalid"])
def test_a_cursor_of_no_use_is_repaired_by_digest_and_nothing_is_wiped(
    world: World, code: str
) -> None:
    world.phone.sync()
    visits(world, 1)
    world.transport.down_for = {"/v1/push"}
    world.server.put("store", world.make_id(), {"name": "new"})
    world.server.refuse_next["/v1/pull"] = [Refusal(409, code)]
    report = world.phone.sync()
    assert report.pull.is_done
    assert report.pull.repairs == 1
    assert report.pull.changes == 1
    assert world.phone.is_equal()
    assert states(world) == ["unanswered"]


def test_a_refusal_that_names_the_epoch_is_enough_to_send_again(world: World) -> None:
    visits(world, 2)
    world.phone.sync()
    assert states(world) == ["acknowledged"] * 2
    world.server.restore("epoch-2", keep_up_to_receipt=0)
    world.transport.down_for = {"/v1/push", "/v1/digest"}
    world.phone.sync()
    assert world.phone.device.epoch == "epoch-2"
    assert states(world) == ["waiting"] * 2


def test_a_duplicate_belongs_to_the_epoch_that_answered_last(world: World) -> None:
    visits(world, 1)
    world.phone.sync()
    world.server.restore("epoch-2", keep_up_to_receipt=world.server.now())
    world.phone.sync(most_tries=3)
    (item,) = world.phone.outbox.items()
    assert item.result is not None
    assert (item.result["status"], item.state) == ("duplicate", "acknowledged")
    assert world.phone.outbox.send_again_for_epoch("epoch-2") == 0
    assert world.phone.outbox.send_again_for_epoch("epoch-1") == 1


def test_a_phone_that_is_drained_sends_everything_and_then_is_empty(world: World) -> None:
    world.phone.sync()
    visits(world, 12)
    world.habits.max_items = 5
    world.server.is_draining = True
    report = world.phone.sync(most_tries=3)
    assert report.is_wiped
    assert len(world.server.applied) == 12
    assert world.phone.outbox.items() == []
    assert world.phone.scope.count() == 0
    with pytest.raises(NotEnrolled):
        world.phone.sync()


def test_a_drained_phone_with_nothing_left_asks_whether_that_was_all(world: World) -> None:
    world.phone.sync()
    world.server.is_draining = True
    assert world.phone.sync().is_wiped


def test_no_wipe_takes_an_item_that_no_server_holds(world: World) -> None:
    ids = visits(world, 2)
    world.server.refuse_item = lambda item: "too_deep" if item["entity_id"] == ids[0] else None
    world.server.is_draining = True
    assert not world.phone.sync(most_tries=4).is_wiped
    assert [item.entity_id for item in world.phone.outbox.items(ItemState.SET_ASIDE)] == [ids[0]]
    world.phone.outbox.let_go(world.phone.outbox.items(ItemState.SET_ASIDE)[0].op_id)
    assert world.phone.sync(most_tries=2).is_wiped


def test_what_became_of_an_item_kept_aside_comes_by_pull(world: World) -> None:
    world.server.verdicts["visit"] = {"status": "quarantined", "code": "invalid_field"}
    visits(world, 1)
    world.phone.sync()
    (item,) = world.phone.outbox.items(ItemState.NEEDS_ATTENTION)
    world.server.put("item", item.op_id, {"state": "RELEASED", "result": "applied"})
    world.phone.sync()
    (item,) = world.phone.outbox.items()
    assert (item.state, item.status) == (ItemState.ACKNOWLEDGED, "applied")


def test_news_of_a_conflict_may_come_before_the_receipt(world: World) -> None:
    world.phone.sync()
    conflict_id = world.make_id()
    world.server.verdicts["store"] = {"status": "conflict", "conflict_id": conflict_id}
    world.phone.edit_store(world.store_id, {"contact_phone": "2"})
    (item,) = world.phone.outbox.items()
    world.transport.lose_answers = 1
    world.server.put("conflict", conflict_id, {"state": "DECIDED", "op_id": item.op_id})
    world.phone.sync()
    assert world.phone.sync(most_tries=5).is_quiet
    assert states(world) == ["acknowledged"]


@pytest.mark.parametrize(
    ("news", "state", "status"),
    [
        ({"state": "RELEASED", "result": "applied"}, ItemState.ACKNOWLEDGED, "applied"),
        ({"state": "QUARANTINED"}, ItemState.NEEDS_ATTENTION, "deferred"),
    ],
)
def test_news_of_a_deferred_item_may_come_before_the_receipt(
    world: World, news: dict[str, Any], state: ItemState, status: str
) -> None:
    world.phone.sync()
    world.server.verdicts["visit"] = {"status": "deferred", "missing": [world.make_id()]}
    visits(world, 1)
    (item,) = world.phone.outbox.items()
    world.transport.lose_answers = 1
    world.server.put("item", item.op_id, news)
    world.phone.sync()
    assert world.phone.sync(most_tries=5).is_quiet
    (item,) = world.phone.outbox.items()
    assert (item.state, item.status) == (state, status)


@pytest.mark.parametrize("kind", ["item", "conflict"])
def test_an_item_of_which_the_server_tells_no_more_needs_no_attention(
    world: World, kind: str
) -> None:
    """It was decided while the phone was away, and what told of it has left the phone since."""
    status = {"item": "quarantined", "conflict": "conflict"}[kind]
    conflict_id = world.make_id()
    world.server.verdicts["visit"] = {"status": status, "conflict_id": conflict_id}
    visits(world, 2)
    world.phone.sync()
    assert states(world) == ["needs attention"] * 2
    first, _ = world.phone.outbox.items()
    told = conflict_id if kind == "conflict" else first.op_id
    world.server.log.append({"kind": kind, "id": told, "version": 2, "op": "evict"})
    world.phone.sync()
    left = ["acknowledged"] * 2 if kind == "conflict" else ["acknowledged", "needs attention"]
    assert states(world) == left


def test_a_server_that_reads_no_gzip_is_sent_plain_json(world: World) -> None:
    visits(world, 3)
    world.server.refuse_next["/v1/push"] = [Refusal(415, "unsupported_encoding")]
    assert world.phone.sync(most_tries=3).is_quiet
    before = world.phone.link.traffic.up_raw_bytes - world.phone.link.traffic.up_wire_bytes
    visits(world, 3)
    world.phone.sync()
    after = world.phone.link.traffic.up_raw_bytes - world.phone.link.traffic.up_wire_bytes
    assert before == after


def test_a_new_token_is_used_from_then_on(world: World) -> None:
    world.phone.renew_token()
    assert world.phone.device.token == "token-2"


def test_an_answer_for_another_batch_is_not_believed(world: World) -> None:
    visits(world, 1)
    push = world.server._push
    world.server._push = lambda body: {**push(body), "results": []}
    assert not world.phone.sync().is_quiet
    assert states(world) == ["unanswered"]
    assert json.loads(world.phone.outbox.items()[0].body)["kind"] == "visit"


def test_a_refused_token_stops_the_phone_and_deletes_nothing(world: World) -> None:
    visits(world, 2)
    world.server.refuse_next["/v1/push"] = [Refusal(401, "token_invalid")]
    world.phone.sync(most_tries=4)
    asked = len(world.server.requests)
    world.phone.sync(most_tries=4)
    assert len(world.server.requests) == asked
    assert states(world) == ["unanswered"] * 2
    world.phone.enrol("CODE-2", model="M", os="O", app_version="1")
    assert world.phone.sync(most_tries=4).is_quiet
    assert len(world.server.applied) == 2


def test_what_the_last_push_did_not_take_goes_up_before_the_wipe(world: World) -> None:
    world.phone.sync()
    world.server.verdicts["attendance"] = {"status": "retry", "retry_after_ms": 1000}
    world.phone.clock_on(FIX)
    world.server.is_draining = True
    assert not world.phone.sync(most_tries=5).is_wiped
    assert not world.phone.device.is_wipe_due
    world.phone.wipe_with_unsent()
    assert states(world) == ["waiting"]
    del world.server.verdicts["attendance"]
    assert world.phone.sync(most_tries=3).is_wiped
    assert len(world.server.applied) == 1


def test_work_captured_during_the_last_push_goes_up_before_the_wipe(world: World) -> None:
    world.phone.sync()
    visits(world, 1)
    world.server.is_draining = True
    push = world.server._push

    def capturing(body: dict[str, Any]) -> dict[str, Any]:
        world.server._push = push
        world.phone.clock_on(FIX)
        answer: dict[str, Any] = push(body)
        return answer

    world.server._push = capturing
    assert world.phone.sync(most_tries=3).is_wiped
    assert len(world.server.applied) == 2
    assert [path for path, _ in world.server.requests[-2:]] == ["/v1/push", "/v1/push"]


def test_what_a_new_epoch_brings_back_with_the_wipe_goes_up_before_it(world: World) -> None:
    visits(world, 3)
    world.phone.sync()
    visits(world, 1)
    world.server.restore("epoch-2", keep_up_to_receipt=0)
    world.server.is_draining = True
    assert world.phone.sync(most_tries=3).is_wiped
    assert len(world.server.applied) == 4


def test_only_what_was_set_aside_is_left_to_a_person_when_the_server_says_wipe(
    world: World,
) -> None:
    world.phone.sync()
    (visit_id,) = visits(world, 1)
    world.server.verdicts["visit"] = {"status": "retry", "retry_after_ms": 1000}
    world.server.is_draining = True
    world.phone.sync()
    assert not world.phone.device.is_wipe_due
    world.server.refuse_item = lambda item: "too_deep" if item["entity_id"] == visit_id else None
    assert not world.phone.sync(most_tries=4).is_wiped
    assert world.phone.device.is_wipe_due
    assert states(world) == ["set aside"]
    world.phone.wipe_with_unsent()
    assert world.phone.device.is_wiped
    assert states(world) == []


def test_an_item_set_aside_that_a_person_tries_again_goes_up_after_the_wipe_was_due(
    world: World,
) -> None:
    world.phone.sync()
    visits(world, 1)
    world.server.verdicts["visit"] = {"status": "retry", "retry_after_ms": 1000}
    world.server.is_draining = True
    world.phone.sync()
    world.server.refuse_item = lambda _item: "too_deep"
    world.phone.sync(most_tries=4)
    world.server.refuse_item = lambda _item: None
    del world.server.verdicts["visit"]
    (item,) = world.phone.outbox.items(ItemState.SET_ASIDE)
    world.phone.outbox.try_again(item.op_id)
    assert world.phone.sync(most_tries=3).is_wiped
    assert world.server.applied == [item.op_id]


def test_a_phone_that_lost_the_answer_to_wipe_and_pulls_first_is_told_again(world: World) -> None:
    world.phone.sync()
    visits(world, 1)
    world.server.is_draining = True
    world.transport.lose_answers = 1
    world.phone.sync()
    assert [path for path, _ in world.server.requests[-2:]] == ["/v1/push", "/v1/pull"]
    assert not world.phone.device.is_signed_out
    assert world.phone.sync(most_tries=3).is_wiped
    assert len(world.server.applied) == 1


def test_nobody_wipes_a_phone_that_the_server_did_not_ask_to_wipe(world: World) -> None:
    visits(world, 1)
    world.phone.wipe_with_unsent()
    assert states(world) == ["waiting"]


def test_a_scope_that_is_too_large_is_asked_for_again_after_an_hour(world: World) -> None:
    world.server.refuse_next["/v1/pull"] = [Refusal(409, "scope_too_large")]
    visits(world, 1)
    report = world.phone.sync()
    assert report.push.is_done
    assert world.phone.sync_wait_ms() >= 3_600_000


def test_a_push_that_was_too_slow_three_times_is_halved(world: World) -> None:
    visits(world, 8)
    world.server.refuse_next["/v1/push"] = [Refusal(408, "too_slow") for _ in range(3)]
    assert world.phone.sync(most_tries=6).is_quiet
    assert [len(body["items"]) for body in pushes(world)] == [8, 8, 8, 4, 4]
