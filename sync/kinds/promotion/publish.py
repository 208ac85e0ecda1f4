"""Publishing promotions, once they are more than a draft."""

import time
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from mobile_contract.records.price_list import VERSIONS_ON_PHONE_MAX
from sync.in_force import Period, ended, one_after_another, still_needed
from sync.kinds.promotion.states import PROMOTING
from sync.publish import Draft, hold, publish
from sync.record_kind import RecordKind
from sync.unit_of_work import UnitOfWork

PROMOTION = RecordKind("promotion", 20, machine=PROMOTING)

_PROMOTIONS = """
select p.id, p.number, p.code, p.name, p.currency, p.division_id,
       coalesce(p.division_id, c.key) as seen_at,
       cast(extract(epoch from p.ended_at) * 1000 as bigint) as ended_at
from promotion p join company c on c.id = p.company_id
where p.company_id = :company and p.id = any(:ids)
  and exists (select from promotion_version v
              where v.company_id = p.company_id and v.promotion_id = p.id)
order by p.id
"""
_VERSIONS = """
select promotion_id, version, terms,
       cast(extract(epoch from valid_from) * 1000 as bigint) as valid_from,
       cast(extract(epoch from valid_until) * 1000 as bigint) as valid_until
from promotion_version
where company_id = :company and promotion_id = any(:ids) order by promotion_id, version
"""


def publish_promotions(
    uow: UnitOfWork, ids: Iterable[UUID], now: int | None = None
) -> dict[UUID, int]:
    """Bring the records of these promotions up to their rows; returns their versions.

    One that was never published has no record. Where it is seen, and what of it: as price lists; one
    that is over leaves phones. No moment is in two of the versions that go down.
    """
    wanted = list(ids)
    hold(uow, wanted)
    moment = time.time_ns() // 1_000_000 if now is None else now
    versions: dict[UUID, list[Period[dict[str, Any]]]] = {}
    for row in uow.rows(_VERSIONS, company=uow.company_id, ids=wanted):
        versions.setdefault(row.promotion_id, []).append(
            Period(row.version, row.valid_from, row.valid_until, row.terms)
        )
    drafts = []
    for row in uow.rows(_PROMOTIONS, company=uow.company_id, ids=wanted):
        own = ended(one_after_another(versions[row.id]), row.ended_at)
        shown = still_needed(own, moment)[-VERSIONS_ON_PHONE_MAX:]
        drafts.append(
            Draft(
                PROMOTION,
                row.id,
                _fields(row, shown) if shown else None,
                frozenset({row.seen_at}),
            )
        )
    return publish(uow, drafts)


def _fields(row: Any, shown: list[Period[dict[str, Any]]]) -> dict[str, Any]:
    """The document of a promotion: `PromotionDown` of the contract."""
    return {
        "number": row.number,
        "code": row.code,
        "name": row.name,
        "currency": row.currency,
        "division_id": None if row.division_id is None else str(row.division_id),
        "versions": [
            {
                **period.what,
                "version": period.version,
                "valid_from": period.valid_from,
                "valid_until": period.valid_until,
            }
            for period in shown
        ],
    }
