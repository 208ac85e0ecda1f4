"""The phones of a company as those who look after them see them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select

from server.identity.errors import NoSuchDevice
from sync.organisation import device, person
from sync.unit_of_work import UnitOfWork

ENDED = ("REVOKED", "WIPED")
"""What a phone is that is let in no more."""


@dataclass(frozen=True, slots=True)
class DeviceListed:
    """A device as its supervisor sees it; what a phone never said is None."""

    id: UUID
    person_id: UUID
    person_name: str
    state: str
    model: str
    os: str
    app_version: str
    contract: int
    enrolled_at: datetime
    last_seen_at: datetime | None
    outbox_count: int | None
    outbox_oldest_at: datetime | None
    outbox_bytes: int | None
    clock_offset_ms: int | None


def list_devices(
    uow: UnitOfWork,
    person_id: UUID | None = None,
    *,
    is_with_ended: bool = True,
    at_most: int | None = None,
) -> list[DeviceListed]:
    """The company's devices, or one person's: the latest enrolled first."""
    asked = _devices(uow).limit(at_most)
    if person_id is not None:
        asked = asked.where(device.c.person_id == person_id)
    if not is_with_ended:
        asked = asked.where(device.c.state.not_in(ENDED))
    return [DeviceListed(**row) for row in uow.connection.execute(asked).mappings()]


def find_device(uow: UnitOfWork, device_id: UUID) -> DeviceListed:
    """One device. Raises NoSuchDevice."""
    asked = _devices(uow).where(device.c.id == device_id)
    row = uow.connection.execute(asked).mappings().one_or_none()
    if row is None:
        raise NoSuchDevice("there is no such device in this company")
    return DeviceListed(**row)


def count_ended(uow: UnitOfWork, person_id: UUID | None = None) -> int:
    """How many of the company's devices, or of one person's, are let in no more."""
    asked = (
        select(func.count())
        .select_from(device)
        .where(device.c.company_id == uow.company_id, device.c.state.in_(ENDED))
    )
    if person_id is not None:
        asked = asked.where(device.c.person_id == person_id)
    return uow.connection.execute(asked).scalar_one()


def _devices(uow: UnitOfWork) -> Select[Any]:
    """The company's devices as they are listed."""
    return (
        select(
            device.c.id,
            device.c.person_id,
            person.c.name.label("person_name"),
            device.c.state,
            device.c.model,
            device.c.os,
            device.c.app_version,
            device.c.contract,
            device.c.enrolled_at,
            device.c.last_seen_at,
            device.c.outbox_count,
            device.c.outbox_oldest_at,
            device.c.outbox_bytes,
            device.c.clock_offset_ms,
        )
        .join(
            person,
            (person.c.company_id == device.c.company_id) & (person.c.id == device.c.person_id),
        )
        .where(device.c.company_id == uow.company_id)
        .order_by(device.c.enrolled_at.desc(), person.c.name, device.c.id)
    )
