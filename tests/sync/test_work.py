"""What follows from an item is due when the item is kept, once for all that asks for it."""

from dataclasses import replace
from uuid import uuid4

from sync.engine import Engine
from sync.kinds import ALL_KINDS, attendance
from sync.record_kind import Accepted, Arrived, Context, Outcome
from sync.unit_of_work import Database
from sync.work import IDS_A_ROW, leave_work
from tests.factories import Cast
from tests.sync.conftest import SECRET
from tests.sync.talking import Phone, rows_of

STORE = str(uuid4())


def create(item: Arrived, context: Context) -> Outcome:
    outcome = attendance.KIND.ops["create"](item, context)
    assert isinstance(outcome, Accepted)
    outcome.work = (("look_again", STORE), ("look_again", item.entity_id))
    return outcome


def test_the_work_of_a_push_is_one_row_a_topic(cast: Cast, db: Database) -> None:
    kind = replace(attendance.KIND, ops={**attendance.KIND.ops, "create": create})
    kinds = tuple(kind if each.number == kind.number else each for each in ALL_KINDS)
    phone = Phone(Engine(db, kinds, SECRET), cast.ana.device)
    items = [phone.attendance(), phone.attendance()]
    assert phone.statuses(*items) == ["applied", "applied"]
    assert phone.statuses(*items) == ["duplicate", "duplicate"]
    rows = rows_of(db, cast, "select topic, payload from outbox")
    assert [(row.topic, row.payload) for row in rows] == [
        ("look_again", {"ids": sorted([STORE, *(item["entity_id"] for item in items)])})
    ]


def test_much_work_is_left_in_rows_that_a_job_can_do(cast: Cast, db: Database) -> None:
    ids = [uuid4() for _ in range(IDS_A_ROW + 1)]
    with db.company(cast.company.id) as uow:
        leave_work(uow, "look_again", ids)
        leave_work(uow, "look_again", [])
    rows = rows_of(db, cast, "select payload from outbox order by id")
    assert [len(row.payload["ids"]) for row in rows] == [IDS_A_ROW, 1]
