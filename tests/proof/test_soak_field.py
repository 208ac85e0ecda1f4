"""What a soak keeps of its phones' items."""

from uuid import uuid4

from mobile_contract.phone.outbox import Outbox
from mobile_contract.phone.phone_file import PhoneFile
from tests.soak.field import before_forgetting


def test_an_item_that_has_its_result_and_is_forgotten_in_one_sync_is_seen_before() -> None:
    outbox = Outbox(PhoneFile(":memory:"))
    op_id = str(uuid4())
    item = {"op_id": op_id, "kind": "visit", "entity_id": str(uuid4()), "op": "create"}
    outbox.add({**item, "captured_at": 1}, contract=2)
    seen: list[str | None] = []
    before_forgetting(outbox, lambda: seen.extend(each.status for each in outbox.items()))
    receipt = {"op_id": op_id, "status": "applied", "version": 1, "receipt": 5}
    outbox.note_results(outbox.items(), [receipt], epoch="e")
    assert outbox.forget(watermark=9, server_now=10) == 1
    assert (seen, outbox.items()) == (["applied"], [])
