"""Who holds a position, from date to date: given and ended, never overwritten.

Scopes follow in the same transaction, so a phone never sees a day of the wrong seat; `today` is
the day in the company's time zone.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID, uuid4

from sqlalchemy import delete, insert, or_, select, update

from server.identity.admins import keep_an_admin
from server.identity.change_log import Actor, log_change
from server.identity.errors import (
    NoSuchOccupancy,
    NoSuchPerson,
    NoSuchPosition,
    PeriodInvalid,
    PersonHasLeft,
    PositionHeld,
)
from server.language import Said
from sync.organisation import occupancy, person, position
from sync.scope import people_concerned, rescope, scope_size, take_turn
from sync.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class Given:
    """An occupancy that was given, and how many records the person's phone now has to hold."""

    occupancy_id: UUID
    scope_records: int


def give_occupancy(
    uow: UnitOfWork,
    actor: Actor,
    *,
    person_id: UUID,
    position_id: UUID,
    starts_on: date,
    today: date,
    ends_on: date | None = None,
    is_acting: bool = False,
) -> Given:
    """The person holds the position from the first day to the last, both included.

    A position has one holder at a time; an acting one may stand beside. Raises NoSuchPerson,
    NoSuchPosition, PeriodInvalid, PersonHasLeft, PositionHeld, and the scope's ScopeTooLarge.
    """
    if ends_on is not None and ends_on < starts_on:
        raise PeriodInvalid(Said("an occupancy ends on its first day or later"))
    take_turn(uow)
    seat = uow.connection.execute(
        select(position.c.code)
        .where(position.c.company_id == uow.company_id, position.c.id == position_id)
        .with_for_update(key_share=True)
    ).one_or_none()
    if seat is None:
        raise NoSuchPosition(Said("there is no such position in this company"))
    who = uow.connection.execute(
        select(person.c.name, person.c.left_on)
        .where(person.c.company_id == uow.company_id, person.c.id == person_id)
        .with_for_update(key_share=True)
    ).one_or_none()
    if who is None:
        raise NoSuchPerson(Said("there is no such person in this company"))
    if who.left_on is not None and (ends_on is None or ends_on >= who.left_on):
        raise PersonHasLeft(
            Said(
                "{who_name} leaves on {left_on}: nothing can be held after that",
                who_name=who.name,
                left_on=who.left_on,
            )
        )
    if not is_acting:
        holder = _holder_between(uow, position_id, starts_on, ends_on)
        if holder is not None:
            raise PositionHeld(
                Said(
                    "{seat_code} is held by {holder} in that period",
                    seat_code=seat.code,
                    holder=holder,
                )
            )
    occupancy_id = uuid4()
    values = {
        "person_id": person_id,
        "position_id": position_id,
        "starts_on": starts_on,
        "ends_on": ends_on,
        "is_acting": is_acting,
    }
    uow.connection.execute(
        insert(occupancy).values(company_id=uow.company_id, id=occupancy_id, **values)
    )
    log_change(uow, actor, "occupancy.give", "occupancy", occupancy_id, after=values)
    rescope(uow, {person_id} | people_concerned(uow, {position_id}), today)
    return Given(occupancy_id, scope_size(uow, person_id))


