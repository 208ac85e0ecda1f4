import json
from pathlib import Path
from typing import Any

import pytest

from mobile_contract.phone.outbox import KEPT_WITHOUT_WATERMARK_MS, ItemState, Outbox
from mobile_contract.phone.phone_file import PhoneFile


def item(number: int, **more: Any) -> dict[str, Any]:
    return {
        "op_id": f"{number:08x}-0000-4000-8000-000000000000",
        "kind": "visit",
        "entity_id": f"{number:08x}-1111-4000-8000-000000000000",
        "op": "create",
        "captured_at": 1000 + number,
        "payload": {"note": "Ünïcode ☕ and \u0000"},
        **more,
    }


def result(number: int, status: str = "applied", **more: Any) -> dict[str, Any]:
    return {"op_id": item(number)["op_id"], "status": status, "receipt": 5000 + number, **more}


@pytest.fixture
def outbox() -> Outbox:
    return Outbox(PhoneFile(":memory:"))


def filled(outbox: Outbox, count: int, *, contract: int = 2) -> Outbox:
    for number in range(count):
        outbox.add(item(number), contract=contract)
    return outbox


def batch_of(outbox: Outbox, **more: Any) -> list[Any]:
    return outbox.next_batch(**{"max_items": 500, "max_bytes": 1_000_000, **more})


def test_an_item_is_sent_as_the_bytes_it_was_captured_in(outbox: Outbox) -> None:
    outbox.add(item(1), contract=2)
    first = batch_of(outbox)[0].body
    outbox.mark_sent(batch_of(outbox))
    assert batch_of(outbox)[0].body == first
    assert json.loads(first) == item(1)
    assert "☕".encode() in first


def test_an_item_survives_the_app_being_killed(tmp_path: Path) -> None:
    file = PhoneFile(tmp_path / "phone.sqlite")
    Outbox(file).add(item(1), contract=2)
    file.close()
    assert [each.op_id for each in batch_of(Outbox(PhoneFile(tmp_path / "phone.sqlite")))] == [
        item(1)["op_id"]
    ]


@pytest.mark.parametrize("number", [1.0, float("nan"), float("inf")])
def test_a_number_that_is_not_whole_never_enters(outbox: Outbox, number: float) -> None:
    with pytest.raises(ValueError, match="integer"):
        outbox.add(item(1, payload={"steps": [{"at": number}]}), contract=2)
    assert outbox.items() == []


def test_text_that_is_no_unicode_never_enters(outbox: Outbox) -> None:
    with pytest.raises(ValueError):
        outbox.add(item(1, payload={"note": "\ud800"}), contract=2)
    assert outbox.items() == []


def test_a_batch_holds_the_oldest_items_up_to_both_bounds(outbox: Outbox) -> None:
    filled(outbox, 5)
    size_bytes = len(batch_of(outbox)[0].body)
    assert [each.captured_at for each in batch_of(outbox, max_items=3)] == [1000, 1001, 1002]
    assert len(batch_of(outbox, max_bytes=2 * size_bytes + 2)) == 2


def test_an_item_over_the_bound_goes_alone(outbox: Outbox) -> None:
    filled(outbox, 2)
    assert len(batch_of(outbox, max_bytes=1)) == 1


def test_a_batch_is_written_in_one_contract(outbox: Outbox) -> None:
    outbox.add(item(1), contract=1)
    outbox.add(item(2), contract=2)
    assert [each.contract for each in batch_of(outbox)] == [1]


def test_what_was_left_out_does_not_hold_back_the_rest(outbox: Outbox) -> None:
    filled(outbox, 3)
    left_out = {item(0)["op_id"]}
    assert len(batch_of(outbox, max_items=2, leave_out=left_out)) == 2


def test_the_newest_may_go_first(outbox: Outbox) -> None:
    filled(outbox, 3)
    assert [each.captured_at for each in batch_of(outbox, is_newest_first=True)] == [
        1002,
        1001,
        1000,
    ]


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("applied", ItemState.ACKNOWLEDGED),
        ("merged", ItemState.ACKNOWLEDGED),
        ("deferred", ItemState.ACKNOWLEDGED),
        ("conflict", ItemState.NEEDS_ATTENTION),
        ("quarantined", ItemState.NEEDS_ATTENTION),
        ("retry", ItemState.WAITING),
        ("a word of a later server", ItemState.NEEDS_ATTENTION),
    ],
)
def test_each_result_puts_the_item_where_it_belongs(
    outbox: Outbox, status: str, state: ItemState
) -> None:
    filled(outbox, 1)
    sent = batch_of(outbox)
    outbox.mark_sent(sent)
    outbox.note_results(sent, [result(0, status)], epoch="e")
    assert [each.state for each in outbox.items()] == [state]


