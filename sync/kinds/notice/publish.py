"""Publishing notices: seen by the company, a division, or the holders of positions, while they are shown."""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from sync.kinds.notice.judge import NOTICE
from sync.policy import current_policy
from sync.publish import Draft, hold, publish
from sync.unit_of_work import UnitOfWork

# Positions of a region are those of the regions below it too, as they are now: whoever moves one
# publishes the notices concerned.
_SELECT = """
with recursive below as (
    select n.id as notice_id, r.id as region_id from notice n
    join region r on r.company_id = n.company_id and r.id = any(n.audience_ids)
    where n.company_id = :company and n.id = any(:ids) and n.audience = 'REGION'
    union
    select b.notice_id, r.id from below b
    join region r on r.company_id = :company and r.parent_id = b.region_id
)
select n.id, n.texts, n.state, n.starts_on, n.ends_on, n.audience, n.given_by,
       (extract(epoch from n.given_at) * 1000)::bigint as given_ms,
       case n.audience
           when 'COMPANY' then array[c.key]
           when 'REGION' then array(
               select p.id from below b
               join position p on p.company_id = n.company_id and p.region_id = b.region_id
               where b.notice_id = n.id)
           else n.audience_ids
       end as keys
from notice n join company c on c.id = n.company_id
where n.company_id = :company and n.id = any(:ids)
order by n.id
"""


def publish_notices(
    uow: UnitOfWork, ids: Iterable[UUID], today: date | None = None
) -> dict[UUID, int]:
    """Bring the records of these notices up to their rows; returns their versions.

    One that is recalled, not shown yet or not any more is seen by nobody; `today` is the company's, now
    unless given.
    """
    wanted = list(ids)
    hold(uow, wanted)
    today = today or datetime.now(UTC).astimezone(current_policy(uow)[1].zone).date()
    rows = uow.rows(_SELECT, company=uow.company_id, ids=wanted)
    return publish(uow, [_draft(row, today) for row in rows])


def _draft(row: Any, today: date) -> Draft:
    is_shown = row.state == "GIVEN" and row.starts_on <= today <= row.ends_on
    keys = frozenset(row.keys if is_shown else ())
    return Draft(NOTICE, row.id, notice_fields(row), keys)


def notice_fields(row: Any) -> dict[str, Any]:
    """The document of a notice's row: `NoticeDown` of the contract."""
    return {
        "texts": row.texts,
        "starts_on": row.starts_on.isoformat(),
        "ends_on": row.ends_on.isoformat(),
        "given_by": row.given_by,
        "given_at": row.given_ms,
    }