def end_occupancy(
    uow: UnitOfWork, actor: Actor, occupancy_id: UUID, *, last_day: date, today: date
) -> None:
    """The occupancy ends with `last_day`; one that has not begun by then is taken away.

    What was done in it stays with the person and the position. Raises NoSuchOccupancy, and
    PeriodInvalid where it had already ended before today: history is not written again. The transaction ends in
    LastAdmin where nobody would be admin (admins.py).
    """
    take_turn(uow)
    keep_an_admin(uow, today)
    this = (occupancy.c.company_id == uow.company_id) & (occupancy.c.id == occupancy_id)
    held = uow.connection.execute(
        select(
            occupancy.c.person_id,
            occupancy.c.position_id,
            occupancy.c.starts_on,
            occupancy.c.ends_on,
            occupancy.c.is_acting,
        )
        .where(this)
        .with_for_update()
    ).one_or_none()
    if held is None:
        raise NoSuchOccupancy(Said("there is no such occupancy in this company"))
    if held.ends_on is not None and held.ends_on < today:
        raise PeriodInvalid(
            Said("the occupancy ended on {ends_on}: history stays", ends_on=held.ends_on)
        )
    if held.ends_on is not None and last_day > held.ends_on:
        raise PeriodInvalid(
            Said("the occupancy ends on {ends_on}: give a new one to go on", ends_on=held.ends_on)
        )
    if last_day < held.starts_on:
        uow.connection.execute(delete(occupancy).where(this))
        log_change(
            uow, actor, "occupancy.take_away", "occupancy", occupancy_id, before=held._asdict()
        )
    else:
        uow.connection.execute(update(occupancy).where(this).values(ends_on=last_day))
        log_change(
            uow,
            actor,
            "occupancy.end",
            "occupancy",
            occupancy_id,
            before={"ends_on": held.ends_on},
            after={"ends_on": last_day},
        )
    rescope(uow, {held.person_id} | people_concerned(uow, {held.position_id}), today)


def move_person(
    uow: UnitOfWork,
    actor: Actor,
    *,
    person_id: UUID,
    position_id: UUID,
    first_day: date,
    today: date,
) -> Given:
    """From the first day on the person holds this position, and no longer what they hold now.

    What they do as an acting holder goes on. Raises what `give_occupancy` and `end_occupancy` raise.
    """
    take_turn(uow)
    held = uow.connection.execute(
        select(occupancy.c.id)
        .where(
            occupancy.c.company_id == uow.company_id,
            occupancy.c.person_id == person_id,
            occupancy.c.is_acting.is_(False),
            or_(occupancy.c.ends_on.is_(None), occupancy.c.ends_on >= first_day),
        )
        .order_by(occupancy.c.starts_on)
    ).scalars()
    for occupancy_id in list(held):
        end_occupancy(uow, actor, occupancy_id, last_day=first_day - timedelta(days=1), today=today)
    return give_occupancy(
        uow, actor, person_id=person_id, position_id=position_id, starts_on=first_day, today=today
    )


def position_by_code(uow: UnitOfWork, code: str) -> UUID:
    """The position with this code. Raises NoSuchPosition."""
    found: UUID | None = uow.connection.execute(
        select(position.c.id).where(
            position.c.company_id == uow.company_id, position.c.code == code.strip()
        )
    ).scalar_one_or_none()
    if found is None:
        raise NoSuchPosition(Said("there is no position {code!r} in this company", code=code))
    return found


def occupancy_of(uow: UnitOfWork, person_id: UUID, position_id: UUID, today: date) -> UUID:
    """The occupancy by which they hold the position now, or will next. Raises NoSuchOccupancy."""
    found: UUID | None = uow.connection.execute(
        select(occupancy.c.id)
        .where(
            occupancy.c.company_id == uow.company_id,
            occupancy.c.person_id == person_id,
            occupancy.c.position_id == position_id,
            or_(occupancy.c.ends_on.is_(None), occupancy.c.ends_on >= today),
        )
        .order_by(occupancy.c.starts_on)
        .limit(1)
    ).scalar_one_or_none()
    if found is None:
        raise NoSuchOccupancy(Said("they do not hold this position, today or later"))
    return found


def _holder_between(
    uow: UnitOfWork, position_id: UUID, starts_on: date, ends_on: date | None
) -> str | None:
    asked = (
        select(person.c.name)
        .join(
            occupancy,
            (occupancy.c.company_id == person.c.company_id)
            & (occupancy.c.person_id == person.c.id),
        )
        .where(
            occupancy.c.company_id == uow.company_id,
            occupancy.c.position_id == position_id,
            occupancy.c.is_acting.is_(False),
            or_(occupancy.c.ends_on.is_(None), occupancy.c.ends_on >= starts_on),
        )
        .order_by(occupancy.c.starts_on)
        .limit(1)
    )
    if ends_on is not None:
        asked = asked.where(occupancy.c.starts_on <= ends_on)
    return uow.connection.execute(asked).scalar_one_or_none()
