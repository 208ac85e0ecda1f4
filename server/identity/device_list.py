"""The phones of a company as those who look after them see them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, Select, and_, cast, func, or_, select

from server.identity.errors import NoSuchDevice
from server.language import Said
from sync.organisation import device, person
from sync.unit_of_work import UnitOfWork

ENDED = ("REVOKED", "WIPED")
"""What a phone is that is let in no more."""
NAME_MAX = 200


def _ms(moment: ColumnElement[Any]) -> ColumnElement[int]:
    return cast(func.coalesce(func.extract("epoch", moment) * 1000, 0), BigInteger)


SORTS: Mapping[str, ColumnElement[int]] = {
    "enrolled": _ms(device.c.enrolled_at),
    "seen": _ms(device.c.last_seen_at),
    "held": cast(func.coalesce(device.c.outbox_count, 0), BigInteger),
}
"""By what a list of phones is sorted; with a minus before it, the largest first."""


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
    wiped_at: datetime | None


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


@dataclass(frozen=True, slots=True)
class DevicesAsked:
    """Which phones: in which states (none named: all), silent since before a moment, of whom by a part of the name."""

    states: Sequence[str] = ()
    silent_since: datetime | None = None
    name: str = ""
    sort: str = "-enrolled"


def page_of_devices(
    uow: UnitOfWork, asked: DevicesAsked, after: tuple[int, UUID] | None, at_most: int
) -> list[tuple[DeviceListed, int]]:
    """Phones in the order that is asked for, each with the number it is sorted by: with its id, the mark after it.

    A phone that never sent anything is silent since it was enrolled. Raises KeyError for no such sort.
    """
    by = SORTS[asked.sort.lstrip("-")]
    is_down = asked.sort.startswith("-")
    found = _devices(uow).add_columns(by.label("sorted_by")).order_by(None).limit(at_most)
    found = found.order_by(by.desc() if is_down else by, device.c.id)
    if asked.states:
        found = found.where(device.c.state.in_(asked.states))
    if asked.silent_since is not None:
        heard_at = func.coalesce(device.c.last_seen_at, device.c.enrolled_at)
        found = found.where(heard_at < asked.silent_since)
    if asked.name:
        found = found.where(person.c.name.icontains(asked.name, autoescape=True))
    if after is not None:
        number, last_id = after
        is_past = by < number if is_down else by > number
        found = found.where(or_(is_past, and_(by == number, device.c.id > last_id)))
    listed = []
    for row in uow.connection.execute(found).mappings():
        values = dict(row)
        number = values.pop("sorted_by")
        listed.append((DeviceListed(**values), number))
    return listed


def find_device(uow: UnitOfWork, device_id: UUID) -> DeviceListed:
    """One device. Raises NoSuchDevice."""
    asked = _devices(uow).where(device.c.id == device_id)
    row = uow.connection.execute(asked).mappings().one_or_none()
    if row is None:
        raise NoSuchDevice(Said("there is no such device in this company"))
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
            device.c.wiped_at,
        )
        .join(
            person,
            (person.c.company_id == device.c.company_id) & (person.c.id == device.c.person_id),
        )
        .where(device.c.company_id == uow.company_id)
        .order_by(device.c.enrolled_at.desc(), person.c.name, device.c.id)
    )
