"""One phone as whoever looks after it sees it: what became of it, what it sent last, what of it waits."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from server.identity.change_log import LoggedChange, changes_of
from server.identity.device_list import DeviceListed, find_device
from sync.unit_of_work import UnitOfWork

HISTORY_MAX = 50
PUSHES_MAX = 10
KEPT_MAX = 20
# Receipts are found by their time: so far before its last push a phone's pushes are looked for.
PUSHES_WITHIN = timedelta(hours=24)

_PUSHES = """
select received_at, cast(result as jsonb) ->> 'status' as status, count(*) as items
from ledger
where company_id = :company and device_id = :device and received_at > :since and received_at <= :until
group by received_at, status
order by received_at desc
"""
_KEPT = """
select op_id, digest, kind, state, code, received_at, count(*) over () as all_of_them
from kept_item
where company_id = :company and state in ('QUARANTINED', 'DEFERRED') and device_id = :device
order by received_at desc, op_id limit :at_most
"""
_CODE = """
select handle, issued_by, issued_at from enrolment_code
where company_id = :company and device_id = :device
"""


@dataclass(slots=True)
class Push:
    """What one push of a phone came to: items by the status that they were answered with."""

    received_at: datetime
    items: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class KeptOfDevice:
    """An item of a phone that is kept and not applied."""

    op_id: UUID
    digest: str
    kind: str | None
    state: str
    code: str | None
    received_at: datetime


@dataclass(frozen=True, slots=True)
class DeviceSeen:
    """One phone. `draining_since` where it drains or was told to wipe; `pushes` are the last, the newest first."""

    listed: DeviceListed
    history: list[LoggedChange]
    draining_since: datetime | None
    pushes: list[Push]
    kept: list[KeptOfDevice]
    kept_count: int
    code_issued_by: str | None


def read_device(uow: UnitOfWork, device_id: UUID) -> DeviceSeen:
    """One phone of the company. Raises NoSuchDevice."""
    listed = find_device(uow, device_id)
    history = changes_of(uow, subject_kind="device", subject_id=device_id, at_most=HISTORY_MAX)
    drained = [one.at for one in history if one.action == "device.drain"]
    kept = uow.rows(_KEPT, company=uow.company_id, device=device_id, at_most=KEPT_MAX)
    code = uow.rows(_CODE, company=uow.company_id, device=device_id)
    return DeviceSeen(
        listed=listed,
        history=history,
        draining_since=drained[0] if drained else None,
        pushes=_pushes(uow, listed),
        kept=[
            KeptOfDevice(
                row.op_id, row.digest.hex(), row.kind, row.state, row.code, row.received_at
            )
            for row in kept
        ],
        kept_count=kept[0].all_of_them if kept else 0,
        code_issued_by=code[0].issued_by if code else None,
    )


def _pushes(uow: UnitOfWork, listed: DeviceListed) -> list[Push]:
    if listed.last_seen_at is None:
        return []
    pushes: dict[datetime, Push] = {}
    for row in uow.rows(
        _PUSHES,
        company=uow.company_id,
        device=listed.id,
        since=listed.last_seen_at - PUSHES_WITHIN,
        # The last push notes itself by the millisecond.
        until=listed.last_seen_at + timedelta(seconds=1),
    ):
        push = pushes.setdefault(row.received_at, Push(row.received_at))
        push.items[row.status or "?"] += row.items
    return list(pushes.values())[:PUSHES_MAX]
