"""Publishing targets: their documents with the progress, seen by whoever holds the position."""

from collections.abc import Iterable
from datetime import date, timedelta
from uuid import UUID

from sync.publish import Draft, hold, publish
from sync.record_kind import RecordKind
from sync.unit_of_work import UnitOfWork

TARGET = RecordKind(name="target", number=23)

_TARGETS = """
select id, position_id, month, measure, product_group, currency, amount, actual,
       working_days_gone, working_days,
       cast(floor(extract(epoch from as_of) * 1000) as bigint) as as_of_ms
from target where company_id = :company and id = any(:ids) order by id
"""


def publish_targets(uow: UnitOfWork, ids: Iterable[UUID], today: date) -> dict[UUID, int]:
    """Bring the records of these targets up to their rows; returns their versions.

    One without a row is deleted. Phones hold the month before, this one and the next.
    """
    wanted = sorted(set(ids))
    hold(uow, wanted)
    drafts = {
        row.id: Draft(
            TARGET,
            row.id,
            {
                "position_id": str(row.position_id),
                "month": f"{row.month:%Y-%m}",
                "measure": row.measure,
                "product_group": row.product_group,
                "currency": row.currency,
                "target": row.amount,
                "actual": row.actual,
                "working_days_gone": row.working_days_gone,
                "working_days": row.working_days,
                "as_of": row.as_of_ms,
            },
            frozenset({row.position_id} if is_on_phone(row.month, today) else ()),
        )
        for row in uow.rows(_TARGETS, company=uow.company_id, ids=wanted)
    }
    # One that was never published and has no row either is nothing at all.
    known = uow.rows(
        "select id from record where company_id = :company and id = any(:ids)",
        company=uow.company_id,
        ids=[id_ for id_ in wanted if id_ not in drafts],
    )
    gone = [Draft(TARGET, row.id, None) for row in known]
    return publish(uow, [*drafts.values(), *gone])


def is_on_phone(month: date, today: date) -> bool:
    """Whether phones hold the targets of a month."""
    first, last = months_on_phone(today)
    return first <= month <= last


def months_on_phone(today: date) -> tuple[date, date]:
    """The first and the last month whose targets phones hold: the one before, and the next."""
    this = today.replace(day=1)
    before = (this - timedelta(days=1)).replace(day=1)
    return before, (this + timedelta(days=31)).replace(day=1)
