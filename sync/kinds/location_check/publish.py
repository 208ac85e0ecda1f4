"""Publishing location checks: seen by who is asked, and by who asks, while they hold the seat from which
they ask.
"""

from typing import Any
from uuid import UUID

from sync.kinds.location_check.judge import LOCATION_CHECK
from sync.publish import Draft, publish
from sync.unit_of_work import UnitOfWork

_SELECT = """
select id, person_id, position_id, state, asker_id, asked_by, note,
       (extract(epoch from asked_at) * 1000)::bigint as asked_ms,
       (extract(epoch from expires_at) * 1000)::bigint as expires_ms
from location_check where company_id = :company and id = :check
"""


def publish_new_check(uow: UnitOfWork, check_id: UUID, asked_from: UUID | None = None) -> int:
    """Make the record of a check that has just been asked; returns its version.

    `asked_from` is the position of who asks. Without one they see it whatever they hold.
    """
    (row,) = uow.rows(_SELECT, company=uow.company_id, check=check_id)
    keys = frozenset({row.person_id, asked_from or row.asker_id} - {None})
    return publish(uow, [Draft(LOCATION_CHECK, row.id, check_fields(row), keys)])[row.id]


def check_fields(row: Any) -> dict[str, Any]:
    """The document of a check that nobody has answered: `LocationCheckDown` of the contract."""
    return {
        "person_id": str(row.person_id),
        "position_id": None if row.position_id is None else str(row.position_id),
        "state": row.state,
        "asked_by": row.asked_by,
        "note": row.note,
        "asked_at": row.asked_ms,
        "expires_at": row.expires_ms,
        "answer": None,
    }
