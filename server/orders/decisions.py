"""What the office decides of orders: each step by the state machine, logged, and told to phones at once.

The records are locked before anything is read, then the accounts that pay, in the order in which a push
does: of a phone and the office at once, the one sees what the other did. With an asker only those orders are
there that they may see, and nobody decides about one that they took.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from mobile_contract.records.order import REASON_MAX
from server.identity.change_log import Actor, log_changes
from server.identity.companies import company_day
from server.identity.permissions import SEES_ALL, positions_to_act_for, seats_of
from server.language import Said
from server.measures.work import REFRESH
from server.orders.errors import CannotDeliver, MayNotDecide, NoSuchOrder, ReasonInvalid, WrongState
from server.orders.on_the_way import STORES_MOVE, place_stores
from server.orders.order_list import IS_SEEN, seen_by
from sync.clock import Trust
from sync.document import decode_document
from sync.kinds.order.judge import DELIVERERS, ORDER, follow_ups
from sync.kinds.order.states import ORDERING
from sync.publish import Draft, hold, publish
from sync.scope import OVERSEERS
from sync.unit_of_work import UnitOfWork
from sync.work import leave_work

# Who decides for the office, within what they see.
DECIDERS = frozenset({*OVERSEERS, *SEES_ALL})
_HELD_OF = """
select o.id, o.number, o.state, o.account_id, o.store_id, o.person_id, o.position_id, r.doc,
       (extract(epoch from o.received_at) * 1000)::bigint as received_at
from order_header o join record r on r.company_id = o.company_id and r.id = o.id
where o.company_id = :company and o.id = any(:ids)
"""
_HELD = f"{_HELD_OF} and {IS_SEEN} order by o.id"
_LOCK_ACCOUNTS = """
select id from account where company_id = :company and id = any(:ids)
order by id for no key update
"""
_SET = """
update order_header o set version = r.version, state = r.state, holds = r.holds::text[],
       driver_position_id = r.driver_position_id
from unnest(cast(:ids as uuid[]), cast(:versions as integer[]), cast(:states as text[]),
            cast(:holds as text[]), cast(:drivers as uuid[]))
     as r(id, version, state, holds, driver_position_id)
