"""Publishing price lists: small records that name the bodies of their versions."""

import time
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from mobile_contract.records.price_list import VERSIONS_ON_PHONE_MAX
from sync.bodies import refer_to_bodies
from sync.in_force import Period, ended, still_needed
from sync.publish import Draft, hold, publish
from sync.record_kind import RecordKind
from sync.unit_of_work import UnitOfWork

PRICE_LIST = RecordKind("price_list", 19)

_LISTS = """
select l.id, l.number, l.code, l.name, l.currency, l.division_id,
       coalesce(l.division_id, c.key) as seen_at,
       cast(extract(epoch from l.ended_at) * 1000 as bigint) as ended_at
from price_list l join company c on c.id = l.company_id
where l.company_id = :company and l.id = any(:ids) order by l.id
"""
_VERSIONS = """
select v.price_list_id, v.version, v.sha256, b.size,
       cast(extract(epoch from v.valid_from) * 1000 as bigint) as valid_from,
       cast(extract(epoch from v.valid_until) * 1000 as bigint) as valid_until
from price_list_version v
join body b on b.company_id = v.company_id and b.sha256 = v.sha256
where v.company_id = :company and v.price_list_id = any(:ids)
order by v.price_list_id, v.version
"""


def publish_price_lists(
    uow: UnitOfWork, ids: Iterable[UUID], now: int | None = None
) -> dict[UUID, int]:
    """Bring the records of these lists up to their rows; returns their versions.

    A division's list is seen by that division, one of none by everybody. Of its versions those are in
    the record that phones still need (in_force.py) as of `now`; a list that is over leaves phones.
    """
    wanted = list(ids)
    hold(uow, wanted)
    moment = time.time_ns() // 1_000_000 if now is None else now
    versions: dict[UUID, list[Period[tuple[bytes, int]]]] = {}
    for row in uow.rows(_VERSIONS, company=uow.company_id, ids=wanted):
        versions.setdefault(row.price_list_id, []).append(
            Period(row.version, row.valid_from, row.valid_until, (bytes(row.sha256), row.size))
        )
    drafts, named = [], {}
    for row in uow.rows(_LISTS, company=uow.company_id, ids=wanted):
        shown = still_needed(ended(versions.get(row.id, []), row.ended_at), moment)
        # Of more than a record holds the latest: they decide.
        shown = shown[-VERSIONS_ON_PHONE_MAX:]
        is_over = row.ended_at is not None and not shown
        named[row.id] = [period.what[0] for period in shown]
        drafts.append(
            Draft(
                PRICE_LIST,
                row.id,
                None if is_over else _fields(row, shown),
                frozenset({row.seen_at}),
            )
        )
    done = publish(uow, drafts)
    refer_to_bodies(uow, named)
    return done


def _fields(row: Any, shown: list[Period[tuple[bytes, int]]]) -> dict[str, Any]:
    """The document of a list: `PriceListDown` of the contract."""
    return {
        "number": row.number,
        "code": row.code,
        "name": row.name,
        "currency": row.currency,
        "division_id": None if row.division_id is None else str(row.division_id),
        "versions": [
            {
                "version": period.version,
                "valid_from": period.valid_from,
                "valid_until": period.valid_until,
                "body": {"sha256": period.what[0].hex(), "size": period.what[1]},
            }
            for period in shown
        ],
    }
