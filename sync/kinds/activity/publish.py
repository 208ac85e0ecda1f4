"""Publishing activities: their documents, seen by the seats of the division, or by the whole company."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from sync.kinds.activity.kind import ACTIVITY
from sync.policy import current_policy
from sync.publish import Draft, hold, publish
from sync.unit_of_work import UnitOfWork

_SELECT = """
select a.id, a.code, a.name, a.about, a.state, a.division_id, a.starts_on, a.ends_on, a.channels,
       a.region_ids, a.standards_version, s.items, a.pay_minor, a.currency, a.settled_on,
       c.key as company_key
from activity a
join company c on c.id = a.company_id
join activity_standards s on s.company_id = a.company_id and s.activity_id = a.id
                         and s.standards_version = a.standards_version
where a.company_id = :company and a.id = any(:ids) and a.state <> 'DRAFT'
order by a.id
"""


def publish_activities(
    uow: UnitOfWork, ids: Iterable[UUID], today: date | None = None
) -> dict[UUID, int]:
    """Bring the records of these activities up to their rows; returns their versions.

    A draft has no record. One that was settled longer ago than `visit_days_on_phone` is seen by nobody;
    `today` is the company's, now unless given.
    """
    wanted = list(ids)
    hold(uow, wanted)
    _, policy = current_policy(uow)
    today = today or datetime.now(UTC).astimezone(policy.zone).date()
    since = today - timedelta(days=policy.visit_days_on_phone)
    rows = uow.rows(_SELECT, company=uow.company_id, ids=wanted)
    return publish(uow, [_draft(row, since) for row in rows])


def _draft(row: Any, since: date) -> Draft:
    is_over = row.settled_on is not None and row.settled_on < since
    keys = frozenset() if is_over else frozenset({row.division_id or row.company_key})
    return Draft(ACTIVITY, row.id, activity_fields(row), keys)


def activity_fields(row: Any) -> dict[str, Any]:
    """The document of an activity's row: `ActivityDown` of the contract."""
    pay = None
    if row.pay_minor is not None:
        pay = {"amount_minor": row.pay_minor, "currency": row.currency}
    return {
        "code": row.code,
        "name": row.name,
        "about": row.about,
        "state": row.state,
        "division_id": None if row.division_id is None else str(row.division_id),
        "starts_on": row.starts_on.isoformat(),
        "ends_on": row.ends_on.isoformat(),
        "channels": list(row.channels),
        "region_ids": [str(region_id) for region_id in row.region_ids],
        "standards_version": row.standards_version,
        "standards": row.items,
        "pay": pay,
    }