def test_a_duplicate_stands_where_its_first_result_put_it(outbox: Outbox) -> None:
    filled(outbox, 1)
    first = result(0, "quarantined", code="invalid_field")
    outbox.note_results(batch_of(outbox), [result(0, "duplicate", first=first)], epoch="e")
    (kept,) = outbox.items()
    assert (kept.state, kept.status, kept.receipt) == (
        ItemState.NEEDS_ATTENTION,
        "quarantined",
        5000,
    )


def test_acknowledged_items_are_kept_until_the_watermark_has_passed_them(outbox: Outbox) -> None:
    filled(outbox, 2)
    outbox.note_results(batch_of(outbox), [result(0), result(1)], epoch="e")
    outbox.forget(watermark=5000, server_now=10**15)
    assert len(outbox.items()) == 2
    outbox.forget(watermark=5001, server_now=10**15)
    assert [each.receipt for each in outbox.items()] == [5001]


def test_without_a_watermark_items_are_kept_for_thirty_days(outbox: Outbox) -> None:
    filled(outbox, 1)
    outbox.note_results(batch_of(outbox), [result(0)], epoch="e")
    outbox.forget(watermark=None, server_now=5000 + KEPT_WITHOUT_WATERMARK_MS)
    assert len(outbox.items()) == 1
    outbox.forget(watermark=None, server_now=5001 + KEPT_WITHOUT_WATERMARK_MS)
    assert outbox.items() == []


def test_nothing_unsent_is_ever_forgotten(outbox: Outbox) -> None:
    filled(outbox, 3)
    outbox.mark_sent(batch_of(outbox, max_items=1))
    outbox.set_aside(outbox.items()[2], code="body_too_large", detail="")
    outbox.forget(watermark=10**15, server_now=10**15)
    outbox.forget(watermark=None, server_now=10**15)
    assert [each.state for each in outbox.items()] == [
        ItemState.UNANSWERED,
        ItemState.WAITING,
        ItemState.SET_ASIDE,
    ]


def test_a_new_epoch_brings_back_what_the_old_one_acknowledged(outbox: Outbox) -> None:
    filled(outbox, 3)
    everything = batch_of(outbox)
    outbox.note_results(everything[:1], [result(0)], epoch="old")
    outbox.note_results(everything[1:2], [result(1, "quarantined")], epoch="old")
    outbox.note_results(everything[2:], [result(2)], epoch="new")
    assert outbox.send_again_for_epoch("new") == 2
    assert [each.op_id for each in batch_of(outbox)] == [item(0)["op_id"], item(1)["op_id"]]


def test_the_summary_counts_what_no_server_is_known_to_hold(outbox: Outbox) -> None:
    filled(outbox, 4)
    everything = batch_of(outbox)
    outbox.note_results(everything[:1], [result(0)], epoch="e")
    outbox.mark_sent(everything[1:2])
    outbox.set_aside(everything[2], code="too_deep", detail="")
    summary = outbox.summary()
    assert (summary.count, summary.oldest_at) == (3, 1001)
    assert summary.bytes == sum(len(each.body) for each in everything[1:])


def test_only_a_person_lets_go_of_an_item_and_only_of_one_set_aside(outbox: Outbox) -> None:
    filled(outbox, 2)
    outbox.set_aside(outbox.items()[0], code="too_deep", detail="")
    for each in outbox.items():
        outbox.let_go(each.op_id)
    assert [each.op_id for each in outbox.items()] == [item(1)["op_id"]]


def test_an_item_set_aside_can_be_tried_again(outbox: Outbox) -> None:
    filled(outbox, 1)
    outbox.set_aside(outbox.items()[0], code="too_deep", detail="")
    assert batch_of(outbox) == []
    outbox.try_again(item(0)["op_id"])
    assert len(batch_of(outbox)) == 1
