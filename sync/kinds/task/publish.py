"""Publishing tasks that the office gives: seen by who holds the position, or by the person."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sync.kinds.task.judge import TASK
from sync.publish import Draft, publish
from sync.unit_of_work import UnitOfWork

_SELECT = """
select id, sort, text, state, due_on, position_id, person_id, store_id, visit_id, order_id,
       photo_sha256, activity_store_id, given_by, (extract(epoch from given_at) * 1000)::bigint as given_ms
from task where company_id = :company and id = any(:ids) order by id
"""


def publish_new_tasks(uow: UnitOfWork, ids: Iterable[UUID]) -> dict[UUID, int]:
    """Make the records of these tasks, which have just been given; returns their versions."""
    rows = uow.rows(_SELECT, company=uow.company_id, ids=list(ids))
    return publish(
        uow,
        [
            Draft(TASK, row.id, task_fields(row), frozenset({row.position_id or row.person_id}))
            for row in rows
        ],
    )


def task_fields(row: Any) -> dict[str, Any]:
    """The document of a task that nobody has answered: `TaskDown` of the contract."""
    named = ("position_id", "person_id", "store_id", "visit_id", "order_id", "activity_store_id")
    return {
        "sort": row.sort,
        "text": row.text,
        "state": row.state,
        "due_on": row.due_on.isoformat(),
        **{name: None if (id_ := getattr(row, name)) is None else str(id_) for name in named},
        "photo_sha256": row.photo_sha256,
        "given_by": row.given_by,
        "given_at": row.given_ms,
        "answer": None,
        "withdrawn_because": None,
    }
