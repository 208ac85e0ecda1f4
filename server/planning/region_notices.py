"""Notices for regions follow positions that come into them, or go, in the transaction that moves these."""

from collections.abc import Iterable
from datetime import date
from uuid import UUID

from sync.kinds.notice.publish import publish_notices
from sync.unit_of_work import UnitOfWork

# Those that are shown, for one of these regions or one above.
_CONCERNED = """
with recursive above as (
    select id, parent_id from region where company_id = :company and id = any(:regions)
    union
    select r.id, r.parent_id from region r join above a on r.id = a.parent_id
    where r.company_id = :company
)
select n.id from notice n
where n.company_id = :company and n.state = 'GIVEN' and n.audience = 'REGION'
  and :today between n.starts_on and n.ends_on and n.audience_ids && array(select id from above)
order by n.id
"""


def notices_above(uow: UnitOfWork, regions: Iterable[UUID | None], today: date) -> set[UUID]:
    """The notices that positions in these regions are shown because of them. One query."""
    wanted = sorted({id_ for id_ in regions if id_ is not None})
    rows = uow.rows(_CONCERNED, company=uow.company_id, regions=wanted, today=today)
    return {row.id for row in rows}


def bring_notices_up(uow: UnitOfWork, ids: Iterable[UUID], today: date) -> None:
    """Show these notices to the positions that are in their regions now."""
    wanted = sorted(set(ids))
    if wanted:
        publish_notices(uow, wanted, today)
