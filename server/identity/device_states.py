"""A phone is shown out at once, or without losing its work."""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import ColumnElement, Row, and_, select, update

from server.identity.change_log import Actor, log_change, log_changes
from server.identity.errors import DeviceStateWrong, NoSuchDevice
from server.language import Said
from sync.organisation import device
from sync.state_machine import StateMachine, Step
from sync.unit_of_work import UnitOfWork

DEVICE_STATES = StateMachine(
    "device",
    "A phone. One that drains may only push what it holds, and is then told to wipe.",
    (
        Step(None, "enrol", "ACTIVE", "phone, with a code"),
        Step("ACTIVE", "drain", "DRAINING", "admin, or its person's leaving"),
        Step("DRAINING", "send the last item", "WIPED", "phone"),
        Step("ACTIVE", "revoke", "REVOKED", "admin"),
        Step("DRAINING", "revoke", "REVOKED", "admin"),
        Step("WIPED", "revoke", "REVOKED", "admin"),
    ),
)


def revoke(uow: UnitOfWork, actor: Actor, device_id: UUID) -> None:
    """From this commit on the device's token opens nothing; what it had not sent stays on it."""
    held = _locked(uow, device_id)
    state = DEVICE_STATES.after(held.state, "revoke")
    if state is None:
        return
    uow.connection.execute(
        update(device)
        .where(_is(uow, device_id))
        .values(state=state, token_hash=None, next_token_hash=None)
    )
    log_change(
        uow,
        actor,
        "device.revoke",
        "device",
        device_id,
        before={"state": held.state},
        after={"state": state},
    )


def drain(uow: UnitOfWork, actor: Actor, device_id: UUID) -> None:
    """The device may from now on only push what it holds, and is then told to wipe.

    Raises DeviceStateWrong for a device that can push nothing any more.
    """
    held = _locked(uow, device_id)
    if held.state == "DRAINING":
        return
    if DEVICE_STATES.after(held.state, "drain") is None:
        raise DeviceStateWrong(
            Said("the device is {state}: there is nothing to drain", state=held.state)
        )
    _drain(uow, actor, [device_id])


def drain_devices_of(uow: UnitOfWork, actor: Actor, person_ids: Iterable[UUID]) -> list[UUID]:
    """Drain every active device of these people; the ids of those devices."""
    ids = list(
        uow.connection.execute(
            select(device.c.id)
            .where(
                device.c.company_id == uow.company_id,
                device.c.person_id.in_(sorted(person_ids)),
                device.c.state == "ACTIVE",
            )
            .order_by(device.c.id)
            .with_for_update()
        ).scalars()
    )
    if ids:
        _drain(uow, actor, ids)
    return ids


def _is(uow: UnitOfWork, device_id: UUID) -> ColumnElement[bool]:
    return and_(device.c.company_id == uow.company_id, device.c.id == device_id)


def _locked(uow: UnitOfWork, device_id: UUID) -> Row[str]:
    row = uow.connection.execute(
        select(device.c.state).where(_is(uow, device_id)).with_for_update()
    ).one_or_none()
    if row is None:
        raise NoSuchDevice(Said("there is no such device in this company"))
    return row


def _drain(uow: UnitOfWork, actor: Actor, device_ids: list[UUID]) -> None:
    uow.connection.execute(
        update(device)
        .where(device.c.company_id == uow.company_id, device.c.id.in_(device_ids))
        .values(state="DRAINING")
    )
    log_changes(
        uow,
        actor,
        "device.drain",
        "device",
        [(one, {"state": "ACTIVE"}, {"state": "DRAINING"}) for one in device_ids],
    )
