"""Publishing stores: their documents, and the keys of their region and their owning position."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sync.kinds.store.judge import STORE
from sync.policy import Policy, current_policy
from sync.publish import Draft, hold, publish
from sync.unit_of_work import UnitOfWork

_SELECT = """
select id, code, name, channel, store_class, address, contact_name, contact_phone, opening_hours,
       delivery_note, lat_e7, lon_e7, fence_radius_m, region_id, position_id, status, proposed_by
from store where company_id = :company and id = any(:ids)
"""


def publish_stores(uow: UnitOfWork, ids: Iterable[UUID]) -> dict[UUID, int]:
    """Bring the records of these stores up to their rows; returns their versions.

    A store is seen at its region and at the position that owns it; a proposed or refused one by
    its proposer. Where routes place it is the routes' business.
    """
    wanted = list(ids)
    hold(uow, wanted)
    _, policy = current_policy(uow)
    rows = uow.rows(_SELECT, company=uow.company_id, ids=wanted)
    return publish(uow, [_draft(row, policy) for row in rows])


def _draft(row: Any, policy: Policy) -> Draft:
    keys = {row.region_id, row.position_id}
    if row.status in ("PROPOSED", "REFUSED"):
        keys = {row.proposed_by}
    return Draft(STORE, row.id, store_fields(row, policy), frozenset(keys - {None}))


def store_fields(row: Any, policy: Policy) -> dict[str, Any]:
    """The document of a store's row: `StoreDown` of the contract."""
    pin = None if row.lat_e7 is None else {"lat_e7": row.lat_e7, "lon_e7": row.lon_e7}
    return {
        "code": row.code,
        "name": row.name,
        "channel": row.channel,
        "store_class": row.store_class,
        "address": row.address,
        "contact_name": row.contact_name,
        "contact_phone": row.contact_phone,
        "opening_hours": row.opening_hours,
        "delivery_note": row.delivery_note,
        "pin": pin,
        "fence_radius_m": policy.fence_for(row.fence_radius_m, row.store_class),
        "region_id": None if row.region_id is None else str(row.region_id),
        "status": row.status,
    }