where o.company_id = :company and o.id = r.id
"""
_DELIVERER = "select role from position where company_id = :company and id = :position"


@dataclass(frozen=True, slots=True)
class HeldOrder:
    """An order as it is when its record is locked."""

    id: UUID
    number: str | None
    state: str
    account_id: UUID | None
    store_id: UUID
    person_id: UUID
    position_id: UUID | None
    fields: dict[str, Any]
    received_at: int

    @property
    def name(self) -> str:
        """What a person calls it."""
        return self.number or str(self.id)[:8]

    @property
    def priced_at(self) -> int:
        """As of when it is priced: as a push does it."""
        is_vouched = self.fields["clock"]["trust"] != Trust.UNVERIFIED
        at: int = self.fields["ordered"]["corrected_at"] if is_vouched else self.received_at
        return at


def release_orders(
    uow: UnitOfWork,
    actor: Actor,
    ids: Iterable[UUID],
    reason: str,
    *,
    asker_id: UUID | None = None,
) -> int:
    """Let held orders go on at the prices they were sent with; the reason is told to who took them."""
    return _step(uow, actor, ids, "release", reason=reason, holds=[], asker_id=asker_id)


def reject_orders(
    uow: UnitOfWork,
    actor: Actor,
    ids: Iterable[UUID],
    reason: str,
    *,
    asker_id: UUID | None = None,
) -> int:
    """Say that orders will not be delivered, and why."""
    return _step(uow, actor, ids, "reject", reason=reason, asker_id=asker_id)


def confirm_orders(
    uow: UnitOfWork, actor: Actor, ids: Iterable[UUID], *, asker_id: UUID | None = None
) -> int:
    """Confirm accepted orders: from then on the phone changes them no more."""
    return _step(uow, actor, ids, "confirm", asker_id=asker_id)


def cancel_orders(
    uow: UnitOfWork,
    actor: Actor,
    ids: Iterable[UUID],
    reason: str,
    *,
    asker_id: UUID | None = None,
) -> int:
    """Cancel confirmed orders; before that their person cancels them, or the office rejects them."""
    return _step(uow, actor, ids, "cancel confirmed", reason=reason, asker_id=asker_id)


def mark_printed(
    uow: UnitOfWork, actor: Actor, ids: Iterable[UUID], *, asker_id: UUID | None = None
) -> int:
    """Note that slips of confirmed orders were printed; printing again is no step."""
    return _step(uow, actor, ids, "print", asker_id=asker_id)


def dispatch_orders(
    uow: UnitOfWork,
    actor: Actor,
    ids: Iterable[UUID],
    position_id: UUID,
    *,
    asker_id: UUID | None = None,
) -> int:
    """Send printed orders out with whoever holds a position: they come to that phone.

    One that is on its way already goes to the other position, and leaves the phone of the one before.

    Raises CannotDeliver where the position is none of a driver or rep.
    """
    found = uow.rows(_DELIVERER, company=uow.company_id, position=position_id)
    seen = positions_to_act_for(uow, asker_id, company_day(uow))
    is_seen = seen is None or position_id in seen
    if not found or not is_seen or found[0].role not in DELIVERERS:
        raise CannotDeliver(Said("orders are delivered by the position of a driver or a rep"))
    return _step(uow, actor, ids, "dispatch", driver_position_id=position_id, asker_id=asker_id)


def close_orders(
    uow: UnitOfWork, actor: Actor, ids: Iterable[UUID], *, asker_id: UUID | None = None
) -> int:
    """Close delivered orders: the books have what they came to."""
    return _step(uow, actor, ids, "close", asker_id=asker_id)


# ---- what the decisions share -----------------------------------------------------------------


def hold_orders(
    uow: UnitOfWork, ids: Iterable[UUID], asker_id: UUID | None = None
) -> list[HeldOrder]:
    """Lock orders and the accounts that pay for them, and read them, for a decision of the asker's.

    Of what the asker may not see nothing is there. Raises NoSuchOrder, MayNotDecide.
    """
    wanted = sorted(set(ids))
    hold(uow, wanted)
    rows = uow.rows(_HELD, company=uow.company_id, ids=wanted, **seen_by(uow, asker_id))
    if len(rows) < len(wanted):
        raise NoSuchOrder(Said("there is no such order in this company"))
    if asker_id is not None:
        if not any(seat.role in DECIDERS for seat in seats_of(uow, asker_id, company_day(uow))):
            raise MayNotDecide(
                Said("a supervisor, a regional manager or an admin decides about orders")
            )
        if any(row.person_id == asker_id for row in rows):
            raise MayNotDecide(Said("nobody decides about an order of their own"))
    accounts = sorted({row.account_id for row in rows if row.account_id is not None})
    if accounts:
        uow.rows(_LOCK_ACCOUNTS, company=uow.company_id, ids=accounts)
    return [
        HeldOrder(
            row.id,
            row.number,
            row.state,
            row.account_id,
            row.store_id,
            row.person_id,
            row.position_id,
            decode_document(row.doc),
            row.received_at,
        )
        for row in rows
    ]


def state_after(order: HeldOrder, act: str) -> str:
    """The state that an act of the office leads to. Raises WrongState."""
    state = ORDERING.after(order.state, act)
    if state is None:
        raise WrongState(
            Said(
                "order {order_name} is {state}: {act} does not lead on from there",
                order_name=order.name,
                state=Said(order.state.lower()),
                act=Said(act),
            )
        )
    return state


def given_reason(reason: str) -> str:
    """A reason that phones can be told. Raises ReasonInvalid."""
    said = reason.strip()
    if not 1 <= len(said) <= REASON_MAX or not can_be_told(said):
        raise ReasonInvalid(Said("a reason has 1 to {most} characters", most=REASON_MAX))
    return said


def can_be_told(said: str) -> bool:
    """Whether phones and the database take a text: it is characters, and none of them NUL."""
    try:
        said.encode()
    except UnicodeEncodeError:
        return False
    return "\x00" not in said


def leave_follow_ups(uow: UnitOfWork, orders: Sequence[HeldOrder]) -> None:
    """Have told again what follows from these orders: at their stores, and how far the targets are of the
    positions that took them.
    """
    due: dict[str, set[UUID]] = {}
    for order in orders:
        for topic in follow_ups(order.fields):
            due.setdefault(topic, set()).add(order.store_id)
        if order.position_id is not None:
            due.setdefault(REFRESH, set()).add(order.position_id)
    for topic, ids in due.items():
        leave_work(uow, topic, ids)


def _step(
    uow: UnitOfWork,
    actor: Actor,
    ids: Iterable[UUID],
    act: str,
    *,
    reason: str | None = None,
    holds: list[str] | None = None,
    driver_position_id: UUID | None = None,
    asker_id: UUID | None = None,
) -> int:
    """Take these orders a step on, as one set; how many changed. All of them or none."""
    said = None if reason is None else given_reason(reason)
    orders = hold_orders(uow, ids, asker_id)
    drafts: list[Draft] = []
    changes = []
    for order in orders:
        fields = {**order.fields, "state": state_after(order, act)}
        if said is not None:
            fields["answer"] = said
        if holds is not None:
            fields["holds"] = holds
        keys = None
        if driver_position_id is not None:
            fields["driver_position_id"] = str(driver_position_id)
            keys = frozenset({order.person_id, driver_position_id})
        if fields != order.fields:
            drafts.append(Draft(ORDER, order.id, fields, keys))
            before = {"state": order.state}
            after = {"state": fields["state"]}
            if order.fields["holds"]:
                before["holds"] = ", ".join(order.fields["holds"])
            if said is not None:
                after["reason"] = said
            if driver_position_id is not None:
                after["driver_position_id"] = str(driver_position_id)
            changes.append((order.id, before, after))
    if not drafts:
        return 0
    versions = publish(uow, drafts, actor.person_id)
    fields_of = [draft.fields for draft in drafts if draft.fields is not None]
    uow.run(
        _SET,
        company=uow.company_id,
        ids=[draft.id for draft in drafts],
        versions=[versions[draft.id] for draft in drafts],
        states=[fields["state"] for fields in fields_of],
        holds=["{" + ",".join(fields["holds"]) + "}" for fields in fields_of],
        drivers=[fields["driver_position_id"] for fields in fields_of],
    )
    if act in STORES_MOVE:
        drivers = {fields["driver_position_id"] for fields in fields_of}
        drivers |= {order.fields["driver_position_id"] for order in orders}
        place_stores(uow, map(UUID, drivers - {None}))
    log_changes(uow, actor, f"order.{act.split(maxsplit=1)[0]}", "order", changes)
    leave_follow_ups(uow, orders)
    return len(drafts)
