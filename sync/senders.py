"""Who is speaking: a device proves itself with its token, and brings its person along.

A device that is not there, was revoked or shows a wrong token gets one and the same answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from hmac import compare_digest
from typing import Any, Literal
from uuid import UUID

import msgspec

from sync.direct import bytes_of, fetch
from sync.errors import NotThere, Refused
from sync.policy import Policy, read_policy
from sync.unit_of_work import UnitOfWork

# A device with its person, the company's policy and the positions; $1 the company, $2 the device.
# Positions that they hold for good come last, after those that they stand in for: where an item names
# none, the last that fits is taken.
SENDER = """
select d.state, d.token_hash, d.next_token_hash, d.person_id, n.name, n.left_on, d.contract,
       c.key, p.version, p.settings,
       coalesce((select json_agg(json_build_array(o.position_id, q.role, o.starts_on, o.ends_on)
                                 order by o.is_acting desc, o.starts_on, o.position_id)
                 from occupancy o
                 join position q on q.company_id = o.company_id and q.id = o.position_id
                 where o.company_id = d.company_id and o.person_id = d.person_id), '[]')
from device d
join person n on n.company_id = d.company_id and n.id = d.person_id
join company c on c.id = d.company_id
cross join lateral (select version, settings from policy
                    where company_id = d.company_id order by version desc limit 1) p
where d.company_id = $1 and d.id = $2
"""
SENDER_COLUMNS = 11
_DRAINING = ("DRAINING", "WIPED")
_SELECT = SENDER.encode()
_PROMOTE = """
update device set token_hash = next_token_hash, next_token_hash = null
where company_id = %s and id = %s and next_token_hash = %s
"""


@dataclass(frozen=True, slots=True)
class Claim:
    """What a token says of itself, before anything has been proved."""

    company_id: int
    device_id: str
    token_hash: bytes


@dataclass(frozen=True, slots=True)
class Held:
    """A position that a person holds or held. Days are in the company's time zone, inclusive."""

    position_id: str
    role: str
    starts_on: date
    ends_on: date | None


@dataclass(frozen=True, slots=True)
class Sender:
    """A device that has proved itself, with its person and the company's current policy."""

    company_id: int
    company_key: str
    device_id: str
    person_id: str
    person_name: str
    left_on: date | None
    is_draining: bool
    contract: int
    positions: tuple[Held, ...]
    policy_version: int
    policy: Policy


def authenticate(uow: UnitOfWork, claim: Claim, right: Literal["push", "pull"]) -> Sender:
    """Return the sender, or raise Refused: `token_invalid`, or `device_draining` for a pull."""
    row = _find(uow, claim.device_id)
    if row is None:
        raise unknown_device()
    return read_sender(uow, claim, right, row)


def read_sender(
    uow: UnitOfWork, claim: Claim, right: Literal["push", "pull"], row: Sequence[Any]
) -> Sender:
    """The sender of a row of SENDER, if the token fits. Raises as `authenticate`.

    A new token that is used for the first time to push takes the place of the old one. A device that
    was told to wipe is one that drains, still: when that answer was lost, it is sent to push by
    whatever it asks for first, and told again.
    """
    if row[0] not in ("ACTIVE", *_DRAINING):
        raise unknown_device()
    if not _is_hash(row[1], claim.token_hash):
        if not _is_hash(row[2], claim.token_hash):
            raise unknown_device()
        if right == "push":
            values = [claim.company_id, UUID(claim.device_id), claim.token_hash]
            uow.driver.execute(_PROMOTE, values)
    if row[0] in _DRAINING and right == "pull":
        message = "This device may only send what it holds."
        raise Refused("device_draining", message)
    return _sender(claim.company_id, claim.device_id, row)


def sender_of(uow: UnitOfWork, device_id: str) -> Sender:
    """The sender of something that a device sent before, whatever became of the device since."""
    row = _find(uow, device_id)
    if row is None:
        message = f"device {device_id}"
        raise NotThere(message)
    return _sender(uow.company_id, device_id, row)


def _find(uow: UnitOfWork, device_id: str) -> Sequence[Any] | None:
    rows = fetch(uow.driver, _SELECT, [uow.company_id, device_id])
    return rows[0] if rows else None


def _is_hash(stored: str | None, shown: bytes) -> bool:
    held = bytes_of(stored)
    return held is not None and compare_digest(held, shown)


def _sender(company_id: int, device_id: str, row: Sequence[Any]) -> Sender:
    return Sender(
        company_id=company_id,
        company_key=row[7],
        device_id=device_id,
        person_id=row[3],
        person_name=row[4],
        left_on=None if row[5] is None else date.fromisoformat(row[5]),
        is_draining=row[0] in _DRAINING,
        contract=int(row[6]),
        positions=tuple(
            Held(
                position_id,
                role,
                date.fromisoformat(starts_on),
                None if ends_on is None else date.fromisoformat(ends_on),
            )
            for position_id, role, starts_on, ends_on in msgspec.json.decode(row[10])
        ),
        policy_version=int(row[8]),
        policy=_read_settings(row[9]),
    )


@lru_cache(maxsize=1024)
def _read_settings(settings: str) -> Policy:
    """The policy of a settings text; all phones of a company bring the same."""
    return read_policy(msgspec.json.decode(settings))


def unknown_device() -> Refused:
    """One answer for a device that is not there, was revoked, or shows a wrong token."""
    return Refused("token_invalid", "The token is not known. Enrol this device again.")
